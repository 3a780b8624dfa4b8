//! Keeps the reading below a rate, for all readers together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::ports::Clock;

/// Bytes read in one hop where nothing limits them.
const PIECE_BYTES: u64 = 256 << 10;
/// Smaller pieces would only cost hops.
const PIECE_LEAST_BYTES: u64 = 16 << 10;

/// Who wants to read waits for its turn.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    bytes_per_s: Option<u64>,
    /// When the next piece may be read. Time that nobody used is not saved up.
    next: Mutex<Duration>,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>, bytes_per_s: Option<u64>) -> Self {
        Self {
            clock,
            bytes_per_s,
            next: Mutex::default(),
        }
    }

    /// How much to read at once: a fourth of a second's worth, so that the rate is even.
    pub(super) fn piece_bytes(&self) -> usize {
        let piece = self.bytes_per_s.map_or(PIECE_BYTES, |rate| {
            (rate / 4).clamp(PIECE_LEAST_BYTES, PIECE_BYTES)
        });
        usize::try_from(piece).unwrap_or(usize::MAX)
    }

    /// Waits until that many bytes more may be read.
    pub(super) async fn wait(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_s else {
            return;
        };
        let now = self.clock.elapsed();
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(now);
            *next = turn + Duration::from_secs_f64(bytes as f64 / rate as f64);
            turn
        };
        if turn > now {
            self.clock.sleep(turn - now).await;
        }
    }
}
