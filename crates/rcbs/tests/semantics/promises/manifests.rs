//! Chapter "Manifests". Damage to them, and frozen ones, are in `tests/damage`.

use std::process::Command;

use serde_json::Value;

use crate::stage::{Stage, cloud, events};
use crate::support::openssl::openssl;
use crate::support::source_root;

/// Runs a line of shell in the target.
fn shell(stage: &Stage, line: &str) -> bool {
    let mut command = Command::new("sh");
    let output = command
        .args(["-ec", line])
        .current_dir(stage.target())
        .output();
    output.unwrap().status.success()
}

fn check(stage: &Stage, path: &str) -> bool {
    shell(stage, &format!("sha256sum --check --strict --quiet {path}"))
}

fn stage() -> Stage {
    let stage = Stage::new(
        cloud()
            .recording("a")
            .audio()
            .screen()
            .build()
            .recording("b")
            .audio()
            .build(),
    );
    stage.backup().expect_code(0);
    stage
}

fn add(stage: &Stage, id: &str) {
    stage.server.cloud().change(|cloud| {
        let added = self::cloud().recording(id).audio().build();
        cloud.add(added.recording_by_id(id).unwrap().clone());
    });
}

/// Moves the manifest of today to a day long ago, as if it had been written then. Its path.
fn age(stage: &Stage) -> String {
    let today = stage
        .manifests()
        .into_keys()
        .find(|it| !it.contains("/2018/"))
        .unwrap();
    let name = today.split('/').nth(2).unwrap();
    let old = stage.target().join("manifests/2018");
    std::fs::create_dir_all(&old).unwrap();
    let from = stage.target().join("manifests").join(&name[..4]).join(name);
    std::fs::rename(from, old.join("2018-02-12-001")).unwrap();
    let ledger = rusqlite::Connection::open(stage.target().join(".rcbs/ledger.db")).unwrap();
    let sql = "UPDATE fact SET value = replace(value, ?1, '2018-02-12-001') WHERE name = 'manifest_chain'";
    assert_eq!(ledger.execute(sql, [name]).unwrap(), 1);
    "manifests/2018/2018-02-12-001/manifest-sha256.txt".to_owned()
}

fn verify(stage: &Stage, args: &[&str], code: i32) -> Vec<Value> {
    let args = [&["verify", "--manifests", "--json"], args].concat();
    let finished = stage.program(&args).run().expect_code(code);
    let lines = finished.stdout.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn change_metadata(stage: &Stage, id: &str) {
    stage
        .server
        .cloud()
        .change(|cloud| cloud.change(id, |recording| recording.caller = "+15550199".to_owned()));
}

#[test]
fn each_run_lists_what_it_has_stored_in_the_manifest_of_the_day() {
    let stage = stage();
    let first = stage.manifests();
    assert_eq!(first.len(), 1);
    let path = first.keys().next().unwrap().clone();
    assert!(check(&stage, &path));
    let listed = |stage: &Stage| {
        let text = String::from_utf8(stage.manifests()[&path].clone()).unwrap();
        let mut paths: Vec<String> = text.lines().map(|line| line[66..].to_owned()).collect();
        paths.sort();
        paths
    };
    let stored = |stage: &Stage| stage.archive().into_keys().collect::<Vec<_>>();
    assert_eq!(listed(&stage), stored(&stage));
    // Nothing new: nothing is written, not even the same again.
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert!(events(&lines, "manifest_written").is_empty());
    assert!(stage.manifests() == first);
    // More, and metadata that change: the manifest of the day has everything as it is.
    add(&stage, "c");
    change_metadata(&stage, "a");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_eq!(events(&lines, "manifest_written")[0]["path"], *path);
    assert_eq!(stage.manifests().len(), 1);
    assert_eq!(listed(&stage), stored(&stage));
    assert!(
        check(&stage, &path),
        "still good after metadata were replaced"
    );
    // What is adopted or repaired is listed as well.
    std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    std::fs::remove_dir_all(stage.target().join("manifests")).unwrap();
    stage.program(&["adopt"]).run().expect_code(0);
    assert_eq!(listed(&stage), stored(&stage));
    assert!(check(&stage, &path));
}

#[test]
fn manifests_are_chained() {
    let stage = stage();
    let first = age(&stage);
    let before = stage.manifests()[&first].clone();
    add(&stage, "c");
    change_metadata(&stage, "a");
    stage.backup().expect_code(0);
    let second = stage.manifests().into_keys().next_back().unwrap();
    let text = String::from_utf8(stage.manifests()[&second].clone()).unwrap();
    assert!(
        text.lines()
            .next()
            .unwrap()
            .ends_with(&format!("  {first}")),
        "{text}"
    );
    assert!(
        stage.manifests()[&first] == before,
        "a past day never changes"
    );
    assert!(check(&stage, &second));
    // The older one alone knows the older metadata; together the last line counts.
    assert!(!check(&stage, &first));
    let all = "find manifests -name manifest-sha256.txt | LC_ALL=C sort | xargs cat | tac | LC_ALL=C sort -s -u -k 2 | sha256sum -c --quiet";
    let format = std::fs::read_to_string(source_root().join("docs/format.md")).unwrap();
    assert!(format.contains(all), "what is documented is what is tested");
    assert!(shell(&stage, all));
    verify(&stage, &[], 0);
    // Whoever changes a file and its manifest has broken the chain.
    let path = stage
        .archive()
        .into_keys()
        .find(|it| it.ends_with("b.json"))
        .unwrap();
    std::fs::write(stage.target().join(&path), "{}").unwrap();
    assert!(!shell(&stage, all));
    verify(&stage, &[], 9);
    assert!(shell(
        &stage,
        &format!("grep -v ' {path}$' {first} > x; sha256sum {path} >> x; mv x {first}")
    ));
    assert!(!check(&stage, &second) && !shell(&stage, all));
    let lines = verify(&stage, &[], 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "chain");
}

#[test]
fn manifests_can_be_signed() {
    let mut stage = Stage::new(cloud().recording("a").audio().build());
    let private = stage.folder().join("site.key.pem");
    let (private, public) = (
        private.to_str().unwrap().to_owned(),
        stage.folder().join("p.pem"),
    );
    let public = public.to_str().unwrap();
    assert!(openssl(&["genpkey", "-algorithm", "ed25519", "-out", &private]).success);
    assert!(openssl(&["pkey", "-in", &private, "-pubout", "-out", public]).success);
    stage.set("manifestKey=site.key.pem");
    stage.backup().expect_code(0);
    let path = stage.manifests().into_keys().next().unwrap();
    let line = format!(
        "openssl pkeyutl -verify -pubin -inkey {public} -rawin -in {path} -sigfile {path}.sig"
    );
    assert!(shell(&stage, &line));
    let signed = |lines: Vec<Value>| lines.last().unwrap()["signatures"].clone();
    assert_eq!(signed(verify(&stage, &[], 0)), 1, "with the configured key");
    // Elsewhere, with the public half.
    stage.unset("manifestKey");
    assert_eq!(signed(verify(&stage, &["--public-key", public], 0)), 1);
    let told = stage
        .program(&["verify", "--manifests"])
        .run()
        .expect_code(0)
        .stderr;
    assert!(told.contains("no key to check them with"), "{told}");
    // Another key.
    assert!(openssl(&["genpkey", "-algorithm", "ed25519", "-out", &private]).success);
    assert!(openssl(&["pkey", "-in", &private, "-pubout", "-out", public]).success);
    let lines = verify(&stage, &["--public-key", public], 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "signature");
}

#[test]
fn manifests_prove_the_archive_without_ledger_and_cloud() {
    let stage = stage();
    std::fs::remove_dir_all(stage.target().join(".rcbs")).unwrap();
    stage.server.requests().clear();
    let lines = verify(&stage, &[], 0);
    assert_eq!(lines.last().unwrap()["lines"], stage.archive().len());
    assert_eq!(stage.object_requests(), 0);
    assert!(!stage.target().join(".rcbs").exists());
    let path = stage.media_files()[0].clone();
    let mut bytes = std::fs::read(stage.target().join(&path)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(stage.target().join(&path), bytes).unwrap();
    let lines = verify(&stage, &[], 9);
    assert_eq!(events(&lines, "damaged")[0]["path"], *path);
}
