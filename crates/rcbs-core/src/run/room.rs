//! Keeps a run within the space of the target: nothing is begun that would not leave the reserve free, and a full disk is
//! waited for, with one file that tries now and then, until there is space again or enough has been waited.
//!
//! What is free is measured now and then, not for each file; what was begun since is counted on top.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::RunError;
use super::halt::Halt;
use crate::event::{Event, Events};
use crate::ports::{Clock, DiskSpace, Target, TargetError};
use crate::space::{SpaceRules, Stored};

/// Where nobody tells, there is space until writing shows that there is none.
const UNTOLD: DiskSpace = DiskSpace {
    free_bytes: u64::MAX,
    total_bytes: 0,
};
/// A measurement counts for so long.
const FRESH: Duration = Duration::from_secs(1);
/// The first look comes after this, each later one after twice the time.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_MOST: Duration = Duration::from_secs(30);
/// So many files in a row show that there is space, even if none of them is as long as the one that did not fit.
const ENOUGH_WRITTEN: u32 = 8;
/// Who waits for others looks again after this.
const OTHERS_EVERY: Duration = Duration::from_secs(1);

/// The space of the target, shared by all that write.
pub(crate) struct Room {
    rules: SpaceRules,
    target: Arc<dyn Target>,
    clock: Arc<dyn Clock>,
    events: Arc<Events>,
    halt: Arc<Halt>,
    state: Mutex<State>,
    /// Something ended, or there is space again.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    measured: Option<Measured>,
    under_way: u64,
    under_way_bytes: u64,
    /// What earlier runs stored.
    stored_before: Stored,
    pause: Option<Pause>,
    given_up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    disk: DiskSpace,
    at: Duration,
    /// What was under way then, and all that was begun since: an upper bound of what is gone by now.
    spoken_for_bytes: u64,
}

#[derive(Debug)]
struct Pause {
    since: Duration,
    next_look: Duration,
    wait: Duration,
    /// One file tries whether there is space.
    trying: bool,
    /// What did not fit; that something smaller does proves little.
    blocked_bytes: u64,
    /// Files that were written since something did not fit.
    written: u32,
    /// What the disk said; `None` when it is the reserve that is kept.
    full: Option<TargetError>,
    /// What was measured when it began.
    disk: DiskSpace,
}

enum Turn {
    Go { tries: bool },
    Measure,
    Wait(Duration),
    GivenUp,
}

/// The right to write one file of a certain length; ends when dropped.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    room: &'a Room,
    bytes: u64,
    tries: bool,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Room").field(&self.rules).finish()
    }
}

impl Room {
    pub(crate) fn new(
        rules: SpaceRules,
        target: Arc<dyn Target>,
        clock: Arc<dyn Clock>,
        events: Arc<Events>,
        halt: Arc<Halt>,
    ) -> Self {
        Self {
            rules,
            target,
            clock,
            events,
            halt,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(crate) fn rules(&self) -> SpaceRules {
        self.rules
    }

    /// What earlier runs stored.
    pub(crate) fn stored_before(&self, stored: Stored) {
        self.state().stored_before = stored;
    }

    /// What is stored by now.
    pub(crate) fn stored(&self) -> Stored {
        let before = self.state().stored_before;
        let summary = self.events.summary();
        Stored {
            files: before.files.saturating_add(summary.fetched),
            bytes: before.bytes.saturating_add(summary.received_bytes),
        }
    }

    /// The space that there was a moment ago; `None` where the file system does not tell.
    pub(crate) async fn disk_space_lately(&self) -> Option<DiskSpace> {
        let fresh = self.fresh(&self.state());
        let disk = match fresh {
            Some(measured) => measured.disk,
            None => self.measure().await,
        };
        (disk != UNTOLD).then_some(disk)
    }

    /// Waits until a file fits; `None` when enough has been waited and the run is stopped. `told_bytes` is its length
    /// as far as it is known. May be dropped at any moment.
    pub(crate) async fn enter(&self, told_bytes: Option<u64>) -> Option<Pass<'_>> {
        let bytes = self.stored().expected_bytes(told_bytes);
        loop {
            // Made before the look, so that a change in between is not missed.
            let changed = self.changed.notified();
            match self.turn(bytes) {
                Turn::Go { tries } => {
                    return Some(Pass {
                        room: self,
                        bytes,
                        tries,
                    });
                }
                Turn::GivenUp => return None,
                Turn::Measure => {
                    self.measure().await;
                }
                Turn::Wait(wait) => {
                    tokio::select! {
                        () = changed => {}
                        () = self.clock.sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// Whether a file of this length would fit now, beside what is under way.
    pub(crate) async fn fits(&self, bytes: u64) -> bool {
        let disk = self.measure().await;
        let state = self.state();
        let is_calm = state.pause.is_none() && !state.given_up;
        is_calm && self.rules.fits(disk, state.under_way_bytes, bytes)
    }

    fn turn(&self, bytes: u64) -> Turn {
        let now = self.clock.elapsed();
        let mut state = self.state();
        if state.given_up {
            return Turn::GivenUp;
        }
        let blocked_bytes = state.pause.as_ref().map_or(0, |pause| pause.blocked_bytes);
        let fitting_bytes = bytes.max(blocked_bytes);
        match &state.pause {
            Some(pause) if pause.trying => return Turn::Wait(OTHERS_EVERY),
            Some(pause) if now < pause.next_look => return Turn::Wait(pause.next_look - now),
            _ => {}
        }
        let Some(measured) = self.fresh(&state) else {
            return Turn::Measure;
        };
        let spoken_for_bytes = measured.spoken_for_bytes;
        if self
            .rules
            .fits(measured.disk, spoken_for_bytes, fitting_bytes)
        {
            return Turn::Go {
                tries: state.begin(bytes),
            };
        }
        state.measured = None;
        if measured.spoken_for_bytes > 0 && state.under_way == 0 {
            // What was spoken for is written by now, and may have been shorter.
            Turn::Measure
        } else if state.pause.is_some() {
            self.look_again(&mut state, now, bytes)
        } else if state.under_way > 0 {
            Turn::Wait(OTHERS_EVERY)
        } else {
            self.pause(state, now, None, bytes, measured.disk);
            Turn::Wait(Duration::ZERO)
        }
    }

    /// The last measurement, as long as it counts.
    fn fresh(&self, state: &State) -> Option<Measured> {
        let now = self.clock.elapsed();
        let fresh = |measured: &Measured| now.saturating_sub(measured.at) < FRESH;
        state.measured.filter(fresh)
    }

    async fn measure(&self) -> DiskSpace {
        // Where nobody tells, only writing shows whether there is space.
        let disk = self.target.disk_space().await.unwrap_or(UNTOLD);
        let at = self.clock.elapsed();
        let mut state = self.state();
        state.measured = Some(Measured {
            disk,
            at,
            spoken_for_bytes: state.under_way_bytes,
        });
        disk
    }

    /// There was no space at this look either.
    fn look_again(&self, state: &mut State, now: Duration, bytes: u64) -> Turn {
        let Some(pause) = &mut state.pause else {
            return Turn::Measure;
        };
        pause.trying = false;
        pause.written = 0;
        // The last look comes when enough has been waited, and not later.
        let end = pause.since + self.rules.wait;
        if now < end {
            pause.next_look = (now + pause.wait).min(end);
            pause.wait = (pause.wait * 2).min(LOOK_MOST);
            return Turn::Wait(pause.next_look - now);
        }
        let (full, disk) = (pause.full.clone(), pause.disk);
        self.give_up(state, full, bytes, disk);
        Turn::GivenUp
    }

    fn give_up(&self, state: &mut State, full: Option<TargetError>, bytes: u64, disk: DiskSpace) {
        state.given_up = true;
        self.halt.stop(match full {
            Some(error) => RunError::Target(error),
            None => RunError::NoRoom {
                needed_bytes: bytes,
                reserve_bytes: self.rules.reserve.bytes(disk),
            },
        });
        self.changed.notify_waiters();
    }

    fn pause(
        &self,
        mut state: MutexGuard<'_, State>,
        now: Duration,
        full: Option<TargetError>,
        bytes: u64,
        disk: DiskSpace,
    ) {
        if self.rules.wait.is_zero() {
            return self.give_up(&mut state, full, bytes, disk);
        }
        let begun = Event::NoSpace {
            needed_bytes: bytes,
            free_bytes: told(disk),
            reserve_bytes: self.rules.reserve.bytes(disk),
            full: full.as_ref().map(ToString::to_string),
            wait: self.rules.wait,
        };
        state.pause = Some(Pause {
            since: now,
            next_look: now + LOOK_FIRST.min(self.rules.wait),
            wait: LOOK_FIRST * 2,
            trying: false,
            blocked_bytes: bytes,
            written: 0,
            full,
            disk,
        });
        drop(state);
        self.events.emit(&begun);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every update under this lock is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The free bytes of a disk that tells them.
fn told(disk: DiskSpace) -> Option<u64> {
    (disk != UNTOLD).then_some(disk.free_bytes)
}

impl State {
    /// Notes that a file is begun; whether it is the one that tries.
    fn begin(&mut self, bytes: u64) -> bool {
        self.under_way += 1;
        self.under_way_bytes = self.under_way_bytes.saturating_add(bytes);
        if let Some(measured) = &mut self.measured {
            measured.spoken_for_bytes = measured.spoken_for_bytes.saturating_add(bytes);
        }
        match &mut self.pause {
            Some(pause) => {
                pause.trying = true;
                true
            }
            None => false,
        }
    }
}

impl Pass<'_> {
    /// The file was written: there is space.
    pub(crate) fn written(self) {
        let room = self.room;
        let mut state = room.state();
        let ended = state.pause.take_if(|pause| {
            pause.written += u32::from(self.tries);
            let is_proof = self.bytes >= pause.blocked_bytes || pause.written >= ENOUGH_WRITTEN;
            self.tries && is_proof
        });
        let disk = state.measured.map(|measured| measured.disk);
        drop(state);
        if let Some(pause) = ended {
            let disk = disk.unwrap_or(UNTOLD);
            room.events.emit(&Event::SpaceAgain {
                needed_bytes: pause.blocked_bytes,
                free_bytes: told(disk),
                reserve_bytes: room.rules.reserve.bytes(disk),
                waited: room.clock.elapsed().saturating_sub(pause.since),
            });
        }
    }

    /// The disk was full. The file is to be written again when there is space; what was written of it must be gone by
    /// now.
    pub(crate) fn met_full(self, error: &TargetError) {
        let room = self.room;
        let now = room.clock.elapsed();
        let mut state = room.state();
        state.measured = None;
        if state.pause.is_none() && !state.given_up {
            return room.pause(state, now, Some(error.clone()), self.bytes, UNTOLD);
        }
        if let Some(pause) = &mut state.pause {
            pause.full = Some(error.clone());
        }
        if self.tries {
            room.look_again(&mut state, now, self.bytes);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.under_way -= 1;
        state.under_way_bytes = state.under_way_bytes.saturating_sub(self.bytes);
        if let (true, Some(pause)) = (self.tries, &mut state.pause) {
            pause.trying = false;
        }
        drop(state);
        self.room.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
