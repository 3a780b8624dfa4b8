//! Any bytes as an envelope, as text and as BER: what is read comes back from every form it can be written in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcbs_core::cms::{Envelope, Walker};

/// Whether an envelope survives being written, and a ciphertext being put into it.
pub fn holds(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(envelope) = Envelope::from_text(text)
    {
        check(&envelope, bytes.len());
    }
    if let Ok(envelope) = Envelope::from_ber(bytes) {
        check(&envelope, bytes.len());
    }
}

fn check(envelope: &Envelope, read_bytes: usize) {
    let der = envelope.to_der();
    // A length that was left open may need one more byte; nothing else grows.
    assert!(der.len() <= read_bytes + 64);
    assert_eq!(Envelope::from_ber(&der).as_ref(), Ok(envelope));
    let base64 = STANDARD.encode(&der);
    assert_eq!(Envelope::from_text(&base64).as_ref(), Ok(envelope));
    let pem = format!("-----BEGIN CMS-----\n{base64}\n-----END CMS-----\n");
    assert_eq!(Envelope::from_text(&pem).as_ref(), Ok(envelope));

    assert!((1..=64).contains(&envelope.recipients().len()));
    for recipient in envelope.recipients() {
        assert!(crate::is_fit_to_show(&recipient), "{recipient:?}");
    }
    assert!(crate::is_fit_to_show(&envelope.cipher().to_string()));
    for ciphertext_bytes in [0, 1, 16, 0x1_0000] {
        check_filled(envelope, ciphertext_bytes);
    }
    let _too_long = envelope.frame(u64::MAX);
}

/// The file that the frame makes of a ciphertext is walked back to both.
fn check_filled(envelope: &Envelope, ciphertext_bytes: usize) {
    let Ok(frame) = envelope.frame(ciphertext_bytes as u64) else {
        return;
    };
    let mut walker = Walker::new();
    for part in [&frame.head[..], &vec![0xa5; ciphertext_bytes], &frame.tail] {
        walker.feed(part).expect("what was framed is well-formed");
    }
    let walked = walker.finish().expect("what was framed is complete");
    assert_eq!(&walked.envelope, envelope);
    assert_eq!(walked.ciphertext_bytes, ciphertext_bytes as u64);
}
