//! What a ledger remembers besides its entries.

use crate::ports::{Ledger, RunRecord};

use super::samples::at;

/// `None` before the first, then whatever was set last.
///
/// # Panics
/// Where the promise is broken.
pub async fn the_checkpoint_is_the_last_one_set(ledger: &dyn Ledger) {
    assert_eq!(ledger.checkpoint().await.expect("reads"), None);
    for moment in [at(10), at(20), at(5), at(-5)] {
        ledger.set_checkpoint(moment).await.expect("sets");
        assert_eq!(ledger.checkpoint().await.expect("reads"), Some(moment));
    }
}

/// By name, the last value, until `None` is remembered.
///
/// # Panics
/// Where the promise is broken.
pub async fn facts_are_remembered_until_forgotten(ledger: &dyn Ledger) {
    let recall = async |name: &str| ledger.recall(name).await.expect("reads");
    for value in [None, Some("start"), Some(""), Some("end"), None, None] {
        ledger.remember("bounds", value).await.expect("remembers");
        ledger
            .remember("other", Some("x"))
            .await
            .expect("remembers");
        assert_eq!(recall("bounds").await.as_deref(), value);
        assert_eq!(recall("other").await.as_deref(), Some("x"));
    }
    assert_eq!(
        recall("checkpoint_ms").await,
        None,
        "facts are a world of their own"
    );
}

/// The one recorded last, also when it began before an earlier one.
///
/// # Panics
/// Where the promise is broken.
pub async fn the_last_run_is_known(ledger: &dyn Ledger) {
    assert_eq!(ledger.last_run().await.expect("reads"), None);
    for (started, exit_code) in [(100, 0), (200, 143), (50, 255)] {
        let run = RunRecord {
            started: at(started),
            ended: at(started + 7),
            exit_code,
            summary_json: format!("{{\"exit\":{exit_code}}}"),
        };
        ledger.record_run(&run).await.expect("records");
        assert_eq!(ledger.last_run().await.expect("reads"), Some(run));
    }
}

/// Any text, any number of times.
///
/// # Panics
/// Where the promise is broken.
pub async fn faults_are_taken(ledger: &dyn Ledger) {
    for (second, what) in ["no id", "", "no id", "a\0b"].into_iter().enumerate() {
        let at = at(i64::try_from(second).expect("is small"));
        ledger.note_fault(at, what).await.expect("takes it");
    }
}
