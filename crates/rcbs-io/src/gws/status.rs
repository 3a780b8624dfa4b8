//! What HTTP status and `statusCode` mean together (`genesys.md` 2.3).

use std::time::Duration;

use rcbs_core::ports::ApiError;

use super::dialect::Refusal;

/// What a server said instead of giving what was asked for.
#[derive(Debug)]
pub(super) struct Said {
    /// HTTP status.
    pub(super) status: u16,
    /// `statusCode`, where the answer is the API's and has one.
    pub(super) code: Option<i64>,
    /// The server's words, printable and without secrets.
    pub(super) message: String,
    /// `Retry-After`.
    pub(super) retry_after: Option<Duration>,
}

/// An answer without what was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrongly put: another spelling may do.
    Refusal(Refusal),
    /// Anything else.
    Error(ApiError),
}

/// Whether an answer is a success. Everything else goes to [`failure`].
pub(super) fn is_success(status: u16, code: Option<i64>) -> bool {
    (200..300).contains(&status) && matches!(code, None | Some(0))
}

/// What an answer that is no success means. What proxies and gateways say by status comes first; then `statusCode`,
/// which is the API's own and the more exact; then the status.
pub(super) fn failure(said: Said) -> Failure {
    let Said {
        status,
        code,
        message,
        retry_after,
    } = said;
    let refusal = |missing, message| {
        Failure::Refusal(Refusal {
            status,
            missing,
            message,
        })
    };
    Failure::Error(match (status, code) {
        (408, _) => ApiError::Timeout {
            reason: "the server gave up waiting (HTTP 408)".to_owned(),
        },
        (429, _) => ApiError::Throttled { after: retry_after },
        (503, _) if retry_after.is_some() => ApiError::Throttled { after: retry_after },
        (_, Some(1)) => return refusal(true, message),
        (_, Some(2)) => return refusal(false, message),
        (_, Some(3 | 5 | 20)) => ApiError::Denied { status, message },
        (_, Some(6)) => ApiError::NotFound,
        // 7 is "partly successful": the rest may come with the next attempt.
        (_, Some(4 | 7)) => ApiError::Server { status, message },
        (200..300, Some(code)) => ApiError::Server {
            status,
            message: format!("statusCode {code} {message}"),
        },
        (400, _) => return refusal(false, message),
        (401 | 403, _) => ApiError::Denied { status, message },
        // Without the API's own word it may be that of a gateway, or of a path that is none: nothing is lost by it.
        (404, Some(_)) => ApiError::NotFound,
        (500.., _) => ApiError::Server { status, message },
        _ => ApiError::Refused { status, message },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_code_have_one_meaning() {
        for (status, code, retry_s, meaning) in [
            (200, Some(1), None, "missing"),
            (400, Some(2), None, "refusal"),
            (400, None, None, "refusal"),
            (400, Some(0), None, "refusal"),
            (200, Some(3), None, "Denied"),
            (403, Some(5), None, "Denied"),
            (200, Some(20), None, "Denied"),
            (500, Some(20), None, "Denied"),
            (401, None, None, "Denied"),
            (404, None, None, "Refused"),
            (404, Some(0), None, "NotFound"),
            (404, Some(6), None, "NotFound"),
            (200, Some(6), None, "NotFound"),
            (200, Some(4), None, "Server"),
            (200, Some(7), None, "Server"),
            (200, Some(99), None, "Server"),
            (500, Some(4), None, "Server"),
            (502, None, None, "Server"),
            (503, None, None, "Server"),
            (503, None, Some(7), "Throttled"),
            (503, Some(4), Some(7), "Throttled"),
            (429, None, None, "Throttled"),
            (408, None, None, "Timeout"),
            (405, None, None, "Refused"),
        ] {
            let retry_after = retry_s.map(Duration::from_secs);
            let said = Said {
                status,
                code,
                message: "words".to_owned(),
                retry_after,
            };
            let found = match failure(said) {
                Failure::Refusal(Refusal { missing: true, .. }) => "missing".to_owned(),
                Failure::Refusal(_) => "refusal".to_owned(),
                Failure::Error(error) => format!("{error:?}"),
            };
            assert!(found.starts_with(meaning), "{status} {code:?}: {found}");
            assert!(!is_success(status, code));
        }
    }

    #[test]
    fn success_needs_both() {
        for (status, code, success) in [
            (200, None, true),
            (201, Some(0), true),
            (200, Some(7), false),
            (404, Some(0), false),
        ] {
            assert_eq!(is_success(status, code), success);
        }
    }
}
