//! The command line of `rcbs keys`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{ConfigArgs, OutputArgs};

/// `rcbs keys`.
#[derive(Debug, Clone, ClapArgs)]
pub struct KeysArgs {
    /// A private key to prove, by opening a file of the archive in memory: PEM, DER, PKCS#12; may be repeated
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// A certificate of one of the keys, where it does not lie in the key's own file; may be repeated
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Vec<PathBuf>,
    /// Read the passphrase of the keys from this private file instead of asking for it
    #[arg(long, value_name = "FILE", requires = "key")]
    pub passphrase_file: Option<PathBuf>,
    /// Open 3DES too, and take RSA keys with a small public exponent
    #[arg(long, requires = "key")]
    pub allow_legacy: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}
