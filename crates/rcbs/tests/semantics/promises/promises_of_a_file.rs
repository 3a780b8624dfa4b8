//! Chapter "Promises": what a file under its final name is worth.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rcbs_sim::cloud::Form;
use rcbs_sim::faults::RequestKind;
use rcbs_sim::quirks::{Checksums, ETags, Quirks, Spacing};
use rcbs_sim::{Cloud, Content};

use crate::stage::{Stage, cloud, customer, events, expect_fields, side_by_side, summary};
use crate::support::openssl::Recipient;
use crate::support::process;

#[test]
fn a_final_name_means_whole_and_verified() {
    let md5 = Quirks {
        checksums: Checksums::None,
        ..Quirks::default()
    };
    let offers = |checksums| Quirks {
        checksums,
        etags: ETags::Multipart,
        ..Quirks::default()
    };
    let flip = "object~/bad always: flip at=1000";
    let cases = [
        ("md5", md5, flip),
        ("crc64nvme", offers(Checksums::Crc64Nvme), flip),
        ("crc32", offers(Checksums::Crc32), flip),
        ("crc32c", offers(Checksums::Crc32c), flip),
        ("sha1", offers(Checksums::Sha1), flip),
        ("sha256", offers(Checksums::Sha256), flip),
        (
            "crc64nvme",
            offers(Checksums::Crc64Nvme),
            "object~/bad always: shorter by=16",
        ),
        (
            "crc64nvme",
            offers(Checksums::Crc64Nvme),
            "object~/bad always: longer by=16",
        ),
        // Nothing but the envelope tells these apart: a checksum that cannot be compared is none.
        (
            "envelope",
            offers(Checksums::CompositeSha256),
            "object~/bad always: shorter by=7",
        ),
        (
            "envelope",
            offers(Checksums::None),
            "object~/bad always: html",
        ),
        (
            "envelope",
            offers(Checksums::None),
            "object~/bad always: xml-error",
        ),
    ];
    side_by_side(&cases, |(check, quirks, fault)| {
        let stage = Stage::with(good_and_bad(Form::Detached), quirks.clone(), &[fault]);
        expect_only_the_good_one(&stage, check, fault);
    });
    // Cut, and the rest refused.
    let stage = Stage::with_faults(
        good_and_bad(Form::Detached),
        &[
            "object~/bad 1: cut after=1000",
            "object~/bad from-2: 403 code=AccessDenied",
        ],
    );
    expect_only_the_good_one(&stage, "crc64nvme", "cut");
    // Complete CMS whose structure is broken.
    let stage = Stage::with(
        good_and_bad(Form::Complete),
        offers(Checksums::None),
        &["object~/bad always: flip at=1"],
    );
    expect_only_the_good_one(&stage, "envelope", "a flipped length");
}

fn good_and_bad(form: Form) -> Cloud {
    let content = || Content::pattern(5_000, 1);
    cloud()
        .recording("good")
        .audio_of(content())
        .kept_as(form)
        .recording("bad")
        .audio_of(content())
        .kept_as(form)
        .build()
}

fn expect_only_the_good_one(stage: &Stage, check: &str, fault: &str) {
    let (finished, lines) = stage.backup_json();
    assert_eq!(finished.code, Some(3), "{fault}: {finished:?}");
    let verified = events(&lines, "verified");
    assert_eq!(verified.len(), 1, "{fault}");
    expect_fields(verified[0], &[("recording", "good"), ("check", check)]);
    assert_eq!(stage.states("bad"), ["waiting"], "{fault}");
    let files = stage.media_files();
    assert!(
        files.len() == 1 && files[0].contains("/good/"),
        "{fault}: {files:?}"
    );
    assert!(stage.own_files("staging").is_empty(), "{fault}");
}

/// B1.
#[test]
fn stored_means_durable() {
    killed_runs_leave_nothing_partial_and_the_next_one_completes();
    bytes_and_name_are_durable_before_the_ledger_says_so();
}

fn killed_runs_leave_nothing_partial_and_the_next_one_completes() {
    let many = ["a", "b", "c"].iter().fold(cloud(), |cloud, id| {
        let recording = cloud.recording(id).audio_of(Content::pattern(2_000_000, 1));
        recording.screen_of(Content::pattern(70_000, 2)).build()
    });
    let undisturbed = Stage::new(many.clone());
    undisturbed.backup().expect_code(0);
    let whole = undisturbed.archive();
    let moments = [
        "\"event\":\"planned\"",
        "\"event\":\"slice_listed\"",
        "\"event\":\"verified\"",
        "\"event\":\"metadata_stored\"",
        "/c.json",
    ];
    side_by_side(&moments, |moment| {
        let stage = Stage::with_faults(many.clone(), &["object~/a_ always: stall after=1500000"]);
        let mut run = stage.program(&["backup", "--json"]).start();
        run.expect_text(moment);
        if *moment == "/c.json" {
            // The transfer of a has come so far that it has a file of its own.
            wait_until(|| !stage.own_files("staging").is_empty());
        }
        drop(run.kill_at_text(moment));
        for (path, bytes) in stage.archive() {
            assert!(
                whole[&path] == bytes,
                "killed at {moment}: {path} is partial"
            );
        }
        stage.server.faults().clear();
        stage.backup().expect_code(0);
        assert_eq!(stage.archive(), whole);
        assert!(stage.own_files("staging").is_empty());
    });
}

/// Looks again and again, for ten seconds at most.
#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

fn bytes_and_name_are_durable_before_the_ledger_says_so() {
    let stage = Stage::new(cloud().recording("one").audio().build());
    let trace = stage.folder().join("calls");
    let calls = "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2,linkat,write";
    let strace = [
        "strace",
        "-f",
        "-y",
        "-s",
        "4096",
        "-e",
        calls,
        "-o",
        trace.to_str().unwrap(),
    ];
    let run = stage.program(&["backup", "--json"]).under(strace);
    run.run().expect_code(0);
    let calls = std::fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    let is_sync = |call: &str| {
        ["fsync(", "fdatasync(", "syncfs("]
            .iter()
            .any(|name| call.contains(name))
    };
    let named = first(&calls, |call| {
        call.contains("mp3.bin\"") && !call.contains("write(")
    });
    let told = first(&calls, |call| {
        call.contains("write(1<") && call.contains("verified")
    });
    assert!(
        calls[..named]
            .iter()
            .any(|call| is_sync(call) && call.contains("staging"))
    );
    let made = named
        + first(&calls[named..told], |call| {
            is_sync(call) && !call.contains("ledger")
        });
    assert!(
        calls[made..told]
            .iter()
            .any(|call| is_sync(call) && call.contains("ledger.db"))
    );
}

fn first(calls: &[&str], is_it: impl Fn(&str) -> bool) -> usize {
    let found = calls.iter().position(|call| is_it(call));
    found.unwrap_or_else(|| panic!("no such call in\n{}", calls.join("\n")))
}

#[test]
fn nothing_is_fetched_twice_for_nothing() {
    let cloud = ["a", "b", "c"].iter().fold(cloud(), |cloud, id| {
        cloud.recording(id).audio().screen().build()
    });
    let stage = Stage::with_faults(cloud, &["object~/c_ always: hang"]);
    let run = stage.program(&["backup", "--json"]).start();
    run.kill_at_text("\"event\":\"verified\"");
    let there = stage.media_files();
    assert!(!there.is_empty());
    stage.server.faults().clear();
    stage.server.requests().clear();
    stage.backup().expect_code(0);
    for seen in stage.server.requests().of(RequestKind::Object) {
        let key = seen
            .path
            .rsplit('/')
            .next()
            .unwrap()
            .trim_end_matches(".bin")
            .to_owned();
        let again = there.iter().find(|path| path.contains(&key));
        assert_eq!(again, None, "{} was fetched again", seen.path);
    }
    stage.object_requests();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(
        summary(&lines),
        &[("unchanged", 6), ("fetched", 0), ("metadata_stored", 0)],
    );
    assert_eq!(stage.object_requests(), 0);
}

/// B17.
#[test]
fn what_is_missing_or_damaged_on_disk_is_fetched_again() {
    let cloud = ["whole", "missing", "damaged"]
        .iter()
        .fold(cloud(), |cloud, id| cloud.recording(id).audio().build());
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let whole = stage.archive();
    let path_of = |id: &str| {
        let paths = stage.media_files();
        stage.target().join(
            paths
                .iter()
                .find(|path| path.contains(&format!("/{id}/")))
                .unwrap(),
        )
    };
    let damaged = b"cut short".to_vec();
    std::fs::write(path_of("damaged"), &damaged).unwrap();
    std::fs::remove_file(path_of("missing")).unwrap();
    stage.object_requests();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(summary(&lines), &[("fetched", 2), ("unchanged", 1)]);
    assert_eq!(stage.object_requests(), 2);
    assert_eq!(stage.archive(), whole);
    let aside: Vec<Vec<u8>> = stage.own_files("quarantine").into_values().collect();
    assert_eq!(aside, [damaged]);
    // What the cloud no longer has cannot be mended, and is not passed over in silence.
    std::fs::remove_file(path_of("missing")).unwrap();
    stage.server.cloud().change(|cloud| {
        cloud.change("missing", |recording| {
            recording.media[0].object_gone_at = Some(jiff::Timestamp::MIN);
        })
    });
    stage.backup().expect_code(4);
}

/// D8.
#[test]
fn the_archive_outlives_the_product() {
    let odd = br#"{ "startTime":"2018-02-12T08:00:00.000+0000" ,"id" : "odd", "mediaFiles":[ ],  "x":"\u00e4" }"#;
    let cloud = cloud()
        .recording("detached")
        .audio()
        .screen()
        .recording("complete")
        .audio()
        .kept_as(Form::Complete)
        .recording("streamed")
        .audio()
        .kept_as(Form::Streamed)
        .recording("odd")
        .raw(&odd[..])
        .build();
    let clear: BTreeMap<String, Vec<u8>> = cloud
        .recordings()
        .iter()
        .flat_map(|recording| recording.media.iter())
        .map(|media| {
            (
                media.id.trim_end_matches(".bin").to_owned(),
                media.content.to_vec(),
            )
        })
        .collect();
    let quirks = Quirks {
        spacing: Spacing::Pretty,
        ..Quirks::default()
    };
    let stage = Stage::with(cloud, quirks, &[]);
    stage.backup().expect_code(0);
    let key = stage.folder().join("key.pem");
    std::fs::write(&key, &customer().private_key_pem).unwrap();
    let certificate = stage.folder().join("certificate.pem");
    let recipient = Recipient { key, certificate };
    let files = stage.archive();
    let media: Vec<&String> = files.keys().filter(|path| path.ends_with(".bin")).collect();
    assert_eq!(media.len(), 4);
    for path in media {
        let file = stage.target().join(path);
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(
            recipient.decrypt_cms(&file).unwrap() == clear[name],
            "{path} with cms"
        );
        assert!(
            recipient.decrypt_smime(&file).unwrap() == clear[name],
            "{path} with smime"
        );
    }
    assert_eq!(files["2018/02/12/08/odd/odd.json"], odd);
    for path in files.keys().filter(|path| path.ends_with(".json")) {
        let mut jq = std::process::Command::new("jq");
        let id = process::run(
            jq.args(["-r", ".id"]).arg(stage.target().join(path)),
            Duration::from_secs(10),
        );
        assert_eq!(
            format!("{}.json", id.expect("jq").trim()),
            path.rsplit('/').next().unwrap()
        );
    }
}

#[test]
fn files_are_private() {
    for umask in ["000", "022", "077"] {
        let stage = Stage::new(cloud().recording("one").audio().build());
        let shell = ["/bin/sh", "-c", "umask \"$0\"; exec \"$@\"", umask];
        stage.program(&["backup"]).under(shell).run().expect_code(0);
        expect_private(&stage.target());
    }
}

fn expect_private(path: &Path) {
    let facts = std::fs::symlink_metadata(path).unwrap();
    let mode = facts.permissions().mode() & 0o7777;
    let expected = if facts.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(mode, expected, "{}: {mode:o}", path.display());
    if facts.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            expect_private(&entry.unwrap().path());
        }
    }
}
