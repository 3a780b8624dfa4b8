//! What is done with media that the cloud holds unencrypted: sealed here, stored as they are, or left waiting.

use std::sync::Arc;

use jiff::Timestamp;

use crate::cms::{Certificate, Seal, SealCipher};

/// What the operator wants done with them (`plainMedia`, `encryptionFormat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainMedia {
    /// They are encrypted here, with this cipher.
    Encrypt(SealCipher),
    /// They wait.
    Refuse,
    /// They are stored as they are, for everybody who can read the archive.
    Store,
}

/// What is done with them in this run.
#[derive(Debug, Clone)]
pub enum PlainRule {
    /// They are sealed as they arrive; nothing clear is written.
    Seal(Arc<Seal>),
    /// They are written as they are.
    Store,
    /// They wait.
    Refuse {
        /// Why, in words.
        why: String,
    },
}

/// The certificates that the cloud's settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudCertificates {
    /// These; none where there are no settings.
    Named(Vec<Certificate>),
    /// The settings could not be read.
    Unknown {
        /// Why, in words.
        reason: String,
    },
}

impl CloudCertificates {
    /// Those that are known.
    #[must_use]
    pub fn known(&self) -> &[Certificate] {
        match self {
            Self::Named(named) => named,
            Self::Unknown { .. } => &[],
        }
    }
}

impl PlainRule {
    /// Decides for a run.
    ///
    /// The operator's own certificates (`ours`) count alone, if there are any; else those that the cloud's settings
    /// name, without those that cannot be encrypted for. An expired certificate is better than none: what is not stored
    /// is deleted by the cloud.
    #[must_use]
    pub fn decide(
        wanted: PlainMedia,
        ours: &[Certificate],
        clouds: &CloudCertificates,
        now: Timestamp,
    ) -> Self {
        let cipher = match wanted {
            PlainMedia::Encrypt(cipher) => cipher,
            PlainMedia::Store => return Self::Store,
            PlainMedia::Refuse => {
                return Self::Refuse {
                    why: "plainMedia=refuse".to_owned(),
                };
            }
        };
        let candidates = match (ours, clouds) {
            ([], CloudCertificates::Unknown { reason }) => {
                return Self::Refuse {
                    why: format!(
                        "there is no certificateFile, and the cloud's settings could not be read: {reason}"
                    ),
                };
            }
            ([], CloudCertificates::Named(named)) => {
                let usable = usable(cipher, named, now);
                if usable.is_empty() && !named.is_empty() {
                    return Self::Refuse {
                        why: "there is no certificateFile, and the cloud's settings name only certificates that cannot be encrypted for"
                            .to_owned(),
                    };
                }
                usable
            }
            (ours, _) => ours.to_vec(),
        };
        match Seal::new(cipher, &candidates) {
            Ok(seal) => Self::Seal(Arc::new(seal)),
            Err(error) => Self::Refuse {
                why: format!("{error} (certificateFile)"),
            },
        }
    }
}

fn usable(cipher: SealCipher, clouds: &[Certificate], now: Timestamp) -> Vec<Certificate> {
    let is_fit = |one: &&Certificate| Seal::new(cipher, std::slice::from_ref(*one)).is_ok();
    let fit: Vec<Certificate> = clouds.iter().filter(is_fit).cloned().collect();
    let lasts = |one: &&Certificate| one.not_after().is_none_or(|end| end >= now);
    let lasting: Vec<Certificate> = fit.iter().filter(lasts).cloned().collect();
    if lasting.is_empty() { fit } else { lasting }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::cms::KeyFile;

    const ONE: &[u8] = include_bytes!("../../../../testdata/cms/one.cert.pem");
    const TWO: &[u8] = include_bytes!("../../../../testdata/cms/two.cert.pem");
    const SHORT: &[u8] = include_bytes!("../../../../testdata/cms/short.cert.pem");
    const ELLIPTIC: &[u8] = include_bytes!("../../../../testdata/config/ca.pem");
    const ENCRYPT: PlainMedia = PlainMedia::Encrypt(SealCipher::Aes128);

    fn certificates<const N: usize>(pems: [&[u8]; N]) -> Vec<Certificate> {
        let read = |pem| KeyFile::read(pem).unwrap().into_certificates().unwrap();
        pems.into_iter().flat_map(read).collect()
    }

    fn told(rule: &PlainRule) -> Vec<String> {
        match rule {
            PlainRule::Seal(seal) => seal.recipients(),
            PlainRule::Store => vec!["store".to_owned()],
            PlainRule::Refuse { why } => vec![why.clone()],
        }
    }

    #[test]
    fn the_operators_certificates_count_before_the_clouds() {
        let (one, two) = (certificates([ONE]), certificates([TWO]));
        let odd = certificates([ELLIPTIC]);
        let all = certificates([ONE, ELLIPTIC, TWO]);
        let now = Timestamp::UNIX_EPOCH;
        let unfit = "there is no certificateFile, and the cloud's settings name only certificates that cannot be encrypted for".to_owned();
        let nobody = "there is no certificate to encrypt for (certificateFile)".to_owned();
        let refused = "plainMedia=refuse".to_owned();
        for (wanted, ours, clouds, expected) in [
            (ENCRYPT, &one, &two, vec![one[0].to_string()]),
            (ENCRYPT, &vec![], &two, vec![two[0].to_string()]),
            (
                ENCRYPT,
                &vec![],
                &all,
                vec![one[0].to_string(), two[0].to_string()],
            ),
            (ENCRYPT, &vec![], &odd, vec![unfit]),
            (ENCRYPT, &vec![], &vec![], vec![nobody]),
            (PlainMedia::Refuse, &one, &two, vec![refused]),
            (PlainMedia::Store, &one, &two, vec!["store".to_owned()]),
        ] {
            let clouds = CloudCertificates::Named(clouds.clone());
            let rule = PlainRule::decide(wanted, ours, &clouds, now);
            assert_eq!(told(&rule), expected, "{wanted:?}");
        }
        let unknown = CloudCertificates::Unknown {
            reason: "503".to_owned(),
        };
        let rule = PlainRule::decide(ENCRYPT, &[], &unknown, now);
        assert!(told(&rule)[0].ends_with("could not be read: 503"));
        let rule = PlainRule::decide(ENCRYPT, &one, &unknown, now);
        assert_eq!(told(&rule), [one[0].to_string()]);
    }

    #[test]
    fn an_expired_certificate_is_better_than_none() {
        let both = certificates([ONE, SHORT]);
        let after = |which: usize| both[which].not_after().unwrap() + SignedDuration::from_secs(1);
        let named = CloudCertificates::Named(both.clone());
        let of_cloud = |now| told(&PlainRule::decide(ENCRYPT, &[], &named, now)).len();
        assert_eq!(of_cloud(Timestamp::UNIX_EPOCH), 2, "both last");
        assert_eq!(of_cloud(after(1)), 1, "one has expired");
        assert_eq!(of_cloud(after(0)), 2, "both have expired");
        let none = CloudCertificates::Named(Vec::new());
        let ours = PlainRule::decide(ENCRYPT, &both, &none, after(1));
        assert_eq!(told(&ours).len(), 2, "the operator's are not judged");
    }
}
