//! Looks ahead: whether what the queue and the listing announce fits into the target, told as soon as it does not.

use std::sync::{Mutex, PoisonError};

use super::RunError;
use super::context::Context;
use super::media::MediaWork;
use super::recording::Work;
use crate::event::Event;
use crate::select::Choice;
use crate::space::{Stored, ToCome};

/// What is known of what is to come; a few numbers, however much it is.
#[derive(Debug, Default)]
pub(crate) struct Outlook(Mutex<Ahead>);

#[derive(Debug, Default)]
struct Ahead {
    /// Media files that earlier runs left over, and that were not handed on yet.
    left_over: u64,
    handed_on: ToCome,
    /// What was missing when it was last told.
    told_bytes: u64,
}

impl Outlook {
    fn ahead(&self) -> std::sync::MutexGuard<'_, Ahead> {
        // Every update under this lock is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Learns how long media files are, and looks at what is known of those to come: with `queue` all that earlier runs left
/// over.
pub(crate) async fn begin(context: &Context, queue: bool) -> Result<(), RunError> {
    let tally = context.ports.ledger.tally().await;
    let tally = tally.map_err(RunError::Ledger)?;
    if queue && context.options.wanted.media {
        context.outlook.ahead().left_over = tally.announced + tally.waiting;
    }
    context.room.stored_before(Stored {
        files: tally.verified,
        bytes: tally.verified_bytes,
    });
    look(context).await;
    Ok(())
}

/// Notes what is handed on to be fetched, and looks.
pub(crate) async fn take(context: &Context, works: &[Work]) {
    {
        let mut ahead = context.outlook.ahead();
        for work in works {
            for one in work.media.iter().filter(|one| is_to_download(one)) {
                ahead.handed_on.add(one.media.told_bytes);
                if work.slice.is_none() {
                    ahead.left_over = ahead.left_over.saturating_sub(1);
                }
            }
        }
    }
    look(context).await;
}

/// The queue is through: what it could not hand on is met again in the listing, or after it.
pub(crate) fn queue_ended(context: &Context) {
    context.outlook.ahead().left_over = 0;
}

/// What only has to be read in place takes no space.
fn is_to_download(one: &MediaWork) -> bool {
    matches!(one.choice, Choice::Fetch { .. })
}

/// Tells what is missing, if more is missing than was told. Also called while files come in: only then is it known how
/// long they are, where the server does not say it.
pub(crate) async fn look(context: &Context) {
    let Some(disk) = context.room.disk_space_lately().await else {
        return;
    };
    let stored = context.room.stored();
    let received_bytes = context.events.summary().received_bytes;
    let forecast = {
        let mut ahead = context.outlook.ahead();
        let to_come = ToCome {
            untold: ahead.handed_on.untold + ahead.left_over,
            ..ahead.handed_on
        };
        let expected_bytes = to_come.bytes(stored).saturating_sub(received_bytes);
        let forecast = context.room.rules().forecast(expected_bytes, disk);
        let missing_bytes = forecast.missing_bytes();
        // An estimate that grows while the listing goes on is news when it has doubled.
        if missing_bytes <= ahead.told_bytes.saturating_mul(2) {
            return;
        }
        ahead.told_bytes = missing_bytes;
        forecast
    };
    context.events.emit(&Event::TooSmall { forecast });
}
