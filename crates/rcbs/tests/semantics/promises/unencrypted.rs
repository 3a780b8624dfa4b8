//! Chapter "Media that the cloud holds unencrypted".

use rcbs_sim::quirks::{Checksums, ETags, Quirks, Settings};
use rcbs_sim::seal::{Cipher, Envelope, KeyTransport, SessionKey};
use rcbs_sim::{Cloud, Content, Identity, Seed};
use serde_json::Value;

use crate::stage::{Stage, cloud, events, expect_fields, summary};
use crate::support::openssl::{Recipient, openssl};

const BIN: &str = "2018/02/12/12/plain/plain.mp3.bin";

/// An MP3 in which something is said.
fn words() -> Vec<u8> {
    let said = b"what was said in confidence ".repeat(20_000);
    [&b"ID3\x03\0\0\0\0\0\0"[..], &said].concat()
}

fn plain_cloud(content: Vec<u8>) -> Cloud {
    cloud()
        .recording("plain")
        .audio_of(Content::bytes(content))
        .media_id("plain.mp3")
        .plain()
        .build()
}

/// A cloud that names no certificates.
fn stage_with(content: Vec<u8>, faults: &[&str]) -> Stage {
    let quirks = Quirks {
        settings: Settings::Missing,
        ..Quirks::default()
    };
    Stage::with(plain_cloud(content), quirks, faults)
}

fn stage() -> Stage {
    stage_with(words(), &[])
}

/// Where something lies in the clear, looked for everywhere in the folder of the test.
fn clear_place(stage: &Stage) -> Option<String> {
    let holds = |bytes: &[u8]| bytes.windows(10).any(|part| part == b"confidence");
    let mut files = stage.everything().into_iter();
    files.find(|(_, bytes)| holds(bytes)).map(|(path, _)| path)
}

/// A file with the certificates of these customers, as a line of the configuration.
fn certificate_file(stage: &Stage, numbers: &[usize]) -> String {
    let pem = |number: &usize| Identity::shared(*number).certificate_pem.clone();
    let path = stage.folder().join("recipients.pem");
    std::fs::write(&path, numbers.iter().map(pem).collect::<String>()).unwrap();
    format!("certificateFile={}", path.display())
}

/// The keys of these customers open the file, with either command of the manual.
fn expect_opens(stage: &Stage, numbers: &[usize]) {
    let bin = stage.target().join(BIN);
    let folder = tempfile::tempdir().unwrap();
    for number in numbers {
        let key = Recipient {
            key: folder.path().join("key.pem"),
            certificate: folder.path().join("certificate.pem"),
        };
        std::fs::write(&key.key, &Identity::shared(*number).private_key_pem).unwrap();
        assert!(key.decrypt_cms(&bin).unwrap() == words(), "cms {number}");
        assert!(
            key.decrypt_smime(&bin).unwrap() == words(),
            "smime {number}"
        );
    }
}

fn warnings(lines: &[Value]) -> Vec<&str> {
    events(lines, "warning")
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect()
}

#[test]
fn unencrypted_media_are_encrypted_before_they_touch_the_disk() {
    for (format, cipher) in [("AES-128", "aes-128-cbc"), ("AES-256", "aes-256-cbc")] {
        let mut stage = stage();
        let certificates = certificate_file(&stage, &[0, 1]);
        stage.set(&format!("{certificates}\nencryptionFormat={format}"));
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        expect_fields(events(&lines, "verified")[0], &[("encryption", "here")]);
        expect_fields(summary(&lines), &[("sealed_here", 1), ("stored_plain", 0)]);
        assert_eq!(warnings(&lines), [""; 0]);
        assert_eq!(clear_place(&stage), None);
        expect_opens(&stage, &[0, 1]);
        let bin = stage.target().join(BIN);
        let print = "cms -cmsout -inform DER -print -noout -in";
        let mut args: Vec<&str> = print.split(' ').collect();
        args.push(bin.to_str().unwrap());
        let printed = openssl(&args).expect("printing a CMS file");
        assert!(printed.contains(cipher), "{printed}");
        // From now on it is as good as any other.
        stage.object_requests();
        stage.backup().expect_code(0);
        assert_eq!(stage.object_requests(), 0);
        for how in ["--read-data", "--manifests"] {
            stage.program(&["verify", how]).run().expect_code(0);
        }
        let keys = stage.program(&["keys"]).run().expect_code(0).stdout;
        assert_eq!(keys.matches("certificate known").count(), 2, "{keys}");
    }
}

#[test]
fn a_killed_run_leaves_nothing_unencrypted_behind() {
    // Smaller files are not written before they are whole.
    let long = words().repeat(6);
    let mut stage = stage_with(long, &["object always: stall after=3000000"]);
    stage.set(&certificate_file(&stage, &[0]));
    let is_large =
        |(path, bytes): (&String, &Vec<u8>)| path.contains(".rcbs") && bytes.len() > 1_000_000;
    let is_under_way = || stage.everything().iter().any(is_large);
    let run = stage.program(&["-config", "config.properties"]).start();
    run.kill_when(is_under_way);
    assert!(is_under_way(), "nothing was staged");
    assert_eq!(clear_place(&stage), None);
}

#[test]
fn a_cut_transfer_of_unencrypted_media_goes_on_where_it_stopped() {
    let faults = ["object 1: cut after=300000", "object 2: reset after=50001"];
    let mut stage = stage_with(words(), &faults);
    stage.set(&certificate_file(&stage, &[0]));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_eq!(events(&lines, "retrying").len(), 2);
    let received = summary(&lines)["received_bytes"].as_u64().unwrap();
    assert_eq!(received, words().len() as u64);
    expect_opens(&stage, &[0]);
}

#[test]
fn the_certificates_of_the_cloud_serve_where_there_are_no_own() {
    let mut stage = Stage::new(plain_cloud(words()));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    let told = warnings(&lines);
    assert!(
        told.len() == 1 && told[0].contains("only the recording cloud names"),
        "{told:?}"
    );
    expect_opens(&stage, &[0]);
    settings_that_answer_late_are_asked_again();
    // A repair seals for the same, though it lists nothing.
    std::fs::remove_file(stage.target().join(BIN)).unwrap();
    let repair = ["verify", "--repair"];
    stage.program(&repair).run().expect_code(0);
    expect_opens(&stage, &[0]);
    // The operator's own certificates count alone.
    std::fs::remove_file(stage.target().join(BIN)).unwrap();
    stage.set(&certificate_file(&stage, &[1]));
    stage.backup().expect_code(0);
    expect_opens(&stage, &[1]);
    let keys = stage.program(&["keys"]).run().expect_code(0).stdout;
    assert_eq!(keys.matches("1 media file,").count(), 1, "{keys}");
}

fn settings_that_answer_late_are_asked_again() {
    let stage = Stage::with_faults(plain_cloud(words()), &["settings 1: 503"]);
    stage.backup().expect_code(0);
    expect_opens(&stage, &[0]);
    // Whose settings never answer is told so.
    let stage = Stage::with_faults(plain_cloud(words()), &["settings always: 503"]);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    let told = events(&lines, "waiting")[0]["reason"].as_str().unwrap();
    assert!(told.contains("settings could not be read"), "{told}");
}

#[test]
fn without_a_certificate_unencrypted_media_wait() {
    for (setting, reason) in [
        (
            "",
            "there is no certificate to encrypt for (certificateFile)",
        ),
        (
            "plainMedia=encrypt",
            "there is no certificate to encrypt for (certificateFile)",
        ),
        ("plainMedia=refuse", "plainMedia=refuse"),
    ] {
        let mut stage = stage();
        stage.set(setting);
        let (finished, lines) = stage.backup_json();
        finished.expect_code(3);
        let waiting = events(&lines, "waiting")[0];
        expect_fields(waiting, &[("class", "unencrypted")]);
        let told = waiting["reason"].as_str().unwrap();
        assert!(told.ends_with(reason), "{told}");
        assert_eq!(clear_place(&stage), None, "{setting}");
        assert_eq!(stage.media_files(), [""; 0]);
        // With one they are stored by the next run.
        let certificates = certificate_file(&stage, &[0]);
        stage.set(&format!("plainMedia=encrypt\n{certificates}"));
        stage.backup().expect_code(0);
        expect_opens(&stage, &[0]);
    }
}

#[test]
fn media_that_look_like_none_are_told_of() {
    // Ciphertext whose envelope the metadata have lost looks like this.
    let mut stage = stage_with(b"\x8a\x10\x33\x71".repeat(5_000), &[]);
    stage.set(&certificate_file(&stage, &[0]));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    let told = warnings(&lines);
    assert!(
        told.len() == 1
            && told[0].contains("lacks its pkcs7")
            && told[0].contains("recording plain, media plain.mp3"),
        "{told:?}"
    );
    expect_fields(
        events(&lines, "verified")[0],
        &[("check", "crc64nvme, unknown content")],
    );
    assert_eq!(
        stage.explain("plain")["media"][0]["check"],
        "crc64nvme, unknown content"
    );
    // Where the metadata name a certificate, it is ciphertext.
    let one = cloud().recording("plain");
    let one = one.audio_of(Content::bytes(b"\x8a\x10\x33\x71".repeat(5_000)));
    let one = one
        .plain()
        .media_field("certAlias", serde_json::json!(["rcs_1:1:CN=x:10"]));
    let stage = Stage::new(one.build());
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    expect_fields(events(&lines, "waiting")[0], &[("class", "unexpected")]);
    // Without a checksum they may as well have been damaged on the way.
    let odd = plain_cloud(b"\x8a\x10\x33\x71".repeat(5_000));
    let quirks = Quirks {
        checksums: Checksums::None,
        etags: ETags::Multipart,
        ..Quirks::default()
    };
    let stage = Stage::with(odd, quirks, &[]);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    expect_fields(events(&lines, "waiting")[0], &[("class", "corrupt")]);
    // Media in the clear where the metadata have an envelope are nothing that anybody could open afterwards.
    let key = SessionKey::derive(Cipher::Aes256, Seed::new(1), "plain");
    let holders = [Identity::shared(0).recipient.clone()];
    let transport = KeyTransport::default();
    let envelope = Envelope::new(&key, &holders, transport, Seed::new(1), "plain");
    let one = cloud().recording("plain");
    let one = one.audio_of(Content::bytes(words())).plain();
    let one = one.media_field("pkcs7", envelope.detached_pem());
    let mut stage = Stage::new(one.build());
    stage.set(&certificate_file(&stage, &[0]));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    let waiting = events(&lines, "waiting")[0];
    expect_fields(waiting, &[("class", "corrupt")]);
    assert_eq!(clear_place(&stage), None);
}

#[test]
fn only_plainmedia_store_stores_media_unencrypted() {
    let mut stage = stage();
    stage.set("plainMedia=store");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(events(&lines, "verified")[0], &[("encryption", "none")]);
    expect_fields(summary(&lines), &[("sealed_here", 0), ("stored_plain", 1)]);
    let told = warnings(&lines);
    assert!(
        told.len() == 1 && told[0].contains("can listen"),
        "{told:?}"
    );
    assert!(stage.archive()[BIN] == words());
    // It is kept and verified like any other, and needs no key.
    stage.object_requests();
    stage.backup().expect_code(0);
    stage.program(&["verify"]).run().expect_code(0);
    let keys = stage.program(&["keys"]).run().expect_code(0).stdout;
    assert!(
        keys.contains("nobody: stored unencrypted") && keys.contains("no key is needed"),
        "{keys}"
    );
    assert_eq!(stage.object_requests(), 0);
    // `rcbs decrypt` hands it on as it is.
    let key = stage.folder().join("key.pem");
    std::fs::write(&key, &Identity::shared(0).private_key_pem).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, mode).unwrap();
    let decrypt = ["decrypt", "--key", "key.pem", "--out", "clear", "target"];
    let said = stage.program(&decrypt).run().expect_code(0).stdout;
    assert!(said.contains("stored unencrypted"), "{said}");
    let clear = stage.folder().join("clear/2018/02/12/12/plain/plain.mp3");
    assert!(std::fs::read(clear).unwrap() == words());
    // The ledger is lost: it is taken over by its manifest; where there is none, and media in the clear are wanted, by
    // its beginning.
    for check in ["manifest", "beginning"] {
        std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
        if check == "beginning" {
            std::fs::remove_dir_all(stage.target().join("manifests")).unwrap();
        }
        stage.program(&["adopt"]).run().expect_code(0);
        assert_eq!(stage.explain("plain")["media"][0]["check"], check);
    }
    stage.backup().expect_code(0);
    assert_eq!(stage.object_requests(), 0);
    // A flipped bit is seen by its digest.
    let mut bytes = words();
    bytes[100_000] ^= 1;
    std::fs::write(stage.target().join(BIN), bytes).unwrap();
    let verify = ["verify", "--read-data", "--repair"];
    stage.program(&verify).run().expect_code(0);
    assert!(stage.archive()[BIN] == words());
}
