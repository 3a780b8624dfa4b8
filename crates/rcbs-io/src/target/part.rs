//! Part files: clear bytes under a temporary name, where the file system knows no files without one.
//!
//! A process that is killed cannot remove its part file, so the next one does. What still belongs to somebody is told
//! by a lock of the system that its owner holds and that ends with it. Where there are no locks nobody can tell, and
//! nothing is removed.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::system::Dir;

/// Folders that are remembered as swept. Files come folder by folder, and several at once.
const FOLDERS_MOST: usize = 64;
/// Tries to make a part file that no sweep takes for a leftover in its first moment.
const TRIES: usize = 16;

/// Makes a part file and locks it.
pub(super) fn create(folder: &Dir) -> io::Result<(String, File)> {
    for _ in 0..TRIES {
        let name = random_name()?;
        let file = folder.create_file(&name)?;
        if is_ours(folder, &name, &file) {
            return Ok((name, file));
        }
    }
    Err(io::Error::other(
        "somebody removes temporary files as soon as they are made",
    ))
}

/// Locks a new part file; `false` when a sweep came in between and took it for a leftover.
fn is_ours(folder: &Dir, name: &str, file: &File) -> bool {
    match file.try_lock() {
        // Locked after it was removed, it is nobody's.
        Ok(()) => match folder.open_file(&[name]) {
            Err(error) => error.kind() != io::ErrorKind::NotFound,
            Ok(_) => true,
        },
        // The sweep is about to remove it.
        Err(TryLockError::WouldBlock) => false,
        // Who cannot lock cannot sweep either.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Removes the part files that nobody holds. A folder that cannot be swept can be written all the same, so failures
/// count as nothing to remove.
pub(super) fn sweep(folder: &Dir) {
    let names = folder.open_folder(&[]).and_then(Dir::names);
    for name in names
        .unwrap_or_default()
        .iter()
        .filter(|name| is_part(name))
    {
        // Names are random and never given twice: what has this name is what was locked, or nothing any more.
        if let Ok(file) = folder.open_to_append(name)
            && file.try_lock().is_ok()
        {
            tracing::debug!(name, "removing what a killed process left behind");
            drop(folder.remove_file(name));
        }
    }
}

fn random_name() -> io::Result<String> {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(format!(".rcbs-{:016x}.part", u64::from_be_bytes(random)))
}

fn is_part(name: &str) -> bool {
    let digits = name
        .strip_prefix(".rcbs-")
        .and_then(|rest| rest.strip_suffix(".part"));
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(is_digit))
}

/// The folders that were swept last.
#[derive(Debug, Default)]
pub(crate) struct Swept(Mutex<VecDeque<PathBuf>>);

impl Swept {
    /// Whether the folder has to be swept. Says so once, as long as it is remembered.
    pub(super) fn is_due(&self, folder: &Path) -> bool {
        let mut swept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.iter().any(|known| known == folder) {
            return false;
        }
        if swept.len() == FOLDERS_MOST {
            swept.pop_front();
        }
        swept.push_back(folder.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_program_makes_are_part_files() {
        assert!(is_part(&random_name().unwrap()));
        for name in [
            ".rcbs-0123456789abcde.part",
            ".rcbs-0123456789abcdef0.part",
            ".rcbs-0123456789abcdeF.part",
            ".rcbs-0123456789abcdef.par",
            "rcbs-0123456789abcdef.part",
            ".rcbs-.part",
        ] {
            assert!(!is_part(name), "{name}");
        }
    }

    #[test]
    fn a_folder_is_due_once_until_it_is_forgotten() {
        let swept = Swept::default();
        let number = |number: usize| PathBuf::from(number.to_string());
        assert!(swept.is_due(&number(0)));
        assert!(!swept.is_due(&number(0)));
        assert!((1..=FOLDERS_MOST).all(|other| swept.is_due(&number(other))));
        assert!(swept.is_due(&number(0)));
        assert_eq!(swept.0.lock().unwrap().len(), FOLDERS_MOST);
    }

    /// Two handles of one process are as strange to each other as those of two.
    #[test]
    fn what_nobody_holds_is_swept_and_what_somebody_holds_is_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = Dir::open_root(place.path()).unwrap();
        let (held, file) = create(&folder).unwrap();
        let (left, dead) = create(&folder).unwrap();
        drop(dead);
        std::fs::write(place.path().join("a.part"), "another's").unwrap();
        std::fs::create_dir(place.path().join(".rcbs-0000000000000000.part")).unwrap();
        let names = || {
            let mut names = folder.open_folder(&[]).and_then(Dir::names).unwrap();
            names.sort_unstable();
            names
        };
        assert!(names().contains(&left));
        sweep(&folder);
        let mut expected = [
            ".rcbs-0000000000000000.part".to_owned(),
            held.clone(),
            "a.part".to_owned(),
        ];
        expected.sort_unstable();
        assert_eq!(names(), expected);
        drop(file);
        sweep(&folder);
        assert!(!names().contains(&held));
    }

    #[test]
    fn a_part_file_that_a_sweep_was_faster_with_is_given_up() {
        let place = tempfile::tempdir().unwrap();
        let folder = Dir::open_root(place.path()).unwrap();
        let name = random_name().unwrap();
        let file = folder.create_file(&name).unwrap();
        let sweeping = folder.open_to_append(&name).unwrap();
        sweeping.try_lock().unwrap();
        assert!(!is_ours(&folder, &name, &file));
        drop(sweeping);
        sweep(&folder);
        assert!(!is_ours(&folder, &name, &file));
        let other = folder.create_file(&name).unwrap();
        assert!(is_ours(&folder, &name, &other));
    }

    /// Whoever makes a part file while others sweep has one that stays.
    #[test]
    fn a_sweep_never_takes_the_file_of_a_living_one() {
        let place = tempfile::tempdir().unwrap();
        let folder = || Dir::open_root(place.path()).unwrap();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                        sweep(&folder());
                    }
                });
            }
            let own = folder();
            let lost = (0..500).find(|_| {
                let (name, file) = create(&own).unwrap();
                std::thread::yield_now();
                let is_lost = own.open_file(&[&name]).is_err();
                drop((own.remove_file(&name), file));
                is_lost
            });
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(lost, None);
        });
    }
}
