//! Rewrites the manual's way of starting the program into ours, before anything is parsed.

use std::ffi::{OsStr, OsString};

/// Options that take the next argument as their value.
const WITH_VALUE: [&str; 5] = ["--config", "--target-dir", "--set", "--since", "--until"];

/// Letters of short options, of which several may stand together. No long option consists of them alone.
const SHORT: [char; 4] = ['h', 'q', 'v', 'V'];

/// Rewrites `-config` to `--config`, the typographic dashes that copying from the manual gives to plain ones, and adds
/// `backup` where a configuration is named but no command.
///
/// ```
/// use rcbs::args::normalize;
/// let argv = ["rcbs", "\u{2013}config", "config.properties"].map(Into::into);
/// assert_eq!(normalize(argv.into()), ["rcbs", "backup", "--config", "config.properties"]);
/// ```
#[must_use]
pub fn normalize(argv: Vec<OsString>) -> Vec<OsString> {
    let mut rewritten = Vec::with_capacity(argv.len() + 1);
    let mut names_config = false;
    let mut names_command = false;
    let mut is_value = false;
    let mut only_values = false;
    for (place, argument) in argv.into_iter().enumerate() {
        if place == 0 || is_value || only_values {
            is_value = false;
            rewritten.push(argument);
            continue;
        }
        let argument = config_option(&argument)
            .or_else(|| plain_dashes(&argument))
            .unwrap_or(argument);
        let text = argument.to_string_lossy();
        names_config |= text == "--config" || text.starts_with("--config=");
        names_command |= !text.starts_with('-');
        only_values = text == "--";
        is_value = WITH_VALUE.contains(&&*text);
        rewritten.push(argument);
    }
    if names_config && !names_command {
        rewritten.insert(1, "backup".into());
    }
    rewritten
}

/// All that looks like a dash, the plain one first.
const DASHES: [char; 7] = [
    '-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}',
];

/// Any option that begins with a typographic dash, with plain ones: one before short options, else two. Editors make
/// one dash of two, so their number says nothing.
fn plain_dashes(argument: &OsStr) -> Option<OsString> {
    let text = argument.to_str()?;
    let name = text.trim_start_matches(DASHES);
    let dashes = &text[..text.len() - name.len()];
    if name.is_empty() || dashes.chars().all(|dash| dash == '-') {
        return None;
    }
    let is_short = name.chars().all(|letter| SHORT.contains(&letter));
    Some(format!("{}{name}", if is_short { "-" } else { "--" }).into())
}

/// The argument with two plain dashes, if it is some writing of `-config` or `-config=FILE`.
fn config_option(argument: &OsStr) -> Option<OsString> {
    let Some(text) = argument.to_str() else {
        return config_with_odd_file(argument);
    };
    let name = text.trim_start_matches(DASHES);
    let has_dash = name.len() < text.len();
    let fits = name == "config" || name.starts_with("config=");
    (has_dash && fits).then(|| format!("--{name}").into())
}

/// `-config=FILE` where the file's name is not UTF-8.
#[cfg(unix)]
fn config_with_odd_file(argument: &OsStr) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    let file = argument.as_bytes().strip_prefix(b"-config=")?;
    let mut option = OsString::from("--config=");
    option.push(OsStr::from_bytes(file));
    Some(option)
}

/// Elsewhere such names cannot be cut safely; the argument stays as it is.
#[cfg(not(unix))]
fn config_with_odd_file(_argument: &OsStr) -> Option<OsString> {
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(typed: &str, expected: &str) {
        let argv = typed.split(' ').map(OsString::from).collect();
        let rewritten = normalize(argv);
        let text: Vec<_> = rewritten
            .iter()
            .map(|argument| argument.to_str().unwrap())
            .collect();
        assert_eq!(text.join(" "), expected, "{typed}");
    }

    #[test]
    fn the_manuals_form_is_a_backup() {
        for typed in [
            "rcbs -config c.properties",
            "rcbs --config c.properties",
            "rcbs \u{2013}config c.properties",
            "rcbs \u{2014}config c.properties",
            "rcbs \u{2013}\u{2013}config c.properties",
            "rcbs backup -config c.properties",
        ] {
            check(typed, "rcbs backup --config c.properties");
        }
        check(
            "rcbs -config=c.properties",
            "rcbs backup --config=c.properties",
        );
        check(
            "rcbs \u{2014}config=c.properties",
            "rcbs backup --config=c.properties",
        );
        check("rcbs --json -config c", "rcbs backup --json --config c");
        check(
            "rcbs -config c --dry-run",
            "rcbs backup --config c --dry-run",
        );
        check(
            "rcbs --since 2018-01-02 -config c",
            "rcbs backup --since 2018-01-02 --config c",
        );
    }

    #[test]
    fn typographic_dashes_work_before_every_option() {
        for dash in ["\u{2013}", "\u{2014}", "\u{2013}\u{2013}", "-\u{2013}"] {
            for (typed, expected) in [
                ("backup Djson", "rcbs backup --json"),
                ("backup Dquiet", "rcbs backup --quiet"),
                ("backup Dq", "rcbs backup -q"),
                ("backup Dvv", "rcbs backup -vv"),
                ("Dhelp", "rcbs --help"),
                ("DV", "rcbs -V"),
                ("plan Dsince 2018-01-02", "rcbs plan --since 2018-01-02"),
                ("plan Dset=maxAge=3", "rcbs plan --set=maxAge=3"),
                ("Dconfig c Djson", "rcbs backup --config c --json"),
                ("backup --set Dx", "rcbs backup --set Dx"),
                ("explain -- Dx", "rcbs explain -- Dx"),
            ] {
                let fill = |text: &str| text.replace('D', dash);
                check(&format!("rcbs {}", fill(typed)), &fill(expected));
            }
        }
        check("rcbs explain \u{2013}", "rcbs explain \u{2013}");
    }

    #[test]
    fn a_command_is_kept_wherever_it_stands() {
        check("rcbs plan \u{2013}config c", "rcbs plan --config c");
        check("rcbs -config c plan", "rcbs --config c plan");
        check(
            "rcbs config check -config c",
            "rcbs config check --config c",
        );
        check("rcbs -config backup", "rcbs backup --config backup");
    }

    #[test]
    fn nothing_else_is_touched() {
        for typed in [
            "rcbs",
            "rcbs --help",
            "rcbs config.properties",
            "rcbs --json",
            "rcbs explain -- -config",
            "rcbs backup --set -config",
            "rcbs -configuration c",
            "rcbs config",
        ] {
            check(typed, typed);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_name_that_is_not_utf_8_survives() {
        use std::os::unix::ffi::OsStrExt;
        let argv = vec!["rcbs".into(), OsStr::from_bytes(b"-config=\xff").to_owned()];
        let rewritten = normalize(argv);
        assert_eq!(rewritten[1], "backup");
        assert_eq!(rewritten[2].as_bytes(), b"--config=\xff");
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(argv in proptest::collection::vec("[-\u{2013}]{0,2}(config|backup|set|x)(=c)?", 0..6)) {
            let argv: Vec<OsString> = std::iter::once("rcbs".into()).chain(argv.into_iter().map(Into::into)).collect();
            let once = normalize(argv);
            prop_assert_eq!(normalize(once.clone()), once);
        }
    }
}
