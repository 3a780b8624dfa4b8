//! The query of a search, read as strictly or as loosely as the quirks say.

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;

use crate::quirks::{NoParameters, Quirks, TimeForm, UnknownParameters, UpperBound};
use crate::search::Search;

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListQuery {
    /// What is searched for.
    pub(crate) search: Search,
    /// Whether a link of ours led here.
    pub(crate) by_link: bool,
    /// Whether whole recordings are wanted (`fields=*`).
    pub(crate) all_fields: bool,
}

/// A query that is refused, with the `statusCode` and message of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryRefused {
    pub(crate) code: u16,
    pub(crate) message: String,
}

/// The parameter that links carry in place of an offset, honoured whatever is made of offsets.
pub(crate) const SCROLL: &str = "scroll";

/// Reads a query.
pub(crate) fn read(query: &str, quirks: &Quirks, request: u64) -> Result<ListQuery, QueryRefused> {
    let mut wanted = ListQuery {
        search: Search {
            since: None,
            until: None,
            caller: None,
            dialed: None,
            offset: 0,
            limit: 100,
            request,
        },
        by_link: false,
        all_fields: false,
    };
    if query.is_empty() && quirks.no_parameters == NoParameters::Refused {
        return Err(QueryRefused {
            code: 1,
            message: "At least one query parameter is required.".to_owned(),
        });
    }
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let number = || value.parse::<u64>().map_err(|_| invalid(&name));
        let search = &mut wanted.search;
        match &*name {
            "startTime" => search.since = Some(time(&value, quirks).ok_or_else(|| invalid(&name))?),
            "endTime" | "stopTime" if is_upper_bound(&name, quirks) => {
                search.until = Some(time(&value, quirks).ok_or_else(|| invalid(&name))?);
            }
            "callerPhoneNumber" => search.caller = Some(value.into_owned()),
            "dialedPhoneNumber" => search.dialed = Some(value.into_owned()),
            "limit" => {
                search.limit = number()
                    .ok()
                    .filter(|limit| *limit > 0)
                    .ok_or_else(|| invalid(&name))?;
            }
            "offset" => search.offset = number()?,
            "fields" => wanted.all_fields = value == "*",
            SCROLL => {
                search.offset = number()?;
                wanted.by_link = true;
            }
            _ if quirks.unknown_parameters == UnknownParameters::Rejected => {
                return Err(invalid(&name));
            }
            _ => {}
        }
    }
    if wanted.search.is_too_long(quirks) {
        return Err(invalid("endTime"));
    }
    Ok(wanted)
}

/// The query of another page of the same search.
pub(crate) fn scroll_to(query: &str, offset: u64) -> String {
    let kept = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != SCROLL && name != "offset");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair(SCROLL, &offset.to_string())
        .finish()
}

fn is_upper_bound(name: &str, quirks: &Quirks) -> bool {
    match quirks.upper_bound {
        UpperBound::Both => true,
        UpperBound::EndTime => name == "endTime",
        UpperBound::StopTime => name == "stopTime",
        UpperBound::Neither => false,
    }
}

fn invalid(name: &str) -> QueryRefused {
    QueryRefused {
        code: 2,
        message: format!(
            "Parameter '{name}' is invalid: The specified value is not within valid range"
        ),
    }
}

/// Reads a time in the form that the server takes. A `+` that was not encoded has become a space and is refused, as a
/// real server would.
fn time(text: &str, quirks: &Quirks) -> Option<Timestamp> {
    let offset = || {
        let form = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%:z"];
        form.iter()
            .find_map(|form| BrokenDownTime::parse(form, text).ok()?.to_timestamp().ok())
    };
    let zulu = || text.ends_with('Z').then(|| text.parse().ok()).flatten();
    let epoch_ms = || Timestamp::from_millisecond(text.parse().ok()?).ok();
    match quirks.time_form {
        TimeForm::Any => offset().or_else(zulu).or_else(epoch_ms),
        TimeForm::Offset => offset(),
        TimeForm::Zulu => zulu(),
        TimeForm::EpochMs => epoch_ms(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quirks(settings: &[&str]) -> Quirks {
        Quirks::from_settings(settings.iter().copied()).unwrap()
    }

    #[test]
    fn each_time_form_refuses_the_others() {
        let forms = [
            ("offset", "2018-02-12T19:04:11.000%2B0000"),
            ("zulu", "2018-02-12T19:04:11Z"),
            ("epoch-ms", "1518462251000"),
        ];
        for (wanted, _) in forms {
            for (form, text) in forms {
                let quirks = quirks(&[&format!("time-form={wanted}")]);
                let read = read(&format!("startTime={text}"), &quirks, 1);
                assert_eq!(
                    read.is_ok(),
                    form == wanted,
                    "{form} where {wanted} is wanted"
                );
            }
        }
        for (_, text) in forms {
            let query = read(&format!("startTime={text}"), &Quirks::default(), 1).unwrap();
            assert_eq!(
                query.search.since,
                Some("2018-02-12T19:04:11Z".parse().unwrap()),
                "{text}"
            );
        }
        assert!(
            read(
                "startTime=2018-02-12T19:04:11.000+0000",
                &Quirks::default(),
                1
            )
            .is_err()
        );
        assert!(read("startTime=yesterday", &Quirks::default(), 1).is_err());
    }

    #[test]
    fn each_spelling_of_the_upper_bound() {
        for (spelling, end_counts, stop_counts) in [
            ("both", true, true),
            ("endTime", true, false),
            ("stopTime", false, true),
            ("neither", false, false),
        ] {
            let ignoring = quirks(&[&format!("upper-bound={spelling}")]);
            let rejecting = quirks(&[
                &format!("upper-bound={spelling}"),
                "unknown-parameters=rejected",
            ]);
            for (name, counts) in [("endTime", end_counts), ("stopTime", stop_counts)] {
                let query = format!("{name}=1518462251000");
                assert_eq!(
                    read(&query, &ignoring, 1).unwrap().search.until.is_some(),
                    counts,
                    "{spelling} {name}"
                );
                assert_eq!(
                    read(&query, &rejecting, 1).is_ok(),
                    counts,
                    "{spelling} {name}"
                );
            }
        }
    }

    #[test]
    fn a_search_without_parameters_is_refused() {
        assert_eq!(read("", &Quirks::default(), 1).unwrap_err().code, 1);
        assert!(read("", &quirks(&["no-parameters=listed"]), 1).is_ok());
    }

    #[test]
    fn a_link_carries_the_search_and_replaces_the_place() {
        let next = scroll_to(
            "startTime=1518462251000&offset=100&limit=50&scroll=7&callerPhoneNumber=%2B1*",
            150,
        );
        let query = read(&next, &Quirks::default(), 1).unwrap();
        assert!(query.by_link);
        assert_eq!(query.search.offset, 150);
        assert_eq!(query.search.limit, 50);
        assert_eq!(query.search.caller.as_deref(), Some("+1*"));
    }
}
