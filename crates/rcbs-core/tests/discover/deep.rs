//! Days with more recordings than are asked for in one list.

use rcbs_core::discover::Learned;

use crate::runner::{DAY, EPOCH, missing, run, scattered};
use crate::server::{Call, Links, Order, Quirks, Reading, Server};

/// More than any list is asked for, and just about as many.
const COUNTS: [usize; 2] = [25_000, 10_000];

/// Lists a day; how many requests for each page of a hundred.
fn requests_for_a_page(count: usize, quirks: &Quirks) -> f64 {
    let calls = scattered(count, 1, 7);
    let mut server = Server::new(calls.clone(), quirks.clone());
    let (outcome, _) = run(&mut server, 1, DAY, Learned::default());
    let context = format!("{count}: {quirks:?}");
    assert!(outcome.failed.is_empty(), "{context}: {:?}", outcome.failed);
    let missing = missing(&outcome, &server, &calls, 1);
    assert!(missing.is_empty(), "{context}: {} missing", missing.len());
    outcome.requests as f64 / (count as f64 / 100.0)
}

#[test]
fn a_long_list_in_the_order_of_time_is_divided_before_it_is_listed_twice() {
    for reading in [Reading::Start, Reading::Stop] {
        for links in [Links::None, Links::Good] {
            for count in COUNTS {
                let quirks = Quirks {
                    reading,
                    links,
                    ..Quirks::default()
                };
                let requests = requests_for_a_page(count, &quirks);
                assert!(requests < 1.15, "{count}, {quirks:?}: {requests}");
            }
        }
    }
}

#[test]
fn a_month_with_a_handful_of_calls_is_not_divided() {
    let quirks = Quirks::default();
    let mut busy = Server::new(scattered(500, 1, 7), quirks.clone());
    let (_, learned) = run(&mut busy, 1, DAY, Learned::default());
    // Two minutes after its beginning, as dense as it would be with 20,000 a month.
    let call = |number: i64| {
        let start = EPOCH + 120_000 + number;
        let id = format!("call-{number}");
        Call::new(id, start, Some(start + 60_000), "alice".into())
    };
    for count in [1, 2, 3] {
        let mut server = Server::new((0..count).map(call).collect(), quirks.clone());
        let (outcome, _) = run(&mut server, 30, 30 * DAY, learned);
        assert_eq!(outcome.seen.len(), count as usize);
        assert!(outcome.requests <= 3, "{count}: {}", outcome.requests);
    }
}

#[test]
fn a_long_list_in_another_order_is_divided_where_it_ends() {
    for order in [Order::Descending, Order::Id] {
        for count in COUNTS {
            let quirks = Quirks {
                order,
                ..Quirks::default()
            };
            let requests = requests_for_a_page(count, &quirks);
            assert!(requests < 2.2, "{count}, {quirks:?}: {requests}");
        }
    }
}
