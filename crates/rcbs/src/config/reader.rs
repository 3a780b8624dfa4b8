//! Reads the value of one key after the other and gathers what is wrong, so that all of it is told at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::Login;
use super::env::{self, Env, Secret, Variable};
use super::finding::{Finding, Level, Origin, Refusal};
use super::folder::{self, Paths};
use super::given::{Given, GivenMap, is_path};
use super::keys::Key;
use super::settings::{Effective, Held};

/// Where relative paths count from, and whose clock tells the hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder of the configuration file: for what stands in it.
    pub(super) config: PathBuf,
    /// The working folder: for what was typed.
    pub(super) working: PathBuf,
    pub(super) paths: Paths,
    /// `None` when this machine does not say.
    pub(super) zone: Option<TimeZone>,
}

/// A problem that is among the findings already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

/// The values that were given, and the findings so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    given: &'a GivenMap,
    env: &'a Env,
    login: Login,
    place: &'a Place,
    findings: Vec<Finding>,
    /// Values that are worth showing otherwise than they were typed.
    resolved: BTreeMap<Key, String>,
    secrets: BTreeMap<Variable, Origin>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        given: &'a GivenMap,
        env: &'a Env,
        login: Login,
        place: &'a Place,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            given,
            env,
            login,
            place,
            findings,
            resolved: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// Whether the command does without what its user may not read.
    pub(super) fn looks_only(&self) -> bool {
        self.login == Login::Optional
    }

    /// What was given for a key. An empty value counts as none: templates leave optional keys empty.
    pub(super) fn given(&self, key: Key) -> Option<&'a Given> {
        self.given
            .get(&key)
            .filter(|given| !given.broken && !text_of(key, given).is_empty())
    }

    /// Whether a key was given, readable or not.
    pub(super) fn is_given(&self, key: Key) -> bool {
        self.given(key).is_some() || self.given.get(&key).is_some_and(|given| given.broken)
    }

    /// Reads a value; `None` when the key was not given or its value was refused (and reported).
    pub(super) fn read<T, E: Refusal>(
        &mut self,
        key: Key,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let given = self.given(key)?;
        let text = text_of(key, given);
        if text.chars().any(char::is_control) && !is_path(key) {
            self.report(
                given
                    .error("contains a control character")
                    .hint("type the value anew"),
            );
            return None;
        }
        parse(text)
            .map_err(|refusal| self.refuse(key, &refusal))
            .ok()
    }

    /// Reads a value that has a default in the table.
    pub(super) fn read_or<T, E: Refusal>(
        &mut self,
        key: Key,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        self.read(key, parse).unwrap_or(default)
    }

    /// Reads a path; relative ones count from the folder of whatever it was written in.
    pub(super) fn path(&mut self, key: Key) -> Option<PathBuf> {
        let given = self.given(key)?;
        let base = match given.origin {
            Origin::Flag { .. } => &self.place.working,
            _ => &self.place.config,
        };
        match folder::path(given, base, self.place.paths) {
            Ok(path) => {
                self.resolve(key, path.display().to_string());
                Some(path)
            }
            Err(refusal) => {
                self.refuse(key, &refusal);
                None
            }
        }
    }

    /// The folder of the configuration file.
    pub(super) fn config_folder(&self) -> &'a PathBuf {
        &self.place.config
    }

    /// The time zone of this machine.
    pub(super) fn zone(&self) -> Option<&'a TimeZone> {
        self.place.zone.as_ref()
    }

    /// Shows this instead of what was typed.
    pub(super) fn resolve(&mut self, key: Key, shown: String) {
        self.resolved.insert(key, shown);
    }

    /// Reads a secret that whoever talks to the servers needs.
    pub(super) fn needed_secret(&mut self, variable: Variable) -> Option<SecretString> {
        let found = self.secret(variable).ok()?;
        if found.is_none() && self.login == Login::Needed {
            let (name, file_name) = (variable.name(), variable.file_name());
            self.report(Finding::error(name, format!("{name} is not set")).hint(format!(
                "set the environment variable {name}, or {file_name} to the path of a private file"
            )));
        }
        found.map(|secret| secret.text)
    }

    /// Reads a secret, `None` when it is not set.
    ///
    /// # Errors
    /// [`Reported`] when it is set but unusable.
    pub(super) fn secret(&mut self, variable: Variable) -> Result<Option<Secret>, Reported> {
        match env::secret(self.env, variable) {
            Err(mut finding) => {
                if self.login == Login::Optional {
                    finding.level = Level::Warning;
                }
                self.report(*finding);
                Err(Reported)
            }
            Ok(None) => Ok(None),
            Ok(Some(secret)) => {
                if secret.ends_in_blank {
                    let name = variable.name();
                    self.report(
                        Finding::warning(name, format!("{name} begins or ends with a blank"))
                            .at(&secret.origin)
                            .hint("remove the blank unless it belongs to the secret"),
                    );
                }
                self.secrets.insert(variable, secret.origin.clone());
                Ok(Some(secret))
            }
        }
    }

    /// Reports that a value is refused.
    pub(super) fn refuse(&mut self, key: Key, refusal: &dyn Refusal) {
        let Some(given) = self.given.get(&key) else {
            return;
        };
        let hint = refusal.hint();
        let finding = given
            .error(refusal)
            .hint(hint.unwrap_or_else(|| format!("write for example {}", key.info().example)));
        self.report(finding);
    }

    /// Reports that a key was given without another one that it needs.
    pub(super) fn require(&mut self, key: Key, other: Key) {
        if let Some(given) = self.given(key)
            && !self.is_given(other)
        {
            let text = format!("needs {}, which is not set", other.name());
            self.report(
                given
                    .error(text)
                    .hint(format!("add {}", other.info().example)),
            );
        }
    }

    /// Adds a finding.
    pub(super) fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Errors and warnings, each in the order of the file's lines, then what stands elsewhere or nowhere.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Vec<Finding>) {
        self.findings.sort_by_key(|finding| match finding.origin {
            Some(Origin::File { line, .. }) => line,
            _ => usize::MAX,
        });
        self.findings
            .into_iter()
            .partition(|finding| finding.level == Level::Error)
    }

    /// Every key and secret with what it comes to and where it comes from.
    pub(super) fn effective(&self) -> Vec<Effective> {
        let keys = super::keys::TABLE
            .iter()
            .filter(|info| info.heritage != super::keys::Heritage::Later)
            .map(|info| {
                let given = self.given(info.key);
                let typed = given.map(|given| text_of(info.key, given).to_owned());
                let resolved = self.resolved.get(&info.key).cloned();
                let default = || info.default.map(str::to_owned);
                Effective {
                    name: info.name,
                    value: resolved
                        .or(typed)
                        .or_else(default)
                        .map_or(Held::Unset, Held::Text),
                    origin: given.map_or(Origin::Default, |given| given.origin.clone()),
                }
            });
        let secrets = Variable::ALL.into_iter().map(|variable| {
            let origin = self.secrets.get(&variable);
            Effective {
                name: variable.name(),
                value: origin.map_or(Held::Unset, |_| Held::Secret),
                origin: origin.cloned().unwrap_or(Origin::Default),
            }
        });
        keys.chain(secrets).collect()
    }
}

/// The value as it is understood: blanks at the end belong to paths only. (They are reported in either case.)
fn text_of(key: Key, given: &Given) -> &str {
    if is_path(key) {
        &given.value
    } else {
        given.value.trim_matches([' ', '\t', '\u{c}'])
    }
}
