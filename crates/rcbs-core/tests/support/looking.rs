//! Verifying everything, byte by byte, and what it says.
#![allow(dead_code, reason = "not every test program verifies")]

use std::sync::Mutex;

use rcbs_core::run::{ManifestsOptions, VerifyOptions};
use rcbs_core::verify::{ReadData, VerifyEvent, Witness};

/// Every byte, from the beginning.
pub(crate) fn every_byte() -> VerifyOptions {
    VerifyOptions {
        read_data: ReadData::All,
        restart: false,
        remembers: false,
        limit_bytes_per_s: None,
        parallel: 4,
        seed: 1,
    }
}

/// Manifests without signatures.
pub(crate) fn manifests() -> ManifestsOptions {
    ManifestsOptions {
        public_key: None,
        limit_bytes_per_s: None,
        parallel: 4,
    }
}

/// What is wrong, in words.
#[derive(Default)]
pub(crate) struct Said(pub(crate) Mutex<Vec<String>>);

impl Witness for Said {
    fn on(&self, event: &VerifyEvent) {
        if !matches!(event, VerifyEvent::Begun { .. } | VerifyEvent::Progress(_)) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }
}
