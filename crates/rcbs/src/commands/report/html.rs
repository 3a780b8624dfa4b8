//! The report as one page for a browser or a printer, with nothing to load from anywhere.

use rcbs_core::ports::DayCount;
use rcbs_core::proof::{Listing, Verdict};

use super::Told;
use super::text::{damaged, days_of, media_of, part_of_day, verified_days};
use crate::report::{human_bytes, human_time};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#1b1b1b;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{padding:.3em .6em;text-align:right;border-bottom:1px solid #ccc}\
th:first-child,td:first-child,th:last-child,td:last-child{text-align:left}tfoot td{font-weight:600}\
.complete{color:#14602b}.lost{color:#7a4a00}.incomplete{color:#9b1c1c}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}.complete{color:#7fd89a}.lost{color:#f0b860}.incomplete{color:#ff9a9a}}";

pub(super) fn as_html(told: &Told) -> String {
    let proof = &told.proof;
    let verdict = proof.verdict();
    let period = match proof.period {
        Some(period) => format!(
            "{} to {}",
            human_time(period.since),
            human_time(period.until)
        ),
        None => "nothing is known of this period".to_owned(),
    };
    let mut rows = String::new();
    for row in &proof.rows {
        let listed = match (row.listing, row.period) {
            (_, None) | (Listing::Whole, _) => "",
            (Listing::Part, _) => ", listed in part",
            (Listing::Never, _) => ", never listed",
        };
        let days = match part_of_day(row) {
            Some(part) => format!("{} ({part})", days_of(row.period)),
            None => days_of(row.period),
        };
        rows.push_str(&line(&days, &row.count, row.verdict(), listed));
    }
    let total = proof.total();
    let foot = line("total", &total, verdict, "");
    let mut days = verified_days(proof);
    if total.damaged > 0 {
        days.push(damaged(total.damaged));
    }
    let cloud = told.cloud.as_ref().map_or_else(String::new, |cloud| {
        let sum = cloud.total();
        format!(
            "<p>Compared with the cloud: it announces {} recordings with {} media files; {} recordings and {} media files are unknown to the ledger, {} recordings have other metadata, {} media files are lost as the ledger has it, and announced all the same.</p>",
            sum.recordings, sum.media, sum.unknown_recordings, sum.unknown_media, sum.changed_recordings, sum.lost_media
        )
    });
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>Recording backup {title}</title><style>{STYLE}</style></head><body>\n\
<h1>Recording backup</h1><p>{title}</p><p class=\"{class}\"><strong>{class}</strong>: {words}</p><p>{days}</p>{cloud}\n\
<table><thead><tr><th>day (GMT)</th><th>recordings</th><th>media</th><th>verified</th><th>size</th><th>skipped</th><th>waiting</th><th>lost</th><th>not yet</th><th>proof</th></tr></thead>\n\
<tbody>\n{rows}</tbody><tfoot>\n{foot}</tfoot></table>\n</body></html>\n",
        title = escape(&period),
        class = verdict.as_str(),
        words = words(verdict),
        days = escape(&days.join("; ")),
    )
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Complete => "everything announced is in the archive, or was not wanted",
        Verdict::Lost => {
            "everything announced is in the archive, except for what the cloud no longer has"
        }
        Verdict::Incomplete => "something waits, is damaged, was not reached, or was never listed",
    }
}

fn line(days: &str, count: &DayCount, verdict: Verdict, listed: &str) -> String {
    let sum = |counts: &[(String, u64)]| counts.iter().map(|(_, files)| files).sum::<u64>();
    let numbers = [
        count.recordings.to_string(),
        media_of(count).to_string(),
        count.verified.to_string(),
        human_bytes(count.verified_bytes),
        sum(&count.skipped).to_string(),
        sum(&count.waiting).to_string(),
        count.lost.to_string(),
        count.open.to_string(),
    ];
    let reasons: Vec<String> = count
        .skipped
        .iter()
        .chain(&count.waiting)
        .map(|(reason, files)| format!("{reason} {files}"))
        .collect();
    let numbers: String = numbers.iter().map(|it| format!("<td>{it}</td>")).collect();
    let class = verdict.as_str();
    let damaged = match count.damaged {
        0 => String::new(),
        files => format!(", {files} damaged"),
    };
    let mut proof = format!("{class}{listed}{damaged}");
    if !reasons.is_empty() {
        proof = format!("{proof} ({})", reasons.join(", "));
    }
    format!(
        "<tr><td>{}</td>{numbers}<td class=\"{class}\">{}</td></tr>\n",
        escape(days),
        escape(&proof)
    )
}

/// Text that stays text on a page.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape("<b onload='x'>&\"\u{1b}"),
            "&lt;b onload=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"
        );
    }
}
