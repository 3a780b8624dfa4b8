//! The report as comma-separated values (RFC 4180), a line for each row of days.

use rcbs_core::proof::Row;
use rcbs_core::run::CloudDay;

use super::Told;
use super::text::media_of;

const HEADER: &str = "since,until,listed,verdict,recordings,without_metadata,media,verified,verified_bytes,skipped,waiting,lost,announced,reasons,damaged,part_of_day,cloud_recordings,cloud_media,cloud_unknown_recordings,cloud_unknown_media,cloud_lost_media,cloud_changed_recordings";

pub(super) fn as_csv(told: &Told) -> String {
    let mut text = format!("{HEADER}\r\n");
    for row in &told.proof.rows {
        let cloud = told.cloud.as_ref().map(|cloud| cloud.of(row.period));
        text.push_str(&line(row, cloud));
        text.push_str("\r\n");
    }
    text
}

fn line(row: &Row, cloud: Option<CloudDay>) -> String {
    let count = &row.count;
    let edge = |at: Option<jiff::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    let sum = |counts: &[(String, u64)]| counts.iter().map(|(_, files)| files).sum::<u64>();
    let reasons: Vec<String> = count
        .skipped
        .iter()
        .chain(&count.waiting)
        .map(|(reason, files)| format!("{reason}={files}"))
        .collect();
    [
        edge(row.period.map(|it| it.since)),
        edge(row.period.map(|it| it.until)),
        row.listing.as_str().to_owned(),
        row.verdict().as_str().to_owned(),
        count.recordings.to_string(),
        count.without_metadata.to_string(),
        media_of(count).to_string(),
        count.verified.to_string(),
        count.verified_bytes.to_string(),
        sum(&count.skipped).to_string(),
        sum(&count.waiting).to_string(),
        count.lost.to_string(),
        count.open.to_string(),
        quoted(&reasons.join(" ")),
        count.damaged.to_string(),
        row.is_part_of_day().to_string(),
        columns_of(cloud),
    ]
    .join(",")
}

/// What the cloud announces; empty where it was not asked.
fn columns_of(cloud: Option<CloudDay>) -> String {
    let Some(cloud) = cloud else {
        return ",".repeat(5);
    };
    [
        cloud.recordings,
        cloud.media,
        cloud.unknown_recordings,
        cloud.unknown_media,
        cloud.lost_media,
        cloud.changed_recordings,
    ]
    .map(|count| count.to_string())
    .join(",")
}

/// A text that no spreadsheet takes for a formula or for more than one field.
fn quoted(text: &str) -> String {
    let guarded = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    };
    format!("\"{}\"", guarded.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_formula_or_another_field() {
        assert_eq!(quoted("a=1 b=2"), "\"a=1 b=2\"");
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
        assert_eq!(quoted("a\",b"), "\"a\"\",b\"");
    }
}
