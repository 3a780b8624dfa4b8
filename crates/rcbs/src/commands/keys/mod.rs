//! `rcbs keys`: for which certificates the archive is sealed, and whether the keys at hand open it.

mod prove;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rcbs_core::cms::{KeyRing, OpenRules};
use rcbs_core::encryption::NOBODY;
use rcbs_core::ports::{Ledger as _, MediaKey};
use rcbs_core::readiness::{KeyUse, Standing, key_uses, standing};
use serde_json::{Value, json};

use super::decrypt::keys::{KeyPlaces, ring};
use super::work::runtime;
use super::{Show, say};
use crate::args::KeysArgs;
use crate::assemble::{self, Refusal, View};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::explain::explain_ledger;
use crate::report::{counted, human_time};
use prove::{Proof, prove};

/// What a key makes of the files for one recipient; `None` when no key was given.
type Proofs = Option<BTreeMap<MediaKey, Proof>>;

/// Lists recipients; with keys, opens a file of each set of them.
///
/// # Errors
/// What to tell the operator when ledger or keys cannot be read.
pub(super) fn keys(loaded: &Loaded, args: &KeysArgs, show: Show) -> Result<Exit, Refusal> {
    let ring = match args.key.as_slice() {
        [] => None,
        keys => Some(ring(KeyPlaces {
            keys,
            certificates: &args.cert,
            passphrase_file: args.passphrase_file.as_deref(),
            allow_legacy: args.allow_legacy,
        })?),
    };
    let rules = OpenRules {
        allow_legacy: args.allow_legacy,
        try_all: false,
    };
    // A ledger that is not there is a mistake here, not an empty one.
    drop(assemble::open_ledger(&loaded.settings)?);
    let view = assemble::look(&loaded.settings)?;
    let told = runtime(&loaded.settings)?.block_on(async {
        let uses = key_uses(&view.ledger.sealed_for().await?);
        let proofs = match &ring {
            Some(ring) => Some(prove_all(&view, &uses, ring, rules).await?),
            None => None,
        };
        Ok((uses, proofs))
    });
    let (uses, proofs): (Vec<KeyUse>, Proofs) = told.map_err(|error| {
        let exit = Exit::of(rcbs_core::run::ledger_outcome(&error));
        (explain_ledger(&error), exit)
    })?;
    let now = Timestamp::now();
    let of = |one: &KeyUse| standing(&one.recipient, &loaded.settings.certificates, now);
    let exit = exit(proofs.as_ref());
    if show.json {
        let rows: Vec<Value> = uses
            .iter()
            .map(|one| as_json(one, of(one), &proofs))
            .collect();
        say(&format!(
            "{}\n",
            json!({"schema": 1, "exit_code": exit.code(), "keys": rows})
        ));
    } else if !(show.quiet && exit == Exit::Complete) {
        let rows: String = uses
            .iter()
            .map(|one| as_text(one, of(one), &proofs))
            .collect();
        say(if rows.is_empty() {
            "no media file is verified yet\n"
        } else {
            &rows
        });
    }
    Ok(exit)
}

/// A proof for each file that stands for a set of recipients.
async fn prove_all(
    view: &View,
    uses: &[KeyUse],
    ring: &KeyRing,
    rules: OpenRules,
) -> Result<BTreeMap<MediaKey, Proof>, rcbs_core::ports::LedgerError> {
    let mut proofs = BTreeMap::new();
    let sealed = uses.iter().filter(|one| one.recipient != NOBODY);
    for sample in sealed.flat_map(|one| &one.samples) {
        if !proofs.contains_key(sample) {
            let proof = prove(view, sample, ring, rules).await?;
            proofs.insert(sample.clone(), proof);
        }
    }
    Ok(proofs)
}

/// Damage comes before keys that are missing, as with `rcbs decrypt`.
fn exit(proofs: Option<&BTreeMap<MediaKey, Proof>>) -> Exit {
    let all = || proofs.into_iter().flat_map(BTreeMap::values);
    if all().any(|proof| {
        matches!(
            proof,
            Proof::Failed {
                is_damage: true,
                ..
            }
        )
    }) {
        Exit::Damaged
    } else if all().any(|proof| !matches!(proof, Proof::Opened { .. })) {
        Exit::Waiting
    } else {
        Exit::Complete
    }
}

/// The proof that says most about this recipient: a file that does not open, else one that was opened as sealed for it.
fn proof_of<'a>(one: &KeyUse, proofs: &'a Proofs) -> Option<&'a Proof> {
    let samples = one.samples.iter();
    let mut found = samples.filter_map(|sample| proofs.as_ref()?.get(sample));
    let weight = |proof: &&Proof| match proof {
        Proof::Failed { .. } => 3,
        Proof::Opened { recipient, .. } if *recipient == one.recipient => 2,
        Proof::NoKey => 1,
        Proof::Opened { .. } => 0,
    };
    let first = found.next()?;
    // Of equals the first, so that the answer is the same every time.
    Some(found.fold(first, |best, next| {
        if weight(&next) > weight(&best) {
            next
        } else {
            best
        }
    }))
}

fn name(one: &KeyUse) -> &str {
    match one.recipient.as_str() {
        "" => "unknown recipients (taken over without their envelopes)",
        known => known,
    }
}

fn as_text(one: &KeyUse, standing: Standing, proofs: &Proofs) -> String {
    let day = |at: Option<Timestamp>| {
        at.map_or_else(
            || "undated".to_owned(),
            |at| at.strftime("%Y-%m-%d").to_string(),
        )
    };
    let mut lines = vec![
        name(one).to_owned(),
        format!(
            "    {}, first {}, last {}",
            counted(one.files, "media file", "media files"),
            day(one.first),
            day(one.last)
        ),
    ];
    match standing {
        Standing::Untold => {}
        Standing::Known { until: Some(until) } => {
            lines.push(format!(
                "    certificate known, valid until {}",
                human_time(until)
            ));
        }
        Standing::Known { until: None } => lines.push("    certificate known".to_owned()),
        Standing::Expired { since } => lines.push(format!(
            "    certificate expired {}; its key is still needed for these files",
            human_time(since)
        )),
        Standing::Unknown => lines.push("    certificate not in certificateFile".to_owned()),
        Standing::Nobody => lines.push("    no key is needed (plainMedia=store)".to_owned()),
    }
    match proof_of(one, proofs) {
        None => {}
        Some(Proof::Opened {
            recipient,
            path,
            key,
        }) if *recipient == one.recipient => {
            lines.push(format!("    {key} opens it, proven with {path}"));
        }
        Some(Proof::Opened { recipient, .. }) => {
            lines.push(format!(
                "    not tried: the same files were opened as sealed for {recipient}"
            ));
        }
        Some(Proof::NoKey) => lines.push("    no key given fits".to_owned()),
        Some(Proof::Failed { path, reason, .. }) => {
            lines.push(format!("    not proven: {path}: {reason}"));
        }
    }
    lines.join("\n") + "\n"
}

fn as_json(one: &KeyUse, standing: Standing, proofs: &Proofs) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let (certificate, until) = match standing {
        Standing::Untold => (None, None),
        Standing::Known { until } => (Some("known"), until),
        Standing::Expired { since } => (Some("expired"), Some(since)),
        Standing::Unknown => (Some("unknown"), None),
        Standing::Nobody => (Some("none"), None),
    };
    let (proof, key, path, reason) = match proof_of(one, proofs) {
        None => (None, None, None, None),
        Some(Proof::Opened {
            recipient,
            path,
            key,
        }) if *recipient == one.recipient => (Some("opened"), Some(key), Some(path), None),
        Some(Proof::Opened { .. }) => (Some("not_tried"), None, None, None),
        Some(Proof::NoKey) => (Some("no_key"), None, None, None),
        Some(Proof::Failed { path, reason, .. }) => {
            (Some("failed"), None, Some(path), Some(reason))
        }
    };
    json!({
        "recipient": (!one.recipient.is_empty()).then_some(&one.recipient), "files": one.files,
        "first": time(one.first), "last": time(one.last), "certificate": certificate,
        "until": time(until), "proof": proof, "key": key, "path": path, "reason": reason,
    })
}

#[cfg(test)]
mod tests;
