//! What `rcbs decrypt` opens: files, folders, and recordings that the ledger knows by their id.

use std::path::{Path, PathBuf};

use rcbs_core::cms::Certificate;
use rcbs_core::decrypt::SealedFile;
use rcbs_core::encryption::is_plain;
use rcbs_core::ports::{EntryState, HeldRecording, Ledger as _};
use rcbs_core::recording::{MediaId, RecordingId};
use rcbs_core::store::media_file_names;
use rcbs_io::sealed::{Outlet, SealedPath, Tree};

use super::super::{load, work::runtime};
use crate::args::DecryptArgs;
use crate::assemble::{self, Refusal};
use crate::config::Loaded;
use crate::config::env::Env;
use crate::exit::Exit;
use crate::explain::{Explanation, explain_ledger};

/// Sealed files, found while they are asked for.
pub(super) type Files = Box<dyn Iterator<Item = Box<dyn SealedFile>> + Send>;

/// What is to be opened.
pub(super) struct Sources {
    pub(super) files: Files,
    /// Those of `certificateFile`, where a configuration was read.
    pub(super) certificates: Vec<Certificate>,
}

/// All that was asked for, in the order of the arguments. A thing that exists is a path; else it must be an id.
pub(super) fn sources(args: &DecryptArgs) -> Result<Sources, Refusal> {
    let mut all: Files = Box::new(std::iter::empty());
    let mut loaded: Option<Loaded> = None;
    let outlet = Outlet::new(args.out.clone());
    for what in &args.what {
        let found: Files = if what.is_dir() {
            Box::new(Tree::new(what.clone(), outlet.clone()))
        } else if what.exists() {
            one(SealedPath::new(what.clone(), Path::new(""), &outlet))
        } else {
            let loaded = match &mut loaded {
                Some(loaded) => loaded,
                None => loaded.insert(configuration(args, what)?),
            };
            recording(loaded, what, &outlet)?
        };
        all = Box::new(all.chain(found));
    }
    Ok(Sources {
        files: all,
        certificates: loaded.map_or_else(Vec::new, |loaded| loaded.settings.certificates),
    })
}

fn one(file: SealedPath) -> Files {
    Box::new(std::iter::once(Box::new(file) as Box<dyn SealedFile>))
}

/// The configuration, read for the first thing that is no path.
fn configuration(args: &DecryptArgs, what: &Path) -> Result<Loaded, Refusal> {
    let id = what.to_str().and_then(|text| RecordingId::new(text).ok());
    // A slash is in no id: then a path was meant, and the configuration has nothing to say.
    if id.is_none() || what.components().count() > 1 {
        return Err(unknown(what, "there is no such file or folder"));
    }
    load(&args.config.request_offline(), &Env::default()).map_err(|exit| {
        let explanation = Explanation {
            headline: format!("looking for {}", what.display()),
            causes: vec![
                "there is no such file or folder, and without a configuration no archive to look for a recording of that id"
                    .to_owned(),
            ],
            hint: Some("check the path, or name the configuration with --config".to_owned()),
        };
        (explanation, exit)
    })
}

/// The stored media files of a recording, with what the ledger has of them.
fn recording(loaded: &Loaded, what: &Path, outlet: &Outlet) -> Result<Files, Refusal> {
    let settings = &loaded.settings;
    let id = what
        .to_str()
        .and_then(|text| RecordingId::new(text).ok())
        .ok_or_else(|| unknown(what, "it is neither a path nor an id"))?;
    let ledger = assemble::open_ledger_of_files(settings)?;
    let held = runtime(settings)?
        .block_on(ledger.held(&id))
        .map_err(|error| {
            let exit = Exit::of(rcbs_core::run::ledger_outcome(&error));
            (explain_ledger(&error), exit)
        })?
        .ok_or_else(|| unknown(what, "there is no such file, and no recording of that id"))?;
    let stored = stored(&held);
    if stored.is_empty() {
        return Err(unknown(what, "no media file of that recording is stored"));
    }
    let folder = &held.entry.folder;
    let files = stored.into_iter().map(|one| {
        let source = settings.target_dir.join(folder).join(one.name);
        SealedPath::new(source, Path::new(folder), outlet).known(one.sha256, one.is_plain)
    });
    let files: Vec<_> = files
        .map(|file| Box::new(file) as Box<dyn SealedFile>)
        .collect();
    Ok(Box::new(files.into_iter()))
}

/// A media file as the ledger knows it.
struct Stored {
    name: PathBuf,
    sha256: [u8; 32],
    is_plain: bool,
}

/// The stored ones among the media files of a recording.
fn stored(held: &HeldRecording) -> Vec<Stored> {
    let media = &held.entry.media;
    let ids: Vec<MediaId> = media.iter().map(|(id, _)| id.clone()).collect();
    let names = media_file_names(&ids);
    let states = media.iter().map(|(_, known)| &known.state);
    let known = states.zip(names).zip(&held.recipients);
    known
        .filter_map(|((state, name), recipients)| match state {
            EntryState::Verified { sha256, .. } => Some(Stored {
                name: name.as_str().into(),
                sha256: *sha256,
                is_plain: is_plain(recipients),
            }),
            EntryState::Announced
            | EntryState::Publishing { .. }
            | EntryState::Skipped { .. }
            | EntryState::Waiting { .. }
            | EntryState::Lost { .. } => None,
        })
        .collect()
}

fn unknown(what: &Path, cause: &str) -> Refusal {
    let explanation = Explanation {
        headline: format!(
            "looking for {}",
            rcbs_core::text::printable(&what.to_string_lossy())
        ),
        causes: vec![cause.to_owned()],
        hint: Some(
            "give a file, a folder, or the id of a recording as its folder has it".to_owned(),
        ),
    };
    (explanation, Exit::Usage)
}
