//! The API of a command that asks no server.

use async_trait::async_trait;
use bytes::Bytes;
use rcbs_core::ports::{ApiError, ListRequest, Page, RecordingApi, RemoteSettings};
use rcbs_core::recording::RecordingId;

/// Refuses everything, so that `adopt` needs no login.
#[derive(Debug)]
pub(super) struct Unasked;

#[async_trait]
impl RecordingApi for Unasked {
    async fn list(&self, _request: &ListRequest) -> Result<Page, ApiError> {
        Err(refused())
    }

    async fn recording(&self, _id: &RecordingId) -> Result<Bytes, ApiError> {
        Err(refused())
    }

    async fn settings(&self) -> Result<Option<RemoteSettings>, ApiError> {
        Err(refused())
    }
}

fn refused() -> ApiError {
    ApiError::Refused {
        status: 0,
        message: "this command asks no server".to_owned(),
    }
}
