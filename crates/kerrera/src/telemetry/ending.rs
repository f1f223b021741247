//! How runs end.

use std::fmt;

use kerrera_core::State;
use kerrera_core::state::Event as StateEvent;

/// What came of a run, in Oban's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// It is done.
    Success,
    /// It wants to run again later, at no cost in attempts.
    Snoozed,
    /// The run cancelled the job, or somebody did while it ran.
    Cancelled,
    /// It was given up: by the run, or because its attempts are used up.
    Discard,
    /// It failed, and is tried again.
    Failure,
    /// It was told to stop, and given back at no cost in attempts. Not an ending that Oban has.
    Released,
}

impl Ending {
    /// Its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Success => "success",
            Ending::Snoozed => "snoozed",
            Ending::Cancelled => "cancelled",
            Ending::Discard => "discard",
            Ending::Failure => "failure",
            Ending::Released => "released",
        }
    }

    /// What came of a run after which this happened, and brought its job to the state `to`.
    pub(crate) fn of(event: StateEvent, to: State) -> Ending {
        match event {
            StateEvent::Completed => Ending::Success,
            StateEvent::Snoozed { .. } => Ending::Snoozed,
            StateEvent::Cancelled => Ending::Cancelled,
            StateEvent::Released => Ending::Released,
            _ if to == State::Discarded => Ending::Discard,
            _ => Ending::Failure,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In which way a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// It returned an error.
    Error,
    /// It panicked.
    Panic,
    /// It took too long, and was stopped or given up.
    Timeout,
    /// It was stopped for another reason, such as a claim that was lost.
    Stopped,
    /// The database refused what it gave back.
    Refused,
}

impl FailureKind {
    /// Its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Error => "error",
            FailureKind::Panic => "panic",
            FailureKind::Timeout => "timeout",
            FailureKind::Stopped => "stopped",
            FailureKind::Refused => "refused",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
