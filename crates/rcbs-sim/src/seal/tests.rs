//! OpenSSL as the foreign judge: whatever is sealed here, it opens.

use std::path::Path;
use std::process::Command;

use crate::cloud::{Content, Form, StoredObject};
use crate::seal::{Cipher, Envelope, Identity, KeyTransport, Recipient, SessionKey};
use crate::seed::Seed;

/// Runs `openssl` in a folder and gives its output, or what it complained about.
fn openssl(folder: &Path, arguments: &str) -> Result<Vec<u8>, String> {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

fn identities() -> [&'static Identity; 2] {
    [Identity::shared(0), Identity::shared(1)]
}

fn folder_with_keys() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, identity) in identities().iter().enumerate() {
        std::fs::write(
            folder.path().join(format!("key{number}.pem")),
            &identity.private_key_pem,
        )
        .unwrap();
        std::fs::write(
            folder.path().join(format!("cert{number}.pem")),
            &identity.certificate_pem,
        )
        .unwrap();
    }
    folder
}

fn seal(
    form: Form,
    cipher: Cipher,
    transport: KeyTransport,
    recipients: &[Recipient],
    content: &Content,
) -> (Envelope, StoredObject) {
    let seed = Seed::new(1);
    let key = SessionKey::derive(cipher, seed, "file");
    let envelope = Envelope::new(&key, recipients, transport, seed, "file");
    let object = StoredObject::new(form, content.clone(), key, &envelope);
    (envelope, object)
}

#[test]
fn openssl_opens_every_form_with_either_key() {
    let folder = folder_with_keys();
    let both = identities().map(|identity| identity.recipient.clone());
    for form in [Form::Complete, Form::Streamed, Form::Detached] {
        for cipher in [Cipher::Aes128, Cipher::Aes256] {
            for transport in [KeyTransport::Pkcs1, KeyTransport::Oaep] {
                for len_bytes in [0, 1, 15, 16, 17, 4_096, 70_000] {
                    let content = Content::pattern(len_bytes, 5);
                    let (envelope, object) = seal(form, cipher, transport, &both, &content);
                    let stored = object.to_vec();
                    assert_eq!(stored.len() as u64, object.len_bytes());
                    std::fs::write(folder.path().join("object"), stored).unwrap();
                    std::fs::write(folder.path().join("envelope"), envelope.detached_pem())
                        .unwrap();
                    let source = match form {
                        Form::Detached => "-inform PEM -in envelope -content object",
                        _ => "-inform DER -in object",
                    };
                    // Without the certificate OpenSSL tries the key on every recipient, the last one twice as likely to
                    // be garbage; with it the right one is taken.
                    for key in 0..2 {
                        let opened = openssl(
                            folder.path(),
                            &format!(
                                "cms -decrypt -binary {source} -inkey key{key}.pem -recip cert{key}.pem"
                            ),
                        );
                        assert_eq!(
                            opened.as_deref(),
                            Ok(content.to_vec().as_slice()),
                            "{form:?} {cipher:?} {transport:?} {len_bytes} key {key}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_command_of_the_manual_opens_the_complete_form() {
    let folder = folder_with_keys();
    let content = Content::bytes(&b"clear media"[..]);
    let recipient = [identities()[0].recipient.clone()];
    let (_, object) = seal(
        Form::Complete,
        Cipher::Aes256,
        KeyTransport::Pkcs1,
        &recipient,
        &content,
    );
    std::fs::write(folder.path().join("object"), object.to_vec()).unwrap();
    let opened = openssl(
        folder.path(),
        "smime -decrypt -inform DER -in object -inkey key0.pem",
    );
    assert_eq!(opened.as_deref(), Ok(&b"clear media"[..]));
}

#[test]
fn the_envelope_is_the_one_decoded_from_the_field() {
    let folder = folder_with_keys();
    let recipient = [identities()[0].recipient.clone()];
    let (envelope, _) = seal(
        Form::Detached,
        Cipher::Aes256,
        KeyTransport::Pkcs1,
        &recipient,
        &Content::bytes(&b"x"[..]),
    );
    let pem = envelope.detached_pem();
    assert!(pem.starts_with("-----BEGIN PKCS7-----\n"), "{pem}");
    assert_eq!(pem.lines().nth(1).map(str::len), Some(76));
    std::fs::write(folder.path().join("envelope"), pem).unwrap();
    let printed = openssl(
        folder.path(),
        "cms -cmsout -print -inform PEM -in envelope -noout",
    )
    .unwrap();
    let printed = String::from_utf8(printed).unwrap();
    for expected in [
        "d.envelopedData: \n    version: 0",
        "algorithm: rsaEncryption",
        "serialNumber: 17",
        "aes-256-cbc",
        "encryptedContent: <ABSENT>",
    ] {
        assert!(
            printed.contains(expected),
            "{expected} is missing in {printed}"
        );
    }
}

#[test]
fn sealing_twice_gives_the_same_bytes() {
    let recipient = [identities()[0].recipient.clone()];
    let content = Content::pattern(1_000, 1);
    for transport in [KeyTransport::Pkcs1, KeyTransport::Oaep] {
        let (first, _) = seal(
            Form::Detached,
            Cipher::Aes256,
            transport,
            &recipient,
            &content,
        );
        let (second, _) = seal(
            Form::Detached,
            Cipher::Aes256,
            transport,
            &recipient,
            &content,
        );
        assert_eq!(first.detached_der(), second.detached_der());
    }
}

#[test]
fn an_object_read_from_the_middle_is_the_rest_of_the_whole() {
    let recipient = [identities()[0].recipient.clone()];
    let content = Content::pattern(150_000, 1);
    for form in [Form::Detached, Form::Complete, Form::Streamed, Form::Plain] {
        let (_, object) = seal(
            form,
            Cipher::Aes256,
            KeyTransport::Pkcs1,
            &recipient,
            &content,
        );
        let whole = object.to_vec();
        for from in [0, 1, 20, 4_097, 70_000, whole.len() - 1, whole.len()] {
            let rest: Vec<u8> = object.pieces(from as u64).flatten().collect();
            assert_eq!(rest, whole[from..], "{form:?} from {from}");
        }
    }
}
