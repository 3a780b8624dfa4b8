//! Any error as a person should read it: what we were doing, why it failed, and one thing to do.
//!
//! One match for each error enum and no wildcard arm: a new variant does not compile until somebody has written what
//! the operator should do.

use std::error::Error;
use std::fmt;
use std::path::Path;

use rcbs_core::identity::Mismatch;
use rcbs_core::plan::WindowError;
use rcbs_core::ports::{ApiError, LedgerError, StoreError, TargetError};
use rcbs_core::run::RunError;
use rcbs_io::http::HttpError;
use rcbs_io::target::LockError;

use crate::report::human_bytes;

/// An error, told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What rcbs was doing, with which thing.
    pub headline: String,
    /// From the nearest cause to the root.
    pub causes: Vec<String>,
    /// One thing to do, in the imperative.
    pub hint: Option<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.headline)?;
        for cause in &self.causes {
            writeln!(f, "  caused by: {cause}")?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Names that an explanation uses.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `GWS_USERNAME`.
    pub username: String,
    /// `targetDir`.
    pub target: String,
}

/// Explains why a run could not go on; `None` for an interruption, which needs no explanation.
#[must_use]
pub fn explain_run(error: &RunError, names: &Names) -> Option<Explanation> {
    let (headline, hint) = match error {
        RunError::Window(window) => (
            "planning the window of this run".to_owned(),
            Some(hint_of_window(window)),
        ),
        RunError::Api(api) => (headline_of_api(api, names), hint_of_api(api)),
        RunError::Store(store) => (
            "fetching media files from the media store".to_owned(),
            Some(hint_of_store(store)),
        ),
        RunError::Target(target) => (
            format!("writing to {}", names.target),
            Some(hint_of_target(target)),
        ),
        RunError::NoRoom { .. } => {
            let hint = "free space on the disk or share of targetDir, or lower diskReserve, then run again; it continues where it stopped";
            (
                format!("writing to {}", names.target),
                Some(hint.to_owned()),
            )
        }
        RunError::Ledger(ledger) => ("keeping the ledger".to_owned(), hint_of_ledger(ledger)),
        RunError::ForeignFolder { .. } => {
            let hint =
                "move the ledger aside and run \"rcbs adopt\": it is rebuilt from the archive";
            ("reading the ledger".to_owned(), Some(hint.to_owned()))
        }
        RunError::Interrupted => return None,
    };
    let causes = match error {
        RunError::NoRoom {
            needed_bytes,
            reserve_bytes,
        } => vec![format!(
            "no space for the next file, of about {}, with {} left free (diskReserve)",
            human_bytes(*needed_bytes),
            human_bytes(*reserve_bytes)
        )],
        _ => causes(error),
    };
    Some(Explanation {
        headline,
        causes,
        hint,
    })
}

/// Explains why the target could not be opened.
#[must_use]
pub fn explain_target(error: &TargetError, names: &Names) -> Explanation {
    let (cause, hint) = match error {
        TargetError::NotPlain { path } if *path == names.target => (
            "a file stands there, or on the way to it, where a folder should be".to_owned(),
            "set targetDir to the folder of the archive".to_owned(),
        ),
        TargetError::Io { .. } => (
            error.to_string(),
            "check targetDir, and that its disk or share is connected".to_owned(),
        ),
        TargetError::Gone { path } => (
            format!("the ledger knows of an archive in {path}, and there is none"),
            hint_of_target(error),
        ),
        TargetError::Full { .. }
        | TargetError::Denied { .. }
        | TargetError::Disconnected { .. }
        | TargetError::Altered { .. }
        | TargetError::Exists { .. }
        | TargetError::NotPlain { .. } => (error.to_string(), hint_of_target(error)),
    };
    Explanation {
        headline: format!("opening the target {}", names.target),
        causes: vec![cause],
        hint: Some(hint),
    }
}

/// Explains why the ledger could not be opened.
#[must_use]
pub fn explain_ledger(error: &LedgerError) -> Explanation {
    let headline = "opening the ledger".to_owned();
    Explanation {
        headline,
        causes: vec![error.to_string()],
        hint: hint_of_ledger(error),
    }
}

/// Explains that there is no ledger to look into.
#[must_use]
pub fn explain_no_ledger(path: &Path) -> Explanation {
    let hint = "check targetDir and stateDir; \"rcbs backup\" makes a ledger, \"rcbs adopt\" makes one of an archive";
    Explanation {
        headline: "opening the ledger".to_owned(),
        causes: vec![format!("there is no ledger at {}", path.display())],
        hint: Some(hint.to_owned()),
    }
}

/// Explains that there is nothing to try again, because there is no ledger.
#[must_use]
pub fn explain_nothing_to_retry(path: &Path) -> Explanation {
    let hint = "check targetDir and stateDir; if this archive has lost its ledger, \"rcbs adopt\" rebuilds it, and if there is none yet, \"rcbs backup\" begins it";
    Explanation {
        headline: "looking up what to try again".to_owned(),
        causes: vec![format!(
            "no backup has run here: there is no ledger at {}",
            path.display()
        )],
        hint: Some(hint.to_owned()),
    }
}

/// Explains that there is no archive to take over.
#[must_use]
pub fn explain_no_archive(target: &Path, exists: bool) -> Explanation {
    let path = target.display();
    let (cause, hint) = if exists {
        let hint = "check targetDir: name the folder above the years, where the original program put its recordings";
        (format!("no recording lies in {path}"), hint)
    } else {
        let hint = "check targetDir, and that its disk or share is connected; nothing was created";
        (format!("there is no folder {path}"), hint)
    };
    Explanation {
        headline: format!("looking for an archive in {path}"),
        causes: vec![cause],
        hint: Some(hint.to_owned()),
    }
}

/// Explains why a target is not the archive that the ledger speaks of. Nothing was written.
#[must_use]
pub fn explain_mismatch(mismatch: &Mismatch, target: &Path, ledger: &Path) -> Explanation {
    let aside = format!(
        "if this folder is meant, move {} aside first: the ledger begins anew",
        ledger.display()
    );
    let hint = match mismatch {
        Mismatch::Another { .. } | Mismatch::Unmarked { .. } => format!(
            "check targetDir and stateDir, and which disk or share is connected; {aside}, and \"rcbs adopt\" takes over what lies there"
        ),
        Mismatch::Missing { .. } => format!(
            "connect the disk or share again, then run again; nothing was written elsewhere; {aside}"
        ),
        Mismatch::Newer { .. } => "use the newer rcbs that marked it".to_owned(),
        Mismatch::Damaged { .. } => {
            "move .rcbs/archive-id in the target aside, then run again: the marker is written anew"
                .to_owned()
        }
    };
    Explanation {
        headline: format!("opening the target {}", target.display()),
        causes: vec![mismatch.to_string()],
        hint: Some(hint),
    }
}

/// Explains why the target could not be locked.
#[must_use]
pub fn explain_lock(error: &LockError) -> Explanation {
    let hint = match error {
        LockError::Held { .. } => {
            "wait for it to end, or give each instance a targetDir of its own"
        }
        LockError::Full { .. } => {
            "free space on the disk or share of targetDir, then run again; it continues where it stopped"
        }
        LockError::Io { .. } => {
            "give the account that runs rcbs write permission to targetDir and stateDir"
        }
    };
    let headline = "taking the target for this run".to_owned();
    Explanation {
        headline,
        causes: vec![error.to_string()],
        hint: Some(hint.to_owned()),
    }
}

/// Explains why a client could not be made of the settings.
#[must_use]
pub fn explain_http(error: &HttpError) -> Explanation {
    let hint = match error {
        HttpError::Proxy { .. } => {
            Some("check gwsProxyHost, gwsProxyPort, awsProxyHost and awsProxyPort")
        }
        HttpError::Certificates { .. } => Some("check caFile: it must hold PEM certificates"),
        HttpError::Address { .. } => Some("check gwsUriPrefix and awsEndpoint"),
        HttpError::Login { .. } => Some("check GWS_USERNAME and AWS_ACCESS_KEY_ID"),
        HttpError::Client { .. } => {
            Some("install the system's CA certificates, or name them with caFile")
        }
    };
    let headline = "preparing the connections".to_owned();
    Explanation {
        headline,
        causes: vec![error.to_string()],
        hint: hint.map(str::to_owned),
    }
}

/// Explains an error of the system itself.
#[must_use]
pub fn explain_system(action: &str, error: &std::io::Error) -> Explanation {
    Explanation {
        headline: action.to_owned(),
        causes: vec![error.to_string()],
        hint: None,
    }
}

/// The chain below an error whose own text only says what was being done.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes
}

fn headline_of_api(error: &ApiError, names: &Names) -> String {
    match error {
        ApiError::Denied { .. } => format!("listing recordings as {}", names.username),
        ApiError::Unreachable { .. }
        | ApiError::Cut { .. }
        | ApiError::Timeout { .. }
        | ApiError::Server { .. }
        | ApiError::Throttled { .. }
        | ApiError::NotFound
        | ApiError::OffsetRefused { .. }
        | ApiError::Refused { .. }
        | ApiError::TooLarge { .. }
        | ApiError::Malformed { .. }
        | ApiError::Redirect { .. } => "listing recordings".to_owned(),
    }
}

fn hint_of_api(error: &ApiError) -> Option<String> {
    let hint = match error {
        ApiError::Denied { .. } => {
            "check GWS_USERNAME and GWS_PASSWORD, and that the user is a contact-center administrator"
        }
        ApiError::Unreachable { .. } | ApiError::Cut { .. } | ApiError::Timeout { .. } => {
            "check gwsUriPrefix, gwsProxyHost and caFile, and that the public IP of this machine is on Genesys' list"
        }
        ApiError::Server { .. } | ApiError::Throttled { .. } => {
            "run again later; what was not listed is listed then"
        }
        ApiError::NotFound | ApiError::Refused { status: 404, .. } => {
            "check gwsUriPrefix and gwsRecordingsUri"
        }
        ApiError::OffsetRefused { .. } | ApiError::Refused { .. } | ApiError::TooLarge { .. } => {
            "make shardBy smaller, and report what the server said"
        }
        ApiError::Malformed { .. } => {
            "check gwsUriPrefix: something else than the recording API answers there"
        }
        ApiError::Redirect { .. } => {
            "check gwsUriPrefix: give the address that the server redirects to, if it is yours"
        }
    };
    Some(hint.to_owned())
}

fn hint_of_store(error: &StoreError) -> String {
    let hint = match error {
        StoreError::Denied { code, .. } if code == "AccessDenied" => {
            "the keys may be fine: ask Genesys whether the public IP of this machine is on the allowed list"
        }
        StoreError::Denied { .. } => "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        StoreError::ClockSkew { .. } => "set the clock (NTP), then run again; nothing was skipped",
        StoreError::Unreachable { .. } | StoreError::Cut { .. } | StoreError::Timeout { .. } => {
            "check awsProxyHost, awsEndpoint and caFile"
        }
        StoreError::WrongLength { .. }
        | StoreError::Server { .. }
        | StoreError::Throttled { .. }
        | StoreError::Changed => "run again later; nothing was skipped",
        StoreError::NotFound | StoreError::NoBucket { .. } => {
            "ask Genesys whether the bucket still exists"
        }
        StoreError::Unexpected { .. } => {
            "check awsEndpoint: something else than an S3 store answers there"
        }
    };
    hint.to_owned()
}

fn hint_of_target(error: &TargetError) -> String {
    let hint = match error {
        TargetError::Full { .. } => "free space, then run again; it continues where it stopped",
        TargetError::Denied { .. } => {
            "give the account that runs rcbs write permission to targetDir"
        }
        TargetError::Altered { .. } => {
            "check the disk or share of targetDir: it does not keep what is written to it; nothing of that is counted as stored"
        }
        TargetError::Gone { .. } | TargetError::Disconnected { .. } => {
            "connect the disk or share again, then run again; nothing was written elsewhere"
        }
        TargetError::Exists { .. } => "run again: the file is checked in place",
        TargetError::NotPlain { .. } => {
            "remove the link or file at that place: rcbs follows no links inside the archive"
        }
        TargetError::Io { .. } => {
            "check the disk or share of targetDir, then run again; it continues where it stopped"
        }
    };
    hint.to_owned()
}

fn hint_of_ledger(error: &LedgerError) -> Option<String> {
    let hint = match error {
        LedgerError::Damaged { .. } => {
            "move the ledger aside and run \"rcbs adopt\": it is rebuilt from the archive"
        }
        LedgerError::Newer { .. } => "use the newer rcbs that wrote it",
        LedgerError::Busy { .. } => "wait for the other program to end",
        LedgerError::Full { .. } => "free space, then run again; it continues where it stopped",
        LedgerError::IllegalMove { .. } => {
            "report this: an invariant of rcbs broke; the recording is tried again"
        }
        LedgerError::Failed { .. } => {
            "check the disk that holds the ledger, and that this account may write there"
        }
    };
    Some(hint.to_owned())
}

fn hint_of_window(error: &WindowError) -> String {
    match error {
        WindowError::Empty { .. } => {
            "make maxAge (or maxDate) reach further back than minAge (or minDate)".to_owned()
        }
        WindowError::OutOfRange { .. } => "use a smaller age".to_owned(),
    }
}
