//! Takes out of a text what differs from run to run.

use regex::Regex;

use crate::stage::Stage;
use crate::support::rcbs::Finished;

/// The text without folders, ports, moments of this run, rates, free space and owners of locks.
pub fn redact(text: &str, stage: &Stage) -> String {
    let folder = stage.folder().to_str().unwrap();
    let text = text.replace(folder, "<folder>");
    let rules = [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        // Moments of the pretend calls stay; they are all in 2018.
        (
            r"20(19|[2-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
            "<time>",
        ),
        (r"id [0-9a-f]{32}", "id <archive>"),
        (r"[\d.]+ [kMGT]?B/s", "<rate>"),
        (r" *[\d.]+ [kMGT]?B(  free)", "   <bytes>$1"),
        (r#""free_bytes":\d+"#, r#""free_bytes":<bytes>"#),
        (r#""reserve_bytes":\d+"#, r#""reserve_bytes":<bytes>"#),
        // How much of a file is read before it turns out to be unencrypted depends on the machine.
        (r#""received_bytes":\d+"#, r#""received_bytes":<bytes>"#),
        (
            r"process \d+ on \S+, since",
            "process <pid> on <host>, since",
        ),
    ];
    rules.iter().fold(text, |text, (pattern, with)| {
        Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *with)
            .into_owned()
    })
}

/// Everything a command said, with its exit code.
pub fn told(finished: &Finished, stage: &Stage) -> String {
    let code = finished
        .code
        .map_or("none".to_owned(), |code| code.to_string());
    format!(
        "{}--- standard error\n{}--- exit code {code}\n",
        redact(&finished.stdout, stage),
        redact(&finished.stderr, stage)
    )
}
