//! Requests and connections for each recording: what the program asks of the servers.

use crate::many;
use crate::stage::Stage;
use crate::support::archive::{sealed_files, sha256};

#[test]
fn connections_and_requests_are_no_more_than_needed() {
    const COUNT: usize = 60;
    let mut stage = Stage::with_faults(many(COUNT as u64), &["object always: delay ms=10"]);
    stage.set("maxConnections=3");
    stage.backup().expect_code(0);
    let requests = stage.server.requests();
    let counts = requests.counts();
    assert_eq!(
        (counts.objects, counts.complete_objects, counts.refusals),
        (COUNT, COUNT, 0)
    );
    assert!((2..=3).contains(&counts.most_objects_at_once), "{counts:?}");
    assert!(requests.all().iter().all(|seen| seen.method == "GET"));
    // A page, and the few questions that show what the server makes of bounds and offsets.
    assert!(
        counts.lists <= 6 && counts.settings <= 1 && counts.recordings == 0,
        "{counts:?}"
    );
    for (key, bytes) in sealed_files(stage.server.cloud()) {
        let explained = stage.program(&["explain", &key.0]).run();
        assert!(explained.stdout.contains(&sha256(&bytes)), "{key:?}");
    }
}

#[test]
fn a_page_is_asked_for_once_and_a_second_run_asks_for_no_object() {
    const COUNT: usize = 1_050;
    const PAGES: usize = 11;
    let stage = Stage::new(many(COUNT as u64));
    for objects in [COUNT, 0] {
        stage.server.requests().clear();
        stage.backup().expect_code(0);
        let counts = stage.server.requests().counts();
        assert_eq!(
            (counts.objects, counts.recordings, counts.refusals),
            (objects, 0, 0)
        );
        // The first run also asks what the server makes of bounds and offsets.
        assert!((PAGES..=PAGES + 4).contains(&counts.lists), "{counts:?}");
        let all = stage.server.requests().all();
        assert_eq!(all.len(), counts.objects + counts.lists + counts.settings);
        assert!(all.iter().all(|seen| seen.method == "GET"));
    }
}
