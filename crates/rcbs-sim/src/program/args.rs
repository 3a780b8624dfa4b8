//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use rcbs_sim::MediaSize;
use rcbs_sim::faults::Fault;
use rcbs_sim::seal::{Cipher, KeyTransport};
use rcbs_sim::server::SimOptions;

/// A pretend recording cloud for tests and rehearsals. Never the real thing: it listens on this machine only, and every
/// answer and every bucket name says that it is pretended.
#[derive(Debug, Parser)]
#[command(name = "rcbs-sim", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a pretend cloud until Ctrl-C, SIGTERM or, if asked for, the end of standard input.
    ///
    /// Example: rcbs-sim serve --recordings 500 --days 3 --write-config rehearsal
    Serve(Box<ServeOptions>),
    /// Seal one file the way the cloud does, into an envelope and a ciphertext.
    ///
    /// Example: rcbs-sim seal --cert customer.pem --in a.mp3 --out-envelope a.p7 --out-ciphertext a.mp3.bin
    Seal(SealOptions),
    /// List the switches for what no public text says about the real server, with their defaults.
    Quirks,
    /// List what may go wrong: the parts of a fault and all effects.
    Faults,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// How many recordings there are, spread over the days.
    #[arg(long, default_value_t = 200)]
    pub(crate) recordings: usize,
    /// Over how many days.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: u16,
    /// The last of these days (UTC), as 2018-02-12; yesterday if not given. Recordings of the future appear in time.
    #[arg(long)]
    pub(crate) last_day: Option<Date>,
    /// The number from which everything follows: the same number gives the same cloud.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Certificate (PEM) of a recipient; may be given several times. A built-in pretend customer if not given.
    #[arg(long = "cert", value_name = "FILE")]
    pub(crate) certificates: Vec<PathBuf>,
    /// Content cipher.
    #[arg(long, value_enum, default_value_t = CipherName::Aes256)]
    pub(crate) cipher: CipherName,
    /// How many of a hundred recordings have a screen file too.
    #[arg(long, default_value_t = 20, value_name = "PERCENT")]
    pub(crate) screens: u64,
    /// How many of a hundred media files the cloud keeps unencrypted.
    #[arg(long, default_value_t = 0, value_name = "PERCENT")]
    pub(crate) unencrypted: u64,
    /// How many hours after the call screen files appear.
    #[arg(long, default_value_t = 0, value_name = "HOURS")]
    pub(crate) screens_late: u32,
    /// How many minutes after the call recordings show up.
    #[arg(long, default_value_t = 0, value_name = "MINUTES")]
    pub(crate) visible_after: u32,
    /// So many further recordings within one second, at noon of the first day.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(crate) burst: usize,
    /// So many further recordings across the first midnight.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(crate) across_midnight: usize,
    /// How large media are: "samples" one can hear and watch, "fixed:BYTES" or "lognormal:MEAN_BYTES".
    #[arg(long, default_value = "samples", value_name = "SIZE")]
    pub(crate) media_bytes: MediaSize,
    /// After how many days the cloud deletes.
    #[arg(long, value_name = "DAYS")]
    pub(crate) retention_days: Option<u32>,
    /// Port of the web API; a free one if 0.
    #[arg(long, default_value_t = 0)]
    pub(crate) api_port: u16,
    /// Port of the store; a free one if 0.
    #[arg(long, default_value_t = 0)]
    pub(crate) s3_port: u16,
    /// `GWS_USERNAME` that is let in.
    #[arg(long, default_value_t = SimOptions::default().user)]
    pub(crate) user: String,
    /// `GWS_PASSWORD` that is let in. Visible to everybody on this machine; it protects nothing.
    #[arg(long, default_value_t = SimOptions::default().password)]
    pub(crate) password: String,
    /// `AWS_ACCESS_KEY_ID` that is let in.
    #[arg(long, default_value_t = SimOptions::default().access_key)]
    pub(crate) access_key: String,
    /// `AWS_SECRET_ACCESS_KEY` that is let in. Visible to everybody on this machine; it protects nothing.
    #[arg(long, default_value_t = SimOptions::default().secret_key)]
    pub(crate) secret_key: String,
    /// Another reading of what the public texts leave open; see "rcbs-sim quirks". May be given several times.
    #[arg(long = "quirk", value_name = "NAME=VALUE")]
    pub(crate) quirks: Vec<String>,
    /// Something that goes wrong, such as "list 2: 503 retry-after=10"; see "rcbs-sim faults". May be given several
    /// times.
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<Fault>,
    /// A JSON file of faults: {"faults": [{"on": "list", "when": "2", "does": "503 retry-after=10"}]}.
    #[arg(long = "faults", value_name = "FILE")]
    pub(crate) fault_file: Option<PathBuf>,
    /// Write this file, with the addresses, once everything is ready.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Write a ready config.properties, env.sh and the keys into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) write_config: Option<PathBuf>,
    /// Write the numbers of requests into this file at the end.
    #[arg(long, value_name = "FILE")]
    pub(crate) stats_file: Option<PathBuf>,
    /// End when standard input ends.
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

/// Options of `seal`.
#[derive(Debug, Args)]
pub(crate) struct SealOptions {
    /// Certificate (PEM) of a recipient; may be given several times.
    #[arg(long = "cert", value_name = "FILE", required = true)]
    pub(crate) certificates: Vec<PathBuf>,
    /// The clear media.
    #[arg(long = "in", value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The detached envelope, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) out_envelope: PathBuf,
    /// The bare ciphertext.
    #[arg(long, value_name = "FILE")]
    pub(crate) out_ciphertext: PathBuf,
    /// Also the whole CMS file, DER.
    #[arg(long, value_name = "FILE")]
    pub(crate) out_complete: Option<PathBuf>,
    /// Content cipher.
    #[arg(long, value_enum, default_value_t = CipherName::Aes256)]
    pub(crate) cipher: CipherName,
    /// How the session key is wrapped.
    #[arg(long, value_enum, default_value_t = TransportName::Pkcs1)]
    pub(crate) transport: TransportName,
    /// The number from which the session key follows. Whoever knows it can open the file.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Names of content ciphers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CipherName {
    /// AES-128-CBC.
    Aes128,
    /// AES-256-CBC.
    Aes256,
}

/// Names of key transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportName {
    /// RSA PKCS#1 v1.5.
    Pkcs1,
    /// RSA-OAEP with SHA-1.
    Oaep,
}

impl From<CipherName> for Cipher {
    fn from(name: CipherName) -> Self {
        match name {
            CipherName::Aes128 => Self::Aes128,
            CipherName::Aes256 => Self::Aes256,
        }
    }
}

impl From<TransportName> for KeyTransport {
    fn from(name: TransportName) -> Self {
        match name {
            TransportName::Pkcs1 => Self::Pkcs1,
            TransportName::Oaep => Self::Oaep,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn quirks_and_faults_may_be_given_several_times() {
        let line = [
            "rcbs-sim",
            "serve",
            "--quirk",
            "links=none",
            "--quirk",
            "order=id",
            "--fault",
            "list 2: 500",
        ];
        let Command::Serve(options) = Arguments::parse_from(line).command else {
            panic!("not serve")
        };
        assert_eq!(options.quirks, ["links=none", "order=id"]);
        assert_eq!(options.faults[0].to_string(), "list 2: 500");
    }
}
