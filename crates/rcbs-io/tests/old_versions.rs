//! Ledgers written by earlier versions, frozen in `testdata/ledger`, are opened by this one.
//!
//! A new version of the file adds `v<version>.db`, made by this test with `FREEZE=1`, and a row in [`CONTENTS`]. Frozen
//! files are never made again.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rcbs_core::failure::FailureClass;
use rcbs_core::ports::{
    Announcement, DamageNote, EntryState, Happening, Ledger, LedgerTally, MediaKey,
    MetadataVersion, Period, RunRecord, Settlement,
};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_io::ledger::SqliteLedger;
use rusqlite::Connection;

/// The check for each stored version, the first for version 1.
const CONTENTS: &[fn(&Path)] = &[
    version_1_is_read,
    version_2_is_read,
    version_3_is_read,
    version_4_is_read,
];

/// A11.
#[test]
fn every_stored_version_has_a_test_and_is_read() {
    if std::env::var_os("FREEZE").is_some() {
        freeze();
    }
    let mut stored: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".db"))
        .collect();
    stored.sort();
    let mut wanted: Vec<_> = (1..=CONTENTS.len()).map(|it| format!("v{it}.db")).collect();
    wanted.sort();
    assert_eq!(stored, wanted);
    assert_eq!(newest_version(), CONTENTS.len(), "freeze the new version");

    for (index, check) in CONTENTS.iter().enumerate() {
        let name = format!("v{}.db", index + 1);
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("ledger.db");
        std::fs::copy(folder().join(&name), &copy).unwrap();
        assert_eq!(version(&copy), index + 1, "{name}");
        check(&copy);
        assert_eq!(version(&copy), CONTENTS.len(), "{name} was upgraded");
    }
}

/// Makes the file of the newest version where it is missing.
fn freeze() {
    let path = folder().join(format!("v{}.db", newest_version()));
    if path.exists() {
        return;
    }
    std::fs::create_dir_all(folder()).unwrap();
    block_on(async {
        let ledger = SqliteLedger::open(&path).unwrap();
        ledger.announce(&[announcement()]).await.unwrap();
        ledger
            .settle(at(450), &states(&|it| it.first))
            .await
            .unwrap();
        ledger
            .settle(at(450), &states(&|it| it.then))
            .await
            .unwrap();
        let recording = id();
        let (sha256, before, now) = ([3; 32], at(350), at(400));
        let first = Settlement::Metadata {
            recording: id(),
            sha256: digest(JSON),
            at: before,
            replaced: None,
        };
        let second = Settlement::Metadata {
            recording,
            sha256,
            at: now,
            replaced: Some(JSON.into()),
        };
        ledger.settle(at(450), &[first]).await.unwrap();
        ledger.settle(at(450), &[second]).await.unwrap();
        ledger.settle(at(450), &[noted()]).await.unwrap();
        ledger.note_listed(period()).await.unwrap();
        ledger.set_checkpoint(now).await.unwrap();
        ledger.remember("bounds", Some("start")).await.unwrap();
        ledger
            .note_fault(now, "an entry without an id")
            .await
            .unwrap();
        ledger.record_run(&run()).await.unwrap();
        ledger.note_damage(at(800), &[damage()]).await.unwrap();
        ledger.begin_run("backup", at(900)).await.unwrap();
        ledger.close().await.unwrap();
    });
}

/// Whoever looks before the first run of a new program sees what the old one knew.
#[test]
fn every_stored_version_is_read_without_being_upgraded() {
    for index in 1..=CONTENTS.len() {
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("ledger.db");
        std::fs::copy(folder().join(format!("v{index}.db")), &copy).unwrap();
        block_on(async {
            let ledger = SqliteLedger::open_read_only(&copy).unwrap();
            assert_eq!(ledger.tally().await.unwrap().verified, 1);
            assert!(ledger.recording(&id()).await.unwrap().is_some());
            assert_eq!(ledger.recordings(None, 9).await.unwrap().len(), 1);
            assert_eq!(ledger.sealed_for().await.unwrap().len(), 1);
            assert_eq!(ledger.unsettled(None, 9).await.unwrap().len(), 1);
            assert_eq!(ledger.last_run().await.unwrap(), Some(run()));
            let days = ledger.days(None).await.unwrap();
            assert_eq!((days.len(), days[0].verified, days[0].open), (1, 1, 2));
            let is_new = index >= 3;
            assert_eq!(ledger.listed().await.unwrap().len(), usize::from(is_new));
            let versions = ledger.metadata_versions(&id()).await.unwrap();
            assert_eq!(versions.len(), usize::from(is_new));
            let noted = ledger.noted("r/a.bin").await.unwrap();
            assert_eq!(noted, is_new.then_some([4; 32]));
            let damaged = ledger.damaged(None, 9).await.unwrap().len();
            assert_eq!(damaged, usize::from(index >= 4));
            assert_eq!(days[0].damaged, u64::from(index >= 4));
            assert_eq!(ledger.begun().await.unwrap().is_some(), index >= 4);
            let history = ledger.history(&id()).await.unwrap();
            assert_eq!(history.happened.is_empty(), index < 4);
            assert_eq!(ledger.faults().await.unwrap().len(), 1);
            ledger.close().await.unwrap();
        });
        assert_eq!(version(&copy), index);
    }
}

fn version_1_is_read(path: &Path) {
    block_on(async {
        let ledger = SqliteLedger::open(path).unwrap();
        let backlog = ledger.manifest_backlog().await.unwrap();
        assert_eq!(
            (backlog.written, backlog.new),
            (0, 1),
            "also what was stored before"
        );
        ledger.check().await.unwrap();
        let entry = ledger.recording(&id()).await.unwrap().unwrap();
        let announced = announcement();
        assert_eq!(entry.start, announced.start);
        assert_eq!(entry.folder, announced.folder);
        assert_eq!(entry.stored_metadata_sha256, Some([3; 32]));
        let seen = announced.seen;
        let times = [entry.first_seen, entry.last_seen, entry.last_changed];
        assert_eq!(times, [seen; 3]);
        for ((found, media), file) in entry.media.iter().zip(FILES) {
            assert_eq!(found.as_str(), file.id);
            let last = file
                .then
                .or(file.first)
                .map_or(EntryState::Announced, |it| it());
            assert_eq!(media.state, last, "{}", file.id);
            assert_eq!(media.location.as_deref(), file.location);
            assert_eq!(media.attempts, file.attempts, "{}", file.id);
        }
        assert_eq!(entry.media.len(), FILES.len());
        let tally = LedgerTally {
            recordings: 1,
            announced: 2,
            verified: 1,
            verified_bytes: 201_216,
            skipped: 1,
            waiting: 1,
            lost: 1,
        };
        assert_eq!(ledger.tally().await.unwrap(), tally);
        let unsettled = ledger.unsettled(None, 10).await.unwrap();
        assert_eq!(unsettled.len(), 1);
        assert_eq!(ledger.unconfirmed().await.unwrap().len(), 1);
        assert_eq!(ledger.oldest_unsettled().await.unwrap(), announced.start);
        assert_eq!(ledger.checkpoint().await.unwrap(), Some(at(400)));
        let fact = ledger.recall("bounds").await.unwrap();
        assert_eq!(fact.as_deref(), Some("start"));
        assert_eq!(ledger.last_run().await.unwrap(), Some(run()));
        ledger.close().await.unwrap();
    });
}

/// As version 1; and what was stored is in the backlog for a manifest.
fn version_2_is_read(path: &Path) {
    version_1_is_read(path);
    block_on(async {
        let ledger = SqliteLedger::open(path).unwrap();
        let page = ledger.manifest_page(false, 0, 10).await.unwrap();
        assert_eq!(page.recordings.len(), 1);
        ledger.close().await.unwrap();
    });
}

/// Metadata that were replaced in the frozen recording.
const JSON: &[u8] = br#"{"id":"before"}"#;

fn digest(bytes: &[u8]) -> [u8; 32] {
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    sum.as_ref().try_into().unwrap()
}

fn noted() -> Settlement {
    Settlement::Noted {
        path: "r/a.bin".to_owned(),
        sha256: Some([4; 32]),
    }
}

fn period() -> Period {
    Period {
        since: at(0),
        until: at(86_400),
    }
}

/// As version 2; and what was listed, replaced and noted is known.
fn version_3_is_read(path: &Path) {
    version_2_is_read(path);
    block_on(async {
        let ledger = SqliteLedger::open(path).unwrap();
        assert_eq!(ledger.listed().await.unwrap(), [period()]);
        let versions = ledger.metadata_versions(&id()).await.unwrap();
        let version = MetadataVersion {
            sha256: digest(JSON),
            stored: Some(at(350)),
            replaced: at(400),
            json: JSON.into(),
        };
        assert_eq!(versions, [version]);
        assert_eq!(ledger.noted("r/a.bin").await.unwrap(), Some([4; 32]));
        ledger.close().await.unwrap();
    });
}

fn damage() -> DamageNote {
    DamageNote {
        recording: id(),
        media: Some(MediaId::new("d-verified.mp3").unwrap()),
        found: Some(("length".to_owned(), "it has 1 byte".to_owned())),
        state: Some(verified()),
    }
}

/// As version 3; and what became of files, what was found damaged, and the run that has begun.
fn version_4_is_read(path: &Path) {
    version_3_is_read(path);
    block_on(async {
        let ledger = SqliteLedger::open(path).unwrap();
        let history = ledger.history(&id()).await.unwrap();
        let told = history.happened.iter().map(|one| {
            let media = one.media.as_ref().map_or("", MediaId::as_str);
            let what = match &one.what {
                Happening::Failed { reason, .. } | Happening::Damaged { reason, .. } => reason,
                _ => "",
            };
            (&media[..1], what, one.times)
        });
        let told: Vec<_> = told.collect();
        let wrong = "the checksum is wrong";
        let wanted = [
            ("b", wrong, 1),
            ("c", wrong, 2),
            ("d", wrong, 1),
            ("d", "it has 1 byte", 1),
            ("f", wrong, 1),
        ];
        assert_eq!(told, wanted);
        let begun = ledger.begun().await.unwrap().unwrap();
        assert_eq!((begun.command.as_str(), begun.started), ("backup", at(900)));
        ledger.close().await.unwrap();
    });
}

type State = fn() -> EntryState;

/// A media file of the frozen recording: what it was settled as, and then.
struct Frozen {
    id: &'static str,
    location: Option<&'static str>,
    first: Option<State>,
    then: Option<State>,
    attempts: u32,
}

/// In the order of their ids; one for each state.
const FILES: [Frozen; 6] = [
    Frozen {
        id: "a-announced.mp3",
        location: None,
        first: None,
        then: None,
        attempts: 0,
    },
    Frozen {
        id: "b-publishing.mp3",
        location: Some("s3://gvp-callrecording/tenant/b-publishing.mp3"),
        first: Some(waiting),
        then: Some(publishing),
        attempts: 1,
    },
    Frozen {
        id: "c-waiting.mp3",
        location: Some("s3://gvp-callrecording/tenant/another name"),
        first: Some(waiting),
        then: Some(waiting),
        attempts: 2,
    },
    Frozen {
        id: "d-verified.mp3",
        location: Some("s3://gvp-callrecording/tenant/d-verified.mp3"),
        first: Some(waiting),
        then: Some(verified),
        attempts: 0,
    },
    Frozen {
        id: "e-skipped.mp4",
        location: None,
        first: Some(skipped),
        then: None,
        attempts: 0,
    },
    Frozen {
        id: "f-lost.mp3",
        location: None,
        first: Some(waiting),
        then: Some(lost),
        attempts: 1,
    },
];

fn waiting() -> EntryState {
    EntryState::Waiting {
        class: FailureClass::Corrupt,
        reason: "the checksum is wrong".to_owned(),
        next_attempt: at(600),
    }
}

fn publishing() -> EntryState {
    EntryState::Publishing {
        len_bytes: 7,
        sha256: [1; 32],
        etag: None,
        check: "envelope".to_owned(),
    }
}

fn verified() -> EntryState {
    EntryState::Verified {
        len_bytes: 201_216,
        sha256: [2; 32],
        etag: Some("\"0123456789abcdef-2\"".to_owned()),
        check: "crc64nvme".to_owned(),
        at: at(500),
    }
}

fn skipped() -> EntryState {
    EntryState::Skipped {
        rule: "mediaTypePattern".to_owned(),
    }
}

fn lost() -> EntryState {
    EntryState::Lost {
        reason: "404 twice".to_owned(),
        at: at(500),
    }
}

fn states(which: &dyn Fn(&Frozen) -> Option<State>) -> Vec<Settlement> {
    let settlement = |file: &Frozen| {
        let state = which(file)?();
        let media = MediaId::new(file.id).unwrap();
        let key = MediaKey {
            recording: id(),
            media,
        };
        let recipients = vec!["serial 10 of CN=gir_qa".to_owned()];
        Some(Settlement::Media {
            key,
            state,
            recipients,
        })
    };
    FILES.iter().filter_map(settlement).collect()
}

fn announcement() -> Announcement {
    let media = FILES.iter().map(|file| {
        let id = MediaId::new(file.id).unwrap();
        (id, file.location.map(ToOwned::to_owned))
    });
    Announcement {
        id: id(),
        start: Some(at(0)),
        stop: Some(at(180)),
        folder: format!("2018/02/12/19/{}", id().as_str()),
        metadata_sha256: [9; 32],
        seen: at(300),
        caller: Some("+15550100".to_owned()),
        dialed: None,
        agents: vec!["agent".to_owned()],
        media: media.collect(),
    }
}

fn run() -> RunRecord {
    RunRecord {
        started: at(250),
        ended: at(700),
        exit_code: 3,
        summary_json: "{\"waiting\":1}".to_owned(),
    }
}

fn id() -> RecordingId {
    RecordingId::new("01K7Q2VD5OA3R9TEMC41L2LAES0002QF").unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(1_518_462_251_000 + second * 1_000 + 7).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/ledger")
}

fn version(path: &Path) -> usize {
    let connection = Connection::open(path).unwrap();
    let version: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    usize::try_from(version).unwrap()
}

fn newest_version() -> usize {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ledger.db");
    drop(SqliteLedger::open(&path).unwrap());
    version(&path)
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}
