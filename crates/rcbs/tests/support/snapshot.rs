//! Everything in a folder as a value, so that two moments can be compared.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What lies under each path, relative to the folder.
pub type Snapshot = BTreeMap<PathBuf, Node>;

/// One thing in a folder.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    Folder { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
    Link { to: PathBuf },
    Other,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder { mode } => write!(f, "folder {mode:o}"),
            Self::File { mode, bytes } => write!(f, "file {mode:o} of {} bytes", bytes.len()),
            Self::Link { to } => write!(f, "link to {}", to.display()),
            Self::Other => f.write_str("something else"),
        }
    }
}

/// Looks at everything below a folder but what lies under the paths left out. Links are not followed.
pub fn snapshot(folder: &Path, left_out: &[&str]) -> Snapshot {
    let mut found = Snapshot::new();
    walk(folder, Path::new(""), left_out, &mut found);
    found
}

/// Every file with its bytes, by its path relative to the folder.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    snapshot(folder, &[])
        .into_iter()
        .filter_map(|(path, node)| match node {
            Node::File { bytes, .. } => Some((path, bytes)),
            Node::Folder { .. } | Node::Link { .. } | Node::Other => None,
        })
        .collect()
}

fn walk(folder: &Path, path: &Path, left_out: &[&str], found: &mut Snapshot) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map(Result::unwrap) {
        let inner = path.join(entry.file_name());
        if left_out.iter().any(|out| Path::new(out) == inner) {
            continue;
        }
        let metadata = entry.metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let node = if metadata.is_dir() {
            walk(&entry.path(), &inner, left_out, found);
            Node::Folder { mode }
        } else if metadata.is_symlink() {
            Node::Link {
                to: std::fs::read_link(entry.path()).unwrap(),
            }
        } else if metadata.is_file() {
            Node::File {
                mode,
                bytes: std::fs::read(entry.path()).unwrap(),
            }
        } else {
            Node::Other
        };
        found.insert(inner, node);
    }
}
