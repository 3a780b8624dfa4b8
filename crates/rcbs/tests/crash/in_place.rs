//! What lies in the target before a run: the same bytes, other bytes, and very many files of others.

use std::path::PathBuf;

use rcbs_sim::Cloud;

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud};
use crate::support::archive::sealed_files;

/// As many files lie in the folder of an hour; a test of what a run costs beside them.
const FOREIGN: usize = 20_000;

fn day() -> Cloud {
    (0..3).fold(cloud(), |cloud, number| {
        cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!("2018-02-12T00:{number:02}:00Z"))
            .audio()
            .build()
    })
}

fn stage() -> Stage {
    let mut stage = Stage::new(day());
    stage.set(&hourly());
    stage
}

/// Stores a file as the original program would.
fn put(stage: &Stage, path: &str, bytes: &[u8]) -> PathBuf {
    let path = stage.target().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// B13.
#[test]
fn what_lies_there_already_is_taken_over_and_not_fetched() {
    let reference = Reference::of(day(), &hourly());
    let stage = stage();
    for (key, bytes) in sealed_files(stage.server.cloud()) {
        put(&stage, reference.path(&key), &bytes);
    }
    stage.backup().expect_code(0);
    assert_eq!(stage.object_requests(), 0);
}

/// B14: a name that other bytes have is given to the right ones only when they are there, and the others are kept.
#[test]
fn other_bytes_under_a_name_are_kept_aside_and_never_called_whole() {
    let reference = Reference::of(day(), &hourly());
    let stage = stage();
    let keys: Vec<_> = sealed_files(stage.server.cloud()).into_keys().collect();
    let other = put(&stage, reference.path(&keys[0]), b"of somebody else");
    stage
        .server
        .faults()
        .add("object always: 403 code=AccessDenied".parse().unwrap());
    let refused = stage.backup();
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert_eq!(std::fs::read(&other).unwrap(), b"of somebody else");
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    let aside = stage.own_files("quarantine");
    let aside: Vec<_> = aside.into_values().collect();
    assert_eq!(aside, [b"of somebody else"]);
    let right = &sealed_files(stage.server.cloud())[&keys[0]];
    assert!(std::fs::read(&other).unwrap() == *right);
}

/// B18: a run looks for its own names and walks through nothing.
#[test]
fn files_of_others_cost_a_run_nothing() {
    let stage = stage();
    stage.backup().expect_code(0);
    for number in 0..FOREIGN {
        std::fs::write(stage.target().join(format!("2018/02/12/00/{number}")), b"").unwrap();
    }
    let trace = stage.folder().join("calls");
    let calls = "trace=getdents64,newfstatat,statx,openat";
    let strace = ["strace", "-f", "-e", calls, "-o", trace.to_str().unwrap()];
    let run = stage
        .program(&["-config", "config.properties"])
        .under(strace);
    run.run().expect_code(0);
    let calls = std::fs::read_to_string(trace).unwrap().lines().count();
    assert!((1..2_000).contains(&calls), "{calls} calls");
}
