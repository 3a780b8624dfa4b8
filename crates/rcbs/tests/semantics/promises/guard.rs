//! Chapter "Media": what the cloud deletes before it is here.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::stage::{Stage, cloud, days_ago, events, expect_fields, summary};

#[test]
fn the_deadline_guard_tells_what_is_deleted_before_it_is_here() {
    let cloud = cloud()
        .recording("young")
        .at_time(days_ago(2))
        .audio()
        .recording("pressing")
        .at_time(days_ago(8))
        .audio()
        .recording("overdue")
        .at_time(days_ago(12))
        .audio()
        .recording("well")
        .at_time(days_ago(9))
        .audio()
        .build();
    let faults = ["young", "pressing", "overdue"].map(|id| format!("object~/{id}_ always: html"));
    let stage = &mut Stage::with_faults(cloud, &faults.each_ref().map(String::as_str));
    stage.unset("minDate").unset("maxDate").set("maxAge=20");
    // Without the key nothing is said.
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    assert!(events(&lines, "endangered").is_empty());
    assert_eq!(stage.status()["endangered"], Value::Null);
    assert_eq!(stage.plan(&[])["endangered"], Value::Null);
    // With it the exit code is the same. Soon is five days.
    stage.set("retentionDays=10");
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    let told = events(&lines, "endangered");
    let numbers = [("overdue", 1), ("deleted_soon", 1), ("missed", 0)];
    expect_fields(told.last().unwrap(), &numbers);
    expect_fields(summary(&lines), &numbers);
    let soon: Timestamp = told[0]["soon_until"].as_str().unwrap().parse().unwrap();
    let ahead = soon.duration_since(Timestamp::now());
    assert!(ahead > SignedDuration::from_hours(119) && ahead < SignedDuration::from_hours(121));
    expect_fields(&stage.status()["endangered"], &numbers[..2]);
    expect_fields(&stage.plan(&[])["endangered"], &numbers[..2]);
    for args in [&["backup", "--quiet"][..], &["status"], &["plan"]] {
        let finished = stage.program(args).run();
        let said = finished.stdout + &finished.stderr;
        assert!(
            said.contains("1 recording that is not here is deleted by "),
            "{said}"
        );
        let gone =
            "1 recording that is not here is older than retentionDays and may be gone already";
        assert!(said.contains(gone), "{said}");
    }
    // One that is gone waits no more; it is lost, and said to be.
    stage.server.faults().clear();
    for fault in &faults[..2] {
        stage.server.faults().add(fault.parse().unwrap());
    }
    stage
        .server
        .cloud()
        .change(|cloud| cloud.retention = Some(SignedDuration::from_hours(240)));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    expect_fields(
        summary(&lines),
        &[("lost", 1), ("overdue", 0), ("deleted_soon", 1)],
    );
    // All is well at last, and said for those who were alarmed.
    stage.server.faults().clear();
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    expect_fields(
        events(&lines, "endangered")[0],
        &[("overdue", 0), ("deleted_soon", 0), ("missed", 0)],
    );
    let quiet = stage.program(&["backup", "--quiet"]).run().expect_code(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn a_plan_foretells_with_the_rate_of_the_last_run() {
    // Kept for a day, and deleted in a minute: the last run took two seconds for one recording.
    let pressing = days_ago(1) + SignedDuration::from_secs(60);
    let start = |number: i64| pressing + SignedDuration::from_millis(number);
    let first = cloud()
        .recording("first")
        .at_time(days_ago(0) - SignedDuration::from_mins(30));
    let cloud = (0..200).fold(first.audio().build(), |cloud, number| {
        let one = cloud
            .recording(&format!("r{number:03}"))
            .at_time(start(number));
        one.visible_after(SignedDuration::from_hours(1_000))
            .audio()
            .build()
    });
    let stage = &mut Stage::with_faults(cloud, &["object always: delay ms=2000"]);
    stage
        .unset("minDate")
        .unset("maxDate")
        .set("maxAge=2\nretentionDays=1");
    stage.backup().expect_code(0);
    stage.server.cloud().change(|cloud| {
        for number in 0..200 {
            cloud.change(&format!("r{number:03}"), |recording| {
                recording.visible_after = SignedDuration::ZERO;
            });
        }
    });
    let endangered = stage.plan(&[])["endangered"].take();
    expect_fields(&endangered, &[("overdue", 0), ("deleted_soon", 200)]);
    let missed = endangered["missed"].as_u64().unwrap();
    assert!((165..200).contains(&missed), "{endangered}");
    let at: Timestamp = endangered["first_missed"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(at, pressing + SignedDuration::from_hours(24));
}
