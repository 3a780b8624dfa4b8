//! A temporary file that is being written: in place while the disk is quick, and else small ones in memory until they are
//! complete, larger ones in pieces.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::ports::{StageName, Staged, StagedFile, TargetError};

use super::desk::Claim;
use super::error::failed;
use super::gather::{Gather, write_all};
use super::place::{Place, hop};

/// Pieces up to this size are gathered before they are written in place.
const PIECE_BYTES: usize = 64 << 10;
/// Elsewhere a file up to this size is opened, written and closed in one hop when it is complete.
const SMALL_FILE_BYTES: usize = 1 << 20;
/// A larger one is written in hops of this size, which is also what it holds in memory.
const HOP_BYTES: usize = 256 << 10;

/// A temporary file in `.rcbs/staging`.
#[derive(Debug)]
pub(super) struct Stage {
    place: Arc<Place>,
    name: StageName,
    /// Held by every hop as well, see [`super::desk`].
    claim: Arc<Claim>,
    file: Option<Arc<File>>,
    gather: Gather,
    written_bytes: u64,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What is on disk is known.
    Settled,
    /// A hop is under way; seen by a later call only when the future of that hop was dropped.
    Hopping,
    /// Finished or discarded: nothing is left to clean up.
    Ended,
}

impl Stage {
    pub(super) async fn open(place: &Arc<Place>, name: &StageName) -> Self {
        let claim = Arc::new(place.desk.claim(name).await);
        Self {
            place: Arc::clone(place),
            name: name.clone(),
            claim,
            file: None,
            gather: Gather::default(),
            written_bytes: 0,
            phase: Phase::Settled,
        }
    }

    /// One hop to the disk with the claim held until it has ended, whatever becomes of this future.
    async fn hop<T: Send + 'static>(
        &mut self,
        action: &'static str,
        work: impl FnOnce(&Place, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, TargetError> {
        if self.phase != Phase::Settled {
            return Err(TargetError::Io {
                action,
                path: self.place.shown_staged(self.name.as_str()),
                reason: "an earlier write was abandoned before it ended".to_owned(),
            });
        }
        self.phase = Phase::Hopping;
        let (claim, name) = (Arc::clone(&self.claim), self.name.clone());
        let done = hop(&self.place, action, move |place| {
            let done = work(place, name.as_str())
                .map_err(|error| failed(action, place.shown_staged(name.as_str()), &error));
            drop(claim);
            done
        })
        .await;
        self.phase = Phase::Settled;
        done
    }

    /// The same without a hop, where the disk is quick enough to be waited for.
    fn in_place<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Place, &str) -> io::Result<T>,
    ) -> Result<T, TargetError> {
        let (place, name) = (self.place.as_ref(), self.name.as_str());
        let began = Instant::now();
        let done = work(place, name);
        place.haste.took(began, Instant::now());
        done.map_err(|error| place.or_lost(failed(action, place.shown_staged(name), &error)))
    }

    /// Writes what was gathered. After an error the file holds what it held before, and the rest is forgotten.
    async fn spill(&mut self) -> Result<(), TargetError> {
        let pieces = self.gather.take();
        let (file, before) = (self.file.clone(), self.written_bytes);
        let len_bytes: usize = pieces.iter().map(Bytes::len).sum();
        let write = move |place: &Place, name: &str| add(place, name, file, before, &pieces);
        let is_short = len_bytes <= SMALL_FILE_BYTES;
        let (file, added) = match is_short && self.is_quick() && self.phase == Phase::Settled {
            true => self.in_place("write", write)?,
            false => self.hop("write", write).await?,
        };
        self.file = Some(file);
        self.written_bytes += added;
        Ok(())
    }

    fn is_quick(&self) -> bool {
        self.place.haste.is_quick(Instant::now())
    }

    /// Writes what is left.
    async fn close(&mut self) -> Result<(), TargetError> {
        if self.file.is_none() || self.gather.len_bytes() > 0 {
            self.spill().await?;
        }
        self.phase = Phase::Ended;
        Ok(())
    }
}

#[async_trait]
impl StagedFile for Stage {
    fn len(&self) -> u64 {
        self.written_bytes + self.gather.len_bytes() as u64
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), TargetError> {
        self.gather.push(bytes);
        let held_bytes = self.gather.len_bytes();
        let hop_bytes = match self.file {
            None => SMALL_FILE_BYTES,
            Some(_) => HOP_BYTES,
        };
        if held_bytes > hop_bytes || (held_bytes > PIECE_BYTES && self.is_quick()) {
            self.spill().await?;
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), TargetError> {
        drop(self.gather.take());
        if let Some(file) = self.file.clone() {
            self.hop("write", move |_, _| undo(&file, 0)).await?;
            self.written_bytes = 0;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Staged, TargetError> {
        self.close().await?;
        Ok(Staged {
            name: self.name.clone(),
            len_bytes: self.written_bytes,
        })
    }

    async fn discard(mut self: Box<Self>) -> Result<(), TargetError> {
        drop(self.gather.take());
        if self.file.take().is_some() {
            self.hop("remove", |place, name| place.staging().remove_file(name))
                .await?;
        }
        self.phase = Phase::Ended;
        Ok(())
    }
}

impl Drop for Stage {
    /// Nobody said what should become of it, so it is garbage. The claim is held until it is removed; without a
    /// runtime it waits for the next sweep.
    fn drop(&mut self) {
        let nothing_on_disk = self.file.is_none() && self.phase == Phase::Settled;
        if self.phase == Phase::Ended || nothing_on_disk {
            return;
        }
        let (place, claim) = (Arc::clone(&self.place), Arc::clone(&self.claim));
        let name = self.name.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn_blocking(move || {
                drop(place.staging().remove_file(name.as_str()));
                drop(claim);
            }));
        }
    }
}

/// Writes pieces behind the first `before` bytes of a file, or into a new one. After an error the file holds what it held
/// before.
fn add(
    place: &Place,
    name: &str,
    file: Option<Arc<File>>,
    before: u64,
    pieces: &[Bytes],
) -> io::Result<(Arc<File>, u64)> {
    let added: usize = pieces.iter().map(Bytes::len).sum();
    let Some(file) = file else {
        let file = create_anew(place, name)?;
        if let Err(error) = write_all(&file, pieces) {
            place.staging().remove_file(name)?;
            return Err(error);
        }
        return Ok((Arc::new(file), added as u64));
    };
    if let Err(error) = write_all(&file, pieces) {
        if undo(&file, before).is_err() {
            place.staging().remove_file(name)?;
        }
        return Err(error);
    }
    Ok((file, added as u64))
}

/// Makes the file. What lies there already is left over from an earlier attempt; it is replaced by
/// a file of its own, never overwritten.
fn create_anew(place: &Place, name: &str) -> io::Result<File> {
    match place.staging().create_file(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            place.staging().remove_file(name)?;
            place.staging().create_file(name)
        }
        made => made,
    }
}

fn undo(mut file: &File, len_bytes: u64) -> io::Result<()> {
    file.set_len(len_bytes)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(len_bytes))?;
    Ok(())
}
