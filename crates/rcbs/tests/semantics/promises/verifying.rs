//! Chapter "Verifying". Every kind of damage is in `tests/damage`.

use serde_json::Value;

use crate::stage::{Stage, cloud, events};

fn stage() -> Stage {
    let three = ["a", "b", "c"].iter().fold(cloud(), |cloud, id| {
        cloud.recording(id).audio().screen().build()
    });
    let stage = Stage::new(three);
    stage.backup().expect_code(0);
    stage
}

fn verify(stage: &Stage, args: &[&str], code: i32) -> Vec<Value> {
    let args = [&["verify", "--json"], args].concat();
    let finished = stage.program(&args).run().expect_code(code);
    let lines = finished.stdout.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn flip_last_byte(stage: &Stage, path: &str) {
    let path = stage.target().join(path);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn verify_finds_what_is_not_as_the_ledger_says() {
    let stage = stage();
    verify(&stage, &[], 0);
    let media = stage.media_files();
    let metadata: Vec<String> = stage
        .archive()
        .into_keys()
        .filter(|it| it.ends_with(".json"))
        .collect();
    std::fs::remove_file(stage.target().join(&media[0])).unwrap();
    flip_last_byte(&stage, &metadata[1]);
    std::fs::write(
        stage.target().join(&media[3]).with_file_name("notes.txt"),
        "mine",
    )
    .unwrap();
    let stranger = stage.target().join("2018/02/12/12/stranger");
    std::fs::create_dir(&stranger).unwrap();
    std::fs::write(stranger.join("x.bin"), "0").unwrap();
    let lines = verify(&stage, &[], 9);
    let paths = |kind| -> Vec<String> {
        let told = events(&lines, kind);
        let mut paths: Vec<_> = told
            .iter()
            .map(|it| it["path"].as_str().unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    };
    let mut wanted = [media[0].clone(), metadata[1].clone()];
    wanted.sort();
    assert_eq!(paths("damaged"), wanted);
    let unknown = paths("unknown");
    assert_eq!(unknown.len(), 2);
    assert!(
        unknown[0].ends_with("/notes.txt") && unknown[1].ends_with("stranger/x.bin"),
        "{unknown:?}"
    );
    // For people: a line for each, with what it takes to find it.
    let told = stage.program(&["verify"]).run().expect_code(9).stdout;
    let line = told.lines().find(|line| line.contains(&media[0])).unwrap();
    assert!(
        line.contains("recording a,") && line.contains("the file is not there"),
        "{line}"
    );
    // Gaps that are known are no damage.
    let mut gaps = Stage::new(
        cloud()
            .recording("gone")
            .audio()
            .without_object()
            .recording("p")
            .audio()
            .plain()
            .build(),
    );
    gaps.set("plainMedia=refuse");
    gaps.backup().expect_code(3);
    let lines = verify(&gaps, &["--read-data"], 3);
    let sum = lines.last().unwrap();
    assert_eq!([&sum["damaged"], &sum["waiting"], &sum["lost"]], [0, 1, 1]);
}

#[test]
fn every_byte_can_be_read_in_parts_and_over_several_runs() {
    let flipped = || {
        let stage = stage();
        flip_last_byte(&stage, &stage.media_files()[2]);
        stage
    };
    let whole = flipped();
    verify(&whole, &[], 0);
    let lines = verify(&whole, &["--read-data"], 9);
    assert_eq!(events(&lines, "damaged")[0]["harm"], "digest");
    // Exactly one of the shares sees it, of an archive of which it is not known.
    let found: usize = ["1/3", "2/3", "3/3"]
        .iter()
        .map(|share| {
            let stage = flipped();
            let part = format!("--read-data={share}");
            let args = ["verify", "--json", part.as_str()];
            let code = stage.program(&args).run().code.unwrap();
            usize::from(code == 9)
        })
        .sum();
    assert_eq!(found, 1);
}

#[test]
fn repair_fetches_again_what_the_cloud_still_has() {
    let stage = stage();
    let before = stage.archive();
    let media = stage.media_files();
    flip_last_byte(&stage, &media[0]);
    std::fs::remove_file(stage.target().join(&media[3])).unwrap();
    stage.object_requests();
    let lines = verify(&stage, &["--read-data", "--repair"], 0);
    assert_eq!(events(&lines, "mended").len(), 2);
    assert_eq!(stage.object_requests(), 2, "nothing else is fetched");
    assert_eq!(stage.archive(), before);
    assert_eq!(stage.own_files("quarantine").len(), 1);
    let life = stage.explain("a")["history"].to_string();
    assert!(life.contains("moved_aside"), "{life}");
    // Now one object is gone from the cloud.
    stage.server.cloud().change(|cloud| {
        cloud.change("b", |recording| {
            for media in &mut recording.media {
                media.object_gone_at = Some(jiff::Timestamp::UNIX_EPOCH);
            }
        })
    });
    std::fs::remove_file(stage.target().join(&media[2])).unwrap();
    let lines = verify(&stage, &["--repair"], 9);
    let told = events(&lines, "not_mended");
    assert!(
        told[0]["reason"].as_str().unwrap().starts_with("lost: "),
        "{told:?}"
    );
    assert_eq!(stage.status()["lost"], 1);
}

#[test]
fn verifying_beside_a_backup_changes_nothing_and_takes_nothing_new_for_damage() {
    let stage = stage();
    let everything = stage.everything();
    let own = |stage: &Stage| stage.own_files("").into_keys().collect::<Vec<_>>();
    let before = own(&stage);
    verify(&stage, &["--read-data"], 0);
    assert!(stage.everything() == everything);
    assert_eq!(own(&stage), before);
    // While somebody else holds the lock a look is allowed, a repair is not.
    let lock = std::fs::File::open(stage.target().join(".rcbs/lock")).unwrap();
    lock.lock().unwrap();
    verify(&stage, &[], 0);
    stage.program(&["verify", "--repair"]).run().expect_code(7);
    drop(lock);
    std::fs::remove_dir_all(stage.target()).unwrap();
    std::fs::create_dir(stage.target()).unwrap();
    stage.program(&["verify"]).run().expect_code(6);
}
