//! OpenSSL as the foreign oracle: what it writes we walk, what we join it opens.
//!
//! Every promise about the stored file rests on the two commands of the manual, `openssl cms -decrypt` and
//! `openssl smime -decrypt`. So OpenSSL must be there; without it these tests fail.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "OpenSSL is another program, and it wants files"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use rcbs_core::cms::{Envelope, Walked, Walker};

/// Keys and certificates that are frozen with the tests; making RSA keys takes seconds.
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cms");

/// One way to encrypt.
struct Seal {
    name: &'static str,
    options: &'static [&'static str],
    recipients: &'static [&'static str],
    /// Options about the key of each recipient.
    key_options: &'static [&'static str],
    form: Form,
    /// Whether `openssl smime`, which knows PKCS #7 only, can open it too.
    is_pkcs7: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Der,
    Ber,
    /// DER made by `openssl smime`.
    Smime,
}

const AES256: Seal = Seal {
    name: "aes256",
    options: &["-aes256"],
    recipients: &["one"],
    key_options: &[],
    form: Form::Der,
    is_pkcs7: true,
};

const STREAM: Seal = Seal {
    name: "stream",
    options: &["-stream", "-aes256"],
    form: Form::Ber,
    ..AES256
};

const SEALS: [Seal; 13] = [
    AES256,
    STREAM,
    Seal {
        name: "aes128",
        options: &["-aes128"],
        ..AES256
    },
    Seal {
        name: "aes192",
        options: &["-aes192"],
        ..AES256
    },
    Seal {
        name: "des3",
        options: &["-des3"],
        ..AES256
    },
    Seal {
        name: "des3 stream",
        options: &["-stream", "-des3"],
        ..STREAM
    },
    Seal {
        name: "two",
        recipients: &["one", "two"],
        ..AES256
    },
    Seal {
        name: "two stream",
        recipients: &["one", "two"],
        ..STREAM
    },
    Seal {
        name: "two by smime",
        recipients: &["one", "two"],
        form: Form::Smime,
        ..AES256
    },
    Seal {
        name: "key id",
        options: &["-aes256", "-keyid"],
        is_pkcs7: false,
        ..AES256
    },
    Seal {
        name: "oaep",
        key_options: &[
            "-keyopt",
            "rsa_padding_mode:oaep",
            "-keyopt",
            "rsa_oaep_md:sha256",
        ],
        is_pkcs7: false,
        ..AES256
    },
    Seal {
        name: "gcm",
        options: &["-aes-256-gcm"],
        is_pkcs7: false,
        ..AES256
    },
    Seal {
        name: "gcm stream",
        options: &["-stream", "-aes-128-gcm"],
        is_pkcs7: false,
        ..STREAM
    },
];

#[test]
fn what_openssl_wrote_is_joined_again_and_opened_by_openssl() {
    for seal in &SEALS {
        check(seal, 1000);
    }
}

#[test]
fn lengths_around_the_borders_of_blocks_and_of_der_are_opened_by_openssl() {
    for bytes in [0, 1, 15, 16, 111, 112, 239, 240, 65_519, 65_520] {
        check(&AES256, bytes);
    }
    check(&STREAM, 0);
    check(&STREAM, 300_001);
}

/// Has OpenSSL encrypt, takes the file apart, joins it again from what the cloud would serve, has OpenSSL open it.
fn check(how: &Seal, bytes: usize) {
    let guard = tempfile::tempdir().unwrap();
    let folder = guard.path();
    let plain: Vec<u8> = (0..bytes)
        .map(|at| u8::try_from((at * at + at / 251) % 256).unwrap())
        .collect();
    let file = sealed(folder, how, &plain);
    let (walked, ciphertext) = walk(&file, 1000);
    assert_eq!(walked.recipients.len(), how.recipients.len());

    let served = served(&walked.envelope);
    let envelope = Envelope::from_text(&served).unwrap();
    let frame = envelope.frame(ciphertext.len() as u64).unwrap();
    let joined = [&frame.head, ciphertext.as_slice(), &frame.tail].concat();
    let is_same = joined == file;
    assert_eq!(is_same, how.form != Form::Ber, "{} {bytes}", how.name);

    fs::write(folder.join("joined"), &joined).unwrap();
    fs::write(folder.join("ciphertext"), &ciphertext).unwrap();
    fs::write(folder.join("envelope"), &served).unwrap();
    let mut commands = vec![
        "cms -decrypt -binary -inform DER -in joined",
        "cms -decrypt -binary -inform PEM -in envelope -content ciphertext",
    ];
    if how.is_pkcs7 {
        commands.push("smime -decrypt -inform DER -in joined");
    }
    for command in commands {
        for recipient in how.recipients {
            let opened = opened(folder, command, recipient);
            assert!(opened == plain, "{} {bytes}: {command}", how.name);
        }
    }
}

fn sealed(folder: &Path, how: &Seal, plain: &[u8]) -> Vec<u8> {
    fs::write(folder.join("plain"), plain).unwrap();
    let is_smime = how.form == Form::Smime;
    let mut args = vec![if is_smime { "smime" } else { "cms" }];
    args.extend("-encrypt -binary -in plain -outform DER -out sealed".split(' '));
    args.extend(how.options);
    let certificates: Vec<String> = how
        .recipients
        .iter()
        .map(|name| format!("{KEYS}/{name}.cert.pem"))
        .collect();
    for certificate in &certificates {
        if !is_smime {
            args.push("-recip");
        }
        args.push(certificate);
        args.extend(how.key_options);
    }
    openssl(folder, &args);
    fs::read(folder.join("sealed")).unwrap()
}

/// Decrypts as the manual says, with nothing but the private key.
fn opened(folder: &Path, command: &str, recipient: &str) -> Vec<u8> {
    let key = format!("{KEYS}/{recipient}.key.pem");
    let mut args: Vec<&str> = command.split(' ').collect();
    args.extend(["-out", "opened", "-inkey", &key]);
    openssl(folder, &args);
    let opened = fs::read(folder.join("opened")).unwrap();
    fs::remove_file(folder.join("opened")).unwrap();
    opened
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

fn walk(file: &[u8], chunk_bytes: usize) -> (Walked, Vec<u8>) {
    let mut walker = Walker::new();
    let mut ciphertext = Vec::new();
    for chunk in file.chunks(chunk_bytes) {
        walker
            .feed_with(chunk, |bytes| ciphertext.extend_from_slice(bytes))
            .unwrap();
    }
    (walker.finish().unwrap(), ciphertext)
}

/// The envelope as the cloud serves it: PEM with lines of 76 characters, which OpenSSL does not write but reads.
fn served(envelope: &Envelope) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(envelope.to_der());
    let mut pem = "-----BEGIN PKCS7-----\n".to_owned();
    for line in text.as_bytes().chunks(76) {
        writeln!(pem, "{}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    pem + "-----END PKCS7-----\n"
}
