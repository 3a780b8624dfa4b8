//! Metadata that were replaced, kept as they were stored.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use rcbs_core::ports::MetadataVersion;
use rcbs_core::recording::RecordingId;
use rusqlite::Connection;

use super::entry::moment;
use super::error::Trouble;
use super::schema::{LISTED_AND_VERSIONS, has_migration};
use super::worker::Database;

/// The longest JSON that is read back: no recording's is longer when it is listed.
const JSON_BYTES_MAX: u64 = 32 << 20;

/// Metadata that are about to be replaced.
#[derive(Debug)]
pub(super) struct Replaced<'a> {
    pub(super) recording: i64,
    pub(super) sha256: &'a [u8; 32],
    pub(super) stored_ms: Option<i64>,
    pub(super) at: Timestamp,
    pub(super) json: &'a [u8],
}

/// Keeps a version.
pub(super) fn keep(connection: &Connection, version: &Replaced<'_>) -> Result<(), Trouble> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder
        .write_all(version.json)
        .and_then(|()| encoder.finish())
        .map_err(|error| Trouble::Unknown(error.to_string()))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO metadata_version (recording_id, sha256, stored_ms, replaced_ms, json_zlib)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute((
        version.recording,
        version.sha256,
        version.stored_ms,
        version.at.as_millisecond(),
        packed,
    ))?;
    Ok(())
}

/// The versions of a recording, oldest first; none where an older program wrote the ledger and nothing newer has.
pub(super) fn of(db: &Database, id: &RecordingId) -> Result<Vec<MetadataVersion>, Trouble> {
    let connection = &db.connection;
    if !has_migration(connection, LISTED_AND_VERSIONS)? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached(
        "SELECT sha256, metadata_version.stored_ms, replaced_ms, json_zlib
         FROM metadata_version JOIN recording USING (recording_id) WHERE id = ?1 ORDER BY version_id",
    )?;
    let mut rows = select.query([id.as_str()])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let stored: Option<i64> = row.get(1)?;
        let packed: Vec<u8> = row.get(3)?;
        versions.push(MetadataVersion {
            sha256: row.get(0)?,
            stored: stored.map(moment).transpose()?,
            replaced: moment(row.get(2)?)?,
            json: unpacked(&packed)?,
        });
    }
    Ok(versions)
}

fn unpacked(packed: &[u8]) -> Result<Bytes, Trouble> {
    let mut json = Vec::new();
    ZlibDecoder::new(packed)
        .take(JSON_BYTES_MAX)
        .read_to_end(&mut json)
        .map_err(|error| Trouble::Row(format!("a version of metadata: {error}")))?;
    Ok(json.into())
}
