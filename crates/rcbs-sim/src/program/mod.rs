//! The program: arguments in, a running pretend cloud or sealed files out.

mod args;
mod files;
mod rehearsal;
mod seal;
mod serve;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use rcbs_sim::faults::EFFECTS;
use rcbs_sim::quirks::Quirks;

use args::{Arguments, Command};

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Seal(options) => seal::run(&options).map_err(Into::into),
        Command::Faults => list_faults().map_err(Into::into),
        Command::Quirks => list_quirks().map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When even the error stream is gone, the exit code still tells.
            explain(&*error).ok();
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard output.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn list_faults() -> std::io::Result<()> {
    say("--fault \"TARGET WHEN: EFFECT\", for example --fault \"list 2: 503 retry-after=10\"\n")?;
    say("TARGET   list, recording, settings, version, object, other or any;")?;
    say("         with ~TEXT behind it only those with TEXT in id, key or query: object~.mp4")?;
    say("WHEN     always, 3, first-3, from-3, every-3 or 30%\n")?;
    EFFECTS
        .iter()
        .try_for_each(|(form, meaning)| say(&format!("{form:42} {meaning}")))
}

fn list_quirks() -> std::io::Result<()> {
    Quirks::default()
        .settings()
        .iter()
        .try_for_each(|(name, value)| say(&format!("{name}={value}")))
}

fn explain(error: &dyn Error) -> std::io::Result<()> {
    let mut out = std::io::stderr().lock();
    writeln!(out, "error: {error}")?;
    let mut cause = error.source();
    while let Some(deeper) = cause {
        writeln!(out, "  caused by: {deeper}")?;
        cause = deeper.source();
    }
    Ok(())
}
