//! The keys of `rcbs decrypt` and `rcbs keys`: files, passphrases, and what to do when one cannot be used.

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use rcbs_core::cms::{KeyError, KeyFile, KeyRing, KeyRules, RingError};
use rcbs_io::keys::{KeyBytes, KeyFileError, read_key_file, read_passphrase};
use zeroize::Zeroizing;

use crate::args::DecryptArgs;
use crate::assemble::Refusal;
use crate::exit::Exit;
use crate::explain::Explanation;

/// Where the keys are.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct KeyPlaces<'a> {
    /// Private keys.
    pub(in crate::commands) keys: &'a [PathBuf],
    /// Their certificates, where these lie elsewhere.
    pub(in crate::commands) certificates: &'a [PathBuf],
    /// The passphrase of all of them.
    pub(in crate::commands) passphrase_file: Option<&'a Path>,
    /// Take keys with a small public exponent.
    pub(in crate::commands) allow_legacy: bool,
}

impl<'a> From<&'a DecryptArgs> for KeyPlaces<'a> {
    fn from(args: &'a DecryptArgs) -> Self {
        Self {
            keys: &args.key,
            certificates: &args.cert,
            passphrase_file: args.passphrase_file.as_deref(),
            allow_legacy: args.allow_legacy,
        }
    }
}

/// Reads all keys and certificates.
pub(in crate::commands) fn ring(places: KeyPlaces<'_>) -> Result<KeyRing, Refusal> {
    let rules = KeyRules {
        allow_legacy: places.allow_legacy,
    };
    let passphrase = match places.passphrase_file {
        Some(path) => {
            Some(read_passphrase(path).map_err(|error| refused_file("the passphrase", &error))?)
        }
        None => None,
    };
    let mut keys = Vec::new();
    let mut certificates = Vec::new();
    for path in places.keys {
        let read = read_key_file(path).map_err(|error| refused_file("a private key", &error))?;
        warn_if_open(path, &read);
        let material = unlock(path, &read, passphrase.as_ref(), rules)
            .map_err(|error| refused_key("a private key", path, error))?;
        keys.extend(material.keys);
        certificates.extend(material.certificates);
    }
    let mut ring = KeyRing::new(keys, &certificates);
    for path in places.certificates {
        let read = read_key_file(path).map_err(|error| refused_file("a certificate", &error))?;
        let certificates = KeyFile::read(&read.bytes)
            .and_then(KeyFile::into_certificates)
            .map_err(|error| refused_key("a certificate", path, error))?;
        // A file may hold the chain up to the authority, of which the first that is ours counts.
        let added: Vec<_> = certificates
            .iter()
            .map(|certificate| ring.add_certificate(certificate))
            .collect();
        if let (false, Some(Err(error))) = (added.iter().any(Result::is_ok), added.first()) {
            return Err(stray(path, error));
        }
    }
    Ok(ring)
}

fn unlock(
    path: &Path,
    read: &KeyBytes,
    passphrase: Option<&Zeroizing<Vec<u8>>>,
    rules: KeyRules,
) -> Result<rcbs_core::cms::Material, KeyError> {
    let source = path.display().to_string();
    let file = KeyFile::read(&read.bytes)?;
    if !file.wants_passphrase() {
        return file.unlock(None, &source, rules);
    }
    let asked = match passphrase {
        Some(passphrase) => passphrase.clone(),
        None => ask(&source).ok_or(KeyError::PassphraseWanted)?,
    };
    file.unlock(Some(&asked), &source, rules)
}

/// Asks at the terminal; `None` where there is none.
fn ask(source: &str) -> Option<Zeroizing<Vec<u8>>> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let prompt = format!("passphrase of {source}: ");
    let answer = rpassword::prompt_password(prompt).ok()?;
    Some(Zeroizing::new(answer.into_bytes()))
}

/// A key that others can read still works: refusing it here would not make it secret again.
fn warn_if_open(path: &Path, read: &KeyBytes) {
    if !read.is_private {
        let path = path.display();
        let text = format!(
            "warning: the private key {path} can be read by others than its owner\nhint: chmod 600 {path}"
        );
        drop(writeln!(std::io::stderr(), "{text}"));
    }
}

fn refused_file(what: &str, error: &KeyFileError) -> Refusal {
    let hint = match error {
        KeyFileError::Read { .. } => "check the path and who may read the file".to_owned(),
        KeyFileError::TooLarge { .. } => "give the file that holds it and nothing else".to_owned(),
        KeyFileError::Open { path } => format!("chmod 600 {}", path.display()),
        KeyFileError::Empty { .. } => "write the passphrase into the file".to_owned(),
    };
    let explanation = Explanation {
        headline: format!("reading {what}"),
        causes: vec![error.to_string()],
        hint: Some(hint),
    };
    (explanation, Exit::Usage)
}

fn refused_key(what: &str, path: &Path, error: KeyError) -> Refusal {
    let shown = path.display();
    let hint = match error {
        KeyError::Unknown | KeyError::Malformed => format!(
            "check that \"openssl pkey -in {shown} -noout\" or \"openssl pkcs12 -in {shown} -noout\" accepts it"
        ),
        KeyError::OnlyCertificate => {
            "give the private key with --key, and this file with --cert".to_owned()
        }
        KeyError::NoCertificate => "give the certificate that was made of the key".to_owned(),
        KeyError::NotRsa => {
            "give the RSA key whose certificate was uploaded to the recording cloud".to_owned()
        }
        KeyError::Size { .. } => format!(
            "open the files with \"openssl cms -decrypt -inform DER -binary -in FILE -inkey {shown} -out CLEAR\""
        ),
        KeyError::Exponent => "add --allow-legacy".to_owned(),
        KeyError::OutdatedEncryption => {
            format!("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {shown} -out new_key.pem")
        }
        KeyError::OpenSsh => {
            format!("convert a copy of it: ssh-keygen -p -m PKCS8 -f {shown}.copy")
        }
        KeyError::PassphraseWanted => {
            "give --passphrase-file, or start rcbs at a terminal to be asked".to_owned()
        }
        KeyError::WrongPassphrase => "check the passphrase; it is that of the key file".to_owned(),
        KeyError::TooCostly { .. } => {
            format!("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {shown} -out new_key.pem")
        }
        KeyError::NoPkcs12 => {
            format!("convert it: openssl pkcs12 -in {shown} -out new_key.pem")
        }
    };
    let explanation = Explanation {
        headline: format!("reading {what} from {shown}"),
        causes: vec![error.to_string()],
        hint: Some(hint),
    };
    (explanation, Exit::Usage)
}

fn stray(path: &Path, error: &RingError) -> Refusal {
    let explanation = Explanation {
        headline: format!("reading a certificate from {}", path.display()),
        causes: vec![error.to_string()],
        hint: Some("give the private key of that certificate with --key".to_owned()),
    };
    (explanation, Exit::Usage)
}
