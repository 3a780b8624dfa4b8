//! Chapter "Promises": secrets, hostile servers, and one run at a time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcbs_sim::faults::Faults;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{BlockingSimServer, SimOptions, SimServer};

use crate::stage::{Stage, cloud, events, side_by_side};
use crate::support::rcbs::Finished;

const SECRETS: [(&str, &str); 6] = [
    ("GWS_PASSWORD", "canary-password-Xq7"),
    ("AWS_ACCESS_KEY_ID", "CANARYKEYIDXQ700001"),
    ("AWS_SECRET_ACCESS_KEY", "canary/secret+key/Zt5"),
    ("GWS_PROXY_PASSWORD", "canary-proxy-one-Kp2"),
    ("AWS_PROXY_PASSWORD", "canary-proxy-two-Wd9"),
    ("GWS_USERNAME", "canary-user@example.com"),
];

#[test]
fn secrets_stay_secret() {
    let server = server_with_canaries();
    let proxy = |login| server.start_proxy(hosts(&server), Some(login)).unwrap();
    let (first, second) = (proxy(("one", SECRETS[3].1)), proxy(("two", SECRETS[4].1)));
    let lines = format!(
        "gwsUriPrefix=http://gws.example/api/v2\nawsEndpoint=http://s3.example\nallowInsecureHttp=true\n\
         gwsProxyHost=127.0.0.1\ngwsProxyPort={}\ngwsProxyUser=one\n\
         awsProxyHost=127.0.0.1\nawsProxyPort={}\nawsProxyUser=two\n",
        first.address().port(),
        second.address().port()
    );
    let mut stage = Stage::around(server);
    stage.set(&lines);
    stage.set("plainMedia=refuse");
    for (name, value) in SECRETS {
        stage.env(name, value);
    }
    let (mut said, mut wrongs) = (Vec::new(), Vec::new());
    let mut run = |stage: &Stage, args: &[&str], code: i32| {
        let finished = stage.program(args).run();
        assert_eq!(finished.code, Some(code), "{args:?}: {finished:?}");
        said.push((args.join(" "), finished));
    };
    run(&stage, &["backup", "-vvv"], 3);
    run(&stage, &["backup", "--json", "-vvv"], 3);
    run(&stage, &["status"], 3);
    for args in [
        &["explain", "plain"][..],
        &["plan"],
        &["config", "show"],
        &["config", "check"],
    ] {
        run(&stage, args, 0);
    }
    // Refused everywhere: by the API, by the store, by either proxy.
    for (name, code) in [
        ("GWS_PASSWORD", 5),
        ("AWS_SECRET_ACCESS_KEY", 5),
        ("AWS_ACCESS_KEY_ID", 5),
    ] {
        let right = SECRETS.iter().find(|(known, _)| *known == name).unwrap().1;
        let wrong = right
            .replace("canary", "canary2")
            .replace("CANARY", "CANARX");
        stage.env(name, &wrong);
        run(&stage, &["backup", "-vvv"], code);
        stage.env(name, right);
        wrongs.push(wrong);
    }
    // No option and no line of the file takes one, and neither is repeated.
    for (name, value) in &SECRETS[..5] {
        run(
            &stage,
            &["config", "check", "--set", &format!("{name}={value}")],
            2,
        );
    }
    stage.set(&format!("gwsPassword={0}\nGWS_PASSWORD={0}", SECRETS[0].1));
    run(&stage, &["config", "check"], 2);
    std::fs::remove_file(stage.folder().join("config.properties")).unwrap();
    let secrets = SECRETS[..5].iter().map(|(_, value)| *value);
    for secret in secrets.chain(wrongs.iter().map(String::as_str)) {
        expect_unsaid(&said, &stage, secret);
    }
}

/// One recording is stored, one waits, so that reasons are told and kept.
fn server_with_canaries() -> BlockingSimServer {
    let cloud = cloud()
        .recording("stored")
        .audio()
        .recording("plain")
        .audio()
        .plain()
        .build();
    let of = |name: &str| {
        SECRETS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .to_owned()
    };
    let options = SimOptions {
        user: of("GWS_USERNAME"),
        password: of("GWS_PASSWORD"),
        access_key: of("AWS_ACCESS_KEY_ID"),
        secret_key: of("AWS_SECRET_ACCESS_KEY"),
        ..SimOptions::default()
    };
    BlockingSimServer::start(cloud.into(), Quirks::default(), Faults::none(), options).unwrap()
}

/// The bucket may stand in the host name.
fn hosts(server: &BlockingSimServer) -> [(&'static str, u16); 3] {
    [
        ("gws.example", server.api_port()),
        ("s3.example", server.s3_port()),
        ("sim-callrecordings.s3.example", server.s3_port()),
    ]
}

/// Neither the secret nor its base64, alone or behind a user name, stands in output or files.
fn expect_unsaid(said: &[(String, Finished)], stage: &Stage, secret: &str) {
    let user = SECRETS[5].1;
    let mut needles = vec![secret.to_owned(), STANDARD.encode(secret)];
    for name in [user, "one", "two"] {
        needles.push(STANDARD.encode(format!("{name}:{secret}")));
    }
    let needles: Vec<&str> = needles
        .iter()
        .map(|needle| needle.trim_end_matches('='))
        .collect();
    for (what, finished) in said {
        for text in [&finished.stdout, &finished.stderr] {
            let found = needles.iter().find(|needle| text.contains(**needle));
            assert_eq!(found, None, "in what \"{what}\" says:\n{text}");
        }
    }
    for (path, bytes) in stage.everything() {
        let found = needles.iter().find(|needle| {
            bytes
                .windows(needle.len())
                .any(|part| part == needle.as_bytes())
        });
        assert_eq!(found, None, "in {path}");
    }
}

#[test]
fn a_broken_server_takes_nothing() {
    hostile_ids_stay_inside();
    logins_go_nowhere_else();
    no_answer_is_endless();
}

fn hostile_ids_stay_inside() {
    let ids = [
        "../../../../escaped",
        "/tmp/escaped",
        "..",
        "a\\..\\b",
        "CON",
        "x/../../y",
        "nul\0byte",
        "line\nfeed",
        ".rcbs",
    ];
    let mut hostile = cloud().recording("good").audio().build();
    for (number, id) in ids.iter().enumerate() {
        let recording = hostile.recording(id).audio().media_id(id);
        hostile = recording.stored_as("calls", &format!("{number}")).build();
    }
    // Bad entries beside good ones.
    for (number, bad) in ["42", "null", "{\"id\":7}", "{\"id\":\"\"}", "[[]]"]
        .iter()
        .enumerate()
    {
        hostile = hostile.recording(&format!("bad{number}")).raw(*bad).build();
    }
    let stage = Stage::new(hostile);
    let (finished, lines) = stage.backup_json();
    finished.expect_code(3);
    assert_eq!(events(&lines, "verified").len(), 1 + ids.len());
    assert!(!events(&lines, "server_fault").is_empty());
    let outside: Vec<String> = stage
        .everything()
        .into_keys()
        .filter(|path| !path.starts_with("target/"))
        .collect();
    assert_eq!(outside, ["config.properties"]);
    for path in stage.media_files() {
        assert!(path.starts_with("2018/02/12/12/"), "{path}");
        assert_eq!(path.split('/').count(), 6, "{path}");
    }
    assert_eq!(stage.media_files().len(), 1 + ids.len());
    assert!(!std::path::Path::new("/tmp/escaped").exists());
}

fn logins_go_nowhere_else() {
    let elsewhere = SimServer::start_blocking(cloud(), Quirks::default(), Faults::none()).unwrap();
    let to = &elsewhere.api_url;
    let cases = [
        (format!("list always: redirect to={to}/recordings"), "", 1),
        (
            format!("object~/bad always: redirect to={}/x/y", elsewhere.s3_url),
            "verified",
            3,
        ),
        (
            format!("list 1: link to={to}/recordings?offset=1"),
            "verified",
            1,
        ),
    ];
    side_by_side(&cases, |(fault, good, code)| {
        let cloud = cloud()
            .recording("good")
            .audio()
            .recording("bad")
            .audio()
            .build();
        let quirks = Quirks {
            page_cap: 1,
            ..Quirks::default()
        };
        let stage = Stage::with(cloud, quirks, &[fault]);
        let (finished, _) = stage.backup_json();
        assert!(
            [0, *code].contains(&finished.code.unwrap()),
            "{fault}: {finished:?}"
        );
        if !good.is_empty() {
            assert_eq!(stage.states("good"), [*good], "{fault}");
        }
    });
    let asked = elsewhere.requests().all();
    assert!(asked.is_empty(), "{asked:?}");
}

fn no_answer_is_endless() {
    let faults = [
        "list always: endless-pages fresh=false",
        "list always: endless-pages fresh=true",
        "list always: link-to-self",
        "list 1: huge-page bytes=200000000",
        "list first-2: nested depth=200000",
        "list always: cut-json after=300",
    ];
    side_by_side(&faults, |fault| {
        let cloud = cloud().recording("good").audio().build();
        let stage = Stage::with_faults(cloud, &[fault]);
        let finished = stage.backup();
        assert!(
            matches!(finished.code, Some(0 | 1 | 3)),
            "{fault}: {finished:?}"
        );
        assert!(
            finished.peak_rss_bytes < 400 << 20,
            "{fault}: {}",
            finished.peak_rss_bytes
        );
    });
}

/// B21.
#[test]
fn one_run_at_a_time_fills_a_target() {
    for state_dir in ["", "stateDir=state"] {
        let cloud = cloud().recording("one").audio().build();
        let mut stage = Stage::with_faults(cloud, &["object always: hang"]);
        stage.set(state_dir);
        let mut first = stage.program(&["backup", "--json"]).start();
        first.expect_text("\"event\":\"slice_listed\"");
        let refused = stage.backup().expect_code(7);
        let owner = std::fs::read_to_string(stage.target().join(".rcbs/lock")).unwrap();
        assert!(owner.contains("process "), "{owner}");
        assert!(refused.stderr.contains(owner.trim()), "{}", refused.stderr);
        // Looking is not filling.
        assert_eq!(stage.states("one"), ["announced"]);
        // Ended in the hardest way: nothing is left that anybody would have to judge.
        drop(first.kill_at_text("planned"));
        stage.server.faults().clear();
        stage.backup().expect_code(0);
    }
}
