//! From an error of the system to the closed set of the port.

use std::io::{Error, ErrorKind};

use rcbs_core::ports::TargetError;

use super::system;

/// The error of the port for an error of the system; `action` is the verb, `path` what it was done to.
pub(super) fn failed(action: &'static str, path: String, error: &Error) -> TargetError {
    if system::is_not_plain(error) {
        return TargetError::NotPlain { path };
    }
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => TargetError::Full { path },
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => TargetError::Denied {
            path,
            reason: error.to_string(),
        },
        ErrorKind::StaleNetworkFileHandle | ErrorKind::NotConnected => TargetError::Disconnected {
            path,
            reason: error.to_string(),
        },
        _ => TargetError::Io {
            action,
            path,
            reason: error.to_string(),
        },
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_error_of_the_system_becomes_the_one_an_operator_can_act_on() {
        let cases = [
            (Errno::NOSPC, "no space left at d/f"),
            (Errno::DQUOT, "no space left at d/f"),
            (
                Errno::ACCESS,
                "no permission for d/f: Permission denied (os error 13)",
            ),
            (
                Errno::PERM,
                "no permission for d/f: Operation not permitted (os error 1)",
            ),
            (
                Errno::ROFS,
                "no permission for d/f: Read-only file system (os error 30)",
            ),
            (
                Errno::STALE,
                "the disk or share of d/f is lost: Stale file handle (os error 116)",
            ),
            (
                Errno::NOTCONN,
                "the disk or share of d/f is lost: Transport endpoint is not connected (os error 107)",
            ),
            (Errno::LOOP, "d/f is not a plain folder or file"),
            (Errno::NOTDIR, "d/f is not a plain folder or file"),
            (Errno::ISDIR, "d/f is not a plain folder or file"),
            (Errno::IO, "write d/f: Input/output error (os error 5)"),
        ];
        for (errno, wanted) in cases {
            let error = failed("write", "d/f".to_owned(), &Error::from(errno));
            assert_eq!(error.to_string(), wanted);
        }
    }
}
