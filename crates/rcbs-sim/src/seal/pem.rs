//! PEM (RFC 7468), in the line lengths of its writers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The line length of RFC 7468.
pub(crate) const RFC_LINE_CHARS: usize = 64;

/// The line length of the recorder, which readers that insist on 64 do not take.
pub(crate) const RECORDER_LINE_CHARS: usize = 76;

/// Bytes between the two lines with the label.
pub(crate) fn encode(label: &str, der: &[u8], line_chars: usize) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(line_chars.min(rest.len()));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}
