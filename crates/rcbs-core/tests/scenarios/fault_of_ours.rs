//! Stories of a fault in the program itself, while it works on one file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use rcbs_core::plan::Instance;
use rcbs_core::ports::{GetRequest, MediaStore, Object, StoreError};
use rcbs_core::run::{Outcome, Ports, outcome, run};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{AtEvent, World, archive, day_of, options, whole_run};

/// Panics when it is asked for the third object.
#[derive(Debug)]
struct Faulty {
    store: Arc<dyn MediaStore>,
    asked: AtomicU64,
}

#[async_trait]
impl MediaStore for Faulty {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        assert_ne!(number, 2, "a fault of ours");
        self.store.get(request).await
    }
}

/// A7.
#[tokio::test(start_paused = true)]
async fn a_panic_is_the_failure_of_one_file_and_mended_by_the_next_run() {
    let world = World::new(day_of(20), &[]);
    let (folder, undisturbed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let ports = world.ports(folder.path());
    let store = Arc::new(Faulty {
        store: Arc::clone(ports.store.as_ref().unwrap()),
        asked: AtomicU64::new(0),
    });
    let ports = Ports {
        store: Some(store),
        ..ports
    };
    let never = CancellationToken::new();
    let end = run(ports, options(Instance::all()), AtEvent::never(), never).await;
    assert_eq!(outcome(&end), Outcome::Waiting, "{:?}", end.stopped);
    assert_eq!(end.summary.waiting, 1);
    assert_eq!(end.summary.fetched + 1, end.summary.announced);
    let end = whole_run(&world, folder.path(), Instance::all()).await;
    assert_eq!(outcome(&end), Outcome::Complete);
    whole_run(&world, undisturbed.path(), Instance::all()).await;
    assert!(archive(folder.path()) == archive(undisturbed.path()));
}
