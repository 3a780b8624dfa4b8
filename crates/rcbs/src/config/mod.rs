//! The configuration: what was typed, in file, environment and command line, becomes [`Settings`] or a list of problems.
//!
//! Flags win over the environment, that over the file. The environment holds secrets only, and nothing else does.
//! All problems are found at once; nothing is asked of any server and nothing is written.
//!
//! | step | module |
//! | --- | --- |
//! | bytes to entries | [`properties`] |
//! | names to keys, with their origin | `given`, [`keys`] |
//! | text to values | `duration`, `date`, `address`, `folder`, `pem`, `site_key`, `scalar`; secrets: [`mod@env`] |
//! | values to settings, with limits and relations | `resolve` |

mod address;
mod date;
pub mod document;
mod duration;
pub mod env;
pub mod finding;
mod folder;
mod given;
pub mod keys;
mod pem;
pub mod properties;
mod reader;
mod resolve;
mod scalar;
mod settings;
pub mod site_key;
mod suggest;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use finding::{Finding, Level, Origin};
pub use settings::{DownloadMode, Effective, Held, MediaMode, Settings};

use env::Env;
use folder::Paths;
use reader::{Place, Reader};

/// What the command line says about configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The configuration file, as it was named.
    pub file: PathBuf,
    /// Keys that win over the file; of two for the same key, the later.
    pub overrides: Vec<Override>,
    /// Whether it is a mistake when user, password or a key is missing.
    pub login: Login,
}

/// What a command does with the secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// It talks to the servers: what is missing or unusable is a problem.
    Needed,
    /// It asks no server: what is missing is not mentioned, what is unusable is a warning.
    Optional,
}

/// A key set on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The option, with its dashes: [`Override::SET`], or one of its own such as `--since`.
    pub flag: &'static str,
    /// The key.
    pub key: String,
    /// Its value, as typed.
    pub value: String,
}

impl Override {
    /// The option that sets any key.
    pub const SET: &'static str = "--set";
}

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Everything a command needs.
    pub settings: Settings,
    /// To be said in every run.
    pub warnings: Vec<Finding>,
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// All problems, at least one.
    pub problems: Vec<Finding>,
    /// What would only have been said; it may explain a problem.
    pub warnings: Vec<Finding>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, finding) in self.warnings.iter().chain(&self.problems).enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}

/// A moment as it is written on the command line: a day (midnight GMT), or epoch milliseconds.
///
/// # Errors
/// What is wrong with it, completing a sentence that begins with the text.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    date::parse(text).map_err(|error| {
        let hint = finding::Refusal::hint(&error).unwrap_or_default();
        format!("it {error}; {hint}")
    })
}

/// Reads and understands a configuration.
///
/// `now` is what ages are compared from, because how long a month is depends on it.
///
/// # Errors
/// [`Rejected`] with all problems at once.
pub fn load(request: &Request, env: &Env, now: Timestamp) -> Result<Loaded, Rejected> {
    let name = request.file.display().to_string();
    let read = || {
        let working = std::env::current_dir()?;
        let file = std::path::absolute(&request.file)?;
        let bytes = read_file(&file)?;
        let config = file.parent().unwrap_or(&file).to_owned();
        Ok((
            bytes,
            Place {
                config,
                working,
                paths: Paths::here(),
                zone: TimeZone::try_system().ok(),
            },
        ))
    };
    let (bytes, place) = read().map_err(|error: io::Error| {
        let headline = format!("cannot read the configuration file {name}");
        Rejected {
            problems: vec![
                Finding::error("", headline)
                    .caused_by(error.to_string())
                    .hint("name the file with --config FILE"),
            ],
            warnings: Vec::new(),
        }
    })?;
    understand(&name, &bytes, request, env, &place, now)
}

/// Reads a little more than is allowed, so that the reader of properties can refuse it.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(properties::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn understand(
    name: &str,
    bytes: &[u8],
    request: &Request,
    env: &Env,
    place: &Place,
    now: Timestamp,
) -> Result<Loaded, Rejected> {
    let mut findings = Vec::new();
    let mut given = match properties::parse(bytes) {
        Ok(properties) => given::from_file(name, properties, &mut findings),
        Err(error) => {
            let hint = match error {
                properties::PropertiesError::TooLarge => "name the right file with --config FILE",
                properties::PropertiesError::Utf16 => "save the file as UTF-8",
            };
            let problem =
                Finding::error("", format!("the configuration file {name} {error}")).hint(hint);
            return Err(Rejected {
                problems: vec![problem],
                warnings: findings,
            });
        }
    };
    given::apply_overrides(&mut given, &request.overrides, &mut findings);
    let mut reader = Reader::new(&given, env, request.login, place, findings);
    let settings = resolve::settings(&mut reader, now);
    let (problems, warnings) = reader.finish();
    match settings {
        Some(settings) if problems.is_empty() => Ok(Loaded { settings, warnings }),
        _ => Err(Rejected { problems, warnings }),
    }
}

// Paths in what these tests expect are those of Unix.
#[cfg(test)]
#[cfg(unix)]
mod tests;
