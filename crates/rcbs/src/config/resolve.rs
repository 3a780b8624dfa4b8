//! From values to settings: each key is read once, with its limits and its relation to others.

mod archive;
mod servers;
mod window;
mod work;

use jiff::Timestamp;

use super::finding::Refusal;
use super::keys::Key;
use super::reader::Reader;
use super::settings::Settings;

/// Reads everything, also after a problem, so that all problems are told at once; `None` when there was one.
pub(super) fn settings(reader: &mut Reader<'_>, now: Timestamp) -> Option<Settings> {
    let shared = servers::shared(reader);
    let gws = servers::gws(reader, &shared);
    let media = servers::media(reader, &shared);
    let window = window::window(reader, now);
    let retention = window::retention(reader);
    let instance = work::instance(reader);
    let download = work::download(reader);
    let max_connections = work::max_connections(reader);
    let bandwidth = work::bandwidth(reader, now);
    let media_type = archive::media_type(reader);
    let plain_media = archive::plain_media(reader);
    let certificates = archive::recipients(reader, plain_media);
    let manifest_key = archive::manifest_key(reader);
    let target_dir = archive::target_dir(reader);
    let state_dir = archive::state_dir(reader, &target_dir);
    let space = archive::space(reader);
    let read_back = archive::read_back(reader);
    let folder_format = archive::folder_format(reader);
    Some(Settings {
        gws,
        media,
        window: window?,
        retention,
        instance: instance?,
        media_type: media_type?,
        plain_media,
        certificates,
        manifest_key,
        target_dir,
        state_dir,
        config_dir: reader.config_folder().clone(),
        space,
        read_back,
        folder_format: folder_format?,
        download,
        max_connections,
        bandwidth,
        effective: reader.effective(),
    })
}

/// Reads a boolean that is false by default, as all of them are.
fn flag(reader: &mut Reader<'_>, key: Key) -> bool {
    reader.read_or(key, false, super::scalar::boolean)
}

/// Another crate's error as a refusal: its text completes the sentence after "is refused: ".
#[derive(Debug, thiserror::Error)]
#[error("is refused: {reason}")]
struct Foreign {
    reason: String,
    hint: &'static str,
}

impl Refusal for Foreign {
    fn hint(&self) -> Option<String> {
        Some(self.hint.to_owned())
    }
}
