//! Somebody else's server: it answers everything and remembers every byte that it was told.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The longest request that is remembered.
const HEAD_BYTES: usize = 64 << 10;

/// A listening stranger; its thread ends with the test program.
pub struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Listens on a free loopback port and answers every request with an empty page of recordings.
    pub fn start() -> Self {
        Self::answering(r#"{"statusCode":0,"recordings":[]}"#)
    }

    /// The same with another page.
    pub fn answering(page: &str) -> Self {
        let body = page.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(1)))
                    .unwrap();
                let mut head = Vec::new();
                let mut piece = [0; 4096];
                while head.len() < HEAD_BYTES && !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(count @ 1..) => head.extend_from_slice(&piece[..count]),
                        Ok(0) | Err(_) => break,
                    }
                }
                // A connection without a request counts as well.
                let text = String::from_utf8_lossy(&head).into_owned();
                shared.lock().unwrap().push(text);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                // Who asked may be gone.
                drop(stream.write_all(answer.as_bytes()));
            }
        });
        Self { address, heard }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:<port>`.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// What was said to it on each connection.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}
