//! Which moves between the states of a media file are legal.

use crate::ports::EntryState;

/// The name of a state, without what is known in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateName {
    /// [`EntryState::Announced`].
    Announced,
    /// [`EntryState::Publishing`].
    Publishing,
    /// [`EntryState::Verified`].
    Verified,
    /// [`EntryState::Skipped`].
    Skipped,
    /// [`EntryState::Waiting`].
    Waiting,
    /// [`EntryState::Lost`].
    Lost,
}

impl StateName {
    /// All states, in the order a file goes through them.
    pub const ALL: [Self; 6] = [
        Self::Announced,
        Self::Publishing,
        Self::Verified,
        Self::Skipped,
        Self::Waiting,
        Self::Lost,
    ];

    /// The stable name, as it stands in the ledger and in JSON output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Publishing => "publishing",
            Self::Verified => "verified",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Lost => "lost",
        }
    }

    /// The state with this stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing is left to do for a file in this state. The exported checkpoint stops before any other; see
    /// [`exported`](super::checkpoint::exported).
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Verified | Self::Skipped | Self::Lost)
    }
}

impl From<&EntryState> for StateName {
    fn from(state: &EntryState) -> Self {
        match state {
            EntryState::Announced => Self::Announced,
            EntryState::Publishing { .. } => Self::Publishing,
            EntryState::Verified { .. } => Self::Verified,
            EntryState::Skipped { .. } => Self::Skipped,
            EntryState::Waiting { .. } => Self::Waiting,
            EntryState::Lost { .. } => Self::Lost,
        }
    }
}

/// Whether a media file may go from one state to another.
///
/// The rule behind the table: what is known of a file is given up in one way only, by going back to *announced*, so
/// that a verified, skipped or lost file is never changed by a failure of something that was tried meanwhile.
///
/// - *announced* and *waiting* go anywhere; *verified* straight from there is a file that lay in the archive already.
///   *Waiting* goes back to *announced* when the file is announced at another place: what failed there says nothing
///   about here. *Announced* to *announced* would say nothing and is refused.
/// - *publishing* ends as *verified*, or as *waiting* when the target refused the file, or after a crash as *announced*
///   when neither the file nor its staged bytes are there. It cannot become *skipped* or *lost*: the bytes were here.
/// - *verified* is written anew when a file was read and found good again. One that vanished or was damaged is
///   *announced* again; whether the cloud still has it is found out from there. One that a changed pattern no longer
///   wants stays *verified*: it is in the archive.
/// - *skipped* is written anew when another rule skips the file, and *announced* again when no rule does any more.
/// - *lost* is *announced* again when the API announces the file at another place.
#[must_use]
pub fn is_legal(from: StateName, to: StateName) -> bool {
    use StateName::{Announced, Lost, Publishing, Skipped, Verified, Waiting};
    match from {
        Announced => to != Announced,
        Waiting => true,
        Publishing => matches!(to, Verified | Waiting | Announced),
        Verified => matches!(to, Verified | Announced),
        Skipped => matches!(to, Skipped | Announced),
        Lost => to == Announced,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::failure::FailureClass;

    #[test]
    fn the_table_of_legal_moves() {
        // Columns in the order of the rows.
        let table = [
            (StateName::Announced, "- x x x x x"),
            (StateName::Publishing, "x - x - x -"),
            (StateName::Verified, "x - x - - -"),
            (StateName::Skipped, "x - - x - -"),
            (StateName::Waiting, "x x x x x x"),
            (StateName::Lost, "x - - - - -"),
        ];
        for (from, row) in table {
            let moves: Vec<&str> = StateName::ALL
                .into_iter()
                .map(|to| if is_legal(from, to) { "x" } else { "-" })
                .collect();
            assert_eq!(moves.join(" "), row, "from {}", from.as_str());
        }
    }

    #[test]
    fn every_state_can_be_left_and_every_file_can_still_be_verified() {
        for state in StateName::ALL {
            let ways_on = StateName::ALL.into_iter().filter(|to| {
                is_legal(state, *to)
                    && (*to == StateName::Verified || is_legal(*to, StateName::Verified))
            });
            assert!(ways_on.count() > 0, "{}", state.as_str());
        }
    }

    #[test]
    fn names_are_read_back_and_frozen() {
        let names = StateName::ALL.map(StateName::as_str);
        assert_eq!(
            names,
            [
                "announced",
                "publishing",
                "verified",
                "skipped",
                "waiting",
                "lost"
            ]
        );
        for state in StateName::ALL {
            assert_eq!(StateName::parse(state.as_str()), Some(state));
        }
        for name in ["", "Announced", "leased", "lost "] {
            assert_eq!(StateName::parse(name), None);
        }
    }

    #[test]
    fn each_entry_has_the_name_of_its_state() {
        let at = Timestamp::UNIX_EPOCH;
        let entries = [
            EntryState::Announced,
            EntryState::Publishing {
                len_bytes: 1,
                sha256: [0; 32],
                etag: None,
                check: String::new(),
            },
            EntryState::Verified {
                len_bytes: 1,
                sha256: [0; 32],
                etag: None,
                check: String::new(),
                at,
            },
            EntryState::Skipped {
                rule: String::new(),
            },
            EntryState::Waiting {
                class: FailureClass::Transient,
                reason: String::new(),
                next_attempt: at,
            },
            EntryState::Lost {
                reason: String::new(),
                at,
            },
        ];
        assert_eq!(entries.each_ref().map(StateName::from), StateName::ALL);
    }

    #[test]
    fn only_final_states_are_settled() {
        let settled = StateName::ALL.map(StateName::is_settled);
        assert_eq!(settled, [false, false, true, true, false, true]);
    }
}
