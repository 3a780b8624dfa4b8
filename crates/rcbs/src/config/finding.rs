//! What is wrong or doubtful about a configuration, and where it stands: one form for errors and warnings.

use std::fmt;
use std::path::PathBuf;

use rcbs_core::text::escaped;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File {
        /// The file as it was named on the command line.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: &'static str,
    },
    /// A private file that an environment variable names.
    SecretFile {
        /// Name of the variable, ending in `_FILE`.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// A command-line option.
    Flag {
        /// With its dashes.
        flag: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{} line {line}", escaped(name)),
            Self::Environment { .. } => f.write_str("environment"),
            Self::SecretFile { variable, path } => {
                write!(f, "{variable}: {}", escaped(&path.to_string_lossy()))
            }
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

impl Origin {
    /// The origin as a part of a sentence: `in config.properties line 4`, `given with --set`.
    pub(super) fn phrase(&self) -> String {
        match self {
            Self::Default => "by default".to_owned(),
            Self::Flag { flag } => format!("given with {flag}"),
            Self::File { .. } | Self::Environment { .. } | Self::SecretFile { .. } => {
                format!("in {self}")
            }
        }
    }
}

/// Whether a finding stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing is started.
    Error,
    /// Said in every run.
    Warning,
}

/// One thing that is wrong or doubtful. Never holds a secret.
///
/// Displayed as `error: <headline>`, a line `  caused by: …` where there is a cause, and a line `hint: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Error or warning.
    pub level: Level,
    /// The key, variable or option it is about, as the operator writes it; empty for the file as a whole.
    pub key: String,
    /// Where it stands; `None` when it stands nowhere.
    pub origin: Option<Origin>,
    /// The value as the operator wrote it; `None` when there is none or when it may hold a secret.
    pub value: Option<String>,
    /// What is wrong, with key, value and origin.
    pub headline: String,
    /// More about it, where the headline has no room.
    pub cause: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{level}: {}", self.headline)?;
        if let Some(cause) = &self.cause {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Finding {
    /// An error about a thing that stands nowhere, or as a whole.
    #[must_use]
    pub fn error(key: &str, headline: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            key: key.to_owned(),
            origin: None,
            value: None,
            headline: headline.into(),
            cause: None,
            hint: None,
        }
    }

    /// A warning of the same form.
    #[must_use]
    pub fn warning(key: &str, headline: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::error(key, headline)
        }
    }

    pub(super) fn at(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    pub(super) fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why a value is refused. The text completes the sentence that begins with key, value and origin.
pub(super) trait Refusal: fmt::Display {
    /// One thing to do, in the imperative.
    fn hint(&self) -> Option<String> {
        None
    }
}
