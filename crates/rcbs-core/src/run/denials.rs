//! Tells one refused object from a refused login.

/// So many refusals in a row, with nothing given in between, are a login problem.
///
/// S3 also says 403 for a missing key when the account may not list the bucket, so a few are the objects' own problem.
const STREAK: u32 = 5;
/// After something has worked in this run, a longer row is needed: keys rarely die in mid-run, permissions of a
/// group of objects differ more often.
const STREAK_AFTER_SUCCESS: u32 = 20;

/// Codes that say that the key itself is refused, whatever the object.
const KEY_CODES: [&str; 6] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AccountProblem",
    "NotSignedUp",
];

/// What has been refused and given so far.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    streak: u32,
    refused: u64,
    given: u64,
}

impl Denials {
    /// An object was given.
    pub(crate) fn given(&mut self) {
        self.streak = 0;
        self.given += 1;
    }

    /// An object was refused with this code. True when the login is the problem, so that going on would only burn
    /// one attempt after another. One that was refused in an earlier run already (`again`) says nothing new: it does
    /// not add to the row, so that it cannot keep newer objects from being tried.
    pub(crate) fn refused(&mut self, code: &str, again: bool) -> bool {
        self.streak += u32::from(!again);
        self.refused += 1;
        let bound = if self.given == 0 {
            STREAK
        } else {
            STREAK_AFTER_SUCCESS
        };
        KEY_CODES.contains(&code) || self.streak >= bound
    }

    /// At the end of a run: everything that was asked for was refused. A few that were refused before are what is left
    /// when all others are here, and say nothing of the login.
    pub(crate) fn nothing_was_given(&self) -> bool {
        self.given == 0 && (self.streak > 0 || self.refused >= u64::from(STREAK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refused_object_among_good_ones_is_its_own_problem() {
        let mut denials = Denials::default();
        assert!(!denials.refused("AccessDenied", false));
        denials.given();
        assert!(!denials.refused("AccessDenied", false));
        assert!(!denials.nothing_was_given());
    }

    #[test]
    fn a_row_of_refusals_is_a_login_problem() {
        let mut denials = Denials::default();
        let verdicts: Vec<bool> = (0..5)
            .map(|_| denials.refused("AccessDenied", false))
            .collect();
        assert_eq!(verdicts, [false, false, false, false, true]);
        assert!(denials.nothing_was_given());
    }

    #[test]
    fn the_few_that_are_always_refused_are_no_refused_login() {
        let mut denials = Denials::default();
        for _ in 0..4 {
            assert!(!denials.refused("AccessDenied", true));
            assert!(!denials.nothing_was_given());
        }
        assert!(!denials.refused("AccessDenied", true));
        assert!(denials.nothing_was_given(), "all of many");
    }

    #[test]
    fn after_a_success_the_row_must_be_longer() {
        let mut denials = Denials::default();
        denials.given();
        assert!((0..19).all(|_| !denials.refused("AccessDenied", false)));
        assert!(denials.refused("AccessDenied", false));
    }

    #[test]
    fn objects_that_were_refused_before_keep_no_other_from_being_tried() {
        let mut denials = Denials::default();
        assert!((0..100).all(|_| !denials.refused("AccessDenied", true)));
        assert!(denials.nothing_was_given());
    }

    #[test]
    fn a_refused_key_stops_at_once() {
        for code in KEY_CODES {
            assert!(Denials::default().refused(code, true), "{code}");
        }
    }
}
