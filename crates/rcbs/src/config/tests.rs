//! Whole configurations: what the manual's forms come to, and how mistakes are told.

mod messages;
mod settings;

use super::*;

/// 2018-01-09, the day of the manual's example.
fn now() -> Timestamp {
    "2018-01-09T12:00:00Z".parse().unwrap()
}

/// All secrets that are always needed; every one holds the word that no output may hold.
fn env() -> Env {
    Env::of_pairs([
        ("GWS_USERNAME", "backup@acme.com"),
        ("GWS_PASSWORD", "canary-gws"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "canary-aws"),
    ])
}

fn place(paths: Paths) -> Place {
    Place {
        config: "/opt/rcbs".into(),
        working: "/srv/op".into(),
        paths,
        zone: Some(TimeZone::fixed(jiff::tz::offset(1))),
    }
}

fn read_with(text: &[u8], overrides: &[Override], env: &Env) -> Result<Loaded, Rejected> {
    let request = Request {
        file: "config.properties".into(),
        overrides: overrides.to_vec(),
        login: Login::Needed,
    };
    read_request(text, &request, env)
}

fn read_request(text: &[u8], request: &Request, env: &Env) -> Result<Loaded, Rejected> {
    let place = place(Paths::Unix);
    let result = understand("config.properties", text, request, env, &place, now());
    // Whatever is said or shown, no secret is in it.
    let told = match &result {
        Ok(loaded) => format!("{loaded:?}{}", warnings(loaded)),
        Err(rejected) => format!("{rejected:?}{rejected}"),
    };
    assert!(!told.contains("canary"), "{told}");
    result
}

fn read(text: &str) -> Result<Loaded, Rejected> {
    read_with(text.as_bytes(), &[], &env())
}

/// The lines after the one that is always needed.
fn read_lines(lines: &str) -> Result<Loaded, Rejected> {
    read(&format!("gwsUriPrefix=https://example.com/api/v2\n{lines}"))
}

fn set(flag: &'static str, key: &str, value: &str) -> Override {
    Override {
        flag,
        key: key.into(),
        value: value.into(),
    }
}

fn warnings(loaded: &Loaded) -> String {
    loaded
        .warnings
        .iter()
        .map(|warning| format!("{warning}\n"))
        .collect()
}

fn sample(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/config/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}
