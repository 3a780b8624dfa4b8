//! Recognises from an object's first bytes what it is: ciphertext for an envelope, a complete CMS file, or neither.

use crate::cms::begins_like_enveloped_data;
use crate::media_kind::MediaKind;

/// How many first bytes [`form`] wants to see (fewer only at the end of the object).
pub(crate) const FORM_BYTES: usize = 64;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Bare ciphertext; the metadata holds its envelope.
    Ciphertext,
    /// Complete CMS `EnvelopedData`, stored as it is.
    Complete,
    /// Neither: the cloud holds the file unencrypted, or the envelope is missing from the metadata.
    Unencrypted,
    /// Media in the clear, although the metadata holds an envelope.
    NotCiphertext(MediaKind),
    /// An error or log-in page that came with status 200.
    ErrorPage,
}

/// Decides from the first bytes and from whether the metadata has an envelope.
///
/// A ciphertext begins like a CMS file, a page or a container of media by chance once in 2^34 objects or less, so the look
/// is safe.
pub(crate) fn form(first: &[u8], has_envelope: bool) -> Form {
    if begins_like_enveloped_data(first) {
        Form::Complete
    } else if begins_like_page(first) {
        Form::ErrorPage
    } else if !has_envelope {
        Form::Unencrypted
    } else if let Some(kind) = MediaKind::with_mark(first) {
        Form::NotCiphertext(kind)
    } else {
        Form::Ciphertext
    }
}

fn begins_like_page(first: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 4] = [b"<?xml", b"<error", b"<html", b"<!doctype html"];
    let text = first.trim_ascii_start();
    BEGINNINGS.iter().any(|beginning| {
        text.get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID3: &[u8] = b"ID3\x03\0\0\0\0\x02\x01";

    #[test]
    fn first_bytes_tell_the_form() {
        for (first, has_envelope, expected) in [
            (&b"\x8a\x10\x33\x71rest"[..], true, Form::Ciphertext),
            (b"\x8a\x10\x33\x71rest", false, Form::Unencrypted),
            (b"ID3\x03", false, Form::Unencrypted),
            (ID3, false, Form::Unencrypted),
            (ID3, true, Form::NotCiphertext(MediaKind::Mp3)),
            (b"ID3\x09\0\0\0\0\0\0", true, Form::Ciphertext),
            (b"<?xml version=\"1.0\"?><Error>", true, Form::ErrorPage),
            (b"\n <!DOCTYPE HTML>", false, Form::ErrorPage),
            (b"<HTML>", true, Form::ErrorPage),
            (b"", true, Form::Ciphertext),
        ] {
            assert_eq!(form(first, has_envelope), expected, "{first:?}");
        }
    }
}
