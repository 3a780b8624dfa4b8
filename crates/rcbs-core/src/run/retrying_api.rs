//! The recording API with patience: the same port, each request tried again as the retry policy says.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::SignedDuration;

use crate::patience::Patience;
use crate::ports::{ApiError, Cursor, ListRequest, Page, RecordingApi, RemoteSettings};
use crate::recording::RecordingId;
use crate::retry::RetryPolicy;
use crate::run::reach::Reach;

/// Wraps an implementation of the port.
#[derive(Debug, Clone)]
pub(crate) struct RetryingApi {
    inner: Arc<dyn RecordingApi>,
    patience: Arc<Patience>,
    reach: Arc<Reach<ApiError>>,
    /// Whether anything is tried again.
    is_patient: bool,
}

impl RetryingApi {
    pub(crate) fn new(
        inner: Arc<dyn RecordingApi>,
        patience: Arc<Patience>,
        reach: Reach<ApiError>,
    ) -> Self {
        Self {
            inner,
            patience,
            reach: Arc::new(reach),
            is_patient: true,
        }
    }

    /// The same, but what fails has failed. It waits as the others do where the server wants to be left alone, and
    /// through an outage that is recognised.
    pub(crate) fn without_patience(&self) -> Self {
        Self {
            is_patient: false,
            ..self.clone()
        }
    }

    /// `on_failure` is for answers that are failures of the server or none of the API's.
    async fn patiently<T, F>(
        &self,
        on_failure: RetryPolicy,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>> + Send,
    {
        let mut tries = self.patience.begin(RetryPolicy::API);
        loop {
            self.patience.turn().await;
            match self.reach.ask(&ask).await {
                Ok(answer) => return Ok(answer),
                // Facts about the server, which the caller decides on; asking again would not change them.
                Err(
                    error @ (ApiError::OffsetRefused { .. }
                    | ApiError::TooLarge { .. }
                    | ApiError::Refused { .. }),
                ) => {
                    return Err(error);
                }
                Err(error) if self.reach.has_given_up() => return Err(error),
                Err(error) => {
                    tries.set_policy(match error {
                        ApiError::Server { .. }
                        | ApiError::Malformed { .. }
                        | ApiError::Redirect { .. } => on_failure,
                        _ => RetryPolicy::API,
                    });
                    if !self.is_patient {
                        self.patience.gave_up(&mut tries, error.class());
                        return Err(error);
                    }
                    if !self
                        .patience
                        .may_retry(&mut tries, error.class(), None, &error)
                        .await
                    {
                        return Err(error);
                    }
                }
            }
        }
    }
}

#[async_trait]
impl RecordingApi for RetryingApi {
    async fn list(&self, request: &ListRequest) -> Result<Page, ApiError> {
        let on_failure = match request.cursor {
            Cursor::Link(_) => RetryPolicy::LINK,
            Cursor::First | Cursor::Offset(_) => RetryPolicy::API,
        };
        let answer = self
            .patiently(on_failure, || self.inner.list(request))
            .await?;
        self.reach.keep_again(|| {
            let (inner, request) = (Arc::clone(&self.inner), request.clone());
            Arc::new(move || {
                let (inner, request) = (Arc::clone(&inner), request.clone());
                async move { inner.list(&request).await.map(drop) }.boxed()
            })
        });
        Ok(answer)
    }

    async fn recording(&self, id: &RecordingId) -> Result<Bytes, ApiError> {
        let answer = self
            .patiently(RetryPolicy::API, || self.inner.recording(id))
            .await?;
        self.reach.keep_again(|| {
            let (inner, id) = (Arc::clone(&self.inner), id.clone());
            Arc::new(move || {
                let (inner, id) = (Arc::clone(&inner), id.clone());
                async move { inner.recording(&id).await.map(drop) }.boxed()
            })
        });
        Ok(answer)
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        self.patiently(RetryPolicy::API, || self.inner.settings())
            .await
    }

    fn clock_ahead(&self) -> Option<SignedDuration> {
        self.inner.clock_ahead()
    }
}
