//! For whom the media files of the archive are sealed.

use rcbs_core::ports::{MediaKey, SealedFor};
use rcbs_core::recording::{MediaId, RecordingId};

use super::entry::{moment, words_of};
use super::error::Trouble;
use super::worker::Database;

/// One pass over all media files, and three more for each set of recipients; there are few.
pub(super) fn sealed_for(db: &Database) -> Result<Vec<SealedFor>, Trouble> {
    let mut select = db.connection.prepare_cached(
        "SELECT recipients_id, (SELECT words FROM recipients WHERE recipients.recipients_id = media.recipients_id),
                count(*), min(start_ms), max(start_ms)
         FROM media JOIN recording USING (recording_id) WHERE state = 3 GROUP BY recipients_id",
    )?;
    let mut rows = select.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let words: Option<String> = row.get(1)?;
        let files: i64 = row.get(2)?;
        let time = |ms: Option<i64>| ms.map(moment).transpose();
        let sample = sample(db, row.get(0)?, "min(len_bytes)")?;
        let mut others = Vec::new();
        for which in ["min(start_ms)", "max(start_ms)"] {
            let other = self::sample(db, row.get(0)?, which)?;
            if other != sample && !others.contains(&other) {
                others.push(other);
            }
        }
        all.push(SealedFor {
            recipients: words
                .as_deref()
                .map(words_of)
                .transpose()?
                .unwrap_or_default(),
            files: u64::try_from(files).unwrap_or_default(),
            first: time(row.get(3)?)?,
            last: time(row.get(4)?)?,
            sample,
            others,
        });
    }
    Ok(all)
}

/// The file with the least or the most of something.
fn sample(db: &Database, recipients_id: Option<i64>, which: &str) -> Result<MediaKey, Trouble> {
    let mut select = db.connection.prepare_cached(&format!(
        "SELECT recording.id, media.id, {which} FROM media JOIN recording USING (recording_id)
         WHERE state = 3 AND recipients_id IS ?1"
    ))?;
    let (recording, media): (String, String) =
        select.query_row([recipients_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let refused = |error: &dyn std::fmt::Display| Trouble::Row(error.to_string());
    Ok(MediaKey {
        recording: RecordingId::new(&recording).map_err(|error| refused(&error))?,
        media: MediaId::new(&media).map_err(|error| refused(&error))?,
    })
}
