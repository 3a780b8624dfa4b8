//! A list of faults that counts the requests it sees.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Effect, EffectError, Fault, RequestKind, Target, TargetError, When};
use crate::seed::Seed;

/// Faults in the order they were added, with the number of requests that each has seen. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Counted>>>);

#[derive(Debug)]
struct Counted {
    fault: Fault,
    seen: u64,
}

/// A script that is not understood.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No `:` or no time.
    #[error(
        "{0:?} is not a fault: write \"<target> <when>: <effect>\", for example \"list 2: 503 retry-after=10\""
    )]
    Form(String),
    /// Target or time.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Effect.
    #[error(transparent)]
    Effect(#[from] EffectError),
    /// The file is not JSON of the right form.
    #[error(
        "the faults are not of the form {{\"faults\": [{{\"on\": …, \"when\": …, \"does\": …}}]}}"
    )]
    Json(#[from] serde_json::Error),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The form of a file with faults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultFile {
    faults: Vec<FaultLine>,
}

/// One fault in such a file; each field is the text of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultLine {
    on: String,
    when: String,
    does: String,
}

impl Faults {
    /// No faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These faults, in text.
    ///
    /// # Errors
    /// [`FaultError`] for the first that is not understood.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, FaultError> {
        let faults = Self::none();
        for text in texts {
            faults.add(text.parse()?);
        }
        Ok(faults)
    }

    /// The faults of a file's contents.
    ///
    /// # Errors
    /// [`FaultError`] when it is not of the form, or a fault is not understood.
    pub fn from_json(json: &str) -> Result<Self, FaultError> {
        let file: FaultFile = serde_json::from_str(json)?;
        let faults = Self::none();
        for line in file.faults {
            faults.add(Fault {
                target: line.on.parse()?,
                when: line.when.parse()?,
                effect: line.does.parse()?,
            });
        }
        Ok(faults)
    }

    /// The faults of a file.
    ///
    /// # Errors
    /// [`FaultError`] when it cannot be read, is not of the form, or a fault is not understood.
    pub fn from_file(path: &std::path::Path) -> Result<Self, FaultError> {
        let json = std::fs::read_to_string(path).map_err(|source| FaultError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::from_json(&json)
    }

    /// The file's contents for these faults.
    #[must_use]
    pub fn to_json(&self) -> String {
        let faults = self
            .lock()
            .iter()
            .map(|counted| line(&counted.fault))
            .collect();
        serde_json::to_string_pretty(&FaultFile { faults })
            .expect("strings can always be written as JSON")
    }

    /// Adds a fault; its count begins at 0.
    pub fn add(&self, fault: Fault) {
        self.lock().push(Counted { fault, seen: 0 });
    }

    /// Takes all faults away: the cloud is well again.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Counts a request and says what happens to it, in the order of the script.
    #[must_use]
    pub fn on(&self, kind: RequestKind, about: &str, seed: Seed) -> Vec<Effect> {
        let mut hit = Vec::new();
        for counted in self.lock().iter_mut() {
            if counted.fault.target.fits(kind, about) {
                counted.seen += 1;
                if counted.fault.when.hits(counted.seen, seed) {
                    hit.push(counted.fault.effect.clone());
                }
            }
        }
        hit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(fault: &Fault) -> FaultLine {
    FaultLine {
        on: fault.target.to_string(),
        when: fault.when.to_string(),
        does: fault.effect.to_string(),
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let form = || FaultError::Form(text.to_owned());
        let (before, effect) = text.split_once(": ").ok_or_else(form)?;
        let (target, when) = before.trim().rsplit_once(' ').ok_or_else(form)?;
        Ok(Self {
            target: Target::from_str(target.trim())?,
            when: When::from_str(when)?,
            effect: effect.parse()?,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.target, self.when, self.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 34] = [
        "list 2: 503 retry-after=10",
        "list always: 500",
        "object every-3: 403 code=AccessDenied",
        "object 404: 404 code=NoSuchKey",
        "any 30%: 429",
        "list 1: status-code code=20",
        "list 1: html",
        "object 1: xml-error",
        "object~.mp4 first-2: cut after=1000",
        "list 1: cut-json after=17",
        "object 1: reset after=0",
        "object 1: longer by=16",
        "object 1: shorter by=16",
        "object 1: trailing by=5",
        "object 1: flip at=100",
        "object 1: slow rate=1000",
        "list 1: delay ms=50",
        "recording 1: hang",
        "object 1: stall after=10",
        "list 1: redirect to=http://127.0.0.1:1/",
        "list 1: link to=http://127.0.0.1:1/x?a=b",
        "list 1: link-to-self",
        "list always: endless-pages fresh=true",
        "list always: endless-pages fresh=false",
        "list 1: huge-page bytes=3000000000",
        "list 1: nested depth=200000",
        "object 2: replace",
        "object always: wrong-region status=301 region=eu-west-1",
        "object first-1: skewed ahead=-1200",
        "object from-2: ignore-range",
        "object 1: wrong-range shift=1",
        "object 1: no-length",
        "object 1: wrong-checksum",
        "object 1: encoded",
    ];

    #[test]
    fn a_script_survives_text_and_json() {
        let faults = Faults::from_texts(ALL).unwrap();
        let again = Faults::from_json(&faults.to_json()).unwrap();
        let texts = |faults: &Faults| {
            faults
                .lock()
                .iter()
                .map(|counted| counted.fault.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&faults), ALL);
        assert_eq!(texts(&again), ALL);
    }

    #[test]
    fn each_fault_counts_the_requests_that_fit_it() {
        let faults =
            Faults::from_texts(["list 2: 500", "object~b 1: html", "any from-3: hang"]).unwrap();
        let seed = Seed::new(1);
        assert_eq!(faults.on(RequestKind::Object, "a", seed), []);
        assert_eq!(faults.on(RequestKind::List, "", seed), []);
        assert_eq!(
            faults.on(RequestKind::Object, "ab", seed),
            [Effect::Html, Effect::Hang]
        );
        let status = Effect::Status {
            status: 500,
            code: None,
            retry_after_s: None,
        };
        assert_eq!(
            faults.on(RequestKind::List, "", seed),
            [status, Effect::Hang]
        );
        faults.clear();
        assert_eq!(faults.on(RequestKind::List, "", seed), []);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "list",
            "list: 500",
            "list 1 500",
            "list 1: 99",
            "list one: 500",
            "list 1: cut",
            "list 1: cut after=x",
            "list 1: cut after=1 before=2",
            "list 1: explode",
            "lists 1: 500",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert!(Faults::from_json("{\"faults\": [{\"on\": \"list\", \"when\": \"1\"}]}").is_err());
    }
}
