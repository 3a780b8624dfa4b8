//! Instructions and allocations for each recording: what the program asks of processor and memory.
//!
//! Callgrind counts both in one run of the real program, so the pretend cloud's own work is in neither.

use std::collections::HashMap;
use std::ops::Sub;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::many;
use crate::stage::Stage;

/// Runs to compare: so many recordings. The questions at the beginning see a full page of them each, in both.
const FEW: u64 = 100;
const MANY: u64 = 200;
/// Measured: 4.5 to 4.6 million, as the tests build the program on x86-64; a tenth more. Releases take far fewer.
const MOST_INSTRUCTIONS: u64 = 5_080_000;
/// Measured: 423 to 434; a tenth more.
const MOST_ALLOCATIONS: u64 = 475;
/// Under callgrind a run takes some fifty times as long.
const LIMIT: Duration = Duration::from_secs(300);

/// The functions of the C library that give out memory.
const ALLOCATORS: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
];

#[derive(Debug, Clone, Copy)]
struct Cost {
    instructions: u64,
    allocations: u64,
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            instructions: self.instructions - other.instructions,
            allocations: self.allocations - other.allocations,
        }
    }
}

/// What a backup of so many recordings costs.
fn cost(recordings: u64) -> Cost {
    let stage = Stage::new(many(recordings));
    let profile = NamedTempFile::new().unwrap();
    let out = format!("--callgrind-out-file={}", profile.path().display());
    let wrapper = ["valgrind", "--tool=callgrind", &out];
    stage
        .program(&["backup"])
        .under(wrapper)
        .limit(LIMIT)
        .run()
        .expect_code(0);
    read(&std::fs::read_to_string(profile.path()).unwrap())
}

/// Reads a profile: `cfn=(12) malloc`, later `cfn=(12)`, names the function that the next line says the calls of,
/// `calls=3 0`; `totals:` are the instructions
/// (<https://valgrind.org/docs/manual/cl-format.html>).
fn read(profile: &str) -> Cost {
    let mut names = HashMap::new();
    let mut called = "";
    let mut cost = Cost {
        instructions: 0,
        allocations: 0,
    };
    for line in profile.lines() {
        let Some((key, value)) = line.split_once(['=', ':']) else {
            continue;
        };
        match key {
            "fn" | "cfn" => {
                let (number, name) = value.split_once(' ').unwrap_or((value, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                called = names[number];
            }
            "calls" if ALLOCATORS.contains(&called) => {
                let count = value.split(' ').next().unwrap();
                cost.allocations += count.parse::<u64>().unwrap();
            }
            "totals" => cost.instructions = value.trim().parse().unwrap(),
            _ => {}
        }
    }
    cost
}

#[test]
fn a_recording_takes_no_more_instructions_and_allocations_than_it_did() {
    let [few, many] = std::thread::scope(|scope| {
        [FEW, MANY]
            .map(|count| scope.spawn(move || cost(count)))
            .map(|run| run.join().unwrap())
    });
    let more = many - few;
    let instructions = more.instructions / (MANY - FEW);
    let allocations = more.allocations / (MANY - FEW);
    assert!(
        (MOST_INSTRUCTIONS / 100..=MOST_INSTRUCTIONS).contains(&instructions),
        "{instructions} of {MOST_INSTRUCTIONS}"
    );
    assert!(
        (MOST_ALLOCATIONS / 100..=MOST_ALLOCATIONS).contains(&allocations),
        "{allocations} of {MOST_ALLOCATIONS}"
    );
}
