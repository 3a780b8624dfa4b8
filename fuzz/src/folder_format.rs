//! Any text as `recordingFolderFormat`: a pattern that is taken gives folders inside the target for every time.

use jiff::Timestamp;
use rcbs_core::recording::RecordingId;
use rcbs_core::store::{Folder, FolderFormat, SafeName, recording_folder};

/// Whether every folder of a pattern can be made, entered and found again.
pub fn holds(bytes: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(bytes) else {
        return;
    };
    match FolderFormat::parse(pattern) {
        Ok(format) => check(&format, pattern),
        Err(why) => assert!(crate::is_fit_to_show(&why.to_string()), "{why}"),
    }
}

fn check(format: &FolderFormat, pattern: &str) {
    assert_eq!(format.pattern(), pattern);
    assert!(!pattern.starts_with('/'));
    let levels = format.render(Timestamp::UNIX_EPOCH).len();
    assert!((1..=8).contains(&levels));
    let id = RecordingId::new("0123456789ABCDEF").expect("an id");
    let times = [
        Timestamp::MIN,
        Timestamp::UNIX_EPOCH,
        Timestamp::constant(951_782_399, 0),
        Timestamp::MAX,
    ];
    for at in times {
        let parts = format.render(at);
        assert_eq!(parts.len(), levels);
        for part in &parts {
            let name = SafeName::from_disk(part).expect("a folder is a safe name");
            assert_eq!(name.as_str(), part);
        }
        let folder = recording_folder(format, Some(at), &id);
        assert_eq!(Folder::from_text(&folder.to_text()), Some(folder));
    }
}
