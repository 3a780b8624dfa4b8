//! What configurations come to.

use std::path::Path;

use jiff::Span;
use proptest::prelude::*;
use rcbs_core::cms::SealCipher;
use rcbs_core::fetch::PlainMedia;
use rcbs_core::plan::{Instance, SinceEdge, UntilEdge};
use rcbs_core::space::Reserve;
use rcbs_io::target::ReadBack;
use secrecy::ExposeSecret;

use super::*;

fn settings(name: &str) -> Settings {
    let loaded = read_with(&sample(name), &[], &env()).unwrap();
    if name != "latin1.properties" {
        assert_eq!(warnings(&loaded), "", "{name}");
    }
    loaded.settings
}

fn full(settings: &Settings) -> &rcbs_io::s3::S3Options {
    match &settings.media {
        MediaMode::Full(options) => options.as_ref().unwrap(),
        MediaMode::MetadataOnly => panic!("metadata only"),
    }
}

/// The window with its spans as text, which is how they can be compared.
fn window(settings: &Settings) -> [String; 4] {
    let since = match &settings.window.since {
        SinceEdge::Any => "any".to_owned(),
        SinceEdge::Ago(span) => span.to_string(),
        SinceEdge::At(at) => at.to_string(),
    };
    let until = match &settings.window.until {
        UntilEdge::Ago(span) => span.to_string(),
        UntilEdge::At(at) => at.to_string(),
    };
    [
        since,
        until,
        settings.window.slice_length.to_string(),
        settings.window.overlap.to_string(),
    ]
}

#[test]
fn the_least_configuration_has_the_manuals_defaults() {
    let minimal = settings("minimal.properties");
    assert_eq!(window(&minimal), ["P2D", "PT0S", "P1D", "PT6H"]);
    assert!(!minimal.window.ignore_checkpoint);
    assert_eq!(minimal.target_dir, Path::new("/opt/rcbs/target"));
    assert_eq!(minimal.state_dir, Path::new("/opt/rcbs/target/.rcbs"));
    let gws = minimal.gws.as_ref().unwrap();
    assert_eq!(gws.prefix.as_str(), "https://example.com/api/v2");
    assert_eq!(gws.recordings_path, "/recordings");
    assert_eq!(gws.settings_path, "/me/settings/rcbs");
    assert_eq!(gws.username, "backup@acme.com");
    assert_eq!(gws.password.expose_secret(), "canary-gws");
    assert!(gws.http.proxy.is_none());
    assert_eq!(
        full(&minimal).secret_access_key.expose_secret(),
        "canary-aws"
    );
    assert!(full(&minimal).endpoint.is_none() && !full(&minimal).payload_signing);
    assert_eq!(minimal.instance, Instance::all());
    assert_eq!(
        minimal.download,
        DownloadMode::Multithread { num_threads: 4 }
    );
    assert_eq!(minimal.connections(), 64);
    assert!(minimal.media_type.matches("video/mp4"));
    assert_eq!(minimal.plain_media, PlainMedia::Encrypt(SealCipher::Aes128));
    assert!(minimal.certificates.is_empty());
}

#[test]
fn the_manuals_values_come_to_the_defaults_and_its_proxies_to_urls() {
    let manual = settings("manual.properties");
    let minimal = settings("minimal.properties");
    assert_eq!(window(&manual), window(&minimal));
    assert_eq!(manual.target_dir, minimal.target_dir);
    assert_eq!(manual.folder_format, minimal.folder_format);
    assert_eq!(manual.media_type.source(), minimal.media_type.source());
    assert_eq!(manual.download, minimal.download);
    for http in [&manual.gws.as_ref().unwrap().http, &full(&manual).http] {
        let proxy = http.proxy.as_ref().unwrap();
        assert_eq!(proxy.url.as_str(), "http://10.0.1.31:8080/");
        assert!(proxy.login.is_none());
    }
}

#[test]
fn periods_lose_their_reversed_names() {
    let dates = settings("between-dates.properties");
    assert_eq!(
        window(&dates)[..2],
        ["2018-01-02T00:00:00Z", "2018-01-04T00:00:00Z"]
    );
    let epoch = settings("epoch.properties");
    assert_eq!(
        window(&epoch)[..2],
        ["2015-07-30T00:00:00Z", "2015-07-31T00:00:00Z"]
    );
    let iso = settings("iso.properties");
    assert_eq!(window(&iso), ["P1Y2DT4H30M", "PT30M", "P6MT12H", "P6D"]);
    for any in ["0", "P0D"] {
        let loaded = read_lines(&format!("maxAge={any}")).unwrap();
        assert_eq!(window(&loaded.settings)[0], "any");
    }
}

#[test]
fn the_disk_has_a_reserve_and_some_patience() {
    let minimal = settings("minimal.properties");
    assert_eq!(minimal.space.reserve, Reserve::Auto);
    assert_eq!(minimal.space.wait.as_secs(), 20);
    assert_eq!(minimal.read_back, ReadBack::Auto);
    let loaded = read_lines("diskReserve=500M\ndiskWait=0\nreadBack=Always").unwrap();
    assert_eq!(loaded.settings.space.reserve, Reserve::Bytes(500_000_000));
    assert!(loaded.settings.space.wait.is_zero());
    assert_eq!(loaded.settings.read_back, ReadBack::Always);
    let none = read_lines("diskReserve=0\nreadBack=never").unwrap();
    assert_eq!(none.settings.space.reserve, Reserve::Bytes(0));
    assert_eq!(none.settings.read_back, ReadBack::Never);
}

#[test]
fn an_age_that_a_date_overrides_cannot_make_the_window_empty() {
    let loaded = read_lines("minAge=5\nmaxAge=3\nminDate=2018-01-04\nmaxDate=2018-01-02").unwrap();
    assert_eq!(loaded.warnings.len(), 2);
}

#[test]
fn other_samples_come_to_what_they_say() {
    let third = settings("instances.properties");
    assert_eq!(third.instance, Instance::new(2, 4).unwrap());
    assert_eq!(third.target_dir, Path::new("/opt/rcbs/target-2"));
    let windows = settings("windows.properties");
    assert!(matches!(windows.media, MediaMode::MetadataOnly));
    assert_eq!(windows.target_dir, Path::new("//server_name/path"));
    assert_eq!(
        settings("latin1.properties").target_dir,
        Path::new("/srv/Aufnahmen/Zürich")
    );
}

#[test]
fn metadata_only_neither_needs_nor_reads_keys_of_the_store() {
    let env = Env::of_pairs([
        ("GWS_USERNAME", "backup@acme.com"),
        ("GWS_PASSWORD", "canary"),
        ("AWS_ACCESS_KEY_ID_FILE", "/no/such/file"),
    ]);
    let text = b"gwsUriPrefix=https://example.com/api/v2\nmetadataOnly=true";
    let loaded = read_with(text, &[], &env).unwrap();
    assert!(matches!(loaded.settings.media, MediaMode::MetadataOnly));
}

#[test]
fn options_win_over_the_file_and_paths_count_from_where_they_were_written() {
    let text = b"gwsUriPrefix=https://example.com/api/v2\ntargetDir=a\nmaxAge=x\nstateDir=state";
    let overrides = [
        set("--set", "maxAge", "9"),
        set("--set", "maxAge", "5"),
        set("--target-dir", "targetDir", "b"),
    ];
    let settings = read_with(text, &overrides, &env()).unwrap().settings;
    assert_eq!(window(&settings)[0], "P5D");
    assert_eq!(settings.target_dir, Path::new("/srv/op/b"));
    assert_eq!(settings.state_dir, Path::new("/opt/rcbs/state"));
    let since = [set("--since", "maxDate", "2018-01-02")];
    let settings = read_with(text, &[&since[..], &overrides].concat(), &env())
        .unwrap()
        .settings;
    assert_eq!(window(&settings)[0], "2018-01-02T00:00:00Z");
}

#[test]
fn empty_values_count_as_not_set_and_blanks_at_the_end_do_not_count() {
    let loaded =
        read_lines("minDate=\nmaxDate = \nawsProxyHost=\nmaxAge=3 \ndownloadMode=single\t")
            .unwrap();
    assert_eq!(window(&loaded.settings)[0], "P3D");
    assert_eq!(loaded.settings.connections(), 1);
    let rejected = read("gwsUriPrefix=").unwrap_err();
    assert_eq!(rejected.problems.len(), 1);
}

#[test]
fn a_blank_at_the_end_belongs_to_a_path() {
    let loaded = read_lines("targetDir=/srv/rec ").unwrap();
    assert_eq!(loaded.settings.target_dir, Path::new("/srv/rec "));
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn proxies_may_want_a_login() {
    let env = Env::of_pairs([
        ("GWS_USERNAME", "backup@acme.com"),
        ("GWS_PASSWORD", "canary"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
        ("AWS_PROXY_PASSWORD", "canary-proxy"),
    ]);
    let text = b"gwsUriPrefix=https://example.com\nawsProxyHost=https://proxy\nawsProxyPort=443\nawsProxyUser=backup";
    let settings = read_with(text, &[], &env).unwrap().settings;
    let proxy = full(&settings).http.proxy.as_ref().unwrap();
    assert_eq!(proxy.url.as_str(), "https://proxy/");
    let (user, password) = proxy.login.as_ref().unwrap();
    assert_eq!(
        (user.as_str(), password.expose_secret()),
        ("backup", "canary-proxy")
    );
    assert!(settings.gws.as_ref().unwrap().http.proxy.is_none());
}

#[test]
fn certificates_are_read_for_both_servers_and_for_recipients() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/config/ca.pem");
    let recipients = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/cms/one.cert.pem"
    );
    let lines = format!("caFile={file}\ncertificateFile={recipients}\nencryptionFormat=aes-256");
    let settings = read_lines(&lines).unwrap().settings;
    let pem = std::fs::read(file).unwrap();
    assert_eq!(
        settings.gws.as_ref().unwrap().http.extra_ca_pem.as_ref(),
        Some(&pem)
    );
    assert_eq!(full(&settings).http.extra_ca_pem.as_ref(), Some(&pem));
    assert_eq!(
        settings.plain_media,
        PlainMedia::Encrypt(SealCipher::Aes256)
    );
    assert_eq!(settings.certificates.len(), 1);
    let elliptic = read_lines(&format!("certificateFile={file}")).unwrap_err();
    let told = elliptic.problems[0].to_string();
    assert!(
        told.contains("has no RSA key of 2048 to 8192 bits") && told.contains("CN="),
        "{told}"
    );
    // Where nothing is encrypted, it may be of any kind.
    let lines = format!("certificateFile={file}\nplainMedia=refuse");
    assert_eq!(read_lines(&lines).unwrap().settings.certificates.len(), 1);
    assert_eq!(
        read_lines("plainMedia=Store").unwrap().settings.plain_media,
        PlainMedia::Store
    );
}

#[test]
fn a_file_is_read_from_disk_and_its_folder_is_where_paths_count_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.properties");
    std::fs::write(&file, "gwsUriPrefix=https://example.com/api/v2").unwrap();
    let request = Request {
        file,
        overrides: vec![],
        login: Login::Needed,
    };
    let settings = load(&request, &env(), now()).unwrap().settings;
    assert_eq!(settings.config_dir, folder.path());
    assert_eq!(settings.target_dir, folder.path().join("target"));
    // Nothing was written.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn every_default_of_the_table_is_the_default_in_effect() {
    for info in keys::TABLE.iter() {
        let Some(default) = info.default.filter(|default| !default.starts_with('<')) else {
            continue;
        };
        let line = format!("{}={default}", info.name);
        let explicit = read_lines(&line).unwrap();
        let implicit = read_lines("").unwrap();
        let strip = |loaded: Loaded| {
            let mut settings = loaded.settings;
            settings.effective.clear();
            format!("{settings:?}")
        };
        assert_eq!(strip(explicit), strip(implicit), "{line}");
    }
}

#[test]
fn every_example_of_the_table_is_accepted() {
    let companions = "gwsProxyHost=p\ngwsProxyPort=1\nawsProxyHost=p\nawsProxyPort=1\ntotalRcbsInstances=4\nrcbsInstanceId=0\nmaxDate=2018-01-02\nminDate=2018-01-04";
    let env = Env::of_pairs([
        ("GWS_USERNAME", "u"),
        ("GWS_PASSWORD", "canary"),
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
        ("GWS_PROXY_PASSWORD", "canary"),
        ("AWS_PROXY_PASSWORD", "canary"),
    ]);
    for info in keys::TABLE.iter() {
        let text = format!(
            "gwsUriPrefix=https://example.com/api/v2\n{companions}\n{}",
            info.example
        );
        match read_with(text.as_bytes(), &[], &env) {
            Ok(_) => assert_ne!(info.heritage, keys::Heritage::Later),
            // Examples name files that are not on this machine.
            Err(rejected) if info.name.ends_with("File") || info.name == "manifestKey" => {
                assert!(
                    rejected.problems[0].headline.contains("cannot be read"),
                    "{rejected}"
                );
            }
            Err(rejected) => {
                assert_eq!(info.heritage, keys::Heritage::Later, "{rejected}");
                assert_eq!(rejected.problems.len(), 1);
            }
        }
    }
}

#[test]
fn numbers_of_the_original_program_have_no_limit_of_ours() {
    for (threads, expected) in [("256", 256), ("257", 256), ("4000000000", 256)] {
        let read = read_lines(&format!("numThreads={threads}")).unwrap();
        assert_eq!(
            read.settings.download,
            DownloadMode::Multithread {
                num_threads: expected
            },
            "{threads}"
        );
    }
    assert!(read_lines("numThreads=0").is_err());
    for total in [1, 10_001, 2_147_483_647] {
        let lines = format!("totalRcbsInstances={total}\nrcbsInstanceId={}", total - 1);
        let read = read_lines(&lines).unwrap();
        assert_eq!(
            read.settings.instance,
            Instance::new(total - 1, total).unwrap()
        );
        let lines = format!("totalRcbsInstances={total}\nrcbsInstanceId={total}");
        assert!(read_lines(&lines).is_err(), "{total}");
    }
}

#[test]
fn long_months_decide_whether_ages_leave_a_window() {
    // One month before 9 January is 31 days.
    assert!(read_lines("minAge=30\nmaxAge=P1M").is_ok());
    assert!(read_lines("minAge=31\nmaxAge=P1M").is_err());
    assert_eq!(Span::new().months(1).to_string(), "P1M");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_file_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(rejected) = read_with(&bytes, &[], &env()) {
            prop_assert!(!rejected.problems.is_empty());
        }
    }

    /// Any value of any key is either accepted or told in words; it never panics, and each problem has a remedy.
    #[test]
    fn no_value_makes_it_panic(key in 0..keys::TABLE.len(), value in "\\PC{0,30}") {
        let info = &keys::TABLE[key];
        if let Err(rejected) = read_lines(&format!("{}={value}", info.name)) {
            prop_assert!(!rejected.problems.is_empty());
            for problem in rejected.problems {
                prop_assert!(!problem.headline.is_empty());
                prop_assert!(!problem.to_string().contains(|c: char| c.is_control() && c != '\n'), "a control character is told");
            }
        }
    }
}
