//! One of the many things that a disk may hold after the power failed.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rcbs_sim::Seed;

use crate::disk::{ByteChange, Disk, Inode, Names, Pending, TOP};
use crate::trace::Call;

/// What is written at once at the least.
const SECTOR_BYTES: usize = 512;

/// What becomes of that which was not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing of it is there: nobody flushed it.
    Gone,
    /// All of it is there: the process was killed and the disk was not.
    There,
    /// All up to some moment, as a file system with a journal has it; the last write may be torn.
    UpTo(usize),
    /// Anything: each name, each sector by itself.
    Any,
}

/// A moment of the run, and what is left of it.
pub struct Cut {
    /// So many calls were done.
    pub calls: usize,
    fate: Fate,
    seed: Seed,
}

impl std::fmt::Debug for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "after {} calls, the rest {:?}", self.calls, self.fate)
    }
}

impl Cut {
    /// At any moment of so many calls.
    pub fn new(seed: u64, calls: usize) -> Self {
        let at = Seed::new(seed).below("moment", calls as u64 + 1);
        Self::after(seed, usize::try_from(at).unwrap())
    }

    /// At this moment.
    pub fn after(seed: u64, at: usize) -> Self {
        let seed = Seed::new(seed);
        let below =
            |label: &str, limit: usize| usize::try_from(seed.below(label, limit as u64)).unwrap();
        let fate = match seed.below("fate", 8) {
            0 => Fate::Gone,
            1 => Fate::There,
            2..=4 => Fate::UpTo(below("up to", at + 1)),
            _ => Fate::Any,
        };
        Self {
            calls: at,
            fate,
            seed,
        }
    }

    /// The files that are there afterwards, and the folders.
    pub fn leaves(&self, before: &Disk, calls: &[Call]) -> Remains {
        let mut disk = before.clone();
        for (number, call) in calls[..self.calls].iter().enumerate() {
            // Numbers from 1: what was there before is number 0.
            disk.apply(number + 1, &shifted(call));
        }
        let mut names = disk.names.clone();
        for (number, change) in disk.name_changes.clone() {
            if self.survives(number, &format!("name {number}")) {
                change.apply(&mut names);
            }
        }
        let mut remains = Remains::default();
        self.walk(&disk, &names, TOP, Path::new(""), &mut remains);
        remains
    }

    fn walk(
        &self,
        disk: &Disk,
        names: &HashMap<Inode, Names>,
        folder: Inode,
        path: &Path,
        remains: &mut Remains,
    ) {
        for (name, node) in names.get(&folder).into_iter().flatten() {
            let path = path.join(name);
            if names.contains_key(node) {
                remains.folders.push(path.clone());
                self.walk(disk, names, *node, &path, remains);
            } else if !name.ends_with("-shm") {
                // Shared memory of the ledger: without a process it means nothing, and SQLite makes it anew.
                remains.files.insert(path, self.bytes_of(disk, *node));
            }
        }
    }

    fn bytes_of(&self, disk: &Disk, node: Inode) -> Vec<u8> {
        let mut bytes = disk.bytes.get(&node).cloned().unwrap_or_default();
        let none = Pending::new();
        for (number, change) in disk.byte_changes.get(&node).unwrap_or(&none) {
            let label = format!("bytes {number}");
            match change {
                ByteChange::Write { at, bytes: new } if self.may_tear(*number) => {
                    self.torn(&label, *at, new, &mut bytes);
                }
                change if self.survives(*number, &label) => change.clone().apply(&mut bytes),
                _ => {}
            }
        }
        bytes
    }

    fn survives(&self, number: usize, label: &str) -> bool {
        match self.fate {
            Fate::Gone => false,
            Fate::There => true,
            Fate::UpTo(last) => number <= last,
            Fate::Any => self.seed.below(label, 2) == 0,
        }
    }

    fn may_tear(&self, number: usize) -> bool {
        match self.fate {
            Fate::Gone | Fate::There => false,
            Fate::UpTo(last) => number == last,
            Fate::Any => true,
        }
    }

    /// Some of the sectors of a write. The file may have its new length without them: then there are zeros.
    fn torn(&self, label: &str, at: u64, new: &[u8], bytes: &mut Vec<u8>) {
        let mut at = usize::try_from(at).unwrap();
        if self.seed.below(&format!("{label} long"), 4) == 0 {
            bytes.resize(bytes.len().max(at + new.len()), 0);
        }
        let mut left = new;
        while !left.is_empty() {
            let len_bytes = (SECTOR_BYTES - at % SECTOR_BYTES).min(left.len());
            let (sector, rest) = left.split_at(len_bytes);
            if self.seed.below(&format!("{label} at {at}"), 2) == 0 {
                let write = ByteChange::Write {
                    at: at as u64,
                    bytes: sector.to_vec(),
                };
                write.apply(bytes);
            }
            at += len_bytes;
            left = rest;
        }
    }
}

/// A flush is about calls before it, and these are counted from 1.
fn shifted(call: &Call) -> Call {
    match call {
        Call::Flush { path, before } => Call::Flush {
            path: path.clone(),
            before: before + 1,
        },
        Call::FlushAll { before } => Call::FlushAll { before: before + 1 },
        other => other.clone(),
    }
}

/// What is left on the disk.
#[derive(Debug, Default)]
pub struct Remains {
    pub folders: Vec<PathBuf>,
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}
