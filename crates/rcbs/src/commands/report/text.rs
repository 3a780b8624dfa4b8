//! The report as a table for a terminal.

use rcbs_core::ports::{DayCount, Period};
use rcbs_core::proof::{Listing, Proof, Row, Verdict};
use rcbs_core::run::{CloudDay, Reconciliation};
use rcbs_core::text::escaped;

use super::Told;
use crate::exit::Exit;
use crate::report::{counted, human_bytes, human_time, noun};

/// So many unknown recordings and files are named for people.
const NAMED: usize = 20;

/// Everything but the exit code.
pub(super) fn as_text(told: &Told) -> String {
    let Some(period) = told.proof.period else {
        return "nothing is known of this period: no backup has listed a part of it\n".to_owned();
    };
    let mut lines = vec![
        format!(
            "from {} (included) to {} (not included)",
            human_time(period.since),
            human_time(period.until)
        ),
        header(),
    ];
    for row in &told.proof.rows {
        lines.push(line(&days_of(row.period), &row.count, remark(row)));
    }
    let total = told.proof.total();
    lines.push(line("total", &total, String::new()));
    lines.extend(reasons(&total));
    lines.push(match told.proof.verdict() {
        Verdict::Complete => format!(
            "complete: everything announced is in the archive ({}), or was not wanted",
            human_bytes(total.verified_bytes)
        ),
        Verdict::Lost => {
            "complete except for what is lost: announced, but gone from the cloud".to_owned()
        }
        Verdict::Incomplete if told.proof.rows.iter().all(Row::is_fetched) => {
            "not complete: some of what was stored is damaged".to_owned()
        }
        Verdict::Incomplete => "not complete; \"rcbs status\" lists what is missing, \"rcbs backup\" fetches what it can".to_owned(),
    });
    lines.extend(verified_days(&told.proof));
    if total.damaged > 0 {
        lines.push(damaged(total.damaged));
    }
    lines.extend(unlisted(&told.proof.rows));
    if let Some(cloud) = &told.cloud {
        lines.extend(match told.exit {
            Exit::Complete | Exit::Waiting | Exit::Lost | Exit::Damaged => compared(cloud),
            _ => vec!["could not be compared with the cloud".to_owned()],
        });
    }
    lines.join("\n") + "\n"
}

/// The last fully verified day, and what is to be said of those before it; the same words wherever it is told.
pub(in crate::commands) fn verified_days(proof: &Proof) -> Vec<String> {
    let Some(day) = proof.last_verified_day() else {
        return vec!["no whole day is fully verified yet".to_owned()];
    };
    let mut lines = vec![format!("last fully verified day: {}", day_text(day))];
    let bad = proof.not_verified_before(day);
    if bad > 0 {
        lines.push(format!(
            "before it {} {} not; \"rcbs report\" shows each day",
            counted(bad, "day", "days"),
            noun(bad, "is", "are")
        ));
    }
    lines
}

/// Damage that `rcbs verify` found, and what to do.
pub(in crate::commands) fn damaged(files: u64) -> String {
    format!(
        "{} found damaged or missing in the archive; \"rcbs verify --repair\" fetches {} again while the cloud has {}",
        counted(files, "file was", "files were"),
        noun(files, "it", "them"),
        noun(files, "it", "them")
    )
}

/// `2018-02-12`.
pub(in crate::commands) fn day_text(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// What to type so that days which were not listed are.
fn unlisted(rows: &[Row]) -> Option<String> {
    let mut periods = rows
        .iter()
        .filter(|row| row.listing != Listing::Whole)
        .filter_map(|row| row.period);
    let first = periods.next()?;
    let last = periods.next_back().unwrap_or(first);
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let until = jiff::Timestamp::from_millisecond(last.until.as_millisecond() + 86_399_999);
    Some(format!(
        "to list what was not: \"rcbs backup --since {} --until {}\"",
        day(first.since),
        day(until.unwrap_or(last.until))
    ))
}

fn header() -> String {
    format!(
        "{:<24} {:>10} {:>8} {:>9} {:>8} {:>8} {:>6} {:>8}",
        "day", "recordings", "media", "verified", "skipped", "waiting", "lost", "not yet"
    )
}

fn line(days: &str, count: &DayCount, remark: String) -> String {
    let sum = |counts: &[(String, u64)]| counts.iter().map(|(_, files)| files).sum::<u64>();
    let row = format!(
        "{days:<24} {:>10} {:>8} {:>9} {:>8} {:>8} {:>6} {:>8}  {remark}",
        count.recordings,
        media_of(count),
        count.verified,
        sum(&count.skipped),
        sum(&count.waiting),
        count.lost,
        count.open
    );
    row.trim_end().to_owned()
}

/// All media files announced.
pub(super) fn media_of(count: &DayCount) -> u64 {
    let listed = count.skipped.iter().chain(&count.waiting);
    count.verified + count.lost + count.open + listed.map(|(_, files)| files).sum::<u64>()
}

/// `2018-02-12`, a stretch of days, or a part of one.
pub(super) fn days_of(period: Option<Period>) -> String {
    let Some(Period { since, until }) = period else {
        return "start unknown".to_owned();
    };
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let last = jiff::Timestamp::from_millisecond(until.as_millisecond() - 1).unwrap_or(until);
    if day(since) == day(last) {
        day(since)
    } else {
        format!("{} … {}", day(since), day(last))
    }
}

fn remark(row: &Row) -> String {
    let mut remarks: Vec<String> = part_of_day(row).into_iter().collect();
    match (row.listing, row.period) {
        (_, None) | (Listing::Whole, _) => {}
        (Listing::Part, _) => remarks.push("listed in part".to_owned()),
        (Listing::Never, _) => remarks.push("never listed".to_owned()),
    }
    if row.count.without_metadata > 0 {
        let without = counted(row.count.without_metadata, "recording", "recordings");
        remarks.push(format!("{without} without metadata"));
    }
    if row.count.damaged > 0 {
        remarks.push(format!("{} damaged", row.count.damaged));
    }
    remarks.join(", ")
}

/// Which part, where it is not a whole day.
pub(super) fn part_of_day(row: &Row) -> Option<String> {
    let period = row.period.filter(|_| row.is_part_of_day())?;
    let time = |at: jiff::Timestamp| at.strftime("%H:%M").to_string();
    Some(
        match (time(period.since).as_str(), time(period.until).as_str()) {
            ("00:00", until) => format!("part of the day, to {until}"),
            (since, "00:00") => format!("part of the day, from {since}"),
            (since, until) => format!("part of the day, from {since} to {until}"),
        },
    )
}

fn reasons(total: &DayCount) -> Vec<String> {
    let told = |what: &str, counts: &[(String, u64)]| -> Vec<String> {
        counts
            .iter()
            .map(|(reason, files)| format!("{files:>10}  {what} {}", escaped(reason)))
            .collect()
    };
    let mut lines = told("skipped by", &total.skipped);
    lines.extend(told("wait after a failure of class", &total.waiting));
    lines
}

fn compared(cloud: &Reconciliation) -> Vec<String> {
    let CloudDay {
        recordings,
        media,
        unknown_recordings,
        unknown_media,
        lost_media,
        changed_recordings,
    } = cloud.total();
    let mut lines = vec![format!(
        "the cloud announces {} with {} in this period",
        counted(recordings, "recording", "recordings"),
        counted(media, "media file", "media files"),
    )];
    if lost_media > 0 {
        lines.push(format!(
            "lost as the ledger has it, and announced all the same: {}; \"rcbs retry ID\" asks for them once more",
            counted(lost_media, "media file", "media files")
        ));
        let lost = cloud.lost_media.iter();
        lines.extend(
            lost.map(|key| format!("  recording {}, media {}", key.recording, key.media))
                .take(NAMED),
        );
    }
    if changed_recordings > 0 {
        lines.push(format!(
            "with other metadata than the ledger knows: {}; \"rcbs backup\" over this period stores them",
            counted(changed_recordings, "recording", "recordings")
        ));
        let changed = cloud.changed_recordings.iter();
        lines.extend(changed.map(|id| format!("  recording {id}")).take(NAMED));
    }
    if unknown_recordings + unknown_media == 0 {
        lines.push("all of them are known to the ledger".to_owned());
        return lines;
    }
    lines.push(format!(
        "unknown to the ledger: {}, {}; \"rcbs backup\" over this period fetches them",
        counted(unknown_recordings, "recording", "recordings"),
        counted(unknown_media, "media file", "media files"),
    ));
    let recordings = cloud
        .unknown_recordings
        .iter()
        .map(|id| format!("  recording {id}"));
    let media = cloud
        .unknown_media
        .iter()
        .map(|key| format!("  recording {}, media {}", key.recording, key.media));
    lines.extend(recordings.chain(media).take(NAMED));
    lines
}
