//! A wire to a server that can be taken away and given back.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running relay; its threads end with the test program.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_dark: AtomicBool,
    refused: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Passes everything on to `127.0.0.1:behind`.
    pub fn start(behind: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let mut open = of_thread.open.lock().unwrap();
                if of_thread.is_dark.load(Ordering::SeqCst) {
                    of_thread.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).unwrap();
                let twice = |it: &TcpStream| (it.try_clone().unwrap(), it.try_clone().unwrap());
                let ((from, back), (to, answers)) = (twice(&client), twice(&server));
                thread::spawn(move || pass(from, to));
                thread::spawn(move || pass(answers, back));
                open.extend([client, server]);
            }
        });
        Self { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection; each new one is closed before it is ready, and counted.
    pub fn go_dark(&self) {
        let mut open = self.shared.open.lock().unwrap();
        self.shared.is_dark.store(true, Ordering::SeqCst);
        for stream in open.drain(..) {
            // It may have ended by itself.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Passes everything on again.
    pub fn come_back(&self) {
        self.shared.is_dark.store(false, Ordering::SeqCst);
    }

    /// How many connections were tried in the dark.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}
