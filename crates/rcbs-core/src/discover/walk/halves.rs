//! Proves a short list complete with two more questions, where nothing else tells: its two halves, each shorter than the
//! whole, show nothing new.
//!
//! A page of three may be all there is, or all that the server shows. If both halves of its time are answered with fewer
//! than three, neither was cut. Only when something new appears are pages known to be cut, and pieces chosen by density.

use std::collections::BTreeSet;

use super::pieces::FULL_PAGE;
use super::*;

/// Recordings that are this close cannot be told apart by bounds that may be cut to seconds and asked for wider.
const APART: Ms = 6 * SECOND;

impl Walk<'_> {
    /// Plans two halves of a piece that may be cut. False when it is to be divided in another way.
    pub(super) fn plan_halves(&mut self, known: usize, total: Option<u64>) -> bool {
        let server = &self.survey.server;
        let may_be_whole = server.largest_page < FULL_PAGE
            && !server.pages_are_cut
            && !server.says_more(known as u64, total);
        if !may_be_whole || self.reach > 0 || self.second.is_some() || server.pieces.is_some() {
            return false;
        }
        let mut times: Vec<Ms> = self
            .sample
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| self.piece.contains(*at))
            .collect();
        times.sort_unstable();
        let Some(middle) = middle_of(&times, known, server.largest_page) else {
            return false;
        };
        self.halves = vec![self.piece.until, middle];
        self.shown = self.sample.iter().map(|(_, key)| *key).collect();
        true
    }

    /// Where the half that begins here ends, if halves are asked for.
    pub(super) fn end_of_half(&mut self) -> Option<Ms> {
        while self.halves.last().is_some_and(|until| *until <= self.at) {
            self.halves.pop();
        }
        self.halves.last().copied()
    }

    /// Takes note of what a half shows: something that the whole did not means that pages are cut.
    pub(super) fn judge_half(&mut self, known: &BTreeSet<Key>) {
        if self.halves.is_empty() {
            return;
        }
        let inside = |key: &&Key| {
            let of_piece = |(at, other): &(Ms, Key)| other == *key && self.piece.contains(*at);
            self.sample.iter().any(of_piece)
        };
        let has_new = known
            .iter()
            .filter(inside)
            .any(|key| !self.shown.contains(key));
        if has_new {
            self.survey.server.on_cut_pages();
            self.halves.clear();
        }
    }
}

/// A moment in the widest gap that leaves clearly fewer than a page on either side. `known` may count more than `times`:
/// entries without a time, or of the margins, may lie on either side.
fn middle_of(times: &[Ms], known: usize, page: usize) -> Option<Ms> {
    let others = known.saturating_sub(times.len());
    let is_short = |count: usize| (count + others) * 10 < page * 9;
    times
        .windows(2)
        .enumerate()
        .filter(|(at, _)| is_short(at + 1) && is_short(times.len() - at - 1))
        .map(|(_, pair)| (pair[1] - pair[0], pair[0]))
        .filter(|(gap, _)| *gap >= APART)
        .max()
        .map(|(gap, from)| floor_second(from + gap / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_clearly_shorter_than_the_page() {
        let second = |times: &[i64]| times.iter().map(|at| at * SECOND).collect::<Vec<Ms>>();
        for (times, known, page, middle) in [
            (&[0, 100][..], 2, 2, Some(50)),
            (&[0, 5], 2, 2, None),
            (&[0, 10, 100], 3, 3, Some(55)),
            (&[0, 10, 100], 4, 4, Some(55)),
            (&[0, 10, 100], 4, 3, None),
            (&[7], 2, 2, None),
            (&[], 2, 2, None),
            // One of ten on one side leaves nine on the other, which is nearly a page.
            (&[0, 90, 91, 92, 93, 94, 95, 96, 97, 98], 10, 10, None),
            (&[0, 40, 90, 91, 92, 93, 94, 95, 96, 97], 10, 10, Some(65)),
        ] {
            let found = middle_of(&second(times), known, page);
            assert_eq!(found, middle.map(|at| at * SECOND), "{times:?}");
        }
    }
}
