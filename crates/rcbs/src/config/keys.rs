//! All configuration keys: one table from which reading, `config keys` and `docs/configuration.md` follow.

mod table;

use std::fmt::Write;

pub use table::TABLE;

/// A configuration key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the table below documents each key for operators, and only there"
)]
pub enum Key {
    GwsUriPrefix,
    GwsRecordingsUri,
    GwsSettingsUri,
    GwsProxyHost,
    GwsProxyPort,
    GwsProxyUser,
    AwsEndpoint,
    AwsRegion,
    AwsProxyHost,
    AwsProxyPort,
    AwsProxyUser,
    UsePayloadSigning,
    CaFile,
    AllowInsecureHttp,
    MaxAge,
    MinAge,
    MaxDate,
    MinDate,
    SkipLastRecordingCheck,
    ShardBy,
    Overlap,
    MediaTypePattern,
    MetadataOnly,
    PlainMedia,
    CertificateFile,
    EncryptionFormat,
    TargetDir,
    StateDir,
    RecordingFolderFormat,
    ManifestKey,
    DiskReserve,
    DiskWait,
    ReadBack,
    DownloadMode,
    NumThreads,
    MaxConnections,
    BandwidthLimit,
    TotalRcbsInstances,
    RcbsInstanceId,
    LedgerUrl,
    RetentionDays,
}

/// What there is to know about a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyInfo {
    /// Which key.
    pub key: Key,
    /// As it is written in the file.
    pub name: &'static str,
    /// The chapter it belongs to.
    pub group: Group,
    /// Since when it exists.
    pub heritage: Heritage,
    /// What counts when it is not set, as it would be written.
    pub default: Option<&'static str>,
    /// What a value looks like.
    pub form: &'static str,
    /// What a value must keep to, beyond its form.
    pub limits: &'static str,
    /// Meaning and traps, one paragraph.
    pub doc: &'static str,
    /// A line as it may stand in the file.
    pub example: &'static str,
}

/// A chapter of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The recording API.
    Api,
    /// The store.
    Store,
    /// Both servers.
    Connection,
    /// Which time is backed up.
    Window,
    /// Which media, and in which form.
    Media,
    /// Where they lie.
    Archive,
    /// How many at a time, and who takes which.
    Work,
}

impl Group {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Api,
        Self::Store,
        Self::Connection,
        Self::Window,
        Self::Media,
        Self::Archive,
        Self::Work,
    ];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Api => "The recording API",
            Self::Store => "The media store",
            Self::Connection => "Both servers",
            Self::Window => "Which period is backed up",
            Self::Media => "Which media, and in which form",
            Self::Archive => "Where the archive lies",
            Self::Work => "How the work is shared",
        }
    }
}

/// Since when a key exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heritage {
    /// It is in the manual of the original program.
    Manual,
    /// It is ours.
    New,
    /// It is reserved: setting it is an error in this version.
    Later,
}

impl Key {
    /// Its row of the table.
    #[must_use]
    pub fn info(self) -> &'static KeyInfo {
        // The order of the enum is the order of the table; a test holds them together.
        &TABLE[self as usize]
    }

    /// Its name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The key of this exact name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.key)
    }
}

/// All keys with default and form, one line each, as `rcbs config keys` prints them.
#[must_use]
pub fn listing() -> String {
    let width = TABLE.iter().map(|info| info.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for info in TABLE.iter().filter(|info| info.heritage != Heritage::Later) {
        let default = info.default.unwrap_or("-");
        // Writing to a string cannot fail.
        let _ok = writeln!(text, "{:width$}  {:28}  {}", info.name, default, info.form);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_key_at_its_place() {
        for (place, info) in TABLE.iter().enumerate() {
            assert_eq!(info.key as usize, place, "{}", info.name);
            assert_eq!(Key::of_name(info.name), Some(info.key));
            assert_eq!(
                format!("{:?}", info.key).to_lowercase(),
                info.name.to_lowercase()
            );
        }
    }

    #[test]
    fn every_parameter_of_the_manual_is_there() {
        let mut names: Vec<_> = TABLE
            .iter()
            .filter(|info| info.heritage == Heritage::Manual)
            .map(|info| info.name)
            .collect();
        names.sort_unstable();
        assert_eq!(
            names.join(" "),
            "awsProxyHost awsProxyPort downloadMode encryptionFormat gwsProxyHost gwsProxyPort gwsRecordingsUri \
             gwsSettingsUri gwsUriPrefix maxAge maxDate mediaTypePattern metadataOnly minAge minDate numThreads overlap \
             rcbsInstanceId recordingFolderFormat shardBy skipLastRecordingCheck targetDir totalRcbsInstances \
             usePayloadSigning"
        );
    }

    #[test]
    fn every_example_sets_its_own_key_and_every_text_is_there() {
        for info in &TABLE {
            let entries = super::super::properties::parse(info.example.as_bytes())
                .unwrap()
                .entries;
            assert_eq!(entries.len(), 1, "{}", info.name);
            assert_eq!(entries[0].key, info.name);
            assert!(
                info.doc.ends_with('.') && !info.doc.contains('\n'),
                "{}",
                info.name
            );
            assert!(!info.form.is_empty());
        }
    }

    #[test]
    fn the_listing_has_one_line_per_key_that_can_be_set() {
        let text = listing();
        let later = TABLE
            .iter()
            .filter(|info| info.heritage == Heritage::Later)
            .count();
        assert_eq!(text.lines().count(), TABLE.len() - later);
        assert!(text.contains("maxAge"));
    }
}
