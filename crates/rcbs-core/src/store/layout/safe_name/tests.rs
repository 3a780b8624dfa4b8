//! Safe names: a table of nasty texts, and the ways back.

use super::*;

#[track_caller]
fn check(text: &str, name: &str) {
    let encoded = SafeName::encode(text);
    assert_eq!(encoded.as_str(), name, "{text:?}");
    assert_eq!(encoded.decode().as_deref(), Some(text), "{name}");
    assert_eq!(SafeName::from_disk(name), Some(encoded), "{name}");
}

#[test]
fn usual_ids_stay_as_they_are() {
    for id in [
        "01F62DGIBGD8369P7GC362LAES00000G",
        "01K7Q2VD5OA3R9TEMC41L2LAES0002QF_2018-02-12_19-04-11-00710155-10004AA1-00000001.mp3.bin",
        "callrec.008E0149-12132920.141216184241.mp3",
        "ABC_-_+4930123456_200_2018-02-12_19-04-11_-_-_cc.mp3",
        "c2a1f4a6-0f0b-4a06-8d55-2c9b8f0f7d10.mp4",
        "a b",
        " a",
        "a.b",
        "a..b",
        "-rf",
        "$(id) `x` & {y} [z] 'q' #1 @h ! ^ , ;=",
    ] {
        check(id, id);
    }
}

#[test]
fn what_some_system_forbids_is_percent_encoded() {
    for (text, name) in [
        ("../../etc/cron.d/x", "%2E.%2F..%2Fetc%2Fcron.d%2Fx"),
        (r"C:\x", "C%3A%5Cx"),
        ("/abs", "%2Fabs"),
        (r#"<>:"/\|?*%"#, "%3C%3E%3A%22%2F%5C%7C%3F%2A%25"),
        ("a\0b", "a%00b"),
        ("a\r\nb\u{1b}[31m", "a%0D%0Ab%1B[31m"),
        ("\u{7f}\u{85}", "%7F%C2%85"),
        ("gpj.\u{202e}bin", "gpj.%E2%80%AEbin"),
        ("\u{feff}x", "%EF%BB%BFx"),
        ("a~1", "a%7E1"),
        ("%41", "%2541"),
    ] {
        check(text, name);
    }
}

#[test]
fn dots_and_spaces_at_the_ends_are_encoded_where_they_are_lost() {
    for (text, name) in [
        (".", "%2E"),
        ("..", "%2E%2E"),
        (".rcbs", "%2Ercbs"),
        ("a.", "a%2E"),
        ("a..", "a.%2E"),
        ("a ", "a%20"),
        ("a. ", "a.%20"),
        (" ", "%20"),
    ] {
        check(text, name);
    }
}

#[test]
fn device_names_of_windows_lose_their_first_letter() {
    for (text, name) in [
        ("CON", "%43ON"),
        ("con", "%63on"),
        ("Nul.bin", "%4Eul.bin"),
        ("AUX.tar.gz", "%41UX.tar.gz"),
        ("PRN .txt", "%50RN .txt"),
        ("COM0", "%43OM0"),
        ("lpt9.x", "%6Cpt9.x"),
        ("COM¹", "%43OM%C2%B9"),
        ("LPT³.bin", "%4CPT%C2%B3.bin"),
        ("CONIN$", "%43ONIN$"),
    ] {
        check(text, name);
    }
    for text in [
        "CONSOLE", "COM10", "COM", "LPT", "COMA", "xCON", "nul-1", "CON_.bin",
    ] {
        check(text, text);
    }
}

#[test]
fn letters_outside_ascii_are_encoded_so_that_no_file_system_can_join_them() {
    check("Zürich", "Z%C3%BCrich");
    // Composed, decomposed and Kelvin: one name each to us, two or one to a file system.
    check("é", "%C3%A9");
    check("e\u{301}", "e%CC%81");
    check("\u{212a}", "%E2%84%AA");
    check("😀", "%F0%9F%98%80");
}

#[test]
fn up_to_200_bytes_nothing_is_cut() {
    let text = "x".repeat(200);
    check(&text, &text);
    check(&"ü".repeat(33), &"%C3%BC".repeat(33));
}

#[test]
fn a_longer_name_is_cut_and_ends_in_the_digest_of_its_text() {
    // printf 'x%.0s' $(seq 201) | sha256sum
    let text = "x".repeat(201);
    let name = SafeName::encode(&text);
    let digest = "84a0678c90937f5dcf9994d5866668da";
    assert_eq!(name.as_str(), format!("{}~{digest}", "x".repeat(167)));
    assert_eq!(name.decode(), None);
    assert_eq!(SafeName::from_disk(name.as_str()), Some(name.clone()));
    assert_ne!(SafeName::encode(name.as_str()), name);
}

#[test]
fn a_cut_never_splits_a_character() {
    for lead in 0..12 {
        let text = format!("{}{}", "x".repeat(lead), "😀".repeat(20));
        let name = SafeName::encode(&text);
        let (head, digest) = name.as_str().split_once('~').unwrap();
        assert_eq!(digest.len(), 32);
        assert_eq!((head.len() - lead) % 12, 0, "{head}");
        assert!(head.len() <= 167 && head.len() > 155, "{head}");
    }
}

#[test]
fn the_empty_text_has_a_name_too() {
    let name = SafeName::encode("");
    assert_eq!(name.as_str(), "~e3b0c44298fc1c149afbf4c8996fb924");
    assert_eq!(name.decode(), None);
}

#[test]
fn a_suffix_survives_the_cut() {
    let text = "x".repeat(300);
    let name = SafeName::encode_with(&text, ".json");
    assert!(name.as_str().ends_with(".json"));
    assert_eq!(name.as_str().len(), 205);
    assert_eq!(
        SafeName::encode_with(&"x".repeat(200), ".json")
            .as_str()
            .len(),
        205
    );
}

#[test]
fn only_names_that_encode_gives_are_decoded() {
    for name in [
        "%", "%4", "%zz", "%41", "a%2e", "%+A", "%C3", "a~b", "%C3é", "Zürich", "a%2Eb",
    ] {
        let found = SafeName::from_disk(name).unwrap();
        assert_eq!(found.decode(), None, "{name}");
    }
}

#[test]
fn names_found_on_disk_are_taken_only_when_they_are_safe() {
    for name in ["2018", "Aufnahmen für München", "100%", "PROGRA~1", "a b"] {
        assert_eq!(SafeName::from_disk(name).unwrap().as_str(), name);
    }
    let long = "x".repeat(256);
    for name in [
        "",
        ".",
        "..",
        ".rcbs",
        "a/b",
        r"a\b",
        "a:b",
        "a\0",
        "a\n",
        "a.",
        "a ",
        "NUL",
        "com¹.bin",
        "\u{202e}x",
        &long,
    ] {
        assert_eq!(SafeName::from_disk(name), None, "{name:?}");
    }
}

#[test]
fn names_that_differ_in_letter_case_only_fold_alike() {
    let alike = |a, b| SafeName::encode(a).folds_like(&SafeName::encode(b));
    assert!(alike("abc", "ABC"));
    assert!(alike("a:b", "A:B"));
    assert!(!alike("abc", "abd"));
    assert!(!alike("ü", "Ü"));
}
