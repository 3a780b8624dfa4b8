//! How the work is shared: instances, threads, connections.

use rcbs_core::plan::Instance;

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

fn small(text: &str, most: u16) -> Result<u16, ScalarError> {
    let number = scalar::number(text, 1, u32::from(most))?;
    // In range by the line above.
    Ok(u16::try_from(number).unwrap_or(most))
}
