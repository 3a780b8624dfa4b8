//! Files in memory: sealed by the pretend cloud, opened with right keys, wrong keys, and keys that pretend.

use std::io::{Cursor, Read, Write};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use rcbs_sim::seal::{Cipher, Envelope, KeyTransport, SessionKey};
use rcbs_sim::{Content, Identity, Seed, samples};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cms::{KeyFile, KeyRing, KeyRules, OpenRules};
use crate::ports::TargetError;

/// What was published: whether as suspect, and the bytes.
type Published = Arc<Mutex<Vec<(bool, Vec<u8>)>>>;

#[derive(Default)]
struct Memory {
    sealed: Vec<u8>,
    facts: Facts,
    existing: Option<Vec<u8>>,
    published: Published,
}

struct Staged(Vec<u8>, Published);

impl SealedFile for Memory {
    fn name(&self) -> String {
        "a.mp3.bin".to_owned()
    }

    fn output(&self) -> String {
        "a.mp3".to_owned()
    }

    fn facts(&mut self) -> Facts {
        self.facts.clone()
    }

    fn open(&mut self) -> Result<Box<dyn Read>, TargetError> {
        Ok(Box::new(Cursor::new(self.sealed.clone())))
    }

    fn existing(&mut self) -> Result<Option<Box<dyn Read>>, TargetError> {
        let reader = |bytes| Box::new(Cursor::new(bytes)) as Box<dyn Read>;
        Ok(self.existing.clone().map(reader))
    }

    fn stage(&mut self) -> Result<Box<dyn ClearFile>, TargetError> {
        Ok(Box::new(Staged(Vec::new(), Arc::clone(&self.published))))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ClearFile for Staged {
    fn publish(self: Box<Self>, suspect: bool) -> Result<(), TargetError> {
        self.1.lock().unwrap().push((suspect, self.0));
        Ok(())
    }
}

/// A complete file for one of the pretend customers.
fn sealed(customer: usize, content: &Content, label: &str) -> Vec<u8> {
    sealed_for(&[Identity::shared(customer)], content, label)
}

fn sealed_for(holders: &[&Identity], content: &Content, label: &str) -> Vec<u8> {
    let seed = Seed::new(1);
    let key = SessionKey::derive(Cipher::Aes128, seed, label);
    let recipients: Vec<_> = holders.iter().map(|one| one.recipient.clone()).collect();
    let envelope = Envelope::new(&key, &recipients, KeyTransport::Pkcs1, seed, label);
    let ciphertext = key.seal(content);
    let head = envelope.complete_head(ciphertext.len() as u64);
    [&head, ciphertext.as_slice()].concat()
}

fn ring(customers: &[usize], with_certificates: bool) -> KeyRing {
    let identities: Vec<_> = customers
        .iter()
        .map(|customer| (format!("{customer}.pem"), Identity::shared(*customer)))
        .collect();
    ring_of(&identities, with_certificates)
}

fn ring_of(identities: &[(String, &Identity)], with_certificates: bool) -> KeyRing {
    let mut keys = Vec::new();
    let mut certificates = Vec::new();
    for (name, identity) in identities {
        let read = |pem: &str| KeyFile::read(pem.as_bytes()).unwrap();
        let file = read(&identity.private_key_pem);
        keys.extend(file.unlock(None, name, KeyRules::default()).unwrap().keys);
        certificates.extend(read(&identity.certificate_pem).into_certificates().unwrap());
    }
    certificates.retain(|_| with_certificates);
    KeyRing::new(keys, &certificates)
}

fn settle(file: &mut Memory, ring: &KeyRing, rules: Rules) -> Settled {
    let cancel = CancellationToken::new();
    decrypt(file, ring, rules, &cancel, &mut Vec::new())
}

fn published(file: &Memory) -> Vec<(bool, Vec<u8>)> {
    file.published.lock().unwrap().clone()
}

fn speech() -> Memory {
    Memory {
        sealed: sealed(0, &samples::speech(0), "speech"),
        ..Memory::default()
    }
}

#[test]
fn what_opens_to_media_is_published() {
    let mut file = speech();
    file.facts.content_type = Some("audio/mp3".to_owned());
    let settled = settle(&mut file, &ring(&[1, 0], true), Rules::default());
    assert_eq!(settled.outcome.name(), "opened");
    assert_eq!(settled.key.as_deref(), Some("0.pem"));
    assert_eq!(published(&file), [(false, samples::speech(0).to_vec())]);
}

#[test]
fn what_is_there_already_is_compared_and_never_replaced() {
    let clear = samples::speech(0).to_vec();
    let longer = [clear.as_slice(), b"x"].concat();
    let mut flipped = clear.clone();
    flipped[clear.len() / 2] ^= 1;
    for (existing, expected) in [
        (clear.clone(), "identical"),
        (clear[..clear.len() - 1].to_vec(), "differs"),
        (longer, "differs"),
        (flipped, "differs"),
        (vec![], "differs"),
    ] {
        let mut file = Memory {
            existing: Some(existing),
            ..speech()
        };
        let settled = settle(&mut file, &ring(&[0], true), Rules::default());
        assert_eq!(settled.outcome.name(), expected);
        assert_eq!(published(&file), []);
    }
}

/// Shorter than the beginning that is judged, and longer than what is read at a time.
#[test]
fn what_is_there_already_is_compared_to_its_last_byte() {
    let speech = samples::speech(0).to_vec();
    let long = [&speech[..], &Content::pattern(600_000, 3).to_vec()].concat();
    for clear in [speech[..3_000].to_vec(), long] {
        let len = clear.len();
        let cut =
            [0, 1, 2_999, 4_096, len / 2, len - 1].map(|end| clear[..end.min(len - 1)].to_vec());
        let longer = [1, 300_000].map(|more| [&clear[..], &vec![0; more]].concat());
        let sealed = sealed(0, &Content::bytes(clear.clone()), "compared");
        for (existing, expected) in cut
            .into_iter()
            .chain(longer)
            .map(|existing| (existing, "differs"))
            .chain([(clear, "identical")])
        {
            let mut file = Memory {
                sealed: sealed.clone(),
                existing: Some(existing),
                ..Memory::default()
            };
            let settled = settle(&mut file, &ring(&[0], true), Rules::default());
            let lengths = (file.existing.map(|it| it.len()), len);
            assert_eq!(settled.outcome.name(), expected, "{lengths:?}");
            assert_eq!(settled.clear_bytes, len as u64);
        }
    }
}

/// The name is somebody else's; what came out says nothing about that one.
#[test]
fn what_is_no_media_is_compared_and_never_kept_beside_what_is_there() {
    let text = b"<html>nothing to hear</html>".repeat(1000);
    for (existing, expected) in [(&text[..], "identical"), (b"other", "suspect")] {
        let mut file = Memory {
            sealed: sealed(0, &Content::bytes(text.clone()), "a"),
            existing: Some(existing.to_vec()),
            ..Memory::default()
        };
        let rules = Rules {
            keep_suspect: true,
            ..Rules::default()
        };
        let settled = settle(&mut file, &ring(&[0], true), rules);
        assert_eq!(settled.outcome.name(), expected);
        let is_kept = matches!(settled.outcome, Outcome::Suspect { kept: true, .. });
        assert!(!is_kept);
        assert_eq!(published(&file), []);
    }
}

#[test]
fn clear_bytes_that_are_not_the_declared_media_are_suspect() {
    let text = Content::bytes(b"<html>nothing to hear</html>".repeat(1000));
    for (content, declared, expected) in [
        (&text, None, "suspect"),
        (&text, Some("audio/mp3"), "suspect"),
        (&Content::bytes(&b""[..]), None, "suspect"),
        (&samples::speech(0), Some("video/mp4"), "suspect"),
        (&samples::speech(0), Some("something/else"), "opened"),
        (&samples::screen(0), Some("video/mp4"), "opened"),
        (&samples::screen(0), None, "opened"),
    ] {
        for keep_suspect in [false, true] {
            let mut file = Memory {
                sealed: sealed(0, content, "a"),
                ..Memory::default()
            };
            file.facts.content_type = declared.map(str::to_owned);
            let rules = Rules {
                keep_suspect,
                ..Rules::default()
            };
            let settled = settle(&mut file, &ring(&[0], true), rules);
            assert_eq!(settled.outcome.name(), expected, "{declared:?}");
            let is_suspect = expected == "suspect";
            assert_eq!(settled.is_damage(), is_suspect);
            match is_suspect && !keep_suspect {
                true => assert_eq!(published(&file), []),
                false => assert_eq!(published(&file), [(is_suspect, content.to_vec())]),
            }
        }
    }
}

#[test]
fn a_file_that_is_not_the_one_in_the_ledger_is_damaged() {
    let mut file = speech();
    file.facts.sha256 = Some([7; 32]);
    let settled = settle(&mut file, &ring(&[0], true), Rules::default());
    assert_eq!(settled.outcome.name(), "changed");
    assert!(settled.is_damage());
    assert_eq!(published(&file), []);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file.sealed);
    file.facts.sha256 = Some(digest.as_ref().try_into().unwrap());
    let settled = settle(&mut file, &ring(&[0], true), Rules::default());
    assert_eq!(settled.outcome.name(), "opened");
}

#[test]
fn a_bare_ciphertext_is_opened_with_the_envelope_of_the_metadata() {
    let seed = Seed::new(2);
    let key = SessionKey::derive(Cipher::Aes256, seed, "a");
    let recipients = [Identity::shared(0).recipient.clone()];
    let sealed = Envelope::new(&key, &recipients, KeyTransport::Oaep, seed, "a");
    let envelope = crate::cms::Envelope::from_text(&sealed.detached_pem()).unwrap();
    let mut file = Memory {
        sealed: key.seal(&samples::speech(1)),
        ..Memory::default()
    };
    let without = settle(&mut file, &ring(&[0], true), Rules::default());
    assert_eq!(without.outcome.name(), "not_sealed");
    file.facts.envelope = Some(envelope);
    let settled = settle(&mut file, &ring(&[0], true), Rules::default());
    assert_eq!(settled.outcome.name(), "opened");
}

fn digest_of(bytes: &[u8]) -> Option<[u8; 32]> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().ok()
}

#[test]
fn what_the_ledger_confirms_is_no_damage() {
    let odd = Content::pattern(5000, 1);
    let mut file = Memory {
        sealed: sealed(0, &odd, "odd"),
        ..Memory::default()
    };
    for (sha256, is_damage) in [(None, true), (digest_of(&file.sealed), false)] {
        file.facts.sha256 = sha256;
        let settled = settle(&mut file, &ring(&[0], true), Rules::default());
        assert_eq!(settled.outcome.name(), "suspect");
        assert_eq!(settled.is_damage(), is_damage);
    }
    // A name is right and its key is wrong: then the key is the fault, as long as the file is as it was.
    let forged = forged(sealed(0, &samples::speech(0), "forged"));
    let mut whole = Memory {
        sealed: forged,
        ..Memory::default()
    };
    for (sha256, is_damage) in [(None, true), (digest_of(&whole.sealed), false)] {
        whole.facts.sha256 = sha256;
        let settled = settle(&mut whole, &ring(&[1], true), Rules::default());
        assert!(!settled.is_good());
        assert_eq!(settled.is_damage(), is_damage, "{settled:?}");
    }
}

#[test]
fn what_was_stored_unencrypted_is_handed_on_whatever_it_is() {
    let odd = Content::pattern(5000, 1).to_vec();
    for bytes in [odd, b"short".to_vec(), sealed(1, &samples::speech(0), "x")] {
        let mut file = Memory {
            facts: Facts {
                content_type: Some("audio/mp3".to_owned()),
                sha256: digest_of(&bytes),
                is_plain: true,
                ..Facts::default()
            },
            sealed: bytes.clone(),
            ..Memory::default()
        };
        let settled = settle(&mut file, &ring(&[0], true), Rules::default());
        assert_eq!(settled.outcome.name(), "opened");
        assert_eq!(published(&file), [(false, bytes)]);
        file.sealed[2] ^= 1;
        file.published.lock().unwrap().clear();
        let settled = settle(&mut file, &ring(&[0], true), Rules::default());
        assert_eq!(settled.outcome.name(), "changed");
        assert_eq!(published(&file), []);
    }
}

#[test]
fn what_begins_like_no_cms_file_is_damaged_only_where_the_ledger_says_so() {
    let mut file = Memory {
        sealed: Content::pattern(5000, 1).to_vec(),
        ..Memory::default()
    };
    let good = digest_of(&file.sealed);
    for (sha256, expected) in [
        (None, "not_sealed"),
        (good, "not_sealed"),
        (Some([7; 32]), "changed"),
    ] {
        file.facts.sha256 = sha256;
        let settled = settle(&mut file, &ring(&[0], true), Rules::default());
        assert_eq!(settled.outcome.name(), expected);
        assert_eq!(settled.is_damage(), expected == "changed");
    }
    // What is left of a file that was cut is too short to say anything.
    file.facts.sha256 = None;
    file.sealed.truncate(20);
    let settled = settle(&mut file, &ring(&[0], true), Rules::default());
    assert_eq!(settled.outcome.name(), "malformed");
}

/// Self-signed certificates that were made anew may have the name of the old one. One wrong key in 256 gets the padding
/// right; what comes out then is not kept, because another key opens the file.
#[test]
fn keys_of_one_name_are_tried_in_turn() {
    let made = || Identity::generate("renewed", 1).unwrap();
    let (old, new) = (made(), made());
    let both = [("new.pem".to_owned(), &new), ("old.pem".to_owned(), &old)];
    let ring = ring_of(&both, true);
    let rules = Rules {
        keep_suspect: true,
        ..Rules::default()
    };
    for number in 0..1000 {
        let content = Content::bytes(samples::speech(0).to_vec()[..3000].to_vec());
        let mut file = Memory {
            sealed: sealed_for(&[&old], &content, &format!("renewed {number}")),
            ..Memory::default()
        };
        let settled = settle(&mut file, &ring, rules);
        assert_eq!(settled.outcome.name(), "opened", "{settled:?}");
        assert_eq!(settled.key.as_deref(), Some("old.pem"));
        assert!(published(&file) == [(false, content.to_vec())], "{number}");
    }
    // Damage is claimed when none of them opens it, also when other keys are tried after them.
    let mut file = Memory {
        sealed: sealed_for(&[&old], &samples::speech(0), "damaged"),
        ..Memory::default()
    };
    let end = file.sealed.len() - 17;
    file.sealed[end] ^= 0x40;
    let others = [&both[..], &[("0.pem".to_owned(), Identity::shared(0))]].concat();
    for try_all in [false, true] {
        let open = OpenRules {
            try_all,
            ..OpenRules::default()
        };
        let rules = Rules {
            open,
            ..Rules::default()
        };
        let settled = settle(&mut file, &ring_of(&others, true), rules);
        assert!(settled.is_damage(), "{settled:?}");
    }
}

#[test]
fn an_interrupted_file_leaves_nothing() {
    let mut file = speech();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ring = ring(&[0], true);
    let settled = decrypt(&mut file, &ring, Rules::default(), &cancel, &mut Vec::new());
    assert_eq!(settled.outcome.name(), "interrupted");
    assert_eq!(published(&file), []);
}

#[test]
fn with_all_keys_tried_the_right_one_is_found() {
    let rules = Rules {
        open: OpenRules {
            try_all: true,
            ..OpenRules::default()
        },
        ..Rules::default()
    };
    for customer in [0, 1] {
        let mut file = Memory {
            sealed: sealed(customer, &samples::speech(2), "b"),
            ..Memory::default()
        };
        let bare = ring(&[0, 1], false);
        let unsure = settle(&mut file, &bare, Rules::default());
        assert_eq!(unsure.outcome.name(), "no_key");
        let settled = settle(&mut file, &bare, rules);
        assert_eq!(settled.outcome.name(), "opened");
        assert_eq!(settled.key, Some(format!("{customer}.pem")));
        assert_eq!(published(&file).len(), 1);
    }
}

/// As if sealed for customer 1: the recipient is renamed, the content key is still encrypted for customer 0.
fn forged(mut file: Vec<u8>) -> Vec<u8> {
    let name = b"pretend customer 0";
    let at = file.windows(name.len()).position(|w| w == name).unwrap() + name.len();
    file[at - 1] = b'1';
    let certificate = KeyFile::read(Identity::shared(1).certificate_pem.as_bytes());
    let serial = certificate.unwrap().into_certificates().unwrap()[0].to_string();
    let serial: u8 = serial.split(' ').nth(1).unwrap().parse().unwrap();
    let from = at + file[at..].windows(2).position(|w| w == [2, 1]).unwrap() + 2;
    file[from] = serial;
    file
}

/// 3,000 files with a key that is not theirs: half of them say that it is, half of them leave only it. Padding alone
/// lets one in 256 pass.
#[test]
fn of_3000_files_with_a_wrong_key_none_comes_out() {
    let published = Published::default();
    let file = |number: u64| {
        let label = format!("wrong {number}");
        let sealed = sealed(0, &Content::pattern(5000, number), &label);
        let sealed = match number % 2 {
            0 => forged(sealed),
            _ => sealed,
        };
        Box::new(Memory {
            sealed,
            published: Arc::clone(&published),
            ..Memory::default()
        }) as Box<dyn SealedFile>
    };
    let tally = Mutex::new(Tally::default());
    for (parity, ring) in [(0, ring(&[1], true)), (1, ring(&[1], false))] {
        let crew = Crew {
            ring: &ring,
            rules: Rules::default(),
            workers: NonZeroUsize::new(2).unwrap(),
            cancel: &CancellationToken::new(),
        };
        let numbers = (0..1500).map(|number| number * 2 + parity);
        decrypt_all(&crew, numbers.map(file), |settled| {
            tally.lock().unwrap().add(&settled);
        });
    }
    assert_eq!(*published.lock().unwrap(), []);
    let tally = tally.into_inner().unwrap();
    assert_eq!((tally.files, tally.good), (3000, 0));
    // The second line of defence was needed; without it these would have come out.
    assert!(tally.outcomes["suspect"] > 0, "{tally:?}");
    let others = tally.outcomes["suspect"] + tally.outcomes["does_not_open"];
    assert_eq!(others, 3000, "{tally:?}");
    // Those that name the key are damaged, the others may just as well have the wrong key.
    assert_eq!(tally.damaged, 1500);
}

/// Cut and flipped everywhere: an error, or for a flip in the content of CBC wrong bytes of the same length, which
/// nothing in the file can reveal, but the ledger does.
#[test]
fn a_damaged_file_is_never_published_whole() {
    let content = Content::bytes(samples::speech(0).to_vec()[..3000].to_vec());
    let file = sealed(0, &content, "c");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
    let ring = ring(&[0], true);
    for at in (0..file.len()).step_by(23) {
        let mut flipped = file.clone();
        flipped[at] ^= 4;
        for sealed in [file[..at].to_vec(), flipped] {
            let is_cut = sealed.len() < file.len();
            let mut file = Memory {
                sealed,
                ..Memory::default()
            };
            let settled = settle(&mut file, &ring, Rules::default());
            assert!(!is_cut || !settled.is_good(), "cut to {at}");
            file.facts.sha256 = Some(digest.as_ref().try_into().unwrap());
            file.published.lock().unwrap().clear();
            let settled = settle(&mut file, &ring, Rules::default());
            assert!(!settled.is_good(), "{at}");
            assert_eq!(published(&file), [], "{at}");
        }
    }
}
