//! A second pretend server, of nothing but lists: every reading of bounds, pages and order, as a pure function.

use std::collections::HashMap;

use rcbs_core::discover::{EntryFacts, Key, PageFacts};
use rcbs_core::ports::{ApiError, Cursor, ListRequest, NextLink};

/// A recording as far as lists care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) start: i64,
    pub(crate) stop: Option<i64>,
    pub(crate) caller: String,
    pub(crate) key: Key,
    /// Decides the place in a shuffled list.
    pub(crate) lot: u64,
}

impl Call {
    pub(crate) fn new(id: String, start: i64, stop: Option<i64>, caller: String) -> Self {
        Self {
            key: Key::of(&id),
            lot: scramble(0, &id),
            id,
            start,
            stop,
            caller,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    None,
    /// As long as there is more.
    Good,
    /// Also on the last page, to an empty one.
    ToEmptyPage,
    /// Each page's link leads to the page itself.
    Itself,
    /// The third page's link leads back to the second.
    Circle,
    /// A fresh link on every page, for ever, to nothing.
    Nowhere,
    /// They lead to anything but a list: refusals, error pages, failures.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offsets {
    Honoured,
    Ignored,
    Refused,
    /// Refused when offset and limit pass this.
    RefusedBeyond(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
    Id,
    Shuffled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    Absent,
    Given,
    /// The length of the page.
    OfPage,
    /// Ten more than there are.
    TooMany,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Start,
    Stop,
    Contained,
    AnyPart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patterns {
    Honoured,
    Ignored,
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quirks {
    pub(crate) links: Links,
    pub(crate) offsets: Offsets,
    pub(crate) order: Order,
    pub(crate) total: Total,
    pub(crate) reading: Reading,
    pub(crate) patterns: Patterns,
    pub(crate) cap: usize,
    pub(crate) ignores_limit: bool,
    pub(crate) lower_is_inclusive: bool,
    pub(crate) upper_is_inclusive: bool,
    pub(crate) cuts_to_seconds: bool,
    pub(crate) ignores_since: bool,
    pub(crate) ignores_until: bool,
    /// Every so many recordings one is listed twice, the second time at the end.
    pub(crate) doubles: usize,
    /// One of so many recordings is taken out of pages after they were cut.
    pub(crate) hidden: u64,
    /// Longer ranges, in milliseconds, are refused; 0 is any.
    pub(crate) longest: i64,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            links: Links::None,
            offsets: Offsets::Honoured,
            order: Order::Ascending,
            total: Total::Absent,
            reading: Reading::Start,
            patterns: Patterns::Honoured,
            cap: 100,
            ignores_limit: false,
            lower_is_inclusive: true,
            upper_is_inclusive: false,
            cuts_to_seconds: false,
            ignores_since: false,
            ignores_until: false,
            doubles: 0,
            hidden: 0,
            longest: 0,
        }
    }
}

/// What happens to the calls while they are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// After so many requests the oldest call is deleted, and so on.
    pub(crate) expires_every: usize,
    /// After so many requests another call arrives.
    pub(crate) arrives_every: usize,
    pub(crate) arriving: Vec<Call>,
}

#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) calls: Vec<Call>,
    pub(crate) quirks: Quirks,
    pub(crate) changes: Changes,
    /// Requests answered.
    pub(crate) requests: usize,
}

/// A page of the pretend server.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) calls: Vec<Call>,
    pub(crate) next: Option<NextLink>,
    pub(crate) total: Option<u64>,
}

impl Server {
    pub(crate) fn new(calls: Vec<Call>, quirks: Quirks) -> Self {
        Self {
            calls,
            quirks,
            ..Self::default()
        }
    }

    /// Answers one request.
    pub(crate) fn answer(&mut self, request: &ListRequest) -> Result<Answer, ApiError> {
        self.requests += 1;
        self.change();
        let quirks = self.quirks.clone();
        let range = request.until.as_millisecond() - request.since.as_millisecond();
        if quirks.longest > 0 && range > quirks.longest {
            return Err(ApiError::Refused {
                status: 400,
                message: String::new(),
            });
        }
        let limit = if quirks.ignores_limit {
            quirks.cap
        } else {
            usize::from(request.limit).min(quirks.cap)
        };
        let offset = match &request.cursor {
            Cursor::First => 0,
            Cursor::Offset(at) => match quirks.offsets {
                Offsets::Honoured => *at,
                Offsets::Ignored => 0,
                Offsets::RefusedBeyond(deepest) if at + limit as u64 <= deepest => *at,
                Offsets::Refused | Offsets::RefusedBeyond(_) => {
                    return Err(ApiError::OffsetRefused {
                        message: String::new(),
                    });
                }
            },
            Cursor::Link(link) => {
                if quirks.links == Links::Refused {
                    return Err(self.astray());
                }
                link.as_str().split('#').next().unwrap().parse().unwrap()
            }
        };
        if request.caller_pattern.is_some() && quirks.patterns == Patterns::Refused {
            return Err(ApiError::Refused {
                status: 400,
                message: String::new(),
            });
        }
        let list = self.list(request);
        let listed = list.len() as u64;
        let begin = usize::try_from(offset).unwrap().min(list.len());
        let page = list[begin..].iter().take(limit);
        let mut page: Vec<Call> = page.map(|call| (*call).clone()).collect();
        let behind = begin + page.len();
        page.retain(|call| !self.is_hidden(call));
        let total = match quirks.total {
            Total::Absent => None,
            Total::Given => Some(listed),
            Total::OfPage => Some(page.len() as u64),
            Total::TooMany => Some(listed + 10),
        };
        let next = self.link(begin, behind, list.len(), limit);
        Ok(Answer {
            calls: page,
            next,
            total,
        })
    }

    /// What stands behind a link that leads nowhere.
    fn astray(&self) -> ApiError {
        let (text, server) = (String::new, self.calls.len() % 6);
        let denied = ApiError::Denied {
            status: 403,
            message: text(),
        };
        match server {
            0 => ApiError::NotFound,
            1 => denied,
            2 => ApiError::Malformed { reason: text() },
            3 => ApiError::Redirect { to: text() },
            4 => ApiError::Server {
                status: 500,
                message: text(),
            },
            _ => ApiError::Refused {
                status: 400,
                message: text(),
            },
        }
    }

    /// Whether the server never shows this one, though it takes its place in the list.
    pub(crate) fn is_hidden(&self, call: &Call) -> bool {
        self.quirks.hidden > 0 && mix(7, call.lot).is_multiple_of(self.quirks.hidden)
    }

    fn link(&self, begin: usize, behind: usize, all: usize, limit: usize) -> Option<NextLink> {
        let more = behind < all;
        let to = |at: usize| Some(NextLink::new(at.to_string()));
        match self.quirks.links {
            Links::None => None,
            Links::Good | Links::Refused => more.then(|| to(behind))?,
            Links::ToEmptyPage => (begin < all).then(|| to(behind))?,
            Links::Itself => more.then(|| to(begin))?,
            Links::Circle if begin == 2 * limit && more => to(limit),
            Links::Circle => more.then(|| to(behind))?,
            Links::Nowhere if more => to(behind),
            Links::Nowhere => Some(NextLink::new(format!("{all}#{}", self.requests))),
        }
    }

    /// All that fits the request, in order.
    fn list(&self, request: &ListRequest) -> Vec<&Call> {
        let quirks = &self.quirks;
        let cut = |at: i64| {
            if quirks.cuts_to_seconds {
                at - at.rem_euclid(1_000)
            } else {
                at
            }
        };
        let since = cut(request.since.as_millisecond());
        let until = cut(request.until.as_millisecond());
        let mut list: Vec<&Call> = self
            .calls
            .iter()
            .filter(|call| {
                let (low, high) = match quirks.reading {
                    Reading::Start => (Some(call.start), Some(call.start)),
                    Reading::Stop => (call.stop, call.stop),
                    Reading::Contained => (Some(call.start), call.stop),
                    Reading::AnyPart => (call.stop, Some(call.start)),
                };
                let above = quirks.ignores_since
                    || low.is_some_and(|low| {
                        low > since || (low == since && quirks.lower_is_inclusive)
                    });
                let below = quirks.ignores_until
                    || high.is_some_and(|high| {
                        high < until || (high == until && quirks.upper_is_inclusive)
                    });
                above && below
            })
            .filter(|call| match (&request.caller_pattern, quirks.patterns) {
                (Some(pattern), Patterns::Honoured) => {
                    call.caller.ends_with(pattern.trim_start_matches('*'))
                }
                _ => true,
            })
            .collect();
        match quirks.order {
            Order::Ascending => list.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id))),
            Order::Descending => list.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id))),
            Order::Id => list.sort_by(|a, b| a.id.cmp(&b.id)),
            Order::Shuffled => {
                let seed = self.requests as u64;
                list.sort_by_cached_key(|call| mix(seed, call.lot));
            }
        }
        if let Some(nth) = std::num::NonZeroUsize::new(quirks.doubles) {
            let again: Vec<&Call> = list.iter().step_by(nth.get()).copied().collect();
            list.extend(again);
        }
        list
    }

    fn change(&mut self) {
        let is_turn = |every: usize| every > 0 && self.requests.is_multiple_of(every);
        if is_turn(self.changes.expires_every)
            && let Some(oldest) = (0..self.calls.len()).min_by_key(|at| self.calls[*at].start)
        {
            self.calls.remove(oldest);
        }
        if is_turn(self.changes.arrives_every)
            && let Some(call) = self.changes.arriving.pop()
        {
            self.calls.push(call);
        }
    }
}

/// A number that depends on all of both.
pub(crate) fn scramble(seed: u64, text: &str) -> u64 {
    text.bytes()
        .fold(mix(seed, 1), |state, byte| mix(state, u64::from(byte)))
}

fn mix(a: u64, b: u64) -> u64 {
    let state = (a ^ b.rotate_left(32)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

impl Answer {
    /// What the pure part is told of it, and which calls were seen.
    pub(crate) fn facts(&self, seen: &mut HashMap<String, Call>) -> PageFacts {
        for call in &self.calls {
            seen.insert(call.id.clone(), call.clone());
        }
        let entries = self.calls.iter().map(|call| EntryFacts {
            key: Some(call.key),
            start: Some(call.start),
            stop: call.stop,
        });
        PageFacts {
            entries: entries.collect(),
            next: self.next.clone(),
            total: self.total,
            len_bytes: 1_000 * self.calls.len() as u64,
        }
    }
}
