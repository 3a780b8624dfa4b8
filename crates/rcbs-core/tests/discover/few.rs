//! Tenants with few recordings on servers without any paging: what a proof may cost.

use rcbs_core::discover::Learned;

use crate::runner::{DAY, missing, run, scattered};
use crate::server::{Offsets, Order, Quirks, Reading, Server};

fn no_paging(reading: Reading, cap: usize, order: Order) -> Quirks {
    Quirks {
        offsets: Offsets::Ignored,
        reading,
        cap,
        order,
        ..Quirks::default()
    }
}

/// Lists so many calls twice; how many requests the first time and the second.
fn twice(count: usize, days: i64, seed: u64, quirks: &Quirks) -> [usize; 2] {
    let calls = scattered(count, days, seed);
    let mut learned = Learned::default();
    [(); 2].map(|()| {
        let mut server = Server::new(calls.clone(), quirks.clone());
        let (outcome, now) = run(&mut server, days, DAY, learned);
        let context = format!("{count} in {days} days, seed {seed}, {quirks:?}");
        assert!(outcome.failed.is_empty(), "{context}: {:?}", outcome.failed);
        let missing = missing(&outcome, &server, &calls, days);
        assert!(missing.is_empty(), "{context}: {missing:?}");
        learned = Learned::from_text(&now.to_text());
        outcome.requests
    })
}

#[test]
fn few_recordings_are_proven_complete_with_few_requests() {
    // First run, second run; beside one request for each slice.
    let most = |reading, days| match (reading, days) {
        (Reading::Start, 1) => [5, 3],
        (Reading::Start, _) => [7, 5],
        (_, 1) => [6, 3],
        _ => [8, 5],
    };
    for reading in [Reading::Start, Reading::Stop] {
        for days in [1, 2, 30] {
            for count in (0..=20).chain([45, 90, 99]) {
                for seed in 0..20 {
                    let quirks = no_paging(reading, 100, Order::Id);
                    let requests = twice(count, days, seed, &quirks);
                    let most = most(reading, days);
                    for (requests, most) in requests.into_iter().zip(most) {
                        let context = format!("{count} in {days} days, {reading:?}, seed {seed}");
                        let days = usize::try_from(days).unwrap();
                        assert!(requests <= days + most, "{context}: {requests}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_server_that_cuts_shorter_than_it_did_is_found_out() {
    for cap in [5, 10, 20, 25, 50] {
        for order in [Order::Ascending, Order::Descending, Order::Id] {
            for seed in 0..10 {
                let calls = scattered(300, 2, seed);
                let mut server = Server::new(calls.clone(), no_paging(Reading::Start, 100, order));
                let (_, learned) = run(&mut server, 2, DAY, Learned::default());
                assert_eq!(learned.longest_page, 100);
                let mut server = Server::new(calls.clone(), no_paging(Reading::Start, cap, order));
                let (outcome, learned) = run(&mut server, 2, DAY, learned);
                let context = format!("{cap} {order:?}, seed {seed}");
                assert!(outcome.failed.is_empty(), "{context}: {:?}", outcome.failed);
                let missing = missing(&outcome, &server, &calls, 2);
                assert!(missing.is_empty(), "{context}: {} missing", missing.len());
                assert_eq!(learned.longest_page as usize, cap, "{context}");
            }
        }
    }
}

#[test]
fn a_longer_page_of_an_earlier_run_proves_a_short_one() {
    let quirks = no_paging(Reading::Start, 100, Order::Id);
    let mut busy = Server::new(scattered(40, 1, 1), quirks.clone());
    let (_, learned) = run(&mut busy, 1, DAY, Learned::default());
    for count in 1..=30 {
        let calls = scattered(count, 1, 2);
        let mut server = Server::new(calls.clone(), quirks.clone());
        let (outcome, _) = run(&mut server, 1, DAY, learned);
        assert!(missing(&outcome, &server, &calls, 1).is_empty());
        // A multiple of five may be a cap that is new. The second question is what the bounds are compared with.
        let most = if count % 5 == 0 { 4 } else { 2 };
        assert!(outcome.requests <= most, "{count}: {}", outcome.requests);
    }
}
