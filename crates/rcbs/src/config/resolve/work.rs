//! How the work is shared: instances, threads, connections.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcbs_core::plan::Instance;
use rcbs_core::rate::{Bandwidth, Timetable, TimetableError};

use crate::config::finding::Refusal;
use crate::config::keys::Key;
use crate::config::reader::Reader;
use crate::config::scalar::{self, ScalarError};
use crate::config::settings::DownloadMode;

/// What Java's `int` holds: the original program has no other limit.
const MOST_INSTANCES: u32 = 2_147_483_647;

/// More threads than this cost memory and gain nothing on any machine.
const MOST_THREADS: u32 = 256;

/// Which share of the recordings is ours; all of them when neither key is set.
pub(super) fn instance(reader: &mut Reader<'_>) -> Option<Instance> {
    let (total, id) = (Key::TotalRcbsInstances, Key::RcbsInstanceId);
    if !reader.is_given(total) && !reader.is_given(id) {
        return Some(Instance::all());
    }
    reader.require(total, id);
    reader.require(id, total);
    let total = reader.read(total, |text| scalar::number(text, 1, MOST_INSTANCES));
    let most = total.unwrap_or(MOST_INSTANCES) - 1;
    let id = reader.read(id, |text| scalar::number(text, 0, most));
    Instance::new(id?, total?).ok()
}

/// One file after the other, or several.
pub(super) fn download(reader: &mut Reader<'_>) -> DownloadMode {
    const WORDS: &[&str] = &["single", "multithread"];
    let single = reader.read(Key::DownloadMode, |text| scalar::word(text, WORDS)) == Some(0);
    // The manual has no limit, and files with more are in use.
    let threads = reader.read_or(Key::NumThreads, 4, |text| scalar::number(text, 1, u32::MAX));
    if threads > MOST_THREADS
        && let Some(given) = reader.given(Key::NumThreads)
    {
        reader.report(
            given
                .warning(format!("is more than {MOST_THREADS}; {MOST_THREADS} work"))
                .hint("4 are enough for most lines; maxConnections bounds the downloads"),
        );
    }
    // In range by the bound.
    let threads = u16::try_from(threads.min(MOST_THREADS)).unwrap_or(1);
    if !single {
        return DownloadMode::Multithread {
            num_threads: threads,
        };
    }
    if let Some(given) = reader.given(Key::NumThreads) {
        let hint = format!("remove {}, or set downloadMode=multithread", given.name);
        reader.report(
            given
                .warning("does nothing with downloadMode=single")
                .hint(hint),
        );
    }
    DownloadMode::Single
}

/// Upper bound of simultaneous downloads.
pub(super) fn max_connections(reader: &mut Reader<'_>) -> u16 {
    reader.read_or(Key::MaxConnections, 64, |text| small(text, 1_024))
}

/// Most bytes of media a second; `now` is for showing which piece of a timetable holds.
pub(super) fn bandwidth(reader: &mut Reader<'_>, now: Timestamp) -> Bandwidth {
    let key = Key::BandwidthLimit;
    let Some(timetable) = reader.read(key, Timetable::parse) else {
        return Bandwidth::UNLIMITED;
    };
    let zone = reader.zone().cloned();
    if zone.is_none()
        && !timetable.is_constant()
        && let Some(given) = reader.given(key)
    {
        let text = "has hours, and this machine does not say its time zone: they are hours of GMT";
        reader.report(
            given
                .warning(text)
                .hint("set the time zone of this machine, or the variable TZ"),
        );
    }
    let bandwidth = Bandwidth::by_hour(timetable, zone.unwrap_or(TimeZone::UTC));
    reader.resolve(key, bandwidth.meaning(now));
    bandwidth
}

impl Refusal for TimetableError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Nothing | Self::TooMany | Self::Twice { .. } => {
                "write for example mon-fri 08:00-18:00 20MB/s; 100MB/s".to_owned()
            }
            Self::Speed { .. } => {
                "write bytes a second, as 500K, 20M or 20MB/s, or off for no limit".to_owned()
            }
            Self::Unitless { speed, .. } => {
                format!("write {speed}MB/s, or {speed}B/s if so few are meant")
            }
            Self::Zero { .. } => "write off for no limit, or a small one".to_owned(),
            Self::Day { .. } => {
                "write mon, tue, wed, thu, fri, sat or sun, as mon-fri or sat,sun".to_owned()
            }
            Self::Hours { .. } => {
                "write 08:00-18:00, or 22:00-06:00 over midnight; 00:00-24:00 is a whole day"
                    .to_owned()
            }
            Self::TwoRests { .. } => "give days or hours to one of them".to_owned(),
            Self::Never { .. } => "put it before them, or remove it".to_owned(),
        })
    }
}

fn small(text: &str, most: u16) -> Result<u16, ScalarError> {
    let number = scalar::number(text, 1, u32::from(most))?;
    // In range by the line above.
    Ok(u16::try_from(number).unwrap_or(most))
}
