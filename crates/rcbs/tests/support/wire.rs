//! A wire to a server: slow, cut, flipping bits, falling silent, or taken away for a while; it remembers what was asked.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the wire does to one answer. Bytes are counted from the first of the answer, its head included, unless it says
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The connection is closed after so many bytes.
    Cut { after: usize },
    /// Nothing more is sent after so many bytes, and the other direction stays open.
    HalfClose { after: usize },
    /// Nothing of the body comes; the connection stays open.
    NoBody,
    /// This bit of the body is flipped.
    Flip { bit: usize },
    /// So many bytes a second.
    Slow { bytes_per_s: usize },
}

/// A request that came over the wire, and what went back.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The head of the request.
    pub head: String,
    /// Bytes of the body of its answer that were passed on.
    pub body_bytes: usize,
}

impl Carried {
    /// Whether the head has this header; give its name in small letters.
    pub fn has(&self, name: &str) -> bool {
        let head = self.head.to_ascii_lowercase();
        head.contains(&format!("\r\n{name}:"))
    }
}

/// A running wire; its threads end with the test program.
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
}

type Choose = dyn Fn(usize, &str) -> Option<Harm> + Send + Sync;

struct Shared {
    choose: Box<Choose>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    carried: Vec<Carried>,
    open: Vec<TcpStream>,
    is_dark: bool,
    refused: usize,
}

impl Wire {
    /// Passes everything on to `127.0.0.1:behind`, unharmed.
    pub fn start(behind: u16) -> Self {
        Self::harming(behind, |_, _| None)
    }

    /// The same, doing harm to the answers; it is chosen by the number of the request, from 0, and its head.
    pub fn harming(
        behind: u16,
        choose: impl Fn(usize, &str) -> Option<Harm> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            choose: Box::new(choose),
            state: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                carry(&of_thread, client.unwrap(), behind);
            }
        });
        Self { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The requests so far.
    pub fn carried(&self) -> Vec<Carried> {
        self.shared.state.lock().unwrap().carried.clone()
    }

    /// Cuts every connection that there is; new ones are fine.
    pub fn cut_all(&self) {
        cut_all(&mut self.shared.state.lock().unwrap());
    }

    /// Cuts every connection; each new one is closed before it is ready, and counted.
    pub fn go_dark(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.is_dark = true;
        cut_all(&mut state);
    }

    /// Passes everything on again.
    pub fn come_back(&self) {
        self.shared.state.lock().unwrap().is_dark = false;
    }

    /// How many connections were tried in the dark.
    pub fn refused(&self) -> usize {
        self.shared.state.lock().unwrap().refused
    }
}

fn cut_all(state: &mut State) {
    for stream in state.open.drain(..) {
        // It may have ended by itself.
        drop(stream.shutdown(Shutdown::Both));
    }
}

/// Begins to pass on what comes on a connection, in both directions.
fn carry(shared: &Arc<Shared>, client: TcpStream, behind: u16) {
    let mut state = shared.state.lock().unwrap();
    if state.is_dark {
        state.refused += 1;
        return;
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).unwrap();
    let twice = |it: &TcpStream| (it.try_clone().unwrap(), it.try_clone().unwrap());
    let ((from, back), (to, answers)) = (twice(&client), twice(&server));
    state.open.extend([client, server]);
    let current = Arc::new(Mutex::new(Answer::default()));
    let (asked, answered) = (Arc::clone(shared), Arc::clone(shared));
    let now = Arc::clone(&current);
    thread::spawn(move || ask(&asked, from, to, &now));
    thread::spawn(move || answer(&answered, answers, back, &current));
}

/// The answer under way on a connection: there is one at a time.
#[derive(Default)]
struct Answer {
    request: usize,
    harm: Option<Harm>,
    passed_bytes: usize,
    head: Vec<u8>,
    body_bytes: usize,
}

/// Requests have no bodies here, so everything up to an empty line is one.
fn ask(shared: &Shared, mut from: TcpStream, mut to: TcpStream, current: &Mutex<Answer>) {
    let mut piece = [0; 8192];
    let mut text = String::new();
    while let Ok(count @ 1..) = from.read(&mut piece) {
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
        while let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let carried = Carried {
                head: head.to_owned(),
                body_bytes: 0,
            };
            let mut state = shared.state.lock().unwrap();
            let request = state.carried.len();
            state.carried.push(carried);
            drop(state);
            *current.lock().unwrap() = Answer {
                request,
                harm: (shared.choose)(request, head),
                ..Answer::default()
            };
            text = rest.to_owned();
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    // Either side may be gone.
    drop(to.shutdown(Shutdown::Both));
}

fn answer(shared: &Shared, mut from: TcpStream, mut to: TcpStream, current: &Mutex<Answer>) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let piece = &mut piece[..count];
        let mut now = current.lock().unwrap();
        let count = now.passes(piece);
        let (request, body_bytes, harm) = (now.request, now.body_bytes, now.harm);
        drop(now);
        if let Some(carried) = shared.state.lock().unwrap().carried.get_mut(request) {
            carried.body_bytes = body_bytes;
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
        match harm {
            Some(Harm::Slow { bytes_per_s }) => {
                let micros = count as u64 * 1_000_000 / bytes_per_s as u64;
                thread::sleep(Duration::from_micros(micros));
            }
            Some(Harm::Cut { .. }) if count < piece.len() => break,
            Some(Harm::HalfClose { .. }) if count < piece.len() => {
                drop(to.shutdown(Shutdown::Write));
                return;
            }
            _ => {}
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

impl Answer {
    /// Counts a piece, flips its bit, and says how many bytes of it are passed on.
    fn passes(&mut self, piece: &mut [u8]) -> usize {
        let limit = match self.harm {
            Some(Harm::Cut { after } | Harm::HalfClose { after }) => after,
            Some(Harm::NoBody) if self.has_head() => 0,
            _ => usize::MAX,
        };
        let count = piece.len().min(limit - self.passed_bytes.min(limit));
        for (place, byte) in piece[..count].iter_mut().enumerate() {
            if !self.has_head() {
                self.head.push(*byte);
                continue;
            }
            match self.harm {
                Some(Harm::NoBody) => return place,
                Some(Harm::Flip { bit }) if bit / 8 == self.body_bytes => *byte ^= 1 << (bit % 8),
                _ => {}
            }
            self.body_bytes += 1;
        }
        self.passed_bytes += count;
        count
    }

    /// Whether the whole head has come.
    fn has_head(&self) -> bool {
        self.head.ends_with(b"\r\n\r\n")
    }
}
