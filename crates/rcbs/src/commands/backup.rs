//! `rcbs backup`: one run, and the truth about it.

use rcbs_core::run;

use super::Show;
use super::work::work;
use crate::assemble::{self, Refusal};
use crate::config::{Loaded, MediaMode};
use crate::exit::Exit;
use crate::report::Kind;

/// Runs once.
///
/// # Errors
/// What to tell the operator when the run could not begin.
pub(super) fn backup(loaded: &Loaded, show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    let clients = assemble::clients(settings)?;
    let archive = assemble::open_archive(settings)?;
    let ports = archive.ports(clients);
    let mut options = assemble::run_options(settings);
    let target = || settings.target_dir.display().to_string();
    options.begins_archive = archive.is_new.then(target);
    let kind = Kind::Backup {
        metadata_only: matches!(settings.media, MediaMode::MetadataOnly),
    };
    work(settings, &archive, show, kind, |listener, interrupt| {
        run::run(ports, options, listener, interrupt)
    })
}
