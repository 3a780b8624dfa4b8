//! The command line: what was typed, checked for form only. What it means is [`crate::config`]'s business.

mod decrypt;
mod keys;
mod normalize;
mod report;
mod retry;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub use decrypt::DecryptArgs;
pub use keys::KeysArgs;
pub use normalize::normalize;
use rcbs_core::rate::parse_rate;
use rcbs_core::verify::{ReadData, ReadDataError};
pub use report::ReportArgs;
pub use retry::RetryArgs;

use crate::config::{Login, Override, Request};

const AFTER_HELP: &str = "\
Examples:
  rcbs -config config.properties        as the original program was started
  rcbs backup --config config.properties --json
  rcbs plan --since 2018-01-02 --until 2018-01-04

User and password, keys of the store and passwords of proxies are read from the environment only:
  GWS_USERNAME, GWS_PASSWORD, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, GWS_PROXY_PASSWORD, AWS_PROXY_PASSWORD,
  or the same with _FILE at the end for the path of a private file.

Exit codes: 0 complete, 1 stopped, 2 usage or configuration, 3 some media wait for retry, 4 some media are lost,
5 login refused, 6 target unusable, 7 in use by another, 8 ledger unusable, 9 damage found, 130 and 143 interrupted.";

/// Copies call and screen recordings out of the cloud before it deletes them, and proves that nothing is missing.
#[derive(Debug, Clone, Parser)]
#[command(name = "rcbs", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Fetch everything in the period that is not in the archive yet
    #[command(after_help = "Example:\n  rcbs backup --config config.properties")]
    Backup(BackupArgs),
    /// Show the period, its pieces and what would be fetched; download nothing
    #[command(after_help = "Example:\n  rcbs plan --since 2018-01-02 --until 2018-01-04")]
    Plan(PlanArgs),
    /// Take over an archive that the original program has filled, without downloading it again
    #[command(after_help = "Example:\n  rcbs adopt --config config.properties")]
    Adopt(AdoptArgs),
    /// Prove day by day that nothing is missing: announced, stored, skipped, waiting, lost
    #[command(
        after_help = "Examples:\n  rcbs report                                  every day that is known; asks no server\n  rcbs report --day 2018-02-12 --reconcile     lists the day again and compares\n  rcbs report --since 2018-01-01 --until 2018-02-01 --html > january.html"
    )]
    Report(ReportArgs),
    /// Try again at once what waits, due or not, without listing the period
    #[command(
        after_help = "Examples:\n  rcbs retry                                      everything that waits\n  rcbs retry 01F62DGIBGD8369P7GC362LAES00000G     also what is lost of this recording\n\nEvery backup does so by itself before it lists anything."
    )]
    Retry(RetryArgs),
    /// Show what is stored, verified, waiting, damaged and lost, and what the next backup does
    #[command(
        after_help = "Example:\n  rcbs status --json\n\nExit code 0 only when the proof is complete: 3 something waits or was not listed, 4 some media are lost, 9 damage is known."
    )]
    Status(StatusArgs),
    /// Tell the whole life of one recording
    #[command(after_help = "Example:\n  rcbs explain 01F62DGIBGD8369P7GC362LAES00000G")]
    Explain(ExplainArgs),
    /// Show for which certificates the archive is sealed, and prove that your keys open it
    #[command(
        after_help = "Examples:\n  rcbs keys                                  needs no private key\n  rcbs keys --key private_key.pem --cert certificate.pem"
    )]
    Keys(KeysArgs),
    /// Make clear files of sealed ones with your private key
    #[command(
        after_help = "Examples:\n  rcbs decrypt --key private_key.pem --out clear /archive/2018/02\n  rcbs decrypt --key old.p12 --key new.pem --passphrase-file word 01F62DGIBGD8369P7GC362LAES00000G"
    )]
    Decrypt(DecryptArgs),
    /// Check that the archive is what the ledger says: fast, or every byte; fetch again what is damaged
    #[command(
        after_help = "Examples:\n  rcbs verify                      names, lengths, heads and metadata; asks no server\n  rcbs verify --read-data=1/7      a seventh of all bytes; seven runs read everything\n  rcbs verify --read-data --repair --limit-rate 20M\n  rcbs verify --manifests --public-key site.public.pem"
    )]
    Verify(VerifyArgs),
    /// Check or show the configuration, without asking any server
    #[command(
        subcommand,
        after_help = "Example:\n  rcbs config check --config config.properties"
    )]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  rcbs completions bash > /etc/bash_completion.d/rcbs")]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  rcbs man > rcbs.1")]
    Man,
}

/// What to do with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// List all problems and warnings that a backup would meet, missing secrets included
    #[command(after_help = "Example:\n  rcbs config check --config config.properties")]
    Check(ConfigCheckArgs),
    /// Print every value in effect and where it comes from; secrets only as set or not set
    #[command(after_help = "Example:\n  rcbs config show --set maxAge=30")]
    Show(ConfigCheckArgs),
    /// List all keys with default and form
    #[command(after_help = "Example:\n  rcbs config keys")]
    Keys,
}

/// `rcbs backup`.
#[derive(Debug, Clone, ClapArgs)]
pub struct BackupArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which period.
    #[command(flatten)]
    pub window: WindowArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Show what would be done and download nothing; the same as "rcbs plan"
    #[arg(long)]
    pub dry_run: bool,
}

/// `rcbs plan`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PlanArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which period.
    #[command(flatten)]
    pub window: WindowArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rcbs adopt`.
#[derive(Debug, Clone, ClapArgs)]
pub struct AdoptArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rcbs status`.
#[derive(Debug, Clone, ClapArgs)]
pub struct StatusArgs {
    /// List everything that is missing, not only the first 20 media files; --json always does
    #[arg(long)]
    pub all: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rcbs explain`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ExplainArgs {
    /// Id of the recording
    #[arg(value_name = "ID")]
    pub id: String,
    /// Print replaced metadata instead, 1 for the oldest version
    #[arg(long, value_name = "NUMBER")]
    pub metadata_version: Option<usize>,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `rcbs verify`.
#[derive(Debug, Clone, ClapArgs)]
pub struct VerifyArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// What is verified, and how.
    #[command(flatten)]
    pub how: VerifyHow,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is verified, and how.
#[derive(Debug, Clone, ClapArgs)]
pub struct VerifyHow {
    /// Read every byte, or a part: 2/7 (the second of seven fixed shares), 5% or 10G (at random)
    #[arg(
        long,
        value_name = "PART",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "100%",
        value_parser = read_data
    )]
    pub read_data: Option<ReadData>,
    /// Read again from the beginning what an interrupted run has read already
    #[arg(long)]
    pub restart: bool,
    /// Read at most so many bytes a second: 500K, 20M, 1G
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub limit_rate: Option<u64>,
    /// Move damaged files aside and fetch them, and what is missing, again
    #[arg(long)]
    pub repair: bool,
    /// Prove files, manifests, their chain and signatures by each other; needs no ledger
    #[arg(long, conflicts_with_all = ["read_data", "restart", "repair"])]
    pub manifests: bool,
    /// Check signatures with this public key (PEM) instead of the one that manifestKey belongs to
    #[arg(long, value_name = "FILE", requires = "manifests")]
    pub public_key: Option<PathBuf>,
}

/// `rcbs config check` and `rcbs config show`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ConfigCheckArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which period.
    #[command(flatten)]
    pub window: WindowArgs,
}

/// Which configuration counts.
#[derive(Debug, Clone, ClapArgs)]
pub struct ConfigArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "config.properties")]
    pub config: PathBuf,
    /// The folder to fill, instead of targetDir; counts from the working folder
    #[arg(long, value_name = "FOLDER")]
    pub target_dir: Option<String>,
    /// Set a key, instead of what the file says; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
}

/// Which period counts.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct WindowArgs {
    /// Oldest edge, included: YYYY-MM-DD (midnight GMT) or epoch milliseconds; instead of maxDate
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// Newest edge, not included: the same forms; instead of minDate
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
}

/// How the program speaks.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct OutputArgs {
    /// Print JSON lines instead of text
    #[arg(long)]
    pub json: bool,
    /// Print nothing with exit code 0, except warnings on standard error
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice or three times even more
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Args {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// clap's error, which is also how `--help` and `--version` answer; its exit code is 2 for wrong usage, else 0.
    pub fn parse_argv(argv: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(normalize(argv.into_iter().collect())).map_err(with_tip)
    }

    /// The command line as clap sees it, for completions and the manual page.
    #[must_use]
    pub fn definition() -> clap::Command {
        Self::command()
    }
}

impl ConfigArgs {
    /// What is to be loaded, for a command without a period of its own, which asks no server.
    #[must_use]
    pub fn request_offline(&self) -> Request {
        self.request(&WindowArgs::default(), Login::Optional)
    }

    /// What is to be loaded. Options of their own win over `--set`.
    #[must_use]
    pub fn request(&self, window: &WindowArgs, login: Login) -> Request {
        let set = self.set.iter().map(|(key, value)| Override {
            flag: Override::SET,
            key: key.clone(),
            value: value.clone(),
        });
        let own = [
            ("--target-dir", "targetDir", &self.target_dir),
            ("--since", "maxDate", &window.since),
            ("--until", "minDate", &window.until),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| {
            Some(Override {
                flag,
                key: key.to_owned(),
                value: value.clone()?,
            })
        });
        Request {
            file: self.config.clone(),
            overrides: set.chain(own).collect(),
            login,
        }
    }
}

/// Whoever types a configuration file alone means the manual's way of starting.
fn with_tip(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand)
        && typed.ends_with(".properties")
    {
        let tip = format!("to back up with this file, run \"rcbs -config {typed}\"");
        // What resembles the file's name is no help here.
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    error
}

/// All of it has a name of its own, because it can be resumed.
fn read_data(text: &str) -> Result<ReadData, ReadDataError> {
    match ReadData::parse(text)? {
        ReadData::Percent(percent) if percent >= 100.0 => Ok(ReadData::All),
        part => Ok(part),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    if key.trim().is_empty() {
        return Err("write it as KEY=VALUE");
    }
    Ok((key.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests;
