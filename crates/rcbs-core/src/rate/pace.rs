//! Keeps the bytes of all transfers, or of all readers, below a rate.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Bandwidth;
use crate::ports::Clock;

/// Bytes moved in one hop where nothing limits them.
const PIECE_BYTES: u64 = 256 << 10;
/// Smaller pieces would only cost hops.
const PIECE_LEAST_BYTES: u64 = 16 << 10;
/// So much unused time may be made up for: a timer wakes a little late, and that must not add up.
const SAVED: Duration = Duration::from_millis(100);
/// Nobody sleeps longer than this without a look at the limit, which may have changed by then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What a transfer gets at least of a limit: shared among more of them, each would be so slow that servers cut it.
const LEAST_SHARE_BYTES_PER_S: u64 = 32 << 10;

/// Who has moved bytes, or wants to, waits for its turn. One byte of debt or many, the memory is the same.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    bandwidth: Bandwidth,
    /// Whoever holds this is next; the others wait in the order they came.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that were let through and whose time has not passed yet; below zero while unused time is saved up.
    debt_bytes: f64,
    /// When the debt was last looked at.
    at: Duration,
    /// The limit, and until when nobody has to look it up again.
    limit: Option<u64>,
    looked_until: Duration,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, bandwidth: Bandwidth) -> Self {
        let state = State {
            limit: bandwidth.at(clock.now()),
            at: clock.elapsed(),
            ..State::default()
        };
        Self {
            clock,
            bandwidth,
            turn: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// How much to move at once: a fourth of a second's worth, so that the rate is even.
    pub(crate) fn piece_bytes(&self) -> usize {
        let piece = self.limit().map_or(PIECE_BYTES, |rate| {
            (rate / 4).clamp(PIECE_LEAST_BYTES, PIECE_BYTES)
        });
        usize::try_from(piece).unwrap_or(usize::MAX)
    }

    /// How many transfers may share the limit of now.
    pub(crate) fn most_transfers(&self) -> usize {
        let shares = |rate: u64| usize::try_from(rate / LEAST_SHARE_BYTES_PER_S);
        self.limit()
            .map_or(usize::MAX, |rate| shares(rate).unwrap_or(usize::MAX).max(1))
    }

    /// Waits until that many bytes more may be moved. May be dropped at any moment: the turn is then the next one's.
    pub(crate) async fn wait(&self, bytes: usize) {
        if self.bandwidth.is_unlimited() {
            return;
        }
        let _turn = self.turn.lock().await;
        while let Some(wait) = self.take_or_wait(bytes) {
            self.clock.sleep(wait).await;
        }
    }

    /// Takes the bytes when all before them are paid for; otherwise says how long to wait before the next look.
    fn take_or_wait(&self, bytes: usize) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.bring_up_to_date(&mut state);
        let Some(rate) = state.limit.map(|limit| limit as f64) else {
            state.debt_bytes = 0.0;
            return None;
        };
        if state.debt_bytes > 0.0 {
            let paid_in = Duration::from_secs_f64(state.debt_bytes / rate);
            // Rounded up to what any timer can tell apart, so that a remainder of a byte is no busy loop.
            return Some(paid_in.clamp(Duration::from_micros(100), LOOK_EVERY));
        }
        state.debt_bytes += bytes as f64;
        None
    }

    /// The limit of now.
    fn limit(&self) -> Option<u64> {
        if self.bandwidth.is_unlimited() {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.bring_up_to_date(&mut state);
        state.limit
    }

    /// Pays off what time has passed for, at the limit that held in it.
    fn bring_up_to_date(&self, state: &mut State) {
        let now = self.clock.elapsed();
        if let Some(limit) = state.limit {
            let passed_s = now.saturating_sub(state.at).as_secs_f64();
            let saved_most = SAVED.as_secs_f64() * limit as f64;
            state.debt_bytes = (state.debt_bytes - passed_s * limit as f64).max(-saved_most);
        }
        state.at = now;
        if now >= state.looked_until {
            state.limit = self.bandwidth.at(self.clock.now());
            state.looked_until = now + LOOK_EVERY;
        }
    }
}

#[cfg(test)]
mod tests;
