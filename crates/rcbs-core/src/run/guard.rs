//! The deadline guard: watches how fast recordings come in, and tells what the cloud deletes before they are here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::RunError;
use super::context::Context;
use crate::event::Event;
use crate::plan::{Plan, Slice};
use crate::retention::{Expected, Facts, Forecast, Inflow, Lately, forecast};

/// A long run looks this often.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// It repeats what it has told already this often.
const REPEAT_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// What is watched.
#[derive(Debug)]
pub(crate) struct Guard(Mutex<Watch>);

#[derive(Debug, Default)]
struct Watch {
    /// The part of the window that is not listed yet.
    unlisted: Option<Slice>,
    listed_s: f64,
    /// Recordings to fetch in what is listed, and in the slice that is being listed.
    to_fetch: u64,
    of_this_slice: u64,
    inflow: Inflow,
    told: Option<(Timestamp, Forecast)>,
}

impl Guard {
    /// Watches from this moment on.
    pub(crate) fn since(began: Duration) -> Self {
        Self(Mutex::new(Watch {
            inflow: Inflow::since(began),
            ..Watch::default()
        }))
    }

    /// This is going to be listed, in the order of time.
    pub(crate) fn planned(&self, plan: &Plan) {
        let until = plan.window.until;
        let since = plan.since.filter(|since| *since < until);
        self.watch().unlisted = since.map(|since| Slice { since, until });
    }

    /// A recording was listed of which something is to be fetched.
    pub(crate) fn taken(&self) {
        self.watch().of_this_slice += 1;
    }

    /// A slice is listed.
    pub(crate) fn listed(&self, slice: Slice) {
        let mut watch = self.watch();
        watch.to_fetch += std::mem::take(&mut watch.of_this_slice);
        watch.listed_s += slice.until.duration_since(slice.since).as_secs_f64();
        watch.unlisted = watch
            .unlisted
            .map(|rest| Slice {
                since: slice.until,
                ..rest
            })
            .filter(|rest| rest.since < rest.until);
    }

    /// A recording that was to be fetched is complete.
    pub(crate) fn stored(&self, at: Duration) {
        self.watch().inflow.stored(at);
    }

    fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        // Every update under this lock is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// What is still to be listed will be as dense as what was.
    fn expected(&self) -> Option<Expected> {
        let part = self.unlisted?;
        let per_s = self.to_fetch as f64 / self.listed_s;
        per_s.is_finite().then_some(Expected { part, per_s })
    }
}

/// Does the work, and looks by the clock while it lasts, also when nothing comes in: tells when something is endangered,
/// again when it gets worse, and now and then.
pub(crate) async fn beside(
    context: &Context,
    work: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    tokio::select! {
        biased;
        done = work => done,
        () = look_now_and_then(context) => Ok(()),
    }
}

/// Goes on until dropped.
async fn look_now_and_then(context: &Context) {
    while context.options.retention.is_some() {
        context.ports.clock.sleep(LOOK_EVERY).await;
        if let Err(error) = tell(context, false, is_news).await {
            context.halt.stop(error);
            break;
        }
    }
    std::future::pending::<()>().await;
}

/// At the end of a run: tells in any case, so that who was alarmed learns that all is well.
pub(crate) async fn tell_end(context: &Context) -> Result<(), RunError> {
    tell(context, true, |_, _, _| true).await
}

async fn tell(
    context: &Context,
    has_ended: bool,
    is_to_be_told: impl FnOnce(Timestamp, &Forecast, Option<(Timestamp, Forecast)>) -> bool,
) -> Result<(), RunError> {
    let Some(retention) = context.options.retention else {
        return Ok(());
    };
    let unsettled = context.ports.ledger.unsettled_by_hour().await;
    let unsettled = unsettled.map_err(RunError::Ledger)?;
    let now = context.now();
    let (unlisted, lately, told) = {
        let watch = context.guard.watch();
        let lately = watch.inflow.lately(context.ports.clock.elapsed());
        (watch.expected(), lately, watch.told)
    };
    let (stored_per_s, idle) = match lately {
        Lately::Unknown => (None, None),
        Lately::PerS(rate) => (Some(rate), None),
        // A run that came to its end has no more to do.
        Lately::NothingFor(_) if has_ended && context.halt.reason().is_none() => (None, None),
        Lately::NothingFor(idle) => (Some(0.0), Some(idle)),
    };
    let mut forecast = forecast(&Facts {
        now,
        retention,
        unsettled: &unsettled,
        unlisted,
        stored_per_s,
    });
    forecast.idle = idle.filter(|_| forecast.missed > 0);
    if is_to_be_told(now, &forecast, told) {
        context.guard.watch().told = Some((now, forecast));
        context.events.emit(&Event::Endangered {
            forecast,
            soon_until: retention.soon(now),
        });
    }
    Ok(())
}

/// Whether a long run tells it: something is endangered, and more than when it was told last, or that is long ago.
fn is_news(now: Timestamp, forecast: &Forecast, told: Option<(Timestamp, Forecast)>) -> bool {
    !forecast.is_calm()
        && told.is_none_or(|(at, before)| {
            is_worse(forecast, &before) || now.duration_since(at) >= REPEAT_EVERY
        })
}

/// Whether there is something new in it; an estimate that moves by a tenth is not.
fn is_worse(now: &Forecast, before: &Forecast) -> bool {
    now.overdue > before.overdue
        || now.soon > before.soon
        || now.missed > before.missed + before.missed / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    #[test]
    fn what_is_not_listed_yet_is_expected_as_what_was() {
        let guard = Guard::since(Duration::ZERO);
        assert_eq!(guard.watch().expected(), None);
        guard.watch().unlisted = Some(Slice {
            since: at(0),
            until: at(10),
        });
        assert_eq!(guard.watch().expected(), None, "nothing was listed yet");
        for _ in 0..7_200 {
            guard.taken();
        }
        guard.listed(Slice {
            since: at(0),
            until: at(2),
        });
        // Of a slice that is half listed nobody knows how dense it is.
        guard.taken();
        let expected = guard.watch().expected().unwrap();
        assert_eq!((expected.part.since, expected.part.until), (at(2), at(10)));
        assert!((expected.per_s - 1.0).abs() < 1e-9, "{}", expected.per_s);
        guard.listed(Slice {
            since: at(2),
            until: at(10),
        });
        assert_eq!(guard.watch().expected(), None);
    }

    #[test]
    fn only_what_gets_worse_is_told_again() {
        let before = Forecast {
            overdue: 1,
            soon: 2,
            missed: 100,
            first_missed: Some(at(1)),
            idle: None,
        };
        assert!(!is_worse(&before, &before));
        let changed = |overdue, soon, missed| Forecast {
            overdue,
            soon,
            missed,
            first_missed: Some(at(2)),
            idle: None,
        };
        assert!(is_worse(&changed(2, 2, 100), &before));
        assert!(is_worse(&changed(1, 3, 100), &before));
        assert!(is_worse(&changed(1, 2, 111), &before));
        assert!(!is_worse(&changed(0, 0, 110), &before));
    }
}
