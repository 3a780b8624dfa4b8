//! Whether clear bytes look like the media they should be: the last line against a wrong key that passed by chance.

use std::fmt;

/// Kinds of media that recordings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// MPEG audio, with or without an ID3 tag before it.
    Mp3,
    /// The family of ISO 14496-12: MP4, M4A, QuickTime.
    Mp4,
    /// RIFF with WAVE in it.
    Wav,
}

/// How many of the first clear bytes [`MediaKind::of`] wants: two frames of MPEG audio at its highest rate.
pub const SNIFF_BYTES: usize = 4096;

impl MediaKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mp3, Self::Mp4, Self::Wav];

    /// The kind that a MIME type declares; `None` for a type that is none of them, and for none at all.
    #[must_use]
    pub fn declared(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "audio/mp3" | "audio/mpeg" | "audio/mpeg3" | "audio/x-mp3" | "audio/x-mpeg"
            | "audio/mpg" => Some(Self::Mp3),
            "video/mp4" | "application/mp4" | "audio/mp4" | "audio/m4a" | "audio/x-m4a"
            | "video/quicktime" => Some(Self::Mp4),
            "audio/wav" | "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => Some(Self::Wav),
            _ => None,
        }
    }

    /// What a file is by its first bytes, [`SNIFF_BYTES`] of them or the whole file; `None` for anything else.
    ///
    /// Random bytes are taken for media once in some hundred thousand times: a header of MPEG audio counts only when
    /// it says nothing reserved and the next frame follows where it says.
    #[must_use]
    pub fn of(first: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.fits(first))
    }

    /// The kind of media that begin with a mark of their own: MP4, WAV, and MP3 with a tag. Random bytes have none, but
    /// once in 2^34 times.
    pub(crate) fn with_mark(first: &[u8]) -> Option<Self> {
        Self::of(first).filter(|kind| *kind != Self::Mp3 || has_id3(first))
    }

    /// Whether a file that begins so may be of this kind.
    #[must_use]
    pub fn fits(self, first: &[u8]) -> bool {
        match self {
            Self::Mp3 => has_id3(first) || has_frames(first),
            Self::Mp4 => has_file_type(first),
            Self::Wav => {
                matches!(first.get(..4), Some(b"RIFF" | b"RF64"))
                    && first.get(8..12) == Some(b"WAVE")
            }
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp3 => "MP3",
            Self::Mp4 => "MP4",
            Self::Wav => "WAV",
        })
    }
}

/// An ID3v2 tag: version 2 to 4, and a size of four groups of seven bits.
fn has_id3(first: &[u8]) -> bool {
    match first.get(..10) {
        Some([b'I', b'D', b'3', 2..=4, revision, _, size @ ..]) => {
            *revision != 0xff && size.iter().all(|byte| *byte < 0x80)
        }
        _ => false,
    }
}

/// A box `ftyp` of a size that can be, with a brand in printable characters.
fn has_file_type(first: &[u8]) -> bool {
    let Some(([size, name, brand], _)) = first
        .get(..12)
        .map(|head| head.as_chunks::<4>())
        .and_then(|(words, rest)| Some((<[[u8; 4]; 3]>::try_from(words).ok()?, rest)))
    else {
        return false;
    };
    (16..=1024).contains(&u32::from_be_bytes(size))
        && &name == b"ftyp"
        && brand.iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// Two frames of MPEG audio, one after the other; one, where the file is no longer.
fn has_frames(first: &[u8]) -> bool {
    let Some(frame) = frame(first) else {
        return false;
    };
    let rest = first.get(frame.len_bytes..).unwrap_or_default();
    match rest.len() {
        // What ends with its first frame, or within a tag of ID3v1 behind it.
        0..4 => first.len() >= frame.len_bytes || first.len() < SNIFF_BYTES,
        _ => {
            rest.starts_with(b"TAG")
                || self::frame(rest).is_some_and(|next| next.kind == frame.kind)
        }
    }
}

/// A frame of MPEG audio (ISO 11172-3, ISO 13818-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Version, layer and sampling rate, which do not change within a file.
    kind: (u8, u8, u8),
    len_bytes: usize,
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    const MPEG_1: u8 = 3;
    const MPEG_2_5: u8 = 0;
    const LAYER_1: u8 = 3;
    const LAYER_2: u8 = 2;
    const LAYER_3: u8 = 1;
    let [0xff, second, third, fourth] = *bytes.get(..4)? else {
        return None;
    };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    let (rate, sampling, padding) = (third >> 4, third >> 2 & 3, usize::from(third >> 1 & 1));
    let is_reserved = second < 0xe0
        || version == 1
        || layer == 0
        || rate == 15
        || sampling == 3
        || fourth & 3 == 2;
    // A rate of 0 leaves the length open; no recorder uses it, and random bytes would pass more often.
    if is_reserved || rate == 0 {
        return None;
    }
    let kbit = usize::from(
        match (version == MPEG_1, layer) {
            (true, LAYER_1) => RATES[0],
            (true, LAYER_2) => RATES[1],
            (true, LAYER_3) => RATES[2],
            (false, LAYER_1) => RATES[3],
            _ => RATES[4],
        }[usize::from(rate)],
    );
    let hertz = [44_100, 48_000, 32_000][usize::from(sampling)]
        >> match version {
            MPEG_1 => 0,
            MPEG_2_5 => 2,
            _ => 1,
        };
    let len_bytes = match layer {
        LAYER_1 => (12_000 * kbit / hertz + padding) * 4,
        LAYER_3 if version != MPEG_1 => 72_000 * kbit / hertz + padding,
        _ => 144_000 * kbit / hertz + padding,
    };
    Some(Frame {
        kind: (version, layer, sampling),
        len_bytes,
    })
}

/// Kilobits a second by index: version 1 layers 1, 2 and 3, then versions 2 and 2.5 layers 1, and 2 and 3.
const RATES: [[u16; 15]; 5] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(header: [u8; 4], len: usize) -> Vec<u8> {
        let mut one = header.to_vec();
        one.resize(len, 0x55);
        one.repeat(3)
    }

    #[test]
    fn media_are_known_by_their_first_bytes() {
        for (first, expected) in [
            (frames([0xff, 0xfb, 0x90, 0x00], 417), Some(MediaKind::Mp3)),
            (frames([0xff, 0xfb, 0x92, 0x00], 418), Some(MediaKind::Mp3)),
            (frames([0xff, 0xf3, 0x40, 0xc0], 104 * 2), None),
            (frames([0xff, 0xf3, 0x44, 0xc0], 96), Some(MediaKind::Mp3)),
            (frames([0xff, 0xf3, 0x44, 0xc0], 97), None),
            // The next frame is not where the first says.
            (frames([0xff, 0xfb, 0x90, 0x00], 416), None),
            (
                frames([0xff, 0xfb, 0x90, 0x00], 417)[..300].to_vec(),
                Some(MediaKind::Mp3),
            ),
            (
                b"ID3\x03\0\0\0\0\x02\x01rest".to_vec(),
                Some(MediaKind::Mp3),
            ),
            (b"ID3\x03\0\0\0\0\x82\x01rest".to_vec(), None),
            (
                b"\0\0\0\x20ftypisom\0\0\x02\0".to_vec(),
                Some(MediaKind::Mp4),
            ),
            (b"\0\0\0\x01ftypisom\0\0\x02\0".to_vec(), None),
            (b"RIFF\x24\0\0\0WAVEfmt ".to_vec(), Some(MediaKind::Wav)),
            (b"RIFF\x24\0\0\0AVI fmt ".to_vec(), None),
            (b"<html>".to_vec(), None),
            (vec![], None),
            (vec![0xff, 0xfb], None),
        ] {
            let shown = &first[..first.len().min(12)];
            assert_eq!(
                MediaKind::of(&first),
                expected,
                "{shown:x?} {}",
                first.len()
            );
        }
    }

    #[test]
    fn declared_types_are_taken_with_their_parameters() {
        for (text, expected) in [
            ("audio/mp3", Some(MediaKind::Mp3)),
            ("Audio/MPEG; rate=8000", Some(MediaKind::Mp3)),
            ("video/mp4", Some(MediaKind::Mp4)),
            ("audio/x-wav", Some(MediaKind::Wav)),
            ("application/octet-stream", None),
            ("", None),
        ] {
            assert_eq!(MediaKind::declared(text), expected, "{text}");
        }
    }

    /// Together with the padding, which one in 256 wrong keys gets right, no archive is large enough to see rubbish.
    #[test]
    fn random_bytes_are_hardly_ever_media() {
        let mut state = 1_u64;
        let mut random = || {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let mut taken = 0;
        for _ in 0..40_000 {
            let first: Vec<u8> = (0..256).flat_map(|_| random().to_le_bytes()).collect();
            taken += usize::from(MediaKind::of(&first).is_some());
        }
        assert!(taken <= 1, "{taken} of 40,000");
    }
}
