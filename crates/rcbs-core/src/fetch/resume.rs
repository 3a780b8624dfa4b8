//! After a broken transfer: go on at the next byte, or begin anew?

use crate::failure::FailureClass;
use crate::ports::ETag;

/// What to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// The rest, if the object is still this version.
    Resume {
        /// First byte wanted.
        from: u64,
        /// The version.
        if_match: ETag,
    },
    /// Everything.
    Restart,
}

/// Decides after `received` bytes of the object have been taken in.
///
/// Only a cut transfer of a known version is resumed. A strong entity tag is needed because `If-Match` compares
/// strongly (RFC 9110, 13.1.1); a wrong digest means that what we hold is not to be trusted either.
pub(crate) fn continuation(
    class: FailureClass,
    received: u64,
    etag: Option<&ETag>,
    changed: bool,
) -> Continuation {
    let cut = matches!(
        class,
        FailureClass::Transient | FailureClass::Throttled { .. }
    ) && !changed;
    match etag {
        Some(etag) if cut && received > 0 && !etag.0.starts_with("W/") => Continuation::Resume {
            from: received,
            if_match: etag.clone(),
        },
        _ => Continuation::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cut_transfer_of_a_known_version_is_resumed() {
        let strong = ETag("\"v1\"".into());
        let weak = ETag("W/\"v1\"".into());
        let cut = FailureClass::Transient;
        let resumed = Continuation::Resume {
            from: 70_000,
            if_match: strong.clone(),
        };
        for (name, class, received, etag, changed, expected) in [
            ("cut", cut, 70_000, Some(&strong), false, resumed.clone()),
            (
                "throttled",
                FailureClass::Throttled { after: None },
                70_000,
                Some(&strong),
                false,
                resumed,
            ),
            (
                "nothing received",
                cut,
                0,
                Some(&strong),
                false,
                Continuation::Restart,
            ),
            (
                "no version",
                cut,
                70_000,
                None,
                false,
                Continuation::Restart,
            ),
            (
                "weak version",
                cut,
                70_000,
                Some(&weak),
                false,
                Continuation::Restart,
            ),
            (
                "replaced meanwhile",
                cut,
                70_000,
                Some(&strong),
                true,
                Continuation::Restart,
            ),
            (
                "digest wrong",
                FailureClass::Corrupt,
                70_000,
                Some(&strong),
                false,
                Continuation::Restart,
            ),
        ] {
            assert_eq!(
                continuation(class, received, etag, changed),
                expected,
                "{name}"
            );
        }
    }
}
