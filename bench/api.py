#!/usr/bin/env python3
"""The recording API for the objects that are served: api.py FOLDER PORT TLS_PORT

    /BUCKET/COUNT/api/v2/recordings?startTime=…&stopTime=…&limit=…&offset=…    those that begin in the period
    /first    when the first of these was asked for since the last look, in seconds of the monotonic clock, or null

It runs beside the client on the same processors, so it does as little as it can: a thread for each connection, pages put
together from text, and kept.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import data
from recordings import Recordings, moment_ms

NOT_FOUND = b'{"statusCode":6,"statusMessage":"not found"}'


def main(top, port, tls_port):
    os.chdir(top)
    with open("envelope.pem") as file:
        api = Api(top, file.read())
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain("server.pem", "server.key")
    threading.Thread(target=accept, args=(listen(tls_port), api, secure.wrap_socket), daemon=True).start()
    accept(listen(port), api, lambda connection, server_side: connection)


class Api:
    def __init__(self, top, envelope):
        self.top, self.envelope = top, envelope
        self.buckets, self.lock, self.first = {}, threading.Lock(), None

    def answer(self, target):
        """Status and body."""
        if target == "/first":
            first, self.first = self.first, None
            return 200, json.dumps(first).encode()
        self.first = self.first or time.monotonic()
        path, query = urlsplit(target)[2:4]
        parts = path.split("/")
        if len(parts) != 6 or parts[3:] != ["api", "v2", "recordings"]:
            return 404, NOT_FOUND
        return 200, self.page(self.bucket(parts[1], int(parts[2])), path, parse_qs(query))

    def bucket(self, name, count):
        with self.lock:
            place = (name, count)
            if place not in self.buckets:
                objects = None if name == "small" else data.objects_of(self.top, name)
                self.buckets[place] = Recordings(name, objects, count, self.envelope)
            return self.buckets[place]

    @staticmethod
    def page(recordings, path, query):
        asked = {name: values[-1] for name, values in query.items()}
        within = recordings.between(*(moment_ms(asked[name]) for name in ("startTime", "stopTime")))
        offset, limit = int(asked.get("offset", 0)), int(asked.get("limit", 100))
        here = within[offset:offset + limit]
        link = b""
        if offset + limit < len(within):
            following = f"{path}?{urlencode(asked | {'offset': offset + limit})}"
            link = b',"next":' + json.dumps(following).encode()
        return b'{"statusCode":0' + link + b',"recordings":[' + recordings.page(here) + b"]}"


def listen(port):
    return socket.create_server(("127.0.0.1", port), backlog=1024)


def accept(listener, api, wrap):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection, api, wrap), daemon=True).start()


def serve(connection, api, wrap):
    """Requests without a body, one after the other, until the client is through."""
    try:
        with wrap(connection, server_side=True) as connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                while reader.readline() not in (b"\r\n", b""):
                    pass
                status, body = api.answer(line.split()[1].decode())
                head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)
    except OSError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
