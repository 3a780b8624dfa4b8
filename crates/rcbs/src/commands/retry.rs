//! `rcbs retry`: tries what waits at once, without listing anything.

use std::collections::BTreeSet;

use rcbs_core::ports::{Ledger as _, LedgerError};
use rcbs_core::recording::RecordingId;
use rcbs_core::run;
use rcbs_core::text::escaped;

use super::Show;
use super::work::{runtime, work};
use crate::assemble::{self, Archive, Refusal};
use crate::config::{Loaded, MediaMode, Settings};
use crate::exit::Exit;
use crate::explain::{Explanation, explain_ledger};
use crate::report::Kind;

/// Tries all that waits, or that of the recordings with these ids.
///
/// # Errors
/// What to tell the operator when it could not begin.
pub(super) fn retry(loaded: &Loaded, ids: &[String], show: Show) -> Result<Exit, Refusal> {
    let settings = &loaded.settings;
    if matches!(settings.media, MediaMode::MetadataOnly) {
        return Err(without_media());
    }
    let clients = assemble::clients(settings)?;
    let archive = assemble::open_known_archive(settings)?;
    let ids = known(settings, &archive, ids)?;
    let ports = archive.ports(clients);
    let options = assemble::run_options(settings);
    work(
        settings,
        &archive,
        show,
        Kind::Retry,
        |listener, interrupt| run::retry(ports, options, ids, listener, interrupt),
    )
}

/// The ids, each once; all that are wrong or that the ledger does not know are told at once.
fn known(
    settings: &Settings,
    archive: &Archive,
    typed: &[String],
) -> Result<Vec<RecordingId>, Refusal> {
    let typed: BTreeSet<&String> = typed.iter().collect();
    let mut ids = Vec::new();
    let mut causes = Vec::new();
    for text in typed {
        match RecordingId::new(text) {
            Ok(id) => ids.push(id),
            Err(error) => causes.push(format!("\"{}\": {error}", escaped(text))),
        }
    }
    let unheard = async {
        let mut unheard = Vec::new();
        for id in &ids {
            if archive.ledger.recording(id).await?.is_none() {
                unheard.push(format!("the ledger has never heard of {id}"));
            }
        }
        Ok::<_, LedgerError>(unheard)
    };
    let unheard = runtime(settings)?.block_on(unheard).map_err(|error| {
        let exit = Exit::of(run::ledger_outcome(&error));
        (explain_ledger(&error), exit)
    })?;
    causes.extend(unheard);
    if causes.is_empty() {
        return Ok(ids);
    }
    let explanation = Explanation {
        headline: "looking up what to try again; nothing was tried".to_owned(),
        causes,
        hint: Some("copy the ids from \"rcbs status --all\"".to_owned()),
    };
    Err((explanation, Exit::Usage))
}

fn without_media() -> Refusal {
    let explanation = Explanation {
        headline: "trying again what waits".to_owned(),
        causes: vec!["with metadataOnly=true no media files are fetched".to_owned()],
        hint: Some("add --set metadataOnly=false, and give the keys of the store".to_owned()),
    };
    (explanation, Exit::Usage)
}
