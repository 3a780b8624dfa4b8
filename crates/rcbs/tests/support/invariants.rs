//! What must hold after a run that ended badly, and after the one that followed it, however it came about.
//!
//! | invariant | asked of |
//! | --- | --- |
//! | I1 What has a final name has the bytes of the source. | kills, power cuts |
//! | I2 What the ledger calls verified is there, with the length and digest that it says. | kills, power cuts |
//! | I3 What the source has is in the ledger, or lies where the next run lists; no name before the ledger knows of it. | kills, power cuts |
//! | I4 What is verified is not asked for again. | kills, power cuts |
//! | I5 No end time passes a recording that is not there. | kills, power cuts |
//! | I6 No temporary file outlives the next run. | kills, power cuts |
//! | I7 Nothing is written beside the target. | kills |
//! | I8 Memory is bounded. | kills |
//! | I9 The exit code says what the report and the ledger say. | kills |
//! | I10 No secret is told or written down. | kills |
//! | I11 No file that was there changes its bytes. | kills, power cuts, flipped bits |
//! | I12 The ledger is sound. | kills, power cuts |
//!
//! *Kills* are all bad ends of the real program: `crash/checker.rs` asks here and has I7 to I10 of its own, which need its
//! words. *Power cuts* are `power/aftermath.rs`, *flipped bits* `damage/flips.rs`. A broken one is words and no panic:
//! `crash/found_out.rs` and `power/cuts.rs` show that it is found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rcbs_sim::SharedCloud;
use serde_json::Value;

use super::archive::{Key, check_private, sealed_files, sha256};
use super::books::{Books, Entry};
use super::snapshot::files;

/// The exported end time. It is a note for others and no file of the archive.
pub const ENDTIME_NOTE: &str = "last_recording_endtime.txt";

/// What the archive is a copy of.
pub struct Source {
    /// All files that are there in the end.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Other bytes that metadata may have until the next run: what an earlier run has stored. Kills have none.
    pub earlier: BTreeMap<PathBuf, Vec<u8>>,
    /// The path of each media file in the archive.
    pub paths: BTreeMap<Key, PathBuf>,
    /// SHA-256 of each, in hexadecimal digits.
    digests: BTreeMap<Key, String>,
    /// When its recording began.
    starts_ms: BTreeMap<Key, i64>,
    /// Its key in the store.
    objects: BTreeMap<Key, String>,
}

/// What an archive and its ledger hold.
pub struct Seen {
    pub stored: BTreeMap<PathBuf, Vec<u8>>,
    /// The media files that the ledger has heard of.
    pub known: BTreeSet<Key>,
    /// Those that it calls verified.
    pub verified: BTreeSet<Key>,
}

impl Source {
    /// The source of a whole archive, from its cloud and the JSON lines of the runs that made it. It is no smaller than the
    /// cloud: every media file was told, and is there.
    pub fn of(cloud: &SharedCloud, target: &Path, lines: &[u8]) -> Result<Self, String> {
        let files = public_files(target);
        let paths: BTreeMap<Key, PathBuf> = told_verified(lines)?.into_iter().collect();
        let mut digests = BTreeMap::new();
        for (key, bytes) in sealed_files(cloud) {
            let stored = paths.get(&key).and_then(|path| files.get(path));
            ensure(stored == Some(&bytes), || {
                format!("{key:?} of the cloud is not in the source")
            })?;
            digests.insert(key, sha256(&bytes));
        }
        ensure(paths.keys().eq(digests.keys()), || {
            format!("not all of {:?} is of the cloud", paths.keys())
        })?;
        let (starts_ms, objects) = known_to(cloud);
        Ok(Self {
            files,
            earlier: BTreeMap::new(),
            paths,
            digests,
            starts_ms,
            objects,
        })
    }

    /// After a bad end: I1, I2, I3, I5, I12, and nobody else may read any of it.
    pub fn aftermath(&self, target: &Path, state_folder: &Path) -> Result<Seen, String> {
        let stored = public_files(target);
        self.check_whole(&stored)?;
        let books = Books::of(state_folder)?;
        let verified: BTreeSet<Key> = books.verified().map(|(key, _)| key.clone()).collect();
        for (key, entry) in books.verified() {
            self.check_verified(key, entry, &stored)?;
        }
        self.check_nothing_forgotten(&books, &stored)?;
        self.check_endtime(target, &verified)?;
        check_private(target)?;
        Ok(Seen {
            stored,
            known: books.media.into_keys().collect(),
            verified,
        })
    }

    /// What a run told as verified, in JSON lines, is there and known as that.
    pub fn told(&self, seen: &Seen, lines: &[u8]) -> Result<(), String> {
        for (key, path) in told_verified(lines)? {
            ensure(self.paths.get(&key) == Some(&path), || {
                format!("{key:?} was told at {}", path.display())
            })?;
            ensure(seen.stored.contains_key(&path), || {
                format!("{key:?} was told and is not there")
            })?;
            ensure(seen.verified.contains(&key), || {
                format!("{key:?} was told and the ledger does not know")
            })?;
        }
        Ok(())
    }

    /// After the run that followed: I4, I11, and the archive is complete. `is_asked_for` says whether that run asked the store
    /// for an object of this key.
    pub fn next_run(
        &self,
        before: &Seen,
        is_asked_for: impl Fn(&str) -> bool,
        target: &Path,
        state_folder: &Path,
    ) -> Result<Seen, String> {
        for key in &before.verified {
            ensure(!is_asked_for(&self.objects[key]), || {
                format!("{key:?} was verified and is fetched again")
            })?;
        }
        let mut lasting = before.stored.clone();
        // Metadata of an earlier run are brought up to date.
        lasting.retain(|path, bytes| self.files.get(path) == Some(bytes));
        check_unchanged(&lasting, &public_files(target))?;
        self.complete(target, state_folder)
    }

    /// The archive is whole and the ledger knows it, no temporary file is left (I6), and all that holds after a bad end.
    pub fn complete(&self, target: &Path, state_folder: &Path) -> Result<Seen, String> {
        let seen = self.aftermath(target, state_folder)?;
        check_unchanged(&self.files, &seen.stored)?;
        // The other way round it is I1: nothing has a name that the source does not have.
        for folder in ["staging", "quarantine"] {
            let left = files(&target.join(".rcbs").join(folder));
            ensure(left.is_empty(), || {
                format!("{folder} holds {:?}", left.keys())
            })?;
        }
        ensure(seen.verified.iter().eq(self.paths.keys()), || {
            format!("not all is verified: {:?}", seen.verified)
        })?;
        ensure(seen.known == seen.verified, || {
            format!("the ledger knows of others: {:?}", seen.known)
        })?;
        Ok(seen)
    }

    /// I1.
    fn check_whole(&self, stored: &BTreeMap<PathBuf, Vec<u8>>) -> Result<(), String> {
        for (path, bytes) in stored {
            let may_be = [self.files.get(path), self.earlier.get(path)];
            ensure(may_be.contains(&Some(bytes)), || {
                format!("{} is not whole", path.display())
            })?;
        }
        Ok(())
    }

    /// I2, of files that have the bytes of the source.
    fn check_verified(
        &self,
        key: &Key,
        entry: &Entry,
        stored: &BTreeMap<PathBuf, Vec<u8>>,
    ) -> Result<(), String> {
        let path = self.paths.get(key);
        let bytes = path.and_then(|path| stored.get(path));
        let bytes = bytes.ok_or_else(|| format!("{key:?} is called verified and is not there"))?;
        let len_bytes = i64::try_from(bytes.len()).unwrap();
        ensure(entry.len_bytes == Some(len_bytes), || {
            format!("{key:?} has {len_bytes} bytes, the ledger says {entry:?}")
        })?;
        ensure(entry.sha256.as_ref() == self.digests.get(key), || {
            format!("{key:?} has another digest, the ledger says {entry:?}")
        })
    }

    /// I3: what lies before the checkpoint is in the ledger, which reports it until it is in the archive; the rest is
    /// listed again. And nothing gets a name before the ledger has heard of it, which a power cut does not undo either: what
    /// is announced is durable before its bytes are asked for.
    fn check_nothing_forgotten(
        &self,
        books: &Books,
        stored: &BTreeMap<PathBuf, Vec<u8>>,
    ) -> Result<(), String> {
        let unknown = self.paths.iter();
        for (key, path) in unknown.filter(|(key, _)| !books.media.contains_key(*key)) {
            ensure(!self.lies_before(key, books.checkpoint_ms), || {
                let checkpoint_ms = books.checkpoint_ms;
                format!("{key:?} lies before the checkpoint {checkpoint_ms:?} and is not known")
            })?;
            ensure(!stored.contains_key(path), || {
                format!("{key:?} has a name and the ledger has never heard of it")
            })?;
        }
        Ok(())
    }

    /// I5.
    fn check_endtime(&self, target: &Path, verified: &BTreeSet<Key>) -> Result<(), String> {
        let Ok(note) = std::fs::read_to_string(target.join(ENDTIME_NOTE)) else {
            return Ok(());
        };
        let endtime_ms = note.trim().parse::<i64>();
        let endtime_ms =
            endtime_ms.map_err(|error| format!("{ENDTIME_NOTE}: {error}: {note:?}"))?;
        for key in self.paths.keys() {
            let is_passed = self.lies_before(key, Some(endtime_ms));
            ensure(verified.contains(key) || !is_passed, || {
                format!("{key:?} lies before the end time {endtime_ms} and is not here")
            })?;
        }
        Ok(())
    }

    fn lies_before(&self, key: &Key, moment_ms: Option<i64>) -> bool {
        moment_ms.is_some_and(|moment_ms| self.starts_ms[key] < moment_ms)
    }
}

/// The files of the archive that do not differ from run to run: without the program's own folder, the manifests, and
/// the end time, which only I5 looks at.
pub fn public_files(target: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files(target);
    files.retain(|path, _| {
        let is_own = path.starts_with(".rcbs") || path.starts_with("manifests");
        !is_own && path != Path::new(ENDTIME_NOTE)
    });
    files
}

/// I11: everything that was there is there still, with the same bytes.
pub fn check_unchanged(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    now: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(), String> {
    for (path, bytes) in before {
        let bytes_now = now.get(path);
        let bytes_now = bytes_now.ok_or_else(|| format!("{} is not there", path.display()))?;
        ensure(bytes_now == bytes, || {
            format!("{} has other bytes", path.display())
        })?;
    }
    Ok(())
}

/// Fails with these words if something does not hold.
pub fn ensure(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}

/// Ends the test if something does not hold.
#[track_caller]
pub fn hold<T>(checked: Result<T, String>) -> T {
    checked.unwrap_or_else(|words| panic!("{words}"))
}

/// What JSON lines call verified, and at which path. The last line may have been cut.
fn told_verified(lines: &[u8]) -> Result<Vec<(Key, PathBuf)>, String> {
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    let mut told = Vec::new();
    for line in lines.filter(|line| line.ends_with(b"\n")) {
        let line: Value = serde_json::from_slice(line)
            .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(line)))?;
        if line["event"] == "verified" {
            let text = |name: &str| {
                let text = line[name].as_str();
                text.ok_or_else(|| format!("no {name} in {line}"))
            };
            let key = (text("recording")?.to_owned(), text("media")?.to_owned());
            told.push((key, text("path")?.into()));
        }
    }
    Ok(told)
}

/// When the recording of each media file began, and the key of its object.
fn known_to(cloud: &SharedCloud) -> (BTreeMap<Key, i64>, BTreeMap<Key, String>) {
    cloud.read(|cloud| {
        let recordings = cloud.recordings().iter();
        let all = recordings.flat_map(|recording| {
            let media = recording.media.iter();
            media.map(move |media| {
                let key = (recording.id.clone(), media.id.clone());
                let start_ms = recording.start.as_millisecond();
                ((key.clone(), start_ms), (key, media.key.clone()))
            })
        });
        all.unzip()
    })
}
