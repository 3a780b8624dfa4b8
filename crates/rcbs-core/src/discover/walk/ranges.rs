//! What to ask instead of a range that the server refuses: it may be longer than it lists at once.

use super::*;

/// Shorter ranges than this are not refused for their length.
const SHORTEST: Ms = 3_600 * SECOND;
/// How many pieces of the window are searched for a recording that shows what the server compares.
const SCOUTS: u8 = 8;

impl Walk<'_> {
    /// The first page of a piece is refused. First no more than the slice is asked for, which the operator has bounded,
    /// then ever less.
    pub(super) fn on_range_refused(&mut self, error: &ApiError) {
        self.listing = None;
        let survey = &mut *self.survey;
        let width = self.asked.width();
        if !survey.server.keeps_to_bounds() || self.second.is_some() {
            return self.fail(DiscoverError::Api(error.clone()));
        }
        if self.goal > self.slice.until && !survey.lists_single_slices {
            survey.lists_single_slices = true;
            return self.aim();
        }
        let slice = self.slice.width();
        let next = if width > slice { slice } else { width / 2 };
        if next < SHORTEST {
            return self.fail(DiscoverError::Api(error.clone()));
        }
        let is_first = survey.server.widest.replace(next).is_none();
        if is_first && !survey.server.reading_is_sure && self.reading() == Reading::Unknown {
            // Without a recording nobody can say what the server compares, and a short range would prove nothing.
            let until = self.survey.window.until;
            self.errand = Some(self.scout(until, SCOUTS));
        }
        self.aim();
    }

    fn scout(&self, until: Ms, left: u8) -> Errand {
        let width = self.survey.server.widest.unwrap_or(LONGEST);
        Errand::Scout {
            since: floor_second(until - width).max(0),
            until,
            left,
        }
    }

    /// That was still too long.
    pub(super) fn scout_less(&mut self, until: Ms, left: u8) {
        let widest = self.survey.server.widest.unwrap_or(LONGEST) / 2;
        if widest >= SHORTEST {
            self.survey.server.widest = Some(widest);
            self.errand = Some(self.scout(until, left));
            self.aim();
        }
    }

    /// Where to look next, if anywhere.
    pub(super) fn scout_on(&mut self, since: Ms, left: u8) {
        if left > 1 && since > self.survey.window.since {
            self.errand = Some(self.scout(since, left - 1));
        }
    }

    /// The longest piece that may be asked for now, its margins and what it reaches beyond its end taken off.
    pub(super) fn longest_piece(&self) -> Option<Ms> {
        let widest = self.survey.server.widest?;
        Some((widest - self.reach - 2 * SECOND).max(SECOND))
    }

    /// How far pieces may reach beyond their ends.
    pub(super) fn longest_reach(&self) -> Ms {
        let widest = self.survey.server.widest;
        widest.map_or(LONGEST, |widest| floor_second(widest / 2).min(LONGEST))
    }

    /// A page came although ranges had been refused: it was their length.
    pub(super) fn tell_widest(&mut self) {
        let server = &mut self.survey.server;
        if let Some(widest) = server.widest.filter(|_| !server.widest_is_told) {
            server.widest_is_told = true;
            let minutes = widest / (60 * SECOND);
            server.warn(&format!(
                "the server refuses to list long periods at once; at most {minutes} minutes are asked for"
            ));
        }
    }
}
