//! The command line of `rcbs report`.

use clap::Args as ClapArgs;
use jiff::Timestamp;

use super::{ConfigArgs, OutputArgs};
use crate::config::moment;

/// `rcbs report`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReportArgs {
    /// One day in GMT: YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = moment, conflicts_with_all = ["since", "until"])]
    pub day: Option<Timestamp>,
    /// From here on: YYYY-MM-DD (midnight GMT) or epoch milliseconds
    #[arg(long, value_name = "DATE", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Up to here, not included: the same forms
    #[arg(long, value_name = "DATE", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// List the period in the cloud again and compare; needs the login of the API
    #[arg(long)]
    pub reconcile: bool,
    /// Write comma-separated values
    #[arg(long, conflicts_with_all = ["json", "html"])]
    pub csv: bool,
    /// Write a page for a browser, all in one file
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}
