//! A disk as POSIX promises it and no better: what was flushed is there, of anything else perhaps a part.
//!
//! Bytes of a file and names in a folder are durable apart from each other. A new name is durable when its folder was
//! flushed, whatever became of the file; the bytes when the file was. A rename is there as a whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::support::snapshot::{Node, Snapshot};
use crate::trace::Call;

/// A file or a folder, whatever its name.
pub type Inode = usize;

/// The folder in which everything lies.
pub const TOP: Inode = 0;

/// Names to nodes.
pub type Names = BTreeMap<String, Inode>;

/// Something done to names.
#[derive(Debug, Clone)]
pub enum NameChange {
    Add {
        folder: Inode,
        name: String,
        node: Inode,
    },
    Remove {
        folder: Inode,
        name: String,
    },
    Move {
        from: (Inode, String),
        to: (Inode, String),
        node: Inode,
    },
}

/// Something done to bytes.
#[derive(Debug, Clone)]
pub enum ByteChange {
    Write { at: u64, bytes: Vec<u8> },
    Truncate { len_bytes: u64 },
}

/// Changes that are not durable yet, with the number of the call that made each.
pub type Pending<T> = Vec<(usize, T)>;

#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// What every program sees: names, by folder.
    seen: HashMap<Inode, Names>,
    nodes: usize,
    /// What is durable.
    pub names: HashMap<Inode, Names>,
    pub bytes: HashMap<Inode, Vec<u8>>,
    /// What is not.
    pub name_changes: Pending<NameChange>,
    pub byte_changes: HashMap<Inode, Pending<ByteChange>>,
}

impl Disk {
    /// A disk that holds this in a folder of this name, all durable.
    pub fn holding(name: &str, inside: Snapshot) -> Self {
        let mut disk = Self::empty();
        disk.apply(0, &Call::Mkdir(name.into()));
        for (path, node) in inside {
            let path = Path::new(name).join(path);
            match node {
                Node::Folder { .. } => disk.apply(0, &Call::Mkdir(path)),
                Node::File { bytes, .. } => {
                    disk.apply(0, &Call::Create(path.clone()));
                    disk.apply(0, &Call::Write { path, at: 0, bytes });
                }
                other => panic!("{} is {other:?}", path.display()),
            }
        }
        disk.apply(1, &Call::FlushAll { before: 1 });
        disk
    }

    pub fn empty() -> Self {
        let top = HashMap::from([(TOP, Names::new())]);
        Self {
            seen: top.clone(),
            names: top,
            nodes: 1,
            ..Self::default()
        }
    }

    /// The call with this number has been done.
    pub fn apply(&mut self, number: usize, call: &Call) {
        match call {
            Call::Create(path) => {
                if self.find(path).is_none() {
                    let node = self.add(number, path);
                    self.bytes.insert(node, Vec::new());
                }
            }
            Call::Mkdir(path) => {
                let node = self.add(number, path);
                self.seen.insert(node, Names::new());
                self.names.insert(node, Names::new());
            }
            Call::Unlink(path) => {
                let (folder, name) = self.place(path);
                self.seen.get_mut(&folder).unwrap().remove(&name).unwrap();
                self.name_change(number, NameChange::Remove { folder, name });
            }
            Call::Rename(from, to) => {
                let (from, to) = (self.place(from), self.place(to));
                let names = self.seen.get_mut(&from.0).unwrap();
                let node = names.remove(&from.1).unwrap();
                self.seen.get_mut(&to.0).unwrap().insert(to.1.clone(), node);
                self.name_change(number, NameChange::Move { from, to, node });
            }
            Call::Write { path, at, bytes } => {
                let (at, bytes) = (*at, bytes.clone());
                self.byte_change(number, path, ByteChange::Write { at, bytes });
            }
            Call::Truncate { path, len_bytes } => {
                let len_bytes = *len_bytes;
                self.byte_change(number, path, ByteChange::Truncate { len_bytes });
            }
            Call::Flush { path, before } => {
                // A file that was removed since matters to nobody.
                if let Some(node) = self.find(path) {
                    self.flush(node, *before);
                }
            }
            Call::FlushAll { before } => {
                let is_done = |at: usize| at < *before;
                self.make_names_durable(|(at, _)| is_done(*at));
                let nodes: Vec<Inode> = self.byte_changes.keys().copied().collect();
                nodes
                    .into_iter()
                    .for_each(|node| self.flush_bytes(node, *before));
            }
            Call::Said(_) => {}
        }
    }

    /// What lies under a path, as every program sees it.
    pub fn find(&self, path: &Path) -> Option<Inode> {
        path.components().try_fold(TOP, |folder, part| {
            let name = part.as_os_str().to_str().unwrap();
            self.seen.get(&folder)?.get(name).copied()
        })
    }

    fn place(&self, path: &Path) -> (Inode, String) {
        let folder = self.find(path.parent().unwrap()).unwrap();
        (
            folder,
            path.file_name().unwrap().to_str().unwrap().to_owned(),
        )
    }

    fn add(&mut self, number: usize, path: &Path) -> Inode {
        let (folder, name) = self.place(path);
        let node = self.nodes;
        self.nodes += 1;
        self.seen
            .get_mut(&folder)
            .unwrap()
            .insert(name.clone(), node);
        self.name_change(number, NameChange::Add { folder, name, node });
        node
    }

    fn name_change(&mut self, number: usize, change: NameChange) {
        self.name_changes.push((number, change));
    }

    fn byte_change(&mut self, number: usize, path: &Path, change: ByteChange) {
        let node = self
            .find(path)
            .unwrap_or_else(|| panic!("no {}", path.display()));
        self.byte_changes
            .entry(node)
            .or_default()
            .push((number, change));
    }

    fn flush(&mut self, node: Inode, before: usize) {
        if self.seen.contains_key(&node) {
            self.make_names_durable(|(at, change)| *at < before && change.folder() == node);
        } else {
            self.flush_bytes(node, before);
        }
    }

    fn make_names_durable(&mut self, is_flushed: impl Fn(&(usize, NameChange)) -> bool) {
        let changes = std::mem::take(&mut self.name_changes);
        let (flushed, pending) = changes.into_iter().partition(is_flushed);
        self.name_changes = pending;
        let flushed: Pending<NameChange> = flushed;
        for (_, change) in flushed {
            change.apply(&mut self.names);
        }
    }

    fn flush_bytes(&mut self, node: Inode, before: usize) {
        let Some(changes) = self.byte_changes.remove(&node) else {
            return;
        };
        let (flushed, pending): (Pending<_>, Pending<_>) =
            changes.into_iter().partition(|(at, _)| *at < before);
        let bytes = self.bytes.entry(node).or_default();
        for (_, change) in flushed {
            change.apply(bytes);
        }
        if !pending.is_empty() {
            self.byte_changes.insert(node, pending);
        }
    }
}

impl NameChange {
    /// The folder whose flush makes it durable; of a move the one that gets the name.
    fn folder(&self) -> Inode {
        match self {
            Self::Add { folder, .. } | Self::Remove { folder, .. } => *folder,
            Self::Move { to, .. } => to.0,
        }
    }

    /// Does it to names among which others of these changes may be missing.
    pub fn apply(self, names: &mut HashMap<Inode, Names>) {
        match self {
            Self::Add { folder, name, node } => {
                names.entry(folder).or_default().insert(name, node);
            }
            Self::Remove { folder, name } => {
                names.entry(folder).or_default().remove(&name);
            }
            Self::Move { from, to, node } => {
                let before = names.entry(from.0).or_default();
                if before.get(&from.1) == Some(&node) {
                    before.remove(&from.1);
                }
                names.entry(to.0).or_default().insert(to.1, node);
            }
        }
    }
}

impl ByteChange {
    pub fn apply(self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let at = usize::try_from(at).unwrap();
                let end = at + bytes.len();
                file.resize(file.len().max(end), 0);
                file[at..end].copy_from_slice(&bytes);
            }
            Self::Truncate { len_bytes } => file.resize(usize::try_from(len_bytes).unwrap(), 0),
        }
    }
}
