//! Ctrl-C and SIGTERM: the first asks the run to stop cleanly, the second ends the process at once.
//!
//! They are waited for on a thread of their own: a disk that does not answer may hold up every other one.

use std::io::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// What has not come to its end by then is ended: the next run recovers it, as after a crash.
const GRACE: Duration = Duration::from_secs(9);

/// Listens for as long as the process lives.
#[derive(Debug)]
pub struct Signals {
    token: CancellationToken,
    seen: Arc<AtomicU8>,
}

impl Signals {
    /// Begins to listen.
    #[must_use]
    pub fn listen() -> Self {
        let token = CancellationToken::new();
        let seen = Arc::new(AtomicU8::new(0));
        let (asked, noted) = (token.clone(), Arc::clone(&seen));
        let (registered, is_registered) = mpsc::channel();
        let listen = move || -> std::io::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let source = Source::register();
                // The other end waits for it.
                let _ = registered.send(());
                watch(source, asked, noted).await;
            });
            Ok(())
        };
        let thread = std::thread::Builder::new().name("rcbs-signals".to_owned());
        let listening = thread.spawn(move || {
            if let Err(error) = listen() {
                tracing::warn!(%error, "signals cannot be listened for");
            }
        });
        if let Err(error) = listening {
            tracing::warn!(%error, "signals cannot be listened for");
        }
        // A signal that comes before this must not end the process. It fails where nobody listens.
        let _ = is_registered.recv();
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

async fn watch(mut source: Source, token: CancellationToken, seen: Arc<AtomicU8>) {
    let first = source.next().await;
    seen.store(first.code(), Ordering::SeqCst);
    token.cancel();
    let code = tokio::select! {
        second = source.next() => second.code(),
        () = tokio::time::sleep(GRACE) => {
            let words = "not everything came to its end in time; the next run goes on where this one stopped";
            drop(writeln!(std::io::stderr(), "{words}"));
            first.code()
        }
    };
    // Whoever asks twice does not want to wait; what is under way is recovered by the next run, as after a crash.
    #[expect(
        clippy::exit,
        reason = "ending at once is what the second signal asks for"
    )]
    std::process::exit(i32::from(code));
}

/// The signals that are listened for, from the moment it is made; `None` where one cannot be.
#[cfg(unix)]
struct Source {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Source {
    fn register() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind, name: &str| {
            signal(kind)
                .map_err(|error| tracing::warn!(%error, "{name} cannot be listened for"))
                .ok()
        };
        Self {
            interrupt: listen(SignalKind::interrupt(), "Ctrl-C"),
            terminate: listen(SignalKind::terminate(), "SIGTERM"),
        }
    }

    async fn next(&mut self) -> Exit {
        async fn one(signal: &mut Option<tokio::signal::unix::Signal>) {
            if let Some(signal) = signal
                && signal.recv().await.is_some()
            {
                return;
            }
            std::future::pending::<()>().await;
        }
        tokio::select! {
            () = one(&mut self.interrupt) => Exit::Interrupted,
            () = one(&mut self.terminate) => Exit::Terminated,
        }
    }
}

/// Ctrl-C, from the moment it is made; `None` where it cannot be listened for.
#[cfg(windows)]
struct Source(Option<tokio::signal::windows::CtrlC>);

#[cfg(windows)]
impl Source {
    fn register() -> Self {
        let listening = tokio::signal::windows::ctrl_c();
        Self(
            listening
                .map_err(|error| tracing::warn!(%error, "Ctrl-C cannot be listened for"))
                .ok(),
        )
    }

    async fn next(&mut self) -> Exit {
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return Exit::Interrupted;
        }
        std::future::pending().await
    }
}
