//! What kind a media file is: which served types say it, the names of one kind, and what the end of a file name says.

/// The names of each kind and the endings of its files. MP3 is `audio/mpeg` in the registry of types (RFC 3003),
/// `audio/mp3` in the original program's default, and `audio/mpeg3` in some of the cloud's own samples.
const KINDS: [(&[&str], &[&str]); 3] = [
    (
        &[
            "audio/mp3",
            "audio/mpeg",
            "audio/mpeg3",
            "audio/x-mp3",
            "audio/x-mpeg",
            "audio/x-mpeg-3",
        ],
        &["mp3"],
    ),
    (
        &["video/mp4", "video/x-mp4", "video/x-m4v", "application/mp4"],
        &["mp4", "m4v"],
    ),
    (
        &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"],
        &["wav"],
    ),
];

/// Kinds with one name.
const OTHERS: [(&str, &str); 7] = [
    ("m4a", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/opus"),
    ("flac", "audio/flac"),
    ("webm", "video/webm"),
    ("avi", "video/x-msvideo"),
    ("mov", "video/quicktime"),
];

/// Whether a served type says what the file is. One without a slash is none, and `octet-stream` means "not known"
/// (RFC 2046, 4.5.1).
pub(crate) fn is_told(content_type: &str) -> bool {
    match bare(content_type).split_once('/') {
        Some((group, name)) => {
            !group.is_empty() && !name.is_empty() && !name.eq_ignore_ascii_case("octet-stream")
        }
        None => false,
    }
}

/// A type without its parameters.
pub(crate) fn bare(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The other names of a type's kind, with or without its own; empty where the type has no other.
pub(crate) fn names(bare: &str) -> &'static [&'static str] {
    let same = |names: &&[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(bare));
    KINDS
        .iter()
        .map(|(names, _)| *names)
        .find(same)
        .unwrap_or_default()
}

/// The type that the end of a file name says; `.bin` behind it is that of the encrypted form.
pub(crate) fn of_file_name(name: &str) -> Option<&'static str> {
    let mut parts = name.rsplit('.');
    let mut end = parts.next()?;
    if end.eq_ignore_ascii_case("bin") {
        end = parts.next()?;
    }
    // What is before the first dot is a name, not an end.
    parts.next()?;
    let known = |ends: &[&str]| ends.iter().any(|known| known.eq_ignore_ascii_case(end));
    KINDS
        .iter()
        .find(|(_, ends)| known(ends))
        .and_then(|(names, _)| names.first().copied())
        .or_else(|| {
            let other = OTHERS.iter().find(|(other, _)| known(&[other]));
            other.map(|(_, name)| *name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_type_with_a_group_and_a_name_says_what_a_file_is() {
        for (content_type, expected) in [
            ("audio/mp3", true),
            ("Audio/MP3; codecs=x", true),
            ("", false),
            (" ", false),
            ("audio", false),
            ("audio/", false),
            ("/mp3", false),
            ("application/octet-stream", false),
            ("binary/Octet-Stream; x=1", false),
        ] {
            assert_eq!(is_told(content_type), expected, "{content_type:?}");
        }
    }

    #[test]
    fn the_end_of_a_file_name_says_its_type() {
        for (name, expected) in [
            ("a.mp3", Some("audio/mp3")),
            ("a.b.MP3.bin", Some("audio/mp3")),
            ("c2a1f4a6.mp4", Some("video/mp4")),
            ("a.wav.BIN", Some("audio/wav")),
            ("a.opus", Some("audio/opus")),
            ("a.bin", None),
            ("a", None),
            ("mp3", None),
            ("mp3.bin", None),
            ("a.mp3.exe", None),
            ("", None),
            (".bin", None),
        ] {
            assert_eq!(of_file_name(name), expected, "{name:?}");
        }
    }
}
