//! Writes `docs/configuration.md` from the table of keys, so that the two cannot drift apart.

use std::fmt::Write;

use super::env::Variable;
use super::keys::{Group, Heritage, KeyInfo, TABLE};
use crate::exit::Exit;

const HEAD: &str = "\
# Configuration

<!-- Generated from the table of keys; do not edit. `UPDATE_DOCS=1 cargo test -p rcbs` writes it anew. -->

One properties file, `config.properties`, in the format of the original program: `key=value`, `key: value` or
`key value`; `#` and `!` begin comments; a backslash escapes (`\\t \\n \\f \\r \\\\ \\u00E4`) and continues a line at its end.
The file is read as UTF-8, or as ISO 8859-1 if it is not UTF-8. (The original read ISO 8859-1 only: a folder name with
letters beyond ASCII that stood there in UTF-8 was another folder.) Blanks at the end of a value are ignored, except in
paths; an empty value counts as not set. Of equal keys the last one counts. Every doubtful line is named in every run.

Options of the command line (`--since`, `--until`, `--target-dir`, `--set KEY=VALUE`) win over the file. `rcbs config check`
lists all problems at once without asking any server; `rcbs config show` prints each value in effect and where it comes from.

An unknown key that resembles a known one is an error; any other unknown key is ignored with a warning. Keys marked
*new* are unknown to the original program.
";

const SECRETS: &str = "\
## Secrets

Secrets are read from the environment, never from the file or the command line. Each variable `X` may be replaced by
`X_FILE`, the path of a file that holds the secret; on Unix nobody but its owner may have access to it (`chmod 600`; files
that systemd's `LoadCredential=` hands over are fine). One line end at its end is dropped. Setting both is an error, and an
empty variable counts as not set. No other variable of the environment is read, proxy variables and `AWS_SESSION_TOKEN`
included; `TZ` is, for the hours of `bandwidthLimit`.
";

const DURATIONS: &str = "\
## Durations and dates

A duration is a whole number in the unit of its key (days; for `overlap` hours), or `P[n]Y[n]M[n]W[n]DT[n]H[n]M[n]S` with
whole numbers, in upper or lower case: `PT30M`, `P30D`, `P2W`, `P6MT12H`, `P1Y2DT4H30M`. Years and months count by the
calendar. A date is `YYYY-MM-DD`, meaning midnight GMT, or epoch milliseconds.
";

/// The text of `docs/configuration.md`.
#[must_use]
pub fn configuration_md() -> String {
    let mut text = String::from(HEAD);
    for group in Group::ALL {
        section(&mut text, group.title());
        for info in TABLE
            .iter()
            .filter(|info| info.group == group && info.heritage != Heritage::Later)
        {
            key(&mut text, info);
        }
    }
    section(&mut text, "Reserved");
    text += "\nThese names are known but do nothing yet, so setting one is an error:";
    let later: Vec<String> = TABLE
        .iter()
        .filter(|info| info.heritage == Heritage::Later)
        .map(|info| format!("`{}`", info.name))
        .collect();
    line(&mut text, format_args!(" {}.\n", later.join(", ")));
    text += DURATIONS;
    text += "\n";
    text += SECRETS;
    text += "\n| variable | meaning |\n| --- | --- |\n";
    for variable in Variable::ALL {
        line(
            &mut text,
            format_args!("| `{}` | {} |", variable.name(), variable.meaning()),
        );
    }
    section(&mut text, "Exit codes");
    text += "\n";
    text += &Exit::table();
    text
}

fn section(text: &mut String, title: &str) {
    line(text, format_args!("\n## {title}"));
}

fn key(text: &mut String, info: &KeyInfo) {
    let new = if info.heritage == Heritage::New {
        " *(new)*"
    } else {
        ""
    };
    let default = info
        .default
        .map_or("none".to_owned(), |default| format!("`{default}`"));
    line(text, format_args!("\n### `{}`{new}\n", info.name));
    line(text, format_args!("{}\n", info.doc));
    line(text, format_args!("- Default: {default}"));
    line(text, format_args!("- Form: {}", info.form));
    if !info.limits.is_empty() {
        line(text, format_args!("- Limits: {}", info.limits));
    }
    line(text, format_args!("- Example: `{}`", info.example));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ok = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

    #[test]
    fn the_document_is_fresh() {
        let text = configuration_md();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PATH, &text).unwrap();
        }
        let written = std::fs::read_to_string(PATH)
            .unwrap_or_default()
            .replace("\r\n", "\n");
        assert!(
            written == text,
            "docs/configuration.md is not what the table of keys says; UPDATE_DOCS=1 cargo test -p rcbs writes it anew"
        );
    }
}
