//! Tells an outage from single failures.
//!
//! No connection says nothing about what was asked, so any request finds out whether the server is back. A failure of the
//! server, a connection that breaks, or no answer in time may be the fault of what was asked: there something is asked
//! again that was answered before, and if that is answered there is no outage.

use std::time::Duration;

/// So many in a row without an answer in between are an outage, or the suspicion of one. It costs a second, or one
/// request, when it was none.
const STREAK: u32 = 3;
/// The first probe comes after this, each later one after twice the time.
const PROBE_FIRST: Duration = Duration::from_secs(1);
const PROBE_MOST: Duration = Duration::from_secs(30);
/// Who was silent for so long is given up for this run: the next one finds everything as it is.
pub(super) const GIVE_UP: Duration = Duration::from_secs(15 * 60);
/// Who waits while a probe is under way looks again after this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A suspicion that was wrong is not raised again for so long: things that fail for ever shall not cost a request each.
const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// What one request heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Whatever was asked: an answer.
    Answer,
    /// No connection.
    Nobody,
    /// There was a connection, and it broke, or nothing came in time.
    Nothing,
    /// That the server failed.
    Failure,
}

/// The one request that is made in an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// Whatever is to be asked next.
    Next,
    /// Something that was answered before.
    Again,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Ask(Option<Probe>),
    Wait(Duration),
}

/// What who missed an answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It is the failure of what was asked.
    Return,
    /// There is an outage: wait for a turn, and ask again.
    Wait,
    /// There may be one: [`Probe::Again`] at once, which tells.
    Suspect,
}

/// What follows from an answer that was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) then: Then,
    /// An outage begins with it.
    pub(super) is_new: bool,
    /// It has lasted too long.
    pub(super) is_given_up: bool,
}

/// An outage, or the suspicion of one, is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// How long it was; `None` for a suspicion.
    pub(super) lasted: Option<Duration>,
}

/// How often and since when a server has not answered.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// It has answered in this run. Before that it may be the configuration, and nobody shall wait for it.
    is_known: bool,
    gone: Streak,
    failing: Streak,
    /// No suspicion before this.
    trusted_until: Duration,
    outage: Option<Outage>,
}

/// Requests in a row.
#[derive(Debug, Default)]
struct Streak {
    count: u32,
    since: Duration,
}

#[derive(Debug)]
struct Outage {
    since: Duration,
    by: Probe,
    next_probe: Duration,
    wait: Duration,
    is_probing: bool,
    /// Not only suspected.
    is_sure: bool,
}

impl Watch {
    /// Whether to ask now.
    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        match &mut self.outage {
            None => Turn::Ask(None),
            Some(outage) if outage.is_probing => Turn::Wait(LOOK_EVERY),
            Some(outage) if now < outage.next_probe => Turn::Wait(outage.next_probe - now),
            Some(outage) => {
                outage.is_probing = true;
                Turn::Ask(Some(outage.by))
            }
        }
    }

    /// The server answered; says what ended with it.
    pub(super) fn answered(&mut self, now: Duration) -> Option<Ended> {
        self.is_known = true;
        self.gone = Streak::default();
        self.failing = Streak::default();
        let outage = self.outage.take()?;
        if !outage.is_sure {
            self.trusted_until = now + TRUSTED_FOR;
        }
        Some(Ended {
            lasted: outage.is_sure.then(|| now.saturating_sub(outage.since)),
        })
    }

    /// The server failed: there is a connection. Says whether an outage without one ended with it.
    pub(super) fn connected(&mut self, now: Duration) -> Option<Ended> {
        self.is_known = true;
        self.gone = Streak::default();
        let outage = self.outage.take_if(|outage| outage.by == Probe::Next)?;
        Some(Ended {
            lasted: Some(now.saturating_sub(outage.since)),
        })
    }

    /// A request heard something that is no answer; `probe` says which one it was in an outage.
    pub(super) fn missed(
        &mut self,
        heard: Heard,
        probe: Option<Probe>,
        can_ask_again: bool,
        now: Duration,
    ) -> Missed {
        if self.outage.is_some() {
            return self.missed_in_outage(probe, now);
        }
        let is_outage = match heard {
            Heard::Answer => false,
            Heard::Nobody => self.gone.add(now),
            Heard::Failure | Heard::Nothing => {
                let is_streak = self.failing.add(now);
                is_streak && can_ask_again && now >= self.trusted_until
            }
        };
        if !is_outage || !self.is_known {
            return Then::Return.into();
        }
        let is_sure = heard == Heard::Nobody;
        let (streak, by) = if is_sure {
            (&self.gone, Probe::Next)
        } else {
            (&self.failing, Probe::Again)
        };
        self.outage = Some(Outage {
            since: streak.since,
            by,
            next_probe: now + PROBE_FIRST,
            wait: PROBE_FIRST * 2,
            is_probing: !is_sure,
            is_sure,
        });
        Missed {
            is_new: is_sure,
            ..Missed::from(if is_sure { Then::Wait } else { Then::Suspect })
        }
    }

    fn missed_in_outage(&mut self, probe: Option<Probe>, now: Duration) -> Missed {
        let mut missed = Missed::from(Then::Wait);
        if let (Some(outage), Some(_)) = (&mut self.outage, probe) {
            missed.is_new = !outage.is_sure;
            outage.is_sure = true;
            if missed.is_new {
                outage.next_probe = now + PROBE_FIRST;
            } else {
                outage.next_probe = now + outage.wait;
                outage.wait = (outage.wait * 2).min(PROBE_MOST);
            }
            if now.saturating_sub(outage.since) >= GIVE_UP {
                missed.is_given_up = true;
                missed.then = Then::Return;
            }
        }
        missed
    }

    /// A probe ended, with or without an answer. True when nobody needs to wait any more: a suspicion that nobody
    /// follows is none.
    pub(super) fn probe_ended(&mut self) -> bool {
        match &mut self.outage {
            Some(outage) if outage.is_sure => {
                outage.is_probing = false;
                false
            }
            Some(_) => {
                self.outage = None;
                true
            }
            None => false,
        }
    }
}

impl Streak {
    /// One more; whether they are enough.
    fn add(&mut self, now: Duration) -> bool {
        if self.count == 0 {
            self.since = now;
        }
        self.count = self.count.saturating_add(1);
        self.count >= STREAK
    }
}

impl From<Then> for Missed {
    fn from(then: Then) -> Self {
        Self {
            then,
            is_new: false,
            is_given_up: false,
        }
    }
}

#[cfg(test)]
mod tests;
