//! The JSON of one recording, in the spelling that the quirks ask for (`genesys.md` 3).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::cloud::{Change, Cloud, Form, SimMedia, SimRecording};
use crate::quirks::{Descriptor, Numbers, Privacy, Quirks, Spacing, Times};

/// The bytes of a recording as the API serves it at this time.
pub(crate) fn recording_json(
    cloud: &Cloud,
    recording: &SimRecording,
    now: Timestamp,
    quirks: &Quirks,
) -> Vec<u8> {
    if let Some(raw) = &recording.raw {
        return raw.to_vec();
    }
    to_bytes(&recording_value(cloud, recording, now, quirks), quirks)
}

/// The same without its media files and events.
pub(crate) fn summary_json(
    cloud: &Cloud,
    recording: &SimRecording,
    now: Timestamp,
    quirks: &Quirks,
) -> Vec<u8> {
    if let Some(raw) = &recording.raw {
        return raw.to_vec();
    }
    let mut value = recording_value(cloud, recording, now, quirks);
    if let Value::Object(fields) = &mut value {
        fields.remove("mediaFiles");
        fields.remove("eventHistory");
    }
    to_bytes(&value, quirks)
}

/// JSON in the layout that the quirks ask for.
pub(crate) fn to_bytes(value: &Value, quirks: &Quirks) -> Vec<u8> {
    match quirks.spacing {
        Spacing::Compact => value.to_string().into_bytes(),
        Spacing::Pretty => format!("{value:#}").into_bytes(),
    }
}

fn recording_value(
    cloud: &Cloud,
    recording: &SimRecording,
    now: Timestamp,
    quirks: &Quirks,
) -> Value {
    let media: Vec<Value> = recording
        .media_at(now)
        .map(|media| media_value(cloud, recording, media, quirks))
        .collect();
    let mut fields = Map::from_iter([
        ("id".to_owned(), json!(recording.id)),
        ("callType".to_owned(), json!("Inbound")),
        ("startTime".to_owned(), time(recording.start, quirks)),
        ("stopTime".to_owned(), time(recording.stop, quirks)),
        ("region".to_owned(), json!(recording.region)),
        ("mediaFiles".to_owned(), Value::Array(media)),
        (
            "eventHistory".to_owned(),
            Value::Array(events(recording, now, quirks)),
        ),
    ]);
    private(&mut fields, "callerPhoneNumber", &recording.caller, quirks);
    private(&mut fields, "dialedPhoneNumber", &recording.dialed, quirks);
    fields.extend(recording.extra.clone());
    for (after, change) in &recording.changes {
        if let Change::Field(name, value) = change
            && recording.happened(*after, now)
        {
            fields.insert(name.clone(), value.clone());
        }
    }
    Value::Object(fields)
}

fn events(recording: &SimRecording, now: Timestamp, quirks: &Quirks) -> Vec<Value> {
    let event = |at: Timestamp, name: &str, more: (&str, Value)| json!({"occurredAt": time(at, quirks), "calluuid": recording.id, "event": name, more.0: more.1});
    let mut caller = Map::from_iter([("type".to_owned(), json!("External"))]);
    private(&mut caller, "phoneNumber", &recording.caller, quirks);
    let mut events = vec![event(
        recording.start,
        "Joined",
        ("contact", Value::Object(caller)),
    )];
    for agent in &recording.agents {
        let mut contact = Map::from_iter([("type".to_owned(), json!("User"))]);
        private(&mut contact, "userName", agent, quirks);
        private(&mut contact, "phoneNumber", extension(agent), quirks);
        events.push(event(
            recording.start,
            "Joined",
            ("contact", Value::Object(contact)),
        ));
    }
    let data = json!({"added": recording.attached_data, "updated": {}, "deleted": []});
    events.push(event(
        recording.start,
        "AttachedDataChanged",
        ("data", data),
    ));
    for (after, change) in &recording.changes {
        if let Change::AttachedData(name, value) = change
            && recording.happened(*after, now)
        {
            let data = json!({"added": {}, "updated": {name: value}, "deleted": []});
            let at = crate::clock::saturating_add(recording.stop, *after);
            events.push(event(at, "AttachedDataChanged", ("data", data)));
        }
    }
    events
}

fn media_value(
    cloud: &Cloud,
    recording: &SimRecording,
    media: &SimMedia,
    quirks: &Quirks,
) -> Value {
    let uuid = cloud
        .seed()
        .uuid(&format!("play {} {}", recording.id, media.id));
    let extension = media.content_type.rsplit('/').next().unwrap_or("bin");
    let play = format!("/recordings/{}/play/{uuid}.{extension}", recording.id);
    let length_ms = recording.stop.duration_since(recording.start).as_millis();
    let mut fields = Map::from_iter([
        ("mediaId".to_owned(), json!(media.id)),
        (
            "mediaUri".to_owned(),
            json!(format!("https://gws.sim.invalid/api/v2{play}")),
        ),
        ("mediaPath".to_owned(), json!(play)),
        ("playPath".to_owned(), json!(play)),
        ("startTime".to_owned(), time(recording.start, quirks)),
        ("stopTime".to_owned(), time(recording.stop, quirks)),
        ("callUUID".to_owned(), json!(recording.id)),
        ("type".to_owned(), json!(media.content_type)),
        (
            "duration".to_owned(),
            number(i64::try_from(length_ms).unwrap_or(i64::MAX), quirks),
        ),
        (
            "size".to_owned(),
            number(
                i64::try_from(media.content.len_bytes()).unwrap_or(i64::MAX),
                quirks,
            ),
        ),
        ("tenant".to_owned(), json!("Environment")),
        ("ivrprofile".to_owned(), json!("CallRecProfile")),
        ("parameters".to_owned(), parameters(recording, quirks)),
        ("masks".to_owned(), json!([])),
        ("partitions".to_owned(), json!(["/sales"])),
        ("accessgroups".to_owned(), json!(["/"])),
    ]);
    place(&mut fields, cloud, media, quirks);
    if media.form == Form::Detached {
        let aliases: Vec<&str> = cloud
            .recipients_of(media)
            .iter()
            .map(crate::seal::Recipient::alias)
            .collect();
        fields.insert("certAlias".to_owned(), json!(aliases));
        fields.insert(
            "pkcs7".to_owned(),
            json!(cloud.sealed(media).envelope.detached_pem()),
        );
    }
    fields.extend(media.extra.clone());
    Value::Object(fields)
}

fn parameters(recording: &SimRecording, quirks: &Quirks) -> Value {
    let mut fields = Map::from_iter([
        ("id".to_owned(), json!(recording.id)),
        ("callUuid".to_owned(), json!(recording.id)),
        (
            "dateTime".to_owned(),
            json!(recording.start.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ),
        ("record".to_owned(), json!("source")),
        ("sipsAppName".to_owned(), json!("SIPServer_1")),
        // A secret that real metadata carry and that must never appear in a log.
        (
            "rp.speechminer_auth".to_owned(),
            json!("sim-user:sim-secret"),
        ),
    ]);
    private(&mut fields, "ani", &recording.caller, quirks);
    private(&mut fields, "dnis", &recording.dialed, quirks);
    if let Some(agent) = recording.agents.first() {
        private(&mut fields, "agentId", extension(agent), quirks);
        private(&mut fields, "username", agent, quirks);
    }
    Value::Object(fields)
}

/// Says where the object lies.
fn place(fields: &mut Map<String, Value>, cloud: &Cloud, media: &SimMedia, quirks: &Quirks) {
    let (bucket, key, region) = (&media.bucket, &media.key, &cloud.store_region);
    let encoded = crate::url_path(key);
    let (name, value) = match quirks.descriptor {
        Descriptor::Original => ("originalMediaDescriptor", descriptor(bucket, key)),
        Descriptor::Plain => ("mediaDescriptor", descriptor(bucket, key)),
        Descriptor::UriS3 => ("mediaUri", json!(format!("s3://{bucket}/{encoded}"))),
        Descriptor::UriHttps => (
            "mediaUri",
            json!(format!(
                "https://{bucket}.s3.{region}.amazonaws.com/{encoded}"
            )),
        ),
        Descriptor::UriPath => (
            "mediaUri",
            json!(format!(
                "https://s3.{region}.amazonaws.com/{bucket}/{encoded}"
            )),
        ),
    };
    fields.insert(name.to_owned(), value);
}

fn descriptor(bucket: &str, key: &str) -> Value {
    json!({"storage": "awsS3", "path": key, "data": {"bucket": bucket}})
}

/// A field that privacy settings may hide.
fn private(fields: &mut Map<String, Value>, name: &str, value: &str, quirks: &Quirks) {
    let shown = match quirks.privacy {
        Privacy::Open => value,
        Privacy::Masked => "********",
        Privacy::Absent => return,
    };
    fields.insert(name.to_owned(), json!(shown));
}

/// The digits of a user name, as agents' numbers are made here.
fn extension(agent: &str) -> &str {
    let name = agent.split('@').next().unwrap_or(agent);
    name.trim_start_matches(|c: char| !c.is_ascii_digit())
}

fn number(value: i64, quirks: &Quirks) -> Value {
    match quirks.numbers {
        Numbers::Text => json!(value.to_string()),
        Numbers::Number => json!(value),
    }
}

fn time(at: Timestamp, quirks: &Quirks) -> Value {
    match quirks.times {
        Times::Offset => json!(at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()),
        Times::Zulu => json!(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
        Times::EpochMs => json!(at.as_millisecond()),
        Times::EpochMsText => json!(at.as_millisecond().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(cloud: &Cloud, now: &str, quirks: &Quirks) -> Value {
        let json = recording_json(cloud, &cloud.recordings()[0], now.parse().unwrap(), quirks);
        serde_json::from_slice(&json).unwrap()
    }

    fn cloud() -> Cloud {
        Cloud::new(1)
            .recording("01F62DGIBGD8369P7GC362LAES00000G")
            .at("2018-02-12T19:04:11Z")
            .lasting_s(342)
            .from_caller("+15550100123")
            .agent("agent6001@example.com")
            .later(
                SignedDuration::from_hours(1),
                Change::AttachedData("Outcome".into(), "sold".into()),
            )
            .audio()
            .screen_late_by(SignedDuration::from_hours(3))
            .build()
    }

    #[test]
    fn the_usual_form_is_that_of_the_samples() {
        let json = at(&cloud(), "2018-02-12T20:00:00Z", &Quirks::default());
        assert_eq!(json["startTime"], "2018-02-12T19:04:11.000+0000");
        assert_eq!(json["stopTime"], "2018-02-12T19:09:53.000+0000");
        let media = &json["mediaFiles"][0];
        assert_eq!(media["duration"], "342000");
        assert_eq!(media["originalMediaDescriptor"]["storage"], "awsS3");
        assert_eq!(
            media["originalMediaDescriptor"]["data"]["bucket"],
            "sim-callrecordings"
        );
        assert!(
            media["pkcs7"]
                .as_str()
                .unwrap()
                .starts_with("-----BEGIN PKCS7-----\n")
        );
        assert_eq!(media["parameters"]["agentId"], "6001");
    }

    #[test]
    fn media_and_data_appear_in_time() {
        let cloud = cloud();
        let early = at(&cloud, "2018-02-12T20:00:00Z", &Quirks::default());
        let late = at(&cloud, "2018-02-12T23:00:00Z", &Quirks::default());
        assert_eq!(early["mediaFiles"].as_array().unwrap().len(), 1);
        assert_eq!(late["mediaFiles"].as_array().unwrap().len(), 2);
        assert!(!early.to_string().contains("Outcome"));
        assert!(late.to_string().contains("Outcome"));
    }

    #[test]
    fn the_same_moment_gives_the_same_bytes_in_a_cloud_made_anew() {
        let bytes = || {
            let cloud = cloud();
            recording_json(
                &cloud,
                &cloud.recordings()[0],
                "2018-02-12T23:00:00Z".parse().unwrap(),
                &Quirks::default(),
            )
        };
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn spellings() {
        for (setting, path, expected) in [
            ("numbers=number", "/mediaFiles/0/duration", json!(342_000)),
            ("times=epoch-ms", "/startTime", json!(1_518_462_251_000_i64)),
            ("times=epoch-ms-text", "/startTime", json!("1518462251000")),
            (
                "times=zulu",
                "/startTime",
                json!("2018-02-12T19:04:11.000Z"),
            ),
            ("privacy=masked", "/callerPhoneNumber", json!("********")),
            ("privacy=absent", "/mediaFiles/0/parameters", json!(null)),
            (
                "descriptor=mediaDescriptor",
                "/mediaFiles/0/mediaDescriptor/data/bucket",
                json!("sim-callrecordings"),
            ),
        ] {
            let json = at(
                &cloud(),
                "2018-02-12T20:00:00Z",
                &Quirks::from_settings([setting]).unwrap(),
            );
            let found = json.pointer(path).cloned().unwrap_or(Value::Null);
            if setting == "privacy=absent" {
                assert!(found.get("ani").is_none() && json.get("callerPhoneNumber").is_none());
            } else {
                assert_eq!(found, expected, "{setting}");
            }
        }
    }

    #[test]
    fn locations_as_uris() {
        for (setting, prefix) in [
            ("descriptor=s3-uri", "s3://sim-callrecordings/b4f3a1de"),
            (
                "descriptor=https-uri",
                "https://sim-callrecordings.s3.us-east-1.amazonaws.com/b4f3a1de",
            ),
            (
                "descriptor=https-path-uri",
                "https://s3.us-east-1.amazonaws.com/sim-callrecordings/b4f3a1de",
            ),
        ] {
            let json = at(
                &cloud(),
                "2018-02-12T20:00:00Z",
                &Quirks::from_settings([setting]).unwrap(),
            );
            let media = &json["mediaFiles"][0];
            assert!(
                media["mediaUri"].as_str().unwrap().starts_with(prefix),
                "{media}"
            );
            assert!(media.get("originalMediaDescriptor").is_none());
        }
    }
}
