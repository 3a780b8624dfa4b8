//! `rcbs-sim seal`: one file into envelope and ciphertext.

use std::path::Path;

use rcbs_core::ports::ChecksumKind;
use rcbs_sim::seal::{Envelope, SessionKey};
use rcbs_sim::{Content, Seed, digest, hex};

use super::args::SealOptions;
use super::files::{self, FileError};

pub(crate) fn run(options: &SealOptions) -> Result<(), FileError> {
    let content = Content::bytes(files::read(&options.input)?);
    let recipients = files::recipients(&options.certificates)?;
    let seed = Seed::new(options.seed);
    let label = format!(
        "{} {}",
        name(&options.input),
        hex(&digest(ChecksumKind::Sha256, content.pieces()))
    );
    let key = SessionKey::derive(options.cipher.into(), seed, &label);
    let envelope = Envelope::new(&key, &recipients, options.transport.into(), seed, &label);
    let ciphertext = key.seal(&content);
    files::write(&options.out_envelope, envelope.detached_pem())?;
    files::write(&options.out_ciphertext, &ciphertext)?;
    if let Some(path) = &options.out_complete {
        let head = envelope.complete_head(ciphertext.len() as u64);
        files::write(path, [&head[..], &ciphertext].concat())?;
    }
    Ok(())
}

/// The same key and vector must never serve two different files, so both name and content decide them.
fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
