//! Starts a real server on free loopback ports and waits until it answers.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::process::{Process, tail};

/// How long a server may take until it is ready; SeaweedFS takes 6 s on a quiet machine.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// How long to wait between two looks whether a server is ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where ports are chosen from.
const FIRST_PORT: u16 = 12_000;
const PORT_COUNT: u32 = 20_000;
/// More than one test needs.
const PORTS_APART: u32 = 61;

/// Between choosing a free port and listening on it another process may take it; so often others are tried.
const ATTEMPTS: usize = 5;

/// A running server with a folder of its own; dropping it kills its process group and removes the folder.
pub struct Server {
    // Dropped in this order: first the process ends, then its folder goes.
    process: Process,
    dir: TempDir,
    logs: Vec<PathBuf>,
}

/// What has to be known to start a server.
pub struct Recipe<'a, const PORTS: usize> {
    /// Files it writes its log to, below its folder, besides its output.
    pub logs: &'a [&'a str],
    /// Prepares the folder and gives the command.
    pub command: &'a dyn Fn(&Path, [u16; PORTS]) -> Command,
    /// Whether it answers; asked again and again.
    pub ready: &'a dyn Fn([u16; PORTS]) -> bool,
}

/// Starts a server; fails the test with the end of its log when it does not become ready.
pub fn start<const PORTS: usize>(recipe: &Recipe<'_, PORTS>) -> (Server, [u16; PORTS]) {
    for attempt in 1.. {
        let ports = free_ports();
        let dir = TempDir::new().unwrap();
        let mut command = (recipe.command)(dir.path(), ports);
        let mut server = Server {
            process: Process::start(&mut command),
            logs: recipe.logs.iter().map(|log| dir.path().join(log)).collect(),
            dir,
        };
        let until = Instant::now() + READY_WITHIN;
        loop {
            let ended = server.process.wait(LOOK_EVERY).is_some();
            if !ended && (recipe.ready)(ports) {
                return (server, ports);
            }
            if ended && attempt < ATTEMPTS {
                break;
            }
            if ended || Instant::now() > until {
                // Its last words may still be in the pipe.
                server.process.drain();
                let name = server.process.name();
                let what = if ended { "ended" } else { "took too long" };
                panic!("{name} {what} before it was ready:\n{}", server.log());
            }
        }
    }
    unreachable!()
}

impl Server {
    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The end of what it wrote to its output and its log files.
    pub fn log(&self) -> String {
        let mut log = self.process.stdout() + &self.process.stderr();
        for path in &self.logs {
            log += &std::fs::read_to_string(path).unwrap_or_default();
        }
        tail(&log)
    }
}

/// Ports that nobody listens on at this moment, all different.
///
/// They lie below those that the system gives to whoever asks for any: another server of the same test would else get
/// one of them before its owner has come up.
pub fn free_ports<const PORTS: usize>() -> [u16; PORTS] {
    // All are held until the last is chosen, so that no port is given twice.
    let held = std::array::from_fn::<_, PORTS, _>(|_| {
        (0..PORT_COUNT)
            .find_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, next_port())).ok())
            .expect("no port is free")
    });
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Each test process begins elsewhere and goes round.
fn next_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(PORTS_APART);
    let number = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
    FIRST_PORT + u16::try_from(number % PORT_COUNT).expect("less than the count")
}
