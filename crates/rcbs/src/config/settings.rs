//! The configuration, understood: total, typed, freed of the old program's names. Nobody asks "was it set?" any more.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rcbs_core::cms::Certificate;
use rcbs_core::fetch::PlainMedia;
use rcbs_core::manifest::SigningKey;
use rcbs_core::plan::{Instance, WindowOptions};
use rcbs_core::rate::Bandwidth;
use rcbs_core::retention::Retention;
use rcbs_core::select::MediaTypePattern;
use rcbs_core::space::SpaceRules;
use rcbs_core::store::FolderFormat;
use rcbs_core::text::escaped;
use rcbs_io::gws::GwsOptions;
use rcbs_io::s3::S3Options;
use rcbs_io::target::ReadBack;

use super::finding::Origin;

/// Everything a command needs to know before it begins.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The recording API: where, how, and who asks. `None` only where no login is needed and none was given.
    pub gws: Option<GwsOptions>,
    /// Whether media are fetched, and with which keys.
    pub media: MediaMode,
    /// Which period is backed up.
    pub window: WindowOptions,
    /// How long the cloud keeps recordings (`retentionDays`).
    pub retention: Option<Retention>,
    /// Which share of the recordings is ours.
    pub instance: Instance,
    /// Which media types are wanted.
    pub media_type: MediaTypePattern,
    /// What happens to media that the cloud holds unencrypted.
    pub plain_media: PlainMedia,
    /// The certificates of `certificateFile`, whatever `plainMedia` says; all of them can be encrypted for.
    pub certificates: Vec<Certificate>,
    /// Signs manifests (`manifestKey`).
    pub manifest_key: Option<Arc<SigningKey>>,
    /// The folder that is filled: absolute, as written otherwise.
    pub target_dir: PathBuf,
    /// The folder of lock, ledger and staging marks: absolute.
    pub state_dir: PathBuf,
    /// The absolute folder of the configuration file, where the old program may have left `last_recording_endtime.txt`.
    pub config_dir: PathBuf,
    /// How much of the target's disk stays free, and how long a run waits for it (`diskReserve`, `diskWait`).
    pub space: SpaceRules,
    /// Whether files are read again before they count as stored (`readBack`).
    pub read_back: ReadBack,
    /// Folders between the target and a recording.
    pub folder_format: FolderFormat,
    /// One file after the other, or several.
    pub download: DownloadMode,
    /// Upper bound of simultaneous downloads, 1 to 1024 (`maxConnections`); see [`Settings::connections`].
    pub max_connections: u16,
    /// Most bytes of media a second, for all downloads together.
    pub bandwidth: Bandwidth,
    /// Every key and secret with its value and origin, for `rcbs config show`.
    pub effective: Vec<Effective>,
}

impl Settings {
    /// How many threads join, check and hash: one with `downloadMode=single`, else `numThreads`.
    #[must_use]
    pub fn threads(&self) -> u16 {
        match self.download {
            DownloadMode::Single => 1,
            DownloadMode::Multithread { num_threads } => num_threads,
        }
    }

    /// How many downloads may run at the same time: one with `downloadMode=single`, else `maxConnections`.
    #[must_use]
    pub fn connections(&self) -> u16 {
        match self.download {
            DownloadMode::Single => 1,
            DownloadMode::Multithread { .. } => self.max_connections,
        }
    }
}

/// Whether media are fetched besides metadata.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one per process")]
pub enum MediaMode {
    /// `metadataOnly=true`: the store is never asked, so there are no keys for it.
    MetadataOnly,
    /// Media too, from this store. `None` only where no login is needed and none was given.
    Full(Option<S3Options>),
}

/// `downloadMode` and `numThreads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownloadMode {
    /// One file after the other.
    Single,
    /// Several at the same time.
    Multithread {
        /// How many threads join, check and hash what arrives, 1 to 256; waiting takes none.
        num_threads: u16,
    },
}

/// A key or secret, what it comes to, and where that comes from. Displayed as `maxAge=3 (config.properties line 2)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The key or variable.
    pub name: &'static str,
    /// What it comes to.
    pub value: Held,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nothing, and it has no default.
    Unset,
    /// Something that is not shown.
    Secret,
    /// This text; paths are resolved.
    Text(String),
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Held::Unset => write!(f, "{} is not set", self.name),
            Held::Secret => write!(f, "{} is set ({})", self.name, self.origin),
            Held::Text(text) => write!(f, "{}={} ({})", self.name, escaped(text), self.origin),
        }
    }
}
