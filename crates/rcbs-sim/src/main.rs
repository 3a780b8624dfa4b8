//! `rcbs-sim`: a pretend cloud to rehearse on, and media sealed the way the cloud does it.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run()
}
