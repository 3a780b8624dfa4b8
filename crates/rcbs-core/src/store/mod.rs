//! Where things lie in the archive and how they get there: media first, metadata last.

mod folder_format;
mod layout;

pub use folder_format::{FolderFormat, FolderFormatError};
pub use layout::{
    Folder, SafeName, endtime_file_name, manifest_stage_name, media_file_name, media_file_names,
    metadata_file_name, recording_folder, stage_name,
};
