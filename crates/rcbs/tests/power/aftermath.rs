//! The next run on a disk that a power cut has left, and what must hold before and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::event::{Event, Listener};
use rcbs_core::plan::Instance;
use rcbs_core::run::{Outcome, Ports, VerifyPorts, outcome, run, verify, verify_manifests};
use rcbs_io::target::TargetView;
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{SharedCloud, SimClock};
use tokio_util::sync::CancellationToken;

use crate::cut::Remains;
use crate::ports;
use crate::ports::looking::Said;
use crate::support::archive::{Key, sealed_files, sha256};
use crate::support::books::Books;
use crate::support::scratch;
use crate::support::snapshot::files;

/// Fails the check with words instead of ending the test: the tests also show that the check finds what it should.
macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}

/// The archive that must be there in the end, and the cloud that it is a copy of.
pub struct Reference {
    pub cloud: SharedCloud,
    /// All files but the program's own, the manifests and the exported end time.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Other bytes that metadata may have before the next run: what an earlier run has stored.
    pub earlier: BTreeMap<PathBuf, Vec<u8>>,
}

impl Reference {
    /// When the recording of each media file began.
    fn starts_ms(&self) -> Vec<(Key, i64)> {
        self.cloud.read(|cloud| {
            let recordings = cloud.recordings().iter();
            let keys = recordings.flat_map(|one| {
                let media = one.media.iter();
                media.map(|media| {
                    (
                        (one.id.clone(), media.id.clone()),
                        one.start.as_millisecond(),
                    )
                })
            });
            keys.collect()
        })
    }
}

/// What the user was told before the cut: recordings and media files that are stored.
pub fn told(said: &[u8]) -> BTreeSet<(Key, PathBuf)> {
    let lines = said.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter(|line| line.ends_with(b"\n"));
    let events = whole.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
    let verified = events.filter(|event| event["event"] == "verified");
    verified
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            ((text("recording"), text("media")), text("path").into())
        })
        .collect()
}

/// Puts the remains into a folder and checks them, lets the next run work, and checks what it leaves.
pub async fn check(
    reference: &Reference,
    remains: &Remains,
    told: &BTreeSet<(Key, PathBuf)>,
) -> Result<(), String> {
    let place = scratch();
    materialise(remains, place.path());
    let target = place.path().join("target");
    let stored = public_files(&target);
    for (path, bytes) in &stored {
        let is_whole = reference.files.get(path) == Some(bytes);
        let is_earlier = reference.earlier.get(path) == Some(bytes);
        ensure!(is_whole || is_earlier, "{} is not whole", path.display());
    }
    for (key, path) in told {
        ensure!(stored.contains_key(path), "{key:?} was told and is gone");
    }
    let known = known(reference, &target, &stored)?;
    for (key, _) in told {
        ensure!(
            known.contains(key),
            "{key:?} was told and the ledger forgot it"
        );
    }
    let asked = next_run(reference, &target).await?;
    for (recording, media) in &known {
        let key = object_key(reference, recording, media);
        ensure!(
            !asked.contains(&key),
            "{media} was verified and is fetched again"
        );
    }
    check_complete(reference, &target).await
}

fn materialise(remains: &Remains, place: &Path) {
    for folder in &remains.folders {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700).recursive(true);
        builder.create(place.join(folder)).unwrap();
    }
    for (path, bytes) in &remains.files {
        let mut options = std::fs::OpenOptions::new();
        options.mode(0o600).write(true).create_new(true);
        let mut file = options.open(place.join(path)).unwrap();
        file.write_all(bytes).unwrap();
    }
}

/// The archive without what differs from run to run.
pub fn public_files(target: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files(target);
    files.retain(|path, _| {
        let is_own = path.starts_with(".rcbs") || path.starts_with("manifests");
        !is_own && !path.ends_with("last_recording_endtime.txt")
    });
    files
}

/// What the ledger says is there, and the end time that is told to others passes nothing that is not.
fn known(
    reference: &Reference,
    target: &Path,
    stored: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<BTreeSet<Key>, String> {
    let books = Books::of(&target.join(".rcbs"));
    let digests: BTreeSet<String> = stored.values().map(|bytes| sha256(bytes)).collect();
    for (key, entry) in books.verified() {
        let is_there = entry.sha256.as_ref().is_some_and(|it| digests.contains(it));
        ensure!(is_there, "{key:?} is called verified and is not there");
    }
    let verified: BTreeSet<Key> = books.verified().map(|(key, _)| key.clone()).collect();
    let endtime_ms = std::fs::read_to_string(target.join("last_recording_endtime.txt"))
        .ok()
        .map(|text| text.trim().parse::<i64>().unwrap());
    for (key, start_ms) in reference.starts_ms() {
        let is_passed = |moment: Option<i64>| moment.is_some_and(|moment| start_ms < moment);
        let is_known = books.media.contains_key(&key) || !is_passed(books.checkpoint_ms);
        ensure!(
            is_known,
            "{key:?} lies before the checkpoint and is not known"
        );
        let is_here = verified.contains(&key) || !is_passed(endtime_ms);
        ensure!(is_here, "{key:?} lies before the end time and is not here");
    }
    Ok(verified)
}

struct Silent;

impl Listener for Silent {
    fn on(&self, _event: &Event) {}
}

/// The keys of the objects that it asked for.
async fn next_run(reference: &Reference, target: &Path) -> Result<BTreeSet<String>, String> {
    let world = World::around(reference);
    let mut options = ports::options();
    options.instance = Instance::all();
    let end = run(
        world.ports(target),
        options,
        Arc::new(Silent),
        CancellationToken::new(),
    )
    .await;
    ensure!(outcome(&end) == Outcome::Complete, "the next run: {end:?}");
    let objects = reference.cloud.read(|cloud| {
        let recordings = cloud.recordings().iter();
        let media = recordings.flat_map(|recording| &recording.media);
        media.map(|media| media.key.clone()).collect::<Vec<_>>()
    });
    let asked = objects.into_iter();
    Ok(asked
        .filter(|key| world.store.calls().gets_of(key) > 0)
        .collect())
}

struct World {
    api: Arc<SimApi>,
    store: Arc<SimStore>,
    clock: Arc<SimClock>,
}

impl World {
    fn around(reference: &Reference) -> Self {
        let (quirks, faults) = (Quirks::default(), Faults::none());
        Self {
            api: Arc::new(SimApi::new(
                &reference.cloud,
                quirks.clone(),
                faults.clone(),
            )),
            store: Arc::new(SimStore::new(&reference.cloud, quirks, faults)),
            clock: Arc::new(SimClock::starting_at(Timestamp::now())),
        }
    }

    fn ports(&self, target: &Path) -> Ports {
        let (api, store) = (Arc::clone(&self.api), Arc::clone(&self.store));
        ports::ports(api, store, &self.clock, target)
    }
}

/// The archive is whole, nothing is left over, and it says so itself.
async fn check_complete(reference: &Reference, target: &Path) -> Result<(), String> {
    let stored = public_files(target);
    ensure!(
        stored.keys().eq(reference.files.keys()),
        "other files: {:?}",
        stored.keys()
    );
    for (path, bytes) in &stored {
        ensure!(
            reference.files[path] == *bytes,
            "{} has other bytes",
            path.display()
        );
    }
    for folder in ["staging", "quarantine"] {
        let left = files(&target.join(".rcbs").join(folder));
        ensure!(left.is_empty(), "{folder} holds {:?}", left.keys());
    }
    let known = known(reference, target, &stored)?;
    ensure!(
        known.len() == reference.starts_ms().len(),
        "not all is verified: {known:?}"
    );
    let world = World::around(reference);
    let said = Arc::new(Said::default());
    let ports = world.ports(target);
    let ports = VerifyPorts {
        target: ports.target,
        ledger: ports.ledger,
        clock: ports.clock,
    };
    let options = ports::looking::every_byte();
    let never = CancellationToken::new();
    let clock = Arc::clone(&ports.clock);
    let looked = verify(ports, options, Arc::clone(&said) as Arc<_>, never.clone()).await;
    ensure!(looked.stopped.is_none(), "verifying: {:?}", looked.stopped);
    ensure!(looked.summary.waiting == 0, "something waits");
    let view = Arc::new(TargetView::open(target).unwrap());
    let options = ports::looking::manifests();
    let proven = verify_manifests(view, clock, options, Arc::clone(&said) as Arc<_>, never).await;
    ensure!(proven.stopped.is_none(), "manifests: {:?}", proven.stopped);
    let said = said.0.lock().unwrap();
    ensure!(said.is_empty(), "verifying finds {said:?}");
    Ok(())
}

fn object_key(reference: &Reference, recording: &str, media: &str) -> String {
    reference.cloud.read(|cloud| {
        let recording = cloud.recording_by_id(recording).unwrap();
        let found = recording.media.iter().find(|one| one.id == media).unwrap();
        found.key.clone()
    })
}

/// Every media file that belongs into the archive is in the reference: the reference is no smaller than the cloud.
pub fn assert_whole(reference: &Reference) {
    let there: BTreeSet<&Vec<u8>> = reference.files.values().collect();
    for (key, bytes) in sealed_files(&reference.cloud) {
        assert!(there.contains(&bytes), "{key:?}");
    }
}
