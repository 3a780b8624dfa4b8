//! OpenSSL as the oracle for damaged files: what we open it opens too, to the same bytes; where it opens more than we
//! do, the reason is known. The files of `testdata/cms` are bent, the same in every run.
#![expect(
    clippy::unwrap_used,
    reason = "a test program may stop at anything odd"
)]

mod bend;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use bend::Bender;
use rcbs_core::cms::{
    KeyFile, KeyRing, KeyRules, OpenError, OpenRules, Opener, StructureError, WalkError, Walker,
};

const FILES: [&str; 12] = [
    "aes128.der",
    "aes256.ber",
    "aes256.der",
    "des3.der",
    "gcm.ber",
    "gcm.der",
    "keyid.der",
    "oaep.der",
    "password.der",
    "smime.der",
    "two.ber",
    "two.der",
];

/// Processes at a time.
const CREW: usize = 4;

/// A damaged copy.
struct Bent {
    name: String,
    bytes: Vec<u8>,
    /// Whether all that differs from the file is outside of its ciphertext.
    is_ciphertext_whole: bool,
}

/// What both make of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Both open it, to the same bytes.
    Opened,
    /// Neither does.
    Refused,
    /// The content key is lost: both go on with a random one, so that whoever asks learns nothing.
    Random,
    /// Only we do, and this is what OpenSSL stumbles over: it stands beside all that a key is chosen by, or the content
    /// opened with, so we do not look at it.
    Unread(&'static str),
    /// Only OpenSSL does, and this is why we do not.
    Stricter(&'static str),
}

#[test]
fn what_is_opened_of_damaged_files_is_what_openssl_opens() {
    let copies: Vec<Bent> = FILES.iter().flat_map(|name| copies(name)).collect();
    let verdicts: Vec<Verdict> = thread::scope(|scope| {
        let parts = copies.chunks(copies.len().div_ceil(CREW));
        let crew: Vec<_> = parts
            .map(|part| scope.spawn(move || verdicts(part)))
            .collect();
        crew.into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let mut counts = BTreeMap::<Verdict, usize>::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_default() += 1;
    }
    println!("{counts:#?}");
    // Most copies are refused; those that are not say more.
    let count = |verdict| counts.get(&verdict).copied().unwrap_or_default();
    assert!(count(Verdict::Opened) > copies.len() / 8, "{counts:?}");
    assert!(count(Verdict::Refused) > copies.len() / 5, "{counts:?}");
    assert!(count(Verdict::Random) < copies.len() / 20, "{counts:?}");
}

/// A file as it is, with bytes behind it, cut, with flipped bits where they tell most, and bent in many places.
fn copies(name: &str) -> Vec<Bent> {
    let file = read(name);
    let mut bender = Bender::new(name);
    let content = content(&file);
    let mut copies = Vec::new();
    let mut add = |how: String, bytes: Vec<u8>, is_ciphertext_whole: bool| {
        copies.push(Bent {
            name: format!("{name} {how}"),
            bytes,
            is_ciphertext_whole,
        });
    };
    add("as it is".to_owned(), file.clone(), true);
    for more in [&[0][..], &file] {
        let bytes = [&file, more].concat();
        add(format!("and {} bytes", more.len()), bytes, true);
    }
    for at in [
        1,
        content.start,
        content.start + 17,
        content.end - 16,
        file.len() - 1,
        bender.below(file.len()),
    ] {
        add(format!("cut to {at}"), file[..at].to_vec(), false);
    }
    let mut flip = |at: usize, bender: &mut Bender| {
        let mut bytes = file.clone();
        bytes[at] ^= 1 << bender.below(8);
        let is_outside = !content.contains(&at);
        add(format!("flipped at {at}"), bytes, is_outside);
    };
    // Anywhere before the ciphertext. A flip in an encrypted key loses it, wherever it is.
    let keys = keys(&file);
    let is_in_key = |at: usize| keys.iter().any(|key| key.contains(&at));
    for _ in 0..100 {
        let at = bender.below(content.start);
        if !is_in_key(at) {
            flip(at, &mut bender);
        }
    }
    for key in &keys {
        flip(key.start + bender.below(key.len()), &mut bender);
    }
    for back in [1, 2, 16, 17, 33] {
        flip(content.end - back, &mut bender);
    }
    for at in [content.start, content.start + bender.below(900)] {
        flip(at, &mut bender);
    }
    if content.end < file.len() {
        let at = content.end + bender.below(file.len() - content.end);
        flip(at, &mut bender);
    }
    let others: Vec<_> = FILES.iter().map(|other| read(other)).collect();
    for number in 0..8 {
        let bytes = bender.bent(&others.iter().collect::<Vec<_>>());
        add(format!("and others, bent {number}"), bytes, false);
    }
    copies
}

/// From the first to the last byte of ciphertext.
fn content(file: &[u8]) -> Range<usize> {
    let mut walker = Walker::new();
    let (mut start, mut end) = (usize::MAX, 0);
    for (at, byte) in file.iter().enumerate() {
        let touch = |_: &[u8]| (start, end) = (start.min(at), at + 1);
        walker.feed_with(std::slice::from_ref(byte), touch).unwrap();
    }
    start..end
}

/// Where the encrypted keys lie.
fn keys(file: &[u8]) -> Vec<Range<usize>> {
    let mut walker = Walker::new();
    walker.feed(file).unwrap();
    let infos = walker.head().unwrap().recipient_infos();
    let keys = infos.iter().filter_map(|info| info.transport.as_ref());
    keys.map(|transport| {
        let key = &transport.encrypted_key;
        let mut windows = file.windows(key.len());
        let start = windows.position(|window| window == key).unwrap();
        start..start + key.len()
    })
    .collect()
}

fn verdicts(copies: &[Bent]) -> Vec<Verdict> {
    let ring = ring();
    let plain = read("plain");
    let verdict = |copy: &Bent| {
        let (ours, theirs) = (ours(&copy.bytes, &ring), theirs(&copy.bytes));
        if ours != self::ours(&copy.bytes, &ring) {
            assert!(theirs.is_err(), "{} has a content key", copy.name);
            return Verdict::Random;
        }
        match (ours.0, theirs) {
            (Ok(()), Ok(theirs)) => {
                assert!(ours.1 == theirs, "{} opens to other bytes", copy.name);
                Verdict::Opened
            }
            (Ok(()), Err(said)) => {
                assert!(
                    !copy.is_ciphertext_whole || ours.1 == plain,
                    "{}",
                    copy.name
                );
                let what = unread(&said);
                Verdict::Unread(what.unwrap_or_else(|| panic!("{}: {said}", copy.name)))
            }
            (Err(error), Ok(_)) => {
                let why = stricter(&error);
                Verdict::Stricter(why.unwrap_or_else(|| panic!("{}: {error}", copy.name)))
            }
            (Err(_), Err(_)) => Verdict::Refused,
        }
    };
    copies.iter().map(verdict).collect()
}

#[test]
fn every_difference_to_openssl_is_one_that_is_known() {
    const AES256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    // A file, what to look for in it, the byte behind the beginning of that, and what it becomes.
    let cases: [(&str, &[u8], usize, u8, Verdict); 9] = [
        ("aes256.der", AES256, 8, 43, Verdict::Stricter(OTHER_CIPHER)),
        ("aes256.der", RSA, 8, 2, Verdict::Stricter(TRANSPORT)),
        ("aes256.der", b"gir_qa", 0, b'G', Verdict::Stricter(NAME)),
        (
            "gcm.der",
            &[2, 1, 16, 0x80],
            2,
            99,
            Verdict::Stricter(TAG_LENGTH),
        ),
        ("keyid.der", &[0x31, 0x82], 0, 0x11, Verdict::Stricter(TAGS)),
        (
            "aes256.ber",
            &[0xa0, 0x80, 4, 0x82],
            2,
            2,
            Verdict::Stricter(TAGS),
        ),
        ("aes256.der", RSA, 9, 1, Verdict::Unread(RECIPIENT)),
        ("aes256.der", DATA, 8, 0x81, Verdict::Unread(CONTENT_TYPE)),
        ("two.der", b"Zweite", 0, 0xff, Verdict::Unread(RECIPIENT)),
    ];
    for (name, place, offset, byte, expected) in cases {
        let mut bytes = read(name);
        let mut windows = bytes.windows(place.len());
        let at = windows.position(|window| window == place).unwrap() + offset;
        bytes[at] = byte;
        let copy = Bent {
            name: format!("{name} with {byte} at {at}"),
            bytes,
            is_ciphertext_whole: true,
        };
        assert_eq!(
            verdicts(std::slice::from_ref(&copy)),
            [expected],
            "{}",
            copy.name
        );
    }
}

/// Where OpenSSL stopped reading, if that is no part of what we read.
fn unread(said: &str) -> Option<&'static str> {
    [
        ("Field=recipientInfos", RECIPIENT),
        (
            "Field=contentType, Type=CMS_EncryptedContentInfo",
            CONTENT_TYPE,
        ),
    ]
    .into_iter()
    .find_map(|(words, what)| said.contains(words).then_some(what))
}

const RECIPIENT: &str = "a name, a parameter, or somebody else's recipient";
const CONTENT_TYPE: &str = "the type of the content";

/// Why we refuse a file that OpenSSL opens. That it is cut, or that its content does not open, is no reason.
fn stricter(error: &OpenError) -> Option<&'static str> {
    use StructureError::{Cut, Trailing};
    Some(match error {
        OpenError::Walk(WalkError::Structure(Cut { .. })) => return None,
        OpenError::Walk(WalkError::Structure(Trailing { .. })) => TRAILING,
        OpenError::Walk(WalkError::Structure(_)) => TAGS,
        OpenError::NoKey(_) => NAME,
        OpenError::KeyTransport { .. } => TRANSPORT,
        OpenError::Parameters { .. } => TAG_LENGTH,
        OpenError::Cipher { .. } => OTHER_CIPHER,
        _ => return None,
    })
}

const TRAILING: &str = "OpenSSL does not look at what follows";
const TAGS: &str = "OpenSSL takes some elements under tags that are not theirs";
const NAME: &str = "OpenSSL takes names for the same that differ in capital letters";
const TRANSPORT: &str = "OpenSSL does not look at how a key is said to be encrypted";
const TAG_LENGTH: &str = "OpenSSL does not look at the length that a tag of GCM is said to have";
const OTHER_CIPHER: &str = "OpenSSL opens with ciphers whose end proves nothing";

/// What we make of it, and what had been handed out by then.
fn ours(bytes: &[u8], ring: &KeyRing) -> (Result<(), OpenError>, Vec<u8>) {
    let rules = OpenRules {
        allow_legacy: true,
        ..OpenRules::default()
    };
    let mut opener = Opener::new(ring, rules);
    let mut clear = Vec::new();
    let end = opener
        .feed(bytes, |bytes| clear.extend_from_slice(bytes))
        .and_then(|()| opener.finish(|bytes| clear.extend_from_slice(bytes)))
        .map(drop);
    (end, clear)
}

/// What the command of the manual gives, or says.
fn theirs(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut openssl = Command::new("openssl")
        .args("cms -decrypt -inform DER -binary -debug_decrypt -recip".split(' '))
        .arg(folder().join("one.cert.pem"))
        .arg("-inkey")
        .arg(folder().join("one.key.pem"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs the program openssl, 3 or newer: {error}"));
    // It may stop reading early.
    let _written = openssl.stdin.take().unwrap().write_all(bytes);
    let output = openssl.wait_with_output().unwrap();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn ring() -> KeyRing {
    let file = |name| KeyFile::read(&read(name)).unwrap();
    let key = file("one.key.pem").unlock(None, "key", KeyRules::default());
    let certificates = file("one.cert.pem").into_certificates().unwrap();
    KeyRing::new(key.unwrap().keys, &certificates)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cms")
}
