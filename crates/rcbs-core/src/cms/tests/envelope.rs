//! Envelopes from text, and the frames they give.

use std::fmt::Write as _;

use base64::Engine as _;

use super::*;

fn pem(label: &str, der: &[u8], line: usize, end: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----{end}");
    for line in text.as_bytes().chunks(line) {
        write!(out, "{}{end}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    write!(out, "-----END {label}-----{end}").unwrap();
    out
}

#[test]
fn ciphertext_must_be_whole_blocks() {
    for (bytes, fits) in [
        (0, false),
        (1, false),
        (15, false),
        (16, true),
        (17, false),
        (32, true),
    ] {
        let found = walk(&small_file(&tlv(0x80, &[&vec![1; bytes]])));
        assert_eq!(found.is_ok(), fits, "{bytes}");
        assert_eq!(
            small_envelope().frame(bytes as u64).is_ok(),
            fits,
            "{bytes}"
        );
    }
    assert_eq!(
        small_envelope().frame(17).unwrap_err().to_string(),
        "17 bytes are no AES-256-CBC ciphertext, which comes in whole blocks of 16 bytes"
    );
    let (triple, _) = walk(sample!("des3.der")).unwrap();
    assert!(triple.envelope.frame(8).is_ok());
    assert!(triple.envelope.frame(12).is_err());
    let (gcm, _) = walk(sample!("gcm.der")).unwrap();
    assert!(gcm.envelope.frame(17).is_ok());
    assert_eq!(walk(&small_file(&[])), Err(WalkError::Detached));
}

#[test]
fn frames_of_any_length_are_der() {
    let envelope = small_envelope();
    for (ciphertext_bytes, length) in [
        (0x70, &[0x70][..]),
        (0x80, &[0x81, 0x80]),
        (0xf0, &[0x81, 0xf0]),
        (0x100, &[0x82, 1, 0]),
        (0x1_0000, &[0x83, 1, 0, 0]),
        (0x1_0000_0000, &[0x85, 1, 0, 0, 0, 0]),
        (
            0x7fff_ffff_ffff_fff0,
            &[0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0],
        ),
    ] {
        let frame = envelope.frame(ciphertext_bytes).unwrap();
        assert!(
            frame.head.ends_with(&[&[0x80], length].concat()),
            "{ciphertext_bytes}"
        );
        // The head claims exactly the bytes that follow it.
        let outer = ber::Header::read(&frame.head).unwrap().unwrap();
        let told = outer.bytes as u64 + outer.length.unwrap();
        let around_bytes = (frame.head.len() + frame.tail.len()) as u64;
        assert_eq!(told, around_bytes + ciphertext_bytes);
        let mut walker = Walker::new();
        walker.feed(&frame.head).unwrap();
        assert_eq!(walker.head(), Some(envelope.head()));
    }
    let (gcm, _) = walk(sample!("gcm.der")).unwrap();
    assert_eq!(
        gcm.envelope.frame(u64::MAX),
        Err(EnvelopeError::TooLong {
            ciphertext_bytes: u64::MAX
        })
    );
    assert!(envelope.frame(u64::MAX - 15).is_err());
}

#[test]
fn envelopes_are_read_from_any_text() {
    let der = small_envelope().to_der();
    let bare = base64::engine::general_purpose::STANDARD.encode(&der);
    for text in [
        pem("PKCS7", &der, 76, "\n"),
        pem("PKCS7", &der, 64, "\r\n"),
        pem("CMS", &der, 10_000, "\n"),
        pem("PKCS7", &der, 1, "\n"),
        pem("PKCS7", &der, 64, "\\n"),
        pem("PKCS7", &der, 64, "\\r\\n").replace('/', "\\/"),
        pem("PKCS7", &der, 64, " "),
        pem("PKCS7", &der, 64, ""),
        format!("Bag: x\n{}trailing\n", pem("PKCS7", &der, 64, "\n")),
        pem("CERTIFICATE", b"x", 64, "\n") + &pem("PKCS7", &der, 64, "\n"),
        bare.clone(),
        format!(" {} \n", bare.trim_end_matches('=')),
    ] {
        assert_eq!(Envelope::from_text(&text), Ok(small_envelope()), "{text}");
    }
}

#[test]
fn texts_that_are_no_envelope_are_told_apart() {
    let der = small_envelope().to_der();
    let whole = sample!("aes256.der");
    let once = pem("PKCS7", &der, 64, "\n");
    let cut = once.split_once("-----END").unwrap().0.to_owned();
    for (text, expected) in [
        (String::new(), EnvelopeError::Empty),
        (" \n".to_owned(), EnvelopeError::Empty),
        (pem("PKCS7", &[], 64, "\n"), EnvelopeError::Empty),
        (
            pem("CERT\u{1b}", &der, 64, "\n"),
            EnvelopeError::Label {
                label: "CERT\\u{1b}".into(),
            },
        ),
        (cut, EnvelopeError::Unfinished),
        ("-----BEGIN ".to_owned(), EnvelopeError::Unfinished),
        (once.clone() + &once, EnvelopeError::Several),
        (r#"{"pem":"MII"}"#.to_owned(), EnvelopeError::Base64),
        ("MII…".to_owned(), EnvelopeError::Base64),
        ("MI=I".to_owned(), EnvelopeError::Base64),
        ("A".to_owned(), EnvelopeError::Base64),
        ("MII\\x".to_owned(), EnvelopeError::Base64),
        ("MII\\".to_owned(), EnvelopeError::Base64),
        (
            "A".repeat((1 << 20) + 1),
            EnvelopeError::TooLarge {
                limit_bytes: 1 << 20,
            },
        ),
        (
            pem("PKCS7", whole, 76, "\n"),
            EnvelopeError::Complete {
                ciphertext_bytes: 1008,
            },
        ),
        (
            pem("PKCS7", &[&der[..], &[10]].concat(), 76, "\n"),
            S::Trailing {
                at: der.len() as u64,
            }
            .into(),
        ),
        (
            pem("PKCS7", &der[..der.len() - 1], 76, "\n"),
            S::Cut {
                at: der.len() as u64 - 1,
            }
            .into(),
        ),
    ] {
        let shown: String = text.chars().take(80).collect();
        assert_eq!(Envelope::from_text(&text), Err(expected), "{shown}");
    }
    // An element for the content that holds nothing is as good as none.
    for empty in [
        &[0x80, 0][..],
        &[0xa0, 0],
        &[0xa0, 0x80, 0, 0],
        &[0xa0, 2, 4, 0],
    ] {
        assert_eq!(Envelope::from_ber(&small_file(empty)), Ok(small_envelope()));
    }
}
