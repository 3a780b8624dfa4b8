//! Laws of planning, naming, checkpoint and retry: true for every input, not only for the cases somebody thought of.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;
use std::time::Duration;

use jiff::{Span, Timestamp, ToSpan};
use proptest::collection::vec;
use proptest::prelude::*;
use rcbs_core::failure::FailureClass;
use rcbs_core::ledger::checkpoint::{
    Frontier, advance, choose_checkpoint, exported, format_endtime, parse_endtime,
};
use rcbs_core::plan::{Instance, SinceEdge, Slice, UntilEdge, WindowOptions, slices, window};
use rcbs_core::rate::Concurrency;
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::retry::{Attempts, Decision, RetryPolicy};
use rcbs_core::store::{
    Folder, FolderFormat, SafeName, media_file_name, media_file_names, metadata_file_name,
    recording_folder, stage_name,
};

/// The longest name that is not cut, in bytes.
const UNCUT_BYTES: usize = 200;

fn at_second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("the strategies stay inside the calendar")
}

/// Any moment of the calendar, and often one that a recording may have.
fn moments() -> impl Strategy<Value = Timestamp> {
    let all = Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond();
    prop_oneof![
        all.prop_map(|nanos| {
            Timestamp::from_nanosecond(nanos).expect("between the ends of the calendar")
        }),
        (0_i64..4_000_000_000).prop_map(at_second),
    ]
}

/// Lengths of time of every unit, none longer than some years, none empty.
fn lengths() -> impl Strategy<Value = Span> {
    prop_oneof![
        (1_i64..100_000).prop_map(|n| n.seconds()),
        (1_i64..5_000).prop_map(|n| n.minutes()),
        (1_i64..500, 0_i64..60).prop_map(|(h, m)| h.hours().minutes(m)),
        (1_i64..400).prop_map(|n| n.days()),
        (1_i64..20).prop_map(|n| n.weeks()),
        (1_i64..30, 0_i64..40).prop_map(|(m, d)| m.months().days(d)),
        (1_i64..5, 0_i64..12, 0_i64..30).prop_map(|(y, m, h)| y.years().months(m).hours(h)),
    ]
}

/// Texts in which what names must survive is frequent: separators, dots, blanks, escapes, marks, devices.
fn nasty_texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => "[a-cA-C0-1]{1,3}",
        3 => "[ .%~/\\\\:*?\"<>|-]",
        1 => "(con|NUL|Com1|LPT¹|aux |PRN\\.)",
        1 => "(%2E|%41|%7E|~[0-9a-f]{32}|\\.bin|\\.json|\\.rcbs|\\.\\.)",
        1 => "[\\x00-\\x1f\\x7f\u{80}-\u{9f}\u{202e}\u{200f}\u{feff}]",
        1 => any::<char>().prop_map(|c| c.to_string()),
    ];
    prop_oneof![
        6 => vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        2 => ("[aA.%~ ü]", 150_usize..260, ".{0,3}").prop_map(|(c, n, end)| c.repeat(n) + &end),
        1 => any::<String>(),
    ]
}

fn ids() -> impl Strategy<Value = String> {
    nasty_texts().prop_filter("an id is never blank", |text| !text.trim().is_empty())
}

fn recording(text: &str) -> RecordingId {
    RecordingId::new(text).expect("the strategy gives no blank id")
}

fn media(text: &str) -> MediaId {
    MediaId::new(text).expect("the strategy gives no blank id")
}

/// The rules of Linux, NTFS and SMB for one part of a path, written down a second time.
fn is_legal_everywhere(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_uppercase();
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let is_port = |kind: &str| {
        let digit = stem.strip_prefix(kind);
        digit.is_some_and(|digit| digit.chars().count() == 1 && "0123456789¹²³".contains(digit))
    };
    !name.is_empty()
        && name.len() <= 255
        && name.chars().all(|c| (' '..='~').contains(&c))
        && !name.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*'])
        && !name.starts_with('.')
        && !name.ends_with(['.', ' '])
        && !devices.contains(&&*stem)
        && !is_port("COM")
        && !is_port("LPT")
}

proptest! {
    #[test]
    fn slices_cover_the_window_exactly_once(
        since in moments(), length in lengths(), pieces in 1_i64..40, rest in 0_i64..100_000
    ) {
        // A window of about so many lengths, cut off by the end of the calendar.
        let zoned = since.to_zoned(jiff::tz::TimeZone::UTC);
        let end = zoned.checked_add(length * pieces).and_then(|end| end.checked_add(rest.seconds()));
        let until = end.map_or(Timestamp::MAX, |end| end.timestamp());
        prop_assume!(since < until);

        let mut cursor = since;
        for slice in slices(since, until, length).unwrap() {
            prop_assert_eq!(slice.since, cursor);
            prop_assert!(slice.until > slice.since);
            // The last may be shorter; no slice is longer than its length, the end of a short month aside.
            let by_months = length.get_months() != 0 || length.get_years() != 0;
            let slack = if by_months { 4.days() } else { Span::new() };
            let longest = slice
                .since
                .to_zoned(jiff::tz::TimeZone::UTC)
                .checked_add(length)
                .and_then(|longest| longest.checked_add(slack));
            if let Ok(longest) = longest {
                prop_assert!(slice.until <= longest.timestamp());
            }
            cursor = slice.until;
        }
        prop_assert_eq!(cursor, until);
    }

    #[test]
    fn a_window_leaves_no_gap_and_never_shrinks(
        now in 0_i64..4_000_000_000, age in lengths(), overlap in lengths(),
        checkpoint in prop::option::of(0_i64..4_000_000_000), ignore_checkpoint: bool
    ) {
        let options = WindowOptions {
            since: SinceEdge::Ago(age),
            until: UntilEdge::Ago(Span::new()),
            overlap,
            slice_length: 1.day(),
            ignore_checkpoint,
        };
        let now = at_second(now);
        let checkpoint = checkpoint.map(at_second);
        let made = window(&options, checkpoint, now).unwrap();
        let first = window(&options, None, now).unwrap();
        prop_assert_eq!(made.until, now);
        prop_assert!(made.since <= first.since);
        match checkpoint {
            Some(_) if ignore_checkpoint => prop_assert!(made.since < first.since),
            Some(checkpoint) => prop_assert!(made.since < Some(checkpoint)),
            None => prop_assert_eq!(made, first),
        }
    }

    #[test]
    fn instances_together_own_each_recording_exactly_once(id in ids(), total in 1_u32..64) {
        let id = recording(&id);
        let owners = (0..total).filter(|share| Instance::new(*share, total).unwrap().owns(&id));
        prop_assert_eq!(owners.count(), 1);
    }

    #[test]
    fn a_name_is_legal_on_every_system(text in nasty_texts()) {
        let name = SafeName::encode(&text);
        prop_assert!(is_legal_everywhere(name.as_str()), "{:?}", name);
        prop_assert!(name.as_str().len() <= UNCUT_BYTES);
        prop_assert_eq!(SafeName::from_disk(name.as_str()), Some(name));
    }

    #[test]
    fn a_name_that_was_not_cut_is_read_back(text in nasty_texts()) {
        let name = SafeName::encode(&text);
        let cut = name.as_str().contains('~');
        prop_assert_eq!(name.decode(), (!cut).then_some(text));
    }

    #[test]
    fn two_texts_never_share_a_name(texts in vec(nasty_texts(), 2..12)) {
        // Names as texts of their own: whatever a name looks like, it is not taken for what it was made of.
        let names: Vec<String> = texts.iter().map(|text| SafeName::encode(text).as_str().to_owned()).collect();
        let texts: HashSet<String> = texts.into_iter().chain(names).collect();
        let distinct: HashSet<SafeName> = texts.iter().map(|text| SafeName::encode(text)).collect();
        prop_assert_eq!(distinct.len(), texts.len());
    }

    #[test]
    fn long_texts_that_differ_anywhere_have_different_names(
        text in "[ab]{190,260}", place: prop::sample::Index
    ) {
        let mut other = text.clone().into_bytes();
        let place = place.index(other.len());
        other[place] = b'c';
        let other = String::from_utf8(other).unwrap();
        prop_assert_ne!(SafeName::encode(&text), SafeName::encode(&other));
    }

    #[test]
    fn a_name_found_on_disk_stays_one_part_of_a_path(name in nasty_texts()) {
        if let Some(found) = SafeName::from_disk(&name) {
            prop_assert_eq!(found.as_str(), &name);
            prop_assert!(!name.is_empty() && !name.starts_with('.'));
            prop_assert!(!name.contains(['/', '\\', '\0', ':']));
            if let Some(text) = found.decode() {
                prop_assert_eq!(SafeName::encode(&text), found);
            }
        }
    }

    #[test]
    fn no_two_media_of_a_recording_share_a_file(texts in vec(ids(), 1..8), twins in vec(any::<u8>(), 8)) {
        // Each id may come with a twin that wants its name.
        let twin = |(text, kind): (&String, &u8)| match kind % 4 {
            0 => format!("{text}.bin"),
            1 => text.to_uppercase(),
            2 => text.to_lowercase(),
            _ => text.trim_end_matches(".bin").to_owned() + "x",
        };
        let twins: Vec<String> = texts.iter().zip(&twins).map(twin).collect();
        let all: HashSet<&String> = texts.iter().chain(&twins).collect();
        let all: Vec<MediaId> = all.into_iter().map(|text| media(text)).collect();

        let names = media_file_names(&all);
        let folded: HashSet<String> = names.iter().map(|name| name.as_str().to_lowercase()).collect();
        prop_assert_eq!(folded.len(), all.len());

        let backwards: Vec<MediaId> = all.iter().rev().cloned().collect();
        let mut reversed = media_file_names(&backwards);
        reversed.reverse();
        prop_assert_eq!(&reversed, &names);

        for (id, name) in all.iter().zip(&names) {
            prop_assert!(is_legal_everywhere(name.as_str()), "{:?}", name);
            prop_assert!(name.as_str().ends_with(".bin"));
            let alone = media_file_names(std::slice::from_ref(id));
            prop_assert_eq!(alone, [media_file_name(id)]);
        }
    }

    #[test]
    fn metadata_is_never_taken_for_media(recording_id in ids(), media_id in ids()) {
        let metadata = metadata_file_name(&recording(&recording_id));
        prop_assert!(is_legal_everywhere(metadata.as_str()), "{:?}", metadata);
        prop_assert!(!metadata.folds_like(&media_file_name(&media(&media_id))));
    }

    #[test]
    fn metadata_names_are_injective(a in ids(), b in ids()) {
        let same = metadata_file_name(&recording(&a)) == metadata_file_name(&recording(&b));
        prop_assert_eq!(same, a == b);
    }

    #[test]
    fn temporary_names_are_plain_and_tell_files_apart(a in ids(), b in ids(), c in ids()) {
        let name = stage_name(&recording(&a), Some(&media(&b)));
        prop_assert!(name.as_str().len() <= 64);
        prop_assert!(name.as_str().bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')));
        prop_assert_ne!(&name, &stage_name(&recording(&a), None));
        let shifted = stage_name(&recording(&format!("{a}{c}")), Some(&media(&b)));
        prop_assert_ne!(&name, &shifted);
        prop_assert_ne!(name, stage_name(&recording(&a), Some(&media(&format!("{c}{b}")))));
    }

    #[test]
    fn a_folder_pattern_is_refused_or_always_gives_safe_folders(
        pattern in prop_oneof![
            "[yMdHms]{1,5}(/[yMdHms'. _:%~-]{1,8}){0,9}",
            "[yMdHmsE/'.\\\\ äCON]{0,30}",
            any::<String>(),
            nasty_texts(),
        ],
        at in moments(), id in ids()
    ) {
        let Ok(format) = FolderFormat::parse(&pattern) else { return Ok(()) };
        let parts = format.render(at);
        prop_assert!((1..=8).contains(&parts.len()));
        for part in &parts {
            prop_assert!(is_legal_everywhere(part), "{:?}", part);
        }
        let folder = recording_folder(&format, Some(at), &recording(&id));
        prop_assert_eq!(folder.parts().last(), Some(&SafeName::encode(&id)));
        let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
        let above: Vec<&str> = folder.parts().iter().rev().skip(1).rev().map(SafeName::as_str).collect();
        if (1970..=9999).contains(&year) {
            prop_assert_eq!(above, parts);
        } else {
            prop_assert_eq!(above, ["undated"]);
        }
        prop_assert_eq!(Folder::from_text(&folder.to_text()), Some(folder));
    }

    #[test]
    fn a_folder_is_never_read_from_a_text_that_leaves_it(text in ".{0,40}|([a.]{1,3}/?){1,5}") {
        if let Some(folder) = Folder::from_text(&text) {
            prop_assert_eq!(folder.to_text(), text);
            for part in folder.parts() {
                prop_assert!(!part.as_str().starts_with('.') && !part.as_str().contains(['/', '\\']));
            }
        }
    }

    #[test]
    fn an_endtime_is_read_back_never_newer(at in moments()) {
        let read = parse_endtime(&format_endtime(at));
        // The last milliseconds before the beginning of the calendar are not a time.
        prop_assume!(at >= Timestamp::MIN + 1.milliseconds());
        let read = read.unwrap();
        prop_assert!(read <= at && at.duration_since(read).as_millis() < 1);
    }

    #[test]
    fn any_text_is_an_endtime_or_refused_in_printable_words(
        text in prop_oneof![any::<String>(), "[-+0-9TZ:. \\[\\]/a-f]{0,40}", "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?.{0,12}"]
    ) {
        if let Err(error) = parse_endtime(&text) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn a_checkpoint_never_moves_back(
        current in prop::option::of(0_i64..100), since in 0_i64..100, length in 1_i64..20, settled: bool
    ) {
        let current = current.map(at_second);
        let slice = Slice { since: at_second(since), until: at_second(since + length) };
        let after = advance(current, slice, settled);
        prop_assert!(after >= current);
        prop_assert!(after == current || settled && after == Some(slice.until));
    }

    #[test]
    fn a_checkpoint_never_passes_a_slice_that_is_not_settled(
        checkpoint in prop::option::of(0_i64..40), lengths in vec(1_i64..5, 1..12),
        settled in vec(any::<bool>(), 12), order in any::<u64>()
    ) {
        let mut window = Vec::new();
        let mut edge = 10;
        for length in lengths {
            window.push(Slice { since: at_second(edge), until: at_second(edge + length) });
            edge += length;
        }
        let since = window[0].since;
        let whole = window.iter().zip(&settled).take_while(|(_, settled)| **settled).count();
        let covered = whole.checked_sub(1).map(|last| window[last].until);
        let checkpoint = checkpoint.map(at_second);

        let mut done: Vec<Slice> =
            window.iter().zip(&settled).filter(|(_, settled)| **settled).map(|(slice, _)| *slice).collect();
        // Any order in which parallel slices may end.
        done.sort_by_key(|slice| (slice.since.as_second() as u64).wrapping_mul(order | 1));
        let mut frontier = Frontier::new(checkpoint, since);
        let mut before = checkpoint;
        for slice in done {
            let moved = frontier.settle(slice);
            prop_assert!(frontier.checkpoint() >= before);
            prop_assert_eq!(moved.is_some(), frontier.checkpoint() != before);
            before = frontier.checkpoint();
        }
        let gap = checkpoint.is_some_and(|checkpoint| checkpoint < since);
        let expected = if gap { checkpoint } else { checkpoint.max(covered) };
        prop_assert_eq!(frontier.checkpoint(), expected);
    }

    #[test]
    fn what_is_exported_or_chosen_is_never_newer_than_any_source(
        ledger in prop::option::of(0_i64..100), other in prop::option::of(0_i64..100), now in 0_i64..100
    ) {
        let (ledger, other, now) = (ledger.map(at_second), other.map(at_second), at_second(now));
        let export = exported(ledger, other);
        prop_assert!(export <= ledger);
        prop_assert!(export.is_none() || other.is_none() || export <= other);

        let (chosen, note) = choose_checkpoint(ledger, other, now);
        let believable: Vec<Timestamp> = [ledger, other].into_iter().flatten().filter(|at| *at <= now).collect();
        prop_assert_eq!(chosen, believable.iter().min().copied());
        let sources = [ledger, other].into_iter().flatten().count();
        prop_assert_eq!(note.is_some(), believable.len() < sources);
    }

    #[test]
    fn retries_end_and_waits_are_bounded(
        script in vec((0_usize..9, prop::option::of(0_u64..10_000)), 100), random in 0.0..1.0
    ) {
        let policy = RetryPolicy::API;
        let mut attempts = Attempts::default();
        let mut elapsed = Duration::ZERO;
        for (kind, after) in script {
            let class = match kind {
                0 => FailureClass::Corrupt,
                1 => FailureClass::Unexpected,
                2 => FailureClass::Throttled { after: after.map(Duration::from_secs) },
                3..8 => FailureClass::Transient,
                _ => FailureClass::Throttled { after: None },
            };
            match attempts.failed(&policy, class, elapsed, random) {
                Decision::GiveUp => return Ok(()),
                Decision::Again { wait } => {
                    prop_assert!(wait <= Duration::from_secs(15 * 60 + 15));
                    if let FailureClass::Throttled { after } = class {
                        let asked = Duration::from_secs(after.map_or(1, |after| after.as_secs().clamp(1, 900)));
                        prop_assert!(wait >= asked);
                    }
                    elapsed += wait;
                }
            }
        }
        prop_assert!(false, "100 failures and no end");
    }

    #[test]
    fn the_number_of_requests_stays_between_one_and_the_bound(
        max in 0_usize..100, script in vec((0..4, 0_u64..3_000, 0_usize..100, 0_u64..10_000_000), 0..300)
    ) {
        let mut rate = Concurrency::new(max);
        let mut elapsed = Duration::ZERO;
        let mut throttled: Option<Duration> = None;
        for (what, millis, running, bytes) in script {
            let before = rate.limit();
            elapsed += Duration::from_millis(millis);
            match what {
                0 => rate.on_bytes(bytes, running, elapsed),
                1 => rate.on_success(running, elapsed),
                2 => rate.on_idle(),
                _ if bytes % 8 == 0 => {
                    throttled = Some(elapsed);
                    rate.on_throttle(elapsed);
                    prop_assert!(((before / 2).max(1)..=before).contains(&rate.limit()));
                    continue;
                }
                _ => {}
            }
            // After the word of a server nothing is measured until it has been calm for two minutes; words within a
            // second are one, and counted from the first.
            let is_calm = throttled.is_none_or(|at| elapsed - at >= Duration::from_secs(119));
            prop_assert!(is_calm || rate.limit() >= before);
            prop_assert!((1..=max.max(1)).contains(&rate.limit()));
        }
    }
}
