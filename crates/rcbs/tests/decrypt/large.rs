//! Sealed files of two megabytes, and what may lie where their clear bytes go.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rcbs_sim::{Content, samples};
use serde_json::Value;

use crate::place::Place;
use crate::support::rcbs::{Finished, Rcbs};

/// How many there are.
pub const FILES: usize = 5;
const PATTERN_BYTES: u64 = 2_000_000;
/// Written of a file that then stops coming: more than a pipe holds and than is read at a time.
const HALF_BYTES: usize = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// Files `in/0.mp3.bin` and so on, whose clear bytes begin with speech.
pub struct Large {
    place: Place,
    clear: Vec<Vec<u8>>,
}

impl Large {
    pub fn new() -> Self {
        let place = Place::new();
        std::fs::create_dir(place.path("in")).unwrap();
        let clear: Vec<_> = (0..FILES).map(clear).collect();
        for (number, clear) in clear.iter().enumerate() {
            place.write("clear", clear);
            place.openssl(&format!(
                "cms -encrypt -binary -outform DER -in @clear -out @in/{number}.mp3.bin -aes256 @one.cert"
            ));
        }
        std::fs::remove_file(place.path("clear")).unwrap();
        Self { place, clear }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Opens all of them into a folder, and tells of each in JSON.
    pub fn program(&self, out: &str) -> Rcbs {
        self.program_for(out, &["in"])
    }

    /// Opens these alone.
    pub fn program_for(&self, out: &str, what: &[&str]) -> Rcbs {
        let words = format!("--key one.pem --cert one.cert --json --out {out}");
        self.place.program(&words).args(what)
    }

    /// `strace` with these options on all threads.
    pub fn strace<'a>(options: &[&'a str]) -> Vec<&'a str> {
        [&["strace", "-f", "-o", "/dev/null"], options].concat()
    }

    /// Writes the first half of a sealed file into a pipe of that name; the rest never comes.
    pub fn half_sealed(&self, name: &str) -> Half {
        let sealed = std::fs::read(self.path("in/1.mp3.bin")).unwrap();
        let pipe = self.path(name);
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let (tell, written) = channel();
        let (hold, held) = channel::<()>();
        std::thread::spawn(move || {
            // Waits until somebody reads. That one may be killed at any time, which is no fault of this thread.
            let mut pipe = OpenOptions::new().write(true).open(pipe).unwrap();
            if pipe.write_all(&sealed[..HALF_BYTES]).is_ok() {
                tell.send(()).ok();
            }
            // The pipe stays open as long as the test wants.
            held.recv().ok();
        });
        Half {
            written,
            _hold: hold,
        }
    }

    /// Whether files without names can be made where the tests run.
    pub fn knows_unnamed_files(&self) -> bool {
        use std::os::unix::fs::OpenOptionsExt;
        const O_TMPFILE: i32 = 0o20_200_000;
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(O_TMPFILE);
        options.open(self.path("in")).is_ok()
    }

    /// Everything in a folder; nothing when it is not there.
    pub fn names(&self, folder: &str) -> Vec<String> {
        self.place.names(folder)
    }

    /// The part files in a folder.
    pub fn parts(&self, folder: &str) -> Vec<String> {
        let mut names = self.names(folder);
        names.retain(|name| name.starts_with(".rcbs-") && name.ends_with(".part"));
        names
    }

    /// Fails the test unless every file there is whole and nothing else is there; gives their number.
    #[track_caller]
    pub fn check_whole(&self, out: &str) -> usize {
        let names = self.names(out);
        for name in &names {
            let number = name.strip_suffix(".mp3").and_then(|stem| stem.parse().ok());
            let number: usize = number.unwrap_or_else(|| panic!("{name} among {names:?}"));
            let bytes = std::fs::read(self.path(out).join(name)).unwrap();
            assert!(
                bytes == self.clear[number],
                "{name} has {} bytes",
                bytes.len()
            );
        }
        names.len()
    }

    /// The same after a kill, which leaves part files only where the file system knows no others.
    #[track_caller]
    pub fn check_aftermath(&self, out: &str) -> usize {
        if !self.knows_unnamed_files() {
            for part in self.parts(out) {
                std::fs::rename(self.path(out).join(&part), self.path(&part)).unwrap();
            }
        }
        self.check_whole(out)
    }

    /// Opens all once more: what is there is identical, the rest comes.
    #[track_caller]
    pub fn check_next_run(&self, out: &str, there: usize) {
        let finished = self.program(out).run().expect_code(0);
        assert_eq!(outcome(&finished, "identical"), there);
        assert_eq!(outcome(&finished, "opened"), FILES - there);
        assert_eq!(self.check_whole(out), FILES);
    }

    /// The bytes of everything in a folder.
    pub fn clear_bytes(&self, out: &str) -> u64 {
        let len = |name: &String| std::fs::metadata(self.path(out).join(name)).unwrap().len();
        self.names(out).iter().map(len).sum()
    }
}

/// A sealed file that stopped coming.
pub struct Half {
    written: Receiver<()>,
    _hold: std::sync::mpsc::Sender<()>,
}

impl Half {
    /// Waits until its reader has the first pieces of it, and so has begun to write.
    pub fn wait(&self) {
        self.written.recv_timeout(PATIENCE).unwrap();
    }
}

fn clear(number: usize) -> Vec<u8> {
    let pattern = Content::pattern(PATTERN_BYTES, number as u64);
    [samples::speech(0).to_vec(), pattern.to_vec()].concat()
}

/// The last line, in JSON.
pub fn summary(finished: &Finished) -> Value {
    let last = finished.stdout.lines().last();
    serde_json::from_str(last.unwrap_or_default()).unwrap()
}

/// How many files came to this end.
pub fn outcome(finished: &Finished, name: &str) -> usize {
    let count = summary(finished)["outcomes"][name].as_u64();
    usize::try_from(count.unwrap_or(0)).unwrap()
}
