//! Finds the spelling of a list request that this server takes. Values in, a decision out; nothing is asked here.
//!
//! No public text says how the parameters are called (`genesys.md` 2.4), so we send what is likely and learn from
//! refusals. The server's bounds only narrow the list, callers filter by themselves: leaving a parameter out costs
//! requests, never recordings.

use std::fmt::Write as _;

use jiff::tz::Offset;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rcbs_core::ports::ListRequest;

/// From here on an offset counts as deep: Elasticsearch behind such servers refuses or fails on it.
const DEEP_OFFSET: u64 = 1_000;

/// How many spellings there are: three forms of time, four parameters that can be left out.
pub(super) const SPELLINGS: usize = 48;

/// Characters that stand for themselves in a query value. `+` does not: it would be read as a blank.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'*')
    .remove(b':');

/// How a list request is spelled: the form of its times and the parameters it has besides `startTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) times: TimeForm,
    pub(super) end_time: bool,
    pub(super) stop_time: bool,
    pub(super) fields: bool,
    pub(super) limit: bool,
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// `2018-02-12T19:04:11.000+0000`, as the server writes its own.
    Numeric,
    /// `2018-02-12T19:04:11.000Z`.
    Zulu,
    /// `1518462251000`.
    Millis,
}

/// What the client knows about the server's spelling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// What to send.
    pub(super) dialect: Dialect,
    /// The server has answered a request in this spelling, so a refusal is about something else.
    pub(super) confirmed: bool,
    /// Every spelling was refused once; not to be tried through again.
    pub(super) exhausted: bool,
}

/// A request that the server refused as wrongly put: HTTP 400, or `statusCode` 1 or 2.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// `statusCode` 1: something is missing, so leaving more out cannot help.
    pub(super) missing: bool,
    pub(super) message: String,
}

/// What to do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask again like this.
    Try(Dialect),
    /// It is the offset that is refused.
    OffsetRefused,
    /// It is refused for good.
    Refused,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            dialect: Dialect::new(TimeForm::Numeric, [true; 4]),
            confirmed: false,
            exhausted: false,
        }
    }
}

impl Dialect {
    /// In the order in which parameters are dropped when the server does not say which one it minds.
    const fn new(times: TimeForm, [stop_time, end_time, fields, limit]: [bool; 4]) -> Self {
        Self {
            times,
            end_time,
            stop_time,
            fields,
            limit,
        }
    }

    /// The query of a request for the page that begins after `offset` recordings.
    pub(super) fn query(self, request: &ListRequest, offset: u64) -> String {
        let mut query = format!("startTime={}", self.time(request.since, RoundMode::Floor));
        let until = self.time(request.until, RoundMode::Ceil);
        let mut add = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _unfailing = write!(query, "&{name}={value}");
        };
        if self.end_time {
            add("endTime", &until);
        }
        if self.stop_time {
            add("stopTime", &until);
        }
        if self.limit {
            add("limit", &request.limit.to_string());
        }
        // The first page is asked for without: a server that knows no `offset` then still gives it.
        if offset > 0 {
            add("offset", &offset.to_string());
        }
        if self.fields {
            add("fields", "*");
        }
        if let Some(pattern) = &request.caller_pattern {
            add(
                "callerPhoneNumber",
                &utf8_percent_encode(pattern, QUERY_VALUE).to_string(),
            );
        }
        query
    }

    /// Milliseconds are all that the forms carry; bounds are rounded outwards so that nothing falls out.
    fn time(self, at: Timestamp, mode: RoundMode) -> String {
        let rounded = at
            .round(TimestampRound::new().smallest(Unit::Millisecond).mode(mode))
            .unwrap_or(at);
        let local = Offset::UTC.to_datetime(rounded);
        match self.times {
            TimeForm::Numeric => local.strftime("%Y-%m-%dT%H:%M:%S.%3f%%2B0000").to_string(),
            TimeForm::Zulu => local.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            TimeForm::Millis => rounded.as_millisecond().to_string(),
        }
    }

    fn sends(self, name: Parameter) -> bool {
        match name {
            Parameter::EndTime => self.end_time,
            Parameter::StopTime => self.stop_time,
            Parameter::Fields => self.fields,
            Parameter::Limit => self.limit,
            Parameter::StartTime | Parameter::Offset | Parameter::Caller => false,
        }
    }

    fn without(mut self, name: Parameter) -> Self {
        match name {
            Parameter::EndTime => self.end_time = false,
            Parameter::StopTime => self.stop_time = false,
            Parameter::Fields => self.fields = false,
            Parameter::Limit => self.limit = false,
            Parameter::StartTime | Parameter::Offset | Parameter::Caller => {}
        }
        self
    }
}

/// What to do after a request that was spelled like `sent` was refused. `tried` holds what this negotiation has
/// sent, `sent` included; each spelling is tried once, so there are at most [`SPELLINGS`] steps.
pub(super) fn next(
    known: &Known,
    sent: Dialect,
    request: &ListRequest,
    offset: u64,
    refusal: &Refusal,
    tried: &[Dialect],
) -> Step {
    let named = named_parameters(&refusal.message);
    if offset > 0 && named.contains(&Parameter::Offset) {
        return Step::OffsetRefused;
    }
    if request.caller_pattern.is_some() && named.contains(&Parameter::Caller) {
        return Step::Refused;
    }
    let mut candidates = Vec::new();
    if !refusal.missing
        && let Some(name) = named.iter().copied().find(|name| sent.sends(*name))
    {
        // "Parameter 'endTime' is invalid" may be about the form of the time. Losing the upper bound makes every
        // list longer, so the other forms come first.
        if name.is_time() && !known.confirmed {
            candidates.extend(TIME_FORMS.map(|times| Dialect { times, ..sent }));
        }
        let form = if known.confirmed {
            sent.times
        } else {
            TimeForm::Numeric
        };
        candidates.push(Dialect {
            times: form,
            ..sent.without(name)
        });
    }
    if !known.confirmed && !known.exhausted {
        candidates.extend(TIME_FORMS.map(|times| Dialect { times, ..sent }));
        candidates.extend(all_spellings());
    }
    match candidates
        .into_iter()
        .find(|dialect| !tried.contains(dialect))
    {
        Some(dialect) => Step::Try(dialect),
        None if offset > 0 => Step::OffsetRefused,
        None => Step::Refused,
    }
}

/// Whether a failure of the server is to be read as a refusal of the offset: it answered before, and the offset is
/// deep (`genesys.md` 2.4, Elasticsearch's result window).
pub(super) fn failure_means_offset(known: &Known, offset: u64, status: u16) -> bool {
    known.confirmed && offset >= DEEP_OFFSET && matches!(status, 200 | 500)
}

const TIME_FORMS: [TimeForm; 3] = [TimeForm::Numeric, TimeForm::Zulu, TimeForm::Millis];

/// All spellings, those that leave out the least first.
fn all_spellings() -> impl Iterator<Item = Dialect> {
    let mut kept: Vec<[bool; 4]> = (0..16_u8)
        .map(|dropped| [1, 2, 4, 8].map(|bit| dropped & bit == 0))
        .collect();
    kept.sort_by_key(|kept| kept.iter().filter(|kept| !**kept).count());
    kept.into_iter()
        .flat_map(|kept| TIME_FORMS.map(|times| Dialect::new(times, kept)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    StartTime,
    EndTime,
    StopTime,
    Fields,
    Limit,
    Offset,
    Caller,
}

impl Parameter {
    const ALL: [(&'static str, Self); 7] = [
        ("starttime", Self::StartTime),
        ("endtime", Self::EndTime),
        ("stoptime", Self::StopTime),
        ("fields", Self::Fields),
        ("limit", Self::Limit),
        ("offset", Self::Offset),
        ("callerphonenumber", Self::Caller),
    ];

    fn is_time(self) -> bool {
        matches!(self, Self::StartTime | Self::EndTime | Self::StopTime)
    }
}

/// The parameters that a message names as whole words, in its order.
fn named_parameters(message: &str) -> Vec<Parameter> {
    message
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| {
            let word = word.to_ascii_lowercase();
            Parameter::ALL
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, parameter)| *parameter)
        })
        .collect()
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
