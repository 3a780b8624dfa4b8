// A server far away, on one machine: relays 127.0.0.1:FROM to 127.0.0.1:TO and hands every byte on MS milliseconds late,
// in each direction; a connection opens a round trip late, as TCP's handshake would. No loss, no slow start, no bound
// on the bandwidth, but at most WINDOW bytes under way in each direction of a connection.
//
//     relay FROM TO MS      runs until it is killed
//
// Everything waits equally long, so one queue in the order of arrival is in the order of departure, too.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 128 << 10, WINDOW = 4 << 20, EVENTS = 256 };

// A chunk of bytes on its way; without bytes, the end of them.
struct chunk {
  struct chunk *next;
  struct end *to;
  int64_t due_us;
  size_t size, sent;
  int opens;  // How often it has to go through the queue until it opens its connection.
  char bytes[];
};

// One of the two sockets of a connection, and what waits to be written to it.
struct end {
  int fd, open, watched, ended, finished;
  size_t under_way;
  struct chunk *first, *last;
  struct end *other;
  struct link *link;
};

// A connection; freed when nothing in the queue names it any more.
struct link {
  struct end client, server;
  int references, broken;
};

static int events;
static int64_t lag_us;
static struct sockaddr_in upstream;
static struct chunk *first, **last = &first;

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

// Asks to be told what can be done now: reading unless enough is under way, writing if something waits for it.
static void watch(struct end *end) {
  if (!end->open) return;
  int in = !end->ended && end->other->under_way < WINDOW, out = end->first != NULL;
  int wanted = (in ? EPOLLIN : 0) | (out ? EPOLLOUT : 0);
  if (wanted == end->watched) return;
  // One that is asked nothing is taken out: it would tell again and again that it was hung up.
  int change = !wanted ? EPOLL_CTL_DEL : end->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  struct epoll_event event = {.events = wanted, .data.ptr = end};
  if (epoll_ctl(events, change, end->fd, &event)) fail("epoll_ctl");
  end->watched = wanted;
}

static void close_end(struct end *end) {
  if (end->open) close(end->fd);
  end->open = 0;
  for (struct chunk *chunk = end->first; chunk;) {
    struct chunk *next = chunk->next;
    free(chunk);
    chunk = next;
  }
  end->first = end->last = NULL;
}

static void enqueue(struct chunk *chunk) {
  chunk->due_us = now_us() + lag_us;
  chunk->next = NULL;
  chunk->to->link->references++;
  *last = chunk;
  last = &chunk->next;
}

static struct chunk *new_chunk(struct end *to, size_t room) {
  struct chunk *chunk = malloc(sizeof *chunk + room);
  if (!chunk) fail("malloc");
  *chunk = (struct chunk){.to = to};
  return chunk;
}

// Goes through the queue once more, because events that are told already may name it.
static void break_link(struct link *link) {
  if (link->broken) return;
  link->broken = 1;
  close_end(&link->client);
  close_end(&link->server);
  enqueue(new_chunk(&link->client, 0));
}

static void read_from(struct end *end) {
  while (!end->ended && end->other->under_way < WINDOW) {
    struct chunk *chunk = new_chunk(end->other, CHUNK);
    ssize_t got = recv(end->fd, chunk->bytes, CHUNK, MSG_DONTWAIT);
    if (got < 0) {
      free(chunk);
      if (errno != EAGAIN && errno != EINTR) break_link(end->link);
      break;
    }
    if (got < CHUNK / 2) chunk = realloc(chunk, sizeof *chunk + got);
    if (!chunk) fail("realloc");
    chunk->size = got;
    end->ended = got == 0;
    end->other->under_way += got;
    enqueue(chunk);
  }
  if (!end->link->broken) watch(end);
}

static void write_to(struct end *end) {
  while (end->first) {
    struct chunk *chunk = end->first;
    while (chunk->sent < chunk->size) {
      ssize_t put = send(end->fd, chunk->bytes + chunk->sent, chunk->size - chunk->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0 && errno == EAGAIN) goto later;
      if (put < 0) return break_link(end->link);
      chunk->sent += put;
      end->under_way -= put;
    }
    if (!chunk->size) {
      shutdown(end->fd, SHUT_WR);
      end->finished = 1;
    }
    if (!(end->first = chunk->next)) end->last = NULL;
    free(chunk);
  }
later:
  if (end->finished && end->other->finished) return break_link(end->link);
  watch(end);
  watch(end->other);
}

static void begin(struct end *end) {
  int one = 1;
  setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  end->open = 1;
  watch(end);
}

// Connecting on loopback takes no time, so it is done in one go.
static void open_link(struct link *link) {
  link->server.fd = socket(AF_INET, SOCK_STREAM, 0);
  if (link->server.fd < 0) fail("socket");
  int refused = connect(link->server.fd, (void *)&upstream, sizeof upstream);
  begin(&link->client);
  begin(&link->server);
  if (refused) break_link(link);
}

static void accept_all(int listener) {
  for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
    struct link *link = calloc(1, sizeof *link);
    if (!link) fail("calloc");
    link->client = (struct end){.fd = fd, .other = &link->server, .link = link};
    link->server = (struct end){.other = &link->client, .link = link};
    struct chunk *opening = new_chunk(&link->client, 0);
    opening->opens = 2;
    enqueue(opening);
  }
}

// Hands on what is due, and says for how long nothing else will be.
static int64_t deliver(void) {
  int64_t now = now_us();
  while (first && first->due_us <= now) {
    struct chunk *chunk = first;
    if (!(first = chunk->next)) last = &first;
    struct end *end = chunk->to;
    struct link *link = end->link;
    link->references--;
    if (chunk->opens > 1) {
      chunk->opens--;
      enqueue(chunk);
    } else if (chunk->opens || link->broken) {
      free(chunk);
      if (!link->broken) open_link(link);
    } else {
      int idle = !end->first;
      chunk->next = NULL;
      *(idle ? &end->first : &end->last->next) = chunk;
      end->last = chunk;
      if (idle) write_to(end);
    }
    if (link->broken && !link->references) free(link);
  }
  return first ? first->due_us - now : 1000000;
}

int main(int count, char **words) {
  if (count != 4) {
    fprintf(stderr, "usage: relay FROM TO MS\n");
    return 2;
  }
  lag_us = atoll(words[3]) * 1000;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(atoi(words[1]))};
  upstream = here;
  upstream.sin_port = htons(atoi(words[2]));
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&here, sizeof here) || listen(listener, 4096)) fail("listen");
  events = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN}, happened[EVENTS];
  if (epoll_ctl(events, EPOLL_CTL_ADD, listener, &event)) fail("epoll_ctl");
  for (;;) {
    int64_t wait_us = deliver();
    struct timespec wait = {wait_us / 1000000, wait_us % 1000000 * 1000};
    int found = epoll_pwait2(events, happened, EVENTS, &wait, NULL);
    for (int at = 0; at < found; at++) {
      struct end *end = happened[at].data.ptr;
      if (!end) {
        accept_all(listener);
        continue;
      }
      if (end->open && happened[at].events & EPOLLOUT) write_to(end);
      if (end->open && happened[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_from(end);
    }
  }
}
