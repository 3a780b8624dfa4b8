//! Reads the server's settings group for the backup (`genesys.md` 2.9): an object, or a list of name and value.

use bytes::Bytes;
use rcbs_core::ports::RemoteSettings;
use serde_json::Value;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Members of the envelope that are no settings.
const ENVELOPE: [&str; 4] = ["statusCode", "statusMessage", "key", "uris"];

/// The names of all settings and the certificates among their values; `None` when it is not a JSON object.
pub(super) fn read(answer: &Bytes) -> Option<RemoteSettings> {
    let Value::Object(mut envelope) = serde_json::from_slice(answer).ok()? else {
        return None;
    };
    let settings = envelope.remove("settings").unwrap_or_else(|| {
        envelope.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
        Value::Object(envelope)
    });
    let mut found = RemoteSettings::default();
    match &settings {
        Value::Object(settings) => {
            found.names.extend(settings.keys().cloned());
        }
        Value::Array(settings) => found.names.extend(
            settings
                .iter()
                .filter_map(|setting| Some(setting.get("name")?.as_str()?.to_owned())),
        ),
        _ => {}
    }
    certificates(&settings, &mut found.certificates);
    Some(found)
}

/// Depth is bounded: the parser gives up beyond 128 levels.
fn certificates(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => certificates_in(text, found),
        Value::Array(values) => values.iter().for_each(|value| certificates(value, found)),
        Value::Object(members) => members
            .values()
            .for_each(|value| certificates(value, found)),
        _ => {}
    }
}

fn certificates_in(mut text: &str, found: &mut Vec<String>) {
    while let Some(begin) = text.find(BEGIN) {
        let Some(length) = text[begin..].find(END) else {
            return;
        };
        let end = begin + length + END.len();
        found.push(text[begin..end].to_owned());
        text = &text[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, names: &[&str], certificates: &[&str]) {
        let found = read(&Bytes::copy_from_slice(json.as_bytes())).unwrap();
        assert_eq!(found.names, names, "{json}");
        assert_eq!(found.certificates, certificates, "{json}");
    }

    #[test]
    fn both_shapes_are_read() {
        let pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----";
        check(r#"{"statusCode":0,"settings":[],"key":"name"}"#, &[], &[]);
        check(r#"{"statusCode":0}"#, &[], &[]);
        check(
            r#"{"statusCode":0,"settings":{"countryCode":"US"}}"#,
            &["countryCode"],
            &[],
        );
        check(r#"{"statusCode":0,"interval":4}"#, &["interval"], &[]);
        check(
            r#"{"settings":[{"name":"certificatealias-1","value":"rcs:1"},
                {"name":"certificate-1","value":"x -----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"},
                {"name":"nested","value":{"a":["-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----"]}},
                {"value":"-----BEGIN CERTIFICATE----- and no end"}]}"#,
            &["certificatealias-1", "certificate-1", "nested"],
            &[pem, pem],
        );
    }

    #[test]
    fn anything_else_is_no_settings() {
        for json in ["", "[]", "<html>", "7"] {
            assert_eq!(read(&Bytes::copy_from_slice(json.as_bytes())), None);
        }
        assert_eq!(read(&Bytes::from("[".repeat(200_000))), None);
    }
}
