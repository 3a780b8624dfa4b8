//! Paths in values: forward slashes, no escapes, relative ones counted from a known folder.

use std::path::{Path, PathBuf};

use super::finding::Refusal;
use super::given::Given;

/// Why a path is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FolderError {
    /// The file format read a backslash of the path as an escape.
    #[error("contains an escape, not a path")]
    Escape(String),
    /// A backslash reached the path.
    #[error("contains a backslash, and paths are written with /")]
    Backslash(String),
    /// A tab, line end or the like, or NUL.
    #[error("contains a control character")]
    Control,
    /// `C:/rec` on a system without drives, where it would quietly become a folder named `C:`.
    #[error("begins with a drive letter, and this system has no drives")]
    NoDrives,
    /// `C:rec`: relative to a folder that Windows keeps for each drive.
    #[error("has a drive letter without / after it")]
    DriveRelative(String),
}

impl Refusal for FolderError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Escape(mended) | Self::Backslash(mended) | Self::DriveRelative(mended) => {
                format!("write {mended}")
            }
            Self::Control => "type the path anew".into(),
            Self::NoDrives => "write a path of this system, as /srv/recordings".into(),
        })
    }
}

/// Which system's paths are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paths {
    Unix,
    Windows,
}

impl Paths {
    /// Those of the system we run on.
    pub(super) fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else {
            Self::Unix
        }
    }
}

/// The path that a value means; a relative one is counted from `base`.
///
/// UNC paths (`//server/share`) are kept as they are: on Windows they name a share, elsewhere a folder.
pub(super) fn path(given: &Given, base: &Path, paths: Paths) -> Result<PathBuf, FolderError> {
    let from_file = given.raw.is_some();
    if from_file && given.escaped {
        return Err(FolderError::Escape(mended(given.shown())));
    }
    if given.value.chars().any(char::is_control) {
        return Err(FolderError::Control);
    }
    // A shell does not escape as the file format does, so on a Windows command line a backslash is what it seems.
    let text = match (paths, from_file) {
        (Paths::Windows, false) => given.value.replace('\\', "/"),
        _ if given.value.contains('\\') => {
            return Err(FolderError::Backslash(mended(given.shown())));
        }
        _ => given.value.clone(),
    };
    if let [letter, b':', rest @ ..] = text.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        match paths {
            Paths::Unix => return Err(FolderError::NoDrives),
            Paths::Windows if rest.first() != Some(&b'/') => {
                return Err(FolderError::DriveRelative(text.replacen(':', ":/", 1)));
            }
            Paths::Windows => {}
        }
    }
    Ok(base.join(text))
}

/// What the operator meant by a path with backslashes, escaped or not: two or more at the front are a share.
fn mended(text: &str) -> String {
    let rest = text.trim_start_matches('\\');
    let mut mended = match text.len() - rest.len() {
        0 => String::new(),
        1 => "/".to_owned(),
        _ => "//".to_owned(),
    };
    let mut after_backslash = false;
    for c in rest.chars() {
        if c != '\\' {
            mended.push(c);
        } else if !after_backslash {
            mended.push('/');
        }
        after_backslash = c == '\\';
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::given::tests::given;

    const BASE: &str = "/opt/rcbs";

    fn check(line: &str, paths: Paths) -> Result<String, FolderError> {
        path(&given(line), Path::new(BASE), paths).map(|path| path.display().to_string())
    }

    #[test]
    fn relative_paths_count_from_the_base_and_shares_are_kept() {
        for (line, expected) in [
            ("targetDir=/srv/rec", "/srv/rec"),
            ("targetDir=rec", "/opt/rcbs/rec"),
            ("targetDir=rec/with blank", "/opt/rcbs/rec/with blank"),
            ("targetDir = //server_name/path", "//server_name/path"),
            ("targetDir=Z\\u00fcrich", "/opt/rcbs/Zürich"),
        ] {
            assert_eq!(check(line, Paths::Unix).as_deref(), Ok(expected), "{line}");
        }
        assert_eq!(
            check("targetDir=//server_name/path", Paths::Windows).as_deref(),
            Ok("//server_name/path")
        );
    }

    #[test]
    fn backslashes_are_refused_with_the_path_that_was_meant() {
        use FolderError::*;
        for (line, error) in [
            ("targetDir=C:\\rec", Escape("C:/rec".into())),
            ("targetDir=C:\\Data\\x", Escape("C:/Data/x".into())),
            (
                "targetDir=\\\\server\\share",
                Escape("//server/share".into()),
            ),
            (
                "targetDir=C:\\\\temp\\\\new",
                Backslash("C:/temp/new".into()),
            ),
            (
                "targetDir=\\\\\\\\server\\\\share",
                Backslash("//server/share".into()),
            ),
            ("targetDir=a\\u005cb", Backslash("a/u005cb".into())),
            ("targetDir=a\\u0009b", Escape("a/u0009b".into())),
            ("targetDir=a\tb", Control),
        ] {
            assert_eq!(check(line, Paths::Unix), Err(error.clone()), "{line}");
            assert_eq!(check(line, Paths::Windows), Err(error), "{line}");
        }
    }

    #[test]
    fn drive_letters_belong_to_windows() {
        for line in ["targetDir=C:/rec", "targetDir=C\\:/rec"] {
            assert_eq!(
                check(line, Paths::Unix),
                Err(FolderError::NoDrives),
                "{line}"
            );
            assert!(check(line, Paths::Windows).is_ok(), "{line}");
        }
        assert_eq!(
            check("targetDir=C:rec", Paths::Windows),
            Err(FolderError::DriveRelative("C:/rec".into()))
        );
    }

    #[test]
    fn a_windows_command_line_may_use_backslashes() {
        let typed = |paths| path(&Given::typed("C:\\rec"), Path::new(BASE), paths);
        assert!(typed(Paths::Windows).is_ok_and(|path| path.ends_with("C:/rec")));
        assert_eq!(
            typed(Paths::Unix),
            Err(FolderError::Backslash("C:/rec".into()))
        );
    }
}
