//! Speech that can be heard and screens that can be watched, made by `samples/make.sh`.

use bytes::Bytes;

use crate::cloud::Content;

/// MP3, 32 kbit/s mono, 3 to 7 s.
const SPEECH: [&[u8]; 5] = [
    include_bytes!("../samples/greeting.mp3"),
    include_bytes!("../samples/order.mp3"),
    include_bytes!("../samples/answer.mp3"),
    include_bytes!("../samples/callback.mp3"),
    include_bytes!("../samples/farewell.mp3"),
];

/// MP4, H.264 and AAC, 4 and 5 s.
const SCREENS: [&[u8]; 2] = [
    include_bytes!("../samples/desktop.mp4"),
    include_bytes!("../samples/form.mp4"),
];

/// One of the spoken samples; any number will do.
#[must_use]
pub fn speech(number: u64) -> Content {
    pick(&SPEECH, number)
}

/// One of the screen samples; any number will do.
#[must_use]
pub fn screen(number: u64) -> Content {
    pick(&SCREENS, number)
}

fn pick(samples: &[&'static [u8]], number: u64) -> Content {
    let place = usize::try_from(number % samples.len() as u64).unwrap_or(0);
    Content::bytes(Bytes::from_static(samples[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_begin_like_what_they_are() {
        for number in 0..5 {
            let head = speech(number).to_vec();
            assert!(
                head.starts_with(b"ID3")
                    || head.starts_with(&[0xff, 0xfb])
                    || head.starts_with(&[0xff, 0xf3]),
                "{number}"
            );
        }
        for number in 0..2 {
            assert_eq!(&screen(number).to_vec()[4..8], b"ftyp");
        }
    }

    #[test]
    fn all_samples_together_stay_below_a_megabyte() {
        let total: usize = SPEECH
            .iter()
            .chain(&SCREENS)
            .map(|sample| sample.len())
            .sum();
        assert!(total < 1_000_000, "{total}");
    }
}
