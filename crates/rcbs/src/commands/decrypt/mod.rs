//! `rcbs decrypt`: keys first, then the files one after the other, and at the end what became of them.

pub(super) mod keys;
mod sources;
mod tell;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use rcbs_core::cms::OpenRules;
use rcbs_core::decrypt::{Crew, Rules, Tally, decrypt_all};

use super::Show;
use crate::args::DecryptArgs;
use crate::assemble::Refusal;
use crate::exit::Exit;
use crate::explain::{Explanation, explain_system};
use crate::logging;
use crate::signals::Signals;
use sources::Sources;
use tell::Teller;

/// Files at the same time when nobody says how many: more would only wait for the same disk.
const WORKERS_MAX: usize = 8;

/// Opens what was asked for.
pub(super) fn decrypt(args: &DecryptArgs) -> Exit {
    logging::init((&args.output).into());
    match work(args) {
        Ok(exit) => exit,
        Err((explanation, exit)) => {
            use std::io::Write as _;
            drop(write!(std::io::stderr(), "{explanation}"));
            exit
        }
    }
}

fn work(args: &DecryptArgs) -> Result<Exit, Refusal> {
    let show = Show {
        json: args.output.json,
        quiet: args.output.quiet,
    };
    let mut ring = keys::ring(args.into())?;
    let Sources {
        files,
        certificates,
    } = sources::sources(args)?;
    ring.lend(&certificates);
    let workers = args.jobs.map(usize::from).or_else(|| {
        let available = std::thread::available_parallelism().ok()?;
        Some(available.get().min(WORKERS_MAX))
    });
    let workers = workers
        .and_then(NonZeroUsize::new)
        .unwrap_or(NonZeroUsize::MIN);
    let rules = Rules {
        open: OpenRules {
            allow_legacy: args.allow_legacy,
            try_all: args.try_all,
        },
        keep_suspect: args.keep_suspect,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| (explain_system("starting threads", &error), Exit::Stopped))?;
    let teller = Arc::new(Mutex::new(Teller::new(show)));
    let listener = Arc::clone(&teller);
    let (finished, signal) = runtime.block_on(async {
        let signals = Signals::listen();
        let cancel = signals.token();
        let finished = tokio::task::spawn_blocking(move || {
            let crew = Crew {
                ring: &ring,
                rules,
                workers,
                cancel: &cancel,
            };
            decrypt_all(&crew, files, |settled| {
                listener
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .on(&settled);
            });
        })
        .await;
        (finished, signals.exit())
    });
    let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
    let exit = match (finished, signal) {
        (Err(_), _) => Exit::Stopped,
        (Ok(()), Some(signal)) => signal,
        (Ok(()), None) => exit(teller.tally()),
    };
    teller.end(exit);
    if exit == Exit::Usage {
        return Err(nothing_found());
    }
    Ok(exit)
}

/// What the caller gets. What this machine cannot do comes before what is wrong with files, and damage before keys that
/// are missing: whoever looks at one number only must see the worst.
fn exit(tally: &Tally) -> Exit {
    match tally {
        Tally { files: 0, .. } => Exit::Usage,
        Tally { failed: 1.., .. } => Exit::Target,
        Tally { damaged: 1.., .. } => Exit::Damaged,
        Tally { files, good, .. } if good < files => Exit::Waiting,
        _ => Exit::Complete,
    }
}

fn nothing_found() -> Refusal {
    let explanation = Explanation {
        headline: "looking for sealed files".to_owned(),
        causes: vec!["nothing below the given folders ends in .bin".to_owned()],
        hint: Some("give a folder of the archive, a file, or the id of a recording".to_owned()),
    };
    (explanation, Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_worst() {
        let tally = |files, good, damaged, failed| Tally {
            files,
            good,
            damaged,
            failed,
            ..Tally::default()
        };
        for (tally, expected) in [
            (tally(3, 3, 0, 0), Exit::Complete),
            (tally(3, 2, 0, 0), Exit::Waiting),
            (tally(3, 1, 1, 0), Exit::Damaged),
            (tally(3, 0, 1, 1), Exit::Target),
            (tally(0, 0, 0, 0), Exit::Usage),
        ] {
            assert_eq!(exit(&tally), expected, "{tally:?}");
        }
    }
}
