//! The reader against the rules of `Properties.load`.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Vec<Entry> {
    parse(text.as_bytes()).unwrap().entries
}

fn one(text: &str) -> Entry {
    let mut entries = read(text);
    assert_eq!(entries.len(), 1, "{text:?}");
    entries.remove(0)
}

#[test]
fn separators_escapes_and_blanks_are_read_as_java_reads_them() {
    for (text, key, value) in [
        ("a=b", "a", "b"),
        ("a = b", "a", "b"),
        ("a:b", "a", "b"),
        ("a : b", "a", "b"),
        ("a b", "a", "b"),
        ("a\tb", "a", "b"),
        ("  a\u{c}b", "a", "b"),
        ("a", "a", ""),
        ("a=", "a", ""),
        ("=b", "", "b"),
        ("a==b", "a", "=b"),
        ("a=:b", "a", ":b"),
        ("a = = b", "a", "= b"),
        ("a b=c", "a", "b=c"),
        ("a\\ b=c", "a b", "c"),
        ("a\\=b=c", "a=b", "c"),
        ("a\\:b:c", "a:b", "c"),
        ("a\\\\=c", "a\\", "c"),
        ("p=audio\\/mp3|video\\/mp4", "p", "audio/mp3|video/mp4"),
        ("p=C\\:/rec", "p", "C:/rec"),
        ("p=C:\\temp\\new", "p", "C:\temp\new"),
        ("p=x\\r\\f\\\\y", "p", "x\r\u{c}\\y"),
        ("p=\\u00e4\\u20AC", "p", "ä€"),
        ("p=\\ud83d\\uDE00", "p", "😀"),
        (
            "targetDir = //server_name/path",
            "targetDir",
            "//server_name/path",
        ),
        ("a=b # no comment", "a", "b # no comment"),
    ] {
        let entry = one(text);
        assert_eq!((&*entry.key, &*entry.value), (key, value), "{text:?}");
    }
}

#[test]
fn lines_continue_without_their_leading_blanks() {
    for (text, value) in [
        ("a=b\\\n   c", "bc"),
        ("a=b\\\r\n\tc", "bc"),
        ("a=b\\\rc", "bc"),
        ("a=b\\\\\nc=d", "b\\"),
        ("a=b\\\n#c", "b#c"),
        ("a=b\\\n\nc=d", "b"),
        ("a=b\\", "b"),
        ("a\\\n=b", "b"),
    ] {
        let entries = read(text);
        assert_eq!(entries[0].key, "a", "{text:?}");
        assert_eq!(entries[0].value, value, "{text:?}");
    }
}

#[test]
fn comments_and_blank_lines_hold_nothing() {
    assert_eq!(read("# a=b\n  ! c=d \\\n\n \t\n\\\n"), vec![]);
    // A comment does not continue.
    assert_eq!(one("# a \\\nb=c").key, "b");
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    let lines = |text: &str| read(text).iter().map(|e| e.line).collect::<Vec<_>>();
    assert_eq!(lines("a=1\nb=2\r\nc=3\rd=4"), [1, 2, 3, 4]);
    assert_eq!(lines("a=1\r\r\nb=2\n\n# x\nc=3\\\n4\nd=5"), [1, 3, 6, 8]);
}

#[test]
fn the_last_of_equal_keys_counts_and_knows_the_others() {
    let entries = read("a=1\nb=2\na=3\na=4");
    assert_eq!(entries.len(), 2);
    assert_eq!((&*entries[0].key, entries[0].line), ("b", 2));
    assert_eq!((&*entries[1].value, entries[1].line), ("4", 4));
    assert_eq!(entries[1].replaces, [1, 3]);
}

#[test]
fn what_rarely_means_what_it_says_is_noted() {
    for (text, notes) in [
        ("a=C:\\temp", vec![Note::Control('\t')]),
        ("a=\\u0007", vec![Note::Control('\u{7}')]),
        ("a=C:\\Data", vec![Note::DroppedBackslash('D')]),
        ("a=b ", vec![Note::TrailingBlank]),
        ("a=b\\ ", vec![]),
        ("a=audio\\/mp3", vec![]),
        ("a=\\u00g0", vec![Note::BadUnicode]),
        ("a=\\u00", vec![Note::BadUnicode]),
        ("a=\\ud83d", vec![Note::BadUnicode]),
        ("a=\\ud83dx", vec![Note::BadUnicode]),
        ("a=\\ud83d\\u0041", vec![Note::BadUnicode]),
        ("a=\\ude00", vec![Note::BadUnicode]),
        ("a=\\u+123", vec![Note::BadUnicode]),
        ("\\u12=b", vec![Note::BadUnicode]),
    ] {
        assert_eq!(one(text).notes, notes, "{text:?}");
    }
    assert_eq!(one("a=C:\\Data").raw_value, "C:\\Data");
}

#[test]
fn bytes_are_utf_8_or_else_latin_1() {
    let check = |bytes: &[u8], value: &str, encoding| {
        let properties = parse(bytes).unwrap();
        assert_eq!(properties.entries[0].value, value);
        assert_eq!(properties.entries[0].key, "a");
        assert_eq!(properties.encoding, encoding);
    };
    check("a=Zürich".as_bytes(), "Zürich", Encoding::Utf8);
    check("\u{feff}a=Zürich".as_bytes(), "Zürich", Encoding::Utf8);
    check(b"a=Z\xfcrich", "Zürich", Encoding::Latin1);
    assert_eq!(parse(b"\xff\xfea\0"), Err(PropertiesError::Utf16));
    assert_eq!(
        parse(&vec![b'a'; MAX_BYTES + 1]),
        Err(PropertiesError::TooLarge)
    );
    assert!(parse(&vec![b'a'; MAX_BYTES]).is_ok());
}

/// Escapes so that any text comes back, also one with blanks at its ends.
fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| match char::from_u32(u32::from(unit)) {
            Some(c) if c.is_ascii_alphanumeric() => c.to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect()
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let read = parse(&bytes);
        prop_assert!(read.is_ok() || bytes.starts_with(&[0xff]) || bytes.starts_with(&[0xfe]));
    }

    #[test]
    fn no_arrangement_of_special_characters_makes_it_panic(text in "[a\\\\u0d8=: \r\n#!\t]{0,60}") {
        for entry in parse(text.as_bytes()).unwrap().entries {
            prop_assert!(entry.line >= 1 && entry.line <= text.chars().count() + 1);
            prop_assert!(entry.replaces.iter().all(|&line| line < entry.line));
        }
    }

    #[test]
    fn escaped_text_comes_back(key in "\\PC{1,20}", value in any::<String>()) {
        let entry = one(&format!("{} = {}", escaped(&key), escaped(&value)));
        prop_assert_eq!(entry.key, key);
        prop_assert_eq!(entry.value, value);
    }
}
