//! The command line of `rcbs retry`.

use clap::Args as ClapArgs;

use super::{ConfigArgs, OutputArgs};

/// `rcbs retry`.
#[derive(Debug, Clone, ClapArgs)]
pub struct RetryArgs {
    /// Ids of recordings; all that wait without this, but what is lost only where it is named
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}
