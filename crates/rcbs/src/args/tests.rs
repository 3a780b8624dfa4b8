//! What can be typed, and what it asks the configuration for.

use super::*;

fn parse(typed: &str) -> Result<Args, clap::Error> {
    Args::parse_argv(typed.split(' ').map(OsString::from))
}

fn backup(typed: &str) -> BackupArgs {
    match parse(typed).unwrap().command {
        Command::Backup(backup) => backup,
        other => panic!("{typed}: {other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Args::definition().debug_assert();
}

#[test]
fn a_backup_can_be_started_as_the_manual_says() {
    assert_eq!(
        backup("rcbs -config new_config.properties").config.config,
        PathBuf::from("new_config.properties")
    );
    assert_eq!(
        backup("rcbs backup").config.config,
        PathBuf::from("config.properties")
    );
    let args = backup("rcbs backup --json --dry-run -vv");
    assert!(args.output.json && args.dry_run && args.output.verbose == 2);
}

#[test]
fn options_become_overrides_and_win_over_set() {
    let args = backup(
        "rcbs backup --since 2018-01-02 --until 2018-01-04 --target-dir rec --set maxDate=1 --set overlap=a=b",
    );
    let request = args.config.request(&args.window, Login::Needed);
    let overrides: Vec<_> = request
        .overrides
        .iter()
        .map(|o| (o.flag, o.key.as_str(), o.value.as_str()))
        .collect();
    assert_eq!(
        overrides,
        [
            ("--set", "maxDate", "1"),
            ("--set", "overlap", "a=b"),
            ("--target-dir", "targetDir", "rec"),
            ("--since", "maxDate", "2018-01-02"),
            ("--until", "minDate", "2018-01-04"),
        ]
    );
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    for (typed, code) in [
        ("rcbs", 2),
        ("rcbs config.properties", 2),
        ("rcbs backup --nonsense", 2),
        ("rcbs backup --set maxAge", 2),
        ("rcbs backup --set =3", 2),
        ("rcbs backup -q -v", 2),
        ("rcbs explain", 2),
        ("rcbs config", 2),
        ("rcbs --help", 0),
        ("rcbs -config c --help", 0),
        ("rcbs --version", 0),
    ] {
        assert_eq!(parse(typed).unwrap_err().exit_code(), code, "{typed}");
    }
}

#[test]
fn the_letters_of_short_options_are_those_that_dashes_are_mended_for() {
    for command in commands(&Args::definition()) {
        for argument in command.get_arguments() {
            let known = |letter| check_dash(&format!("\u{2013}{letter}"), &format!("-{letter}"));
            argument.get_short().into_iter().for_each(known);
            if let Some(long) = argument.get_long() {
                check_dash(&format!("\u{2013}{long}"), &format!("--{long}"));
            }
        }
    }
}

fn check_dash(typed: &str, expected: &str) {
    let rewritten = normalize(vec!["rcbs".into(), "plan".into(), typed.into()]);
    assert_eq!(rewritten[2], expected);
}

#[test]
fn a_lone_configuration_file_is_answered_with_the_way_to_start() {
    let told = parse("rcbs config.properties").unwrap_err().to_string();
    assert!(
        told.contains("tip: to back up with this file, run \"rcbs -config config.properties\""),
        "{told}"
    );
    let told = parse("rcbs /etc/rcbs/my.properties --json")
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("rcbs -config /etc/rcbs/my.properties"),
        "{told}"
    );
    let told = parse("rcbs backpu").unwrap_err().to_string();
    assert!(!told.contains("-config"), "{told}");
}

/// All commands with their commands, outermost first.
fn commands(command: &clap::Command) -> Vec<clap::Command> {
    let inner = command.get_subcommands().flat_map(commands);
    std::iter::once(command.clone()).chain(inner).collect()
}

#[test]
fn every_command_shows_an_example() {
    for command in commands(&Args::definition()) {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(help.contains("Example"), "{}", command.get_name());
    }
}

#[test]
fn every_example_can_be_typed() {
    for command in commands(&Args::definition()) {
        let help = command.get_after_help().unwrap().to_string();
        let lines = help.lines().filter_map(|line| line.strip_prefix("  rcbs "));
        for line in lines {
            let line = line
                .split("   ")
                .next()
                .unwrap()
                .split(" > ")
                .next()
                .unwrap();
            assert!(parse(&format!("rcbs {line}")).is_ok(), "{line}");
        }
    }
}

#[test]
fn no_option_takes_a_secret() {
    for command in commands(&Args::definition()) {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str().to_lowercase();
            for word in ["password", "secret", "token", "user", "login", "access"] {
                assert!(!name.contains(word), "{name}");
            }
        }
    }
    // The general option takes keys only, and no key is a secret: the loader refuses the names of secrets.
}
