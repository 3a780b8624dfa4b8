//! Works on many recordings at once, as many as the gate lets through.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::commit::Commit;
use super::context::Context;
use super::recording::{Work, finish_recording};

/// Works until all senders are gone or the run stops.
pub(crate) async fn work_all(
    context: &Arc<Context>,
    mut inbox: mpsc::Receiver<Work>,
    outbox: mpsc::Sender<Commit>,
) {
    // Twice the transfers that may run, so that the next recording is at hand whenever a transfer ends.
    let most = context.options.max_connections.saturating_mul(2);
    let mut tasks = JoinSet::new();
    while let Some(work) = inbox.recv().await {
        if work.is_done() {
            // Most of a run that finds everything in place: a task for each would cost more than the work.
            finish_recording(context, work, &outbox).await;
            continue;
        }
        while tasks.len() >= most {
            note(tasks.join_next().await);
        }
        let context = Arc::clone(context);
        let outbox = outbox.clone();
        tasks.spawn(async move { finish_recording(&context, work, &outbox).await });
    }
    while let Some(ended) = tasks.join_next().await {
        note(Some(ended));
    }
}

/// A task that panics leaves its recording announced in the ledger: the run is not complete and the next takes it up.
fn note(ended: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = ended {
        tracing::error!(%error, "internal fault: a recording was given up, the next run takes it up again");
    }
}
