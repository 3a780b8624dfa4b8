//! Faults on demand: which requests they hit and what they do. The same script drives both faces, tests and rehearsals.
//!
//! In text a fault is `<target> <when>: <effect>`, for example `list 2: 503 retry-after=10`,
//! `object~.mp4 every-3: cut after=1000` or `object 30%: slow-down`.

mod effect;
mod known;
mod script;
mod target;

pub use effect::{Effect, EffectError};
pub use known::EFFECTS;
pub use script::{FaultError, Faults};
pub use target::{RequestKind, Target, TargetError, When};

/// One rule: on these requests, at these times, that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which requests.
    pub target: Target,
    /// Which of them.
    pub when: When,
    /// What happens.
    pub effect: Effect,
}
