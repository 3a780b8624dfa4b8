//! Exit codes: what the caller of the program learns without reading a word.

use rcbs_core::run::Outcome;

/// How a command ended. The numbers are a contract with operators and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Complete, also when nothing was new.
    Complete = 0,
    /// Could not start or had to stop: server out of reach, internal fault.
    Stopped = 1,
    /// Wrong usage or configuration; nothing was asked of any server.
    Usage = 2,
    /// Finished; some media wait for retry, or for another key.
    Waiting = 3,
    /// Finished; the only gaps are lost for good.
    Lost = 4,
    /// Login refused by the API or by the store.
    Denied = 5,
    /// Target unusable: not writable, full, share gone, or not the archive it should be.
    Target = 6,
    /// Another rcbs is using this target or ledger.
    Busy = 7,
    /// Ledger damaged, or written by a newer version.
    Ledger = 8,
    /// Damage was found that is not mended.
    Damaged = 9,
    /// Interrupted cleanly from the keyboard (SIGINT).
    Interrupted = 130,
    /// Interrupted cleanly by the system (SIGTERM).
    Terminated = 143,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Complete,
        Self::Stopped,
        Self::Usage,
        Self::Waiting,
        Self::Lost,
        Self::Denied,
        Self::Target,
        Self::Busy,
        Self::Ledger,
        Self::Damaged,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The exit code of a run.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::Complete,
            Outcome::Failed => Self::Stopped,
            Outcome::Usage => Self::Usage,
            Outcome::Waiting => Self::Waiting,
            Outcome::Lost => Self::Lost,
            Outcome::Denied => Self::Denied,
            Outcome::Target => Self::Target,
            Outcome::InUse => Self::Busy,
            Outcome::Ledger => Self::Ledger,
            Outcome::Damaged => Self::Damaged,
            Outcome::Interrupted => Self::Interrupted,
        }
    }

    /// What it means, for the documentation.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Complete => "complete (also when nothing was new)",
            Self::Stopped => "could not start or had to stop (unreachable server, internal fault)",
            Self::Usage => {
                "wrong usage or configuration; all problems are listed at once, nothing was asked of any server"
            }
            Self::Waiting => {
                "finished; some media wait for retry or are not in the archive yet, or could not be opened with the keys given"
            }
            Self::Lost => "finished; the only gaps are lost for good",
            Self::Denied => "login refused by the API or by the store",
            Self::Target => {
                "target unusable: not writable, full, share gone, or not the archive it should be"
            }
            Self::Busy => "another rcbs is using this target or ledger",
            Self::Ledger => "ledger damaged, or written by a newer version",
            Self::Damaged => "damage was found that is not mended",
            Self::Interrupted => "interrupted cleanly from the keyboard",
            Self::Terminated => "interrupted cleanly by the system",
        }
    }

    /// All codes as a Markdown table.
    #[must_use]
    pub fn table() -> String {
        let rows = Self::ALL.map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning()));
        format!("| code | meaning |\n| --- | --- |\n{}", rows.concat())
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_frozen() {
        insta::assert_snapshot!(Exit::table());
    }
}
