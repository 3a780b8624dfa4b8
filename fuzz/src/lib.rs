//! What holds for any bytes that come from outside, one module for each parser.
//!
//! Each `holds` panics when it does not. `cargo test -p rcbs-fuzz` asks them about the seeds and some thousand bent
//! copies; `make fuzz` lets a search that follows the code's branches look for bytes that break them.

pub mod api_page;
pub mod api_recording;
pub mod cms_envelope;
pub mod cms_open;
pub mod cms_walk;
pub mod folder_format;
mod java;
pub mod key_file;
pub mod properties;

/// What panics unless everything holds for these bytes.
pub type Holds = fn(&[u8]);

/// Each parser's name, which is that of its program and of its seeds, and what holds for it.
pub const TARGETS: [(&str, Holds); 8] = [
    ("api_page", api_page::holds),
    ("api_recording", api_recording::holds),
    ("cms_envelope", cms_envelope::holds),
    ("cms_open", cms_open::holds),
    ("cms_walk", cms_walk::holds),
    ("folder_format", folder_format::holds),
    ("key_file", key_file::holds),
    ("properties", properties::holds),
];

/// The longest sentence: words of ours and three pieces of 200 foreign characters, each escaped as ten.
const SENTENCE_CHARS_MAX: usize = 500 + 3 * 200 * 10;

/// Whether a foreign text was made fit for a terminal: no control character, and not endless.
fn is_fit_to_show(text: &str) -> bool {
    !text.chars().any(char::is_control) && text.chars().count() <= SENTENCE_CHARS_MAX
}
