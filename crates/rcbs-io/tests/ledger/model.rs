//! What a random history leaves behind is what a model without any cleverness says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use rcbs_core::failure::FailureClass;
use rcbs_core::ledger::state::{StateName, is_legal};
use rcbs_core::ports::{EntryState, Ledger, LedgerTally, MediaKey, RecordingEntry, Settlement};
use rcbs_core::recording::RecordingId;
use rcbs_io::ledger::SqliteLedger;

use super::block_on;
use super::samples::{LEN_BYTES, announcement, at, id, media_id};

#[derive(Debug, Clone)]
enum Step {
    Announce {
        recording: usize,
        files: Vec<usize>,
        place: u8,
        start: Option<i64>,
    },
    Settle {
        recording: usize,
        file: usize,
        to: StateName,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let files = prop::collection::vec(0..4_usize, 0..4);
    let start = prop::option::of(0..9_i64);
    prop_oneof![
        (0..4_usize, files, 0..2_u8, start).prop_map(|(recording, files, place, start)| {
            Step::Announce {
                recording,
                files,
                place,
                start,
            }
        }),
        (
            0..4_usize,
            0..4_usize,
            prop::sample::select(&StateName::ALL[..])
        )
            .prop_map(|(recording, file, to)| Step::Settle {
                recording,
                file,
                to
            }),
    ]
}

#[derive(Debug, Default)]
struct Model {
    starts: BTreeMap<usize, Option<i64>>,
    files: BTreeMap<(usize, usize), (StateName, u8)>,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn counts_and_work_lists_are_those_of_a_plain_model(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        block_on(async {
            let ledger = SqliteLedger::open_in_memory().unwrap();
            let mut model = Model::default();
            for (number, step) in steps.iter().enumerate() {
                play(&ledger, &mut model, step, number).await;
                compare(&ledger, &model).await;
            }
            ledger.check().await.unwrap();
        });
    }
}

async fn play(ledger: &SqliteLedger, model: &mut Model, step: &Step, number: usize) {
    match step {
        Step::Announce {
            recording,
            files,
            place,
            start,
        } => {
            let mut announced = announcement(*recording);
            announced.start = start.map(at);
            announced.metadata_sha256 = [u8::try_from(number).unwrap(); 32];
            let place_of = |file: &usize| (media_id(*file), Some(format!("s3://{place}/{file}")));
            announced.media = files.iter().map(place_of).collect();
            ledger.announce(&[announced]).await.unwrap();
            let known = model.starts.entry(*recording).or_default();
            *known = start.or(*known);
            for file in files {
                let known = (StateName::Announced, *place);
                let found = model.files.entry((*recording, *file)).or_insert(known);
                let failed = matches!(found.0, StateName::Waiting | StateName::Lost);
                if found.1 != *place && failed {
                    found.0 = StateName::Announced;
                }
                found.1 = *place;
            }
        }
        Step::Settle {
            recording,
            file,
            to,
        } => {
            let key = MediaKey {
                recording: id(*recording),
                media: media_id(*file),
            };
            let settlement = Settlement::Media {
                key,
                state: state(*to),
                recipients: Vec::new(),
            };
            let settled = ledger.settle(Timestamp::UNIX_EPOCH, &[settlement]).await;
            let known = model.files.get_mut(&(*recording, *file));
            let legal = known.as_ref().is_some_and(|known| is_legal(known.0, *to));
            assert_eq!(settled.is_ok(), legal, "{step:?}");
            if let (Some(known), true) = (known, legal) {
                known.0 = *to;
            }
        }
    }
}

async fn compare(ledger: &SqliteLedger, model: &Model) {
    let count = |names: &[StateName]| {
        let files = model.files.values();
        files.filter(|(state, _)| names.contains(state)).count() as u64
    };
    let verified = count(&[StateName::Verified]);
    let tally = LedgerTally {
        recordings: model.starts.len() as u64,
        announced: count(&[StateName::Announced, StateName::Publishing]),
        verified,
        verified_bytes: verified * LEN_BYTES,
        skipped: count(&[StateName::Skipped]),
        waiting: count(&[StateName::Waiting]),
        lost: count(&[StateName::Lost]),
    };
    assert_eq!(ledger.tally().await.unwrap(), tally);
    let with = |names: &[StateName]| -> Vec<RecordingId> {
        let has = |recording: &usize| {
            let mut files = model.files.iter();
            files.any(|((of, _), (state, _))| of == recording && names.contains(state))
        };
        model.starts.keys().copied().filter(has).map(id).collect()
    };
    let ids = |entries: Vec<RecordingEntry>| -> Vec<RecordingId> {
        entries.into_iter().map(|entry| entry.id).collect()
    };
    let unsettled = ids(ledger.unsettled(None, 100).await.unwrap());
    assert_eq!(unsettled, with(&[StateName::Announced, StateName::Waiting]));
    let unconfirmed = ids(ledger.unconfirmed().await.unwrap());
    assert_eq!(unconfirmed, with(&[StateName::Publishing]));
    let open: Vec<_> = StateName::ALL
        .into_iter()
        .filter(|state| !state.is_settled())
        .collect();
    let oldest = with(&open)
        .iter()
        .map(|open| {
            let (_, start) = model
                .starts
                .iter()
                .find(|(index, _)| id(**index) == *open)
                .unwrap();
            start.map_or(Timestamp::UNIX_EPOCH, at)
        })
        .min();
    assert_eq!(ledger.oldest_unsettled().await.unwrap(), oldest);
}

fn state(name: StateName) -> EntryState {
    match name {
        StateName::Announced => EntryState::Announced,
        StateName::Publishing => EntryState::Publishing {
            len_bytes: LEN_BYTES,
            sha256: [1; 32],
            etag: None,
            check: "md5".to_owned(),
        },
        StateName::Verified => EntryState::Verified {
            len_bytes: LEN_BYTES,
            sha256: [1; 32],
            etag: None,
            check: "md5".to_owned(),
            at: at(0),
        },
        StateName::Skipped => EntryState::Skipped {
            rule: "rule".to_owned(),
        },
        StateName::Waiting => EntryState::Waiting {
            class: FailureClass::Transient,
            reason: "cut".to_owned(),
            next_attempt: at(0),
        },
        StateName::Lost => EntryState::Lost {
            reason: "404".to_owned(),
            at: at(0),
        },
    }
}
