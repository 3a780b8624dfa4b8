//! `caFile` and `certificateFile`: files that hold at least one PEM certificate.
//!
//! Each must be readable and none may be a private key, so that a mix-up is told before a run begins; whether a
//! certificate serves its purpose is judged where it is used.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rcbs_core::cms::{Certificate, KeyFile};

use super::finding::Refusal;

/// The largest file that is read; a system's whole list of roots has about 200 KiB.
const MAX_BYTES: u64 = 4 << 20;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Why a file of certificates is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PemError {
    /// It cannot be read.
    #[error("cannot be read ({}): {source}", .path.display())]
    Read {
        /// The file as it was looked for.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Above the limit.
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// A private key: it must not lie here, and the program must not see it.
    #[error("holds a private key")]
    PrivateKey,
    /// No certificate inside.
    #[error("holds no certificate in PEM form")]
    None,
    /// The lines between the marks are no certificate.
    #[error("holds a damaged certificate (number {0})")]
    Damaged(usize),
}

impl Refusal for PemError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } => "check the path and who may read it; it counts from the folder of the configuration file".into(),
            Self::TooLarge | Self::None => {
                "give a file with lines from BEGIN CERTIFICATE to END CERTIFICATE; openssl x509 -inform DER converts".into()
            }
            Self::PrivateKey => "give only the certificates; keep the key away from this program".into(),
            Self::Damaged(_) => "copy the certificate again".into(),
        })
    }
}

/// Reads a file and checks that it holds certificates and no private key.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    let failed = |source| PemError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PemError::TooLarge);
    }
    check(&String::from_utf8_lossy(&bytes))?;
    Ok(bytes)
}

/// The certificates themselves, of a text that [`read`] gave.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<Certificate>, PemError> {
    let text = String::from_utf8_lossy(text);
    let mut certificates = Vec::new();
    for (block, number) in text.split(BEGIN).skip(1).zip(1..) {
        let read = KeyFile::read(format!("{BEGIN}{block}").as_bytes());
        let read = read.and_then(KeyFile::into_certificates);
        certificates.extend(read.map_err(|_| PemError::Damaged(number))?);
    }
    Ok(certificates)
}

fn check(text: &str) -> Result<(), PemError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(PemError::PrivateKey);
    }
    if !text.contains(BEGIN) {
        return Err(PemError::None);
    }
    certificates(text.as_bytes()).map(drop)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A self-signed certificate, made by OpenSSL for this test and for nothing else.
    pub(crate) const CERTIFICATE: &str = include_str!("../../../../testdata/config/ca.pem");

    #[test]
    fn certificates_are_told_from_everything_else() {
        assert!(check(CERTIFICATE).is_ok());
        assert!(check(&format!("# ours\n{CERTIFICATE}\n{CERTIFICATE}")).is_ok());
        assert!(check(&CERTIFICATE.replace('\n', "\r\n")).is_ok());
        assert!(matches!(check(""), Err(PemError::None)));
        assert!(matches!(check("hello"), Err(PemError::None)));
        let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        assert!(matches!(check(key), Err(PemError::PrivateKey)));
        assert!(matches!(
            check(&format!("{CERTIFICATE}{key}")),
            Err(PemError::PrivateKey)
        ));
    }

    #[test]
    fn a_damaged_certificate_is_counted() {
        let lines: Vec<&str> = CERTIFICATE.lines().collect();
        let without = |at: usize| {
            let mut lines = lines.clone();
            lines.remove(at);
            lines.join("\n")
        };
        assert!(matches!(check(&without(2)), Err(PemError::Damaged(1))));
        let end = lines.len() - 1;
        assert!(matches!(check(&without(end)), Err(PemError::Damaged(1))));
        let second = format!("{CERTIFICATE}{}", CERTIFICATE.replace("MII", "M*I"));
        assert!(matches!(check(&second), Err(PemError::Damaged(2))));
        assert!(matches!(
            check(&format!("{BEGIN}\n-----END CERTIFICATE-----")),
            Err(PemError::Damaged(1))
        ));
    }
}
