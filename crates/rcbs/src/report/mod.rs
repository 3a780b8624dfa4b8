//! Listeners that show a run to people and programs: terminal, plain lines, JSON lines, and the final report.

mod console;
mod endangered;
mod json;
mod pause;
mod progress;
mod summary;
mod too_small;
mod verify;

pub use console::Console;
pub use endangered::endangered;
pub use json::{JsonLines, space_json, summary_json};
pub use pause::{archive_begun, pause};
pub use progress::{Progress, Snapshot};
pub use summary::{Kind, final_report};
pub use too_small::too_small;
pub use verify::{VerifyConsole, VerifyJson, VerifyKind, verify_report, verify_summary_json};

use jiff::Timestamp;

/// Bytes in the unit a person reads: `0 B`, `999 B`, `1.5 MB`; powers of 1000.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be rounded to "1000.0" of the smaller unit.
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// Seconds as a person says them: `45 s`, `12 min`, `3 h 05 min`.
#[must_use]
pub fn human_seconds(seconds: u64) -> String {
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A moment as a person reads it: whole seconds, or milliseconds where somebody gave it so.
#[must_use]
pub fn human_time(at: Timestamp) -> String {
    let nanos = at.subsec_nanosecond();
    if nanos != 0 && nanos % 1_000_000 == 0 {
        format!("{at:.3}")
    } else {
        format!("{at:.0}")
    }
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", noun(count, one, many))
}

/// The noun alone, for a column of numbers.
#[must_use]
pub fn noun<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_to_the_second_or_as_they_were_given() {
        for (at, text) in [
            ("2018-02-12T00:00:00Z", "2018-02-12T00:00:00Z"),
            ("2018-02-12T00:00:00.123Z", "2018-02-12T00:00:00.123Z"),
            ("2018-02-12T00:00:00.123456789Z", "2018-02-12T00:00:00Z"),
        ] {
            assert_eq!(human_time(at.parse().unwrap()), text);
        }
    }

    #[test]
    fn bytes_and_seconds_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_960, "1.0 MB"),
            (2_020_000_000, "2.0 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
        for (seconds, text) in [
            (0, "0 s"),
            (89, "89 s"),
            (90, "2 min"),
            (5399, "90 min"),
            (5400, "1 h 30 min"),
        ] {
            assert_eq!(human_seconds(seconds), text);
        }
    }
}
