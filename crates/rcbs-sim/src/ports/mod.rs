//! Face 1: the ports of `rcbs-core`, in process and without a wire, so that hours pass in no time under paused time.

mod api;
mod calls;
mod store;

pub use api::SimApi;
pub use calls::{Call, Calls};
pub use store::SimStore;
pub(crate) use store::{error_page, usual_code};

use std::time::Duration;

use crate::faults::Effect;

/// How long a client waits for bytes that do not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait that a server may ask for, as the ports promise.
const LONGEST_WAIT_S: u64 = 15 * 60;

/// Lets the time pass that effects take before an answer; true when no answer comes at all.
async fn wait_for(effects: &[Effect]) -> bool {
    for effect in effects {
        match effect {
            Effect::Delay { wait_ms } => tokio::time::sleep(Duration::from_millis(*wait_ms)).await,
            Effect::Hang => {
                tokio::time::sleep(PATIENCE).await;
                return true;
            }
            _ => {}
        }
    }
    false
}

/// The wait that a `Retry-After` of so many seconds comes to.
fn capped(retry_after_s: Option<u64>) -> Option<Duration> {
    retry_after_s.map(|wait_s| Duration::from_secs(wait_s.min(LONGEST_WAIT_S)))
}
