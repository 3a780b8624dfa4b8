//! `rcbs adopt`: takes over an archive that lies on disk, checks it in place, downloads nothing.

use rcbs_core::run;

use super::Show;
use super::work::work;
use crate::assemble::{self, Refusal};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::report::Kind;

/// Adopts the whole target.
///
/// # Errors
/// What to tell the operator when it could not begin.
pub(super) fn adopt(loaded: &Loaded, show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    let archive = assemble::open_archive_to_adopt(settings)?;
    let ports = archive.ports(assemble::no_clients());
    let options = assemble::run_options(settings);
    work(
        settings,
        &archive,
        show,
        Kind::Adoption,
        |listener, interrupt| run::adopt(ports, options, listener, interrupt),
    )
}
