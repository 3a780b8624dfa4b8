//! Chapter "Load and outages": limits of speed.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcbs_sim::{Cloud, Content};

use crate::stage::{Stage, cloud};

/// Six objects of 100 kB.
fn six() -> Cloud {
    (0..6).fold(cloud(), |cloud, number| {
        let content = Content::pattern(100_000, number);
        cloud
            .recording(&format!("of-{number}"))
            .audio_of(content)
            .build()
    })
}

/// How long a backup of them takes with these lines.
fn backup(lines: &str, zone: Option<&str>) -> Duration {
    let mut stage = Stage::new(six());
    stage.set(lines);
    if let Some(zone) = zone {
        stage.env("TZ", zone);
    }
    let finished = stage.backup().expect_code(0);
    assert_eq!(stage.media_files().len(), 6);
    finished.wall
}

#[test]
fn all_downloads_together_keep_below_bandwidthlimit() {
    let free = backup("", None);
    let limited = backup("bandwidthLimit=200kB/s", None);
    // The first piece is free, and so is a tenth of a second.
    let least = Duration::from_millis(2_400);
    assert!(limited > least, "{limited:?} with the limit");
    assert!(
        limited < free + Duration::from_secs(6),
        "{limited:?}, {free:?}"
    );
    assert!(free < least, "{free:?} without");
    let three = backup("bandwidthLimit=250k\nmaxConnections=3", None);
    assert!(three > Duration::from_millis(1_900), "{three:?}");
}

#[test]
fn a_limit_may_follow_the_hours_of_the_week() {
    // A zone in which it is three o'clock now, and one in which it is three in the afternoon. POSIX counts westwards.
    let hour = Timestamp::now().to_zoned(TimeZone::UTC).hour();
    let zone = |wanted: i8| {
        let ahead = (wanted - hour).rem_euclid(24);
        let ahead = if ahead > 12 { ahead - 24 } else { ahead };
        format!("ZONE{}", -ahead)
    };
    let lines = "bandwidthLimit=2-5 200kB/s; 14-17 off; 1B/s";
    let by_night = backup(lines, Some(&zone(3)));
    assert!(by_night > Duration::from_millis(2_400), "{by_night:?}");
    let by_day = backup(lines, Some(&zone(15)));
    assert!(by_day < Duration::from_millis(2_400), "{by_day:?}");
    let mut stage = Stage::new(cloud());
    stage.set(lines).env("TZ", &zone(3));
    for command in [["config", "check"], ["config", "show"]] {
        let told = stage.program(&command).run().expect_code(0).stdout;
        let meaning = "02:00-05:00 200kB/s; 14:00-17:00 off; 1B/s (now 200kB/s, by the clock of";
        assert!(told.contains(meaning), "{told}");
    }
    stage.set("bandwidthLimit=mon-fri 2-5; 1M");
    let told = stage
        .program(&["config", "check"])
        .run()
        .expect_code(2)
        .stderr;
    assert!(told.contains("the piece \"mon-fri 2-5\""), "{told}");
}
