//! Transactions of the ledger: what many recordings share.

use tempfile::NamedTempFile;

use crate::many;
use crate::stage::Stage;

/// How many transactions that wrote something a backup of so many recordings takes.
fn transactions(recordings: u64) -> usize {
    let stage = Stage::new(many(recordings));
    let log = NamedTempFile::new().unwrap();
    let journal = stage.state_folder().join("ledger.db-wal");
    let wrapper = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-P",
        journal.to_str().unwrap(),
        "-xx",
        "-s",
        "24",
        "-e",
        "trace=pwrite64",
        "-e",
        "signal=none",
        "-o",
        log.path().to_str().unwrap(),
    ];
    stage
        .program(&["backup"])
        .under(wrapper)
        .run()
        .expect_code(0);
    let log = std::fs::read_to_string(log.path()).unwrap();
    log.lines().filter(|line| ends_transaction(line)).count()
}

/// A frame of the write-ahead log begins with 24 bytes; the second number in them is not 0 in the last frame of a
/// transaction (<https://www.sqlite.org/fileformat.html#walformat>).
fn ends_transaction(line: &str) -> bool {
    let mut parts = line.split('"').skip(1);
    let (Some(bytes), Some(rest)) = (parts.next(), parts.next()) else {
        return false;
    };
    rest.starts_with(", 24, ") && bytes[16..32] != *r"\x00\x00\x00\x00"
}

#[test]
fn a_thousand_recordings_share_few_transactions() {
    const COUNT: u64 = 1_000;
    /// How many files come together depends on how fast the disk and the machine are: 50 to 60 transactions were seen
    /// on a disk, 80 in memory. One for each recording would make more than a thousand.
    const MOST: usize = 200;
    let count = transactions(COUNT);
    // A page is announced in one, and ten pages there are.
    assert!((10..=MOST).contains(&count), "{count}");
}
