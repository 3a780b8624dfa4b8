//! Ctrl-C and SIGTERM: the first asks the run to stop cleanly, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Listens for as long as the runtime lives.
#[derive(Debug)]
pub struct Signals {
    token: CancellationToken,
    seen: Arc<AtomicU8>,
}

impl Signals {
    /// Begins to listen. Must be called inside a runtime.
    #[must_use]
    pub fn listen() -> Self {
        let token = CancellationToken::new();
        let seen = Arc::new(AtomicU8::new(0));
        tokio::spawn(watch(token.clone(), Arc::clone(&seen)));
        Self { token, seen }
    }

    /// Cancelled by the first signal.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// The exit code of the signal that came; `None` when none did.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        [Exit::Interrupted, Exit::Terminated]
            .into_iter()
            .find(|exit| exit.code() == self.seen.load(Ordering::SeqCst))
    }
}

async fn watch(token: CancellationToken, seen: Arc<AtomicU8>) {
    let first = next_signal().await;
    seen.store(first.code(), Ordering::SeqCst);
    token.cancel();
    let second = next_signal().await;
    // Whoever asks twice does not want to wait; what is under way is recovered by the next run, as after a crash.
    #[expect(
        clippy::exit,
        reason = "ending at once is what the second signal asks for"
    )]
    std::process::exit(i32::from(second.code()));
}

#[cfg(unix)]
async fn next_signal() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be listened for");
            return interrupted().await;
        }
    };
    tokio::select! {
        exit = interrupted() => exit,
        _ = terminate.recv() => Exit::Terminated,
    }
}

#[cfg(not(unix))]
async fn next_signal() -> Exit {
    interrupted().await
}

async fn interrupted() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(error) => {
            tracing::warn!(%error, "Ctrl-C cannot be listened for");
            std::future::pending().await
        }
    }
}
