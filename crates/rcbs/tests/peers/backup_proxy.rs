//! The program behind proxies: each side uses its own and no other, and none is ever bypassed.

use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, Content};

use crate::nginx::{Authority, Certificate, TlsFront};
use crate::server::free_ports;
use crate::stage::Stage;
use crate::tinyproxy::Tinyproxy;

fn cloud() -> Cloud {
    (0..3).fold(Cloud::new(1), |cloud, number| {
        cloud
            .recording(&format!("PROXIED{number}"))
            .at("2018-02-12T12:00:00Z")
            .audio_of(Content::pattern(20_000, number))
            .build()
    })
}

fn stage() -> Stage {
    Stage::with(
        cloud(),
        Quirks::from_settings(["links=relative"]).unwrap(),
        &[],
    )
}

fn lead(stage: &mut Stage, side: &str, port: u16) {
    stage.set(&format!(
        "{side}ProxyHost=127.0.0.1\n{side}ProxyPort={port}"
    ));
}

fn login(stage: &mut Stage, side: &str, user: &str, password: &str) {
    stage.set(&format!("{side}ProxyUser={user}"));
    stage.env(&format!("{}_PROXY_PASSWORD", side.to_uppercase()), password);
}

/// What a server asked through a proxy is named in the proxy's log.
#[track_caller]
fn assert_only(proxy: &Tinyproxy, own: u16, other: u16) {
    let mut requests = proxy.requests();
    // The looks whether it is up ask the proxy itself.
    requests.retain(|line| !line.starts_with("GET / "));
    assert!(!requests.is_empty());
    assert!(
        requests
            .iter()
            .all(|line| line.contains(&format!(":{own}"))),
        "{requests:#?}"
    );
    assert!(
        requests
            .iter()
            .all(|line| !line.contains(&format!(":{other}"))),
        "{requests:#?}"
    );
}

#[test]
fn each_side_uses_its_own_proxy() {
    let logins = [None, Some(("branch", "opensesame"))];
    for (gws_login, aws_login) in [(logins[0], logins[1]), (logins[1], logins[0])] {
        let (gws, aws) = (Tinyproxy::start(gws_login), Tinyproxy::start(aws_login));
        let mut stage = stage();
        for (side, proxy, own) in [("gws", &gws, gws_login), ("aws", &aws, aws_login)] {
            lead(&mut stage, side, proxy.port());
            if let Some((user, password)) = own {
                login(&mut stage, side, user, password);
            }
        }
        let finished = stage.backup().expect_code(0);
        assert!(!format!("{finished:?}").contains("opensesame"));
        assert_eq!(stage.media_files().len(), 3);
        let (api, store) = (stage.server.api_port(), stage.server.s3_port());
        assert_only(&gws, api, store);
        assert_only(&aws, store, api);
    }
}

#[test]
fn tls_goes_through_the_proxies_as_a_tunnel() {
    let authority = Authority::new();
    let (gws, aws) = (
        Tinyproxy::start(None),
        Tinyproxy::start(Some(("branch", "opensesame"))),
    );
    let mut stage = stage();
    let api = TlsFront::start(&authority, Certificate::Valid, stage.server.api_port());
    let s3 = TlsFront::start(&authority, Certificate::Valid, stage.server.s3_port());
    stage.set(&format!(
        "gwsUriPrefix={}/api/v2\nawsEndpoint={}",
        api.url(),
        s3.url()
    ));
    stage.set(&format!("caFile={}", authority.certificate().display()));
    lead(&mut stage, "gws", gws.port());
    lead(&mut stage, "aws", aws.port());
    login(&mut stage, "aws", "branch", "opensesame");
    stage.backup().expect_code(0);
    assert_eq!(stage.media_files().len(), 3);
    assert_only(&gws, api.port(), s3.port());
    assert_only(&aws, s3.port(), api.port());
    for proxy in [&gws, &aws] {
        let requests = proxy.requests();
        assert!(
            requests
                .iter()
                .all(|line| line.starts_with("CONNECT localhost:") || line.starts_with("GET / ")),
            "{requests:#?}"
        );
    }
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let stranger = Tinyproxy::start(None);
    let before = stranger.requests().len();
    let mut stage = stage();
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        stage.env(name, &stranger.url());
    }
    stage.backup().expect_code(0);
    assert_eq!(stranger.requests().len(), before);
}

/// Runs with one proxy that does not work and shows that it was not bypassed; gives what the run told.
fn without(side: &str, port: u16, secret: Option<(&str, &str)>) -> String {
    let authority = Authority::new();
    let mut stage = stage();
    // As in real life: through TLS, so that the proxy is asked for a tunnel.
    let api = TlsFront::start(&authority, Certificate::Valid, stage.server.api_port());
    let s3 = TlsFront::start(&authority, Certificate::Valid, stage.server.s3_port());
    stage.set(&format!(
        "gwsUriPrefix={}/api/v2\nawsEndpoint={}\ncaFile={}",
        api.url(),
        s3.url(),
        authority.certificate().display()
    ));
    lead(&mut stage, side, port);
    if let Some((user, password)) = secret {
        login(&mut stage, side, user, password);
    }
    let finished = stage.backup().expect_code(1);
    let counts = stage.server.requests().counts();
    let asked = if side == "gws" {
        counts.lists + counts.settings
    } else {
        counts.objects
    };
    assert_eq!(asked, 0, "{side} was asked without its proxy");
    assert_eq!(stage.media_files(), [""; 0]);
    finished.stderr
}

/// E13.
#[test]
fn a_proxy_that_is_down_is_never_bypassed() {
    let [port] = free_ports();
    std::thread::scope(|scope| {
        for side in ["gws", "aws"] {
            scope.spawn(move || {
                let told = without(side, port, None);
                assert!(
                    told.contains(&format!(
                        "the proxy http://127.0.0.1:{port}: connection refused"
                    )),
                    "{told}"
                );
                assert!(told.contains(&format!("{side}ProxyHost")), "{told}");
            });
        }
    });
}

/// E13.
#[test]
fn a_proxy_that_refuses_the_login_is_never_bypassed() {
    let proxy = Tinyproxy::start(Some(("branch", "opensesame")));
    let port = proxy.port();
    std::thread::scope(|scope| {
        for (side, secret) in [
            ("gws", None),
            ("aws", None),
            ("gws", Some(("branch", "wrongword"))),
            ("aws", Some(("branch", "wrongword"))),
        ] {
            scope.spawn(move || {
                let told = without(side, port, secret);
                // To a wrong login this proxy says 401 where a proxy should say 407; then the words are more general.
                let words = secret.map_or("its login (HTTP 407)", |_| "to connect to localhost");
                let words = format!("the proxy http://127.0.0.1:{port} refuses {words}");
                assert!(told.contains(&words), "{told}");
                assert!(!told.contains("wrongword"), "{told}");
            });
        }
    });
    assert_eq!(proxy.connected(), 0);
}
