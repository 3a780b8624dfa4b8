//! Gives staged files their final names: bytes durable, then names, then names durable, one batch at a time.
//!
//! Both flushes cover the whole batch. Nothing is renamed before all bytes are durable, so a final name never stands
//! for bytes that a power cut could take; and nobody hears `Ok` before the names are durable too.

use std::collections::BTreeSet;
use std::io;

use rcbs_core::ports::{Publication, PublishMode, TargetError};
use rcbs_core::store::{Folder, SafeName};

use super::error::failed;
use super::place::{Place, parts};
use super::read_back;
use super::system::{self, Dir};
use super::volume::Volume;

/// From this many files or folders on, one flush of the volume costs less than one for each (measured on ext4: equal
/// at 3, a third of the time at 16, a twentieth at 256 small files). It flushes what other programs have written to
/// the volume as well, so it is not taken for less.
const ONE_FLUSH_FROM: usize = 4;

/// Publishes a batch; one result for each, in order.
///
/// A file that could not get its name because the name is taken, and every file of a batch whose flush failed, is
/// removed from staging. After any other failure the staged file stays, for recovery to publish it.
pub(super) fn publish(place: &Place, batch: &[Publication]) -> Vec<Result<(), TargetError>> {
    let results = publish_all(place, batch);
    let told = results.into_iter();
    told.map(|result| result.map_err(|error| place.or_lost(error)))
        .collect()
}

fn publish_all(place: &Place, batch: &[Publication]) -> Vec<Result<(), TargetError>> {
    if let Err(error) = place.check_root() {
        return vec![Err(error); batch.len()];
    }
    if let Err(error) = flush_bytes(place, batch) {
        for publication in batch {
            drop_staged(place, publication);
        }
        return vec![Err(error); batch.len()];
    }
    let altered = match place.reads_back() {
        true => read_back::compare(place, batch),
        false => vec![None; batch.len()],
    };
    let mut walk = Walk::new(place);
    let mut results = name_all(place, &mut walk, batch, altered);
    if let Err(error) = flush_names(place, &walk.touched) {
        withdraw(&mut walk, batch, &mut results, &error);
    }
    results
}

/// Makes the bytes of all staged files durable. A failure is final: the kernel has dropped the bytes by then, and
/// would report success for the next flush of the same file.
fn flush_bytes(place: &Place, batch: &[Publication]) -> Result<(), TargetError> {
    if flush_as_one(place, batch.len())? {
        return Ok(());
    }
    for Publication { staged, .. } in batch {
        let name = staged.name.as_str();
        let flushed = place.staging().open_to_append(name).and_then(|file| {
            system::flush_file(&file)?;
            file.metadata().map(|found| found.len())
        });
        match flushed {
            Ok(len) if len == staged.len_bytes => {}
            // Some shares report a lost write by nothing but the length.
            Ok(len) => {
                return Err(TargetError::Io {
                    action: "flush",
                    path: place.shown_staged(name),
                    reason: format!("it has {len} bytes instead of {}", staged.len_bytes),
                });
            }
            // Only this one file fails for it, when it is renamed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("flush", place.shown_staged(name), &error)),
        }
    }
    Ok(())
}

/// Gives the names folder by folder, within each in the order of the batch: each folder is opened once. When a folder fails, the rest of the batch that goes into that folder
/// fails with it: what makes a recording findable comes last and must not appear without what comes before.
fn name_all(
    place: &Place,
    walk: &mut Walk<'_>,
    batch: &[Publication],
    altered: Vec<Option<TargetError>>,
) -> Vec<Result<(), TargetError>> {
    let mut failed_folders: Vec<(&Folder, TargetError)> = Vec::new();
    let mut results: Vec<Option<Result<(), TargetError>>> = vec![None; batch.len()];
    let mut order: Vec<(usize, Option<TargetError>)> = altered.into_iter().enumerate().collect();
    order.sort_by(|(one, _), (other, _)| batch[*one].folder.cmp(&batch[*other].folder));
    for (at, altered) in order {
        let publication = &batch[at];
        let earlier = failed_folders
            .iter()
            .find(|(folder, _)| *folder == &publication.folder);
        let result = match (earlier, altered) {
            (Some((_, error)), _) => Err(error.clone()),
            (None, Some(error)) => Err(error),
            (None, None) => name_one(place, walk, publication),
        };
        match &result {
            Err(TargetError::Exists { .. } | TargetError::Altered { .. }) => {
                drop_staged(place, publication);
            }
            Err(error) if earlier.is_none() => {
                failed_folders.push((&publication.folder, error.clone()));
            }
            _ => {}
        }
        results[at] = Some(result);
    }
    // Each has its turn above.
    results.into_iter().flatten().collect()
}

fn name_one(
    place: &Place,
    walk: &mut Walk<'_>,
    publication: &Publication,
) -> Result<(), TargetError> {
    let Publication {
        staged,
        folder,
        name,
        mode,
        sha256: _,
    } = publication;
    let dir = walk.enter(folder)?;
    let (staging, from, to) = (place.staging(), staged.name.as_str(), name.as_str());
    let renamed = match mode {
        PublishMode::New => staging.rename_new(from, dir, to),
        PublishMode::Replace => staging.rename_over(from, dir, to),
    };
    walk.touched.insert(folder.clone());
    renamed.map_err(|error| {
        let path = place.shown(folder, Some(name));
        match error.kind() {
            io::ErrorKind::AlreadyExists => TargetError::Exists { path },
            _ => failed("rename", path, &error),
        }
    })
}

/// Makes the names in all touched folders durable.
fn flush_names(place: &Place, touched: &BTreeSet<Folder>) -> Result<(), TargetError> {
    if flush_as_one(place, touched.len())? {
        return Ok(());
    }
    for folder in touched {
        place
            .root()
            .open_folder(&parts(folder))
            .and_then(|dir| dir.flush())
            .map_err(|error| failed("flush", place.shown(folder, None), &error))?;
    }
    Ok(())
}

/// Flushes the volume instead of so many files or folders; `false` where that is no gain or not possible. The root was
/// opened before anything was written, so its handle also reports a write that failed earlier in the background.
fn flush_as_one(place: &Place, count: usize) -> Result<bool, TargetError> {
    if place.volume() != Volume::FlushesAsOne || count < ONE_FLUSH_FROM {
        return Ok(false);
    }
    match place.root().flush_volume() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
        Err(error) => Err(failed("flush", place.shown(&Folder::top(), None), &error)),
    }
}

/// Takes back the new names of a batch whose names could not be made durable. A name that replaced another stays: the
/// new bytes under it are whole and durable, and the old ones are gone.
fn withdraw(
    walk: &mut Walk<'_>,
    batch: &[Publication],
    results: &mut [Result<(), TargetError>],
    error: &TargetError,
) {
    for (publication, result) in batch.iter().zip(results).rev() {
        if result.is_err() {
            continue;
        }
        if publication.mode == PublishMode::New
            && let Ok(dir) = walk.enter(&publication.folder)
        {
            drop(dir.remove_file(publication.name.as_str()));
        }
        *result = Err(error.clone());
    }
}

fn drop_staged(place: &Place, publication: &Publication) {
    let name = publication.staged.name.as_str();
    drop(place.staging().remove_file(name));
}

/// Walks from folder to folder of the archive, making those that are missing. Holds the handles of one path only, so
/// a batch of any size needs few.
struct Walk<'a> {
    place: &'a Place,
    chain: Vec<(SafeName, Dir)>,
    /// Folders with new names in them.
    touched: BTreeSet<Folder>,
}

impl<'a> Walk<'a> {
    fn new(place: &'a Place) -> Self {
        Self {
            place,
            chain: Vec::new(),
            touched: BTreeSet::new(),
        }
    }

    fn enter(&mut self, folder: &Folder) -> Result<&Dir, TargetError> {
        let common = self
            .chain
            .iter()
            .zip(folder.parts())
            .take_while(|((have, _), want)| have == *want)
            .count();
        self.chain.truncate(common);
        for part in &folder.parts()[common..] {
            self.descend(part).map_err(|error| {
                let here = self.here().join(part.clone());
                failed("create", self.place.shown(&here, None), &error)
            })?;
        }
        Ok(self.last())
    }

    fn descend(&mut self, part: &SafeName) -> io::Result<()> {
        let above = self.last();
        let created = above.make_folder(part.as_str())?;
        let dir = above.open_folder(&[part.as_str()])?;
        if created {
            self.touched.insert(self.here());
        }
        self.chain.push((part.clone(), dir));
        Ok(())
    }

    fn last(&self) -> &Dir {
        self.chain.last().map_or(self.place.root(), |(_, dir)| dir)
    }

    fn here(&self) -> Folder {
        self.chain.iter().map(|(part, _)| part.clone()).collect()
    }
}
