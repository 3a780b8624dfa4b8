//! OpenSSL as the foreign oracle for opening: what it seals in every way it knows we open, with keys in every form it
//! writes. What `rcbs-sim` seals with code of its own is opened too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "OpenSSL is another program, and it wants files"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use rcbs_core::cms::{
    Certificate, Envelope, KeyError, KeyFile, KeyRing, KeyRules, Mapper, Match, OpenError,
    OpenRules, Opener, SliceKey,
};
use rcbs_sim::seal::{Cipher, KeyTransport, SessionKey};
use rcbs_sim::{Content, Identity, Seed};

/// Keys and certificates that are frozen with the tests; making RSA keys takes seconds.
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cms");

const LEGACY: OpenRules = OpenRules {
    allow_legacy: true,
    try_all: false,
};

fn read(name: &str) -> Vec<u8> {
    fs::read(Path::new(KEYS).join(name)).unwrap()
}

fn certificates(pem: &[u8]) -> Vec<Certificate> {
    KeyFile::read(pem).unwrap().into_certificates().unwrap()
}

/// A key of the tests with its certificate.
fn ring(name: &str) -> KeyRing {
    let file = KeyFile::read(&read(&format!("{name}.key.pem"))).unwrap();
    let keys = file.unlock(None, name, KeyRules::default()).unwrap().keys;
    KeyRing::new(keys, &certificates(&read(&format!("{name}.cert.pem"))))
}

fn plain(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| u8::try_from((at * at + at / 251) % 256).unwrap())
        .collect()
}

fn open_with(mut opener: Opener<'_>, file: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut clear = Vec::new();
    for chunk in file.chunks(1000) {
        opener.feed(chunk, |bytes| clear.extend_from_slice(bytes))?;
    }
    let opened = opener.finish(|bytes| clear.extend_from_slice(bytes))?;
    assert_eq!(opened.clear_bytes, clear.len() as u64);
    assert_eq!(opened.candidate.by, Match::Named);
    Ok(clear)
}

/// Runs OpenSSL in `folder`; what it says is part of the failure.
fn openssl(folder: &Path, args: &[&str]) {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("these tests need the program openssl (3 or newer) in the PATH: {error}")
        });
    assert!(
        output.status.success(),
        "openssl {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Seals `plain` for these recipients.
fn sealed(
    folder: &Path,
    command: &str,
    recipients: &[&str],
    key_options: &str,
    plain: &[u8],
) -> Vec<u8> {
    fs::write(folder.join("plain"), plain).unwrap();
    let mut args: Vec<&str> = command.split_whitespace().collect();
    args.extend("-encrypt -binary -in plain -outform DER -out sealed".split(' '));
    let certificates: Vec<String> = recipients
        .iter()
        .map(|name| format!("{KEYS}/{name}.cert.pem"))
        .collect();
    for certificate in &certificates {
        if !command.starts_with("smime") {
            args.push("-recip");
        }
        args.push(certificate);
        args.extend(key_options.split_whitespace());
    }
    openssl(folder, &args);
    fs::read(folder.join("sealed")).unwrap()
}

#[test]
fn what_openssl_seals_in_every_combination_is_opened() {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path();
    let (one, two) = (ring("one"), ring("two"));
    let clear = plain(70_001);
    let ciphers = [
        "-aes128",
        "-aes192",
        "-aes256",
        "-des3",
        "-aes-128-gcm",
        "-aes-192-gcm",
        "-aes-256-gcm",
    ];
    let transports = [
        "",
        "-keyopt rsa_padding_mode:oaep",
        "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
        "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha384",
        "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha512",
    ];
    let mut combinations = 0;
    let mut check = |command: &str, recipients: &[&str], transport: &str| {
        let file = sealed(folder, command, recipients, transport, &clear);
        for name in recipients {
            let ring = if *name == "one" { &one } else { &two };
            let opened = open_with(Opener::new(ring, LEGACY), &file).unwrap();
            assert!(opened == clear, "{command} {recipients:?} {transport}");
        }
        if !recipients.contains(&"two") {
            let refused = open_with(Opener::new(&two, LEGACY), &file);
            assert!(matches!(refused, Err(OpenError::NoKey(_))), "{command}");
        }
        combinations += 1;
    };
    for cipher in ciphers {
        for form in ["", "-stream", "-keyid", "-stream -keyid"] {
            let command = format!("cms {cipher} {form}");
            check(&command, &["one"], "");
            check(&command, &["one", "two"], "");
        }
        if !cipher.ends_with("gcm") {
            for form in ["", "-stream"] {
                let command = format!("smime {cipher} {form}");
                check(&command, &["one"], "");
                check(&command, &["two", "one"], "");
            }
        }
    }
    for transport in transports {
        for form in ["", "-stream", "-keyid"] {
            let command = format!("cms -aes256 {form}");
            check(&command, &["one"], transport);
            check(&command, &["one", "two"], transport);
        }
        check("cms -aes-256-gcm", &["one"], transport);
    }
    assert!(combinations > 100, "{combinations}");
}

#[test]
fn lengths_around_the_borders_of_blocks_and_pieces_are_opened() {
    let guard = tempfile::tempdir().unwrap();
    let one = ring("one");
    for command in ["cms -aes256", "cms -aes256 -stream", "cms -aes-256-gcm"] {
        for bytes in [
            0, 1, 15, 16, 17, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_001,
        ] {
            let clear = plain(bytes);
            let file = sealed(guard.path(), command, &["one"], "", &clear);
            let opened = open_with(Opener::new(&one, OpenRules::default()), &file).unwrap();
            assert!(opened == clear, "{command} {bytes}");
        }
    }
}

#[test]
fn slices_of_a_streamed_file_touch_the_blocks_they_need() {
    let guard = tempfile::tempdir().unwrap();
    let clear = plain(1 << 20);
    let file = sealed(guard.path(), "cms -aes256 -stream", &["one"], "", &clear);
    let mut mapper = Mapper::new();
    for chunk in file.chunks(256 << 10) {
        mapper.feed(chunk).unwrap();
    }
    assert!(mapper.at_once().is_none(), "this is BER");
    let map = mapper.finish().unwrap();
    let key = SliceKey::new(map.head(), &ring("one"), OpenRules::default()).unwrap();
    let mut begin = 0_usize;
    while begin < clear.len() {
        let end = (begin + 5000).min(clear.len());
        let plan = map.plan(begin as u64..end as u64).unwrap();
        let mut bytes = Vec::new();
        for range in plan.reads() {
            bytes.extend_from_slice(
                &file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()],
            );
        }
        assert!(bytes.len() <= end - begin + 48, "{begin}");
        assert!(
            plan.open(&key, bytes).unwrap() == clear[begin..end],
            "{begin}"
        );
        begin += 70_003;
    }
}

#[test]
fn envelope_and_ciphertext_of_the_pretend_cloud_are_opened() {
    let seed = Seed::new(3);
    let identity = Identity::shared(1);
    let both = [
        Identity::shared(0).recipient.clone(),
        identity.recipient.clone(),
    ];
    let file = KeyFile::read(identity.private_key_pem.as_bytes()).unwrap();
    let keys = file.unlock(None, "key", KeyRules::default()).unwrap().keys;
    let ring = KeyRing::new(keys, &certificates(identity.certificate_pem.as_bytes()));
    for cipher in [Cipher::Aes128, Cipher::Aes256] {
        for transport in [KeyTransport::Pkcs1, KeyTransport::Oaep] {
            for len in [0, 1, 16, 100_000] {
                let content = Content::pattern(len, 7);
                let key = SessionKey::derive(cipher, seed, "a");
                let sealed = rcbs_sim::seal::Envelope::new(&key, &both, transport, seed, "a");
                let envelope = Envelope::from_text(&sealed.detached_pem()).unwrap();
                let opener = Opener::detached(&envelope, &ring, OpenRules::default());
                let clear = open_with(opener, &key.seal(&content)).unwrap();
                assert!(clear == content.to_vec(), "{cipher:?} {transport:?} {len}");
            }
        }
    }
}

/// Keys in every form that OpenSSL writes them in; each opens one file.
#[test]
fn keys_are_read_in_every_form_that_openssl_writes() {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path();
    let pem = format!("{KEYS}/one.key.pem");
    let certificate = format!("{KEYS}/one.cert.pem");
    let clear = plain(1000);
    let file = sealed(folder, "cms -aes256", &["one"], "", &clear);
    let outer = |form: &str, args: &str, passphrase: Option<&[u8]>, has_certificate: bool| {
        let args = args.replace("KEY", &pem).replace("CERT", &certificate);
        openssl(folder, &args.split_whitespace().collect::<Vec<_>>());
        let bytes = fs::read(folder.join("key")).unwrap();
        let read = KeyFile::read(&bytes).unwrap();
        assert_eq!(read.wants_passphrase(), passphrase.is_some(), "{form}");
        if passphrase.is_some() {
            let again = || KeyFile::read(&bytes).unwrap();
            let without = again().unlock(None, "key", KeyRules::default());
            assert_eq!(without.unwrap_err(), KeyError::PassphraseWanted, "{form}");
            let wrong = again().unlock(Some(b"wrong"), "key", KeyRules::default());
            assert_eq!(wrong.unwrap_err(), KeyError::WrongPassphrase, "{form}");
        }
        let material = read.unlock(passphrase, "key", KeyRules::default()).unwrap();
        let mut ring = KeyRing::new(material.keys, &material.certificates);
        let known = ring.keys()[0].certificates().len();
        assert_eq!(known == 1, has_certificate, "{form}");
        if !has_certificate {
            let certificate = &certificates(&read_file(&certificate))[0];
            ring.add_certificate(certificate).unwrap();
        }
        let opened = open_with(Opener::new(&ring, OpenRules::default()), &file).unwrap();
        assert!(opened == clear, "{form}");
    };
    let open_word = Some(&b"open sesame"[..]);
    fs::write(folder.join("word"), "open sesame\n").unwrap();
    outer(
        "PKCS#1 PEM",
        "rsa -in KEY -traditional -out key",
        None,
        false,
    );
    outer(
        "PKCS#1 DER",
        "rsa -in KEY -traditional -outform DER -out key",
        None,
        false,
    );
    outer(
        "PKCS#8 PEM",
        "pkcs8 -topk8 -nocrypt -in KEY -out key",
        None,
        false,
    );
    outer(
        "PKCS#8 DER",
        "pkcs8 -topk8 -nocrypt -in KEY -outform DER -out key",
        None,
        false,
    );
    for scheme in [
        "",
        "-v2 aes-128-cbc -v2prf hmacWithSHA1",
        "-v2 aes-256-cbc -v2prf hmacWithSHA512",
        "-v2 des3",
        "-scrypt",
    ] {
        for form in ["PEM", "DER"] {
            let args = format!(
                "pkcs8 -topk8 -in KEY -passout file:word -outform {form} -out key {scheme} -iter 500"
            );
            outer(&args, &args, open_word, false);
        }
    }
    outer(
        "PKCS#12",
        "pkcs12 -export -iter 500 -inkey KEY -in CERT -passout file:word -out key",
        open_word,
        true,
    );
    outer(
        "PKCS#12 of 2006",
        "pkcs12 -export -legacy -inkey KEY -in CERT -passout file:word -out key",
        open_word,
        true,
    );
    outer(
        "PKCS#12 without certificate",
        "pkcs12 -export -iter 500 -nocerts -inkey KEY -passout file:word -out key",
        open_word,
        false,
    );
}

fn read_file(path: &str) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn keys_that_must_not_be_used_are_refused_with_the_reason() {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path();
    let unlock = |args: &str, rules: KeyRules| {
        openssl(folder, &args.split_whitespace().collect::<Vec<_>>());
        let bytes = fs::read(folder.join("key")).unwrap();
        KeyFile::read(&bytes).and_then(|file| file.unlock(None, "key", rules).map(drop))
    };
    let strict = KeyRules::default();
    let legacy = KeyRules { allow_legacy: true };
    let small = "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key";
    for rules in [strict, legacy] {
        assert_eq!(unlock(small, rules), Err(KeyError::Size { bits: 1024 }));
    }
    let three = "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_pubexp:3 -out key";
    assert_eq!(unlock(three, strict), Err(KeyError::Exponent));
    assert_eq!(unlock(three, legacy), Ok(()));
    let curve = "genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key";
    assert_eq!(unlock(curve, strict), Err(KeyError::NotRsa));
    let pss = "genpkey -quiet -algorithm RSA-PSS -out key";
    assert_eq!(unlock(pss, strict), Err(KeyError::NotRsa));
    let outdated =
        format!("rsa -in {KEYS}/one.key.pem -traditional -aes128 -passout pass:x -out key");
    assert_eq!(unlock(&outdated, strict), Err(KeyError::OutdatedEncryption));
}
