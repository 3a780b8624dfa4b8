//! What a run may cost: memory, flushes, names, connections, requests.

use std::collections::BTreeMap;

use rcbs_sim::{Cloud, Content, Form};

use crate::stage::{Stage, cloud};
use crate::support::archive::{sealed_files, sha256};

const MIB: u64 = 1 << 20;

/// Peak memory of a run that fetches one object of so many bytes.
fn peak_for(len_bytes: u64, form: Form) -> u64 {
    let cloud = cloud()
        .recording("LARGE")
        .at("2018-02-12T12:00:00Z")
        .screen_of(Content::pattern(len_bytes, 1))
        .kept_as(form)
        .build();
    let stage = Stage::new(cloud);
    let finished = stage.backup().expect_code(0);
    let path = stage.target().join("2018/02/12/12/LARGE");
    let sizes: u64 = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(sizes > len_bytes, "{sizes}");
    finished.peak_rss_bytes
}

/// A8.
#[test]
fn an_object_of_half_a_gigabyte_takes_no_more_memory_than_a_small_one() {
    let small = peak_for(10_000_000, Form::Detached);
    let large = peak_for(200_000_000, Form::Detached);
    assert!(
        large < small + 8 * MIB,
        "{small} for 10 MB, {large} for 200 MB"
    );
    let whole = peak_for(500_000_000, Form::Complete);
    assert!(whole < 64 * MIB, "{whole}");
}

/// So many small recordings within one day.
fn many(count: u64) -> Cloud {
    (0..count).fold(cloud(), |cloud, number| {
        let (hour, minute, second) = (number / 100, number / 60 % 60, number % 60);
        cloud
            .recording(&format!("MANY{number:05}"))
            .at(&format!("2018-02-12T{hour:02}:{minute:02}:{second:02}Z"))
            .audio_of(Content::pattern(2_000, number))
            .build()
    })
}

/// The counts of `strace -c`, by call.
fn counts(table: &str) -> BTreeMap<String, u64> {
    let rows = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let count = words.get(3)?.parse().ok()?;
        Some(((*words.last()?).to_owned(), count))
    });
    rows.collect()
}

#[test]
fn small_files_share_their_flushes() {
    const COUNT: u64 = 300;
    let stage = Stage::new(many(COUNT));
    let table = stage.folder().join("counts");
    let calls =
        "trace=fsync,fdatasync,syncfs,sync_file_range,msync,rename,renameat,renameat2,link,linkat";
    let wrapper = [
        "strace",
        "-f",
        "-c",
        "--seccomp-bpf",
        "-e",
        calls,
        "-o",
        table.to_str().unwrap(),
    ];
    stage
        .program(&["backup"])
        .under(wrapper)
        .run()
        .expect_code(0);
    let table = std::fs::read_to_string(table).unwrap();
    let counts = counts(&table);
    let sum = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| counts.get(*name))
            .sum::<u64>()
    };
    let flushes = sum(&["fsync", "fdatasync", "syncfs", "msync", "sync_file_range"]);
    // One by one, 600 files with their names and entries would take some 2,000; how many come together depends on how
    // fast the disk and the machine are.
    assert!((1..2 * COUNT).contains(&flushes), "{table}");
    // One for each media file and each metadata file, and one for each writing of the exported end time.
    let names = sum(&["rename", "renameat", "renameat2", "link", "linkat"]);
    assert!((2 * COUNT..2 * COUNT + 5).contains(&names), "{table}");
}

#[test]
fn connections_and_requests_are_no_more_than_needed() {
    const COUNT: usize = 60;
    let mut stage = Stage::with_faults(many(COUNT as u64), &["object always: delay ms=10"]);
    stage.set("maxConnections=3");
    stage.backup().expect_code(0);
    let requests = stage.server.requests();
    let counts = requests.counts();
    assert_eq!(
        (counts.objects, counts.complete_objects, counts.refusals),
        (COUNT, COUNT, 0)
    );
    assert!((2..=3).contains(&counts.most_objects_at_once), "{counts:?}");
    assert!(requests.all().iter().all(|seen| seen.method == "GET"));
    // A page, and the few questions that show what the server makes of bounds and offsets.
    assert!(
        counts.lists <= 6 && counts.settings <= 1 && counts.recordings == 0,
        "{counts:?}"
    );
    for (key, bytes) in sealed_files(stage.server.cloud()) {
        let explained = stage.program(&["explain", &key.0]).run();
        assert!(explained.stdout.contains(&sha256(&bytes)), "{key:?}");
    }
    requests.clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.server.requests().counts().objects, 0);
}
