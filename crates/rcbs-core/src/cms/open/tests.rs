//! Cases for opening without OpenSSL at hand: the frozen files of `testdata/cms`, cut, flipped, and in slices.

use proptest::prelude::*;

use super::*;
use crate::cms::keys::{KeyFile, KeyRules};
use crate::cms::{Envelope, KeyRing, Walker};

macro_rules! sample {
    ($name:literal) => {{
        const FILE: &[u8] = include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/cms/",
            $name
        ));
        FILE
    }};
}

const PLAIN: &[u8] = sample!("plain");

const ONE: [&[u8]; 2] = [sample!("one.key.pem"), sample!("one.cert.pem")];
const TWO: [&[u8]; 2] = [sample!("two.key.pem"), sample!("two.cert.pem")];

/// Files with the keys that open them.
const FILES: [(&str, &[u8]); 11] = [
    ("aes128.der", sample!("aes128.der")),
    ("aes256.der", sample!("aes256.der")),
    ("aes256.ber", sample!("aes256.ber")),
    ("des3.der", sample!("des3.der")),
    ("gcm.der", sample!("gcm.der")),
    ("gcm.ber", sample!("gcm.ber")),
    ("keyid.der", sample!("keyid.der")),
    ("oaep.der", sample!("oaep.der")),
    ("smime.der", sample!("smime.der")),
    ("two.der", sample!("two.der")),
    ("two.ber", sample!("two.ber")),
];

const LEGACY: OpenRules = OpenRules {
    allow_legacy: true,
    try_all: false,
};

/// A ring of keys, each with or without its certificate.
pub(super) fn ring(keys: &[(&[u8], Option<&[u8]>)]) -> KeyRing {
    let mut all = Vec::new();
    let mut certificates = Vec::new();
    for (key, certificate) in keys {
        let file = KeyFile::read(key).unwrap();
        all.extend(
            file.unlock(None, "a.pem", KeyRules::default())
                .unwrap()
                .keys,
        );
        if let Some(pem) = certificate {
            let file = KeyFile::read(pem).unwrap();
            certificates.extend(file.into_certificates().unwrap());
        }
    }
    KeyRing::new(all, &certificates)
}

fn ring_one() -> KeyRing {
    ring(&[(ONE[0], Some(ONE[1]))])
}

fn open(file: &[u8], ring: &KeyRing, rules: OpenRules) -> Result<(Opened, Vec<u8>), OpenError> {
    open_in(Opener::new(ring, rules), file.chunks(file.len().max(1)))
}

fn open_in<'a>(
    mut opener: Opener<'_>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Opened, Vec<u8>), OpenError> {
    let mut clear = Vec::new();
    for chunk in chunks {
        opener.feed(chunk, |bytes| clear.extend_from_slice(bytes))?;
    }
    let opened = opener.finish(|bytes| clear.extend_from_slice(bytes))?;
    Ok((opened, clear))
}

#[test]
fn every_form_is_opened_in_pieces_of_any_size() {
    let ring = ring_one();
    for (name, file) in FILES {
        for chunk_bytes in [1, 7, 64, 1000, file.len()] {
            let opener = Opener::new(&ring, LEGACY);
            let (opened, clear) = open_in(opener, file.chunks(chunk_bytes)).unwrap();
            assert!(clear == PLAIN, "{name} in pieces of {chunk_bytes}");
            assert_eq!(opened.clear_bytes, PLAIN.len() as u64);
            assert_eq!(opened.candidate.by, Match::Named, "{name}");
        }
    }
}

#[test]
fn envelope_and_ciphertext_apart_are_opened_as_well() {
    let ring = ring_one();
    for (name, file) in FILES {
        let mut walker = Walker::new();
        let mut ciphertext = Vec::new();
        walker
            .feed_with(file, |bytes| ciphertext.extend_from_slice(bytes))
            .unwrap();
        let envelope: Envelope = walker.finish().unwrap().envelope;
        let opener = Opener::detached(&envelope, &ring, LEGACY);
        let (_, clear) = open_in(opener, ciphertext.chunks(100)).unwrap();
        assert!(clear == PLAIN, "{name}");
        let opener = Opener::detached(&envelope, &ring, LEGACY);
        let error = open_in(opener, [&ciphertext[1..]]).unwrap_err();
        match name.starts_with("gcm") {
            true => assert!(matches!(error, OpenError::DoesNotOpen { .. }), "{name}"),
            false => assert!(matches!(error, OpenError::Walk(_)), "{name}"),
        }
    }
}

#[test]
fn the_key_is_found_by_what_the_recipient_says() {
    let two_der = sample!("two.der");
    let one = sample!("aes256.der");
    let with = |keys: &[(&[u8], Option<&[u8]>)], file: &[u8]| {
        open(file, &ring(keys), OpenRules::default()).map(|(opened, _)| {
            (
                opened.candidate.recipient,
                opened.candidate.key,
                opened.candidate.by,
            )
        })
    };
    let (one_known, two_known) = ((ONE[0], Some(ONE[1])), (TWO[0], Some(TWO[1])));
    let (one_bare, two_bare) = ((ONE[0], None), (TWO[0], None));
    // Of two recipients, the one whose key is at hand.
    assert_eq!(with(&[two_known], two_der), Ok((0, 0, Match::Named)));
    assert_eq!(with(&[two_known, one_known], one), Ok((0, 1, Match::Named)));
    assert_eq!(
        with(&[two_bare, one_known], two_der),
        Ok((1, 1, Match::Named))
    );
    // By key identifier a key needs no certificate.
    let by_id = sample!("keyid.der");
    assert_eq!(with(&[two_bare, one_bare], by_id), Ok((0, 1, Match::Named)));
    // A bare key is tried where there is one way only.
    assert_eq!(with(&[one_bare], one), Ok((0, 0, Match::Likely)));
    assert_eq!(with(&[one_bare, two_known], one), Ok((0, 0, Match::Likely)));
    let ambiguous = |keys: &[(&[u8], Option<&[u8]>)], file| {
        matches!(
            with(keys, file),
            Err(OpenError::NoKey(NoKey::Ambiguous { .. }))
        )
    };
    assert!(ambiguous(&[one_bare, two_bare], one));
    assert!(ambiguous(&[one_bare], two_der));
    // A key that is known to be another's is never tried.
    let error = with(&[two_known], one).unwrap_err();
    let wanted = "no private key given fits; \
                  it is encrypted for serial 10 of CN=gir_qa,O=Example\\, Inc.,ST=CA,C=US";
    assert_eq!(error.to_string(), wanted);
    // A length that cannot be is no recipient of this key.
    let empty = open(one, &KeyRing::default(), OpenRules::default()).unwrap_err();
    assert!(matches!(empty, OpenError::NoKey(NoKey::NoneFits { .. })));
}

#[test]
fn all_keys_are_tried_on_request_one_for_each_pass() {
    let rules = OpenRules {
        try_all: true,
        ..OpenRules::default()
    };
    let keys = ring(&[(ONE[0], None), (TWO[0], None)]);
    let file = sample!("two.der");
    let mut opened = Vec::new();
    for attempt in 0..4 {
        let mut opener = Opener::new(&keys, rules).attempt(attempt);
        opener.feed(file, |_| {}).unwrap();
        assert_eq!(opener.attempts(), Some(4));
        let candidate = opener.candidate().unwrap();
        if opener.finish(|_| {}).is_ok() {
            opened.push((candidate.recipient, candidate.key));
        }
    }
    assert!(
        opened.contains(&(0, 1)) && opened.contains(&(1, 0)),
        "{opened:?}"
    );
}

#[test]
fn what_is_outdated_or_unknown_is_refused_before_the_key_is_used() {
    let ring = ring_one();
    let error = open(sample!("des3.der"), &ring, OpenRules::default()).unwrap_err();
    assert_eq!(error.to_string(), "its cipher DES-EDE3-CBC is outdated");
    let mut other = sample!("aes256.der").to_vec();
    let oid = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];
    let at = other.windows(9).position(|window| window == oid).unwrap();
    other[at + 8] = 44;
    let error = open(&other, &ring, LEGACY).unwrap_err();
    let text = "its cipher 2.16.840.1.101.3.4.1.44 is not supported";
    assert_eq!(error.to_string(), text);
    // GCM without its tag, in EnvelopedData, would be unauthenticated.
    other[at + 8] = 46;
    assert!(matches!(
        open(&other, &ring, LEGACY),
        Err(OpenError::Cipher { .. })
    ));
    // The initialization vector of another length.
    let mut other = sample!("aes256.der").to_vec();
    let at = other.windows(9).position(|window| window == oid).unwrap();
    other[at + 9] = 2;
    assert!(matches!(
        open(&other, &ring, LEGACY),
        Err(OpenError::Parameters { .. })
    ));
}

/// RFC 3218: damage of the encrypted key and of the padding, and a key of a wrong length, are one error.
#[test]
fn whatever_depends_on_a_secret_fails_with_one_error() {
    let ring = ring_one();
    let file = sample!("aes256.der");
    let key_at = file.windows(4).position(|w| w == [4, 0x82, 1, 0]).unwrap() + 4;
    let mut texts = std::collections::BTreeSet::new();
    for at in [
        key_at,
        key_at + 100,
        key_at + 255,
        file.len() - 1,
        file.len() - 17,
    ] {
        let mut broken = file.to_vec();
        broken[at] ^= 0x5a;
        let mut opener = Opener::new(&ring, OpenRules::default());
        // Not before the end.
        opener.feed(&broken, |_| {}).unwrap();
        match opener.finish(|_| {}) {
            // One in 256 passes the check of the padding.
            Ok(_) => {}
            Err(error) => {
                texts.insert(error.to_string());
            }
        }
    }
    let one = "it does not open with the key a.pem for \
               serial 10 of CN=gir_qa,O=Example\\, Inc.,ST=CA,C=US";
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), [one]);
}

/// Cut anywhere, a file is an error. With a flip anywhere it is an error, or (outside GCM) clear bytes that differ: in
/// the ciphertext of CBC by one or two blocks, elsewhere in bytes that say nothing about the content.
#[test]
fn every_cut_is_an_error_and_no_flip_gives_the_clear_bytes_unnoticed() {
    let ring = ring_one();
    let some = ["aes256.der", "aes256.ber", "gcm.ber", "oaep.der"];
    for (name, file) in FILES.into_iter().filter(|(name, _)| some.contains(name)) {
        for len in 0..file.len() {
            assert!(
                open(&file[..len], &ring, LEGACY).is_err(),
                "{name} cut to {len}"
            );
        }
        let content = ciphertext_range(file);
        for at in 0..file.len() {
            let mut broken = file.to_vec();
            broken[at] ^= 0x10;
            let Ok((_, clear)) = open(&broken, &ring, LEGACY) else {
                continue;
            };
            assert!(
                !name.starts_with("gcm") || clear == PLAIN,
                "{name} flipped at {at}"
            );
            if content.contains(&at) {
                assert!(clear != PLAIN, "{name} flipped at {at} gave the same");
            }
        }
    }
}

/// Of several reasons the one that stands first in the file: two runs that read in other pieces say the same.
#[test]
fn the_reason_does_not_depend_on_the_pieces() {
    let nobody = KeyRing::default();
    for (name, file) in FILES {
        let content = ciphertext_range(file);
        for at in 0..content.start + 20 {
            let mut broken = file.to_vec();
            broken[at] ^= 0x05;
            let reason = |chunk_bytes| {
                let opener = Opener::new(&nobody, OpenRules::default());
                open_in(opener, broken.chunks(chunk_bytes)).unwrap_err()
            };
            let whole = reason(file.len());
            for chunk_bytes in [1, 7] {
                assert_eq!(reason(chunk_bytes), whole, "{name} {at}");
            }
        }
    }
}

/// From the first to the last byte of ciphertext.
fn ciphertext_range(file: &[u8]) -> std::ops::Range<usize> {
    let mut reader = crate::cms::read::Reader::default();
    let (mut begin, mut end) = (usize::MAX, 0);
    reader
        .feed(file, &mut |piece| {
            let at = usize::try_from(piece.at).unwrap();
            begin = begin.min(at);
            end = at + piece.bytes.len();
        })
        .unwrap();
    begin..end
}

fn mapped(file: &[u8], chunk_bytes: usize) -> FileMap {
    let mut mapper = Mapper::new();
    for chunk in file.chunks(chunk_bytes) {
        mapper.feed(chunk).unwrap();
    }
    mapper.finish().unwrap()
}

fn slice(file: &[u8], map: &FileMap, key: &SliceKey, range: std::ops::Range<u64>) -> Vec<u8> {
    let plan = map.plan(range.clone()).unwrap();
    let mut bytes = Vec::new();
    for read in plan.reads() {
        let read = usize::try_from(read.start).unwrap()..usize::try_from(read.end).unwrap();
        bytes.extend_from_slice(&file[read]);
    }
    let wanted = range.end.saturating_sub(range.start);
    assert!(bytes.len() as u64 <= wanted + 16 * 3, "{range:?}");
    plan.open(key, bytes).unwrap()
}

/// BER with pieces of these lengths around the ciphertext of a file in DER.
fn in_pieces(der: &[u8], lengths: &[usize]) -> Vec<u8> {
    let content = ciphertext_range(der);
    let mut walker = Walker::new();
    walker.feed(der).unwrap();
    let envelope = walker.finish().unwrap().envelope.to_der();
    // Headers of the four elements around the content, made indefinite one by one.
    let mut inside = &envelope[..];
    let mut out = Vec::new();
    let header = |bytes: &[u8]| crate::cms::ber::Header::read(bytes).unwrap().unwrap();
    let skip = |inside: &mut &[u8], out: &mut Vec<u8>| {
        let element = crate::cms::der::take(inside).unwrap();
        out.extend_from_slice(element.whole);
    };
    let open = |inside: &mut &[u8], out: &mut Vec<u8>| {
        out.extend([inside[0], 0x80]);
        *inside = &inside[header(inside).bytes..];
    };
    open(&mut inside, &mut out);
    skip(&mut inside, &mut out);
    open(&mut inside, &mut out);
    open(&mut inside, &mut out);
    skip(&mut inside, &mut out);
    skip(&mut inside, &mut out);
    open(&mut inside, &mut out);
    skip(&mut inside, &mut out);
    skip(&mut inside, &mut out);
    assert!(inside.is_empty());
    out.extend([0xa0, 0x80]);
    let mut rest = &der[content];
    for len in lengths.iter().cycle() {
        let (piece, after) = rest.split_at((*len).min(rest.len()));
        out.push(4);
        crate::cms::ber::write_length(piece.len() as u64, &mut out);
        out.extend_from_slice(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    out.extend([0; 10]);
    out
}

#[test]
fn a_map_of_der_needs_the_head_only() {
    let (name, file) = FILES[1];
    let mut mapper = Mapper::new();
    let content = ciphertext_range(file);
    for (at, byte) in file.iter().enumerate() {
        assert_eq!(
            mapper.at_once().is_some(),
            at >= content.start,
            "{name} {at}"
        );
        mapper.feed(std::slice::from_ref(byte)).unwrap();
    }
    let ber = sample!("aes256.ber");
    let mut mapper = Mapper::new();
    mapper.feed(ber).unwrap();
    assert!(mapper.at_once().is_none());
}

#[test]
fn a_map_of_regular_pieces_stays_small() {
    let file = in_pieces(sample!("aes256.der"), &[16]);
    for chunk_bytes in [1, 3, 100, file.len()] {
        let map = mapped(&file, chunk_bytes);
        let debug = format!("{map:?}");
        assert_eq!(debug.matches("ciphertext_at").count(), 1, "{chunk_bytes}");
    }
}

#[test]
fn files_that_must_be_read_whole_have_no_slices() {
    let ring = ring_one();
    let map = mapped(sample!("gcm.der"), 100);
    assert_eq!(map.plan(0..10), Err(SliceError::Sequential));
    let key = SliceKey::new(map.head(), &ring, LEGACY);
    assert_eq!(key.unwrap_err(), SliceError::Sequential);
}

#[test]
fn the_end_proves_the_key_and_tells_the_length() {
    let file = sample!("aes256.der");
    let map = mapped(file, 100);
    let key = SliceKey::new(map.head(), &ring_one(), LEGACY).unwrap();
    let plan = map.plan_end().unwrap();
    let read = |plan: &SlicePlan| {
        let parts = plan.reads().iter();
        let part = |read: &std::ops::Range<u64>| {
            file[usize::try_from(read.start).unwrap()..usize::try_from(read.end).unwrap()].to_vec()
        };
        parts.flat_map(part).collect::<Vec<u8>>()
    };
    let end = plan.open(&key, read(&plan)).unwrap();
    assert_eq!(map.clear_bytes(&end), PLAIN.len() as u64);
    let mut broken = read(&plan);
    let last = broken.len() - 1;
    broken[last] ^= 0x80;
    assert!(matches!(
        plan.open(&key, broken),
        Err(SliceError::DoesNotOpen)
    ));
    let short = plan.open(&key, vec![0; 31]);
    assert!(matches!(
        short,
        Err(SliceError::Short {
            wanted_bytes: 32,
            found_bytes: 31
        })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn slices_are_what_the_whole_has_there(
        begin in 0_u64..1100,
        len in 0_u64..1100,
        which in 0_usize..4,
        lengths in proptest::collection::vec(1_usize..70, 1..4),
        chunk_bytes in 1_usize..300,
    ) {
        let file = match which {
            0 => sample!("aes256.der").to_vec(),
            1 => sample!("aes256.ber").to_vec(),
            2 => in_pieces(sample!("aes128.der"), &lengths),
            _ => in_pieces(sample!("des3.der"), &lengths),
        };
        let ring = ring_one();
        prop_assert_eq!(&open(&file, &ring, LEGACY).unwrap().1, PLAIN);
        let map = mapped(&file, chunk_bytes);
        let key = SliceKey::new(map.head(), &ring, LEGACY).unwrap();
        let end = (begin + len).min(PLAIN.len() as u64);
        let expected = PLAIN
            .get(usize::try_from(begin).unwrap()..usize::try_from(end).unwrap())
            .unwrap_or_default();
        let found = slice(&file, &map, &key, begin..begin + len);
        prop_assert_eq!(found.as_slice(), expected);
    }
}
