//! Cases for the envelope, the frame and the walk: files of OpenSSL, damaged ones, and ones that no writer makes.

use super::*;
use crate::cms::structure::StructureError as S;

/// Files that OpenSSL made (`testdata/cms/make.sh`).
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

// Behind the macro, which they use.
mod envelope;
mod faults;
mod laws;

const DER: [&[u8]; 8] = [
    sample!("aes128.der"),
    sample!("aes256.der"),
    sample!("des3.der"),
    sample!("gcm.der"),
    sample!("keyid.der"),
    sample!("oaep.der"),
    sample!("smime.der"),
    sample!("two.der"),
];

const BER: [&[u8]; 3] = [
    sample!("aes256.ber"),
    sample!("gcm.ber"),
    sample!("two.ber"),
];

const ONE: &str = "serial 10 of CN=gir_qa,O=Example\\, Inc.,ST=CA,C=US";
const TWO: &str = "serial 154742504910672534362390527 of CN=recording,O=Zweite,C=CH";

/// Walks a whole file; gives its ciphertext too.
fn walk(file: &[u8]) -> Result<(Walked, Vec<u8>), WalkError> {
    walk_in(file.chunks(file.len().max(1)))
}

fn walk_in<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(Walked, Vec<u8>), WalkError> {
    let mut walker = Walker::new();
    let mut ciphertext = Vec::new();
    for chunk in chunks {
        walker.feed_with(chunk, |bytes| ciphertext.extend_from_slice(bytes))?;
    }
    Ok((walker.finish()?, ciphertext))
}

#[track_caller]
fn broken(file: &[u8], expected: &S) {
    match walk(file) {
        Err(WalkError::Structure(found)) => assert_eq!(found, *expected),
        other => panic!("{expected:?} expected, found {other:?}"),
    }
}

fn join(envelope: &Envelope, ciphertext: &[u8]) -> Vec<u8> {
    let frame = envelope.frame(ciphertext.len() as u64).unwrap();
    [&frame.head, ciphertext, &frame.tail].concat()
}

/// An element of definite length.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    ber::write_length(content.len() as u64, &mut out);
    [out, content].concat()
}

/// An element of indefinite length.
fn open(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80][..], &parts.concat(), &[0, 0]].concat()
}

fn enveloped_oid() -> Vec<u8> {
    tlv(6, &[ContentKind::EnvelopedData.oid()])
}

fn transport(id: &[u8], key: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[&[2, 1, 0], id, &tlv(0x30, &[&[6, 1, 0x2a, 5, 0]]), key],
    )
}

fn by_key_id(id: u8) -> Vec<u8> {
    transport(&[0x80, 1, id], &[4, 2, 0xab, 0xcd])
}

fn data_and_cipher() -> Vec<u8> {
    let aes = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];
    let data = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    [
        tlv(6, &[&data]),
        tlv(0x30, &[&tlv(6, &[&aes]), &tlv(4, &[&[7; 16]])]),
    ]
    .concat()
}

/// A file of these recipients, this `encryptedContent` and this ending, all of definite length.
fn file(recipients: &[u8], content: &[u8], suffix: &[u8]) -> Vec<u8> {
    let info = tlv(0x30, &[&data_and_cipher(), content]);
    let data = tlv(
        0x30,
        &[&[2, 1, 0], &tlv(0x31, &[recipients]), &info, suffix],
    );
    tlv(0x30, &[&enveloped_oid(), &tlv(0xa0, &[&data])])
}

fn small_file(content: &[u8]) -> Vec<u8> {
    file(&by_key_id(1), content, &[])
}

fn small_envelope() -> Envelope {
    Envelope::from_ber(&small_file(&[])).unwrap()
}

#[test]
fn files_of_openssl_are_walked_to_their_end() {
    for (file, cipher, ciphertext_bytes, recipients) in [
        (sample!("aes128.der"), Cipher::Aes128Cbc, 1008, vec![ONE]),
        (sample!("aes256.der"), Cipher::Aes256Cbc, 1008, vec![ONE]),
        (sample!("aes256.ber"), Cipher::Aes256Cbc, 1008, vec![ONE]),
        (sample!("des3.der"), Cipher::TripleDesCbc, 1008, vec![ONE]),
        (sample!("gcm.der"), Cipher::Aes256Gcm, 1000, vec![ONE]),
        (sample!("gcm.ber"), Cipher::Aes256Gcm, 1000, vec![ONE]),
        (sample!("two.der"), Cipher::Aes256Cbc, 1008, vec![TWO, ONE]),
        (sample!("two.ber"), Cipher::Aes128Cbc, 1008, vec![TWO, ONE]),
        (sample!("oaep.der"), Cipher::Aes256Cbc, 1008, vec![ONE]),
        (sample!("smime.der"), Cipher::Aes256Cbc, 1008, vec![ONE]),
        (
            sample!("password.der"),
            Cipher::Aes256Cbc,
            1008,
            vec![ONE, "a recipient by password"],
        ),
    ] {
        let (walked, ciphertext) = walk(file).unwrap();
        assert_eq!(walked.cipher, cipher);
        assert_eq!(walked.ciphertext_bytes, ciphertext_bytes);
        assert_eq!(ciphertext.len() as u64, ciphertext_bytes);
        assert_eq!(walked.recipients, recipients);
        assert!(begins_like_enveloped_data(&file[..32]));
    }
}

#[test]
fn a_recipient_has_what_a_decrypting_engine_needs() {
    let (walked, _) = walk(sample!("two.ber")).unwrap();
    let infos = walked.envelope.recipient_infos();
    let mut keys = Vec::new();
    for info in infos {
        let transport = info.transport.as_ref().unwrap();
        let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
        assert_eq!(transport.algorithm.as_ref(), rsa);
        assert_eq!(transport.parameters.as_ref(), [5, 0]);
        keys.push(transport.encrypted_key.clone());
    }
    assert_eq!(
        keys.iter().map(bytes::Bytes::len).collect::<Vec<_>>(),
        [256, 256]
    );
    assert_ne!(keys[0], keys[1]);
    let Recipient::IssuerAndSerial {
        issuer_der, serial, ..
    } = &infos[1].recipient
    else {
        panic!("{infos:?}");
    };
    assert_eq!(serial.as_bytes(), [10]);
    assert_eq!((issuer_der[0], issuer_der.len()), (0x30, 69));
    assert_eq!(walked.envelope.head().cipher_parameters()[..2], [4, 16]);

    let (walked, _) = walk(sample!("keyid.der")).unwrap();
    assert!(
        matches!(&walked.envelope.recipient_infos()[0].recipient, Recipient::KeyId(id) if id.len() == 20)
    );
    assert!(walked.recipients[0].starts_with("key id "));
    assert_eq!(walked.recipients[0].len(), 7 + 40);
}

#[test]
fn taken_apart_and_joined_a_der_file_is_the_same() {
    for file in DER {
        let (walked, ciphertext) = walk(file).unwrap();
        assert_eq!(join(&walked.envelope, &ciphertext), file);
        let served = Envelope::from_ber(&walked.envelope.to_der()).unwrap();
        assert_eq!(served, walked.envelope);
        assert_eq!(join(&served, &ciphertext), file);
    }
}

#[test]
fn a_ber_file_is_joined_as_der() {
    for file in BER {
        let (walked, ciphertext) = walk(file).unwrap();
        let joined = join(&walked.envelope, &ciphertext);
        assert_eq!(walk(&joined).unwrap(), (walked.clone(), ciphertext));
        assert_eq!(
            Envelope::from_ber(&walked.envelope.to_der()).unwrap(),
            walked.envelope
        );
    }
}

#[test]
fn ber_of_every_kind_becomes_the_der_that_is_meant() {
    let key = open(
        0x24,
        &[&[4, 1, 0xab], &open(0x24, &[&[4, 0], &[4, 1, 0xcd]])],
    );
    let recipients = transport(&[0x80, 1, 1], &key);
    let long_length = [
        &[0x30, 0x84, 0, 0, 0][..],
        &[u8::try_from(recipients.len() - 2).unwrap()],
        &recipients[2..],
    ]
    .concat();
    for recipients in [recipients, long_length] {
        let info = open(0x30, &[&data_and_cipher()]);
        let data = open(0x30, &[&[2, 1, 0], &open(0x31, &[&recipients]), &info]);
        let ber = open(0x30, &[&enveloped_oid(), &open(0xa0, &[&data])]);
        let envelope = Envelope::from_ber(&ber).unwrap();
        assert_eq!(envelope.to_der(), small_file(&[]));
        assert_eq!(envelope, small_envelope());
    }
    assert_eq!(small_envelope().recipients(), ["key id 01"]);
    // A tag above 30, in an attribute after the content.
    let attribute = tlv(0xa1, &[&[0x30, 5, 0x9f, 0x81, 0x00, 1, 7]]);
    let der = file(&by_key_id(1), &[], &attribute);
    assert_eq!(Envelope::from_ber(&der).unwrap().to_der(), der);
    assert_eq!(Envelope::from_ber(&der).unwrap().suffix(), attribute);
}

#[test]
fn originator_info_and_attributes_are_kept() {
    let info = tlv(0x30, &[&data_and_cipher()]);
    let data = tlv(
        0x30,
        &[
            &[2, 1, 2],
            &[0xa0, 2, 0xa0, 0],
            &tlv(0x31, &[&by_key_id(1)]),
            &info,
            &[0xa1, 2, 0x30, 0],
        ],
    );
    let der = tlv(0x30, &[&enveloped_oid(), &tlv(0xa0, &[&data])]);
    let envelope = Envelope::from_ber(&der).unwrap();
    assert_eq!(envelope.to_der(), der);
    assert_eq!(
        envelope.frame(16).unwrap().tail.as_ref(),
        [0xa1, 2, 0x30, 0]
    );
}

#[test]
fn other_files_do_not_begin_like_enveloped_data() {
    for bytes in [
        &[][..],
        b"ID3\x04\x00",
        &[0x30],
        &[0x30, 0x80],
        &[0x30, 0x80, 0x06],
        &sample!("aes256.der")[..14],
        &[
            0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2,
        ],
        &[
            0x31, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3,
        ],
        b"<?xml version=\"1.0\"?><Error>",
    ] {
        assert!(!begins_like_enveloped_data(bytes), "{bytes:x?}");
    }
    assert!(begins_like_enveloped_data(&sample!("aes256.der")[..15]));
}
