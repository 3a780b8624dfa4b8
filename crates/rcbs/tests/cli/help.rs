//! The help of every command.

use crate::support::rcbs::Rcbs;

#[test]
fn every_command_explains_itself() {
    let commands = [
        "",
        "backup",
        "plan",
        "adopt",
        "retry",
        "status",
        "explain",
        "decrypt",
        "keys",
        "verify",
        "config",
        "config check",
        "config show",
        "config keys",
        "completions",
        "man",
    ];
    for command in commands {
        let words = command.split_whitespace().chain(["--help"]);
        let finished = Rcbs::new().args(words).run().expect_code(0);
        assert_eq!(finished.stderr, "", "{command}");
        let name = format!("help_{}", command.replace(' ', "_"));
        insta::assert_snapshot!(name.trim_end_matches('_'), finished.stdout);
    }
}

#[test]
fn without_a_command_the_help_comes_and_nothing_is_done() {
    let finished = Rcbs::new().run().expect_code(2);
    let help = Rcbs::new().args(["--help"]).run().stdout;
    assert_eq!((finished.stdout.as_str(), finished.stderr), ("", help));
}

#[test]
fn a_reader_that_went_away_is_no_reason_to_panic() {
    for args in [
        &["completions", "bash"][..],
        &["man"],
        &["--help"],
        &["config", "keys"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = std::process::Command::new(env!("CARGO_BIN_EXE_rcbs"))
            .args(args)
            .env_clear()
            .stdout(writer)
            .output()
            .unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            (ended.status.code(), told.as_str()),
            (Some(0), ""),
            "{args:?}"
        );
    }
}

#[test]
fn wrong_words_are_told_with_the_right_ones() {
    for (name, args) in [
        ("an_unknown_command", &["backpu"][..]),
        ("an_unknown_option", &["backup", "--jsno"]),
        ("a_set_without_a_value", &["backup", "--set", "maxAge"]),
        ("quiet_and_verbose", &["backup", "-q", "-v"]),
    ] {
        let finished = Rcbs::new().args(args).run().expect_code(2);
        insta::assert_snapshot!(name, finished.stderr);
    }
}
