//! Any bytes as a key file or a certificate: what is read is fit to use and to show, and no file asks for endless work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcbs_core::cms::{Certificate, KeyError, KeyFile, KeyRing, KeyRules, Material};

/// The passphrase of the seeds.
const PASSPHRASE: &[u8] = b"worthless";

/// Key derivations that cost more than this are not tried, or nothing else would be.
const ROUNDS_TRIED_MAX: u64 = 64;

/// The most that a file may ask for.
const ROUNDS_MAX: u64 = 10_000_000;

/// What PEM calls the forms that may also come as bare DER, and how a file says that it holds one.
const FORMS: [(&str, &str); 4] = [
    ("PRIVATE KEY", "KeyFile { keys: [PKCS#8], "),
    ("RSA PRIVATE KEY", "KeyFile { keys: [PKCS#1], "),
    (
        "ENCRYPTED PRIVATE KEY",
        "KeyFile { keys: [encrypted PKCS#8], ",
    ),
    ("CERTIFICATE", "KeyFile { keys: [], "),
];

/// Whether keys and certificates come out that can be used, the same ones from PEM and DER.
pub fn holds(bytes: &[u8]) {
    check(bytes);
    if let Some(certificate) = Certificate::from_der(bytes) {
        check_certificate(&certificate);
    }
    let form = KeyFile::read(bytes).map(|file| format!("{file:?}"));
    for (label, said) in FORMS {
        let body = STANDARD.encode(bytes);
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        check(pem.as_bytes());
        let is_der = !bytes.windows(11).any(|window| window == b"-----BEGIN ");
        if let Ok(form) = &form
            && is_der
            && form.starts_with(said)
        {
            let of_pem = KeyFile::read(pem.as_bytes()).map(|file| format!("{file:?}"));
            assert_eq!(of_pem.as_ref(), Ok(form), "{label}");
        }
    }
}

fn check(bytes: &[u8]) {
    let file = match KeyFile::read(bytes) {
        Ok(file) => file,
        Err(error) => return check_text(&error),
    };
    let (wants_passphrase, rounds) = (file.wants_passphrase(), file.rounds());
    assert!(wants_passphrase || rounds == 0);
    if let Ok(certificates) = file.into_certificates() {
        certificates.iter().for_each(check_certificate);
    }
    let unlock = |passphrase| {
        let file = KeyFile::read(bytes).expect("what was read once");
        let legacy = KeyRules { allow_legacy: true };
        let unlocked = file.unlock(passphrase, "key\u{1b}", legacy);
        if let Err(error) = &unlocked {
            check_text(error);
        }
        unlocked
    };
    let without = unlock(None);
    assert!(!wants_passphrase || without.is_err());
    if rounds <= ROUNDS_TRIED_MAX {
        let with = unlock(Some(PASSPHRASE));
        if !wants_passphrase {
            assert_eq!(without.as_ref().err(), with.as_ref().err());
        }
        if let Ok(material) = with {
            check_material(material);
        }
    } else if rounds > ROUNDS_MAX {
        let refused = unlock(Some(PASSPHRASE)).map(drop);
        assert!(matches!(refused, Err(KeyError::TooCostly { .. })));
    }
}

fn check_material(material: Material) {
    assert!(!material.keys.is_empty());
    for key in &material.keys {
        assert!((256..=1024).contains(&key.modulus_bytes()));
        assert_eq!(key.source(), "key\\u{1b}");
    }
    material.certificates.iter().for_each(check_certificate);
    let ring = KeyRing::new(material.keys, &material.certificates);
    assert!(!ring.keys().is_empty());
    for certificate in ring.keys().iter().flat_map(|key| key.certificates()) {
        assert!(material.certificates.contains(certificate));
    }
}

fn check_certificate(certificate: &Certificate) {
    let text = certificate.to_string();
    assert!(crate::is_fit_to_show(&text), "{text:?}");
    assert!(certificate.is_named(&text));
    let _moment = certificate.not_after();
}

fn check_text(error: &KeyError) {
    assert!(crate::is_fit_to_show(&error.to_string()), "{error:?}");
}
