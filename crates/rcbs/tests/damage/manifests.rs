//! Manifests by stock tools and by `rcbs verify --manifests`: whole, damaged, rolled back, and frozen ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcbs_sim::Content;
use rusqlite::Connection;
use serde_json::Value;

use crate::stage::{Stage, cloud, events};
use crate::support::openssl::openssl;
use crate::support::rcbs::Rcbs;
use crate::support::snapshot::files;
use crate::support::source_root;

/// Two days with a manifest each, signed.
fn two_days() -> Stage {
    let mut stage = Stage::new(small("one").audio_of(Content::pattern(900, 2)).build());
    sign(&mut stage);
    stage.backup().expect_code(0);
    yesterday(&stage);
    stage.server.cloud().change(|cloud| {
        let added = small("two").build();
        cloud.add(added.recording_by_id("two").unwrap().clone());
    });
    stage.backup().expect_code(0);
    assert_eq!(stage.manifests().len(), 4, "two manifests, two signatures");
    stage
}

fn small(id: &str) -> rcbs_sim::cloud::RecordingBuilder {
    cloud().recording(id).audio_of(Content::pattern(1_000, 1))
}

pub fn key(name: &str) -> PathBuf {
    source_root().join("testdata/manifest").join(name)
}

pub fn sign(stage: &mut Stage) {
    let private = stage.folder().join("site.key.pem");
    std::fs::copy(key("site.key.pem"), &private).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(private, mode).unwrap();
    stage.set("manifestKey=site.key.pem");
}

/// Moves the manifest of today, and what the ledger knows of it, to a day long ago.
pub fn yesterday(stage: &Stage) {
    let today = stage.manifests().into_keys().next().unwrap();
    let name = today.split('/').nth(2).unwrap();
    let target = stage.target();
    let old = target.join("manifests/2018");
    std::fs::create_dir_all(&old).unwrap();
    let from = target.join("manifests").join(&name[..4]).join(name);
    std::fs::rename(from, old.join("2018-02-12-001")).unwrap();
    let ledger = Connection::open(target.join(".rcbs/ledger.db")).unwrap();
    let sql = "UPDATE fact SET value = replace(value, ?1, '2018-02-12-001') WHERE name = 'manifest_chain'";
    assert_eq!(ledger.execute(sql, [name]).unwrap(), 1);
}

/// `sha256sum -c` of every manifest, from the top of the target; whether all lines of all of them hold.
pub fn sha256sum(target: &Path) -> bool {
    let mut all = true;
    for path in files(target)
        .into_keys()
        .filter(|it| it.ends_with("manifest-sha256.txt"))
    {
        let mut command = Command::new("sha256sum");
        command
            .args(["--check", "--strict", "--quiet"])
            .arg(path)
            .current_dir(target);
        all &= command.output().unwrap().status.success();
    }
    all
}

fn verify(stage: &Stage, code: i32) -> Vec<Value> {
    let public = key("site.public.pem");
    let args = [
        "verify",
        "--manifests",
        "--json",
        "--public-key",
        public.to_str().unwrap(),
    ];
    let finished = stage.program(&args).run().expect_code(code);
    let lines = finished.stdout.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[test]
fn stock_tools_check_files_chain_and_signatures() {
    let stage = two_days();
    assert!(sha256sum(&stage.target()));
    let manifests = stage.manifests();
    let all: String = manifests
        .iter()
        .filter(|(path, _)| path.ends_with(".txt"))
        .map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap())
        .collect();
    for path in stage.archive().keys() {
        assert_eq!(all.matches(&format!("  {path}\n")).count(), 1, "{path}");
    }
    for (path, bytes) in manifests.iter().filter(|(path, _)| path.ends_with(".sig")) {
        assert_eq!(bytes.len(), 64);
        let (path, public) = (stage.target().join(path), key("site.public.pem"));
        let signed = path.with_extension("");
        let args = [
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            public.to_str().unwrap(),
            "-rawin",
            "-in",
        ];
        let args = [
            &args[..],
            &[signed.to_str().unwrap(), "-sigfile", path.to_str().unwrap()],
        ]
        .concat();
        assert!(openssl(&args).success);
        let mut changed = std::fs::read(&signed).unwrap();
        changed[0] ^= 1;
        std::fs::write(&signed, &changed).unwrap();
        assert!(!openssl(&args).success, "OpenSSL does check");
        changed[0] ^= 1;
        std::fs::write(&signed, &changed).unwrap();
    }
    let lines = verify(&stage, 0);
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["manifests"], &summary["signatures"]),
        (&2.into(), &2.into())
    );
    assert_eq!(summary["lines"], stage.archive().len());
}

#[test]
fn every_damage_of_a_manifest_is_found() {
    for which in [0, 1] {
        for ending in [".txt", ".sig"] {
            for damage in [
                "truncate",
                "cut a line",
                "flip",
                "delete",
                "empty",
                "leftover",
            ] {
                let stage = two_days();
                let case = format!("{damage} of {which} {ending}");
                let path = stage
                    .manifests()
                    .into_keys()
                    .filter(|it| it.ends_with(ending))
                    .nth(which);
                let path = stage.target().join(path.unwrap());
                let mut bytes = std::fs::read(&path).unwrap();
                match damage {
                    "truncate" => bytes.truncate(bytes.len() - 1),
                    "cut a line" => bytes.truncate(bytes.len() / 2),
                    "flip" => bytes[3] ^= 1,
                    "empty" => bytes.clear(),
                    "leftover" => {
                        std::fs::write(path.with_extension("tmp"), &bytes).unwrap();
                        verify(&stage, 0);
                        continue;
                    }
                    _ => {}
                }
                if damage == "delete" {
                    std::fs::remove_file(&path).unwrap();
                } else {
                    std::fs::write(&path, bytes).unwrap();
                }
                assert!(!events(&verify(&stage, 9), "damaged").is_empty(), "{case}");
                // What is behind the newest one the ledger knows, whatever the manifests say.
                let code = if (which, ending) == (1, ".txt") { 9 } else { 0 };
                stage.program(&["verify"]).run().expect_code(code);
            }
        }
    }
}

#[test]
fn what_was_taken_away_or_rolled_back_is_found() {
    // All manifests, or the last of them.
    let stage = two_days();
    let last = stage.manifests().into_keys().next_back().unwrap();
    std::fs::remove_dir_all(stage.target().join(last).parent().unwrap()).unwrap();
    stage.program(&["verify"]).run().expect_code(9);
    std::fs::remove_dir_all(stage.target().join("manifests")).unwrap();
    verify(&stage, 9);
    // A file, and its older content brought back.
    let stage = two_days();
    let path = stage
        .archive()
        .into_keys()
        .find(|it| it.ends_with("one.json"))
        .unwrap();
    let older = std::fs::read(stage.target().join(&path)).unwrap();
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change("one", |recording| recording.caller = "+15550199".to_owned()));
    stage.backup().expect_code(0);
    verify(&stage, 0);
    std::fs::write(stage.target().join(&path), older).unwrap();
    let lines = verify(&stage, 9);
    assert_eq!(events(&lines, "damaged")[0]["path"], *path);
    std::fs::remove_file(stage.target().join(&path)).unwrap();
    assert_eq!(events(&verify(&stage, 9), "damaged")[0]["harm"], "missing");
}

#[test]
fn a_run_does_not_seal_what_somebody_has_changed() {
    let stage = two_days();
    yesterday_is_over(&stage);
    let newest = stage
        .manifests()
        .into_keys()
        .rfind(|it| it.ends_with(".txt"))
        .unwrap();
    let path = stage.target().join(&newest);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.ends_with("two.json"))
        .collect();
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    stage.server.cloud().change(|cloud| {
        cloud.add(
            small("three")
                .build()
                .recording_by_id("three")
                .unwrap()
                .clone(),
        );
    });
    let told = stage.backup().expect_code(0).stderr;
    assert!(told.contains("is not what was written there"), "{told}");
    let lines = verify(&stage, 9);
    let reasons: Vec<&str> = events(&lines, "damaged")
        .iter()
        .map(|it| it["reason"].as_str().unwrap())
        .collect();
    assert!(
        reasons
            .iter()
            .any(|it| it.contains("no longer what it was")),
        "{reasons:?}"
    );
}

/// Closes the open manifest as a later day would.
fn yesterday_is_over(stage: &Stage) {
    let ledger = Connection::open(stage.target().join(".rcbs/ledger.db")).unwrap();
    ledger.execute("DELETE FROM manifest_backlog", []).unwrap();
}

#[test]
fn a_key_that_cannot_be_used_is_refused_before_the_run() {
    let mut stage = Stage::new(small("one").build());
    sign(&mut stage);
    let private = stage.folder().join("site.key.pem");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&private, open).unwrap();
    let told = stage.backup().expect_code(2).stderr;
    assert!(
        told.contains("manifestKey") && told.contains("chmod 600"),
        "{told}"
    );
    std::fs::copy(source_root().join("testdata/cms/one.key.pem"), &private).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&private, mode).unwrap();
    let told = stage.backup().expect_code(2).stderr;
    assert!(told.contains("none of Ed25519"), "{told}");
    assert!(!stage.target().exists());
}

fn frozen() -> PathBuf {
    source_root().join("testdata/manifest/archive")
}

/// Written by the first version that had manifests. It is never made again.
#[test]
fn a_frozen_archive_is_proven_by_its_manifests() {
    let place = tempfile::tempdir().unwrap();
    if std::env::var_os("FREEZE").is_some() {
        freeze();
    }
    for (path, bytes) in files(&frozen()) {
        let to = place.path().join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
    assert!(sha256sum(place.path()));
    let rcbs = Rcbs::new();
    std::fs::write(
        rcbs.home().join("config.properties"),
        "gwsUriPrefix=https://example.com\n",
    )
    .unwrap();
    let (target, public) = (place.path().to_str().unwrap(), key("site.public.pem"));
    let args = [
        "verify",
        "--manifests",
        "--json",
        "--target-dir",
        target,
        "--public-key",
    ];
    let finished = rcbs
        .args(args)
        .args([public.to_str().unwrap()])
        .run()
        .expect_code(0);
    let summary: Value = serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&summary["manifests"], &summary["lines"]),
        (&2.into(), &5.into())
    );
    assert_eq!(summary["signatures"], 2);
}

/// Makes it where it is missing.
fn freeze() {
    if frozen().exists() {
        return;
    }
    let stage = two_days();
    for (path, bytes) in files(&stage.target()) {
        if !path.starts_with(".rcbs") && !path.ends_with("last_recording_endtime.txt") {
            let to = frozen().join(path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, bytes).unwrap();
        }
    }
}
