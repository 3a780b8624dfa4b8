//! The program's own log: on stderr, text or JSON lines, as loud as asked for. The environment is not read.
//!
//! Libraries log what travels (addresses, headers, signatures), so of them only warnings pass, however loud the rest is.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// The crates whose log follows the options. A name also covers the modules below it.
const OURS: [&str; 3] = ["rcbs", "rcbs_core", "rcbs_io"];

/// How the program speaks of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Errors only.
    pub quiet: bool,
    /// 0 warnings, 1 what happens, 2 how, 3 everything.
    pub verbosity: u8,
    /// JSON lines instead of text.
    pub json: bool,
}

impl From<&crate::args::OutputArgs> for LogOptions {
    fn from(args: &crate::args::OutputArgs) -> Self {
        Self {
            quiet: args.quiet,
            verbosity: args.verbose,
            json: args.json,
        }
    }
}

/// Sends the log of this process to stderr. A second call changes nothing.
pub fn init(options: LogOptions) {
    let colours = io::stderr().is_terminal();
    // Fails only when there is one already.
    let _already = tracing::dispatcher::set_global_default(dispatch(options, colours, io::stderr));
}

/// The log as a value, for any writer.
fn dispatch<W>(options: LogOptions, colours: bool, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter(options);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let subscriber: Box<dyn Subscriber + Send + Sync> = if options.json {
        Box::new(Registry::default().with(layer.json().flatten_event(true).with_filter(filter)))
    } else {
        Box::new(Registry::default().with(layer.with_ansi(colours).with_filter(filter)))
    };
    Dispatch::new(subscriber)
}

fn filter(options: LogOptions) -> Targets {
    let ours = match (options.quiet, options.verbosity) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_targets(OURS.map(|name| (name, ours)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(options: LogOptions, speak: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        tracing::dispatcher::with_default(&dispatch(options, false, move || writer.clone()), speak);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn loudness_follows_the_options() {
        for (quiet, verbosity, heard) in [
            (true, 0, "error"),
            (false, 0, "error warn"),
            (false, 1, "error warn info"),
            (false, 2, "error warn info debug"),
            (false, 3, "error warn info debug trace"),
            (false, 9, "error warn info debug trace"),
        ] {
            let text = log(
                LogOptions {
                    quiet,
                    verbosity,
                    json: false,
                },
                || {
                    tracing::error!("said error");
                    tracing::warn!("said warn");
                    tracing::info!("said info");
                    tracing::debug!("said debug");
                    tracing::trace!("said trace");
                },
            );
            let said: Vec<_> = text
                .lines()
                .filter_map(|line| line.split("said ").nth(1))
                .collect();
            assert_eq!(said.join(" "), heard);
        }
    }

    #[test]
    fn libraries_are_never_louder_than_warnings() {
        let loud = LogOptions {
            verbosity: 3,
            ..LogOptions::default()
        };
        let text = log(loud, || {
            tracing::trace!(target: "aws_sigv4::http_request", "x-amz-signature");
            tracing::debug!(target: "reqwest::connect", "starting new connection");
            tracing::warn!(target: "hyper", "odd");
            tracing::trace!(target: "rcbs_core::plan", "ours");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("odd") && text.contains("ours"));
    }

    #[test]
    fn json_lines_carry_fields_by_name() {
        let options = LogOptions {
            json: true,
            ..LogOptions::default()
        };
        let text = log(options, || {
            tracing::warn!(recording.id = "01F62D", wait_ms = 4_000, "waits");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["message"], "waits");
        assert_eq!(line["recording.id"], "01F62D");
        assert_eq!(line["wait_ms"], 4_000);
    }
}
