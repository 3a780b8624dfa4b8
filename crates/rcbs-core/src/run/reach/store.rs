//! A media store whose outages are waited through.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::{Again, Reach};
use crate::ports::{GetRequest, MediaStore, Object, StoreError};
use crate::run::RunError;
use crate::run::halt::Halt;

/// Wraps an implementation of the port. When an outage lasts too long the run stops: what was not fetched stays
/// announced, and is not put off file by file.
#[derive(Debug)]
pub(crate) struct ReachedStore {
    inner: Arc<dyn MediaStore>,
    reach: Reach<StoreError>,
    halt: Arc<Halt>,
}

impl ReachedStore {
    pub(crate) fn new(
        inner: Arc<dyn MediaStore>,
        reach: Reach<StoreError>,
        halt: Arc<Halt>,
    ) -> Self {
        Self { inner, reach, halt }
    }

    /// The last byte of the object once more.
    fn again(&self, request: &GetRequest, object: &Object) -> Again<StoreError> {
        let store = Arc::clone(&self.inner);
        let request = GetRequest {
            location: request.location.clone(),
            from: object.total_bytes.saturating_sub(1),
            if_match: object.etag.clone(),
        };
        Arc::new(move || {
            let (store, request) = (Arc::clone(&store), request.clone());
            async move { store.get(&request).await.map(drop) }.boxed()
        })
    }
}

#[async_trait]
impl MediaStore for ReachedStore {
    async fn get(&self, request: &GetRequest) -> Result<Object, StoreError> {
        let answer = self.reach.ask(|| self.inner.get(request)).await;
        match &answer {
            Ok(object) => self.reach.keep_again(|| self.again(request, object)),
            Err(error) if self.reach.has_given_up() => {
                self.halt.stop(RunError::Store(error.clone()));
            }
            Err(_) => {}
        }
        answer
    }
}
