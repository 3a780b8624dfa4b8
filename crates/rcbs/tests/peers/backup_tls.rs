//! The program behind TLS by nginx: only the right certificate is believed, for the API and for the store.

use rcbs_sim::quirks::Quirks;
use rcbs_sim::{Cloud, Content};

use crate::backup_store::{assert_stored, stage_with};
use crate::nginx::{Authority, Certificate, TlsFront};
use crate::seaweed::Seaweed;
use crate::stage::Stage;
use crate::support::rcbs::Finished;

fn cloud(count: u64) -> Cloud {
    (0..count).fold(Cloud::new(1), |cloud, number| {
        cloud
            .recording(&format!("SECURE{number:02}"))
            .at(&format!("2018-02-12T12:{number:02}:00Z"))
            .audio_of(Content::pattern(20_000 + number, number))
            .stored_as("recordings", &format!("{number}.bin"))
            .build()
    })
}

/// A stage whose links name no host, because the program knows the API by the name of the front.
fn stage(count: u64) -> Stage {
    let quirks = Quirks::from_settings(["links=relative"]).unwrap();
    Stage::with(cloud(count), quirks, &[])
}

fn trust(stage: &mut Stage, authority: &Authority) {
    stage.set(&format!("caFile={}", authority.certificate().display()));
}

#[test]
fn api_and_store_are_reached_through_tls_on_few_connections() {
    let authority = Authority::new();
    let store = Seaweed::start();
    let mut stage = stage_with(&store, cloud(40));
    let api = TlsFront::start(&authority, Certificate::Valid, stage.server.api_port());
    let s3 = TlsFront::start(&authority, Certificate::Valid, store.port());
    stage.set(&format!(
        "gwsUriPrefix={}/api/v2\nawsEndpoint={}\nmaxConnections=4",
        api.url(),
        s3.url()
    ));
    trust(&mut stage, &authority);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_stored(&stage, &lines);

    let seen = s3.requests();
    assert_eq!(seen.len(), 40, "{seen:#?}");
    assert!(
        seen.iter()
            .all(|one| one.method == "GET" && one.status == 200),
        "{seen:#?}"
    );
    let mut connections: Vec<u64> = seen.iter().map(|one| one.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    // Never more than four at once; one that is still being put back when the next file wants it has a successor.
    assert!(connections.len() <= 8, "{connections:?}");
    assert!(!api.requests().is_empty());

    stage.backup().expect_code(0);
    assert_eq!(s3.requests().len(), 40);
}

/// Runs with this front before one of the two servers and gives the end; nothing may be stored and nothing asked.
fn refused(before: &str, certificate: Certificate, trusted: bool) -> Finished {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = stage(1);
    let behind = match before {
        "gwsUriPrefix" => stage.server.api_port(),
        _ => stage.server.s3_port(),
    };
    let front = TlsFront::start(&authority, certificate, behind);
    let path = if before == "gwsUriPrefix" {
        "/api/v2"
    } else {
        ""
    };
    stage.set(&format!("{before}={}{path}", front.url()));
    trust(&mut stage, if trusted { &authority } else { &stranger });
    let finished = stage.backup();
    assert_eq!(front.requests(), [], "a request came through");
    assert_eq!(stage.media_files(), [""; 0]);
    finished
}

const BAD: [(Certificate, bool, &str); 3] = [
    (Certificate::WrongHost, true, "belongs to another host"),
    (Certificate::Expired, true, "expired"),
    (
        Certificate::Valid,
        false,
        "authority that is not trusted here",
    ),
];

#[test]
fn an_api_with_a_wrong_certificate_is_told_nothing() {
    std::thread::scope(|scope| {
        for (certificate, trusted, words) in BAD {
            scope.spawn(move || {
                let finished = refused("gwsUriPrefix", certificate, trusted).expect_code(1);
                assert!(finished.stderr.contains(words), "{}", finished.stderr);
                assert!(finished.stderr.contains("caFile"), "{}", finished.stderr);
            });
        }
    });
}

#[test]
fn a_store_with_a_wrong_certificate_is_told_nothing() {
    std::thread::scope(|scope| {
        for (certificate, trusted, words) in BAD {
            scope.spawn(move || {
                let finished = refused("awsEndpoint", certificate, trusted).expect_code(1);
                assert!(finished.stderr.contains(words), "{}", finished.stderr);
                assert!(finished.stderr.contains("caFile"), "{}", finished.stderr);
            });
        }
    });
}

#[test]
fn a_bucket_is_a_host_of_amazon_and_its_region_is_learned() {
    let authority = Authority::new();
    for region_check in ["301", "400"] {
        let mut cloud = cloud(5);
        cloud.store_region = "eu-west-1".to_owned();
        let quirks = Quirks::from_settings([format!("region-check={region_check}").as_str()]);
        let mut stage = Stage::with(cloud, quirks.unwrap(), &[]);
        let front = TlsFront::start(&authority, Certificate::Amazon, stage.server.s3_port());
        let hosts = ["us-east-1", "eu-west-1"]
            .map(|region| format!("sim-recordings.s3.{region}.amazonaws.com"));
        let [first, right] = hosts.each_ref().map(|host| format!("{host}:443"));
        let proxy = stage
            .server
            .start_proxy(
                [
                    (first.as_str(), front.port()),
                    (right.as_str(), front.port()),
                ],
                None,
            )
            .unwrap();
        stage.unset("awsEndpoint");
        stage.set(&format!(
            "awsProxyHost=127.0.0.1\nawsProxyPort={}\nmaxConnections=1",
            proxy.address().port()
        ));
        trust(&mut stage, &authority);
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        assert_stored(&stage, &lines);

        let tunnels = proxy.requests();
        assert!(
            tunnels
                .iter()
                .all(|one| one.method == "CONNECT" && one.status == 200),
            "{tunnels:?}"
        );
        assert_eq!(
            tunnels.iter().filter(|one| one.to == first).count(),
            1,
            "{tunnels:?}"
        );
        assert!(tunnels.iter().any(|one| one.to == right), "{tunnels:?}");
        let asked = stage
            .server
            .requests()
            .of(rcbs_sim::faults::RequestKind::Object);
        let wrong = asked.iter().filter(|seen| seen.status >= 300).count();
        assert_eq!((wrong, asked.len()), (1, 6), "{region_check}: {asked:#?}");
        assert_eq!(asked[0].host, hosts[0]);
        assert!(
            asked[1..].iter().all(|seen| seen.host == hosts[1]),
            "{asked:#?}"
        );
    }
}

#[test]
fn a_real_store_believes_the_signature_of_a_bucket_that_is_a_host() {
    let authority = Authority::new();
    let store = Seaweed::start();
    let mut stage = stage_with(&store, cloud(3));
    let front = TlsFront::start(&authority, Certificate::Amazon, store.port());
    let host = "sim-recordings.s3.us-east-1.amazonaws.com:443";
    let proxy = stage
        .server
        .start_proxy([(host, front.port())], None)
        .unwrap();
    stage.unset("awsEndpoint");
    stage.set(&format!(
        "awsProxyHost=http://127.0.0.1\nawsProxyPort={}",
        proxy.address().port()
    ));
    trust(&mut stage, &authority);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_stored(&stage, &lines);
    let seen = front.requests();
    assert!(seen.iter().all(|one| one.status == 200), "{seen:#?}");
    assert_eq!(
        seen[0].target.split('/').count(),
        2,
        "the bucket is not in the path: {seen:#?}"
    );
}
