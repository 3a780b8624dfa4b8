//! `rcbs-sim serve`: builds the cloud, serves it, and says at the end what was asked.

use std::error::Error;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rcbs_sim::faults::Faults;
use rcbs_sim::quirks::Quirks;
use rcbs_sim::server::{SimOptions, SimServer};
use rcbs_sim::{Cloud, Recipient};
use serde_json::json;

use super::args::ServeOptions;
use super::rehearsal::{self, Rehearsal};
use super::{files, say};

/// The file of counts is never older than this.
const STATS_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn run(options: &ServeOptions) -> Result<(), Box<dyn Error>> {
    let quirks = Quirks::from_settings(options.quirks.iter().map(String::as_str))?;
    let faults = match &options.fault_file {
        Some(path) => Faults::from_file(path)?,
        None => Faults::none(),
    };
    options
        .faults
        .iter()
        .for_each(|fault| faults.add(fault.clone()));
    let recipients = files::recipients(&options.certificates)?;
    let days = days(options, Timestamp::now())?;
    let cloud = cloud(options, &days, recipients.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let server = SimServer::start_with(cloud, quirks, faults, logins(options)).await?;
        if let Some(folder) = &options.write_config {
            let rehearsal = Rehearsal {
                max_age_days: days.max_age_days,
                recipients: &recipients,
            };
            rehearsal::write(folder, &server, &rehearsal)?;
        }
        // Whoever is told that everything is ready may read the files and send a signal at once: both come first.
        let end = End::listen()?;
        let ready = ready_line(&server, &days);
        if let Some(path) = &options.ready_file {
            files::write_whole(path, &format!("{ready}\n"))?;
        }
        say(&ready)?;
        let end = end.wait(options.until_stdin_closes);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                () = tokio::time::sleep(STATS_EVERY) => write_stats(options, &server)?,
            }
        }
        write_stats(options, &server)?;
        say(&stats(&server)?)?;
        Ok(())
    });
    // A thread that still waits for standard input, and connections that hang on purpose, do not hold up the end.
    runtime.shutdown_background();
    outcome
}

fn stats(server: &SimServer) -> serde_json::Result<String> {
    serde_json::to_string(&server.requests().counts())
}

/// The counts so far, for whoever watches them while the cloud is up.
fn write_stats(options: &ServeOptions, server: &SimServer) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &options.stats_file {
        files::write_whole(path, &format!("{}\n", stats(server)?))?;
    }
    Ok(())
}

/// The days that the recordings are spread over.
#[derive(Debug, PartialEq, Eq)]
struct Days {
    all: Vec<Date>,
    /// How many days before now the first one began, rounded up.
    max_age_days: i64,
}

fn days(options: &ServeOptions, now: Timestamp) -> Result<Days, jiff::Error> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let last = match options.last_day {
        Some(day) => day,
        None => today.yesterday()?,
    };
    let first = last.checked_sub((i64::from(options.days) - 1).days())?;
    let max_age_days = i64::from(first.until(today)?.get_days()) + 1;
    let all = first
        .series(1.day())
        .take(usize::from(options.days))
        .collect();
    Ok(Days {
        all,
        max_age_days: max_age_days.max(1),
    })
}

fn cloud(options: &ServeOptions, days: &Days, recipients: Vec<Recipient>) -> Cloud {
    let mut cloud = Cloud::new(options.seed)
        .encrypted_for(recipients)
        .encrypted_with(options.cipher.into())
        .showing_after(SignedDuration::from_mins(i64::from(options.visible_after)))
        .with_media_size(options.media_bytes)
        .with_screens(options.screens)
        .with_plain(options.unencrypted);
    cloud.screens_late_by = SignedDuration::from_hours(i64::from(options.screens_late));
    cloud.retention = options
        .retention_days
        .map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    for (number, day) in days.all.iter().enumerate() {
        let begun = options.recordings * number / days.all.len();
        let ended = options.recordings * (number + 1) / days.all.len();
        cloud = cloud.fill(*day, ended - begun);
    }
    let Some(first) = days.all.first() else {
        return cloud;
    };
    if let Ok(noon) = first.at(12, 0, 0, 0).to_zoned(TimeZone::UTC) {
        cloud = cloud.burst(noon.timestamp(), options.burst);
    }
    cloud.across_midnight(*first, options.across_midnight)
}

fn logins(options: &ServeOptions) -> SimOptions {
    SimOptions {
        user: options.user.clone(),
        password: options.password.clone(),
        access_key: options.access_key.clone(),
        secret_key: options.secret_key.clone(),
        api_port: options.api_port,
        s3_port: options.s3_port,
    }
}

/// One line of JSON for whoever started the program.
fn ready_line(server: &SimServer, days: &Days) -> String {
    let (recordings, media, clear_bytes) = server.cloud().read(|cloud| {
        let media = || {
            cloud
                .recordings()
                .iter()
                .flat_map(|recording| &recording.media)
        };
        let clear_bytes: u64 = media().map(|media| media.content.len_bytes()).sum();
        (cloud.recordings().len(), media().count(), clear_bytes)
    });
    json!({
        "api_url": server.api_url,
        "s3_url": server.s3_url,
        "recordings": recordings,
        "media": media,
        "clear_bytes": clear_bytes,
        "first_day": days.all.first().map(Date::to_string),
        "last_day": days.all.last().map(Date::to_string),
    })
    .to_string()
}

/// The signals that end the program.
#[cfg(unix)]
struct End {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl End {
    /// From now on the signals are noticed.
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for Ctrl-C, SIGTERM or the end of standard input.
    async fn wait(mut self, until_stdin_closes: bool) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = stdin_closed(), if until_stdin_closes => {}
        }
    }
}

/// What ends the program where there are no signals.
#[cfg(windows)]
struct End(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl End {
    /// From now on Ctrl-C is noticed.
    fn listen() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for Ctrl-C or the end of standard input.
    async fn wait(mut self, until_stdin_closes: bool) {
        tokio::select! {
            _ = self.0.recv() => {}
            () = stdin_closed(), if until_stdin_closes => {}
        }
    }
}

/// Waits for the end of standard input on a thread of its own, as reading it blocks.
async fn stdin_closed() {
    let (closed, wait) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // An input that cannot be read has ended as well.
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).ok();
        drop(closed);
    });
    // The sender is dropped without a word; that is the sign.
    wait.await.ok();
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::program::args::{Arguments, Command};

    fn options(line: &str) -> Box<ServeOptions> {
        let words = ["rcbs-sim", "serve"]
            .into_iter()
            .chain(line.split_whitespace());
        match Arguments::parse_from(words).command {
            Command::Serve(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_days_end_yesterday_or_when_asked() {
        let now = "2018-02-15T09:00:00Z".parse().unwrap();
        for (line, expected, max_age_days) in [
            ("--days 2", ["2018-02-13", "2018-02-14"], 3),
            (
                "--days 2 --last-day 2018-02-02",
                ["2018-02-01", "2018-02-02"],
                15,
            ),
            (
                "--days 2 --last-day 2018-02-16",
                ["2018-02-15", "2018-02-16"],
                1,
            ),
        ] {
            let days = days(&options(line), now).unwrap();
            let texts: Vec<String> = days.all.iter().map(Date::to_string).collect();
            assert_eq!(
                (texts, days.max_age_days),
                (expected.map(str::to_owned).to_vec(), max_age_days),
                "{line}"
            );
        }
    }

    #[test]
    fn as_many_recordings_as_asked_for_over_all_days() {
        let options = options(
            "--recordings 100 --days 7 --last-day 2018-02-12 --burst 150 --across-midnight 5",
        );
        let days = days(&options, "2018-02-15T09:00:00Z".parse().unwrap()).unwrap();
        let cloud = cloud(&options, &days, Vec::new());
        assert_eq!(cloud.recordings().len(), 255);
        let first: Timestamp = "2018-02-06T00:00:00Z".parse().unwrap();
        assert!(
            cloud
                .recordings()
                .iter()
                .all(|recording| recording.start >= first)
        );
    }
}
