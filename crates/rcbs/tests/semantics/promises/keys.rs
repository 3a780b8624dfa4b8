//! Chapter "Keys".

use rcbs_sim::{Content, Identity, samples};
use serde_json::Value;

use crate::stage::{Stage, cloud, customer, events};
use crate::support::openssl::openssl;

/// Two files for one certificate, one of them two days later for both, and one for the other alone.
fn stage() -> Stage {
    let stage = Stage::new(
        cloud()
            .recording("a")
            .audio()
            .screen()
            .recording("b")
            .audio()
            .recording("c")
            .audio()
            .build(),
    );
    let (one, other) = (
        customer().recipient.clone(),
        Identity::shared(1).recipient.clone(),
    );
    stage.server.cloud().change(|cloud| {
        cloud.change("b", |recording| {
            recording.media[0].recipients = Some(vec![one.clone(), other.clone()]);
        });
        cloud.change("c", |recording| {
            recording.media[0].recipients = Some(vec![other.clone()]);
        });
    });
    stage
}

fn place(stage: &Stage, name: &str, text: &str) -> String {
    let path = stage.folder().join(name);
    std::fs::write(&path, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The private key and the certificate of a customer, in files.
fn files(stage: &Stage, number: usize) -> (String, String) {
    let identity = Identity::shared(number);
    (
        place(
            stage,
            &format!("{number}.key.pem"),
            &identity.private_key_pem,
        ),
        place(
            stage,
            &format!("{number}.cert.pem"),
            &identity.certificate_pem,
        ),
    )
}

fn keys(stage: &Stage, args: &[&str], code: i32) -> Vec<Value> {
    let args = [&["keys", "--json"], args].concat();
    let finished = stage.program(&args).run().expect_code(code);
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    answer["keys"].as_array().unwrap().clone()
}

#[test]
fn it_is_known_for_whom_the_archive_is_sealed() {
    let mut stage = stage();
    stage.backup().expect_code(0);
    for secret in ["GWS_PASSWORD", "AWS_SECRET_ACCESS_KEY"] {
        stage.without_env(secret);
    }
    stage.server.requests().clear();
    let rows = keys(&stage, &[], 0);
    let mut counts: Vec<_> = rows
        .iter()
        .map(|row| row["files"].as_u64().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [2, 3]);
    for row in &rows {
        assert!(
            row["recipient"].as_str().unwrap().starts_with("serial "),
            "{row}"
        );
        assert_eq!(row["first"], "2018-02-12T12:00:00Z");
        assert!(row["certificate"].is_null() && row["proof"].is_null());
    }
    // With certificates at hand it is known which are among them.
    let (_, certificate) = files(&stage, 0);
    stage.set(&format!("certificateFile={certificate}"));
    let rows = keys(&stage, &[], 0);
    let known: Vec<_> = rows
        .iter()
        .filter(|row| row["certificate"] == "known")
        .collect();
    assert_eq!((known.len(), &known[0]["files"]), (1, &3.into()));
    let text = stage.program(&["keys"]).run().expect_code(0).stdout;
    assert!(
        text.contains("3 media files, first 2018-02-12, last 2018-02-12"),
        "{text}"
    );
    assert!(
        text.contains("certificate not in certificateFile"),
        "{text}"
    );
}

#[test]
fn a_key_is_proven_by_opening_a_file() {
    let stage = stage();
    stage.backup().expect_code(0);
    let before = stage.archive();
    let (one, other) = (files(&stage, 0), files(&stage, 1));
    let with = |pairs: &[&(String, String)], code| {
        let mut args = Vec::new();
        for (key, certificate) in pairs {
            args.extend(["--key", key, "--cert", certificate]);
        }
        keys(&stage, &args, code)
    };
    // One key opens its own files; those for the other alone are left.
    let rows = with(&[&one], 3);
    let proofs = |rows: &[Value]| {
        let mut proofs: Vec<_> = rows
            .iter()
            .map(|row| row["proof"].as_str().unwrap().to_owned())
            .collect();
        proofs.sort();
        proofs
    };
    assert_eq!(
        proofs(&rows)
            .iter()
            .filter(|proof| *proof == "opened")
            .count(),
        1
    );
    let opened = rows.iter().find(|row| row["proof"] == "opened").unwrap();
    assert_eq!(opened["key"], *one.0);
    assert_eq!(opened["files"], 3);
    assert_eq!(proofs(&with(&[&one, &other], 0)), ["opened", "opened"]);
    assert_eq!(stage.archive(), before, "nothing clear is written");
    // A file that a key of its own does not open is damaged.
    let path = opened["path"].as_str().unwrap();
    let mut bytes = std::fs::read(stage.target().join(path)).unwrap();
    let end = bytes.len() - 20;
    bytes.truncate(end);
    std::fs::write(stage.target().join(path), bytes).unwrap();
    let rows = with(&[&one, &other], 9);
    assert!(proofs(&rows).contains(&"failed".to_owned()), "{rows:?}");
}

/// One file for the customer, stored.
fn one_file(content: Content) -> Stage {
    let stage = Stage::new(cloud().recording("a").audio_of(content).build());
    stage.backup().expect_code(0);
    stage
}

#[test]
fn a_proof_that_fails_tells_a_damaged_file_from_a_wrong_key() {
    let speech = || one_file(samples::speech(0));
    let rubbish = || one_file(Content::bytes(b"<html>nothing to hear</html>".repeat(99)));
    let cut = || {
        let stage = speech();
        let path = stage.target().join(&stage.media_files()[0]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
        stage
    };
    let gone = || {
        let stage = speech();
        std::fs::remove_file(stage.target().join(&stage.media_files()[0])).unwrap();
        stage
    };
    // Which keys are given, whether their certificates are, and what becomes of the file.
    type Case<'a> = (
        &'a dyn Fn() -> Stage,
        &'a [usize],
        bool,
        i32,
        &'a str,
        &'a str,
    );
    let cases: [Case<'_>; 10] = [
        (&speech, &[0], true, 0, "opened", ""),
        (&speech, &[0], false, 0, "opened", ""),
        // Its length is all that speaks for it.
        (&speech, &[1], false, 3, "failed", ""),
        (&speech, &[1], true, 3, "no_key", ""),
        // One of them would open it, but which one is not to be found out by trying.
        (&speech, &[0, 1], false, 3, "ambiguous", ""),
        // What is no media proves the key as well, since it is what was stored.
        (&rubbish, &[0], true, 0, "opened", ""),
        (&rubbish, &[0], false, 0, "opened", ""),
        (&rubbish, &[1], false, 3, "failed", ""),
        (&cut, &[0], false, 9, "failed", ""),
        (&gone, &[0], false, 9, "failed", "the file is not there"),
    ];
    for (number, (made, given, with_certificates, code, proof, reason)) in
        cases.into_iter().enumerate()
    {
        let stage = made();
        let given: Vec<_> = given.iter().map(|number| files(&stage, *number)).collect();
        let mut args = Vec::new();
        for (key, certificate) in &given {
            args.extend(["--key", key]);
            if with_certificates {
                args.extend(["--cert", certificate]);
            }
        }
        let [row] = &keys(&stage, &args, code)[..] else {
            panic!("case {number}: more than one recipient");
        };
        assert_eq!(row["proof"], proof, "case {number}: {row}");
        let told = row["reason"].as_str().unwrap_or_default();
        assert!(told.contains(reason), "case {number}: {row}");
        assert_eq!(told.is_empty(), proof != "failed", "case {number}: {row}");
        // Quiet says only what is wrong.
        let quiet = [&["keys", "--quiet"], &args[..]].concat();
        let finished = stage.program(&quiet).run().expect_code(code);
        assert_eq!(finished.stdout.is_empty(), code == 0, "case {number}");
    }
}

#[test]
fn without_a_ledger_nothing_is_claimed_of_an_archive() {
    let stage = Stage::new(cloud().recording("a").audio().build());
    let finished = stage.program(&["keys"]).run().expect_code(6);
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains("ledger"), "{}", finished.stderr);
}

#[test]
fn unknown_and_expired_certificates_are_warned_of() {
    let warned = |stage: &Stage| -> Vec<String> {
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        let texts = events(&lines, "warning");
        texts
            .iter()
            .map(|it| it["text"].as_str().unwrap().to_owned())
            .collect()
    };
    // The cloud names the certificate of the customer; files for another one come.
    let told = warned(&stage());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("2 media files of this run are sealed for serial "),
        "{told:?}"
    );
    // Named by the operator, it is known.
    let mut known = stage();
    let (_, certificate) = files(&known, 1);
    known.set(&format!("certificateFile={certificate}"));
    assert_eq!(warned(&known), [""; 0]);
    // A run that stores nothing says nothing.
    let mut again = stage();
    again.backup().expect_code(0);
    assert_eq!(warned(&again), [""; 0]);
    // What is fetched again counts like what is fetched, and the cloud is asked for its certificates.
    let said = |stage: &Stage, args: &[&str]| -> Vec<String> {
        let finished = stage.program(args).run().expect_code(0);
        let lines = finished.stdout.lines().map(serde_json::from_str);
        let lines: Vec<Value> = lines.map(Result::unwrap).collect();
        let texts = events(&lines, "warning");
        let text = |line: &&Value| line["text"].as_str().unwrap().to_owned();
        texts.iter().map(text).collect()
    };
    let repair = ["verify", "--repair", "--json"];
    assert_eq!(said(&again, &repair), [""; 0]);
    again.server.requests().clear();
    assert_eq!(said(&again, &repair), [""; 0]);
    assert_eq!(again.server.requests().counts().settings, 0);
    for file in again.media_files() {
        std::fs::remove_file(again.target().join(file)).unwrap();
    }
    let told = said(&again, &repair);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("2 media files of this run are sealed for serial "));
    // No cloud is asked when an archive is taken over: without certificates nothing is known.
    let adopt = ["adopt", "--json"];
    let forget = |stage: &Stage| std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    forget(&again);
    assert_eq!(said(&again, &adopt), [""; 0]);
    let (_, one) = files(&again, 0);
    again.set(&format!("certificateFile={one}"));
    assert_eq!(said(&again, &adopt), [""; 0], "nothing is taken over twice");
    forget(&again);
    let told = said(&again, &adopt);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("2 media files of this run are sealed for serial "));
}

/// A cloud whose recordings are sealed for these, one after the other, a day apart.
fn sealed_for(recordings: &[(&str, &[&Identity])]) -> Stage {
    let mut cloud = cloud();
    for (number, (id, _)) in recordings.iter().enumerate() {
        let start = format!("2018-02-12T{:02}:00:00Z", 10 + number);
        let samples = samples::speech(number as u64);
        cloud = cloud.recording(id).at(&start).audio_of(samples).build();
    }
    let stage = Stage::new(cloud);
    stage.server.cloud().change(|cloud| {
        for (id, holders) in recordings {
            let holders = holders.iter().map(|one| one.recipient.clone()).collect();
            cloud.change(id, |it| it.media[0].recipients = Some(holders));
        }
    });
    stage.backup().expect_code(0);
    stage
}

/// The key and the certificate of this one in one file.
fn whole(stage: &Stage, name: &str, identity: &Identity) -> String {
    let text = identity.private_key_pem.clone() + &identity.certificate_pem;
    place(stage, name, &text)
}

/// What `rcbs keys --json` says of the keys that were given: file, whether it is proven, reason.
fn given(stage: &Stage, keys: &[&str], code: i32) -> Vec<(String, bool, String)> {
    let keys = keys.iter().flat_map(|key| ["--key", key]);
    let args: Vec<&str> = ["keys", "--json"].into_iter().chain(keys).collect();
    let finished = stage.program(&args).run().expect_code(code);
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    let given = answer["given_keys"].as_array().unwrap().iter();
    given
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let is_proven = one["proven"].as_bool().unwrap();
            assert_eq!(
                one["path"].is_string(),
                is_proven || one["reason"] != "",
                "{one}"
            );
            (text("key"), is_proven, text("reason"))
        })
        .collect()
}

#[test]
fn every_key_that_is_given_has_to_prove_itself() {
    let (daily, safe) = (customer(), Identity::shared(1));
    let stage = sealed_for(&[("a", &[daily, safe]), ("b", &[daily, safe])]);
    let one = whole(&stage, "daily.pem", daily);
    let other = whole(&stage, "safe.pem", safe);
    // Both open the same files, and both have to.
    let rows = keys(&stage, &["--key", &one, "--key", &other], 0);
    let proofs: Vec<_> = rows
        .iter()
        .map(|row| (&row["proof"], &row["key"]))
        .collect();
    assert!(
        proofs.iter().all(|(proof, _)| *proof == "opened"),
        "{rows:?}"
    );
    assert!(proofs[0].1 != proofs[1].1, "{rows:?}");
    let both = given(&stage, &[&one, &other], 0);
    assert_eq!(both.len(), 2);
    assert!(both.iter().all(|(_, is_proven, _)| *is_proven), "{both:?}");
    // One of them opens all there is; of the other nothing is said.
    let rows = keys(&stage, &["--key", &one], 0);
    let words: Vec<_> = rows.iter().map(|row| row["proof"].as_str()).collect();
    assert!(words.contains(&Some("opened")) && words.contains(&Some("not_tried")));
    // A key that belongs to nothing is named, though everything opens without it.
    let stray = whole(
        &stage,
        "stray.pem",
        &Identity::generate("stray", 7).unwrap(),
    );
    let told = given_untried(&stage, &one, &stray);
    assert!(
        told.contains("no file of the archive is sealed for serial 7"),
        "{told}"
    );
    let args = ["keys", "--key", &one, "--key", &stray];
    let text = stage.program(&args).run().expect_code(3).stdout;
    assert!(
        text.contains(&format!("the key {stray} opened nothing")),
        "{text}"
    );
    // What lies in the safe is a copy of the first.
    let copy = whole(&stage, "copy.pem", daily);
    let args = ["keys", "--key", &one, "--key", &copy];
    let text = stage.program(&args).run().expect_code(0).stdout;
    assert!(
        text.contains(&format!("{copy} holds the same key as {one}")),
        "{text}"
    );
}

/// The reason why the second key proved nothing, where the first opens everything.
fn given_untried(stage: &Stage, one: &str, stray: &str) -> String {
    let args = ["keys", "--json", "--key", one, "--key", stray];
    let finished = stage.program(&args).run().expect_code(3);
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(answer["given_keys"][0]["proven"], true, "{answer}");
    assert_eq!(answer["given_keys"][1]["proven"], false, "{answer}");
    let reason = &answer["given_keys"][1]["reason"];
    reason.as_str().unwrap().to_owned()
}

#[test]
fn a_file_that_is_no_media_proves_a_key_as_well() {
    let odd = Content::bytes(b"\x8a\x10\x33\x71".repeat(500));
    let cloud = cloud()
        .recording("good")
        .audio()
        .plain()
        .recording("odd")
        .audio_of(odd)
        .plain()
        .build();
    let mut stage = Stage::new(cloud);
    let (key, certificate) = files(&stage, 0);
    stage.set(&format!("certificateFile={certificate}"));
    stage.backup().expect_code(0);
    let rows = keys(&stage, &["--key", &key], 0);
    assert_eq!(rows[0]["proof"], "opened", "{rows:?}");
    // It is the shortest, so it was opened. One that is not as it was stored proves nothing.
    let mut paths = stage.media_files();
    paths.retain(|path| path.contains("/odd/"));
    let path = stage.target().join(&paths[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() - 100;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let rows = keys(&stage, &["--key", &key], 9);
    let reason = rows[0]["reason"].as_str().unwrap();
    assert!(reason.contains("SHA-256"), "{rows:?}");
}

#[test]
fn keys_of_one_name_are_each_proven() {
    let (old, new) = (
        Identity::generate("renewed", 1).unwrap(),
        Identity::generate("renewed", 1).unwrap(),
    );
    let stage = sealed_for(&[("a", &[&old])]);
    let (one, other) = (
        whole(&stage, "old.pem", &old),
        whole(&stage, "new.pem", &new),
    );
    let told = given_failed(&stage, &[&other, &one], 3);
    assert!(told.contains("another key of the same name"), "{told}");
    // Nothing is damaged where only the wrong one is given.
    let told = given_failed(&stage, &[&other], 3);
    assert!(told.contains("another key of the same name"), "{told}");
    // Files for both are for one name; the first and the last are asked, too.
    let stage = sealed_for(&[("a", &[&old]), ("b", &[&new])]);
    let (one, other) = (
        whole(&stage, "old.pem", &old),
        whole(&stage, "new.pem", &new),
    );
    let both = given(&stage, &[&other, &one], 0);
    assert!(both.iter().all(|(_, is_proven, _)| *is_proven), "{both:?}");
}

/// The reason why the first key proved nothing.
fn given_failed(stage: &Stage, keys: &[&str], code: i32) -> String {
    let told = given(stage, keys, code);
    assert!(!told[0].1, "{told:?}");
    told[0].2.clone()
}

#[test]
fn certificates_of_certificatefile_find_the_key() {
    let (daily, safe) = (customer(), Identity::shared(1));
    let mut stage = sealed_for(&[("a", &[daily, safe])]);
    let ((one, certificate), (other, _)) = (files(&stage, 0), files(&stage, 1));
    let decrypt = |stage: &Stage, code| {
        let args = ["decrypt", "--key", &one, "--out", "clear", "a"];
        stage.program(&args).run().expect_code(code)
    };
    // A key without a certificate, and two recipients: which it is cannot be told, and that is what is said.
    let args = ["keys", "--key", &one];
    let finished = stage.program(&args).run().expect_code(3);
    assert!(
        !finished.stdout.contains("no key given fits"),
        "{}",
        finished.stdout
    );
    assert!(
        finished.stdout.contains("cannot be told"),
        "{}",
        finished.stdout
    );
    assert!(finished.stderr.contains("--cert"), "{}", finished.stderr);
    let rows = keys(&stage, &["--key", &one], 3);
    assert!(
        rows.iter().all(|row| row["proof"] == "ambiguous"),
        "{rows:?}"
    );
    decrypt(&stage, 3);
    // Its certificate is at hand.
    stage.set(&format!("certificateFile={certificate}"));
    let rows = keys(&stage, &["--key", &one], 0);
    assert!(rows.iter().any(|row| row["proof"] == "opened"), "{rows:?}");
    decrypt(&stage, 0);
    // The other key has none, and is not proven by that.
    let told = given_untried(&stage, &one, &other);
    assert!(told.contains("no certificate of it is known"), "{told}");
    // A key may have had another certificate before: the only one that fits is tried all the same.
    let renewed = Identity::generate("renewed", 3).unwrap();
    let mut stage = sealed_for(&[("a", &[&renewed])]);
    let key = place(&stage, "renewed.pem", &renewed.private_key_pem);
    let later = later_certificate(&stage, &key);
    stage.set(&format!("certificateFile={later}"));
    keys(&stage, &["--key", &key], 0);
}

/// Another certificate for the same key.
fn later_certificate(stage: &Stage, key: &str) -> String {
    let path = stage.folder().join("later.pem").display().to_string();
    openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        key,
        "-subj",
        "/CN=later",
        "-set_serial",
        "9",
        "-days",
        "3650",
        "-out",
        &path,
    ])
    .expect("making a certificate");
    path
}
