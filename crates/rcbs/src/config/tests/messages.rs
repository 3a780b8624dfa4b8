//! How mistakes are told: frozen text, because people search for it.

use std::fmt::Write;

use insta::assert_snapshot;

use super::*;

/// Each case with everything that is said about it, warnings first.
fn transcript(cases: &[&str]) -> String {
    let mut text = String::new();
    for lines in cases {
        let told = match read_lines(lines) {
            Ok(loaded) => warnings(&loaded),
            Err(rejected) => format!("{rejected}\n"),
        };
        for line in lines.lines() {
            writeln!(text, "  {}", rcbs_core::text::printable(line)).unwrap();
        }
        writeln!(text, "{told}").unwrap();
    }
    text
}

/// The same for options of the command line.
fn options(cases: &[&[Override]]) -> String {
    let mut text = String::new();
    for overrides in cases {
        let typed: Vec<_> = overrides
            .iter()
            .map(|o| match o.flag {
                Override::SET => format!("--set {}={}", o.key, o.value),
                flag => format!("{flag} {}", o.value),
            })
            .collect();
        let minimal = sample("minimal.properties");
        let rejected = read_with(&minimal, overrides, &env()).unwrap_err();
        writeln!(text, "  {}\n{rejected}\n", typed.join(" ")).unwrap();
    }
    text
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let env = Env::of_pairs([
        ("GWS_USERNAME", "backup:canary"),
        ("AWS_ACCESS_KEY_ID", "x\r"),
    ]);
    let rejected = read_with(&sample("broken.properties"), &[], &env).unwrap_err();
    assert_snapshot!(rejected.to_string());
}

#[test]
fn crossed_edges_are_told() {
    assert_snapshot!(transcript(&[
        "minDate=2018-01-02\nmaxDate=2018-01-04",
        "minDate=2018-01-02\nmaxDate=1514851200000",
        "minAge=2",
        "minAge=P1M\nmaxAge=31",
        "maxAge=P19000Y\noverlap=P19000Y\nshardBy=P19000Y\nminAge=P19000Y",
        // No edge at all cannot be crossed.
        "minAge=400\nmaxAge=0",
        "minDate=2018-01-04",
        "maxDate=2018-01-10",
        "maxDate=2018-01-08\nminAge=3",
    ]));
}

#[test]
fn who_asks_no_server_needs_no_secrets() {
    let request = |login| Request {
        file: "config.properties".into(),
        overrides: vec![],
        login,
    };
    let file = b"gwsUriPrefix=https://example.com/api/v2";
    let nothing = Env::default();
    let loaded = read_request(file, &request(Login::Optional), &nothing).unwrap();
    assert_eq!(warnings(&loaded), "");
    assert!(loaded.settings.gws.is_none());
    assert!(matches!(loaded.settings.media, MediaMode::Full(None)));
    let rejected = read_request(file, &request(Login::Needed), &nothing).unwrap_err();
    assert_eq!(rejected.problems.len(), 4);
    // One that cannot be used is worth a word, and no more.
    let twice = Env::of_pairs([("GWS_PASSWORD", "canary"), ("GWS_PASSWORD_FILE", "/x")]);
    let loaded = read_request(file, &request(Login::Optional), &twice).unwrap();
    assert!(warnings(&loaded).starts_with("warning: GWS_PASSWORD is given twice"));
    // All other mistakes are mistakes.
    let broken = b"maxAge=x";
    let rejected = read_request(broken, &request(Login::Optional), &nothing).unwrap_err();
    assert_eq!(rejected.problems.len(), 2);
}

#[test]
fn options_are_told_by_their_own_names() {
    assert_snapshot!(options(&[
        &[
            set("--since", "maxDate", "2018-01-04"),
            set("--until", "minDate", "2018-01-02")
        ],
        &[
            set("--since", "maxDate", "2018-01-04"),
            set("--set", "minDate", "2018-01-02")
        ],
        &[
            set("--since", "maxDate", "yesterday"),
            set("--set", "maxAge", "x")
        ],
        &[set("--set", "logLevel", "INFO")],
        &[set("--set", "maxage", "1")],
        &[set("--set", "AWS_SECRET_ACCESS_KEY", "canary")],
    ]));
}

#[test]
fn paths_that_are_none_are_told_with_the_path_that_was_meant() {
    assert_snapshot!(transcript(&[
        "maxAge=2\nminAge=0\ntargetDir=C:\\rec",
        "targetDir=C:\\\\rec",
        "targetDir=\\\\server\\share",
        "targetDir=C:/rec",
        "stateDir=/var/lib\\trcbs",
        "caFile=no-such-file.pem",
    ]));
}

#[test]
fn what_depends_on_something_else_says_on_what() {
    assert_snapshot!(transcript(&[
        "awsProxyHost=10.0.1.31",
        "gwsProxyPort=8080",
        "rcbsInstanceId=0",
        "totalRcbsInstances=4",
        "totalRcbsInstances=4\nrcbsInstanceId=4",
        "awsProxyHost=10.0.1.31\nawsProxyPort=8080\nawsProxyUser=backup",
        "gwsProxyHost=http://backup:canary@10.0.1.31\ngwsProxyPort=8080",
        "gwsProxyHost=backup:canary@10.0.1.31",
        "gwsProxyHost=10.0.1.31:8080\ngwsProxyPort=1",
        "gwsProxyUser=backup:canary",
        "awsEndpoint=htps//u:canary@h ",
        "awsEndpoint=https://u:canary\\u0040h\\q",
        "gwsRecordingsUri=/recordings?token=canary",
    ]));
}

#[test]
fn servers_without_encryption_are_an_error_or_a_warning() {
    assert_snapshot!(transcript(&[
        "awsEndpoint=http://10.0.0.7:8333/",
        "awsEndpoint=http://10.0.0.7:8333/\nallowInsecureHttp=true",
        "awsEndpoint=http://127.0.0.1:8333",
    ]));
}

#[test]
fn unknown_keys_are_an_error_where_they_resemble_a_known_one() {
    assert_snapshot!(transcript(&[
        "max_age=3",
        "logLevel=INFO",
        "gwsPassword=canary",
        "ledgerUrl=postgres://db1/rcbs",
    ]));
}

#[test]
fn doubtful_lines_are_warned_about() {
    assert_snapshot!(transcript(&[
        "maxAge=3\nmaxAge=4",
        "maxAge=3 ",
        "mediaTypePattern=audio/\\w+",
        "mediaTypePattern=audio/*",
        "gwsRecordingsUri=recordings",
        "downloadMode=single\nnumThreads=8",
        "numThreads=512",
        "minDate=2018-01-04\nminAge=1\nmaxDate=2018-01-02",
    ]));
}

#[test]
fn values_that_are_not_understood_are_told_with_the_form() {
    assert_snapshot!(transcript(&[
        "maxAge=2 days",
        "maxAge=-1",
        "overlap=1.5",
        "shardBy=0",
        "minDate=1515024000\nmaxDate=02.01.2018",
        "metadataOnly=yes",
        "numThreads=0",
        "downloadMode=double",
        "mediaTypePattern=audio/(mp3",
        "recordingFolderFormat=yyyy/../MM",
        "awsRegion=Frankfurt",
        "diskReserve=5%",
        "diskWait=PT1H",
        "diskWait=86401",
        "readBack=yes",
        "retentionDays=0",
        "retentionDays=P90D",
        "maxAge=\\u00g1",
        "maxAge=\\u001b[31mred",
        "maxAge=\u{202e}3",
    ]));
}

#[test]
fn a_bandwidth_limit_is_told_with_the_piece_that_is_wrong() {
    assert_snapshot!(transcript(&[
        "bandwidthLimit=20Mbit/s",
        "bandwidthLimit=0",
        "bandwidthLimit=20",
        "bandwidthLimit=mon-fri 08:00-18:00 20MB/s; weekend 50MB/s",
        "bandwidthLimit=Mon-08:00,512k Mon-18:00,off",
        "bandwidthLimit=mon-fri 8-25 20MB/s",
        "bandwidthLimit=mon-fri 20MB/s; tue 10MB/s",
        "bandwidthLimit=20MB/s; 10MB/s",
    ]));
}

#[test]
fn a_bandwidth_limit_is_shown_with_what_holds_now() {
    // It is Tuesday noon in GMT, and an hour later by the clock of these tests.
    let shown = |zone: Option<TimeZone>, limit: &str| {
        let file = format!("gwsUriPrefix=https://example.com/api/v2\nbandwidthLimit={limit}");
        let request = Request {
            file: "config.properties".into(),
            overrides: vec![],
            login: Login::Optional,
        };
        let place = Place {
            zone,
            ..place(Paths::Unix)
        };
        let bytes = file.as_bytes();
        let loaded = understand("c", bytes, &request, &Env::default(), &place, now()).unwrap();
        let effective = &loaded.settings.effective;
        let one = effective.iter().find(|it| it.name == "bandwidthLimit");
        format!("{}{}", warnings(&loaded), one.unwrap())
    };
    let berlin = place(Paths::Unix).zone;
    let mut text = String::new();
    for limit in [
        "20 MB/s",
        "off",
        "tuesday 13-14 1M; 2M",
        "tuesday 12:00-13:00 1M",
    ] {
        writeln!(text, "{}", shown(berlin.clone(), limit)).unwrap();
    }
    writeln!(text, "{}", shown(None, "tuesday 12:00-13:00 1M")).unwrap();
    assert_snapshot!(text);
}

#[test]
fn missing_secrets_are_told_by_variable() {
    let mut text = String::new();
    for (lines, env) in [
        ("", Env::default()),
        ("metadataOnly=true", Env::default()),
        (
            "metadataOnly=true",
            Env::of_pairs([
                ("GWS_USERNAME", "backup@acme.com"),
                ("GWS_PASSWORD", " canary"),
                ("GWS_PROXY_PASSWORD", "canary"),
            ]),
        ),
        (
            "maxAge=3",
            Env::of_pairs([
                ("GWS_USERNAME", "backup@acme.com"),
                ("GWS_PASSWORD", "canary"),
                ("AWS_ACCESS_KEY_ID", "canary/0123="),
                ("AWS_SECRET_ACCESS_KEY", "AKIDEXAMPLE"),
            ]),
        ),
    ] {
        let file = format!("gwsUriPrefix=https://example.com/api/v2\n{lines}");
        let told = match read_with(file.as_bytes(), &[], &env) {
            Ok(loaded) => warnings(&loaded),
            Err(rejected) => format!("{rejected}\n"),
        };
        writeln!(text, "  {lines} {env:?}\n{told}").unwrap();
    }
    assert_snapshot!(text);
}

#[test]
fn files_that_are_no_configuration_are_told() {
    let request = Request {
        file: "no/such/config.properties".into(),
        overrides: vec![],
        login: Login::Needed,
    };
    let rejected = load(&request, &env(), now()).unwrap_err().to_string();
    assert!(rejected.starts_with(
        "error: cannot read the configuration file no/such/config.properties\n  caused by: "
    ));
    let told = |bytes: &[u8]| read_with(bytes, &[], &env()).unwrap_err().to_string();
    assert_snapshot!("utf_16_is_told", told(b"\xff\xfeg\0w\0"));
    assert_snapshot!(
        "a_huge_file_is_told",
        told(&vec![b'#'; properties::MAX_BYTES + 1])
    );
    assert_snapshot!("an_empty_file_is_told", told(b""));
    let latin1 = read_with(&sample("latin1.properties"), &[], &env()).unwrap();
    assert_snapshot!("latin_1_is_told", warnings(&latin1));
}

#[test]
fn origins_are_shown_without_secrets() {
    let overrides = [
        set("--since", "maxDate", "2018-01-02"),
        set("--set", "maxConnections", "8"),
    ];
    let text = b"gwsUriPrefix=https://example.com/api/v2\ntargetDir=rec\nminDate = 2018-01-04";
    let loaded = read_with(text, &overrides, &env()).unwrap();
    let shown: String = loaded
        .settings
        .effective
        .iter()
        .map(|held| format!("{held}\n"))
        .collect();
    assert_snapshot!(shown);
}
