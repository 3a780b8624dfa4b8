//! How often something is tried: a few hundred times in a usual test run, many more in a long one (`make torture`),
//! which also keeps a record of it.

use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

/// The file that a long run writes its records to; set, it makes the run a long one.
const RECORDS: &str = "RCBS_TORTURE";
/// The first seed; other runs try other things with it.
const FIRST_SEED: &str = "RCBS_TEST_SEED";

/// The rounds of one test.
pub struct Rounds {
    what: &'static str,
    seeds: Range<u64>,
    records: Option<PathBuf>,
    begun: Instant,
}

impl Rounds {
    /// As many as a usual run or a long one takes. `what` is counted, as `docs/torture.md` names it.
    pub fn of(what: &'static str, usual: u64, long: u64) -> Self {
        let records = std::env::var_os(RECORDS).map(PathBuf::from);
        let first = std::env::var(FIRST_SEED).map_or(0, |seed| seed.parse().unwrap());
        let count = if records.is_some() { long } else { usual };
        Self {
            what,
            seeds: first..first + count,
            records,
            begun: Instant::now(),
        }
    }

    /// A seed for each round, the same in every run; a failure names its seed.
    pub fn seeds(&self) -> Range<u64> {
        self.seeds.clone()
    }

    /// Plays a round for each seed; the one that fails is named.
    pub fn each(&self, mut play: impl FnMut(u64)) {
        for seed in self.seeds() {
            let _named = Round(seed);
            play(seed);
        }
    }

    /// All went well: a long run writes it down. `found` says what was met on the way, in a few words.
    pub fn done(self, found: &str) {
        let Some(path) = self.records else {
            return;
        };
        let record = json!({
            "what": self.what, "count": self.seeds.end - self.seeds.start, "first_seed": self.seeds.start,
            "found": found, "duration_s": self.begun.elapsed().as_secs(),
        });
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        // One call: tests run beside each other.
        file.unwrap()
            .write_all(format!("{record}\n").as_bytes())
            .unwrap();
    }
}

/// One round, under way.
struct Round(u64);

impl Drop for Round {
    #[expect(
        clippy::print_stderr,
        reason = "whoever reads of a failure needs the seed"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was seed {}", self.0);
        }
    }
}
