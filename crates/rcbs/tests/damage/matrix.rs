//! (truncate, flip, delete, leftover) × (media, metadata) × (the cloud still has it, no longer has it).

use std::path::Path;

use jiff::SignedDuration;
use serde_json::Value;

use crate::stage::{Stage, cloud, events};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Damage {
    Truncate,
    Empty,
    FlipHead,
    FlipEnd,
    Delete,
    Leftover,
}

impl Damage {
    const ALL: [Self; 6] = [
        Self::Truncate,
        Self::Empty,
        Self::FlipHead,
        Self::FlipEnd,
        Self::Delete,
        Self::Leftover,
    ];

    fn is_done_to(self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        let end = bytes.len() - 1;
        match self {
            Self::Truncate => bytes.truncate(end),
            Self::Empty => bytes.clear(),
            Self::FlipHead => bytes[1] ^= 1,
            Self::FlipEnd => bytes[end] ^= 1,
            Self::Delete => return std::fs::remove_file(path).unwrap(),
            // A copy program was killed: something half-written lies beside the file.
            Self::Leftover => {
                let name = path.file_name().unwrap().to_str().unwrap();
                let beside = path.with_file_name(format!("{name}.partial"));
                return std::fs::write(beside, &bytes[..end / 2]).unwrap();
            }
        }
        std::fs::write(path, bytes).unwrap();
    }
}

fn stage() -> Stage {
    let one = cloud().recording("one").audio().screen().build();
    let stage = Stage::new(one.recording("two").audio().build());
    stage.backup().expect_code(0);
    stage
}

/// The end of a verification and its JSON lines.
fn verify(stage: &Stage, args: &[&str]) -> (i32, Vec<Value>) {
    let args = [&["verify", "--json"], args].concat();
    let finished = stage.program(&args).run();
    let lines = finished.stdout.lines();
    let lines: Vec<Value> = lines.map(|it| serde_json::from_str(it).unwrap()).collect();
    let summary = lines.last().unwrap_or_else(|| panic!("{finished:?}"));
    assert_eq!(summary["event"], "verify_summary", "{finished:?}");
    assert_eq!(summary["exit_code"], finished.code.unwrap());
    (finished.code.unwrap(), lines)
}

fn media_of(stage: &Stage, ending: &str) -> String {
    let mut files = stage.archive().into_keys();
    files
        .find(|path| path.contains("/one/") && path.ends_with(ending))
        .unwrap()
}

/// B2, B15, B16.
#[test]
fn every_damage_is_found_told_and_mended_while_the_cloud_has_it() {
    for ending in [".bin", ".json"] {
        for damage in Damage::ALL {
            let case = format!("{damage:?} of {ending}");
            let stage = stage();
            let before = stage.archive();
            let path = media_of(&stage, ending);
            damage.is_done_to(&stage.target().join(&path));
            let harmed = stage.archive();

            // What the fast look cannot see is a flip behind the head of a media file.
            let seen =
                damage != Damage::Leftover && !(ending == ".bin" && damage == Damage::FlipEnd);
            assert_eq!(verify(&stage, &[]).0, if seen { 9 } else { 0 }, "{case}");

            let (code, lines) = verify(&stage, &["--read-data"]);
            if damage == Damage::Leftover {
                assert_eq!(code, 0, "{case}");
                let told = events(&lines, "unknown");
                assert_eq!(told.len(), 1, "{case}");
                assert_eq!(told[0]["path"], format!("{path}.partial"));
                continue;
            }
            assert_eq!(code, 9, "{case}");
            let told = events(&lines, "damaged");
            assert_eq!(told.len(), 1, "{case}: {told:?}");
            assert_eq!(told[0]["path"], *path, "{case}");
            assert_eq!(told[0]["recording"], "one");
            assert_eq!(told[0]["media"].is_null(), ending == ".json", "{case}");
            assert_eq!(stage.archive(), harmed, "{case}: a look changes nothing");

            let (code, lines) = verify(&stage, &["--read-data", "--repair"]);
            assert_eq!(code, 0, "{case}: {lines:#?}");
            assert_eq!(events(&lines, "mended").len(), 1, "{case}");
            assert_eq!(stage.archive(), before, "{case}");
            let aside = usize::from(damage != Damage::Delete);
            assert_eq!(stage.own_files("quarantine").len(), aside, "{case}");
            assert_eq!(verify(&stage, &["--read-data"]).0, 0, "{case}");
        }
    }
}

/// B15, B16.
#[test]
fn damage_that_only_reading_shows_is_seen_without_reading_once_it_is_known() {
    let stage = stage();
    let before = stage.archive();
    let path = media_of(&stage, ".bin");
    let file = stage.target().join(&path);
    Damage::FlipEnd.is_done_to(&file);
    assert_eq!(verify(&stage, &["--read-data"]).0, 9);

    let (code, lines) = verify(&stage, &[]);
    assert_eq!(code, 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "digest");
    assert_eq!(lines.last().unwrap()["read_files"], 1, "that one alone");

    // That it is out of reach for a while does not make it whole.
    let aside = stage.target().with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    let (code, lines) = verify(&stage, &[]);
    assert_eq!(code, 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "missing");
    std::fs::rename(&aside, &file).unwrap();
    let (code, lines) = verify(&stage, &[]);
    assert_eq!(code, 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "digest");

    let (code, lines) = verify(&stage, &["--repair"]);
    assert_eq!(code, 0, "{lines:#?}");
    assert_eq!(stage.archive(), before);
    assert_eq!(verify(&stage, &[]).0, 0);
}

/// B16.
#[test]
fn what_belongs_to_another_instance_is_not_called_mended() {
    let mut ends = [0, 1].map(|instance| {
        let mut stage = stage();
        Damage::FlipEnd.is_done_to(&stage.target().join(media_of(&stage, ".bin")));
        assert_eq!(verify(&stage, &["--read-data"]).0, 9);
        stage.set(&format!("totalRcbsInstances=2\nrcbsInstanceId={instance}"));
        let (code, lines) = verify(&stage, &["--repair"]);
        let told = |event| events(&lines, event).len();
        (code, told("mended"), told("not_mended"))
    });
    ends.sort_unstable();
    assert_eq!(ends, [(0, 1, 0), (9, 0, 1)]);
}

/// B16.
#[test]
fn what_the_cloud_no_longer_has_is_listed_and_its_last_copy_kept() {
    for ending in [".bin", ".json"] {
        for damage in [Damage::FlipHead, Damage::Truncate, Damage::Delete] {
            let case = format!("{damage:?} of {ending}");
            let stage = stage();
            let before = stage.archive();
            let path = media_of(&stage, ending);
            damage.is_done_to(&stage.target().join(&path));
            let harmed = std::fs::read(stage.target().join(&path)).ok();
            let gone = |cloud: &mut rcbs_sim::Cloud| cloud.retention = Some(SignedDuration::ZERO);
            stage.server.cloud().change(gone);

            let (code, lines) = verify(&stage, &["--repair"]);
            assert_eq!(code, 9, "{case}");
            let told = events(&lines, "not_mended");
            assert_eq!(told.len(), 1, "{case}: {lines:#?}");
            assert_eq!(told[0]["path"], *path, "{case}");
            let rest: Vec<_> = stage
                .archive()
                .into_iter()
                .filter(|it| it.0 != path)
                .collect();
            let wanted: Vec<_> = before.into_iter().filter(|it| it.0 != path).collect();
            assert!(rest == wanted, "{case}: nothing else has changed");
            // The damaged copy: of media in quarantine, of metadata where it was.
            let kept = match ending {
                ".bin" => stage.own_files("quarantine").into_values().next(),
                _ => std::fs::read(stage.target().join(&path)).ok(),
            };
            assert_eq!(kept, harmed, "{case}");
            if ending == ".bin" {
                assert!(stage.states("one").contains(&"lost".to_owned()), "{case}");
                assert_eq!(
                    verify(&stage, &[]).0,
                    0,
                    "{case}: what is lost is no damage"
                );
            }
        }
    }
}

#[test]
fn an_object_that_outlived_its_recording_in_the_cloud_is_fetched_by_the_stored_metadata() {
    let stage = stage();
    let before = stage.archive();
    let path = media_of(&stage, ".bin");
    Damage::FlipEnd.is_done_to(&stage.target().join(&path));
    stage.server.cloud().change(|cloud| {
        cloud.change("one", |recording| {
            recording.gone_at = Some(jiff::Timestamp::UNIX_EPOCH);
        })
    });
    assert_eq!(verify(&stage, &["--repair", "--read-data"]).0, 0);
    assert_eq!(stage.archive(), before);
}

#[test]
fn what_cannot_be_fetched_now_waits_and_comes_with_the_next_backup() {
    let stage = stage();
    let before = stage.archive();
    let path = media_of(&stage, ".bin");
    Damage::FlipEnd.is_done_to(&stage.target().join(&path));
    stage
        .server
        .faults()
        .add("object always: 403 code=AccessDenied".parse().unwrap());
    let (code, lines) = verify(&stage, &["--repair", "--read-data"]);
    assert_eq!(code, 9);
    let told = events(&lines, "not_mended");
    let reason = told[0]["reason"].as_str().unwrap();
    assert!(reason.contains("waits for retry"), "{reason}");
    assert_eq!(lines.last().unwrap()["waiting"], 1);
    // What is there is sound; what is not is not passed over in silence.
    let looked = stage.program(&["verify"]).run().expect_code(3);
    for told in [
        "1  not in the archive yet; \"rcbs retry\" fetches them",
        "sound is what is here",
    ] {
        assert!(looked.stdout.contains(told), "{}", looked.stdout);
    }
    stage.server.faults().clear();
    stage.backup().expect_code(0);
    assert_eq!(stage.archive(), before);
}

#[test]
fn a_flip_is_not_taken_over_when_the_metadata_change() {
    let stage = stage();
    let before = stage.archive();
    let path = media_of(&stage, ".bin");
    Damage::FlipEnd.is_done_to(&stage.target().join(&path));
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change("one", |recording| recording.caller = "+15550199".to_owned()));
    stage.backup().expect_code(0);
    assert!(stage.archive()[&path] == before[&path], "fetched again");
    assert_eq!(stage.own_files("quarantine").len(), 1);
}

#[test]
fn metadata_that_a_crash_kept_from_being_stored_are_found_and_mended() {
    let stage = stage();
    let before = stage.archive();
    let path = media_of(&stage, ".json");
    std::fs::remove_file(stage.target().join(&path)).unwrap();
    let ledger = stage.target().join(".rcbs/ledger.db");
    crate::ledger::sql(
        &ledger,
        "UPDATE recording SET stored_sha256 = NULL WHERE id = 'one'",
    );
    let (code, lines) = verify(&stage, &[]);
    assert_eq!(code, 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "never_stored");
    assert_eq!(verify(&stage, &["--repair"]).0, 0);
    assert_eq!(stage.archive(), before);
}
