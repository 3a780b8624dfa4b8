//! The command line of `rcbs decrypt`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{ConfigArgs, OutputArgs};

/// `rcbs decrypt`.
#[derive(Debug, Clone, ClapArgs)]
pub struct DecryptArgs {
    /// A private key: PEM, DER, PKCS#8 also encrypted, PKCS#12; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    pub key: Vec<PathBuf>,
    /// A certificate of one of the keys, where it does not lie in the key's own file; may be repeated
    #[arg(long, value_name = "FILE")]
    pub cert: Vec<PathBuf>,
    /// Put the clear files below this folder, in the same folders, instead of beside the sealed ones
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Read the passphrase of the keys from this private file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Try every key, also those that no recipient names
    #[arg(long)]
    pub try_all: bool,
    /// Open 3DES too, and take RSA keys with a small public exponent
    #[arg(long)]
    pub allow_legacy: bool,
    /// Keep clear bytes that do not look like media, with ".suspect" behind their name
    #[arg(long)]
    pub keep_suspect: bool,
    /// Files at the same time; as many as there are processors, at most 8, without this
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,
    /// Sealed files, folders of them, or ids of recordings in the archive of the configuration
    #[arg(value_name = "PATH|ID", required = true)]
    pub what: Vec<PathBuf>,
    /// Which configuration; read only where an id is given.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How to speak.
    #[command(flatten)]
    pub output: OutputArgs,
}
