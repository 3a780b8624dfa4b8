//! A target with something between it and the run.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rcbs_core::ports::{
    DiskSpace, FileFact, Publication, StageName, StagedFile, Target, TargetError,
};
use rcbs_core::store::{Folder, SafeName};

/// A target at which something happens meanwhile.
pub(crate) struct Meddled {
    inner: Arc<dyn Target>,
    /// The process ends as soon as files have their final names: what was published is, and nobody hears of it.
    dies_after_publishing: bool,
    /// Done before the first file is read.
    before_reading: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Meddled {
    pub(crate) fn dies_after_publishing(inner: Arc<dyn Target>) -> Self {
        Self {
            inner,
            dies_after_publishing: true,
            before_reading: Mutex::default(),
        }
    }

    pub(crate) fn before_reading(
        inner: Arc<dyn Target>,
        act: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self {
            inner,
            dies_after_publishing: false,
            before_reading: Mutex::new(Some(act.boxed())),
        }
    }
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddled").finish_non_exhaustive()
    }
}

#[async_trait]
impl Target for Meddled {
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
        let act = self.before_reading.lock().unwrap().take();
        if let Some(act) = act {
            act.await;
        }
        self.inner.read(folder, name, from, limit_bytes).await
    }

    async fn stage(&self, name: &StageName) -> Result<Box<dyn StagedFile>, TargetError> {
        self.inner.stage(name).await
    }

    async fn publish(&self, batch: Vec<Publication>) -> Vec<Result<(), TargetError>> {
        let results = self.inner.publish(batch).await;
        if !self.dies_after_publishing {
            return results;
        }
        let gone = |_| {
            Err(TargetError::Io {
                action: "publish",
                path: "target".to_owned(),
                reason: "the process is gone".to_owned(),
            })
        };
        results.into_iter().map(gone).collect()
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
        self.inner.disk_space().await
    }
}
