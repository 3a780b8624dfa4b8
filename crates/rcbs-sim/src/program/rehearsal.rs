//! The files with which an operator rehearses: a configuration, the environment, the keys.

use std::path::Path;

use rcbs_sim::server::SimServer;
use rcbs_sim::{Identity, Recipient};

use super::files::{self, FileError};

/// What the files have to say besides the addresses.
#[derive(Debug)]
pub(crate) struct Rehearsal<'a> {
    /// `maxAge` that reaches back to the first recording.
    pub(crate) max_age_days: i64,
    /// The certificates that media are encrypted for; empty for those of the built-in customer.
    pub(crate) recipients: &'a [Recipient],
}

/// Writes `config.properties`, `env.sh` and the certificate, and the private key where it is the built-in one.
pub(crate) fn write(
    folder: &Path,
    server: &SimServer,
    rehearsal: &Rehearsal<'_>,
) -> Result<(), FileError> {
    files::create_folder(folder)?;
    let folder = folder.canonicalize().map_err(|source| FileError::Read {
        path: folder.to_owned(),
        source,
    })?;
    let customer = Identity::shared(0);
    if rehearsal.recipients.is_empty() {
        files::write(&folder.join("customer.cert.pem"), &customer.certificate_pem)?;
        files::write_private(&folder.join("customer.key.pem"), &customer.private_key_pem)?;
    } else {
        let all: String = rehearsal.recipients.iter().map(Recipient::pem).collect();
        files::write(&folder.join("customer.cert.pem"), all)?;
    }
    files::write(
        &folder.join("config.properties"),
        properties(&folder, server, rehearsal),
    )?;
    files::write_private(&folder.join("env.sh"), &environment(server))
}

fn properties(folder: &Path, server: &SimServer, rehearsal: &Rehearsal<'_>) -> String {
    format!(
        "# Leads to a pretend cloud (rcbs-sim). For rehearsals only.\n\
         {}targetDir={}\n\
         certificateFile={}\n\
         maxAge={}\n",
        server.config_lines(),
        property(&folder.join("target")),
        property(&folder.join("customer.cert.pem")),
        rehearsal.max_age_days,
    )
}

/// A path as a value of a properties file: forward slashes, as the manual wants them.
fn property(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn environment(server: &SimServer) -> String {
    let lines = server
        .environment()
        .map(|(name, value)| format!("export {name}={}\n", quoted(&value)));
    format!(
        "# The logins of a pretend cloud (rcbs-sim). Use: . ./env.sh\n{}",
        lines.concat()
    )
}

/// A value for a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}
