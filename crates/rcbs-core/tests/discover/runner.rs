//! Lists a window from the pretend server with nothing but the pure part of discovery.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rcbs_core::discover::{DiscoverError, Learned, Step, Survey};
use rcbs_core::plan::Slice;

use crate::server::{Call, Links, Offsets, Quirks, Reading, Server, scramble};

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2018-02-12T00:00:00Z, where all windows begin.
pub(crate) const EPOCH: i64 = 1_518_393_600_000;

/// How calls lie in time.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) count: usize,
    pub(crate) days: i64,
    pub(crate) seed: u64,
    /// Start times are whole seconds.
    pub(crate) whole_seconds: bool,
    /// So many calls at one moment, at so many moments.
    pub(crate) burst: usize,
    pub(crate) bursts: usize,
    /// Within this many milliseconds.
    pub(crate) burst_ms: i64,
    pub(crate) longest: i64,
    /// Some have no stop.
    pub(crate) open: bool,
}

/// Calls from a day before the window to a day after it, and some on its very edges.
pub(crate) fn calls(shape: &Shape) -> Vec<Call> {
    let number = |what: &str, at: usize| scramble(shape.seed, &format!("{what} {at}"));
    let below = |what: &str, at: usize, most: i64| (number(what, at) % (most.max(1) as u64)) as i64;
    let span = shape.days * DAY + 2 * DAY;
    let mut calls: Vec<Call> = (0..shape.count)
        .map(|at| {
            let mut start = EPOCH - DAY + below("start", at, span);
            if shape.bursts > 0 && at < shape.burst * shape.bursts {
                let moment = EPOCH + below("burst", at / shape.burst, shape.days * DAY);
                start = moment - moment.rem_euclid(SECOND) + below("in", at, shape.burst_ms);
            }
            if shape.whole_seconds {
                start -= start.rem_euclid(SECOND);
            }
            let longest = if at % 20 == 0 {
                shape.longest
            } else {
                shape.longest.min(10 * 60 * SECOND)
            };
            let stop = start + 5 * SECOND + below("length", at, longest - 5 * SECOND);
            Call::new(
                format!("{:016X}{at}", number("id", at)),
                start,
                (!shape.open || at % 3 > 0).then_some(stop),
                format!("+1555{:04}", below("caller", at, 10_000)),
            )
        })
        .collect();
    // Calls on the very edges.
    for (name, at) in [
        ("first", EPOCH),
        ("before", EPOCH - 1),
        ("behind", EPOCH + shape.days * DAY),
        ("last", EPOCH + shape.days * DAY - 1),
        ("inner", EPOCH + DAY),
    ] {
        calls.push(Call::new(
            name.into(),
            at,
            Some(at + HOUR.min(shape.longest)),
            "alice".into(),
        ));
    }
    calls
}

/// What a window brought.
pub(crate) struct Outcome {
    pub(crate) seen: HashMap<String, Call>,
    pub(crate) failed: Vec<(Slice, DiscoverError)>,
    pub(crate) requests: usize,
}

/// Lists a window of so many days slice by slice.
pub(crate) fn run(
    server: &mut Server,
    days: i64,
    slice: i64,
    learned: Learned,
) -> (Outcome, Learned) {
    let at = |ms| Timestamp::from_millisecond(ms).unwrap();
    let window = Slice {
        since: at(EPOCH),
        until: at(EPOCH + days * DAY),
    };
    let mut survey = Survey::new(window, at(EPOCH + (days + 1) * DAY), learned);
    let mut outcome = Outcome {
        seen: HashMap::new(),
        failed: vec![],
        requests: 0,
    };
    let mut since = EPOCH;
    while since < EPOCH + days * DAY {
        let until = (since + slice).min(EPOCH + days * DAY);
        let slice = Slice {
            since: at(since),
            until: at(until),
        };
        since = until;
        let mut walk = survey.walk(slice);
        let result = loop {
            match walk.step() {
                Step::Done => break Ok(()),
                Step::Failed(error) => break Err(error),
                Step::Ask(request) => match server.answer(&request) {
                    Ok(answer) => walk.on_page(&answer.facts(&mut outcome.seen)),
                    Err(error) => walk.on_error(&error),
                },
            }
            assert!(server.requests < 100_000, "does not end");
        };
        if let Err(error) = result {
            outcome.failed.push((slice, error));
        }
    }
    outcome.requests = server.requests;
    (outcome, survey.learned())
}

/// What is announced, was not seen, and lies in no slice that failed.
pub(crate) fn missing(outcome: &Outcome, server: &Server, calls: &[Call], days: i64) -> Vec<Call> {
    let failed: Vec<(i64, i64)> = outcome
        .failed
        .iter()
        .map(|(slice, _)| (slice.since.as_millisecond(), slice.until.as_millisecond()))
        .collect();
    let seen: HashSet<&str> = outcome.seen.keys().map(String::as_str).collect();
    calls
        .iter()
        .filter(|call| (EPOCH..EPOCH + days * DAY).contains(&call.start))
        // A server that looks at the stop announces no recording without one.
        .filter(|call| server.quirks.reading == Reading::Start || call.stop.is_some())
        .filter(|call| !server.is_hidden(call))
        // What `discover` assumes of servers that leave no other way.
        .filter(|_| server.quirks.cap >= 2 || has_pages(&server.quirks))
        .filter(|_| server.quirks.hidden == 0 || has_pages(&server.quirks))
        .filter(|call| {
            !failed
                .iter()
                .any(|(since, until)| (*since..*until).contains(&call.start))
        })
        .filter(|call| !seen.contains(call.id.as_str()))
        .cloned()
        .collect()
}

/// Whether a list of more than a page can be read further.
pub(crate) fn has_pages(quirks: &Quirks) -> bool {
    matches!(quirks.links, Links::Good | Links::ToEmptyPage)
        || matches!(quirks.offsets, Offsets::Honoured)
}

/// So many calls of a few minutes, anywhere in the window.
pub(crate) fn scattered(count: usize, days: i64, seed: u64) -> Vec<Call> {
    let number = |what: &str, at: usize, most: i64| {
        (scramble(seed, &format!("{what} {at}")) % most as u64) as i64
    };
    (0..count)
        .map(|at| {
            let start = EPOCH + number("start", at, days * DAY - HOUR);
            let stop = start + 30 * SECOND + number("length", at, HOUR - 60 * SECOND);
            let id = format!("{:016X}{at}", scramble(seed, &format!("id {at}")));
            Call::new(id, start, Some(stop), "+15550001".into())
        })
        .collect()
}
