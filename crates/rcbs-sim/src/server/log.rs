//! What was asked over the wire, so that tests count requests, bytes and simultaneous transfers.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::faults::RequestKind;

/// One request over the wire. Logins and signatures are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its kind.
    pub kind: RequestKind,
    /// HTTP method.
    pub method: String,
    /// The host that was asked for.
    pub host: String,
    /// Path, as it came.
    pub path: String,
    /// Query, as it came; empty when there was none.
    pub query: String,
    /// `Range`.
    pub range: Option<String>,
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Whether a login or signature came with it.
    pub has_login: bool,
    /// The region that it was signed for.
    pub region: Option<String>,
    /// `x-amz-content-sha256`.
    pub payload: Option<String>,
    /// HTTP status of the answer; 0 while there is none.
    pub status: u16,
    /// Bytes of the body that were sent so far.
    pub sent_bytes: u64,
    /// Whether the body was sent to its end.
    pub is_complete: bool,
}

/// The requests in the order they came. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct RequestLog(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    seen: Vec<Seen>,
    /// So many came before those.
    forgotten: usize,
    open: usize,
    most_open: usize,
}

/// Numbers of requests, as `rcbs-sim` prints them at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RequestCounts {
    /// Pages of recordings.
    pub lists: usize,
    /// Single recordings.
    pub recordings: usize,
    /// Settings.
    pub settings: usize,
    /// Objects.
    pub objects: usize,
    /// Objects or parts of objects that were sent to the end.
    pub complete_objects: usize,
    /// Bytes of objects.
    pub object_bytes: u64,
    /// Answers with a status of 400 and above.
    pub refusals: usize,
    /// The most objects that were under way at once.
    pub most_objects_at_once: usize,
}

/// An answer that is under way; dropping it says that it is no longer.
#[derive(Debug)]
pub(crate) struct Answering {
    log: RequestLog,
    /// Its place among all requests, forgotten ones included.
    place: usize,
    is_object: bool,
}

impl RequestLog {
    /// All requests so far.
    #[must_use]
    pub fn all(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// The requests of which this is true.
    pub fn matching(&self, is_wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.lock()
            .seen
            .iter()
            .filter(|seen| is_wanted(seen))
            .cloned()
            .collect()
    }

    /// The requests of one kind.
    #[must_use]
    pub fn of(&self, kind: RequestKind) -> Vec<Seen> {
        self.matching(|seen| seen.kind == kind)
    }

    /// How many bodies of this object were sent to the end.
    #[must_use]
    pub fn complete_bodies(&self, key: &str) -> usize {
        let path = crate::url_path(key);
        self.matching(|seen| seen.is_complete && seen.status < 300 && seen.path.ends_with(&path))
            .len()
    }

    /// The numbers.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        let log = self.lock();
        let count = |is_wanted: &dyn Fn(&Seen) -> bool| {
            log.seen.iter().filter(|seen| is_wanted(seen)).count()
        };
        let is = |kind| move |seen: &Seen| seen.kind == kind;
        let is_object = is(RequestKind::Object);
        RequestCounts {
            lists: count(&is(RequestKind::List)),
            recordings: count(&is(RequestKind::Recording)),
            settings: count(&is(RequestKind::Settings)),
            objects: count(&is_object),
            complete_objects: count(&|seen| {
                is_object(seen) && seen.is_complete && seen.status < 300
            }),
            object_bytes: log
                .seen
                .iter()
                .filter(|seen| is_object(seen))
                .map(|seen| seen.sent_bytes)
                .sum(),
            refusals: count(&|seen| seen.status >= 400),
            most_objects_at_once: log.most_open,
        }
    }

    /// Forgets all requests so far, also those that are still being answered.
    pub fn clear(&self) {
        let mut log = self.lock();
        log.forgotten += log.seen.len();
        log.seen.clear();
        log.most_open = log.open;
    }

    /// Notes a request.
    pub(crate) fn note(&self, seen: Seen) -> Answering {
        let mut log = self.lock();
        let is_object = seen.kind == RequestKind::Object;
        if is_object {
            log.open += 1;
            log.most_open = log.most_open.max(log.open);
        }
        log.seen.push(seen);
        Answering {
            log: self.clone(),
            place: log.forgotten + log.seen.len() - 1,
            is_object,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answering {
    pub(crate) fn status(&self, status: u16) {
        self.update(|seen| seen.status = status);
    }

    pub(crate) fn sent(&self, len_bytes: usize) {
        self.update(|seen| seen.sent_bytes += len_bytes as u64);
    }

    pub(crate) fn completed(&self) {
        self.update(|seen| seen.is_complete = true);
    }

    fn update(&self, change: impl FnOnce(&mut Seen)) {
        let mut log = self.log.lock();
        let place = self.place.checked_sub(log.forgotten);
        if let Some(seen) = place.and_then(|place| log.seen.get_mut(place)) {
            change(seen);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if self.is_object {
            self.log.lock().open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> Seen {
        Seen {
            kind: RequestKind::Object,
            method: "GET".to_owned(),
            host: String::new(),
            path: path.to_owned(),
            query: String::new(),
            range: None,
            if_match: None,
            user_agent: None,
            has_login: true,
            region: None,
            payload: None,
            status: 0,
            sent_bytes: 0,
            is_complete: false,
        }
    }

    #[test]
    fn what_is_still_answered_is_forgotten_and_counts_for_no_other() {
        let log = RequestLog::default();
        let hanging = log.note(object("/hanging"));
        log.clear();
        let next = log.note(object("/next"));
        hanging.sent(10);
        next.sent(1);
        let seen = log.all();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].path.as_str(), seen[0].sent_bytes), ("/next", 1));
        assert_eq!(log.counts().most_objects_at_once, 2);
        drop(hanging);
        log.clear();
        assert_eq!(log.counts().most_objects_at_once, 1);
    }
}
