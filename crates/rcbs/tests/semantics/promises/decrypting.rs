//! Chapter "Decrypting".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rcbs_sim::{Content, Identity, samples};
use serde_json::Value;

use crate::stage::{Stage, cloud, customer, expect_fields};
use crate::support::rcbs::Finished;

/// A recording with speech and a screen, stored.
fn stored() -> Stage {
    let cloud = cloud()
        .recording("one")
        .audio_of(samples::speech(0))
        .screen_of(samples::screen(0))
        .recording("two")
        .audio_of(samples::speech(1))
        .stored_as("calls", "two")
        .build();
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    stage
}

/// Writes a key, and gives its path.
fn key(stage: &Stage, identity: &Identity, name: &str, with_certificate: bool) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = stage.folder().join(name);
    let mut text = identity.private_key_pem.clone();
    if with_certificate {
        text.push_str(&identity.certificate_pem);
    }
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    name.to_owned()
}

fn decrypt(stage: &Stage, args: &[&str]) -> Finished {
    stage.program(&[&["decrypt"], args].concat()).run()
}

/// Everything that lies below a folder and does not belong to the archive.
fn clear_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = crate::support::snapshot::files(folder);
    files.retain(|path, _| {
        let is_own = path.starts_with(".rcbs");
        let extension = path.extension().and_then(|extension| extension.to_str());
        !is_own && !matches!(extension, Some("bin" | "json" | "txt"))
    });
    files
}

fn summary(finished: &Finished) -> Value {
    serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap()
}

/// I1.
#[test]
fn the_key_follows_from_the_file() {
    let stage = stored();
    let right = key(&stage, customer(), "right.pem", true);
    let wrong = key(&stage, Identity::shared(1), "wrong.pem", true);
    // Among several keys the one that the file names, whole archive, same folders.
    let args = [
        "--key", &wrong, "--key", &right, "--out", "clear", "--json", "target",
    ];
    let finished = decrypt(&stage, &args).expect_code(0);
    let summary = summary(&finished);
    expect_fields(&summary, &[("files", 3), ("damaged", 0), ("exit_code", 0)]);
    assert_eq!(summary["keys"], serde_json::json!({"right.pem": 3}));
    let clear = clear_files(&stage.folder().join("clear"));
    let wanted: Vec<Vec<u8>> = [samples::speech(0), samples::screen(0), samples::speech(1)]
        .map(|content| content.to_vec())
        .into();
    for content in &wanted {
        assert!(clear.values().any(|bytes| bytes == content));
    }
    for path in clear.keys() {
        assert!(path.starts_with("2018/02/12"), "{}", path.display());
        let sealed = stage.target().join(format!("{}.bin", path.display()));
        assert!(sealed.exists(), "{}", sealed.display());
    }
    // A key that no file names is not tried, whatever its length.
    let finished = decrypt(&stage, &["--key", &wrong, "--out", "other", "target"]).expect_code(3);
    assert!(finished.stderr.contains("no private key given fits"));
    assert!(finished.stderr.contains("CN=pretend customer 0"));
    assert_eq!(clear_files(&stage.folder().join("other")), BTreeMap::new());
    // Without its certificate the only key is tried; among several the certificate has to be named.
    let bare = key(&stage, customer(), "bare.pem", false);
    let other = key(&stage, Identity::shared(1), "other.pem", false);
    decrypt(&stage, &["--key", &bare, "--out", "bare", "target"]).expect_code(0);
    let both = ["--key", &bare, "--key", &other, "--out", "both", "target"];
    let finished = decrypt(&stage, &both).expect_code(3);
    assert!(finished.stderr.contains("--cert"), "{}", finished.stderr);
    let certificate = stage.folder().join("certificate.pem");
    std::fs::write(&certificate, &customer().certificate_pem).unwrap();
    let named = [&["--cert", "certificate.pem"], &both[..]].concat();
    decrypt(&stage, &named).expect_code(0);
    // A certificate of another key is a mistake, said before anything is opened.
    let stray = ["--key", &other, "--cert", "certificate.pem", "target"];
    let finished = decrypt(&stage, &stray).expect_code(2);
    assert!(
        finished
            .stderr
            .contains("belongs to none of the private keys")
    );
}

#[test]
fn recordings_are_opened_by_their_id() {
    let stage = stored();
    let key = key(&stage, customer(), "key.pem", true);
    decrypt(&stage, &["--key", &key, "--out", "clear", "two"]).expect_code(0);
    let clear = clear_files(&stage.folder().join("clear"));
    let [(path, bytes)] = &clear.iter().collect::<Vec<_>>()[..] else {
        panic!("{:?}", clear.keys());
    };
    assert!(path.starts_with("2018/02/12/12/two"), "{}", path.display());
    assert!(**bytes == samples::speech(1).to_vec());
    // The ledger knows the bytes: damage that CBC cannot reveal is found.
    let sealed = stage.target().join(format!("{}.bin", path.display()));
    let mut damaged = std::fs::read(&sealed).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&sealed, damaged).unwrap();
    let finished = decrypt(&stage, &["--key", &key, "--out", "again", "two"]).expect_code(9);
    assert!(finished.stderr.contains("SHA-256"), "{}", finished.stderr);
    assert_eq!(clear_files(&stage.folder().join("again")), BTreeMap::new());
    let finished = decrypt(&stage, &["--key", &key, "three"]).expect_code(2);
    assert!(finished.stderr.contains("no recording of that id"));
}

/// I2.
#[test]
fn a_clear_file_is_whole_or_not_there() {
    use std::os::unix::fs::PermissionsExt;
    let stage = stored();
    let key = key(&stage, customer(), "key.pem", true);
    let files = stage.media_files();
    let whole = std::fs::read(stage.target().join(&files[0])).unwrap();
    let folder = stage.folder().join("some");
    std::fs::create_dir(&folder).unwrap();
    let mut number = 0;
    // Cut, also at block borders; structure, encrypted key and padding flipped.
    let cuts = [0, 1, 50, whole.len() - 16, whole.len() - 1].map(|len| whole[..len].to_vec());
    let flips = [0, 20, 300, whole.len() - 17, whole.len() - 20].map(|at| {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        flipped
    });
    for bytes in cuts.into_iter().chain(flips) {
        std::fs::write(folder.join(format!("{number}.mp3.bin")), bytes).unwrap();
        number += 1;
    }
    let finished = decrypt(&stage, &["--key", &key, "--json", "some"]).expect_code(9);
    // What no longer begins like CMS may just as well have been stored unencrypted.
    let outcomes = summary(&finished)["outcomes"].clone();
    assert_eq!(outcomes["not_sealed"], 1, "{outcomes}");
    assert_eq!(summary(&finished)["damaged"], number - 1);
    assert_eq!(clear_files(&folder), BTreeMap::new());
    // What is whole is private.
    decrypt(&stage, &["--key", &key, "target"]).expect_code(0);
    for path in clear_files(&stage.target()).keys() {
        let metadata = std::fs::metadata(stage.target().join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
}

/// Kills at any moment, interruptions and full disks are in `tests/decrypt`.
#[test]
fn a_decrypt_that_is_killed_leaves_no_clear_bytes_behind() {
    let stage = stored();
    let key = key(&stage, customer(), "key.pem", true);
    let args = [
        "decrypt", "--key", &key, "--out", "out", "--jobs", "1", "--json", "target",
    ];
    // Before the second file has its name, given by either call.
    let inject = "inject=linkat,renameat2:signal=KILL:when=2";
    let wrapper = [
        "strace",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=linkat,renameat2",
        "-e",
        inject,
    ];
    let killed = stage.program(&args).under(wrapper).run();
    assert_eq!(killed.signal, Some(9), "{}", killed.stderr);
    let mut left = clear_files(&stage.folder().join("out"));
    // Where the system cannot do better.
    left.retain(|path, _| path.extension().is_none_or(|extension| extension != "part"));
    assert_eq!(left.len(), 1, "{:?}", left.keys());
    let finished = stage.program(&args).run().expect_code(0);
    let outcomes = &summary(&finished)["outcomes"];
    assert_eq!(*outcomes, serde_json::json!({"identical": 1, "opened": 2}));
    let clear = clear_files(&stage.folder().join("out"));
    assert_eq!(clear.len(), 3, "{:?}", clear.keys());
    for content in [samples::speech(0), samples::screen(0), samples::speech(1)] {
        assert!(clear.values().any(|bytes| *bytes == content.to_vec()));
    }
}

#[test]
fn decrypting_replaces_nothing() {
    let stage = stored();
    let key = key(&stage, customer(), "key.pem", true);
    let before = stage.everything();
    decrypt(&stage, &["--key", &key, "target"]).expect_code(0);
    let after = stage.everything();
    for (path, bytes) in &before {
        assert!(after.get(path) == Some(bytes), "{path} changed");
    }
    assert_eq!(clear_files(&stage.target()).len(), 3);
    // Again: nothing is written, the same is found.
    let finished = decrypt(&stage, &["--key", &key, "--json", "target"]).expect_code(0);
    assert_eq!(
        summary(&finished)["outcomes"],
        serde_json::json!({"identical": 3})
    );
    assert!(stage.everything() == after);
    // Something else has the name.
    let path = stage
        .target()
        .join(clear_files(&stage.target()).keys().next().unwrap());
    std::fs::write(&path, "mine").unwrap();
    let finished = decrypt(&stage, &["--key", &key, "target"]).expect_code(3);
    assert!(
        finished
            .stderr
            .contains("exists already with other content")
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

/// I1, I2.
#[test]
fn rubbish_is_never_a_clear_file() {
    // What opens to no media, declared as speech.
    let cloud = cloud()
        .recording("one")
        .audio_of(Content::pattern(50_000, 3))
        .build();
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let right = key(&stage, customer(), "right.pem", true);
    let finished = decrypt(&stage, &["--key", &right, "--out", "clear", "target"]).expect_code(9);
    assert!(
        finished.stderr.contains("do not look like MP3"),
        "{}",
        finished.stderr
    );
    assert_eq!(clear_files(&stage.folder().join("clear")), BTreeMap::new());
    let args = [
        "--key",
        &right,
        "--out",
        "clear",
        "--keep-suspect",
        "target",
    ];
    decrypt(&stage, &args).expect_code(9);
    let clear = clear_files(&stage.folder().join("clear"));
    assert_eq!(clear.len(), 1);
    for (path, bytes) in clear {
        assert!(path.to_str().unwrap().ends_with(".suspect"));
        assert!(bytes == Content::pattern(50_000, 3).to_vec());
    }
    // A wrong key, tried because nothing says that it is wrong.
    let wrong = key(&stage, Identity::shared(1), "wrong.pem", false);
    let finished = decrypt(&stage, &["--key", &wrong, "--out", "other", "target"]).expect_code(3);
    assert!(
        finished.stderr.contains("CN=pretend customer 0"),
        "{}",
        finished.stderr
    );
    assert_eq!(clear_files(&stage.folder().join("other")), BTreeMap::new());
}

/// I3.
#[test]
fn opening_takes_the_same_memory_for_any_file() {
    let mut peaks = Vec::new();
    for len_bytes in [1 << 20, 48 << 20] {
        let mut content = samples::screen(0).to_vec();
        content.resize(len_bytes, 7);
        let cloud = cloud()
            .recording("one")
            .screen_of(Content::bytes(content))
            .build();
        let stage = Stage::new(cloud);
        stage.backup().expect_code(0);
        let key = key(&stage, customer(), "key.pem", true);
        let args = ["--key", &key, "--out", "clear", "--jobs", "1", "target"];
        peaks.push(decrypt(&stage, &args).expect_code(0).peak_rss_bytes);
    }
    let limit = 32 << 20;
    assert!(peaks.iter().all(|peak| *peak < limit), "{peaks:?}");
    assert!(peaks[1] < peaks[0] + (4 << 20), "{peaks:?}");
}

#[test]
fn intact_files_are_not_called_damaged() {
    let odd = Content::bytes(b"\x8a\x10\x33\x71".repeat(5_000));
    let cloud = cloud()
        .recording("sealed")
        .audio_of(odd.clone())
        .recording("plain")
        .audio_of(odd.clone())
        .media_id("plain.mp3")
        .plain()
        .build();
    let mut stage = Stage::new(cloud);
    stage.set("plainMedia=store");
    stage.backup().expect_code(0);
    let key = key(&stage, customer(), "key.pem", true);
    let opened = |args: &[&str], code| {
        let args = [&["--key", &key, "--out", "clear"], args].concat();
        decrypt(&stage, &args).expect_code(code)
    };
    // The ledger knows that it is as it was stored.
    let finished = opened(&["sealed"], 3);
    assert!(finished.stderr.contains("do not look like MP3"));
    assert!(
        finished.stderr.contains("--keep-suspect"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("damaged"), "{}", finished.stderr);
    opened(&["--keep-suspect", "sealed"], 3);
    let kept = clear_files(&stage.folder().join("clear"));
    assert!(kept.values().all(|bytes| *bytes == odd.to_vec()) && kept.len() == 1);
    // It also knows that nobody encrypted it; the file alone does not tell.
    let path = stage.media_files();
    let path = path.iter().find(|path| path.ends_with("plain.mp3.bin"));
    let path = format!("target/{}", path.unwrap());
    let finished = opened(&[&path], 3);
    assert!(finished.stderr.contains("not encrypted, or no CMS file"));
    assert!(!finished.stderr.contains("damaged"), "{}", finished.stderr);
    let finished = opened(&["plain"], 0);
    assert!(finished.stdout.contains("stored unencrypted"));
    let clear = clear_files(&stage.folder().join("clear"));
    assert!(clear.values().all(|bytes| *bytes == odd.to_vec()) && clear.len() == 2);
    // What has changed since is damaged.
    let sealed = stage.folder().join(&path);
    let mut bytes = std::fs::read(&sealed).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&sealed, bytes).unwrap();
    opened(&["plain"], 9);
}

#[test]
fn keys_of_one_name_are_tried_in_turn() {
    let made = || Identity::generate("renewed", 1).unwrap();
    let (old, new) = (made(), made());
    let cloud = rcbs_sim::Cloud::new(1)
        .encrypted_for([old.recipient.clone()])
        .recording("one")
        .audio_of(samples::speech(0))
        .build();
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    let old = key(&stage, &old, "old.pem", true);
    let new = key(&stage, &new, "new.pem", true);
    let both = [
        "--key", &new, "--key", &old, "--out", "clear", "--json", "target",
    ];
    let finished = decrypt(&stage, &both).expect_code(0);
    assert_eq!(
        summary(&finished)["keys"],
        serde_json::json!({"old.pem": 1})
    );
    let wrong = ["--key", &new, "--out", "other"];
    // Of the wrong one alone nobody can tell, unless the ledger knows that the file is as it was stored.
    let by_path = decrypt(&stage, &[&wrong[..], &["target"]].concat());
    assert!(
        by_path
            .expect_code(9)
            .stderr
            .contains("restore the damaged files")
    );
    let by_id = decrypt(&stage, &[&wrong[..], &["one"]].concat());
    let told = by_id.expect_code(3).stderr;
    assert!(
        told.contains("as it was stored") || told.contains("as they were stored"),
        "{told}"
    );
    assert!(!told.contains("damaged"), "{told}");
}
