//! Keys in the forms that people have, through the program.

use std::os::unix::fs::PermissionsExt;

use crate::place::Place;

#[test]
fn keys_in_every_form_open_a_file() {
    let place = Place::new();
    place.seal("a.mp3.bin", "-aes256 @one.cert");
    let forms = [
        ("rsa -in @one.pem -traditional -out @key", ""),
        ("rsa -in @one.pem -traditional -outform DER -out @key", ""),
        ("pkcs8 -topk8 -nocrypt -in @one.pem -out @key", ""),
        (
            "pkcs8 -topk8 -nocrypt -in @one.pem -outform DER -out @key",
            "",
        ),
        (
            "pkcs8 -topk8 -iter 9 -in @one.pem -passout file:@word -out @key",
            "word",
        ),
        (
            "pkcs8 -topk8 -iter 9 -in @one.pem -passout file:@word -outform DER -out @key",
            "word",
        ),
        (
            "pkcs12 -export -iter 9 -inkey @one.pem -in @one.cert -passout file:@word -out @key",
            "word",
        ),
    ];
    for (number, (command, word)) in forms.into_iter().enumerate() {
        place.openssl(command);
        let word = match word {
            "" => String::new(),
            word => format!("--passphrase-file {word}"),
        };
        // The certificate is part of PKCS#12 only; the others are tried as the only key.
        let out = format!("out{number}");
        place
            .decrypt(&format!("--key key {word} --out {out} a.mp3.bin"))
            .expect_code(0);
        assert!(place.is_greeting(&format!("{out}/a.mp3")), "{command}");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_told_with_what_to_do() {
    let place = Place::new();
    place.seal("a.mp3.bin", "-aes256 @one.cert");
    place.write("text", b"hello");
    place.write("empty", b"");
    place.write("wrong", b"something else\n");
    place.write(
        "both",
        &[&std::fs::read(place.path("one.pem")).unwrap()[..], b"x"].concat(),
    );
    place.openssl("rsa -in @one.pem -traditional -aes128 -passout file:@word -out @old");
    place.openssl("pkcs8 -topk8 -iter 9 -in @one.pem -passout file:@word -out @locked");
    place.openssl("genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out @curve");
    place.openssl("genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out @short");
    let open = std::fs::Permissions::from_mode(0o644);
    place.write("open", b"open sesame\n");
    std::fs::set_permissions(place.path("open"), open).unwrap();
    for (words, cause, hint) in [
        ("--key none", "No such file", "check the path"),
        (
            "--key text",
            "holds no private key",
            "openssl pkey -in text",
        ),
        (
            "--key one.cert",
            "a certificate, but no private key",
            "--cert",
        ),
        (
            "--key old",
            "Proc-Type: 4,ENCRYPTED",
            "openssl pkcs8 -topk8 -v2 aes-256-cbc -in old",
        ),
        ("--key curve", "not an RSA key", "RSA key whose certificate"),
        ("--key short", "has 1024 bits", "openssl cms -decrypt"),
        (
            "--key locked",
            "protected by a passphrase",
            "--passphrase-file",
        ),
        (
            "--key locked --passphrase-file wrong",
            "does not open",
            "check the passphrase",
        ),
        (
            "--key locked --passphrase-file open",
            "by others than its owner",
            "chmod 600 open",
        ),
        (
            "--key locked --passphrase-file empty",
            "is empty",
            "write the passphrase",
        ),
        (
            "--key one.pem --cert one.pem",
            "holds no certificate",
            "give the certificate",
        ),
        ("--key one.pem --cert two.cert", "belongs to none", "--key"),
    ] {
        let finished = place.decrypt(&format!("{words} a.mp3.bin")).expect_code(2);
        assert!(
            finished.stderr.contains(cause),
            "{words}: {}",
            finished.stderr
        );
        let told = finished.stderr.split("hint: ").nth(1).unwrap_or_default();
        assert!(told.contains(hint), "{words}: {}", finished.stderr);
        assert_eq!(finished.stdout, "");
        for secret in ["open sesame", "something else", "BEGIN"] {
            assert!(
                !finished.stderr.contains(secret),
                "{words}: {}",
                finished.stderr
            );
        }
    }
    assert!(!place.path("a.mp3").exists());
}

#[test]
fn a_key_that_others_may_read_is_warned_of() {
    let place = Place::new();
    place.seal("a.mp3.bin", "-aes256 @one.cert");
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(place.path("one.pem"), open).unwrap();
    let finished = place.decrypt("--key one.pem a.mp3.bin").expect_code(0);
    assert!(finished.stderr.contains("hint: chmod 600 one.pem"));
}
