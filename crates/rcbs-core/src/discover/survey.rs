//! What a run knows: the window it lists, what of it is listed, and what the server is like.

use jiff::Timestamp;

use super::facts::{Ms, Range, SECOND, ceil_ms, floor_ms};
use super::learned::{Learned, Reading};
use super::server::Server;
use super::walk::Walk;
use crate::plan::Slice;

/// How far the clocks of server and client may be apart before a recording counts as one of the future.
const CLOCKS_APART: Ms = 5 * 60 * SECOND;

/// What a run knows: the window it lists, what of it is listed, and what the server is like. Pure: [`Survey::walk`]
/// gives the questions of a slice one after the other and takes the answers.
#[derive(Debug)]
pub struct Survey {
    pub(super) server: Server,
    pub(super) window: Range,
    /// Nothing ends after this.
    pub(super) latest: Ms,
    pub(super) covered: Option<Covered>,
    /// Several slices in one list are tried no more.
    pub(super) lists_single_slices: bool,
}

/// The part of the window that is listed, as one piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covered {
    pub(super) since: Ms,
    /// All recordings that start before are listed.
    pub(super) until: Ms,
    /// The time that the server compares is asked for up to here.
    pub(super) asked_until: Ms,
    /// What the server compares.
    pub(super) reading: Reading,
}

impl Survey {
    /// Begins with a window, the present, and what earlier runs have learned.
    #[must_use]
    pub fn new(window: Slice, now: Timestamp, learned: Learned) -> Self {
        let window = range(window);
        Self {
            server: Server::new(learned),
            window,
            latest: floor_ms(now).saturating_add(CLOCKS_APART).max(window.until),
            covered: None,
            lists_single_slices: false,
        }
    }

    /// What is worth remembering for the next run.
    #[must_use]
    pub fn learned(&self) -> Learned {
        self.server.learned
    }

    /// Begins to list a slice, or goes on where an earlier slice's list ended.
    pub fn walk(&mut self, slice: Slice) -> Walk<'_> {
        Walk::new(self, range(slice))
    }

    /// Sentences for the operator, each given once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.server.warnings)
    }

    /// Faults of the server found while paging, each given once.
    pub fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.server.faults)
    }

    /// Whether a recording that starts then is in the window; one without a start may be.
    pub(super) fn wants(&self, start: Option<Ms>) -> bool {
        start.is_none_or(|start| self.window.contains(start))
    }
}

fn range(slice: Slice) -> Range {
    Range {
        since: floor_ms(slice.since),
        until: ceil_ms(slice.until),
    }
}
