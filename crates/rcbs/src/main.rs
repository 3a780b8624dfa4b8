//! The program `rcbs`: reads the command line and hands it to its command.

use std::process::ExitCode;

use rcbs::args::Args;
use rcbs::commands;
use rcbs::exit::Exit;

fn main() -> ExitCode {
    match Args::parse_argv(std::env::args_os()) {
        Ok(args) => commands::dispatch(args.command).into(),
        Err(answer) => {
            // Help and version are answers too; a closed output is no reason to fail.
            drop(answer.print());
            if answer.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Complete.into()
            }
        }
    }
}
