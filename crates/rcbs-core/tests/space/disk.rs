//! A disk of some size around a real folder, and what was written to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::ports::{
    Clock as _, DiskSpace, FileFact, Publication, StageName, Staged, StagedFile, Target,
    TargetError,
};
use rcbs_core::store::{Folder, SafeName};
use rcbs_sim::SimClock;

/// A disk of a certain size that is made larger at some time.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) size_bytes: u64,
    pub(crate) grows_at: Duration,
    /// Whether it is a quota that ends: then the disk says that it is empty, and takes nothing.
    pub(crate) has_quota: bool,
    pub(crate) book: Mutex<Book>,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    used_bytes: u64,
    pub(crate) most_used_bytes: u64,
    /// When writes were refused.
    pub(crate) full: Vec<Duration>,
}

pub(crate) const HUGE: u64 = 1 << 50;

impl Disk {
    fn free_bytes(&self, book: &Book) -> u64 {
        let size_bytes = match self.clock.elapsed() >= self.grows_at {
            true => HUGE,
            false => self.size_bytes,
        };
        size_bytes.saturating_sub(book.used_bytes)
    }

    fn take(&self, bytes: u64) -> Result<(), TargetError> {
        let mut book = self.book.lock().unwrap();
        if bytes > self.free_bytes(&book) {
            book.full.push(self.clock.elapsed());
            return Err(TargetError::Full {
                path: "target".to_owned(),
            });
        }
        book.used_bytes += bytes;
        book.most_used_bytes = book.most_used_bytes.max(book.used_bytes);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.book.lock().unwrap().used_bytes -= bytes;
    }
}

/// The archive on that disk.
#[derive(Debug)]
pub(crate) struct OnDisk {
    pub(crate) inner: Arc<dyn Target>,
    pub(crate) disk: Arc<Disk>,
}

#[derive(Debug)]
struct FileOnDisk {
    inner: Option<Box<dyn StagedFile>>,
    disk: Arc<Disk>,
    taken_bytes: u64,
}

impl Drop for FileOnDisk {
    fn drop(&mut self) {
        self.disk.give_back(self.taken_bytes);
    }
}

#[async_trait]
impl StagedFile for FileOnDisk {
    fn len(&self) -> u64 {
        self.inner.as_ref().unwrap().len()
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), TargetError> {
        let len_bytes = bytes.len() as u64;
        self.disk.take(len_bytes)?;
        self.taken_bytes += len_bytes;
        self.inner.as_mut().unwrap().write(bytes).await
    }

    async fn restart(&mut self) -> Result<(), TargetError> {
        self.disk.give_back(std::mem::take(&mut self.taken_bytes));
        self.inner.as_mut().unwrap().restart().await
    }

    async fn finish(mut self: Box<Self>) -> Result<Staged, TargetError> {
        self.taken_bytes = 0;
        self.inner.take().unwrap().finish().await
    }

    async fn discard(mut self: Box<Self>) -> Result<(), TargetError> {
        self.inner.take().unwrap().discard().await
    }
}

#[async_trait]
impl Target for OnDisk {
    async fn list(&self, folders: &[Folder]) -> Result<Vec<Vec<FileFact>>, TargetError> {
        self.inner.list(folders).await
    }

    async fn folders(&self, folder: &Folder) -> Result<Vec<String>, TargetError> {
        self.inner.folders(folder).await
    }

    async fn read(
        &self,
        folder: &Folder,
        name: &SafeName,
        from: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TargetError> {
        self.inner.read(folder, name, from, limit_bytes).await
    }

    async fn stage(&self, name: &StageName) -> Result<Box<dyn StagedFile>, TargetError> {
        Ok(Box::new(FileOnDisk {
            inner: Some(self.inner.stage(name).await?),
            disk: Arc::clone(&self.disk),
            taken_bytes: 0,
        }))
    }

    async fn publish(&self, batch: Vec<Publication>) -> Vec<Result<(), TargetError>> {
        self.inner.publish(batch).await
    }

    async fn quarantine(&self, folder: &Folder, name: &SafeName) -> Result<(), TargetError> {
        self.inner.quarantine(folder, name).await
    }

    async fn sweep(&self) -> Result<(), TargetError> {
        self.inner.sweep().await
    }

    async fn write_note(&self, name: &SafeName, text: &str) -> Result<(), TargetError> {
        self.inner.write_note(name, text).await
    }

    async fn read_note(&self, name: &SafeName) -> Result<Option<String>, TargetError> {
        self.inner.read_note(name).await
    }

    async fn disk_space(&self) -> Result<DiskSpace, TargetError> {
        let free_bytes = match self.disk.has_quota {
            true => HUGE,
            false => self.disk.free_bytes(&self.disk.book.lock().unwrap()),
        };
        Ok(DiskSpace {
            free_bytes,
            total_bytes: HUGE,
        })
    }
}
