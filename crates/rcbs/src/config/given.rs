//! What was typed: entries of the file and overrides of the command line, one per key, not yet understood.

use std::collections::BTreeMap;
use std::fmt;

use super::Override;
use super::env::Variable;
use super::finding::{Finding, Level, Origin};
use super::keys::{Heritage, Key, TABLE};
use super::properties::{Encoding, Entry, Note, Properties};
use super::suggest::similar;
use rcbs_core::text::printable;

/// A key that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) key: Key,
    /// As Java would read it.
    pub(super) value: String,
    /// As it stands in the file, escapes and all; `None` on the command line.
    pub(super) raw: Option<String>,
    /// The file format read a backslash as an escape that changed the text.
    pub(super) escaped: bool,
    pub(super) origin: Origin,
    /// The name under which it was given: the key, or an option of its own such as `--since`.
    pub(super) name: &'static str,
    /// It is already reported as unreadable; not to be looked at again.
    pub(super) broken: bool,
}

impl Given {
    /// The value as the operator wrote it.
    pub(super) fn shown(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.value)
    }

    /// An error that says `text` of this value.
    pub(super) fn error(&self, text: impl fmt::Display) -> Finding {
        let mut finding = Finding::error(self.name, format!("{} {text}", self.subject()));
        finding.origin = Some(self.origin.clone());
        finding.value = (!self.hides_value()).then(|| self.shown().to_owned());
        finding
    }

    /// A warning that says `text` of this value.
    pub(super) fn warning(&self, text: impl fmt::Display) -> Finding {
        Finding {
            level: Level::Warning,
            ..self.error(text)
        }
    }

    /// The beginning of a sentence about it: name, value unless hidden, and place.
    pub(super) fn subject(&self) -> String {
        let value = if self.hides_value() {
            "(value hidden)".to_owned()
        } else {
            format!("\"{}\"", printable(self.shown()))
        };
        match self.place() {
            Some(place) => format!("{} {value} {place}", self.name),
            None => format!("{} {value}", self.name),
        }
    }

    /// Whether a login may stand in the value, where none belongs.
    fn hides_value(&self) -> bool {
        let marks: &[char] = match self.key {
            Key::GwsUriPrefix
            | Key::GwsRecordingsUri
            | Key::GwsSettingsUri
            | Key::GwsProxyHost
            | Key::AwsEndpoint
            | Key::AwsProxyHost => &['@', '?', '#'],
            Key::GwsProxyUser | Key::AwsProxyUser => &[':'],
            _ => &[],
        };
        self.value.contains(marks) || self.shown().contains(marks)
    }

    /// Where it stands, as a part of a sentence; `None` for an option of its own, whose name says it.
    pub(super) fn place(&self) -> Option<String> {
        (self.origin != Origin::Flag { flag: self.name }).then(|| self.origin.phrase())
    }

    #[cfg(test)]
    pub(super) fn typed(value: &str) -> Self {
        Self {
            key: Key::TargetDir,
            value: value.to_owned(),
            raw: None,
            escaped: false,
            origin: Origin::Flag {
                flag: "--target-dir",
            },
            name: "--target-dir",
            broken: false,
        }
    }
}

/// Everything that was typed, by key.
pub(super) type GivenMap = BTreeMap<Key, Given>;

/// Sorts the entries of a file into keys and reports what can be said without understanding values.
pub(super) fn from_file(
    file: &str,
    properties: Properties,
    findings: &mut Vec<Finding>,
) -> GivenMap {
    let mut given = GivenMap::new();
    if properties.encoding == Encoding::Latin1
        && let Some(entry) = properties
            .entries
            .iter()
            .find(|entry| !entry.value.is_ascii())
    {
        let origin = Origin::File {
            name: file.to_owned(),
            line: entry.line,
        };
        findings.push(
            Finding::warning(
                &entry.key,
                format!("{origin} is not UTF-8 and was read as ISO 8859-1"),
            )
            .at(&origin)
            .hint("save the file as UTF-8"),
        );
    }
    for entry in properties.entries {
        let origin = Origin::File {
            name: file.to_owned(),
            line: entry.line,
        };
        if let Some(key) = known(&entry.key, &origin, findings) {
            given.insert(key, from_entry(key, &entry, origin, findings));
        }
    }
    given
}

/// Puts the overrides of the command line over what the file says; later ones win.
pub(super) fn apply_overrides(
    given: &mut GivenMap,
    overrides: &[Override],
    findings: &mut Vec<Finding>,
) {
    for item in overrides {
        let origin = Origin::Flag { flag: item.flag };
        let Some(key) = known(&item.key, &origin, findings) else {
            continue;
        };
        let name = if item.flag == Override::SET {
            key.name()
        } else {
            item.flag
        };
        given.insert(
            key,
            Given {
                key,
                value: item.value.clone(),
                raw: None,
                escaped: false,
                origin,
                name,
                broken: false,
            },
        );
    }
}

fn from_entry(key: Key, entry: &Entry, origin: Origin, findings: &mut Vec<Finding>) -> Given {
    let mut given = Given {
        key,
        value: entry.value.clone(),
        raw: Some(entry.raw_value.clone()),
        escaped: false,
        origin,
        name: key.name(),
        broken: false,
    };
    if let [.., last] = entry.replaces[..] {
        let (name, origin) = (key.name(), &given.origin);
        findings.push(
            Finding::warning(
                name,
                format!("{name} is set in line {last} and again in {origin}, which counts"),
            )
            .at(origin)
            .hint(format!("remove line {last}")),
        );
    }
    for note in &entry.notes {
        let finding = match note {
            Note::BadUnicode => {
                given.broken = true;
                given
                    .error("has a malformed \\u escape")
                    .hint("write \\u and four hexadecimal digits, or the character itself")
            }
            Note::Control(_) => {
                given.escaped = true;
                continue;
            }
            Note::DroppedBackslash(after) => {
                given.escaped = true;
                if is_path(key) {
                    continue;
                }
                given
                    .warning(format!("loses its backslash before {after:?}"))
                    .hint(format!("write \\\\{after} to keep it, or {after} alone"))
            }
            Note::TrailingBlank => given.warning("ends in a blank").hint("remove the blank"),
        };
        findings.push(finding);
    }
    given
}

/// Keys whose value is a path: there, a blank at the end belongs to the value and a lost backslash is an error.
pub(super) fn is_path(key: Key) -> bool {
    matches!(
        key,
        Key::TargetDir | Key::StateDir | Key::CaFile | Key::CertificateFile | Key::ManifestKey
    )
}

/// The key of a name, or a report that there is none. Values of unknown keys are never shown: they may be secrets.
fn known(name: &str, origin: &Origin, findings: &mut Vec<Finding>) -> Option<Key> {
    if let Some(key) = Key::of_name(name) {
        if key.info().heritage != Heritage::Later {
            return Some(key);
        }
        findings.push(
            Finding::error(
                name,
                format!(
                    "{name} {} is not available in this version",
                    origin.phrase()
                ),
            )
            .at(origin)
            .hint("remove it"),
        );
        return None;
    }
    findings.push(unknown(name, origin).at(origin));
    None
}

fn unknown(name: &str, origin: &Origin) -> Finding {
    let shown = printable(name);
    let place = origin.phrase();
    if let Some(variable) = secret_variable(name) {
        let variable_name = variable.name();
        return Finding::error(name, format!("{shown} {place} is a secret in the wrong place (value hidden)"))
            .hint(format!(
                "remove it, and set the environment variable {variable_name}, or {} to the path of a private file",
                variable.file_name()
            ));
    }
    let candidates = similar(name, TABLE.iter().map(|info| info.name));
    if !candidates.is_empty() {
        return Finding::error(name, format!("{shown} {place} is not a known key"))
            .hint(format!("did you mean {}?", candidates.join(" or ")));
    }
    match origin {
        Origin::Flag { .. } => Finding::error(name, format!("{shown} {place} is not a known key"))
            .hint("\"rcbs config keys\" lists them"),
        _ => Finding::warning(
            name,
            format!("{shown} {place} is not a known key and is ignored"),
        )
        .hint("remove it; \"rcbs config keys\" lists the known ones"),
    }
}

/// The secret that an operator meant to set as a key: `GWS_PASSWORD`, `gwsPassword`, `aws.secretAccessKey`.
fn secret_variable(name: &str) -> Option<Variable> {
    let plain = |text: &str| text.replace(['_', '-', '.'], "").to_ascii_lowercase();
    Variable::ALL
        .into_iter()
        .find(|variable| plain(variable.name()) == plain(name))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::properties;
    use super::*;

    /// The only known key of a file's text.
    pub(crate) fn given(text: &str) -> Given {
        let mut findings = Vec::new();
        let map = from_file(
            "config.properties",
            properties::parse(text.as_bytes()).unwrap(),
            &mut findings,
        );
        map.into_values().next().unwrap()
    }
}
