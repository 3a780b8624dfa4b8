//! Which file of a recording's folder is which media file, also when a look-alike was announced later.

use crate::ports::{EntryState, FileFact, MediaEntry};
use crate::recording::MediaId;
use crate::store::{SafeName, media_file_name, media_file_names};

use super::find_on_disk;

/// The names of all media files of one recording, in their order.
///
/// They are those of [`media_file_names`], except that a file which got the plain name before another one came that
/// wants it too goes on lying there: nothing is fetched again, or called lost, because of a later name.
#[must_use]
pub fn names_on_disk(media: &[(MediaId, MediaEntry)], files: &[FileFact]) -> Vec<SafeName> {
    let ids: Vec<MediaId> = media.iter().map(|(id, _)| id.clone()).collect();
    let mut names = media_file_names(&ids);
    // Files whose name is tagged now and that lie under no such name.
    let elsewhere: Vec<(usize, SafeName, bool)> = media
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(at, ((id, entry), name))| (at, name, media_file_name(id), has_file(&entry.state)))
        .filter(|(_, name, plain, _)| *name != plain && find_on_disk(files, name).is_none())
        .map(|(at, _, plain, has_file)| (at, plain, has_file))
        .collect();
    for (at, plain, has_file) in &elsewhere {
        let mut rivals = elsewhere
            .iter()
            .filter(|(other, name, _)| other != at && name == plain);
        // Without any word of the ledger the only one that can be meant is the only one there is.
        let is_its_own = if *has_file {
            !rivals.any(|(_, _, has_file)| *has_file)
        } else {
            rivals.next().is_none()
        };
        if is_its_own
            && find_on_disk(files, plain).is_some()
            && let Some(name) = names.get_mut(*at)
        {
            name.clone_from(plain);
        }
    }
    names
}

/// Whether the ledger is sure of a file under the final name. One whose publication was begun is not: it may lie under
/// its temporary name still.
fn has_file(state: &EntryState) -> bool {
    matches!(state, EntryState::Verified { .. })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn verified() -> MediaEntry {
        MediaEntry {
            state: EntryState::Verified {
                len_bytes: 1,
                sha256: [0; 32],
                etag: None,
                check: String::new(),
                at: Timestamp::UNIX_EPOCH,
            },
            ..MediaEntry::announced()
        }
    }

    fn media(all: &[(&str, bool)]) -> Vec<(MediaId, MediaEntry)> {
        all.iter()
            .map(|(id, is_verified)| {
                let entry = if *is_verified {
                    verified()
                } else {
                    MediaEntry::announced()
                };
                (MediaId::new(id).unwrap(), entry)
            })
            .collect()
    }

    /// Names, a dot for each that is not the plain one.
    fn names(all: &[(&str, bool)], on_disk: &[&str]) -> Vec<String> {
        let media = media(all);
        let ids: Vec<MediaId> = media.iter().map(|(id, _)| id.clone()).collect();
        let tagged = media_file_names(&ids);
        let file = |name: &str| FileFact {
            name: match name.strip_prefix('#') {
                Some(at) => tagged[at.parse::<usize>().unwrap()].as_str().to_owned(),
                None => name.to_owned(),
            },
            len_bytes: 1,
        };
        let files: Vec<FileFact> = on_disk.iter().map(|name| file(name)).collect();
        names_on_disk(&media, &files)
            .iter()
            .zip(&ids)
            .map(|(name, id)| {
                let plain = media_file_name(id);
                if *name == plain {
                    plain.as_str().to_owned()
                } else {
                    ".".to_owned()
                }
            })
            .collect()
    }

    #[test]
    fn an_earlier_file_keeps_the_name_under_which_it_lies() {
        let (old, new) = ("x.mp3", "x.mp3.bin");
        // Announced together, nothing on disk: neither gets the plain name.
        assert_eq!(names(&[(old, false), (new, false)], &[]), [".", "."]);
        // The new one came later.
        assert_eq!(
            names(&[(old, true), (new, false)], &["x.mp3.bin"]),
            ["x.mp3.bin", "."]
        );
        assert_eq!(
            names(&[(new, true), (old, false)], &["x.mp3.bin"]),
            ["x.mp3.bin", "."]
        );
        // Both are stored.
        assert_eq!(
            names(&[(old, true), (new, true)], &["x.mp3.bin", "#1"]),
            ["x.mp3.bin", "."]
        );
        // The ledger is lost.
        assert_eq!(
            names(&[(old, false), (new, false)], &["x.mp3.bin", "#1"]),
            ["x.mp3.bin", "."]
        );
        // Nobody can say whose file it is.
        assert_eq!(
            names(&[(old, false), (new, false)], &["x.mp3.bin"]),
            [".", "."]
        );
        // It was taken away.
        assert_eq!(names(&[(old, true), (new, true)], &["#1"]), [".", "."]);
        // Ids that differ by letter case, as the old program left them where case counts.
        assert_eq!(
            names(&[("a", false), ("A", false)], &["a.bin", "A.bin"]),
            ["a.bin", "A.bin"]
        );
        assert_eq!(
            names(&[("a", true), ("A", false)], &["a.bin"]),
            ["a.bin", "."]
        );
    }
}
