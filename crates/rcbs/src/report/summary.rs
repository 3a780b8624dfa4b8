//! The report at the end of a run, for people: what is in the archive, what is not and why, and what to do next.

use rcbs_core::event::Summary;

use super::{counted, human_bytes};

/// What a run was, for the words of its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A backup.
    Backup {
        /// With `metadataOnly=true`.
        metadata_only: bool,
    },
    /// What waited was tried again.
    Retry,
    /// An archive was taken over.
    Adoption,
}

/// The report as lines. `percent` is that of the last snapshot, `stopped` whether the run ended before its end.
#[must_use]
pub fn final_report(
    kind: Kind,
    summary: &Summary,
    percent: u8,
    stopped: bool,
    target: &str,
) -> Vec<String> {
    let found = match kind {
        Kind::Backup { .. } => "announced",
        Kind::Retry => "tried again",
        Kind::Adoption => "found",
    };
    let files = match kind {
        // Beside what waited its recordings have what is in place.
        Kind::Retry => summary.announced.saturating_sub(summary.unchanged),
        Kind::Backup { .. } | Kind::Adoption => summary.announced,
    };
    let mut lines = vec![format!(
        "{} with {} {found}",
        counted(summary.recordings, "recording", "recordings"),
        counted(files, "media file", "media files"),
    )];
    for (count, text) in rows(kind, summary, stopped) {
        if count > 0 {
            lines.push(format!("  {count:>8}  {text}"));
        }
    }
    lines.push(match (kind, percent) {
        (Kind::Backup { metadata_only }, 100) => complete(summary, metadata_only, target),
        (Kind::Retry, 100) if summary.announced == 0 => {
            format!("100 %: there was nothing to try again; {target} is as it was")
        }
        (Kind::Retry, 100) if summary.stored() == 0 => {
            "100 %: nothing of what was tried is wanted any more (mediaTypePattern)".to_owned()
        }
        (Kind::Retry, 100) => {
            format!(
                "100 %: everything that was tried and is wanted is stored and verified in {target}"
            )
        }
        (Kind::Adoption, 100) if summary.recordings == 0 => {
            format!("100 %: there is no recording in {target}")
        }
        (Kind::Adoption, 100) => {
            format!("100 %: everything in {target} is checked and known; nothing was downloaded")
        }
        _ => format!("{percent} %: {}", incomplete(summary, stopped)),
    });
    lines
}

fn rows(kind: Kind, summary: &Summary, stopped: bool) -> [(u64, String); 14] {
    let bytes = human_bytes(summary.received_bytes);
    let unsettled = match kind {
        Kind::Adoption if !stopped => {
            "missing or damaged on disk; the next backup fetches them if the cloud still has them"
        }
        _ => "not reached in this run",
    };
    let faults = match kind {
        Kind::Backup { .. } | Kind::Retry => "announcements that cannot be used",
        Kind::Adoption => "folders or media files that cannot be taken over",
    };
    let own = |text: &str| text.to_owned();
    [
        (
            summary.fetched,
            format!("fetched, verified and stored ({bytes} received)"),
        ),
        (
            summary.sealed_here,
            own("of them encrypted here: the cloud holds them unencrypted"),
        ),
        (
            summary.stored_plain,
            own("of them unencrypted (plainMedia=store)"),
        ),
        match kind {
            Kind::Retry => (0, String::new()),
            Kind::Backup { .. } | Kind::Adoption => (summary.unchanged, own("in place already")),
        },
        (
            summary.adopted,
            own("found on disk, checked and taken over"),
        ),
        (summary.skipped, own("skipped as configured")),
        (
            summary.waiting,
            own("wait for retry; every run tries them again"),
        ),
        (
            summary.lost,
            own("lost: announced, but gone from the cloud"),
        ),
        (summary.unsettled(), own(unsettled)),
        (summary.server_faults, own(faults)),
        (
            summary.slices_failed,
            own("parts of the window that could not be listed"),
        ),
        (
            summary.endangered.soon,
            own("recordings that are not here and are deleted soon (retentionDays)"),
        ),
        (
            summary.endangered.missed,
            own("recordings that are deleted before they are here, at this rate"),
        ),
        (
            summary.endangered.overdue,
            own("recordings that are not here and may be gone already (retentionDays)"),
        ),
    ]
}

/// The last line of a backup with exit code 0: says no more than is so.
fn complete(summary: &Summary, metadata_only: bool, target: &str) -> String {
    let text = match (summary.recordings, summary.stored(), summary.skipped) {
        (0, 0, 0) => format!("nothing was announced in this window; {target} is up to date"),
        (_, 0, 0) => format!("all metadata is stored in {target}; no media files were announced"),
        (_, 0, _) if metadata_only => format!(
            "all metadata is stored in {target}; media files were not asked for (metadataOnly=true)"
        ),
        (_, 0, _) => format!(
            "all metadata is stored in {target}; no media file is of a wanted type (mediaTypePattern)"
        ),
        (_, _, 0) => format!("everything announced is stored and verified in {target}"),
        (_, _, skipped) => format!(
            "everything announced is stored and verified in {target}, except {} as configured",
            counted(skipped, "media file skipped", "media files skipped")
        ),
    };
    format!("100 %: {text}")
}

/// Sends people only to where there is something to see.
fn incomplete(summary: &Summary, stopped: bool) -> &'static str {
    let in_ledger = summary.waiting + summary.lost + summary.unsettled();
    if in_ledger > 0 {
        "not complete; \"rcbs status\" lists what is missing"
    } else if summary.slices_failed > 0 {
        "not complete: not everything could be listed"
    } else if summary.server_faults > 0 {
        "not complete: not everything that was announced can be used"
    } else if stopped {
        "not complete: the run stopped before its end"
    } else {
        "not complete: files are damaged that were stored before"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_line(kind: Kind, percent: u8, summary: &Summary) -> String {
        final_report(kind, summary, percent, false, "T")
            .pop()
            .unwrap()
    }

    #[test]
    fn the_last_line_claims_no_more_than_is_so() {
        let summary = |recordings, announced, fetched, skipped| Summary {
            recordings,
            announced,
            fetched,
            skipped,
            ..Summary::default()
        };
        let full = Kind::Backup {
            metadata_only: false,
        };
        let metadata = Kind::Backup {
            metadata_only: true,
        };
        let cases = [
            (full, summary(0, 0, 0, 0)),
            (full, summary(2, 0, 0, 0)),
            (metadata, summary(2, 0, 0, 0)),
            (metadata, summary(2, 3, 0, 3)),
            (full, summary(2, 3, 0, 3)),
            (full, summary(2, 3, 2, 1)),
            (full, summary(2, 3, 3, 0)),
            (Kind::Adoption, summary(0, 0, 0, 0)),
            (Kind::Adoption, summary(2, 3, 0, 3)),
            (Kind::Retry, summary(0, 0, 0, 0)),
            (Kind::Retry, summary(2, 3, 0, 3)),
            (Kind::Retry, summary(2, 3, 2, 1)),
        ];
        let lines: Vec<String> = cases
            .iter()
            .map(|(kind, summary)| last_line(*kind, 100, summary))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn status_is_named_only_where_it_has_something_to_list() {
        let kind = Kind::Backup {
            metadata_only: false,
        };
        let cases = [
            (
                Summary {
                    announced: 1,
                    waiting: 1,
                    ..Summary::default()
                },
                true,
            ),
            (
                Summary {
                    announced: 1,
                    lost: 1,
                    ..Summary::default()
                },
                true,
            ),
            (
                Summary {
                    announced: 1,
                    ..Summary::default()
                },
                true,
            ),
            (
                Summary {
                    slices_failed: 1,
                    ..Summary::default()
                },
                false,
            ),
            (
                Summary {
                    server_faults: 1,
                    ..Summary::default()
                },
                false,
            ),
            (Summary::default(), false),
        ];
        for (summary, named) in cases {
            let line = last_line(kind, 0, &summary);
            assert_eq!(line.contains("rcbs status"), named, "{line}");
        }
    }

    #[test]
    fn an_adoption_tells_of_the_disk_and_not_of_the_cloud() {
        let summary = Summary {
            recordings: 2,
            announced: 4,
            adopted: 1,
            unchanged: 1,
            server_faults: 1,
            ..Summary::default()
        };
        let report = final_report(Kind::Adoption, &summary, 50, false, "T");
        insta::assert_snapshot!(report.join("\n"));
    }
}
