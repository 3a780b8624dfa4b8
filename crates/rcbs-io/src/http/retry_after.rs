//! Reads `Retry-After` (RFC 9110, 10.2.3): seconds or a date.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The longest wait that a server can impose.
const LONGEST: Duration = Duration::from_mins(15);

/// How long the server wants to be left alone, at most 15 minutes; `None` where it does not say, or not readably.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds still mean: very long.
        return Some(
            value
                .parse()
                .map_or(LONGEST, Duration::from_secs)
                .min(LONGEST),
        );
    }
    let until = http_date(value)?;
    // The server's own clock counts where it tells it: ours may be off by more than the wait.
    let from = server_date(headers).unwrap_or(now);
    Some(
        Duration::try_from(until.duration_since(from))
            .unwrap_or_default()
            .min(LONGEST),
    )
}

/// The server's clock, from the `Date` header.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    PARSER.parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_capped() {
        for (value, date, wait_s) in [
            ("10", None, Some(10)),
            (" 0 ", None, Some(0)),
            ("999999999", None, Some(900)),
            ("99999999999999999999999999", None, Some(900)),
            (
                "Mon, 12 Feb 2018 19:04:31 GMT",
                Some("Mon, 12 Feb 2018 19:04:11 GMT"),
                Some(20),
            ),
            // The wrong weekday is the server's business.
            ("Sun, 12 Feb 2018 19:04:31 GMT", None, Some(31)),
            ("Mon, 12 Feb 2018 19:03:00 GMT", None, Some(0)),
            ("soon", None, None),
            ("-5", None, None),
            ("", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            let now = "2018-02-12T19:04:00Z".parse().unwrap();
            assert_eq!(
                retry_after(&headers, now),
                wait_s.map(Duration::from_secs),
                "{value}"
            );
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }
}
