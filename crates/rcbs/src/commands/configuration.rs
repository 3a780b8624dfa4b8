//! `rcbs config`: checks, shows and lists the configuration; asks no server.

use jiff::Timestamp;

use super::{load, say};
use crate::args::{ConfigCheckArgs, ConfigCommand};
use crate::config::env::Env;
use crate::config::{Loaded, Login, keys};
use crate::exit::Exit;

/// Does one of the three.
pub(super) fn configuration(command: ConfigCommand) -> Exit {
    match command {
        ConfigCommand::Check(args) => with(&args, Login::Needed, |loaded| {
            let bandwidth = &loaded.settings.bandwidth;
            let mut text = "the configuration can be used for a backup\n".to_owned();
            if !bandwidth.is_unlimited() {
                let limit = bandwidth.meaning(Timestamp::now());
                text.push_str(&format!("the limit of downloads is {limit}\n"));
            }
            text
        }),
        ConfigCommand::Show(args) => with(&args, Login::Optional, |loaded| {
            loaded
                .settings
                .effective
                .iter()
                .map(|one| format!("{one}\n"))
                .collect()
        }),
        ConfigCommand::Keys => {
            say(&keys::listing());
            Exit::Complete
        }
    }
}

fn with(args: &ConfigCheckArgs, login: Login, text: impl FnOnce(&Loaded) -> String) -> Exit {
    match load(
        &args.config.request(&args.window, login),
        &Env::of_process(),
    ) {
        Ok(loaded) => {
            say(&text(&loaded));
            Exit::Complete
        }
        Err(exit) => exit,
    }
}
