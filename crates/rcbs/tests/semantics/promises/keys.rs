//! Chapter "Keys".

use rcbs_sim::Identity;
use serde_json::Value;

use crate::stage::{Stage, cloud, customer, events};

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
