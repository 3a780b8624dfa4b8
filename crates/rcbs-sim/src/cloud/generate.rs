//! Many recordings at once: a working day, a burst within a second, calls across midnight.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::build::{new_audio, new_recording, new_screen};
use super::{Cloud, Content, Form};
use crate::clock::saturating_add;
use crate::samples;

/// How large generated media are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MediaSize {
    /// Speech that can be heard and screens that can be watched.
    #[default]
    Samples,
    /// A pattern of so many bytes.
    Fixed(u64),
    /// Patterns whose lengths are spread log-normally around this mean, most of them shorter and a few much longer.
    LogNormal(u64),
}

/// A media size that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a media size: write \"samples\", \"fixed:200000\" or \"lognormal:200000\"")]
pub struct MediaSizeError(String);

impl FromStr for MediaSize {
    type Err = MediaSizeError;

    fn from_str(text: &str) -> Result<Self, MediaSizeError> {
        let number = |digits: &str| digits.parse().map_err(|_| MediaSizeError(text.to_owned()));
        match text.split_once(':') {
            None if text == "samples" => Ok(Self::Samples),
            Some(("fixed", digits)) => Ok(Self::Fixed(number(digits)?)),
            Some(("lognormal", digits)) => Ok(Self::LogNormal(number(digits)?)),
            _ => Err(MediaSizeError(text.to_owned())),
        }
    }
}

impl Cloud {
    /// Adds recordings spread over a day in UTC, most of them in office hours.
    #[must_use]
    pub fn fill(mut self, day: Date, count: usize) -> Self {
        let midnight = start_of(day);
        for _ in 0..count {
            let label = self.next_label();
            let seed = self.seed();
            let day_s = seed.below(&format!("any time {label}"), 86_400);
            let office_s = 7 * 3_600 + seed.below(&format!("office {label}"), 12 * 3_600);
            let begin_s = if seed.below(&format!("when {label}"), 100) < 80 {
                office_s
            } else {
                day_s
            };
            let begin_ms = begin_s * 1_000 + seed.below(&format!("ms {label}"), 1_000);
            let length_s = 5 + seed.below(&format!("length {label}"), 900);
            self.generate(
                saturating_add(midnight, millis(begin_ms)),
                millis(length_s * 1_000),
            );
        }
        self
    }

    /// Adds recordings that all begin within the second after `at`, spread over its milliseconds.
    #[must_use]
    pub fn burst(mut self, at: Timestamp, count: usize) -> Self {
        for number in 0..count {
            let begin = saturating_add(at, millis(number as u64 * 1_000 / count.max(1) as u64));
            self.generate(begin, SignedDuration::from_secs(30 + (number % 60) as i64));
        }
        self
    }

    /// Adds recordings that all begin and end in the same milliseconds: nothing but their numbers and ids tells them apart.
    #[must_use]
    pub fn pile(mut self, at: Timestamp, count: usize) -> Self {
        for _ in 0..count {
            self.generate(at, SignedDuration::from_secs(30));
        }
        self
    }

    /// Adds recordings that begin in the last minutes of a day and end in the first of the next.
    #[must_use]
    pub fn across_midnight(mut self, day: Date, count: usize) -> Self {
        let midnight = saturating_add(start_of(day), SignedDuration::from_hours(24));
        for _ in 0..count {
            let label = self.next_label();
            let before_ms = 1 + self.seed().below(&format!("before {label}"), 300_000);
            let after_ms = self.seed().below(&format!("after {label}"), 300_000);
            self.generate(
                saturating_add(midnight, -millis(before_ms)),
                millis(before_ms + after_ms),
            );
        }
        self
    }

    /// Sets how large generated media are from now on.
    #[must_use]
    pub fn with_media_size(mut self, size: MediaSize) -> Self {
        self.media_size = size;
        self
    }

    /// Sets how many of a hundred generated recordings have a screen file too, from now on.
    #[must_use]
    pub fn with_screens(mut self, percent: u64) -> Self {
        self.screen_percent = percent;
        self
    }

    /// Sets how many of a hundred generated media files are kept unencrypted, from now on.
    #[must_use]
    pub fn with_plain(mut self, percent: u64) -> Self {
        self.plain_percent = percent;
        self
    }

    fn generate(&mut self, start: Timestamp, length: SignedDuration) {
        let label = self.next_label();
        let seed = self.seed();
        let mut recording = new_recording(self, &seed.letters(&label, 32), start);
        recording.stop = saturating_add(start, length);
        let voice = self.content(&label, "voice", samples::speech);
        recording.media.push(new_audio(seed, &recording, voice));
        if seed.below(&format!("has screen {label}"), 100) < self.screen_percent {
            let screen = self.content(&label, "screen", samples::screen);
            let mut media = new_screen(seed, &recording, screen);
            media.appears_after = self.screens_late_by;
            recording.media.push(media);
        }
        for (place, media) in recording.media.iter_mut().enumerate() {
            if seed.below(&format!("is plain {place} {label}"), 100) < self.plain_percent {
                media.form = Form::Plain;
            }
        }
        self.add(recording);
    }

    fn content(&self, label: &str, kind: &str, sample: fn(u64) -> Content) -> Content {
        let label = format!("{kind} {label}");
        let number = self.seed().number(&label);
        match self.media_size {
            MediaSize::Samples => sample(number),
            MediaSize::Fixed(len_bytes) => Content::pattern(len_bytes, number),
            MediaSize::LogNormal(mean) => Content::pattern(
                log_normal(
                    mean,
                    self.seed().unit(&label),
                    self.seed().unit(&format!("{label}'")),
                ),
                number,
            ),
        }
    }

    fn next_label(&self) -> String {
        format!("recording {}", self.recordings.len())
    }
}

/// A length with this mean from two uniform numbers (Box and Muller), with a spread as call lengths have it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of media are far below 2^52 and positive"
)]
fn log_normal(mean: u64, first: f64, second: f64) -> u64 {
    const SIGMA: f64 = 0.8;
    let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos();
    let factor = (SIGMA * normal - SIGMA * SIGMA / 2.0).exp();
    (mean as f64 * factor).ceil() as u64
}

fn start_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC)
        .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

fn millis(millis: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Date {
        jiff::civil::date(2018, 2, 12)
    }

    #[test]
    fn the_same_seed_gives_the_same_cloud() {
        let of = |seed| {
            let cloud = Cloud::new(seed).fill(day(), 50).burst(start_of(day()), 20);
            let ids: Vec<String> = cloud
                .recordings()
                .iter()
                .map(|recording| format!("{} {}", recording.id, recording.start))
                .collect();
            ids
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_burst_stays_within_its_second() {
        let cloud = Cloud::new(1).burst(start_of(day()), 250);
        let end = saturating_add(start_of(day()), SignedDuration::from_secs(1));
        assert_eq!(cloud.recordings().len(), 250);
        assert!(
            cloud
                .recordings()
                .iter()
                .all(|recording| recording.start < end)
        );
    }

    #[test]
    fn calls_across_midnight_begin_before_and_do_not_end_before_it() {
        let cloud = Cloud::new(1).across_midnight(day(), 40);
        let midnight = start_of(jiff::civil::date(2018, 2, 13));
        assert!(
            cloud
                .recordings()
                .iter()
                .all(|recording| recording.start < midnight && recording.stop >= midnight)
        );
    }

    #[test]
    fn lengths_have_about_their_mean() {
        let cloud = Cloud::new(1)
            .with_media_size(MediaSize::LogNormal(200_000))
            .with_screens(0)
            .fill(day(), 2_000);
        let total: u64 = cloud
            .recordings()
            .iter()
            .map(|recording| recording.media[0].content.len_bytes())
            .sum();
        assert!(
            (180_000..220_000).contains(&(total / 2_000)),
            "{}",
            total / 2_000
        );
    }

    #[test]
    fn sizes_are_read_from_text() {
        assert_eq!("samples".parse(), Ok(MediaSize::Samples));
        assert_eq!(
            "lognormal:200000".parse(),
            Ok(MediaSize::LogNormal(200_000))
        );
        assert!("lognormal:many".parse::<MediaSize>().is_err());
        assert!("200000".parse::<MediaSize>().is_err());
    }
}
