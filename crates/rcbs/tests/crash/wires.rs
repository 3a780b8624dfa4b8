//! Wires that are cut, flip bits, fall silent or are slow, between the program and the store or the API.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rcbs_sim::faults::RequestKind;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, Content, Seed};

use crate::checker::{Reference, hourly};
use crate::stage::{Stage, cloud, events, side_by_side};
use crate::support::rounds::Rounds;
use crate::support::wire::{Carried, Harm, Wire};

/// Harm is done to so many objects in one run.
const OBJECTS: u64 = 48;
/// Content of each object.
const CONTENT_BYTES: u64 = 256 << 10;
/// Less than the head of an answer.
const HEAD_BYTES: u64 = 200;

fn day() -> Cloud {
    (0..OBJECTS).fold(cloud(), |cloud, number| {
        cloud
            .recording(&format!("RECORDING{number}"))
            .at(&format!(
                "2018-02-12T{:02}:{:02}:00Z",
                number / 4,
                number % 4
            ))
            .audio_of(Content::pattern(CONTENT_BYTES, number))
            .stored_as("recordings", &format!("object-{number:03}"))
            .build()
    })
}

/// The number of the object that a request asks for.
fn object_of(head: &str) -> Option<u64> {
    let path = head.split(' ').nth(1)?;
    path.split_once("object-")?.1.get(..3)?.parse().ok()
}

/// Leads the requests to the store over a wire that harms the first answer about each object.
fn harm_first(stage: &mut Stage, harm: impl Fn(u64) -> Harm + Send + Sync + 'static) -> Wire {
    let seen = Mutex::new([false; OBJECTS as usize]);
    let wire = Wire::harming(stage.server.s3_port(), move |_, head| {
        let object = object_of(head)?;
        let place = usize::try_from(object).unwrap();
        let again = std::mem::replace(&mut seen.lock().unwrap()[place], true);
        (!again).then(|| harm(object))
    });
    stage.set(&format!("awsEndpoint=http://127.0.0.1:{}", wire.port()));
    wire
}

/// What went over the wire about each object.
fn by_object(wire: &Wire) -> BTreeMap<u64, Vec<Carried>> {
    let mut found: BTreeMap<u64, Vec<Carried>> = BTreeMap::new();
    for carried in wire.carried() {
        found
            .entry(object_of(&carried.head).unwrap())
            .or_default()
            .push(carried);
    }
    assert_eq!(found.len() as u64, OBJECTS);
    found
}

/// Does harm as the seeds want, [`OBJECTS`] of them in one run; each run stores everything.
fn harm_often(
    rounds: Rounds,
    harm: impl Fn(Seed) -> Harm + Copy + Send + Sync + 'static,
    look: impl Fn(&Carried, &[Carried]),
) {
    let reference = Reference::of(day(), &hourly());
    for first in rounds.seeds().step_by(OBJECTS as usize) {
        let case = format!("seeds {first} and up");
        let mut stage = Stage::new(day());
        stage.set(&hourly());
        let wire = harm_first(&mut stage, move |object| harm(Seed::new(first + object)));
        let finished = stage.program(&["backup", "--json"]).run();
        assert_eq!(finished.code, Some(0), "{case}: {}", finished.stderr);
        reference.check_complete(&stage);
        for (object, carried) in by_object(&wire) {
            assert!(carried.len() > 1, "{case}: nothing happened to {object}");
            look(&carried[0], &carried[1..]);
        }
    }
    rounds.done("every one was made up for by one more request");
}

/// It went on at the next byte of the same version, and no byte came twice.
fn went_on(first: &Carried, later: &[Carried]) {
    // One byte is asked for to tell an outage from objects that fail.
    let is_transfer = |one: &&Carried| one.body_bytes != 1;
    let later: Vec<&Carried> = later.iter().filter(is_transfer).collect();
    let bodies: usize = later.iter().map(|one| one.body_bytes).sum();
    let total = (first.body_bytes + bodies) as u64;
    let most = CONTENT_BYTES + 4096;
    assert!((CONTENT_BYTES..most).contains(&total), "{total} bytes came");
    for one in &later {
        let goes_on = one.has("range") && one.has("if-match");
        assert_eq!(goes_on, first.body_bytes > 0, "{first:?}, {one:?}");
    }
}

/// E2.
#[test]
fn a_transfer_cut_at_any_byte_goes_on_at_the_next() {
    let rounds = Rounds::of("cut transfers", 4 * OBJECTS, 40 * OBJECTS);
    let cut = |seed: Seed| Harm::Cut {
        after: below(seed, HEAD_BYTES + CONTENT_BYTES),
    };
    harm_often(rounds, cut, went_on);
}

/// E2, at the edges: in the head, at its end, in the first and in the last bytes.
#[test]
fn a_transfer_cut_near_its_beginning_or_end_goes_on() {
    let rounds = Rounds::of("cut transfers", 2 * OBJECTS, 10 * OBJECTS);
    let cut = |seed: Seed| {
        let near = below(seed, 2 * HEAD_BYTES);
        let is_end = seed.number("end").is_multiple_of(2);
        Harm::Cut {
            after: near + usize::from(is_end) * (CONTENT_BYTES - HEAD_BYTES) as usize,
        }
    };
    harm_often(rounds, cut, went_on);
}

/// E3.
#[test]
fn a_connection_that_is_closed_on_one_side_is_a_cut_transfer() {
    let rounds = Rounds::of("half-closed transfers", OBJECTS, 10 * OBJECTS);
    let close = |seed: Seed| Harm::HalfClose {
        after: below(seed, HEAD_BYTES + CONTENT_BYTES),
    };
    harm_often(rounds, close, went_on);
}

fn flip(seed: Seed) -> Harm {
    Harm::Flip {
        bit: below(seed, 8 * CONTENT_BYTES),
    }
}

/// E5.
#[test]
fn a_bit_that_flips_on_the_way_is_found_at_once() {
    let rounds = Rounds::of("bit flips on the way", 7 * OBJECTS, 21 * OBJECTS);
    harm_often(rounds, flip, |first, later| {
        let bodies: Vec<usize> = later.iter().map(|one| one.body_bytes).collect();
        assert_eq!(bodies, [first.body_bytes], "once more, and all of it");
    });
}

/// E5: what no checksum protects may be damaged and well-formed; then the ledger claims no more than the form.
#[test]
fn without_a_checksum_no_more_than_the_form_is_claimed() {
    let quirks = Quirks::from_settings(["checksums=none", "etags=kms"]).unwrap();
    let mut stage = Stage::with(day(), quirks, &[]);
    let _wire = harm_first(&mut stage, |object| flip(Seed::new(object)));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    let verified = events(&lines, "verified");
    assert_eq!(verified.len() as u64, OBJECTS);
    for event in verified {
        assert_eq!(event["check"], "envelope", "{event}");
    }
}

/// D12: and the same of the store.
#[test]
fn a_connection_that_hangs_after_the_head_is_given_up_and_asked_anew() {
    side_by_side(&["api", "store"], |side| {
        let reference = Reference::of(day(), &hourly());
        let mut stage = Stage::new(day());
        stage.set(&hourly());
        let is_api = *side == "api";
        let behind = if is_api {
            stage.server.api_port()
        } else {
            stage.server.s3_port()
        };
        let wire = Wire::harming(behind, |number, _| (number == 2).then_some(Harm::NoBody));
        let key = if is_api {
            format!("gwsUriPrefix=http://127.0.0.1:{}/api/v2", wire.port())
        } else {
            format!("awsEndpoint=http://127.0.0.1:{}", wire.port())
        };
        stage.set(&key);
        stage.backup().expect_code(0);
        let silent = &wire.carried()[2];
        assert_eq!(silent.body_bytes, 0, "{side}");
        reference.check_complete(&stage);
    });
}

/// D11.
#[test]
fn a_slow_api_keeps_nothing_waiting_that_is_listed() {
    let reference = Reference::of(day(), &hourly());
    let mut stage = Stage::new(day());
    stage.set(&hourly());
    let wire = Wire::harming(stage.server.api_port(), |_, _| {
        Some(Harm::Slow {
            bytes_per_s: 40_000,
        })
    });
    stage.set(&format!(
        "gwsUriPrefix=http://127.0.0.1:{}/api/v2",
        wire.port()
    ));
    stage.backup().expect_code(0);
    reference.check_complete(&stage);
    let requests = stage.server.requests().all();
    let first_object = requests
        .iter()
        .position(|seen| seen.kind == RequestKind::Object);
    let last_list = requests
        .iter()
        .rposition(|seen| seen.kind == RequestKind::List);
    assert!(first_object < last_list, "{first_object:?} {last_list:?}");
}

fn below(seed: Seed, bound: u64) -> usize {
    usize::try_from(seed.below("place", bound)).unwrap()
}
