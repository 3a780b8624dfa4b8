//! Keys and variables that no promise speaks of: each is set to another value than its default, and the run shows it.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use rcbs_sim::faults::RequestKind;
use rcbs_sim::quirks::{Quirks, RegionCheck};
use rcbs_sim::server::Seen;

use crate::stage::{Stage, cloud};

/// SHA-256 of nothing: the body of every request.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn one() -> Stage {
    Stage::new(cloud().recording("one").audio().media_id("m").build())
}

/// The first request of a kind, which there has to be.
fn first(stage: &Stage, kind: RequestKind) -> Seen {
    let seen = stage.server.requests().of(kind);
    seen.into_iter().next().unwrap()
}

#[test]
fn each_key_of_a_server_shows_in_its_requests() {
    type Told = fn(&Stage) -> String;
    let payload: Told = |stage| first(stage, RequestKind::Object).payload.unwrap();
    let region: Told = |stage| first(stage, RequestKind::Object).region.unwrap();
    for (lines, told, by_default, expected) in [
        (
            "usePayloadSigning=true",
            payload,
            "UNSIGNED-PAYLOAD",
            OF_NOTHING,
        ),
        (
            "awsRegion=eu-central-1",
            region,
            "us-east-1",
            "eu-central-1",
        ),
    ] {
        for (lines, expected) in [("", by_default), (lines, expected)] {
            let mut stage = one();
            stage.set(lines);
            stage.backup().expect_code(0);
            assert_eq!(told(&stage), expected, "{lines:?}");
            assert_eq!(stage.states("one"), ["verified"], "{lines:?}");
        }
    }
}

#[test]
fn a_configured_region_spares_the_question_for_it() {
    let quirks = Quirks {
        region_check: RegionCheck::Redirect,
        ..Quirks::default()
    };
    for (lines, requests) in [("", 2), ("awsRegion=eu-west-1", 1)] {
        let mut cloud = cloud().recording("one").audio().build();
        cloud.store_region = "eu-west-1".to_owned();
        let mut stage = Stage::with(cloud, quirks.clone(), &[]);
        stage.set(lines);
        stage.backup().expect_code(0);
        assert_eq!(stage.object_requests(), requests, "{lines:?}");
    }
}

#[test]
fn the_uris_are_appended_to_the_prefix_as_they_are_configured() {
    // The same addresses, cut at another place: with the usual paths behind this prefix nothing would be found.
    let mut stage = one();
    let prefix = stage.server.api_url.trim_end_matches("/v2").to_owned();
    stage.set(&format!("gwsUriPrefix={prefix}"));
    stage.backup();
    assert_eq!(stage.states_or_none("one"), None);
    stage.server.requests().clear();
    stage.set("gwsRecordingsUri=/v2/recordings\ngwsSettingsUri=/v2/me/settings/rcbs");
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
    for (kind, path) in [
        (RequestKind::List, "/api/v2/recordings"),
        (RequestKind::Settings, "/api/v2/me/settings/rcbs"),
    ] {
        assert_eq!(first(&stage, kind).path, path);
    }
    // One alone moves that one alone.
    for (key, path) in [
        ("gwsRecordingsUri", "/api/v2/elsewhere"),
        ("gwsSettingsUri", "/api/v2/elsewhere"),
    ] {
        let mut stage = one();
        stage.set(&format!("{key}=/elsewhere"));
        let finished = stage.backup();
        let asked = stage.server.requests().matching(|seen| seen.path == path);
        assert!(!asked.is_empty(), "{key}");
        // Settings may be absent; recordings may not.
        assert_eq!(finished.code == Some(0), key == "gwsSettingsUri", "{key}");
    }
}

#[test]
fn the_folder_format_makes_the_folders() {
    for (format, folder) in [
        ("yyyy-MM", "2018-02"),
        ("'calls'/yyyy/d", "calls/2018/12"),
        ("yyyy/MM/dd/HH/mm", "2018/02/12/12/00"),
    ] {
        let mut stage = one();
        stage.set(&format!("recordingFolderFormat={format}"));
        stage.backup().expect_code(0);
        let files: Vec<String> = stage.archive().into_keys().collect();
        let expected = ["m.bin", "one.json"].map(|name| format!("{folder}/one/{name}"));
        assert_eq!(files, expected, "{format}");
    }
}

/// Threads of a run that waits for its first answer.
fn threads(lines: &str) -> usize {
    let cloud = cloud().recording("one").audio().build();
    let mut stage = Stage::with_faults(cloud, &["settings always: hang", "list always: hang"]);
    stage.set(lines);
    let run = stage.program(&["-config", "config.properties"]).start();
    let until = Instant::now() + Duration::from_secs(20);
    while stage.server.requests().all().is_empty() {
        assert!(Instant::now() < until, "no request");
        std::thread::yield_now();
    }
    let threads = run.threads();
    run.kill_after(Duration::ZERO);
    threads
}

#[test]
fn as_many_threads_work_as_are_configured() {
    // Beside them stand those that wait for the disk: a few, and not always as many.
    let base = threads("numThreads=1");
    for (lines, more) in [
        ("numThreads=60", 59),
        ("numThreads=100000", 255),
        ("downloadMode=single\nnumThreads=60", 0),
    ] {
        let extra = threads(lines).saturating_sub(base);
        assert!(extra.abs_diff(more) <= 15, "{lines}: {extra} more than one");
    }
}

#[test]
fn the_encryption_format_is_checked_and_changes_nothing_that_is_encrypted_already() {
    for (format, code) in [("AES-256", 0), ("aes-128", 0), ("AES-192", 2)] {
        let mut stage = one();
        stage.set(&format!("encryptionFormat={format}"));
        stage.backup().expect_code(code);
        assert_eq!(
            stage.media_files().len(),
            usize::from(code == 0),
            "{format}"
        );
    }
}

#[test]
fn every_variable_may_be_a_private_file_instead() {
    let mut stage = one();
    let place = |url: &str| {
        url.split_once("//")
            .unwrap()
            .1
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let places = [place(&stage.server.api_url), place(&stage.server.s3_url)];
    let hosts = places.each_ref().map(|place| {
        let port = place.rsplit(':').next().unwrap().parse().unwrap();
        (place.as_str(), port)
    });
    let proxy = stage
        .server
        .start_proxy(hosts, Some(("caller", "proxy-secret")))
        .unwrap();
    for name in ["gws", "aws"] {
        stage.set(&format!(
            "{name}ProxyHost=127.0.0.1\n{name}ProxyPort={}\n{name}ProxyUser=caller",
            proxy.address().port()
        ));
    }
    let known = stage.server.environment();
    let known = known.iter().map(|(name, value)| (*name, value.clone()));
    let proxies = ["GWS_PROXY_PASSWORD", "AWS_PROXY_PASSWORD"];
    let all: Vec<(&str, String)> = known
        .chain(proxies.map(|name| (name, "proxy-secret".to_owned())))
        .collect();
    assert_eq!(all.len(), 6, "every variable that there is");
    let folder = stage.folder().to_owned();
    let write = |name: &str, text: &str| {
        let path = folder.join(format!("{name}.secret"));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (name, value) in &all {
        let path = write(name, &format!("{value}\n"));
        stage.without_env(name).env(&format!("{name}_FILE"), &path);
    }
    stage.backup().expect_code(0);
    assert_eq!(stage.states("one"), ["verified"]);
    assert!(!proxy.requests().is_empty());
    // The proxies let nobody in without theirs; with another content in the other files, nothing comes either.
    for (name, value) in all.iter().filter(|(name, _)| !proxies.contains(name)) {
        write(name, "another\n");
        std::fs::remove_dir_all(stage.target()).unwrap();
        let code = stage.backup().code;
        assert!(matches!(code, Some(1 | 3 | 5)), "{name}: {code:?}");
        assert_eq!(stage.media_files(), [""; 0], "{name}");
        write(name, value);
    }
    // A file that others may read is no secret.
    let path = folder.join("GWS_PASSWORD.secret");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    stage.backup().expect_code(2);
}
