//! Secrets from the environment: six variables, each also as a private file, and nothing else.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::finding::{Finding, Origin};

/// The largest secret that is read from a file.
const MAX_BYTES: u64 = 64 << 10;

/// A secret's variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// User of the recording API.
    GwsUsername,
    /// Password of the recording API.
    GwsPassword,
    /// Key id for the store.
    AwsAccessKeyId,
    /// Key for the store.
    AwsSecretAccessKey,
    /// Password of the proxy towards the recording API.
    GwsProxyPassword,
    /// Password of the proxy towards the store.
    AwsProxyPassword,
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::GwsUsername,
        Self::GwsPassword,
        Self::AwsAccessKeyId,
        Self::AwsSecretAccessKey,
        Self::GwsProxyPassword,
        Self::AwsProxyPassword,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GwsUsername => "GWS_USERNAME",
            Self::GwsPassword => "GWS_PASSWORD",
            Self::AwsAccessKeyId => "AWS_ACCESS_KEY_ID",
            Self::AwsSecretAccessKey => "AWS_SECRET_ACCESS_KEY",
            Self::GwsProxyPassword => "GWS_PROXY_PASSWORD",
            Self::AwsProxyPassword => "AWS_PROXY_PASSWORD",
        }
    }

    /// The name under which a path to a private file may be given instead.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{}_FILE", self.name())
    }

    /// What it holds, for the documentation.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::GwsUsername => {
                "User of the recording API, as `username@customer_tenant.com`. Needed by whatever asks the servers (`backup`, `retry`, `plan`, `verify --repair`, `report --reconcile`) and by `config check`."
            }
            Self::GwsPassword => "Password of that user. Needed where the user is.",
            Self::AwsAccessKeyId => {
                "Key id for the store. Needed where the user is, except with `metadataOnly=true`."
            }
            Self::AwsSecretAccessKey => "Key for the store. Needed where its id is.",
            Self::GwsProxyPassword => {
                "Password of the proxy towards the recording API. Needed with `gwsProxyUser`."
            }
            Self::AwsProxyPassword => {
                "Password of the proxy towards the store. Needed with `awsProxyUser`."
            }
        }
    }
}

/// The part of the environment that is read. Its debug form holds names only.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, OsString>);

impl Env {
    /// The variables of this process. The only place that reads the environment.
    #[must_use]
    pub fn of_process() -> Self {
        let names = Variable::ALL
            .iter()
            .flat_map(|variable| [variable.name().to_owned(), variable.file_name()]);
        Self(
            names
                .filter_map(|name| Some((name.clone(), std::env::var_os(name)?)))
                .collect(),
        )
    }

    /// Variables given as pairs.
    pub fn of_pairs<K: Into<String>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The value of a variable; an empty one counts as missing.
    fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(name)
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A secret and where it was read.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) text: SecretString,
    pub(super) origin: Origin,
    /// Its first or last character is a blank, which happens to pasted keys.
    pub(super) ends_in_blank: bool,
}

/// Why a secret cannot be used. Never holds any of it.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error("is given twice")]
    Twice,
    #[error("names a file that cannot be read ({}): {source}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("names a file that others may read ({})", .path.display())]
    Open { path: PathBuf },
    #[error("names an empty file ({})", .path.display())]
    Empty { path: PathBuf },
    #[error("names a file of more than {MAX_BYTES} bytes ({})", .path.display())]
    TooLarge { path: PathBuf },
    #[error("is not valid UTF-8")]
    NotText,
    #[error("contains a line end or another control character")]
    Control,
}

/// Reads one secret; `None` when neither of its variables is set.
///
/// # Errors
/// A finding that names the variable, never the value.
pub(super) fn secret(env: &Env, variable: Variable) -> Result<Option<Secret>, Box<Finding>> {
    let file_variable = variable.file_name();
    let (name, origin, text) = match (env.get(variable.name()), env.get(&file_variable)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let finding = refused(variable.name(), &SecretError::Twice, variable);
            return Err(Box::new(finding));
        }
        (Some(value), None) => {
            let origin = Origin::Environment {
                variable: variable.name(),
            };
            let text = value
                .to_str()
                .map(str::to_owned)
                .ok_or(SecretError::NotText);
            (variable.name().to_owned(), origin, text)
        }
        (None, Some(path)) => {
            let origin = Origin::SecretFile {
                variable: file_variable.clone(),
                path: path.into(),
            };
            (file_variable, origin, read_private(Path::new(path)))
        }
    };
    match text.and_then(|text| match text.chars().any(char::is_control) {
        true => Err(SecretError::Control),
        false => Ok(text),
    }) {
        Err(error) => Err(Box::new(refused(&name, &error, variable).at(&origin))),
        Ok(text) => Ok(Some(Secret {
            ends_in_blank: text.trim() != text,
            text: SecretString::from(text),
            origin,
        })),
    }
}

fn refused(name: &str, error: &SecretError, variable: Variable) -> Finding {
    let hint = match error {
        SecretError::Twice => format!("unset {} or {}", variable.name(), variable.file_name()),
        SecretError::Open { path } => format!("chmod 600 {}", path.display()),
        SecretError::Read { .. } => "check the path and who may read the file".to_owned(),
        SecretError::Empty { .. } => "write the secret into the file".to_owned(),
        SecretError::TooLarge { .. } => {
            "give a file that holds the secret and nothing else".to_owned()
        }
        SecretError::NotText | SecretError::Control => {
            "set it anew; a carriage return from a Windows editor is a usual cause".to_owned()
        }
    };
    let headline = match error {
        SecretError::Twice => format!("{name} {error}, by itself and as {}", variable.file_name()),
        _ => format!("{name} {error}"),
    };
    Finding::error(name, headline).hint(hint)
}

/// Reads a file that only its owner may read, without one line end at its end.
fn read_private(path: &Path) -> Result<String, SecretError> {
    let path = || path.to_owned();
    let failed = |source| SecretError::Read {
        path: path(),
        source,
    };
    let file = File::open(path()).map_err(failed)?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    if !is_private(&file.metadata().map_err(failed)?) {
        return Err(SecretError::Open { path: path() });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SecretError::TooLarge { path: path() });
    }
    let mut text = String::from_utf8(bytes).map_err(|_| SecretError::NotText)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(SecretError::Empty { path: path() });
    }
    Ok(text)
}

#[cfg(unix)]
pub(super) fn is_private(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    is_private_mode(metadata.mode(), metadata.uid(), metadata.gid())
}

/// Windows keeps rights in lists that the standard library does not read; the folder's rights have to do.
#[cfg(not(unix))]
pub(super) fn is_private(_metadata: &std::fs::Metadata) -> bool {
    true
}

/// Nobody but the owner, with one exception: systemd hands `LoadCredential=` files to a service as read-only files of
/// root with an access list, whose mask looks like `root:root 0440`.
#[cfg_attr(not(unix), expect(dead_code, reason = "modes exist on Unix only"))]
fn is_private_mode(mode: u32, owner: u32, group: u32) -> bool {
    mode & 0o077 == 0 || (mode & 0o777 == 0o440 && owner == 0 && group == 0)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<Secret>, Box<Finding>> {
        secret(&Env::of_pairs(pairs.iter().copied()), Variable::GwsPassword)
    }

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn a_variable_or_a_private_file_holds_the_secret() {
        let found = read(&[("GWS_PASSWORD", "canary")]).unwrap().unwrap();
        assert_eq!(found.text.expose_secret(), "canary");
        assert_eq!(
            found.origin,
            Origin::Environment {
                variable: "GWS_PASSWORD"
            }
        );
        for content in ["canary", "canary\n", "canary\r\n"] {
            let (_folder, path) = file(content.as_bytes(), 0o600);
            let found = read(&[("GWS_PASSWORD_FILE", &path)]).unwrap().unwrap();
            assert_eq!(found.text.expose_secret(), "canary");
        }
        assert!(read(&[]).unwrap().is_none());
        assert!(
            read(&[("GWS_PASSWORD", ""), ("GWS_PASSWORD_FILE", "")])
                .unwrap()
                .is_none()
        );
        assert!(
            read(&[("GWS_PASSWORD", "a b ")])
                .unwrap()
                .unwrap()
                .ends_in_blank
        );
    }

    #[test]
    fn unusable_secrets_are_refused_without_repeating_them() {
        let check = |pairs: &[(&str, &str)], headline: &str| {
            let finding = read(pairs).unwrap_err();
            let text = finding.to_string();
            assert!(text.contains(headline), "{text}");
            assert!(!text.contains("canary"), "{text}");
            assert!(finding.hint.is_some());
        };
        check(
            &[("GWS_PASSWORD", "canary"), ("GWS_PASSWORD_FILE", "/x")],
            "GWS_PASSWORD is given twice",
        );
        check(
            &[("GWS_PASSWORD", "canary\r")],
            "GWS_PASSWORD contains a line end",
        );
        check(
            &[("GWS_PASSWORD_FILE", "/no/such/file")],
            "cannot be read (/no/such/file)",
        );
        let large = vec![b'c'; 70_000];
        for (content, headline) in [
            (&b""[..], "GWS_PASSWORD_FILE names an empty file"),
            (b"\n", "names an empty file"),
            (b"canary\n\n", "contains a line end"),
            (b"canary\xff", "is not valid UTF-8"),
            (&large, "more than 65536 bytes"),
        ] {
            let (_folder, path) = file(content, 0o600);
            check(&[("GWS_PASSWORD_FILE", &path)], headline);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_file_that_others_may_read_is_refused_with_the_mend() {
        for mode in [0o644, 0o640, 0o604, 0o620, 0o666] {
            let (_folder, path) = file(b"canary", mode);
            let finding = read(&[("GWS_PASSWORD_FILE", &path)]).unwrap_err();
            assert_eq!(finding.hint, Some(format!("chmod 600 {path}")));
        }
        let (_folder, path) = file(b"canary", 0o400);
        assert!(read(&[("GWS_PASSWORD_FILE", &path)]).is_ok());
    }

    #[test]
    fn credentials_handed_over_by_systemd_are_private() {
        assert!(is_private_mode(0o100_440, 0, 0));
        assert!(!is_private_mode(0o100_440, 0, 5));
        assert!(!is_private_mode(0o100_440, 5, 0));
        assert!(!is_private_mode(0o100_444, 0, 0));
    }

    #[test]
    fn debug_output_holds_names_only() {
        let env = Env::of_pairs([("GWS_PASSWORD", "canary")]);
        assert_eq!(format!("{env:?}"), "{\"GWS_PASSWORD\"}");
    }
}
