//! What stories of whole runs in process have in common: one day, a real folder and a real ledger.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod looking;
mod steady;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan as _;
use rcbs_core::fetch::PlainMedia;
use rcbs_core::plan::{Instance, SinceEdge, UntilEdge, WindowOptions};
use rcbs_core::ports::{MediaStore, RecordingApi};
use rcbs_core::rate::Bandwidth;
use rcbs_core::run::{Ports, RunOptions};
use rcbs_core::select::{MediaTypePattern, Wanted};
use rcbs_core::space::{Reserve, SpaceRules};
use rcbs_core::store::FolderFormat;
use rcbs_io::ledger::SqliteLedger;
use rcbs_io::target::{FolderTarget, Opening};
use rcbs_sim::SimClock;

use steady::Steady;

/// The 12th of February 2018, in slices of a quarter of a day.
pub(crate) fn options() -> RunOptions {
    RunOptions {
        window: WindowOptions {
            since: SinceEdge::At("2018-02-12T00:00:00Z".parse().unwrap()),
            until: UntilEdge::At("2018-02-13T00:00:00Z".parse().unwrap()),
            overlap: 6.hours(),
            slice_length: 6.hours(),
            ignore_checkpoint: false,
        },
        retention: None,
        instance: Instance::all(),
        wanted: Wanted {
            media_type: MediaTypePattern::parse("audio/mp3|video/mp4").unwrap(),
            media: true,
        },
        endpoint: None,
        folder_format: FolderFormat::default(),
        max_connections: 8,
        bandwidth: Bandwidth::UNLIMITED,
        old_checkpoint: None,
        seed: 1,
        manifest_key: None,
        certificates: Vec::new(),
        plain_media: PlainMedia::Refuse,
        space: SpaceRules {
            reserve: Reserve::Bytes(0),
            wait: Duration::from_secs(900),
        },
        begins_archive: None,
    }
}

/// The archive in this folder, beside these servers.
pub(crate) fn ports(
    api: Arc<dyn RecordingApi>,
    store: Arc<dyn MediaStore>,
    clock: &Arc<SimClock>,
    folder: &Path,
) -> Ports {
    Ports {
        api,
        store: Some(store),
        target: Arc::new(FolderTarget::open(folder, Opening::CreateIfAbsent).unwrap()),
        ledger: Arc::new(Steady(
            SqliteLedger::open(&folder.join(".rcbs/ledger.db")).unwrap(),
        )),
        clock: Arc::clone(clock) as Arc<_>,
    }
}
