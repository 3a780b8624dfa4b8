//! The commands, one file each, and the way to them: configuration first, all of its problems at once.

mod adopt;
mod backup;
mod configuration;
mod decrypt;
mod explain;
mod keys;
mod life;
mod missing;
mod next_run;
mod plan;
mod report;
mod retry;
mod status;
mod verify;
mod work;

use std::io::Write as _;

use jiff::Timestamp;

use crate::args::{Args, Command, OutputArgs, WindowArgs};
use crate::assemble::Refusal;
use crate::config::env::Env;
use crate::config::{self, Loaded, Login, Request};
use crate::exit::Exit;
use crate::logging;

/// Writes to standard output. A reader that went away has what it wanted, and changes nothing of what was done.
fn say(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// How a command is shown.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    /// JSON lines on standard output instead of text.
    pub json: bool,
    /// Only what is wrong: nothing on standard output with exit code 0.
    pub quiet: bool,
}

/// Does what was typed.
#[must_use]
pub fn dispatch(command: Command) -> Exit {
    match command {
        Command::Backup(args) if args.dry_run => loaded(
            &args.config.request(&args.window, Login::Needed),
            &args.output,
            plan::plan,
        ),
        Command::Backup(args) => loaded(
            &args.config.request(&args.window, Login::Needed),
            &args.output,
            backup::backup,
        ),
        Command::Plan(args) => loaded(
            &args.config.request(&args.window, Login::Needed),
            &args.output,
            plan::plan,
        ),
        Command::Adopt(args) => loaded(&args.config.request_offline(), &args.output, adopt::adopt),
        Command::Retry(args) => loaded(
            &args.config.request(&WindowArgs::default(), Login::Needed),
            &args.output,
            |loaded, show| retry::retry(loaded, &args.ids, show),
        ),
        Command::Status(args) => loaded(
            &args.config.request_offline(),
            &args.output,
            |loaded, show| status::status(loaded, args.all, show),
        ),
        Command::Report(args) => {
            let request = match args.reconcile {
                true => args.config.request(&WindowArgs::default(), Login::Needed),
                false => args.config.request_offline(),
            };
            loaded(&request, &args.output, |loaded, show| {
                report::report(loaded, &args, show)
            })
        }
        Command::Explain(args) => loaded(
            &args.config.request_offline(),
            &args.output,
            |loaded, show| explain::explain(loaded, &args, show),
        ),
        Command::Keys(args) => loaded(
            &args.config.request_offline(),
            &args.output,
            |loaded, show| keys::keys(loaded, &args, show),
        ),
        Command::Decrypt(args) => decrypt::decrypt(&args),
        Command::Verify(args) => {
            let request = match args.how.repair {
                true => args.config.request(&WindowArgs::default(), Login::Needed),
                false => args.config.request_offline(),
            };
            loaded(&request, &args.output, |loaded, show| {
                verify::verify(loaded, &args.how, show)
            })
        }
        Command::Config(command) => configuration::configuration(command),
        Command::Completions { shell } => {
            // Into memory first: the generator panics where it cannot write.
            let (mut definition, mut script) = (Args::definition(), Vec::new());
            clap_complete::generate(shell, &mut definition, "rcbs", &mut script);
            drop(std::io::stdout().write_all(&script));
            Exit::Complete
        }
        Command::Man => {
            let page = clap_mangen::Man::new(Args::definition());
            drop(page.render(&mut std::io::stdout()));
            Exit::Complete
        }
    }
}

/// Loads the configuration and runs a command with it.
fn loaded(
    request: &Request,
    output: &OutputArgs,
    command: impl FnOnce(&Loaded, Show) -> Result<Exit, Refusal>,
) -> Exit {
    logging::init(output.into());
    let show = Show {
        json: output.json,
        quiet: output.quiet,
    };
    // Whoever looks something up may not be allowed to read the files with the secrets, and need not.
    let env = match request.login {
        Login::Needed => Env::of_process(),
        Login::Optional => Env::default(),
    };
    match load(request, &env) {
        Ok(loaded) => match command(&loaded, show) {
            Ok(exit) => exit,
            Err((explanation, exit)) => {
                drop(write!(std::io::stderr(), "{explanation}"));
                exit
            }
        },
        Err(exit) => exit,
    }
}

/// Loads the configuration; says warnings, and all problems at once.
fn load(request: &Request, env: &Env) -> Result<Loaded, Exit> {
    match config::load(request, env, Timestamp::now()) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                drop(writeln!(std::io::stderr(), "{warning}"));
            }
            Ok(loaded)
        }
        Err(rejected) => {
            drop(writeln!(std::io::stderr(), "{rejected}"));
            Err(Exit::Usage)
        }
    }
}
