//! A temporary file that is being written: small ones in memory until they are complete, larger ones in pieces.

use std::fs::File;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::ports::{StageName, Staged, StagedFile, TargetError};

use super::desk::Claim;
use super::error::failed;
use super::gather::{Gather, write_all};
use super::place::{Place, hop};

/// A file up to this size is opened, written and closed in one hop when it is complete.
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

    /// Writes what was gathered. After an error the file holds what it held before, and the rest is forgotten.
    async fn spill(&mut self) -> Result<(), TargetError> {
        let pieces = self.gather.take();
        let (file, before) = (self.file.clone(), self.written_bytes);
        let (file, added) = self
            .hop("write", move |place, name| {
                let added: usize = pieces.iter().map(Bytes::len).sum();
                match file {
                    Some(file) => match write_all(&file, &pieces) {
                        Ok(()) => Ok((file, added as u64)),
                        Err(error) => {
                            if undo(&file, before).is_err() {
                                place.staging().remove_file(name)?;
                            }
                            Err(error)
                        }
                    },
                    None => {
                        let file = create_anew(place, name)?;
                        if let Err(error) = write_all(&file, &pieces) {
                            place.staging().remove_file(name)?;
                            return Err(error);
                        }
                        Ok((Arc::new(file), added as u64))
                    }
                }
            })
            .await?;
        self.file = Some(file);
        self.written_bytes += added;
        Ok(())
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
        let limit_bytes = match self.file {
            None => SMALL_FILE_BYTES,
            Some(_) => HOP_BYTES,
        };
        if self.gather.len_bytes() > limit_bytes {
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
