//! Cases for keys and certificates that need no OpenSSL; the forms it writes are in `tests/keys.rs`.

use base64::Engine as _;

use super::*;

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

const KEY: &[u8] = sample!("one.key.pem");
const CERTIFICATE: &[u8] = sample!("one.cert.pem");
const OTHER_CERTIFICATE: &[u8] = sample!("two.cert.pem");

fn unlock(bytes: &[u8]) -> Result<Material, KeyError> {
    KeyFile::read(bytes)?.unlock(None, "one.key.pem", KeyRules::default())
}

#[test]
fn a_certificate_belongs_to_the_key_with_its_numbers() {
    let certificates = |pem: &[u8]| KeyFile::read(pem).unwrap().into_certificates().unwrap();
    let both = [KEY, OTHER_CERTIFICATE, CERTIFICATE].concat();
    let material = unlock(&both).unwrap();
    let ring = KeyRing::new(material.keys, &material.certificates);
    let [key] = ring.keys() else { panic!() };
    let [certificate] = key.certificates() else {
        panic!("the certificate of another key was taken")
    };
    let text = "serial 10 of CN=gir_qa,O=Example\\, Inc.,ST=CA,C=US";
    assert_eq!(certificate.to_string(), text);
    assert_eq!(key.modulus_bytes(), 256);
    // Beside a key others are left out; named on purpose they are a mistake.
    let mut ring = KeyRing::new(unlock(KEY).unwrap().keys, &[]);
    ring.add_certificate(&certificates(CERTIFICATE)[0]).unwrap();
    let stray = ring.add_certificate(&certificates(OTHER_CERTIFICATE)[0]);
    assert!(matches!(stray, Err(RingError::Stray { .. })));
    assert_eq!(ring.keys()[0].certificates().len(), 1);
}

#[test]
fn a_key_that_is_given_twice_is_one() {
    let keys = [unlock(KEY).unwrap().keys, unlock(KEY).unwrap().keys];
    let ring = KeyRing::new(keys.into_iter().flatten().collect(), &[]);
    assert_eq!(ring.keys().len(), 1);
    assert_eq!(ring.keys()[0].copies(), ["one.key.pem"]);
}

#[test]
fn a_certificate_at_hand_helps_its_key_and_binds_none() {
    let certificates = |pem: &[u8]| KeyFile::read(pem).unwrap().into_certificates().unwrap();
    let both = [OTHER_CERTIFICATE, CERTIFICATE].concat();
    let mut ring = KeyRing::new(unlock(KEY).unwrap().keys, &[]);
    ring.lend(&certificates(&both));
    let key = &ring.keys()[0];
    assert_eq!(key.certificates(), []);
    let known: Vec<_> = key.all_certificates().collect();
    assert_eq!(known, [&certificates(CERTIFICATE)[0]]);
}

#[test]
fn what_is_no_key_is_told_apart() {
    let pem = |label: &str, body: &str| {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").into_bytes()
    };
    let outdated = "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,00\n\nAAAA";
    for (bytes, expected) in [
        (b"".to_vec(), KeyError::Unknown),
        (b"hello".to_vec(), KeyError::Unknown),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA".to_vec(),
            KeyError::Unknown,
        ),
        (pem("SOMETHING", "AAAA"), KeyError::Unknown),
        (pem("PRIVATE KEY", "A*"), KeyError::Malformed),
        (pem("PRIVATE KEY", "MAA="), KeyError::NotRsa),
        (pem("RSA PRIVATE KEY", "MAA="), KeyError::Malformed),
        (
            pem("RSA PRIVATE KEY", outdated),
            KeyError::OutdatedEncryption,
        ),
        (pem("OPENSSH PRIVATE KEY", "AAAA"), KeyError::OpenSsh),
        (pem("EC PRIVATE KEY", "AAAA"), KeyError::NotRsa),
        (
            pem("ENCRYPTED PRIVATE KEY", "MAA="),
            KeyError::PassphraseWanted,
        ),
        (CERTIFICATE.to_vec(), KeyError::OnlyCertificate),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(unlock(&bytes).unwrap_err(), expected, "{shown}");
    }
    let no_certificate = KeyFile::read(KEY).unwrap().into_certificates();
    assert_eq!(no_certificate.unwrap_err(), KeyError::NoCertificate);
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    crate::cms::ber::write_length(content.len() as u64, &mut out);
    [out, content].concat()
}

/// 1.2.840.113549.1 and what follows it.
fn rsadsi(rest: &[u8]) -> Vec<u8> {
    tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1], rest])
}

/// An `EncryptedPrivateKeyInfo` whose key is derived in this way, with these numbers after the salt.
fn locked_by(derivation: &[u8], numbers: &[&[u8]]) -> Vec<u8> {
    let numbers: Vec<_> = numbers.iter().map(|number| tlv(2, &[number])).collect();
    let salted = tlv(0x30, &[&tlv(4, &[&[1; 8]]), &numbers.concat()]);
    let derivation = tlv(0x30, &[derivation, &salted]);
    let aes = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];
    let cipher = tlv(0x30, &[&tlv(6, &[&aes]), &tlv(4, &[&[0; 16]])]);
    let scheme = tlv(
        0x30,
        &[&rsadsi(&[5, 13]), &tlv(0x30, &[&derivation, &cipher])],
    );
    tlv(0x30, &[&scheme, &tlv(4, &[&[0; 32]])])
}

/// One whose key derivation repeats its hash this often.
fn locked(rounds: &[u8]) -> Vec<u8> {
    locked_by(&rsadsi(&[5, 12]), &[rounds])
}

/// A PKCS#12 file with nothing but that key.
fn pkcs12(locked: &[u8]) -> Vec<u8> {
    let data = |content: &[u8]| {
        let content = tlv(0xa0, &[&tlv(4, &[content])]);
        tlv(0x30, &[&rsadsi(&[7, 1]), &content])
    };
    let bag = tlv(0x30, &[&rsadsi(&[12, 10, 1, 2]), &tlv(0xa0, &[locked])]);
    let contents = data(&tlv(0x30, &[&bag]));
    tlv(0x30, &[&[2, 1, 3], &data(&tlv(0x30, &[&contents]))])
}

fn unlock_with_passphrase(bytes: &[u8]) -> KeyError {
    let file = KeyFile::read(bytes).unwrap();
    assert!(file.wants_passphrase());
    file.unlock(Some(b"secret"), "key", KeyRules::default())
        .unwrap_err()
}

const TOO_COSTLY: KeyError = KeyError::TooCostly {
    rounds_max: 10_000_000,
};

#[test]
fn a_key_derivation_that_would_take_hours_is_refused() {
    let unlock = |rounds: &[u8]| unlock_with_passphrase(&locked(rounds));
    assert_eq!(unlock(&[1]), KeyError::WrongPassphrase);
    assert_eq!(unlock(&[0x7f, 0xff, 0xff, 0xff]), TOO_COSTLY);
    assert_eq!(unlock(&[0x7f; 9]), TOO_COSTLY);
}

#[test]
fn a_key_derivation_deep_inside_a_pkcs12_file_is_seen() {
    let unlock = |rounds: &[u8]| unlock_with_passphrase(&pkcs12(&locked(rounds)));
    assert_eq!(unlock(&[0x7f, 0xff, 0xff, 0xff]), TOO_COSTLY);
    // Here the library stops earlier, and would say that the passphrase is wrong.
    let rounds_max = 1_000_000;
    assert_eq!(
        unlock(&[0x1e, 0x84, 0x80]),
        KeyError::TooCostly { rounds_max }
    );
    #[cfg(feature = "pkcs12")]
    assert_eq!(unlock(&[2]), KeyError::WrongPassphrase);
}

#[test]
fn key_derivations_are_counted_together() {
    let body = base64::engine::general_purpose::STANDARD.encode(locked(&[0x5b, 0x8d, 0x80]));
    let label = "ENCRYPTED PRIVATE KEY";
    let one = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    assert_eq!(KeyFile::read(one.as_bytes()).unwrap().rounds(), 6_000_000);
    let two = one.repeat(2);
    assert_eq!(unlock_with_passphrase(two.as_bytes()), TOO_COSTLY);
}

#[test]
fn a_key_derivation_that_wants_all_memory_is_refused() {
    let scrypt = tlv(6, &[&[0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11]]);
    let file = |numbers: &[&[u8]]| locked_by(&scrypt, numbers);
    // What is recommended for passwords today: 128 MiB. The last number is the length of the key.
    let honest = KeyFile::read(&file(&[&[2, 0, 0], &[8], &[1], &[32]])).unwrap();
    assert_eq!(honest.rounds(), 1 << 20);
    // 2^22 times 64 blocks of 128 bytes are 32 GiB.
    assert_eq!(
        unlock_with_passphrase(&file(&[&[0x40, 0, 0], &[64], &[1]])),
        TOO_COSTLY
    );
    assert_eq!(
        unlock_with_passphrase(&file(&[&[2], &[8], &[1]])),
        KeyError::WrongPassphrase
    );
}

#[test]
fn nothing_secret_is_in_any_debug_form() {
    let shown = format!(
        "{:?} {:?}",
        KeyFile::read(KEY).unwrap(),
        unlock(KEY).unwrap()
    );
    assert!(shown.len() < 300, "{shown}");
    assert!(shown.contains("one.key.pem"), "{shown}");
}
