//! Any bytes as a file to be opened: what comes out depends on the bytes alone, whole, in pieces and in slices.

use std::ops::Range;
use std::sync::LazyLock;

use rcbs_core::cms::{
    FileMap, Head, KeyFile, KeyRing, KeyRules, Mapper, NoKey, OpenError, OpenRules, Opened, Opener,
    SliceError, SliceKey, WalkError, Walked, Walker,
};

/// The key `one` without its certificate, so that it may be tried for a recipient whose name was bent, and `two` with
/// it, which is found by its name.
static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let read = |bytes| KeyFile::read(bytes).expect("a key of the tests");
    let keys = [ONE_KEY, TWO_KEY].map(|key| {
        read(key)
            .unlock(None, "key", KeyRules::default())
            .expect("a key without passphrase")
            .keys
    });
    let certificates = read(TWO_CERTIFICATE).into_certificates();
    let certificates = certificates.expect("a certificate of the tests");
    KeyRing::new(keys.into_iter().flatten().collect(), &certificates)
});
const ONE_KEY: &[u8] = include_bytes!("../../testdata/cms/one.key.pem");
const TWO_KEY: &[u8] = include_bytes!("../../testdata/cms/two.key.pem");
const TWO_CERTIFICATE: &[u8] = include_bytes!("../../testdata/cms/two.cert.pem");

const LEGACY: OpenRules = OpenRules {
    allow_legacy: true,
    try_all: false,
};

/// So many clear bytes are the same twice by chance in no lifetime.
const TELLING_BYTES: usize = 16;

/// A pass through a file: how it ended, and what had been handed out by then.
#[derive(Debug, PartialEq, Eq)]
struct Pass {
    end: Result<Opened, OpenError>,
    clear: Vec<u8>,
}

impl Pass {
    /// What does not depend on a secret. A content key that does not come out of its recipient is replaced by a random
    /// one, and of those one in 256 passes the check of the padding.
    fn public(&self) -> Result<(), &OpenError> {
        match &self.end {
            Ok(_) | Err(OpenError::DoesNotOpen { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether opening depends on the bytes alone, and agrees with the walk and with the slices.
pub fn holds(bytes: &[u8]) {
    let walked = walk(bytes);
    let whole = open(Opener::new(&RING, LEGACY), bytes.chunks(usize::MAX));
    if let Err(error) = &whole.end {
        check_text(error);
    }
    check_against_walk(&whole, walked.as_ref());
    check_without_keys(bytes, &whole);

    let same = |other: &Pass, is_sure: bool| {
        assert_eq!(whole.public(), other.public());
        assert!(!is_sure || whole == *other);
    };
    // Only what comes twice comes from the content key of the file and not from a random one.
    let again = open(Opener::new(&RING, LEGACY), bytes.chunks(usize::MAX));
    let is_sure = whole == again && (whole.end.is_ok() || whole.clear.len() >= TELLING_BYTES);
    same(&again, is_sure);
    let size = 1 + bytes.len() % 61;
    same(
        &open(Opener::new(&RING, LEGACY), bytes.chunks(size)),
        is_sure,
    );
    if let Ok((walked, ciphertext)) = &walked {
        let detached = Opener::detached(&walked.envelope, &RING, LEGACY);
        same(&open(detached, ciphertext.chunks(size)), is_sure);
    }
    check_slices(bytes, walked.as_ref(), is_sure.then_some(&whole));
}

fn open<'a>(mut opener: Opener<'_>, chunks: impl Iterator<Item = &'a [u8]>) -> Pass {
    let mut clear = Vec::new();
    let mut fed = Ok(());
    for chunk in chunks {
        fed = opener.feed(chunk, |bytes| clear.extend_from_slice(bytes));
        if let Err(error) = &fed {
            let again = opener.feed(chunk, |_| panic!("clear bytes after an error"));
            assert_eq!(again.as_ref(), Err(error));
            break;
        }
    }
    let end = opener.finish(|bytes| clear.extend_from_slice(bytes));
    if let Err(error) = fed {
        assert_eq!(end, Err(error));
    }
    if let Ok(opened) = &end {
        assert_eq!(opened.clear_bytes, clear.len() as u64);
    }
    Pass { end, clear }
}

fn walk(bytes: &[u8]) -> Result<(Walked, Vec<u8>), WalkError> {
    let mut walker = Walker::new();
    let mut ciphertext = Vec::new();
    walker.feed_with(bytes, |piece| ciphertext.extend_from_slice(piece))?;
    Ok((walker.finish()?, ciphertext))
}

/// What opens is well-formed; what is not well-formed does not open, for that reason or for one that is known earlier.
fn check_against_walk(whole: &Pass, walked: Result<&(Walked, Vec<u8>), &WalkError>) {
    match (&whole.end, walked) {
        (Ok(opened), Ok((walked, ciphertext))) => {
            assert_eq!(opened.cipher, walked.cipher);
            assert_eq!(
                opened.recipient,
                walked.recipients[opened.candidate.recipient]
            );
            assert!(opened.candidate.key < RING.keys().len());
            let padding_bytes = ciphertext.len() - whole.clear.len();
            match walked.cipher.block_bytes() {
                Some(block_bytes) => assert!((1..=block_bytes).contains(&(padding_bytes as u64))),
                None => assert_eq!(padding_bytes, 0),
            }
        }
        (Err(OpenError::Walk(error)), walked) => assert_eq!(walked.err(), Some(error)),
        (Ok(_) | Err(OpenError::DoesNotOpen { .. } | OpenError::Suffix), Err(error)) => {
            panic!("{:?}, but {error}", whole.end);
        }
        (Err(_), _) => {}
    }
}

/// Without keys a file says for whom it is, unless nobody could open it.
fn check_without_keys(bytes: &[u8], whole: &Pass) {
    let nobody = KeyRing::default();
    let mut opener = Opener::new(&nobody, LEGACY);
    let fed = opener.feed(bytes, |_| panic!("clear bytes without a key"));
    let recipients = opener.head().map(Head::recipients);
    let error = match fed {
        Ok(()) => opener
            .finish(|_| panic!("clear bytes without a key"))
            .expect_err("nothing opens without a key"),
        Err(error) => error,
    };
    check_text(&error);
    match (&whole.end, error) {
        (_, OpenError::NoKey(NoKey::NoneFits { recipients: named })) => {
            assert_eq!(Some(named), recipients);
        }
        (Err(with_keys), without) => assert_eq!(*with_keys, without),
        (Ok(_), without) => panic!("it opens, but without keys it is: {without}"),
    }
}

/// Any part of a file is what the whole has there.
fn check_slices(bytes: &[u8], walked: Result<&(Walked, Vec<u8>), &WalkError>, sure: Option<&Pass>) {
    let (map, at_once) = match (mapped(bytes), walked) {
        (Ok(maps), Ok(_)) => maps,
        // The length of the ciphertext is looked at when something is to be read.
        (Ok((map, _)), Err(error @ WalkError::CiphertextLength { .. })) => {
            let expected = SliceError::Open(OpenError::Walk(error.clone()));
            assert_eq!(map.plan(0..1), Err(expected));
            return;
        }
        (Err(SliceError::Open(OpenError::Walk(found))), Err(expected)) => {
            assert_eq!(found, *expected);
            return;
        }
        (mapped, walked) => panic!("{mapped:?}, but {walked:?}"),
    };
    let (Ok((walked, ciphertext)), Some(whole)) = (walked, sure) else {
        return;
    };
    assert_eq!(map.head(), walked.envelope.head());
    assert_eq!(map.ciphertext_bytes(), ciphertext.len() as u64);
    let key = SliceKey::new(map.head(), &RING, LEGACY);
    let Some(block_bytes) = walked.cipher.block_bytes() else {
        assert_eq!(key.expect_err("no slices of GCM"), SliceError::Sequential);
        assert_eq!(map.plan(0..1), Err(SliceError::Sequential));
        return;
    };
    let key = key.expect("what was opened has a key");
    for range in ranges(bytes) {
        let slice = slice(bytes, &map, &key, range.clone());
        let last_block = map.ciphertext_bytes() - block_bytes;
        let ends_content = range.start < map.ciphertext_bytes() && range.end > last_block;
        if whole.end.is_err() && ends_content && !range.is_empty() {
            assert_eq!(slice, Err(SliceError::DoesNotOpen), "{range:?}");
        } else {
            let within = |at: u64| (at as usize).min(whole.clear.len());
            let expected = &whole.clear[within(range.start)..within(range.end)];
            assert_eq!(slice.as_deref(), Ok(expected), "{range:?}");
        }
        if let Some(at_once) = &at_once {
            assert_eq!(at_once.plan(range.clone()), map.plan(range));
        }
    }
    if whole.end.is_ok() {
        let last = map.ciphertext_bytes() - block_bytes..map.ciphertext_bytes();
        assert_eq!(map.plan_end(), map.plan(last.clone()));
        let end = slice(bytes, &map, &key, last).expect("what opens has an end");
        assert_eq!(map.clear_bytes(&end), whole.clear.len() as u64);
    }
}

/// The map of a whole file, and the one that was known before its end.
fn mapped(bytes: &[u8]) -> Result<(FileMap, Option<FileMap>), SliceError> {
    let mut mapper = Mapper::new();
    for chunk in bytes.chunks(1 + bytes.len() % 37) {
        mapper.feed(chunk)?;
    }
    let at_once = mapper.at_once();
    Ok((mapper.finish()?, at_once))
}

fn slice(
    bytes: &[u8],
    map: &FileMap,
    key: &SliceKey,
    range: Range<u64>,
) -> Result<Vec<u8>, SliceError> {
    let plan = map.plan(range.clone())?;
    let mut found = Vec::new();
    for read in plan.reads() {
        found.extend_from_slice(&bytes[read.start as usize..read.end as usize]);
    }
    let wanted_bytes = range.end.saturating_sub(range.start);
    assert!(found.len() as u64 <= wanted_bytes.saturating_add(3 * 16));
    plan.open(key, found)
}

/// Some places, which differ from file to file.
fn ranges(bytes: &[u8]) -> impl Iterator<Item = Range<u64>> {
    let number = |at: usize| u64::from(bytes[at % bytes.len()]) * (1 + at as u64 % 7);
    let len = bytes.len();
    (0..8)
        .map(move |at| (number(len / 2 + at), number(len / 3 + at)))
        .map(|(start, len)| start..start + len)
        .chain([0..u64::MAX, 0..0, 16..16, 16..32])
}

fn check_text(error: &OpenError) {
    match error {
        OpenError::NoKey(NoKey::NoneFits { recipients } | NoKey::Ambiguous { recipients }) => {
            assert!((1..=64).contains(&recipients.len()));
            for recipient in recipients {
                assert!(crate::is_fit_to_show(recipient), "{recipient:?}");
            }
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
        _ => assert!(crate::is_fit_to_show(&error.to_string()), "{error:?}"),
    }
}
