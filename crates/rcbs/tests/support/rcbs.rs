//! Runs the real binary: an empty environment, a home of its own, a time limit, and all it said.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Process, tail};
use super::snapshot::snapshot;

/// How often a condition for a kill is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A run of `rcbs` in preparation.
pub struct Rcbs {
    home: Arc<TempDir>,
    wrapper: Vec<String>,
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    current_dir: Option<PathBuf>,
    limit: Duration,
}

/// What a run said and how it ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The largest resident size; growth in the last 5 ms of the run is not seen.
    pub peak_rss_bytes: u64,
    pub wall: Duration,
    /// What lies in its home folder now.
    pub at_home: Vec<PathBuf>,
}

impl Rcbs {
    /// `rcbs` without arguments, with no variable but `HOME`, in an empty home folder, for at most a minute.
    pub fn new() -> Self {
        Self::program(env!("CARGO_BIN_EXE_rcbs"))
    }

    /// The same for another program.
    pub fn program(path: impl Into<PathBuf>) -> Self {
        Self {
            home: Arc::new(TempDir::new().unwrap()),
            wrapper: Vec::new(),
            program: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            current_dir: None,
            limit: Duration::from_secs(60),
        }
    }

    #[must_use]
    pub fn args<S: AsRef<str>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where it runs; its home folder when this is not called.
    #[must_use]
    pub fn current_dir(mut self, dir: &Path) -> Self {
        self.current_dir = Some(dir.to_owned());
        self
    }

    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it under another program, such as `strace -f -c -o FILE`.
    #[must_use]
    pub fn under<S: AsRef<str>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.wrapper
            .extend(wrapper.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Runs it under `strace` with these options, such as calls that are made to fail. What is traced is thrown away.
    #[must_use]
    pub fn traced(self, options: &[&str]) -> Self {
        self.under(["strace", "-f", "-o", "/dev/null"].iter().chain(options))
    }

    /// Its home folder, which lasts as long as this.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it to its end.
    pub fn run(&self) -> Finished {
        self.start().wait()
    }

    /// Starts it; it is killed when the result is dropped.
    pub fn start(&self) -> Started {
        let mut words = self.wrapper.iter().map(OsStr::new).collect::<Vec<_>>();
        words.push(self.program.as_os_str());
        words.extend(self.args.iter().map(OsStr::new));
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .env("HOME", self.home.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.current_dir.as_deref().unwrap_or(self.home.path()));
        Started {
            process: Process::start(&mut command),
            home: Arc::clone(&self.home),
            limit: self.limit,
        }
    }
}

/// A run under way.
pub struct Started {
    process: Process,
    home: Arc<TempDir>,
    limit: Duration,
}

impl Started {
    /// Waits for its end; a run that passes its limit is killed and fails the test.
    pub fn wait(mut self) -> Finished {
        if self.process.wait(self.limit).is_none() {
            panic!(
                "{} did not end within {:?}; its last words:\n{}",
                self.process.name(),
                self.limit,
                tail(&self.process.stderr())
            );
        }
        self.finish()
    }

    /// Kills it (SIGKILL) after so long, if it has not ended by then.
    pub fn kill_after(mut self, wait: Duration) -> Finished {
        if self.process.wait(wait).is_none() {
            self.process.kill();
        }
        self.finish()
    }

    /// Kills it (SIGKILL) as soon as `text` stands in its output; fails the test when it never does.
    pub fn kill_at_text(mut self, text: &str) -> Finished {
        self.expect_text(text);
        self.process.kill();
        self.finish()
    }

    /// Kills it (SIGKILL) as soon as so many lines stand in its standard output, if it has not ended by then.
    pub fn kill_at_line(mut self, count: u64) -> Finished {
        let lines = |said: String| said.lines().count() as u64;
        while self.process.wait(LOOK_EVERY).is_none() {
            if lines(self.process.stdout()) >= count {
                self.process.kill();
            }
        }
        self.finish()
    }

    /// Kills it (SIGKILL) as soon as something is so, if it has not ended by then.
    pub fn kill_when(mut self, is_so: impl Fn() -> bool) -> Finished {
        let until = Instant::now() + self.limit;
        while self.process.wait(LOOK_EVERY).is_none() {
            if is_so() || Instant::now() > until {
                self.process.kill();
            }
        }
        self.finish()
    }

    /// Sends a signal ("TERM", "INT") and waits for the end that the program chooses.
    pub fn signal(self, signal: &str) -> Finished {
        self.process.signal(signal);
        self.wait()
    }

    /// Sends a signal ("STOP", "CONT", "INT") and lets it run on.
    pub fn send(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// Waits for so long; fails the test when it ends in that time.
    pub fn expect_goes_on(&mut self, wait: Duration) {
        let ended = self.process.wait(wait).is_some();
        assert!(!ended, "it has ended within {wait:?}");
    }

    /// Waits until SIGSTOP has arrived.
    pub fn wait_until_stopped(&self) {
        let until = Instant::now() + self.limit;
        while !self.process.is_stopped() {
            assert!(Instant::now() < until, "it cannot be stopped");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until `text` stands in its output; fails the test when it never does.
    pub fn expect_text(&mut self, text: &str) {
        assert!(
            self.process.wait_for_text(text, self.limit),
            "{} never said {text:?}; its last words:\n{}\n{}",
            self.process.name(),
            tail(&self.process.stdout()),
            tail(&self.process.stderr())
        );
    }

    /// How many threads it has now.
    pub fn threads(&self) -> usize {
        self.process.threads()
    }

    fn finish(mut self) -> Finished {
        use std::os::unix::process::ExitStatusExt;
        let status = self.process.wait(self.limit).unwrap();
        let (stdout, stderr) = self.process.drain();
        Finished {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
            peak_rss_bytes: self.process.peak_rss_bytes(),
            wall: self.process.wall(),
            at_home: snapshot(self.home.path(), &[]).into_keys().collect(),
        }
    }
}

impl Finished {
    /// Fails the test with everything the run said when it did not end with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "signal: {:?}\nstdout:\n{}\nstderr:\n{}",
            self.signal,
            self.stdout,
            self.stderr
        );
        self
    }
}
