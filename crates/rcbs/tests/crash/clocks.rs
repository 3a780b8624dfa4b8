//! A machine whose clock is wrong when the run begins, and notes of earlier runs that are lost, broken or of the future.

use std::path::Path;

use crate::stage::{Stage, cloud, days_ago};
use crate::support::rcbs::Finished;

/// One recording of yesterday, and a window of some days.
fn stage() -> Stage {
    let yesterday = days_ago(1).to_string();
    let cloud = cloud().recording("YESTERDAY").at(&yesterday).audio();
    let mut stage = Stage::new(cloud.build());
    stage.unset("maxDate").unset("minDate");
    stage.set("maxAge=P7D\nminAge=PT0S");
    stage
}

/// A run at another time of day.
fn at(stage: &Stage, moment: &str) -> Finished {
    let faketime = "/usr/bin/faketime";
    let is_there = Path::new(faketime).exists();
    assert!(is_there, "`scripts/install.sh test` installs faketime");
    let run = stage.program(&["-config", "config.properties"]);
    run.under([faketime, "-f", moment]).run()
}

fn is_stored(stage: &Stage) -> bool {
    stage.states_or_none("YESTERDAY") == Some(vec!["verified".to_owned()])
}

/// F5.
#[test]
fn a_run_at_a_wrong_time_loses_nothing_for_the_runs_after_it() {
    for moment in ["@1970-01-02 00:00:00", "@2035-01-01 00:00:00"] {
        let stage = stage();
        let wrong = at(&stage, moment);
        assert!(wrong.code.is_some(), "{wrong:?}");
        stage.backup().expect_code(0);
        assert!(is_stored(&stage), "after {moment}: {}", wrong.stderr);
    }
}

/// F6.
#[test]
fn an_end_time_that_is_lost_broken_or_in_the_future_loses_nothing() {
    for note in [
        None,
        Some(""),
        Some("\0\0\0\0"),
        Some("not a time"),
        Some("99999999999999999999999"),
        Some("2524608000000"),
    ] {
        for has_ledger in [false, true] {
            let mut stage = stage();
            let path = stage.target().join("last_recording_endtime.txt");
            if has_ledger {
                // What a run three days ago knew is all that reaches back to the recording.
                stage.set("minAge=P3D").backup().expect_code(0);
                stage.set("minAge=PT0S\nmaxAge=PT1H");
                assert!(!is_stored(&stage));
                std::fs::remove_file(&path).unwrap();
            } else {
                std::fs::create_dir_all(stage.target()).unwrap();
            }
            if let Some(note) = note {
                std::fs::write(&path, note).unwrap();
            }
            let run = stage.backup();
            let case = format!("{note:?}, ledger {has_ledger}: {run:?}");
            assert_eq!(run.code, Some(0), "{case}");
            assert!(is_stored(&stage), "{case}");
        }
    }
}
