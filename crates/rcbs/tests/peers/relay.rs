//! A wire that can be cut: passes bytes on to a loopback port, and remembers what was asked.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running relay; its threads end with the test program.
pub struct Relay {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// Passes everything on to `127.0.0.1:behind`; the answers on the first so many connections are cut after so many
    /// bytes.
    pub fn start(behind: u16, cut_connections: usize, cut_after_bytes: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heads);
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let client = client.unwrap();
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).unwrap();
                let heads = Arc::clone(&shared);
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || ask(from, to, &heads));
                let limit = (number < cut_connections).then_some(cut_after_bytes);
                thread::spawn(move || answer(server, client, limit));
            }
        });
        Self { port, heads }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Requests have no bodies here, so everything up to an empty line is one.
fn ask(mut from: TcpStream, mut to: TcpStream, heads: &Mutex<Vec<String>>) {
    let mut piece = [0; 8192];
    let mut text = String::new();
    while let Ok(count @ 1..) = from.read(&mut piece) {
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
        while let Some((head, rest)) = text.split_once("\r\n\r\n") {
            heads.lock().unwrap().push(head.to_owned());
            text = rest.to_owned();
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    // Either side may be gone.
    drop(to.shutdown(Shutdown::Both));
}

fn answer(mut from: TcpStream, mut to: TcpStream, limit: Option<usize>) {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut piece = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let count = count.min(left);
        left -= count;
        if to.write_all(&piece[..count]).is_err() || left == 0 {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}
