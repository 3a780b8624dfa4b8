//! The body of an answer as it is sent: the right bytes, and what the faults make of them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};

use crate::faults::Effect;

/// What happens to a body on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BodyPlan {
    flip_at: Option<u64>,
    bytes_per_s: Option<u64>,
    end: Option<(u64, Broken)>,
}

/// How a body ends that does not reach its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
    /// Nothing comes any more.
    Stalled,
}

impl BodyPlan {
    /// What these effects do to a body.
    pub(crate) fn of(effects: &[Effect]) -> Self {
        let mut plan = Self::default();
        for effect in effects {
            match effect {
                Effect::Flip { at_byte } => plan.flip_at = Some(*at_byte),
                Effect::Slow { bytes_per_s } => plan.bytes_per_s = Some((*bytes_per_s).max(1)),
                Effect::Cut { after_bytes } => plan.end = Some((*after_bytes, Broken::Closed)),
                Effect::Reset { after_bytes } => plan.end = Some((*after_bytes, Broken::Reset)),
                Effect::Stall { after_bytes } => plan.end = Some((*after_bytes, Broken::Stalled)),
                _ => {}
            }
        }
        plan
    }

    /// Sends pieces according to the plan. A body that is planned to break after more bytes than it has does not break.
    pub(crate) fn play(
        self,
        pieces: impl Iterator<Item = Bytes> + Send + Sync + 'static,
    ) -> impl Stream<Item = Result<Bytes, Broken>> + Send + Sync + 'static {
        let state = Playing {
            pieces,
            plan: self,
            sent_bytes: 0,
            waiting: Bytes::new(),
            is_over: false,
        };
        stream::unfold(state, |mut state| async move {
            let step = state.step().await?;
            Some((step, state))
        })
    }
}

struct Playing<I> {
    pieces: I,
    plan: BodyPlan,
    sent_bytes: u64,
    /// What a slow body has still to send of the present piece.
    waiting: Bytes,
    is_over: bool,
}

impl<I: Iterator<Item = Bytes>> Playing<I> {
    async fn step(&mut self) -> Option<Result<Bytes, Broken>> {
        if self.is_over {
            return None;
        }
        while self.waiting.is_empty() {
            self.waiting = self.pieces.next()?;
        }
        let mut len = self.waiting.len();
        if let Some(rate) = self.plan.bytes_per_s {
            // A tenth of a second's worth at a time, so that a slow body looks slow and not bursty.
            len = len.min(usize::try_from(rate.div_ceil(10)).unwrap_or(usize::MAX));
        }
        if let Some((after_bytes, broken)) = self.plan.end {
            let left = usize::try_from(after_bytes - self.sent_bytes).unwrap_or(usize::MAX);
            if left == 0 {
                self.is_over = true;
                return Some(Err(broken));
            }
            len = len.min(left);
        }
        let piece = self.waiting.split_to(len);
        if let Some(rate) = self.plan.bytes_per_s {
            tokio::time::sleep(Duration::from_secs_f64(len as f64 / rate as f64)).await;
        }
        let begin = self.sent_bytes;
        self.sent_bytes += len as u64;
        Some(Ok(self.flipped(piece, begin)))
    }

    fn flipped(&self, piece: Bytes, begin: u64) -> Bytes {
        match self.plan.flip_at {
            Some(at) if (begin..self.sent_bytes).contains(&at) => {
                let mut copy = BytesMut::from(piece);
                copy[usize::try_from(at - begin).expect("within the piece")] ^= 1;
                copy.freeze()
            }
            _ => piece,
        }
    }
}

/// So many zeros in pieces.
pub(crate) fn zeros(mut len_bytes: u64) -> impl Iterator<Item = Bytes> + Send + Sync {
    static ZEROS: [u8; 65_536] = [0; 65_536];
    std::iter::from_fn(move || {
        let len = len_bytes.min(ZEROS.len() as u64);
        len_bytes -= len;
        let end = usize::try_from(len).expect("at most 65,536");
        (len > 0).then(|| Bytes::from_static(&ZEROS[..end]))
    })
}

/// The first bytes of pieces.
pub(crate) fn first_bytes(
    mut pieces: impl Iterator<Item = Bytes> + Send + Sync,
    mut len_bytes: u64,
) -> impl Iterator<Item = Bytes> + Send + Sync {
    std::iter::from_fn(move || {
        if len_bytes == 0 {
            return None;
        }
        let mut piece = pieces.next()?;
        piece.truncate(usize::try_from(len_bytes).unwrap_or(usize::MAX));
        len_bytes -= piece.len() as u64;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    async fn play(effects: &[Effect]) -> (Vec<u8>, Option<Broken>) {
        let pieces = ["hello ", "", "world"].map(|piece| Bytes::from_static(piece.as_bytes()));
        let mut got = Vec::new();
        let mut stream = std::pin::pin!(BodyPlan::of(effects).play(pieces.into_iter()));
        while let Some(step) = stream.next().await {
            match step {
                Ok(bytes) => got.extend_from_slice(&bytes),
                Err(broken) => return (got, Some(broken)),
            }
        }
        (got, None)
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_break_where_they_are_told_to() {
        assert_eq!(play(&[]).await, (b"hello world".to_vec(), None));
        assert_eq!(
            play(&[Effect::Cut { after_bytes: 8 }]).await,
            (b"hello wo".to_vec(), Some(Broken::Closed))
        );
        assert_eq!(
            play(&[Effect::Reset { after_bytes: 0 }]).await,
            (vec![], Some(Broken::Reset))
        );
        assert_eq!(
            play(&[Effect::Stall { after_bytes: 6 }]).await,
            (b"hello ".to_vec(), Some(Broken::Stalled))
        );
        assert_eq!(
            play(&[Effect::Cut { after_bytes: 99 }]).await,
            (b"hello world".to_vec(), None)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_bit_is_flipped() {
        assert_eq!(play(&[Effect::Flip { at_byte: 6 }]).await.0, b"hello vorld");
        assert_eq!(
            play(&[Effect::Flip { at_byte: 99 }]).await.0,
            b"hello world"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_takes_its_time() {
        let begun = tokio::time::Instant::now();
        assert_eq!(
            play(&[Effect::Slow { bytes_per_s: 2 }]).await.0,
            b"hello world"
        );
        assert_eq!(begun.elapsed().as_secs_f64().round(), 6.0);
    }

    #[test]
    fn zeros_and_first_bytes_have_their_length() {
        for len_bytes in [0, 1, 65_536, 200_000] {
            let total: usize = zeros(len_bytes).map(|piece| piece.len()).sum();
            assert_eq!(total as u64, len_bytes);
            let total: usize = first_bytes(zeros(500_000), len_bytes)
                .map(|piece| piece.len())
                .sum();
            assert_eq!(total as u64, len_bytes);
        }
    }
}
