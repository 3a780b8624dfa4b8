//! Sealed files on disk: found in folders one by one, with what the metadata beside them say.

use std::ffi::OsStr;
use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rcbs_core::cms::Envelope;
use rcbs_core::decrypt::{ClearFile, Facts, SealedFile};
use rcbs_core::ports::TargetError;
use rcbs_core::recording::{self, Media};
use rcbs_core::store::media_file_names;

use crate::target::clear::ClearPlace;
use crate::target::part::Swept;

/// Ends every media file of an archive.
const SEALED_SUFFIX: &str = ".bin";
/// The program's own folder in an archive; its files are not media.
const STATE_FOLDER: &str = ".rcbs";
/// The largest metadata file that is read.
const METADATA_BYTES_MAX: u64 = 16 << 20;

/// Where clear files go. Copies know together which folders were swept of what killed processes had left.
#[derive(Debug, Clone, Default)]
pub struct Outlet {
    below: Option<PathBuf>,
    swept: Arc<Swept>,
}

impl Outlet {
    /// Beside the sealed files, or below a folder.
    #[must_use]
    pub fn new(below: Option<PathBuf>) -> Self {
        Self {
            below,
            swept: Arc::default(),
        }
    }
}

/// A sealed file by its path.
#[derive(Debug)]
pub struct SealedPath {
    source: PathBuf,
    output: PathBuf,
    swept: Arc<Swept>,
    sha256: Option<[u8; 32]>,
    is_plain: bool,
}

impl SealedPath {
    /// A file whose clear bytes shall lie beside it, or in a folder of the same `relative` path below. Its name
    /// loses `.bin`, or gets `.clear` where it has none, so that it is never the sealed file's own.
    #[must_use]
    pub fn new(source: PathBuf, relative: &Path, outlet: &Outlet) -> Self {
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let name = match name.strip_suffix(SEALED_SUFFIX) {
            Some(stem) if !stem.is_empty() => stem.to_owned(),
            _ => format!("{name}.clear"),
        };
        let output = match &outlet.below {
            Some(below) => below.join(relative).join(name),
            None => source.with_file_name(name),
        };
        Self {
            source,
            output,
            swept: Arc::clone(&outlet.swept),
            sha256: None,
            is_plain: false,
        }
    }

    /// The same with what the ledger has of it: its digest, and whether nobody encrypted it.
    #[must_use]
    pub fn known(mut self, sha256: [u8; 32], is_plain: bool) -> Self {
        self.sha256 = Some(sha256);
        self.is_plain = is_plain;
        self
    }

    fn place(&self) -> Result<ClearPlace, TargetError> {
        ClearPlace::new(&self.output).ok_or_else(|| TargetError::Io {
            action: "name",
            path: self.output.display().to_string(),
            reason: "the name is not text".to_owned(),
        })
    }
}

impl SealedFile for SealedPath {
    fn name(&self) -> String {
        self.source.display().to_string()
    }

    fn output(&self) -> String {
        self.output.display().to_string()
    }

    fn facts(&mut self) -> Facts {
        let media = metadata_beside(&self.source);
        Facts {
            content_type: media.as_ref().map(|media| media.content_type.clone()),
            envelope: media
                .and_then(|media| media.envelope)
                .and_then(|text| Envelope::from_text(&text).ok()),
            sha256: self.sha256,
            is_plain: self.is_plain,
        }
    }

    fn open(&mut self) -> Result<Box<dyn Read>, TargetError> {
        match File::open(&self.source) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(failed("open", &self.source, &error)),
        }
    }

    fn existing(&mut self) -> Result<Option<Box<dyn Read>>, TargetError> {
        self.place()?.existing(&self.swept)
    }

    fn stage(&mut self) -> Result<Box<dyn ClearFile>, TargetError> {
        self.place()?.stage()
    }
}

/// What cannot even be listed takes part as a file that cannot be opened, so that it is told like one.
struct Unreadable {
    path: PathBuf,
    error: TargetError,
}

impl SealedFile for Unreadable {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn output(&self) -> String {
        String::new()
    }

    fn facts(&mut self) -> Facts {
        Facts::default()
    }

    fn open(&mut self) -> Result<Box<dyn Read>, TargetError> {
        Err(self.error.clone())
    }

    fn existing(&mut self) -> Result<Option<Box<dyn Read>>, TargetError> {
        Err(self.error.clone())
    }

    fn stage(&mut self) -> Result<Box<dyn ClearFile>, TargetError> {
        Err(self.error.clone())
    }
}

/// All sealed files below a folder, in the order of their paths, found while they are asked for. Memory: the names of
/// the folders on the way. Links are not followed, and the program's own folder is left out.
#[derive(Debug)]
pub struct Tree {
    top: PathBuf,
    outlet: Outlet,
    /// What is to be looked at, the next at the end.
    waiting: Vec<(PathBuf, bool)>,
}

impl Tree {
    /// The files below `top`, whose clear bytes go beside them or into folders of the same paths.
    #[must_use]
    pub fn new(top: PathBuf, outlet: Outlet) -> Self {
        Self {
            waiting: vec![(top.clone(), true)],
            top,
            outlet,
        }
    }

    fn enter(&mut self, folder: &Path) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if is_wanted(&entry.file_name(), kind) {
                found.push((entry.path(), kind.is_dir()));
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        self.waiting.append(&mut found);
        Ok(())
    }
}

fn is_wanted(name: &OsStr, kind: FileType) -> bool {
    if kind.is_dir() {
        return name != STATE_FOLDER;
    }
    kind.is_file() && name.as_encoded_bytes().ends_with(SEALED_SUFFIX.as_bytes())
}

impl Iterator for Tree {
    type Item = Box<dyn SealedFile>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((path, is_folder)) = self.waiting.pop() {
            if !is_folder {
                let folder = path.parent().unwrap_or(&self.top);
                let relative = folder.strip_prefix(&self.top).unwrap_or(Path::new(""));
                let relative = relative.to_owned();
                let file = SealedPath::new(path, &relative, &self.outlet);
                return Some(Box::new(file));
            }
            if let Err(error) = self.enter(&path) {
                let error = failed("list", &path, &error);
                return Some(Box::new(Unreadable { path, error }));
            }
        }
        None
    }
}

/// What the recording's metadata say of a file that lies beside them; `None` when there are none, or they do not name
/// it. They are a help, not a condition: files may be moved about without them.
fn metadata_beside(file: &Path) -> Option<Media> {
    let folder = file.parent()?;
    let name = file.file_name()?.to_str()?;
    let own = folder.canonicalize().ok()?;
    let own = own.file_name()?.to_str()?;
    let bytes = read_metadata(&folder.join(format!("{own}.json")))?;
    let recording = recording::parse(&bytes).ok()?;
    let ids: Vec<_> = recording
        .media
        .iter()
        .map(|media| media.id.clone())
        .collect();
    let names = media_file_names(&ids);
    let mut media = recording.media.into_iter().zip(names);
    media.find_map(|(media, known)| (known.as_str() == name).then_some(media))
}

fn read_metadata(path: &Path) -> Option<Bytes> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(METADATA_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes.into())
}

fn failed(action: &'static str, path: &Path, error: &io::Error) -> TargetError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::PermissionDenied => TargetError::Denied {
            path,
            reason: error.to_string(),
        },
        _ => TargetError::Io {
            action,
            path,
            reason: error.to_string(),
        },
    }
}
