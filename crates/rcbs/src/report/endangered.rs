//! What the cloud deletes before it is here, in words.

use jiff::Timestamp;
use rcbs_core::retention::Forecast;

use super::{counted, human_seconds, human_time, noun};

/// A line for each kind of danger; none when all is calm.
#[must_use]
pub fn endangered(forecast: &Forecast, soon_until: Timestamp) -> Vec<String> {
    let Forecast {
        overdue,
        soon,
        missed,
        first_missed,
        idle,
    } = *forecast;
    let recordings = |count| counted(count, "recording", "recordings");
    let mut lines = Vec::new();
    if soon > 0 {
        let are = noun(soon, "is", "are");
        lines.push(format!(
            "{} that {are} not here {are} deleted by {}",
            recordings(soon),
            human_time(soon_until)
        ));
    }
    if missed > 0 {
        let first = first_missed.map_or_else(String::new, |at| {
            format!(", the first on {}", human_time(at))
        });
        let rate = idle.map_or_else(
            || "at this rate".to_owned(),
            |idle| {
                let long = human_seconds(idle.as_secs());
                format!("nothing has been stored for {long}; if that goes on,")
            },
        );
        lines.push(format!(
            "{rate} {} {} deleted before we have {}{first}",
            recordings(missed),
            noun(missed, "is", "are"),
            noun(missed, "it", "them"),
        ));
    }
    if overdue > 0 {
        let are = noun(overdue, "is", "are");
        lines.push(format!(
            "{} that {are} not here {are} older than retentionDays and may be gone already",
            recordings(overdue),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_danger_has_a_line() {
        let at: Timestamp = "2018-03-01T12:00:00Z".parse().unwrap();
        assert!(endangered(&Forecast::default(), at).is_empty());
        let one = Forecast {
            overdue: 1,
            soon: 1,
            missed: 1,
            first_missed: Some(at),
            idle: None,
        };
        let many = Forecast {
            overdue: 2,
            soon: 3,
            missed: 4,
            first_missed: None,
            idle: None,
        };
        let stalled = Forecast {
            missed: 5,
            first_missed: Some(at),
            idle: Some(std::time::Duration::from_mins(45)),
            ..Forecast::default()
        };
        let lines = [one, many, stalled].map(|it| endangered(&it, at)).concat();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
