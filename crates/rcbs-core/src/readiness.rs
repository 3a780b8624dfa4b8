//! Are the keys there when they are needed? For whom files are sealed, and what is known of these certificates: no private
//! key is needed for it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cms::{Certificate, KeyFile};
use crate::encryption::NOBODY;
use crate::ports::{MediaKey, SealedFor};

/// What is known of the certificate of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is at hand, and was in use for no longer than it was meant to be.
    Known {
        /// Its end, where it says so.
        until: Option<Timestamp>,
    },
    /// It is at hand, and past its end.
    Expired {
        /// Since when.
        since: Timestamp,
    },
    /// Certificates are at hand, and it is not among them.
    Unknown,
    /// No certificates are at hand, so nothing can be said.
    Untold,
    /// There is none: the files were stored unencrypted.
    Nobody,
}

/// How much is sealed for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The recipient in words.
    pub recipient: String,
    /// Media files that it can open, alone or among others.
    pub files: u64,
    /// The earliest start of their recordings.
    pub first: Option<Timestamp>,
    /// The latest.
    pub last: Option<Timestamp>,
    /// Files to try a key on: one for each set of recipients that this one is in.
    pub samples: Vec<MediaKey>,
}

/// What is sealed for whom, by recipient, those with the latest recordings first. Files whose recipients the ledger does
/// not know come under the empty text.
#[must_use]
pub fn key_uses(sealed: &[SealedFor]) -> Vec<KeyUse> {
    let unknown = [String::new()];
    let mut by_recipient: BTreeMap<&str, KeyUse> = BTreeMap::new();
    for set in sealed {
        let recipients = match set.recipients.as_slice() {
            [] => &unknown[..],
            known => known,
        };
        for recipient in recipients {
            let entry = by_recipient.entry(recipient).or_insert_with(|| KeyUse {
                recipient: recipient.clone(),
                files: 0,
                first: None,
                last: None,
                samples: Vec::new(),
            });
            entry.files += set.files;
            entry.first = [entry.first, set.first].into_iter().flatten().min();
            entry.last = entry.last.max(set.last);
            entry.samples.push(set.sample.clone());
        }
    }
    let mut uses: Vec<KeyUse> = by_recipient.into_values().collect();
    uses.sort_by(|a, b| {
        b.last
            .cmp(&a.last)
            .then_with(|| a.recipient.cmp(&b.recipient))
    });
    uses
}

/// The certificates in PEM texts; what is none is left out.
#[must_use]
pub fn certificates<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Certificate> {
    let read = |text: &[u8]| {
        KeyFile::read(text)
            .and_then(KeyFile::into_certificates)
            .ok()
    };
    texts.into_iter().filter_map(read).flatten().collect()
}

/// What is known of a recipient.
#[must_use]
pub fn standing(recipient: &str, certificates: &[Certificate], now: Timestamp) -> Standing {
    if recipient == NOBODY {
        return Standing::Nobody;
    }
    if certificates.is_empty() {
        return Standing::Untold;
    }
    let ours = certificates.iter().filter(|one| one.is_named(recipient));
    // Of several with one name the one that lasts longest counts; one without a readable end lasts.
    let lasting = ours
        .map(|one| one.not_after())
        .max_by_key(|until| until.unwrap_or(Timestamp::MAX));
    match lasting {
        None => Standing::Unknown,
        Some(Some(since)) if since < now => Standing::Expired { since },
        Some(until) => Standing::Known { until },
    }
}

/// What an operator has to hear after a run that stored files for these recipients: so many for each.
#[must_use]
pub fn warnings(
    stored: &BTreeMap<String, u64>,
    certificates: &[Certificate],
    now: Timestamp,
) -> Vec<String> {
    let warning = |(recipient, files): (&String, &u64)| {
        let files = media_files(*files);
        match standing(recipient, certificates, now) {
            Standing::Known { .. } | Standing::Untold | Standing::Nobody => None,
            Standing::Expired { since } => Some(format!(
                "{files} sealed for {recipient}, a certificate that expired {since:.0}; put a new one into the recording cloud or certificateFile, and keep the old key"
            )),
            Standing::Unknown => Some(format!(
                "{files} sealed for {recipient}, a certificate that neither certificateFile nor the recording cloud names; prove that you have its key: \"rcbs keys --key FILE\""
            )),
        }
    };
    stored.iter().filter_map(warning).collect()
}

/// Media files that the cloud holds unencrypted and a run stored all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unencrypted {
    /// So many were encrypted here.
    pub sealed_here: u64,
    /// So many were stored as they are.
    pub stored_plain: u64,
    /// Whether they were encrypted for certificates of the operator, not for those that the cloud names.
    pub has_own_certificates: bool,
    /// Those among them that are perhaps no media.
    pub odd: Odd,
}

/// Files that begin like no media.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Odd {
    /// How many.
    pub files: u64,
    /// The first of them.
    pub first: Option<MediaKey>,
}

impl Unencrypted {
    /// What an operator has to hear of them.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut texts = Vec::new();
        if self.sealed_here > 0 && !self.has_own_certificates {
            texts.push(format!(
                "{} encrypted for certificates that only the recording cloud names; name yours in certificateFile, and prove that you have the key: \"rcbs keys --key FILE\"",
                media_files(self.sealed_here)
            ));
        }
        if self.stored_plain > 0 {
            texts.push(format!(
                "{} stored unencrypted (plainMedia=store): whoever can read the archive can listen",
                media_files(self.stored_plain)
            ));
        }
        if let Some(first) = &self.odd.first {
            texts.push(format!(
                "{} kept as unencrypted without looking like MP3, MP4 or WAV (the first: recording {}, media {}; \"rcbs explain\" says \"unknown content\" of each); what is ciphertext lacks its pkcs7 in the metadata: ask the provider for it",
                media_files(self.odd.files),
                first.recording,
                first.media
            ));
        }
        texts
    }
}

/// `1 media file of this run is`.
fn media_files(count: u64) -> String {
    match count {
        1 => "1 media file of this run is".to_owned(),
        many => format!("{many} media files of this run are"),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;
    use crate::recording::{MediaId, RecordingId};

    const ONE: &[u8] = include_bytes!("../../../testdata/cms/one.cert.pem");

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    fn sealed(recipients: &[&str], files: u64, first: i64, last: i64, sample: &str) -> SealedFor {
        SealedFor {
            recipients: recipients.iter().map(|one| (*one).to_owned()).collect(),
            files,
            first: at(first),
            last: at(last),
            sample: MediaKey {
                recording: RecordingId::new(sample).unwrap(),
                media: MediaId::new("m").unwrap(),
            },
            others: Vec::new(),
        }
    }

    #[test]
    fn files_count_for_each_that_can_open_them() {
        let uses = key_uses(&[
            sealed(&["a"], 3, 10, 20, "r1"),
            sealed(&["a", "b"], 2, 5, 30, "r2"),
            sealed(&[], 1, 1, 2, "r3"),
            sealed(&["a", "c"], 1, 15, 25, "r4"),
            sealed(&["b", "a"], 1, 7, 8, "r5"),
        ]);
        let told: Vec<_> = uses
            .iter()
            .map(|one| {
                (
                    one.recipient.as_str(),
                    one.files,
                    one.first,
                    one.last,
                    one.samples.len(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", 7, at(5), at(30), 4),
                ("b", 3, at(5), at(30), 2),
                ("c", 1, at(15), at(25), 1),
                ("", 1, at(1), at(2), 1)
            ]
        );
    }

    #[test]
    fn a_certificate_is_known_expired_or_unknown() {
        let at_hand = certificates([ONE, b"rubbish"]);
        assert_eq!(at_hand.len(), 1);
        let (name, until) = (at_hand[0].to_string(), at_hand[0].not_after().unwrap());
        let (before, after) = (
            until - jiff::SignedDuration::from_secs(1),
            until + jiff::SignedDuration::from_secs(1),
        );
        assert_eq!(
            standing(&name, &at_hand, before),
            Standing::Known { until: Some(until) }
        );
        assert_eq!(
            standing(&name, &at_hand, after),
            Standing::Expired { since: until }
        );
        assert_eq!(
            standing("serial 7 of CN=x", &at_hand, before),
            Standing::Unknown
        );
        assert_eq!(standing(&name, &[], before), Standing::Untold);
        // The last moment is one in which it may be used.
        assert_eq!(
            standing(&name, &at_hand, until),
            Standing::Known { until: Some(until) }
        );

        let stored = BTreeMap::from([(name.clone(), 1), ("serial 7 of CN=x".to_owned(), 2)]);
        let told = warnings(&stored, &at_hand, after);
        assert_eq!(told.len(), 2);
        assert!(told.iter().any(|it| {
            it.starts_with("2 media files of this run are sealed for serial 7 of CN=x,")
        }));
        assert!(told.iter().any(|it| it.contains("expired")), "{told:?}");
        assert!(told.iter().any(|it| {
            it.starts_with(&format!("1 media file of this run is sealed for {name},"))
        }));
        assert_eq!(warnings(&stored, &at_hand, before).len(), 1);
        assert_eq!(
            warnings(&stored, &[], after),
            [""; 0],
            "nothing is known, so nothing is claimed"
        );
    }

    /// A certificate that was issued anew for the same name and number.
    #[test]
    fn of_certificates_of_one_name_the_one_that_lasts_longest_counts() {
        let text = std::str::from_utf8(ONE).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        let der = base64::engine::general_purpose::STANDARD.decode(lines.collect::<String>());
        let der = der.unwrap();
        let end = b"21261030130113Z";
        let place = der.windows(end.len()).position(|it| it == end).unwrap();
        let ending = |end: &[u8; 15]| {
            let mut der = der.clone();
            der[place..place + end.len()].copy_from_slice(end);
            Certificate::from_der(&der).unwrap()
        };
        let (old, new) = (ending(b"20200101000000Z"), ending(b"20300101000000Z"));
        let endless = ending(b"at some time  Z");
        assert_eq!(endless.not_after(), None);
        let name = old.to_string();
        let now = "2025-01-01T00:00:00Z".parse().unwrap();
        let until = |certificate: &Certificate| certificate.not_after();
        let known = Standing::Known { until: until(&new) };
        for both in [[&old, &new], [&new, &old]] {
            let both = both.map(Clone::clone);
            assert_eq!(standing(&name, &both, now), known);
        }
        for all in [[&old, &endless, &new], [&endless, &new, &old]] {
            let all = all.map(Clone::clone);
            assert_eq!(standing(&name, &all, now), Standing::Known { until: None });
        }
        let since = until(&old).unwrap();
        assert_eq!(standing(&name, &[old], now), Standing::Expired { since });
    }
}
