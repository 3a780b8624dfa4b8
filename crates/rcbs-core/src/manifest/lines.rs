//! The text of a manifest: lines as `sha256sum` writes them, and nothing else, so that every such program reads it.

use super::name::PartName;
use crate::text::hex;

/// A manifest as a list of lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// In the order of the file.
    pub lines: Vec<Line>,
}

/// One file and its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Where it lies, relative to the target, with `/`.
    pub path: String,
}

/// A manifest as the one after it knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// Which one.
    pub name: PartName,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// SHA-256 of its signature, where it had one.
    pub signature_sha256: Option<[u8; 32]>,
}

/// Why a text is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is not text.
    #[error("it is not text")]
    Text,
    /// A line has another form.
    #[error("line {0} is not 64 digits, two blanks and a path")]
    Form(usize),
    /// The last line has no end: the file was cut.
    #[error("its last line has no end")]
    Cut,
}

impl Manifest {
    /// Reads what [`Self::to_text`] wrote. A path that leads outside the archive is no path of ours.
    ///
    /// # Errors
    /// [`LineError`] at the first line that is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, LineError> {
        let text = std::str::from_utf8(bytes).map_err(|_| LineError::Text)?;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(LineError::Cut);
        }
        let read = |(index, text)| line(text).ok_or(LineError::Form(index + 1));
        let lines = text.lines().enumerate().map(read).collect::<Result<_, _>>();
        Ok(Self { lines: lines? })
    }

    /// The lines of a damaged manifest that can still be read. A last line without its end is none.
    #[must_use]
    pub fn salvage(bytes: &[u8]) -> Self {
        let whole = bytes.split_inclusive(|byte| *byte == b'\n');
        let read = |bytes: &[u8]| line(std::str::from_utf8(bytes.strip_suffix(b"\n")?).ok()?);
        Self {
            lines: whole.filter_map(read).collect(),
        }
    }

    /// The text, with a line feed behind each line on every platform.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&hex(&line.sha256));
            text.push_str("  ");
            text.push_str(&line.path);
            text.push('\n');
        }
        text
    }

    /// The manifest before this one, by its own words; `None` for the first.
    #[must_use]
    pub fn previous(&self) -> Option<Previous> {
        let of_manifest = |line: &Line| Some((PartName::of_manifest(&line.path)?, line.sha256));
        let (name, sha256) = self.lines.iter().find_map(of_manifest)?;
        let signature_path = name.signature_path();
        let signature = self.lines.iter().find(|line| line.path == signature_path);
        Some(Previous {
            name,
            sha256,
            signature_sha256: signature.map(|line| line.sha256),
        })
    }
}

fn line(text: &str) -> Option<Line> {
    let (digits, path) = text.split_once("  ")?;
    let plain = !path.is_empty() && !path.contains('\\') && !path.chars().any(char::is_control);
    let inside = path
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    (plain && inside).then_some(Line {
        sha256: unhex(digits)?,
        path: path.to_owned(),
    })
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes();
    if digits.len() != 64 || digits.iter().any(|digit| !digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let line = |digest, path: &str| Line {
            sha256: [digest; 32],
            path: path.to_owned(),
        };
        let manifest = Manifest {
            lines: vec![
                line(1, "manifests/2018/2018-02-12-001/manifest-sha256.txt"),
                line(0xab, "2018/02/12/19/R/call 1.mp3.bin"),
            ],
        };
        let text = manifest.to_text();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("0101") && text.ends_with("  2018/02/12/19/R/call 1.mp3.bin\n"));
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest.clone()));
        let previous = manifest.previous().unwrap();
        let (name, digest) = (previous.name.to_string(), previous.sha256);
        assert_eq!((name.as_str(), digest), ("2018-02-12-001", [1; 32]));
        assert_eq!(previous.signature_sha256, None);
        assert_eq!(Manifest::parse(b"").unwrap().previous(), None);
        for cut in 1..text.len() {
            let whole_lines = text[..cut].ends_with('\n');
            let read = Manifest::parse(&text.as_bytes()[..cut]);
            assert_eq!(read.is_ok(), whole_lines, "{cut}");
        }
    }

    #[test]
    fn what_is_left_of_a_damaged_manifest_is_read() {
        let one = format!("{}  a.bin\n", "1".repeat(64));
        let two = format!("{}  b.bin\n", "2".repeat(64));
        let bytes = [one.as_bytes(), b"\xff\xfe\n1234  c\n", two.as_bytes()].concat();
        let paths = |bytes: &[u8]| {
            let lines = Manifest::salvage(bytes).lines.into_iter();
            lines.map(|line| line.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(&bytes), ["a.bin", "b.bin"]);
        // The end of a path that was cut would be another path.
        assert_eq!(paths(&bytes[..bytes.len() - 1]), ["a.bin"]);
        assert_eq!(paths(b""), [""; 0]);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let digits = "0".repeat(64);
        for (text, error) in [
            (format!("{digits}  a"), LineError::Cut),
            (format!("{digits} a\n"), LineError::Form(1)),
            (format!("{digits}  \n"), LineError::Form(1)),
            (format!("{}  a\n", &digits[1..]), LineError::Form(1)),
            (format!("{}g  a\n", &digits[1..]), LineError::Form(1)),
            (format!("{digits}  a\n# note\n"), LineError::Form(2)),
            (format!("{digits}  ../a\n"), LineError::Form(1)),
            (format!("{digits}  /etc/passwd\n"), LineError::Form(1)),
            (format!("{digits}  a//b\n"), LineError::Form(1)),
            (format!("\\{digits}  a\\nb\n"), LineError::Form(1)),
        ] {
            assert_eq!(Manifest::parse(text.as_bytes()), Err(error), "{text}");
        }
        assert_eq!(Manifest::parse(b"\xff\n"), Err(LineError::Text));
    }
}
