//! The forward proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcbs_sim::Cloud;
use rcbs_sim::faults::Faults;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{BlockingSimServer, SimServer};

use crate::client::send;

fn serve() -> BlockingSimServer {
    SimServer::start_blocking(Cloud::new(1), Quirks::default(), Faults::none()).unwrap()
}

const VERSION: &str =
    "GET http://gws.example/api/v2/diagnostics/version HTTP/1.1\r\nhost: gws.example\r\n";

#[test]
fn any_host_name_leads_to_the_port_it_is_mapped_to() {
    let server = serve();
    let proxy = server
        .start_proxy([("gws.example", server.api_port())], None)
        .unwrap();
    let answer = send(proxy.address().port(), &format!("{VERSION}\r\n"));
    assert_eq!(answer.status, 200);
    assert_eq!(server.requests().all()[0].host, "gws.example");
    let unknown = send(
        proxy.address().port(),
        "GET http://other.example/ HTTP/1.1\r\n\r\n",
    );
    assert_eq!(unknown.status, 502);
    let seen: Vec<(String, u16)> = proxy
        .requests()
        .into_iter()
        .map(|seen| (seen.to, seen.status))
        .collect();
    assert_eq!(
        seen,
        [
            ("gws.example".to_owned(), 200),
            ("other.example".to_owned(), 502)
        ]
    );
}

#[test]
fn connect_opens_a_tunnel() {
    let server = serve();
    let proxy = server
        .start_proxy([("gws.example:443", server.api_port())], None)
        .unwrap();
    let request = "CONNECT gws.example:443 HTTP/1.1\r\nhost: gws.example:443\r\n\r\n\
        GET /api/v2/diagnostics/version HTTP/1.1\r\nhost: gws.example\r\nconnection: close\r\n\r\n";
    let answer = send(proxy.address().port(), request);
    assert_eq!(answer.status, 200);
    assert!(
        answer.text().contains("\"statusCode\":0"),
        "{}",
        answer.text()
    );
    assert_eq!(proxy.requests()[0].method, "CONNECT");
}

#[test]
fn a_login_is_asked_for_and_not_passed_on() {
    let server = serve();
    let proxy = server
        .start_proxy([("gws.example", server.api_port())], Some(("user", "pass")))
        .unwrap();
    let refused = send(proxy.address().port(), &format!("{VERSION}\r\n"));
    assert_eq!(
        (
            refused.status,
            refused.header("proxy-authenticate").is_some()
        ),
        (407, true)
    );
    assert!(server.requests().all().is_empty());
    let login = STANDARD.encode("user:pass");
    let answer = send(
        proxy.address().port(),
        &format!("{VERSION}proxy-authorization: Basic {login}\r\n\r\n"),
    );
    assert_eq!(answer.status, 200);
    assert!(!server.requests().all()[0].has_login);
}
