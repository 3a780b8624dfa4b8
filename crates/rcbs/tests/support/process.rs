//! A child process in a group of its own: captured output, bounded waiting, and no survivors.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a waiting test looks at the memory of the child.
const MEMORY_LOOK: Duration = Duration::from_millis(5);

/// A running child; the whole group is killed when this is dropped.
pub struct Process {
    name: String,
    pid: u32,
    began: Instant,
    exit: mpsc::Receiver<(ExitStatus, Instant)>,
    exited: Option<(ExitStatus, Instant)>,
    stdout: Stream,
    stderr: Stream,
    peak_rss_bytes: u64,
}

impl Process {
    /// Starts it with nothing on its standard input.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} cannot be started ({error}); `scripts/install.sh test` installs what the tests need")
            });
        let pid = child.id();
        let stdout = Stream::read(child.stdout.take().unwrap());
        let stderr = Stream::read(child.stderr.take().unwrap());
        let (tell, exit) = mpsc::channel();
        std::thread::spawn(move || {
            let status = child.wait().unwrap();
            // Nobody listens any more when the test has ended first.
            tell.send((status, Instant::now())).ok();
        });
        Self {
            name,
            pid,
            began: Instant::now(),
            exit,
            exited: None,
            stdout,
            stderr,
            peak_rss_bytes: 0,
        }
    }

    /// Waits for its end for at most `limit`; `None` when it still runs.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        while self.exited.is_none() {
            self.look_at_memory();
            let left = until.saturating_duration_since(Instant::now());
            match self.exit.recv_timeout(left.min(MEMORY_LOOK)) {
                Ok(exited) => self.exited = Some(exited),
                Err(_) if left.is_zero() => return None,
                Err(_) => {}
            }
        }
        self.exited.map(|(status, _)| status)
    }

    /// Waits until `text` is in its output (either stream) for at most `limit`; false when it ended without.
    pub fn wait_for_text(&mut self, text: &str, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        loop {
            // Asked before the text is searched: what came last must not be missed.
            let ended = self.stdout.ended() && self.stderr.ended();
            if [&self.stdout, &self.stderr]
                .iter()
                .any(|stream| stream.so_far().contains(text))
            {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || ended {
                return false;
            }
            self.look_at_memory();
            self.stderr.wait_for_more(left.min(MEMORY_LOOK));
        }
    }

    /// Sends a signal ("TERM", "INT", "STOP", "KILL") to the whole group.
    pub fn signal(&self, signal: &str) {
        // The shell's own `kill`, because the crate forbids the unsafe call and minimal systems lack /bin/kill.
        Command::new("/bin/sh")
            .args(["-c", &format!("kill -s {signal} -- -{}", self.pid)])
            .stderr(Stdio::null())
            .status()
            .expect("a system without /bin/sh");
    }

    /// Kills the group and waits for its end.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.wait(Duration::from_secs(10))
            .unwrap_or_else(|| panic!("{} survived SIGKILL", self.name));
    }

    /// The program, as it was called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it wrote to its standard output so far; everything once it has ended.
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it wrote to its standard error so far; everything once it has ended.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Reads both streams to their end. Ends what is left of the group first: it would keep them open.
    pub fn drain(&mut self) -> (String, String) {
        self.signal("KILL");
        self.stdout.join();
        self.stderr.join();
        (self.stdout(), self.stderr())
    }

    /// How many threads it has now.
    pub fn threads(&self) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid));
        tasks.map_or(0, Iterator::count)
    }

    /// Whether it is stopped (SIGSTOP).
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        // The name stands in brackets, the state behind them.
        stat.is_ok_and(|stat| stat.rsplit(')').next().unwrap().starts_with(" T"))
    }

    /// The largest resident size seen while waiting; growth in its last 5 ms is not seen.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.peak_rss_bytes
    }

    /// From its start to its end, or until now.
    pub fn wall(&self) -> Duration {
        self.exited
            .map_or_else(|| self.began.elapsed(), |(_, at)| at - self.began)
    }

    /// Adds up the group, so that a wrapper such as `strace` does not hide the program under test.
    fn look_at_memory(&mut self) {
        let peak = high_water_mark_bytes(self.pid)
            + children_of(self.pid)
                .map(high_water_mark_bytes)
                .max()
                .unwrap_or(0);
        self.peak_rss_bytes = self.peak_rss_bytes.max(peak);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal("KILL");
        self.wait(Duration::from_secs(10));
    }
}

/// A command that must end within `limit`; its captured streams. For tools, not for what is under test.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    let mut process = Process::start(command);
    let Some(status) = process.wait(limit) else {
        panic!(
            "{} did not end within {limit:?}:\n{}",
            process.name(),
            tail(&process.stderr())
        );
    };
    let (stdout, stderr) = process.drain();
    Output {
        success: status.success(),
        stdout,
        stderr,
    }
}

/// What a tool said.
pub struct Output {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The standard output of a tool that must have succeeded.
    pub fn expect(self, doing: &str) -> String {
        assert!(self.success, "{doing}:\n{}", tail(&self.stderr));
        self.stdout
    }
}

/// The last lines of a log, for a failure message.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

/// The highest resident size the kernel noted, 0 when the process is gone.
fn high_water_mark_bytes(pid: u32) -> u64 {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .map_or(0, |kib| kib * 1024)
}

fn children_of(pid: u32) -> impl Iterator<Item = u32> {
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect::<Vec<_>>()
        .into_iter()
}

/// One output stream, gathered by a thread of its own so that the child never blocks on a full pipe.
struct Stream {
    state: Arc<(Mutex<Gathered>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    ended: bool,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let state = Arc::new((Mutex::new(Gathered::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 8192];
            loop {
                let count = pipe.read(&mut piece).unwrap_or(0);
                let (gathered, more) = &*shared;
                let mut gathered = gathered.lock().unwrap();
                gathered.bytes.extend_from_slice(&piece[..count]);
                gathered.ended = count == 0;
                more.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self {
            state,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.state.0.lock().unwrap().bytes).into_owned()
    }

    fn ended(&self) -> bool {
        self.state.0.lock().unwrap().ended
    }

    fn wait_for_more(&self, limit: Duration) {
        let (gathered, more) = &*self.state;
        let gathered = gathered.lock().unwrap();
        if !gathered.ended {
            drop(more.wait_timeout(gathered, limit).unwrap());
        }
    }

    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}
