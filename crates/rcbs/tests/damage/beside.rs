//! Verifying beside a backup at work, in parts, within a rate, and over an interruption.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::{Stage, cloud, events};

fn lines(stdout: &str) -> Vec<Value> {
    let lines = stdout.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn stage_of(count: usize) -> Stage {
    let cloud = (0..count).fold(cloud(), |cloud, number| {
        cloud.recording(&format!("r{number:03}")).audio().build()
    });
    let stage = Stage::new(cloud);
    stage.backup().expect_code(0);
    stage
}

#[test]
fn a_backup_that_replaces_and_adds_files_meanwhile_is_not_called_damage() {
    let stage = stage_of(40);
    let never = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..4 {
                stage.server.cloud().change(|cloud| {
                    for number in 0..40 {
                        cloud.change(&format!("r{number:03}"), |recording| {
                            recording.caller = format!("+1555{round:04}");
                        });
                    }
                });
                stage.backup().expect_code(0);
            }
            never.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut rounds = 0;
        while !never.load(std::sync::atomic::Ordering::SeqCst) || rounds < 3 {
            let finished = stage.program(&["verify", "--json"]).run().expect_code(0);
            let lines = lines(&finished.stdout);
            assert!(events(&lines, "unknown").is_empty(), "{lines:#?}");
            rounds += 1;
        }
    });
}

#[test]
fn an_interrupted_reading_goes_on_where_it_stopped() {
    let stage = stage_of(30);
    let all: u64 = stage.status()["verified_bytes"].as_u64().unwrap();
    let media = stage.media_files();
    let mut bytes = std::fs::read(stage.target().join(&media[0])).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(stage.target().join(&media[0]), bytes).unwrap();
    // Slow enough to be caught in the middle of it.
    let rate = (all / 4).to_string();
    let slow = ["verify", "--read-data", "--json", "--limit-rate", &rate];
    let mut started = stage.program(&slow).start();
    started.expect_text("verify_progress");
    std::thread::sleep(Duration::from_millis(1_500));
    let first = started.signal("TERM").expect_code(143);
    let read = |stdout: &str| {
        lines(stdout).last().unwrap()["read_bytes"]
            .as_u64()
            .unwrap()
    };
    let before = read(&first.stdout);
    assert!(before > 0 && before < all, "{before} of {all}");

    let second = stage.program(&["verify", "--read-data", "--json"]).run();
    let after = read(&second.stdout);
    let told = lines(&second.expect_code(9).stdout);
    assert_eq!(told[0]["resumed"], true);
    assert_eq!(
        events(&told, "damaged").len(),
        1,
        "also what was read before"
    );
    assert!(
        after < all && before + after >= all,
        "{before} + {after} of {all}"
    );

    // It came to its end, so the next one begins anew; so does one that is told to.
    for args in [&["--read-data"][..], &["--read-data", "--restart"]] {
        let args = [&["verify", "--json"], args].concat();
        let again = stage.program(&args).run().expect_code(9);
        assert_eq!(read(&again.stdout), all);
    }
}

#[test]
fn a_reading_that_goes_on_takes_up_what_another_has_found_since() {
    let stage = stage_of(30);
    let all: u64 = stage.status()["verified_bytes"].as_u64().unwrap();
    let rate = (all / 4).to_string();
    let slow = ["verify", "--read-data", "--json", "--limit-rate", &rate];
    let mut started = stage.program(&slow).start();
    started.expect_text("verify_progress");
    std::thread::sleep(Duration::from_millis(1_500));
    started.signal("TERM").expect_code(143);
    let path = stage.target().join(&stage.media_files()[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let other = ["verify", "--read-data=10G"];
    stage.program(&other).run().expect_code(9);

    let resumed = ["verify", "--read-data", "--json"];
    let told = lines(&stage.program(&resumed).run().expect_code(9).stdout);
    assert_eq!(told[0]["resumed"], true);
    assert_eq!(events(&told, "damaged").len(), 1);
}

#[test]
fn a_rate_is_kept() {
    let stage = stage_of(10);
    let all: u64 = stage.status()["verified_bytes"].as_u64().unwrap();
    let begun = Instant::now();
    let rate = (all / 2).to_string();
    let args = ["verify", "--read-data", "--limit-rate", &rate];
    stage.program(&args).run().expect_code(0);
    assert!(begun.elapsed() > Duration::from_millis(1_200));
}

#[test]
fn shares_read_everything_once_and_samples_a_part() {
    let stage = stage_of(40);
    let all: u64 = stage.status()["verified_bytes"].as_u64().unwrap();
    let read = |part: &str| -> (u64, u64) {
        let part = format!("--read-data={part}");
        let finished = stage
            .program(&["verify", &part, "--json"])
            .run()
            .expect_code(0);
        let lines = lines(&finished.stdout);
        let summary = lines.last().unwrap();
        (
            summary["read_files"].as_u64().unwrap(),
            summary["read_bytes"].as_u64().unwrap(),
        )
    };
    let shares = [read("1/3"), read("2/3"), read("3/3")];
    assert_eq!(shares.iter().map(|it| it.0).sum::<u64>(), 40);
    assert_eq!(shares.iter().map(|it| it.1).sum::<u64>(), all);
    assert_eq!(read("2/3"), shares[1]);
    let (files, bytes) = read(&format!("{}", all / 2));
    assert!(
        bytes <= all / 2 && files > 5,
        "{files} files, {bytes} bytes"
    );
    assert!(read("30%").0 < 40);
    for wrong in ["0/3", "half", "200%"] {
        let part = format!("--read-data={wrong}");
        stage.program(&["verify", &part]).run().expect_code(2);
    }
}
