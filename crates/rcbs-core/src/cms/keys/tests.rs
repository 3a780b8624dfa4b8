//! Cases for keys and certificates that need no OpenSSL; the forms it writes are in `tests/keys.rs`.

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

/// An `EncryptedPrivateKeyInfo` whose key derivation repeats its hash this often.
fn locked(rounds: &[u8]) -> Vec<u8> {
    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [
            &[tag, u8::try_from(content.len()).unwrap()],
            content.as_slice(),
        ]
        .concat()
    }
    let oid = |last: u8| {
        let oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, last];
        tlv(6, &[&oid])
    };
    let salt_and_rounds = tlv(0x30, &[&tlv(4, &[&[1; 8]]), &tlv(2, &[rounds])]);
    let derivation = tlv(0x30, &[&oid(12), &salt_and_rounds]);
    let aes = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];
    let cipher = tlv(0x30, &[&tlv(6, &[&aes]), &tlv(4, &[&[0; 16]])]);
    let scheme = tlv(0x30, &[&oid(13), &tlv(0x30, &[&derivation, &cipher])]);
    tlv(0x30, &[&scheme, &tlv(4, &[&[0; 32]])])
}

#[test]
fn a_key_derivation_that_would_take_hours_is_refused() {
    let unlock = |rounds: &[u8]| {
        let file = KeyFile::read(&locked(rounds)).unwrap();
        assert!(file.wants_passphrase());
        file.unlock(Some(b"secret"), "key", KeyRules::default())
            .unwrap_err()
    };
    assert_eq!(unlock(&[1]), KeyError::WrongPassphrase);
    assert_eq!(unlock(&[0x7f, 0xff, 0xff, 0xff]), KeyError::TooCostly);
    assert_eq!(unlock(&[0x7f; 9]), KeyError::TooCostly);
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
