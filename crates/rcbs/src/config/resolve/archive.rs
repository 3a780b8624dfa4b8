//! What is kept and where: media types, unencrypted media, folders, certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcbs_core::cms::{Certificate, Seal, SealCipher};
use rcbs_core::fetch::PlainMedia;
use rcbs_core::manifest::SigningKey;
use rcbs_core::rate;
use rcbs_core::select::{MediaTypeError, MediaTypePattern};
use rcbs_core::space::{Reserve, SpaceRules};
use rcbs_core::store::FolderFormat;
use rcbs_io::target::ReadBack;

use super::Foreign;
use crate::config::finding::Refusal;
use crate::config::keys::Key;
use crate::config::pem;
use crate::config::reader::Reader;
use crate::config::scalar;
use crate::config::site_key;

/// The default of `mediaTypePattern`, unescaped.
const MEDIA_TYPES: &str = "audio/mp3|video/mp4";

/// The default of `diskWait`, and the longest.
const WAIT_S: u32 = 20;
const MOST_WAIT_S: u32 = 86_400;

/// The types that the cloud is known to hold.
const KNOWN_TYPES: [&str; 2] = ["audio/mp3", "video/mp4"];

impl Refusal for MediaTypeError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::JavaOnly(_) => {
                "list the wanted types with | between them, as audio/mp3|video/mp4".into()
            }
            Self::Syntax(_) | Self::TooLarge => "write for example audio/mp3|video/mp4".into(),
        })
    }
}

/// Which media types are wanted.
pub(super) fn media_type(reader: &mut Reader<'_>) -> Option<MediaTypePattern> {
    let key = Key::MediaTypePattern;
    let Some(given) = reader.given(key) else {
        reader.resolve(key, MEDIA_TYPES.to_owned());
        return MediaTypePattern::parse(MEDIA_TYPES).ok();
    };
    let pattern = reader.read(key, MediaTypePattern::parse)?;
    if !KNOWN_TYPES.iter().any(|known| pattern.matches(known)) {
        let hint = "write audio/.* for all audio; the pattern must match the whole type";
        reader.report(
            given
                .warning("matches neither audio/mp3 nor video/mp4")
                .hint(hint),
        );
    }
    Some(pattern)
}

/// What happens to media that the cloud holds unencrypted.
pub(super) fn plain_media(reader: &mut Reader<'_>) -> PlainMedia {
    const WORDS: &[&str] = &["encrypt", "refuse", "store"];
    const FORMATS: &[&str] = &["AES-128", "AES-256"];
    let cipher = match reader.read(Key::EncryptionFormat, |text| scalar::word(text, FORMATS)) {
        Some(1) => SealCipher::Aes256,
        _ => SealCipher::Aes128,
    };
    match reader.read(Key::PlainMedia, |text| scalar::word(text, WORDS)) {
        Some(1) => PlainMedia::Refuse,
        Some(2) => PlainMedia::Store,
        _ => PlainMedia::Encrypt(cipher),
    }
}

/// The recipients of `certificateFile`; none when there is no file or something is wrong with it (and reported). Where
/// this program encrypts, one that nothing can be encrypted for is wrong: its holder would be locked out without a word.
pub(super) fn recipients(reader: &mut Reader<'_>, plain_media: PlainMedia) -> Vec<Certificate> {
    let key = Key::CertificateFile;
    let Some(path) = reader.path(key) else {
        return Vec::new();
    };
    let certificates = match pem::read(&path).and_then(|text| pem::certificates(&text)) {
        Ok(certificates) => certificates,
        Err(refusal) => {
            reader.refuse(key, &refusal);
            return Vec::new();
        }
    };
    if let PlainMedia::Encrypt(cipher) = plain_media
        && let Err(error) = Seal::new(cipher, &certificates)
    {
        let refusal = Foreign {
            reason: error.to_string(),
            hint: "give 1 to 64 certificates that recordings are to be encrypted for, or set plainMedia=refuse",
        };
        reader.refuse(key, &refusal);
    }
    certificates
}

/// The key that signs manifests; `None` also where it may not be read by somebody who only looks.
pub(super) fn manifest_key(reader: &mut Reader<'_>) -> Option<Arc<SigningKey>> {
    let key = Key::ManifestKey;
    let path = reader.path(key)?;
    match site_key::read(&path) {
        Ok(site_key) => Some(Arc::new(site_key)),
        Err(refusal) if refusal.is_denied() && reader.looks_only() => None,
        Err(refusal) => {
            reader.refuse(key, &refusal);
            None
        }
    }
}

/// The folder that is filled.
pub(super) fn target_dir(reader: &mut Reader<'_>) -> PathBuf {
    if let Some(path) = reader.path(Key::TargetDir) {
        return path;
    }
    let path = reader.config_folder().join("target");
    reader.resolve(Key::TargetDir, path.display().to_string());
    path
}

/// The folder of lock, ledger and staging marks.
pub(super) fn state_dir(reader: &mut Reader<'_>, target_dir: &Path) -> PathBuf {
    if let Some(path) = reader.path(Key::StateDir) {
        return path;
    }
    let path = target_dir.join(".rcbs");
    reader.resolve(Key::StateDir, path.display().to_string());
    path
}

/// How much of the target's disk stays free, and how long a run waits for it.
pub(super) fn space(reader: &mut Reader<'_>) -> SpaceRules {
    let reserve = reader.read_or(Key::DiskReserve, Reserve::Auto, |text| {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Reserve::Auto);
        }
        let bytes = rate::parse_size(text).map_err(|hint| Foreign {
            reason: "it is no number of bytes".to_owned(),
            hint,
        });
        bytes.map(Reserve::Bytes)
    });
    let seconds = reader.read_or(Key::DiskWait, WAIT_S, |text| {
        scalar::number(text, 0, MOST_WAIT_S)
    });
    SpaceRules {
        reserve,
        wait: Duration::from_secs(u64::from(seconds)),
    }
}

/// Whether files are read again before they count as stored.
pub(super) fn read_back(reader: &mut Reader<'_>) -> ReadBack {
    const WORDS: &[&str] = &["auto", "always", "never"];
    match reader.read(Key::ReadBack, |text| scalar::word(text, WORDS)) {
        Some(1) => ReadBack::Always,
        Some(2) => ReadBack::Never,
        _ => ReadBack::Auto,
    }
}

/// Folders between the target and a recording.
pub(super) fn folder_format(reader: &mut Reader<'_>) -> Option<FolderFormat> {
    let key = Key::RecordingFolderFormat;
    let parse = |text: &str| {
        FolderFormat::parse(text).map_err(|error| Foreign {
            reason: error.to_string(),
            hint: "write for example yyyy/MM/dd/HH",
        })
    };
    if reader.is_given(key) {
        return reader.read(key, parse);
    }
    parse(key.info().default.unwrap_or_default()).ok()
}
