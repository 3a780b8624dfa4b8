//! `rcbs keys`: for which certificates the archive is sealed, and whether the keys at hand open it.

mod given;
mod prove;
mod row;

use std::io::Write as _;

use jiff::Timestamp;
use rcbs_core::cms::{KeyRing, OpenRules};
use rcbs_core::decrypt::Evidence;
use rcbs_core::encryption::is_plain;
use rcbs_core::ports::{Ledger as _, LedgerError, MediaKey, SealedFor};
use rcbs_core::readiness::{KeyUse, key_uses, standing};
use serde_json::{Value, json};

use super::decrypt::keys::{KeyPlaces, ring};
use super::work::runtime;
use super::{Show, say};
use crate::args::KeysArgs;
use crate::assemble::{self, Refusal, View};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::explain::explain_ledger;
use given::Given;
use row::Row;

/// What trials have shown, for each set of recipients by its shortest file.
type Proofs = Vec<(MediaKey, Evidence)>;

/// Lists recipients; with keys, tries each of them on files of each set that it is named in.
///
/// # Errors
/// What to tell the operator when ledger or keys cannot be read.
pub(super) fn keys(loaded: &Loaded, args: &KeysArgs, show: Show) -> Result<Exit, Refusal> {
    let certificates = &loaded.settings.certificates;
    let ring = match args.key.as_slice() {
        [] => None,
        keys => {
            let mut ring = ring(KeyPlaces {
                keys,
                certificates: &args.cert,
                passphrase_file: args.passphrase_file.as_deref(),
                allow_legacy: args.allow_legacy,
            })?;
            ring.lend(certificates);
            Some(ring)
        }
    };
    let rules = OpenRules {
        allow_legacy: args.allow_legacy,
        try_all: false,
    };
    // A ledger that is not there is a mistake here, not an empty one.
    drop(assemble::open_ledger(&loaded.settings)?);
    let view = assemble::look(&loaded.settings)?;
    let told = runtime(&loaded.settings)?.block_on(async {
        let sets = view.ledger.sealed_for().await?;
        let proofs = match &ring {
            Some(ring) => Some(prove_all(&view, &sets, ring, rules).await?),
            None => None,
        };
        Ok((key_uses(&sets), proofs))
    });
    let (uses, proofs): (Vec<KeyUse>, Option<Proofs>) = told.map_err(|error| {
        let exit = Exit::of(rcbs_core::run::ledger_outcome(&error));
        (explain_ledger(&error), exit)
    })?;
    let given = match (&ring, &proofs) {
        (Some(ring), Some(proofs)) => given::all(ring, proofs),
        _ => Vec::new(),
    };
    let exit = exit(proofs.as_deref().unwrap_or_default(), &given);
    let now = Timestamp::now();
    let row = |one| Row {
        of: one,
        standing: standing(&one.recipient, certificates, now),
        proof: proofs
            .as_ref()
            .zip(ring.as_ref())
            .and_then(|(proofs, ring)| row::proof(one, proofs, ring)),
    };
    let rows: Vec<Row> = uses.iter().map(row).collect();
    tell(&rows, &given, exit, show);
    Ok(exit)
}

fn tell(rows: &[Row], given: &[Given], exit: Exit, show: Show) {
    if show.json {
        let rows: Vec<Value> = rows.iter().map(Row::as_json).collect();
        let given: Vec<Value> = given.iter().map(Given::as_json).collect();
        let answer = json!({
            "schema": 1, "exit_code": exit.code(), "keys": rows, "given_keys": given,
        });
        say(&format!("{answer}\n"));
        return;
    }
    if !(show.quiet && exit == Exit::Complete) {
        let listed: String = rows.iter().map(Row::as_text).collect();
        say(if listed.is_empty() {
            "no media file is verified yet\n"
        } else {
            &listed
        });
        let unproven: String = given.iter().filter_map(Given::as_text).collect();
        say(&unproven);
    }
    if rows.iter().any(Row::is_ambiguous) || given.iter().any(|one| one.wants_certificate) {
        let hint =
            "hint: name the certificates of the keys with --cert, or put them into certificateFile";
        drop(writeln!(std::io::stderr(), "{hint}"));
    }
}

/// Evidence for each set of recipients; what nobody encrypted needs none.
async fn prove_all(
    view: &View,
    sets: &[SealedFor],
    ring: &KeyRing,
    rules: OpenRules,
) -> Result<Proofs, LedgerError> {
    let mut proofs = Vec::new();
    for set in sets.iter().filter(|set| !is_plain(&set.recipients)) {
        let evidence = prove::prove(view, set, ring, rules).await?;
        proofs.push((set.sample.clone(), evidence));
    }
    Ok(proofs)
}

/// Damage comes before keys that are missing, as with `rcbs decrypt`.
fn exit(proofs: &[(MediaKey, Evidence)], given: &[Given]) -> Exit {
    if proofs.iter().any(|(_, it)| it.damage().is_some()) {
        Exit::Damaged
    } else if proofs.iter().any(|(_, it)| !it.is_open()) || given.iter().any(|one| !one.is_proven())
    {
        Exit::Waiting
    } else {
        Exit::Complete
    }
}
