//! The web API: login, lists, links, quirks.

use jiff::civil::date;
use rcbs_sim::faults::{Faults, RequestKind};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{BlockingSimServer, SimServer};
use rcbs_sim::{Cloud, Identity};
use serde_json::Value;

use crate::client::{api, get};

fn cloud() -> Cloud {
    Cloud::new(1)
        .encrypted_for([Identity::shared(0).recipient.clone()])
        .fill(date(2018, 2, 12), 250)
        .recording("01F62DGIBGD8369P7GC362LAES00000G")
        .at("2018-02-13T10:00:00Z")
        .audio()
        .build()
}

fn serve(settings: &[&str]) -> BlockingSimServer {
    let quirks = Quirks::from_settings(settings.iter().copied()).unwrap();
    SimServer::start_blocking(cloud(), quirks, Faults::none()).unwrap()
}

const DAY: &str =
    "/recordings?startTime=2018-02-12T00:00:00Z&endTime=2018-02-12T23:59:59Z&fields=*";

fn ids(page: &Value) -> Vec<String> {
    let entries = page["recordings"].as_array().unwrap();
    entries
        .iter()
        .map(|recording| recording["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn it_can_not_be_taken_for_the_real_thing() {
    let server = serve(&[]);
    let answer = api(&server, "/diagnostics/version");
    assert_eq!(answer.header("server"), Some("rcbs-sim (pretend cloud)"));
    assert!(server.api_url.starts_with("http://127.0.0.1:"));
    assert!(server.s3_url.starts_with("http://127.0.0.1:"));
    server.cloud().read(|cloud| {
        let mut media = cloud
            .recordings()
            .iter()
            .flat_map(|recording| &recording.media);
        assert!(media.all(|media| media.bucket.starts_with("sim-")));
    });
}

#[test]
fn the_version_needs_no_login_and_the_rest_does() {
    let server = serve(&[]);
    let ask = |path: &str| get(server.api_port(), &format!("/api/v2{path}"), &[]);
    assert_eq!(ask("/diagnostics/version").json()["statusCode"], 0);
    for path in [
        DAY,
        "/recordings/01F62DGIBGD8369P7GC362LAES00000G",
        "/me/settings/rcbs",
    ] {
        let answer = ask(path);
        assert_eq!(
            (answer.status, &answer.json()["statusCode"]),
            (401, &20.into()),
            "{path}"
        );
    }
}

#[test]
fn a_wrong_login_is_refused_as_the_quirk_says() {
    for (value, status) in [("401", 401), ("403", 403), ("200", 200)] {
        let server = serve(&[&format!("bad-login={value}")]);
        let answer = get(
            server.api_port(),
            "/api/v2/recordings?limit=1",
            &[("authorization", "Basic eDp5".to_owned())],
        );
        assert_eq!(
            (answer.status, &answer.json()["statusCode"]),
            (status, &20.into())
        );
    }
}

#[test]
fn links_lead_through_everything_in_every_form() {
    for links in ["absolute", "relative", "api-path", "query-only"] {
        let server = serve(&[&format!("links={links}"), "offsets=refused"]);
        let mut target = DAY.to_owned();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let page = api(&server, &target).json();
            seen.extend(ids(&page));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            let (before, query) = next.split_once('?').unwrap();
            let expected = match links {
                "absolute" => format!("{}/recordings", server.api_url),
                "relative" => "/api/v2/recordings".to_owned(),
                "api-path" => "/recordings".to_owned(),
                _ => String::new(),
            };
            assert_eq!(before, expected);
            target = format!("/recordings?{query}");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 250, "{links}");
        assert_eq!(server.requests().counts().lists, 3);
    }
}

#[test]
fn links_stand_where_the_quirk_puts_them() {
    let page = api(&serve(&["link-name=paging.next.href"]), DAY).json();
    assert!(page["paging"]["next"]["href"].is_string() && page.get("next").is_none());
    let page = api(&serve(&["links=none"]), DAY).json();
    assert!(page.get("next").is_none());
}

#[test]
fn offsets_page_without_links() {
    let server = serve(&["links=none", "page-cap=50", "total=given"]);
    let page = |offset: u64| api(&server, &format!("{DAY}&offset={offset}")).json();
    assert_eq!(page(0)["totalCount"], 250);
    assert_eq!(ids(&page(0)).len(), 50);
    assert_eq!(ids(&page(240)).len(), 10);
    assert!(ids(&page(250)).is_empty());
    assert!(ids(&page(0)).iter().all(|id| !ids(&page(50)).contains(id)));
}

#[test]
fn refused_offsets_unknown_parameters_and_empty_searches_are_400() {
    for (settings, target, code) in [
        (
            &["offsets=refused"][..],
            "/recordings?limit=10&offset=10",
            2,
        ),
        (
            &["offsets=refused-beyond-10000"],
            "/recordings?limit=100&offset=9901",
            2,
        ),
        (
            &["unknown-parameters=rejected", "upper-bound=stopTime"],
            "/recordings?endTime=2018-02-12T00:00:00Z",
            2,
        ),
        (&[], "/recordings", 1),
        (&[], "/recordings?startTime=yesterday", 2),
        (&[], "/recordings?limit=0", 2),
    ] {
        let answer = api(&serve(settings), target);
        assert_eq!(
            (answer.status, &answer.json()["statusCode"]),
            (400, &code.into()),
            "{target}"
        );
    }
}

#[test]
fn lists_of_uris_and_summaries() {
    let uris =
        |settings: &[&str], target: &str| api(&serve(settings), target).json()["uris"].clone();
    let without_fields = DAY.trim_end_matches("&fields=*");
    assert!(uris(&[], DAY).is_null());
    for (settings, target) in [(&["list-form=uris"][..], DAY), (&[], without_fields)] {
        let first = uris(settings, target)[0].as_str().unwrap().to_owned();
        assert!(first.contains("/api/v2/recordings/"), "{first}");
    }
    let summary = api(&serve(&["list-form=summaries"]), DAY).json();
    assert!(summary["recordings"][0]["id"].is_string());
    assert!(summary["recordings"][0].get("mediaFiles").is_none());
}

#[test]
fn a_uri_leads_to_its_recording_however_odd_the_id() {
    let id = "odd/id %41?#";
    let cloud = Cloud::new(1)
        .recording(id)
        .at("2018-02-12T10:00:00Z")
        .audio()
        .build();
    let quirks = Quirks::from_settings(["list-form=uris"]).unwrap();
    let server = SimServer::start_blocking(cloud, quirks, Faults::none()).unwrap();
    let uri = api(&server, DAY).json()["uris"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let target = uri.strip_prefix(&server.api_url).unwrap();
    assert_eq!(target.matches('/').count(), 2, "{target}");
    assert_eq!(api(&server, target).json()["recording"]["id"], id);
}

#[test]
fn one_recording_is_wrapped_and_a_missing_one_is_404() {
    let server = serve(&[]);
    let found = api(&server, "/recordings/01F62DGIBGD8369P7GC362LAES00000G").json();
    assert_eq!(found["recording"]["id"], "01F62DGIBGD8369P7GC362LAES00000G");
    let missing = api(&server, "/recordings/NOSUCH");
    assert_eq!(
        (missing.status, &missing.json()["statusCode"]),
        (404, &6.into())
    );
}

#[test]
fn recordings_of_other_regions_are_not_shown() {
    let cloud = Cloud::new(1)
        .recording("OTHER")
        .at("2018-02-12T10:00:00Z")
        .in_region("sim2")
        .audio()
        .build();
    let server = SimServer::start_blocking(cloud, Quirks::default(), Faults::none()).unwrap();
    assert!(ids(&api(&server, DAY).json()).is_empty());
    assert_eq!(api(&server, "/recordings/OTHER").status, 404);
}

#[test]
fn settings_in_every_form() {
    let settings = |value: &str| api(&serve(&[&format!("settings={value}")]), "/me/settings/rcbs");
    assert_eq!(settings("403").json()["statusCode"], 5);
    assert_eq!(settings("404").json()["statusCode"], 6);
    assert_eq!(settings("empty").json()["settings"], serde_json::json!([]));
    let pem = Identity::shared(0).recipient.pem();
    assert_eq!(settings("array").json()["settings"][0]["value"], pem);
    assert_eq!(settings("object").json()["settings"]["certificate-1"], pem);
}

#[test]
fn raw_recordings_reach_the_client_byte_for_byte() {
    let odd = "{ \"id\" : \"ODD\",\t\"mediaFiles\":null, \"n\": 1e400 }";
    let cloud = Cloud::new(1)
        .recording("ODD")
        .at("2018-02-12T10:00:00Z")
        .raw(odd)
        .build();
    let server = SimServer::start_blocking(cloud, Quirks::default(), Faults::none()).unwrap();
    assert!(api(&server, DAY).text().contains(odd));
    assert!(api(&server, "/recordings/ODD").text().contains(odd));
}

#[test]
fn the_cloud_can_change_while_it_is_served() {
    let server = serve(&[]);
    let id = "01F62DGIBGD8369P7GC362LAES00000G";
    assert!(
        server
            .cloud()
            .change(|cloud| cloud.change(id, |recording| recording.gone_at =
                Some(jiff::Timestamp::MIN)))
    );
    assert_eq!(api(&server, &format!("/recordings/{id}")).status, 404);
}

#[test]
fn the_log_knows_the_spelling_and_keeps_no_login() {
    let server = serve(&[]);
    api(&server, DAY);
    let seen = server.requests().of(RequestKind::List).remove(0);
    assert!(seen.query.contains("endTime=") && seen.has_login && seen.is_complete);
    assert_eq!(seen.status, 200);
    let printed = format!("{seen:?}");
    assert!(!printed.contains(&server.options.password) && !printed.contains("Basic"));
}
