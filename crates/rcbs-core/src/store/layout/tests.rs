//! Paths of the archive: folders, file names, temporary names.

use super::*;

fn recording(id: &str) -> RecordingId {
    RecordingId::new(id).unwrap()
}

fn media(id: &str) -> MediaId {
    MediaId::new(id).unwrap()
}

fn names(ids: &[&str]) -> Vec<String> {
    let ids: Vec<MediaId> = ids.iter().map(|id| media(id)).collect();
    let names = media_file_names(&ids);
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn a_recording_lies_under_the_hour_of_its_start() {
    let start = "2018-02-12T19:04:11Z".parse().ok();
    let id = recording("01F62DGIBGD8369P7GC362LAES00000G");
    let folder = recording_folder(&FolderFormat::default(), start, &id);
    assert_eq!(
        folder.to_text(),
        "2018/02/12/19/01F62DGIBGD8369P7GC362LAES00000G"
    );
}

#[test]
fn a_recording_without_a_believable_start_is_undated() {
    let format = FolderFormat::default();
    let before_1970 = "1969-12-31T23:59:59Z".parse().ok();
    for start in [None, before_1970, Some(Timestamp::MIN)] {
        assert_eq!(
            recording_folder(&format, start, &recording("A")).to_text(),
            "undated/A"
        );
    }
    for (start, folder) in [
        (Timestamp::UNIX_EPOCH, "1970/01/01/00/A"),
        (Timestamp::MAX, "9999/12/30/22/A"),
    ] {
        assert_eq!(
            recording_folder(&format, Some(start), &recording("A")).to_text(),
            folder
        );
    }
}

#[test]
fn an_id_is_one_part_of_a_path_whatever_is_in_it() {
    let format = FolderFormat::parse("'..x'").unwrap();
    let start = Some(Timestamp::UNIX_EPOCH);
    for (id, folder) in [
        ("../../etc/passwd", "%2E.x/%2E.%2F..%2Fetc%2Fpasswd"),
        (".rcbs", "%2E.x/%2Ercbs"),
        ("..", "%2E.x/%2E%2E"),
    ] {
        assert_eq!(
            recording_folder(&format, start, &recording(id)).to_text(),
            folder
        );
    }
}

#[test]
fn a_folder_is_read_back_from_its_text() {
    let folder = recording_folder(&FolderFormat::default(), None, &recording("../a b"));
    assert_eq!(Folder::from_text(&folder.to_text()), Some(folder));
    assert_eq!(Folder::from_text(""), Some(Folder::top()));
    for text in ["/", "a//b", "a/../b", "a/.rcbs", "a/b/", r"a\b"] {
        assert_eq!(Folder::from_text(text), None, "{text}");
    }
}

#[test]
fn a_media_file_always_ends_in_bin() {
    let long = "x".repeat(300);
    let long_name = format!(
        "{}~{}.bin",
        "x".repeat(167),
        "d1953f2f7645676ad7cbf3758e5b7f8a"
    );
    for (id, name) in [
        ("a.mp3", "a.mp3.bin"),
        ("a.mp3.bin", "a.mp3.bin"),
        ("a.BIN", "a.BIN.bin"),
        (".bin", "%2Ebin.bin"),
        ("a.", "a..bin"),
        ("NUL", "%4EUL.bin"),
        ("NUL.bin", "%4EUL.bin"),
        ("A.json", "A.json.bin"),
        (&*long, &*long_name),
    ] {
        assert_eq!(media_file_name(&media(id)).as_str(), name, "{id}");
    }
}

#[test]
fn metadata_is_named_after_the_recording() {
    assert_eq!(metadata_file_name(&recording("A")).as_str(), "A.json");
    assert_eq!(metadata_file_name(&recording("..")).as_str(), "%2E..json");
    let long = metadata_file_name(&recording(&"x".repeat(300)));
    assert!(long.as_str().ends_with(".json"));
}

#[test]
fn files_of_one_recording_have_their_plain_names_unless_these_clash() {
    assert_eq!(names(&["a", "b.bin", "c"]), ["a.bin", "b.bin", "c.bin"]);
    assert_eq!(names(&["a", "a"]), ["a.bin", "a.bin"]);
    assert_eq!(names(&[]), [""; 0]);
}

#[test]
fn files_that_want_one_name_get_the_digest_of_their_id() {
    // printf '\377a' | sha256sum, and so on.
    assert_eq!(
        names(&["a", "b", "a.bin"]),
        [
            "a~6446546190caef8efbaf9e738e2fe8ac.bin",
            "b.bin",
            "a~254f6199755f2ef055ff595c9fa5f11b.bin"
        ]
    );
}

#[test]
fn names_that_differ_in_letter_case_count_as_a_clash() {
    let two = names(&["Call.mp3", "call.mp3"]);
    assert!(two[0].starts_with("Call.mp3~") && two[1].starts_with("call.mp3~"));
    assert_ne!(two[0].to_lowercase(), two[1].to_lowercase());
}

#[test]
fn names_do_not_depend_on_the_order_of_the_ids() {
    let ids = ["a", "A.bin", "b", "a.bin"];
    let mut forward = names(&ids);
    let backward: Vec<&str> = ids.iter().rev().copied().collect();
    forward.reverse();
    assert_eq!(names(&backward), forward);
}

#[test]
fn a_temporary_name_is_short_and_plain_and_never_changes() {
    let name = stage_name(&recording("A"), Some(&media("a.mp3")));
    assert_eq!(
        name.as_str(),
        "media-09abbf694c6cce2f5ec09b24144804d886cf8f7b94acdc50"
    );
    let metadata = stage_name(&recording("A"), None);
    assert_eq!(
        metadata.as_str(),
        "metadata-309649e46098e107b971aada63f66c3069cce5e9efb54443"
    );
}

#[test]
fn temporary_names_keep_recording_and_media_apart() {
    let all = [
        stage_name(&recording("AB"), Some(&media("C"))),
        stage_name(&recording("A"), Some(&media("BC"))),
        stage_name(&recording("ABC"), None),
        stage_name(&recording("A"), Some(&media("bC"))),
        // Without the length of the first id these two would be one text.
        stage_name(&recording("A"), Some(&media("Xmedia\0C"))),
        stage_name(&recording("Amedia\0X"), Some(&media("C"))),
    ];
    let distinct: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}
