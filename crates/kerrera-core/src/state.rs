//! The states of a job, and the one function that decides every change between them.
//!
//! [`decide`] is pure: it takes where a job stands and what happened, and gives back the [`Move`]
//! to write. Storages persist moves and invent none; a move carries durations, to which the storage
//! adds its own clock. The table in `docs/states.md` is printed by [`table`].

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a job is in its life. The names are Oban's, as they are written in the database.
///
/// The list is complete: a new state would be a new version of the data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Held back until something else releases it; nothing in this crate makes such a job.
    Suspended,
    /// Waits for its time, and has not run or was snoozed.
    Scheduled,
    /// May be claimed by any node that works its queue.
    Available,
    /// Claimed by a node, and running there.
    Executing,
    /// Failed, and waits for its next attempt.
    Retryable,
    /// Ended well.
    Completed,
    /// Ended badly: attempts used up, or given up by the worker.
    Discarded,
    /// Ended because the worker or a person said so.
    Cancelled,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [State; 8] = [
        State::Suspended,
        State::Scheduled,
        State::Available,
        State::Executing,
        State::Retryable,
        State::Completed,
        State::Discarded,
        State::Cancelled,
    ];

    /// The states of a job that has not ended; Oban's group `incomplete`.
    pub const INCOMPLETE: [State; 5] =
        [State::Suspended, State::Scheduled, State::Available, State::Executing, State::Retryable];

    /// The states of a job that has not failed for good; Oban's group `successful`.
    pub const SUCCESSFUL: [State; 6] = [
        State::Suspended,
        State::Scheduled,
        State::Available,
        State::Executing,
        State::Retryable,
        State::Completed,
    ];

    /// The name in the database and in every message.
    ///
    /// ```
    /// assert_eq!(kerrera_core::State::Retryable.as_str(), "retryable");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            State::Suspended => "suspended",
            State::Scheduled => "scheduled",
            State::Available => "available",
            State::Executing => "executing",
            State::Retryable => "retryable",
            State::Completed => "completed",
            State::Discarded => "discarded",
            State::Cancelled => "cancelled",
        }
    }

    /// Whether the job has ended; only an operator's retry leaves such a state.
    pub fn is_final(self) -> bool {
        matches!(self, State::Completed | State::Discarded | State::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a [`State`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownState(String);

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a job state; the states are", self.0)?;
        for state in State::ALL {
            write!(f, " {state}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownState {}

/// Its name.
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<State, UnknownState> {
        let named = State::ALL.into_iter().find(|state| state.as_str() == text);
        named.ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// What of a job decides its next move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The state it is in.
    pub state: State,
    /// How many attempts have begun.
    pub attempt: i32,
    /// How many attempts it may have.
    pub max_attempts: i32,
}

/// Something that happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The time that it waited for has come.
    Due,
    /// A producer took it.
    Claimed,
    /// Its run ended well.
    Completed,
    /// Its run failed: an error, a panic, a timeout, args that do not decode.
    Failed {
        /// How long it waits if it may be tried again.
        retry_in: Duration,
    },
    /// Its run asked to be run again later, at no cost in attempts.
    Snoozed {
        /// How long it waits.
        wait: Duration,
    },
    /// Its run, or a person, ended it on purpose.
    Cancelled,
    /// Its run gave it up, attempts left or not.
    Discarded,
    /// A person gives it up for good before it has run to an end.
    GivenUp,
    /// Its node gives it back unrun or stopped, at no cost in attempts.
    Released,
    /// Its node is dead.
    Rescued,
    /// A person wants it run again.
    Retried,
    /// A person wants it run at another time, which is written beside the move.
    Rescheduled,
}

/// What becomes of the attempt counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Stays.
    Keep,
    /// One more has begun.
    Begin,
    /// The last one did not count.
    GiveBack,
}

/// Which of the three ends is stamped with the time of the move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// None; the stamps stay as they are.
    Keep,
    /// The one that belongs to the new state: `completed_at`, `discarded_at` or `cancelled_at`.
    End,
    /// All three are emptied.
    Clear,
}

/// A change of state for a storage to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The new state.
    pub to: State,
    /// What becomes of the attempt counter.
    pub attempt: Attempt,
    /// Whether `max_attempts` is raised, if need be, so that one more attempt is possible.
    pub allow_one_more: bool,
    /// A new `scheduled_at`, counted from the storage's now; `None` leaves it.
    pub wait: Option<Duration>,
    /// Which end is stamped.
    pub stamp: Stamp,
    /// A counter in `meta` that grows by one.
    pub count: Option<&'static str>,
}

impl Move {
    /// A move that changes nothing but the state, and stamps an end.
    pub fn to(to: State) -> Move {
        Move {
            to,
            attempt: Attempt::Keep,
            allow_one_more: false,
            wait: None,
            stamp: if to.is_final() { Stamp::End } else { Stamp::Keep },
            count: None,
        }
    }
}

/// The longest that a job can be made to wait, by back-off or by snooze: a hundred years.
///
/// A longer wait is shortened to this, so that no sum with the present leaves the calendar that the
/// databases keep.
pub const LONGEST_WAIT: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The meta key that counts snoozes; Oban's.
pub const SNOOZED: &str = "snoozed";
/// The meta key that counts rescues; Oban for Python's.
pub const RESCUED: &str = "rescued";

/// The event cannot happen to a job that stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// Where the job stands.
    pub at: Position,
    /// What was said to have happened.
    pub event: Event,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { state, attempt, max_attempts } = self.at;
        write!(
            f,
            "{:?} cannot happen to a job that is {state} (attempt {attempt} of {max_attempts})",
            self.event
        )
    }
}

impl std::error::Error for Illegal {}

/// Decides what happens to a job.
///
/// ```
/// use std::time::Duration;
/// use kerrera_core::state::{decide, Event, Position, State};
///
/// let last = Position { state: State::Executing, attempt: 3, max_attempts: 3 };
/// let failed = Event::Failed { retry_in: Duration::from_secs(17) };
/// assert_eq!(decide(last, failed)?.to, State::Discarded);
/// # Ok::<(), kerrera_core::state::Illegal>(())
/// ```
///
/// # Errors
///
/// [`Illegal`] when the event cannot happen there, for example when a completed job is claimed.
pub fn decide(at: Position, event: Event) -> Result<Move, Illegal> {
    use State::{
        Available, Cancelled, Completed, Discarded, Executing, Retryable, Scheduled, Suspended,
    };

    let attempts_left = at.attempt < at.max_attempts;
    let decided = match (at.state, event) {
        (Scheduled | Retryable, Event::Due) => Move::to(Available),

        (Available, Event::Claimed) if attempts_left => {
            Move { attempt: Attempt::Begin, ..Move::to(Executing) }
        }

        (Executing, Event::Completed) => Move::to(Completed),
        (Executing, Event::Discarded) => Move::to(Discarded),
        (Executing, Event::Failed { retry_in }) if attempts_left => {
            Move { wait: Some(retry_in.min(LONGEST_WAIT)), ..Move::to(Retryable) }
        }
        (Executing, Event::Failed { .. }) => Move::to(Discarded),
        (Executing, Event::Snoozed { wait }) => Move {
            attempt: Attempt::GiveBack,
            wait: Some(wait.min(LONGEST_WAIT)),
            count: Some(SNOOZED),
            ..Move::to(Scheduled)
        },
        (Executing, Event::Released) => Move { attempt: Attempt::GiveBack, ..Move::to(Available) },
        (Executing, Event::Rescued) if attempts_left => {
            Move { count: Some(RESCUED), ..Move::to(Available) }
        }
        (Executing, Event::Rescued) => Move { count: Some(RESCUED), ..Move::to(Discarded) },

        (state, Event::Cancelled) if !state.is_final() => Move::to(Cancelled),

        // Of a run only its own end says that it was given up: who wants it to stop cancels it.
        (Suspended | Scheduled | Available | Retryable, Event::GivenUp) => Move::to(Discarded),

        (state, Event::Retried) if !matches!(state, Available | Executing) => Move {
            allow_one_more: true,
            wait: Some(Duration::ZERO),
            stamp: Stamp::Clear,
            ..Move::to(Available)
        },

        // Whoever holds it back is the one to release it.
        (Suspended, Event::Rescheduled) => Move::to(Suspended),
        (Scheduled | Available | Retryable, Event::Rescheduled) => Move::to(Scheduled),

        _ => return Err(Illegal { at, event }),
    };
    Ok(decided)
}

/// Prints every move as a Markdown table, for the documentation.
pub fn table() -> String {
    let wait = Duration::from_secs(1);
    let events = [
        ("due", Event::Due),
        ("claimed", Event::Claimed),
        ("completed", Event::Completed),
        ("failed", Event::Failed { retry_in: wait }),
        ("snoozed", Event::Snoozed { wait }),
        ("cancelled", Event::Cancelled),
        ("discarded", Event::Discarded),
        ("given up", Event::GivenUp),
        ("released", Event::Released),
        ("rescued", Event::Rescued),
        ("retried", Event::Retried),
        ("rescheduled", Event::Rescheduled),
    ];
    let mut lines = vec![
        "| event | from | attempts left | to | attempt | scheduled_at | also |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for (name, event) in events {
        for state in State::ALL {
            let [left, none] = [2, 3]
                .map(|attempt| decide(Position { state, attempt, max_attempts: 3 }, event).ok());
            if left == none {
                lines.extend(left.map(|m| line(name, state, "any", m)));
            } else {
                lines.extend(left.map(|m| line(name, state, "yes", m)));
                lines.extend(none.map(|m| line(name, state, "no", m)));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn line(event: &str, from: State, left: &str, decided: Move) -> String {
    let attempt = match decided.attempt {
        Attempt::Keep => "",
        Attempt::Begin => "+ 1",
        Attempt::GiveBack => "− 1",
    };
    let wait = match decided.wait {
        None if event == "rescheduled" => "the new time",
        None => "",
        Some(Duration::ZERO) => "now",
        Some(_) => "now + wait",
    };
    let mut also = Vec::new();
    match decided.stamp {
        Stamp::Keep => {}
        Stamp::End => also.push(format!("`{}_at` = now", decided.to)),
        Stamp::Clear => also.push("the three end times are emptied".to_owned()),
    }
    if decided.allow_one_more {
        also.push("`max_attempts` ≥ attempt + 1".to_owned());
    }
    also.extend(decided.count.map(|key| format!("`meta.{key}` + 1")));
    let also = also.join("; ");
    let to = decided.to;
    format!("| {event} | {from} | {left} | {to} | {attempt} | {wait} | {also} |")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events() -> impl Strategy<Value = Event> {
        let any_wait = any::<u64>().prop_map(Duration::from_secs);
        prop_oneof![
            Just(Event::Due),
            Just(Event::Claimed),
            Just(Event::Completed),
            any_wait.clone().prop_map(|retry_in| Event::Failed { retry_in }),
            any_wait.prop_map(|wait| Event::Snoozed { wait }),
            Just(Event::Cancelled),
            Just(Event::Discarded),
            Just(Event::GivenUp),
            Just(Event::Released),
            Just(Event::Rescued),
            Just(Event::Retried),
            Just(Event::Rescheduled),
        ]
    }

    /// What a storage does with a move, in memory.
    fn follow(at: Position, decided: Move) -> Position {
        let attempt = match decided.attempt {
            Attempt::Keep => at.attempt,
            Attempt::Begin => at.attempt + 1,
            Attempt::GiveBack => at.attempt - 1,
        };
        let floor = if decided.allow_one_more { attempt + 1 } else { 0 };
        Position { state: decided.to, attempt, max_attempts: at.max_attempts.max(floor) }
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_breaks_a_job(
            max_attempts in 1..30i32,
            history in proptest::collection::vec(events(), 0..200),
        ) {
            let mut at = Position { state: State::Available, attempt: 0, max_attempts };
            for event in history {
                let Ok(decided) = decide(at, event) else { continue };
                let next = follow(at, decided);

                prop_assert!((0..=next.max_attempts).contains(&next.attempt));
                prop_assert!(
                    next.state != State::Available || next.attempt < next.max_attempts,
                    "a runnable job has an attempt left: {at:?} {event:?} {next:?}"
                );
                prop_assert!(
                    next.state != State::Retryable || next.attempt < next.max_attempts
                );
                if at.state.is_final() {
                    prop_assert_eq!(event, Event::Retried, "only a person reopens a job");
                }
                if let Some(wait) = decided.wait {
                    prop_assert!(wait <= LONGEST_WAIT);
                }
                let ends = next.state.is_final();
                prop_assert_eq!(decided.stamp == Stamp::End, ends);
                at = next;
            }
        }
    }

    #[test]
    fn the_documented_table_is_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/states.md");
        let written = std::fs::read_to_string(path).unwrap();
        let (_, rest) = written.split_once("<!-- table -->\n").unwrap();
        let (documented, _) = rest.split_once("<!-- /table -->").unwrap();
        if std::env::var_os("KERRERA_WRITE_DOCS").is_some() {
            let written = written.replacen(documented, "", usize::from(!documented.is_empty()));
            let fresh = format!("<!-- table -->\n{}", table());
            std::fs::write(path, written.replace("<!-- table -->\n", &fresh)).unwrap();
            return;
        }
        assert_eq!(documented, table(), "run this test once with KERRERA_WRITE_DOCS=1");
    }

    #[test]
    fn names_are_read_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        let error = "done".parse::<State>().unwrap_err().to_string();
        assert!(error.contains("\"done\"") && error.contains("completed"), "{error}");
    }
}
