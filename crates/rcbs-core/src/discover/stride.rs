//! Chooses how long a piece of time to ask for, so that its answer is well filled and still not cut.

use super::facts::{Ms, SECOND, floor_second};

/// What is known of the piece that was asked for last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Its length.
    pub(super) width: Ms,
    /// Recordings in its answer.
    pub(super) count: u64,
    /// The count to aim at.
    pub(super) target: u64,
    /// No piece is shorter.
    pub(super) floor: Ms,
}

/// The count to aim at where an answer holds `cap` recordings. Arrivals scatter by the root of their number: 65 of 100
/// leaves more than four times that, small caps need relatively more room.
pub(super) fn target(cap: u64) -> u64 {
    if cap >= 20 {
        cap * 13 / 20
    } else {
        (cap / 2).max(1)
    }
}

/// The length after an answer that was not cut. `usual` is the length where recordings are about as dense as they mostly
/// are, so that a burst or a night is left behind at once.
pub(super) fn after_complete(piece: Piece, usual: Ms) -> Ms {
    let next = scaled(piece).clamp(piece.width / 4, piece.width.saturating_mul(4));
    let next = if piece.count * 4 < piece.target {
        next.max(usual)
    } else {
        next
    };
    next.max(piece.floor)
}

/// The length after an answer that was cut. `seen` are the times of what it shows within the piece, from its beginning,
/// sorted; it may be any part of all. `cuts` is how many answers in a row were cut, this one included.
pub(super) fn after_cut(piece: Piece, seen: &[Ms], total: Option<u64>, cuts: u32) -> Ms {
    let half = piece.width / if cuts > 1 { 4 } else { 2 };
    let next = if let Some(total) = total.filter(|total| *total > piece.count) {
        scaled(Piece {
            count: total,
            ..piece
        })
        .min(piece.width / 2)
    } else if let (Some(first), Some(last), 1) = (seen.first(), seen.last(), cuts)
        && last - first <= 2 * SECOND
        && *first > piece.width / 2
    {
        // All that is seen lies in a burst: up to it there may be hardly anything. A piece is asked for a little wider,
        // which must not touch the burst.
        floor_second(*first) - 2 * SECOND
    } else {
        // If the server shows the oldest first, this is exact; in any other order it is longer than half.
        let place = usize::try_from(piece.target).unwrap_or(usize::MAX);
        seen.get(place).map_or(half, |at| half.min(*at))
    };
    next.max(piece.floor)
}

/// The recordings to expect in a piece of which so many have come up to a moment after its beginning.
pub(super) fn foreseen(count: u64, upto: Ms, width: Ms) -> u64 {
    let ideal = i128::from(count) * i128::from(width);
    ideal
        .checked_div(i128::from(upto))
        .and_then(|ideal| u64::try_from(ideal).ok())
        .unwrap_or(u64::MAX)
}

/// The length in which the target is to be expected.
pub(super) fn scaled(piece: Piece) -> Ms {
    let ideal = i128::from(piece.width) * i128::from(piece.target);
    ideal
        .checked_div(i128::from(piece.count))
        .and_then(|ideal| Ms::try_from(ideal).ok())
        .unwrap_or(Ms::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Piece = Piece {
        width: 1_000_000,
        count: 100,
        target: 65,
        floor: 1_000,
    };

    #[test]
    fn the_next_piece_is_as_long_as_the_density_says() {
        let complete = |count, usual| after_complete(Piece { count, ..PIECE }, usual);
        assert_eq!(complete(65, 0), 1_000_000);
        assert_eq!(complete(26, 0), 2_500_000);
        assert_eq!(complete(90, 0), 722_222);
        assert_eq!(complete(0, 0), 4_000_000, "at most four times");
        assert_eq!(complete(0, 9_000_000), 9_000_000, "or what was usual");
        assert_eq!(complete(65, 9_000_000), 1_000_000);
    }

    #[test]
    fn a_cut_answer_shortens_the_piece() {
        let spread: Vec<Ms> = (0..100).map(|n| n * 10_000).collect();
        let oldest: Vec<Ms> = (0..100).map(|n| n * 100).collect();
        let newest: Vec<Ms> = (0..100).map(|n| 990_000 + n * 100).collect();
        let burst: Vec<Ms> = (0..100).map(|n| 700_000 + n).collect();
        for (name, seen, total, cuts, expected) in [
            ("any part", &spread, None, 1, 500_000),
            ("again", &spread, None, 2, 250_000),
            ("oldest first", &oldest, None, 1, 6_500),
            ("newest first", &newest, None, 1, 500_000),
            ("a burst", &burst, None, 1, 698_000),
            ("a burst again", &burst, None, 2, 250_000),
            ("counted", &spread, Some(650), 1, 100_000),
            ("counted, hardly more", &spread, Some(101), 1, 500_000),
            ("nothing known", &vec![], None, 1, 500_000),
        ] {
            assert_eq!(after_cut(PIECE, seen, total, cuts), expected, "{name}");
        }
        let short = Piece {
            width: 1_500,
            ..PIECE
        };
        assert_eq!(after_cut(short, &[], None, 1), 1_000);
    }

    #[test]
    fn a_target_leaves_room() {
        for (cap, expected) in [(100, 65), (50, 32), (10, 5), (1, 1)] {
            assert_eq!(target(cap), expected);
        }
    }
}
