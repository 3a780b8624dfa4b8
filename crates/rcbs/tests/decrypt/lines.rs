//! What the program says of files, in text and in JSON, and what it leaves where.

use serde_json::Value;

use crate::place::Place;

#[test]
fn forms_of_openssl_are_opened_and_outdated_ones_on_request() {
    let place = Place::new();
    for (name, options) in [
        ("der", "-aes128 @one.cert"),
        ("ber", "-stream -aes256 @one.cert"),
        ("gcm", "-stream -aes-256-gcm @one.cert"),
        ("id", "-keyid -aes192 @one.cert"),
        ("two", "-aes256 @two.cert @one.cert"),
        (
            "oaep",
            "-aes256 -recip @one.cert -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
        ),
        ("old", "-des3 @one.cert"),
    ] {
        place.seal(&format!("in/{name}/{name}.mp3.bin"), options);
    }
    let words = "--key one.pem --cert one.cert --out out in";
    let finished = place.decrypt(words).expect_code(3);
    assert!(finished.stderr.contains("DES-EDE3-CBC is outdated"));
    assert!(finished.stderr.contains("--allow-legacy"));
    assert_eq!(place.names("out").len(), 6);
    place
        .decrypt(&format!("--allow-legacy {words}"))
        .expect_code(0);
    for name in place.names("out") {
        assert!(place.is_greeting(&format!("out/{name}")), "{name}");
    }
    assert_eq!(place.names("out").len(), 7);
}

#[test]
fn json_lines_tell_of_every_file_and_end_with_the_sum() {
    let place = Place::new();
    place.seal("in/a.mp3.bin", "-aes256 @one.cert");
    place.seal("in/b.mp3.bin", "-aes256 @two.cert");
    place.write("in/c.mp3.bin", b"damaged");
    place.write("in/.rcbs/staging/d.mp3.bin", b"not ours to open");
    place.write("in/e.txt", b"no sealed file");
    let words = "--key one.pem --cert one.cert --jobs 1 --json in";
    let finished = place.decrypt(words).expect_code(9);
    insta::assert_snapshot!("json", finished.stdout);
    assert_eq!(finished.stderr, "");
    let last: Value = serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["exit_code"], 9);
}

#[test]
fn text_tells_of_what_has_no_clear_bytes_and_sums_up() {
    let place = Place::new();
    place.seal("in/a.mp3.bin", "-aes256 @one.cert");
    place.seal("in/b.mp3.bin", "-aes256 @two.cert");
    place.write("in/c.mp3.bin", b"damaged");
    let words = "--key one.pem --cert one.cert --jobs 1 in";
    let finished = place.decrypt(words).expect_code(9);
    insta::assert_snapshot!("text", format!("{}\n{}", finished.stdout, finished.stderr));
}

#[test]
fn quiet_says_what_is_wrong_only_and_names_cannot_move_the_cursor() {
    let place = Place::new();
    place.seal("in/a.mp3.bin", "-aes256 @one.cert");
    let finished = place.decrypt("--key one.pem --quiet in").expect_code(0);
    assert_eq!(
        (finished.stdout, finished.stderr),
        (String::new(), String::new())
    );
    place.write("in/\u{1b}[2Jb.mp3.bin", b"damaged");
    let finished = place.decrypt("--key one.pem --quiet in").expect_code(9);
    assert_eq!(finished.stdout, "");
    assert!(
        finished
            .stderr
            .contains("in/\u{fffd}[2Jb.mp3.bin: the file is not")
    );
}

#[test]
fn files_by_name_lie_beside_or_in_the_folder_and_never_on_themselves() {
    let place = Place::new();
    place.seal("in/a.mp3.bin", "-aes256 @one.cert");
    place.seal("in/sealed", "-aes256 @one.cert");
    place.seal("in/.bin", "-aes256 @one.cert");
    let words = "--key one.pem in/a.mp3.bin in/sealed in/.bin";
    place.decrypt(words).expect_code(0);
    place.decrypt(&format!("{words} --out out")).expect_code(0);
    assert_eq!(place.names("out"), [".bin.clear", "a.mp3", "sealed.clear"]);
    let mut beside = place.names("out");
    beside.extend(["a.mp3.bin", "sealed", ".bin"].map(str::to_owned));
    beside.sort();
    assert_eq!(place.names("in"), beside);
}

#[test]
fn what_is_not_there_and_what_holds_nothing_is_wrong_usage() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    for (words, cause) in [
        (
            "--key one.pem in",
            "nothing below the given folders ends in .bin",
        ),
        ("--key one.pem in/none", "there is no such file or folder"),
        ("--key one.pem none", "without a configuration"),
        ("--key one.pem", "PATH|ID"),
        ("in", "--key"),
    ] {
        let finished = place.decrypt(words).expect_code(2);
        assert!(
            finished.stderr.contains(cause),
            "{words}: {}",
            finished.stderr
        );
    }
}

#[test]
fn links_are_not_followed_into_other_folders() {
    let place = Place::new();
    place.seal("elsewhere/a.mp3.bin", "-aes256 @one.cert");
    std::fs::create_dir(place.path("in")).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere"), place.path("in/folder")).unwrap();
    let file = place.path("elsewhere/a.mp3.bin");
    std::os::unix::fs::symlink(file, place.path("in/b.mp3.bin")).unwrap();
    place.decrypt("--key one.pem --out out in").expect_code(2);
    // A link under the name of a clear file is not written through.
    place.write(
        "in/c.mp3.bin",
        &std::fs::read(place.path("elsewhere/a.mp3.bin")).unwrap(),
    );
    std::os::unix::fs::symlink(place.path("victim"), place.path("in/c.mp3")).unwrap();
    let finished = place.decrypt("--key one.pem in").expect_code(6);
    assert!(finished.stderr.contains("is not a plain folder or file"));
    assert!(!place.path("victim").exists());
}
