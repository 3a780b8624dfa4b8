//! The report as one JSON object, as `docs/json.md` describes it.

use jiff::Timestamp;
use rcbs_core::ports::{DayCount, MediaKey, Period};
use rcbs_core::recording::RecordingId;
use rcbs_core::run::{CloudDay, Reconciliation};
use serde_json::{Map, Value, json};

use super::Told;
use super::text::{day_text, media_of};

pub(super) fn as_json(told: &Told) -> Value {
    let proof = &told.proof;
    let days: Vec<Value> = proof
        .rows
        .iter()
        .map(|row| {
            let mut day = count(&row.count);
            let (since, until) = edges(row.period);
            day.insert("since".to_owned(), since);
            day.insert("until".to_owned(), until);
            day.insert("part_of_day".to_owned(), json!(row.is_part_of_day()));
            day.insert("listed".to_owned(), json!(row.listing.as_str()));
            day.insert("verdict".to_owned(), json!(row.verdict().as_str()));
            Value::Object(day)
        })
        .collect();
    let (since, until) = edges(proof.period);
    json!({
        "schema": 1, "exit_code": told.exit.code(), "since": since, "until": until,
        "verdict": proof.verdict().as_str(),
        "last_verified_day": proof.last_verified_day().map(day_text),
        "complete_until": proof.complete_until().map(|at| at.to_string()),
        "days": days, "total": count(&proof.total()),
        "cloud": told.cloud.as_ref().map(cloud),
    })
}

fn edges(period: Option<Period>) -> (Value, Value) {
    match period {
        Some(Period { since, until }) => (json!(since.to_string()), json!(until.to_string())),
        None => (Value::Null, Value::Null),
    }
}

fn count(count: &DayCount) -> Map<String, Value> {
    let by_reason = |counts: &[(String, u64)]| -> Vec<Value> {
        let one = |(reason, files): &(String, u64)| json!({"reason": reason, "files": files});
        counts.iter().map(one).collect()
    };
    let value = json!({
        "recordings": count.recordings, "without_metadata": count.without_metadata,
        "media": media_of(count), "verified": count.verified, "verified_bytes": count.verified_bytes,
        "skipped": by_reason(&count.skipped), "waiting": by_reason(&count.waiting),
        "lost": count.lost, "announced": count.open, "damaged": count.damaged,
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn cloud(cloud: &Reconciliation) -> Value {
    let one = |day: &CloudDay, at: Option<Timestamp>| {
        json!({
            "day": at.map(|at| at.to_string()), "recordings": day.recordings, "media": day.media,
            "unknown_recordings": day.unknown_recordings, "unknown_media": day.unknown_media,
            "lost_media": day.lost_media, "changed_recordings": day.changed_recordings,
        })
    };
    let days: Vec<Value> = cloud.days.iter().map(|(at, day)| one(day, *at)).collect();
    let total = cloud.total();
    let media = |keys: &[MediaKey]| -> Vec<Value> {
        let one = |key: &MediaKey| json!({"recording": key.recording.as_str(), "media": key.media.as_str()});
        keys.iter().map(one).collect()
    };
    let ids = |ids: &[RecordingId]| -> Vec<String> {
        ids.iter().map(|id| id.as_str().to_owned()).collect()
    };
    json!({
        "recordings": total.recordings, "media": total.media,
        "unknown_recordings": total.unknown_recordings, "unknown_media": total.unknown_media,
        "lost_media": total.lost_media, "changed_recordings": total.changed_recordings,
        "days": days, "recordings_unknown": ids(&cloud.unknown_recordings),
        "media_unknown": media(&cloud.unknown_media), "media_lost": media(&cloud.lost_media),
        "recordings_changed": ids(&cloud.changed_recordings),
    })
}
