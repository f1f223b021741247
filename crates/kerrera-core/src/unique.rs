//! Which jobs count as the same, and for how long.
//!
//! A [`Unique`] is a rule: what is compared, in which states and for how long a job counts, and what
//! of it is replaced. Inserting a job under a rule claims its [`UniqueKey`]; a later job with that key
//! finds the claim, and if the job behind it still counts by the later job's own rule, nothing is
//! inserted and that job is given back.

mod key;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::new_job::Violation;
use crate::state::State;

pub use key::{Compared, UniqueClaim, UniqueKey};

/// A job counts until it has begun: while it waits for its first attempt, or for its next.
///
/// A job that runs no longer counts, so that what changes meanwhile is worked by another. One that
/// failed and waits to be tried again counts: without it, a job that keeps failing would let a queue
/// of equal ones gather behind it.
///
/// States: suspended, scheduled, available, retryable.
pub fn until_started() -> Unique {
    Unique::new().states([State::Suspended, State::Scheduled, State::Available, State::Retryable])
}

/// A job counts until it has ended, one way or another: it waits, runs, or waits to be tried again.
///
/// States: [`State::INCOMPLETE`].
pub fn until_finished() -> Unique {
    Unique::new().states(State::INCOMPLETE)
}

/// A job counts for this long from its insertion, unless it was discarded or cancelled: within the
/// period it is inserted once.
///
/// States: [`State::SUCCESSFUL`].
pub fn once_per(period: Duration) -> Unique {
    Unique::new().period(period)
}

/// A rule by which jobs count as the same.
///
/// Most need no more than a scope, [`until_started`], [`until_finished`] or [`once_per`], and perhaps
/// what is compared:
///
/// ```
/// use kerrera_core::unique::{once_per, until_finished};
/// use kerrera_core::{NewJob, Units};
/// use serde_json::json;
///
/// let sync = NewJob::of("Sync", json!({"user_id": 7, "reason": "login"}))
///     .unique(until_finished().by_keys(["user_id"]));
/// let digest = NewJob::of("Digest", json!({"user_id": 7})).unique(once_per(1.days()));
/// # let _ = (sync, digest);
/// ```
///
/// Under a rule of its own, [`Unique::new`] begins with Oban's defaults for `unique: true`. Nothing is
/// checked until the job is inserted; then whatever is wrong is named with the job's other mistakes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "a rule does nothing until a job or a worker has it"]
pub struct Unique {
    fields: Vec<UniqueField>,
    keys: Vec<String>,
    period: Option<Duration>,
    states: Vec<State>,
    timestamp: UniqueTimestamp,
    replace: Vec<(State, Vec<ReplaceField>)>,
}

/// What of two jobs can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UniqueField {
    /// The args, or those of [`Unique::by_keys`].
    Args,
    /// The meta, or the keys of [`Unique::by_keys`] in it.
    Meta,
    /// The queue.
    Queue,
    /// The worker.
    Worker,
}

/// From when on a period counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UniqueTimestamp {
    /// From the insertion.
    InsertedAt,
    /// From the time at which the job may run.
    ScheduledAt,
}

/// What of a stored job a conflicting insertion can replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceField {
    /// The args. A run that has begun keeps the old ones.
    Args,
    /// How many attempts it has; never fewer than it needs to go on.
    MaxAttempts,
    /// The whole meta.
    Meta,
    /// The priority.
    Priority,
    /// The queue.
    Queue,
    /// When it may run. Its state stays: an available job stays available.
    ScheduledAt,
    /// All tags.
    Tags,
    /// The worker.
    Worker,
}

/// In words: `args (user_id), queue and worker, within 1m, while available, scheduled or executing`.
impl fmt::Display for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unique { fields, keys, period, states, .. } = self;
        let field = |field: &UniqueField| match (field, keys.is_empty()) {
            (UniqueField::Args, true) => "args".to_owned(),
            (UniqueField::Args, false) => format!("args ({})", keys.join(", ")),
            (UniqueField::Meta, true) => "meta".to_owned(),
            (UniqueField::Meta, false) => format!("meta ({})", keys.join(", ")),
            (UniqueField::Queue, _) => "queue".to_owned(),
            (UniqueField::Worker, _) => "worker".to_owned(),
        };
        f.write_str(&listed(&fields.iter().map(field).collect::<Vec<_>>(), "and"))?;
        if let Some(period) = period {
            write!(f, ", within {period:?}")?;
        }
        let states: Vec<String> = states.iter().map(State::to_string).collect();
        write!(f, ", while {}", listed(&states, "or"))
    }
}

/// Words between commas, the last after another word.
fn listed(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., end] => format!("{} {last} {end}", others.join(", ")),
    }
}

impl Default for Unique {
    fn default() -> Unique {
        Unique::new()
    }
}

impl Unique {
    /// Compares args, queue and worker; a job counts for ever, unless it was discarded or cancelled.
    pub fn new() -> Unique {
        Unique {
            fields: vec![UniqueField::Args, UniqueField::Queue, UniqueField::Worker],
            keys: Vec::new(),
            period: None,
            states: State::SUCCESSFUL.to_vec(),
            timestamp: UniqueTimestamp::InsertedAt,
            replace: Vec::new(),
        }
    }

    /// Compares these, and nothing else.
    pub fn by_fields(mut self, fields: impl IntoIterator<Item = UniqueField>) -> Unique {
        self.fields = fields.into_iter().collect();
        self.fields.sort_unstable();
        self.fields.dedup();
        self
    }

    /// Of args and meta, compares the values of these top-level keys only.
    ///
    /// Where none of them is there, the whole is compared: a job that lacks its keys is never taken
    /// for another that lacks them too.
    pub fn by_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Unique {
        self.keys = keys.into_iter().map(Into::into).collect();
        self.keys.sort_unstable();
        self.keys.dedup();
        self
    }

    /// A job counts for this long.
    pub fn period(mut self, period: Duration) -> Unique {
        self.period = Some(period);
        self
    }

    /// A job counts for as long as it is in one of the states.
    pub fn forever(mut self) -> Unique {
        self.period = None;
        self
    }

    /// A job counts while it is in one of these states; Oban's groups are [`State::ALL`],
    /// [`State::INCOMPLETE`] and [`State::SUCCESSFUL`].
    pub fn states(mut self, states: impl IntoIterator<Item = State>) -> Unique {
        self.states = states.into_iter().collect();
        self.states.sort_unstable();
        self.states.dedup();
        self
    }

    /// Counts the period from this time of the stored job.
    pub fn timestamp(mut self, timestamp: UniqueTimestamp) -> Unique {
        self.timestamp = timestamp;
        self
    }

    /// On a conflict, copies these from the new job to the stored one, whatever state that is in.
    ///
    /// Each takes the value that the new job would have had, also where that is a default. The state
    /// stays as it is.
    pub fn replace(mut self, fields: impl IntoIterator<Item = ReplaceField>) -> Unique {
        let fields = sorted(fields);
        self.replace = State::ALL.iter().map(|state| (*state, fields.clone())).collect();
        self
    }

    /// On a conflict with a job in this state, copies these; other states keep what was said for them.
    pub fn replace_in(
        mut self,
        state: State,
        fields: impl IntoIterator<Item = ReplaceField>,
    ) -> Unique {
        self.replace.retain(|(other, _)| *other != state);
        self.replace.push((state, sorted(fields)));
        self
    }

    /// The rules that it breaks.
    pub fn violations(&self) -> Vec<Violation> {
        let mut broken = Vec::new();
        let mut breaks = |field: &str, value: String, rule: &'static str| {
            broken.push(Violation { field: format!("unique.{field}"), value, rule });
        };
        if self.fields.is_empty() {
            let rule = "must not be empty: name what is compared, args, meta, queue or worker";
            breaks("fields", String::new(), rule);
        }
        let compares_json =
            self.fields.iter().any(|field| matches!(field, UniqueField::Args | UniqueField::Meta));
        if !self.keys.is_empty() && !self.fields.is_empty() && !compares_json {
            let rule = "need args or meta among the fields: they are keys of those";
            breaks("keys", format!("{:?}", self.keys), rule);
        }
        if let Some(key) = self.keys.iter().find(|key| key.contains('\0')) {
            breaks("keys", format!("{key:?}"), "must have no NUL character");
        }
        if self.states.is_empty() {
            let rule = "must not be empty: until_started, until_finished and once_per need none";
            breaks("states", String::new(), rule);
        }
        if self.period.is_some_and(|period| period.as_micros() == 0) {
            let rule = "must be longer than zero; leave it out, and a job counts for ever";
            breaks("period", "0".to_owned(), rule);
        }
        broken
    }

    /// Whether a job counts that is in this state and of this time, at this moment.
    fn counts(&self, state: State, times: Times) -> bool {
        let from = match self.timestamp {
            UniqueTimestamp::InsertedAt => times.inserted_at,
            UniqueTimestamp::ScheduledAt => times.scheduled_at,
        };
        self.states.contains(&state)
            && self.period_micros().is_none_or(|period| from >= times.now.saturating_sub(period))
    }

    /// The period, in microseconds; one that reaches back before every calendar is none.
    fn period_micros(&self) -> Option<i64> {
        const THOUSAND_YEARS: i64 = 1_000 * 366 * 24 * 60 * 60 * 1_000_000;
        let period = i64::try_from(self.period?.as_micros()).ok()?;
        (period < THOUSAND_YEARS).then_some(period)
    }

    /// What is replaced of a job in this state.
    fn replaces(&self, state: State) -> &[ReplaceField] {
        let fields = self.replace.iter().find(|(other, _)| *other == state);
        fields.map_or(&[], |(_, fields)| fields)
    }
}

/// The times of a job and of the question whether it counts, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) inserted_at: i64,
    pub(crate) scheduled_at: i64,
    pub(crate) now: i64,
}

fn sorted(fields: impl IntoIterator<Item = ReplaceField>) -> Vec<ReplaceField> {
    let mut fields: Vec<ReplaceField> = fields.into_iter().collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

#[cfg(test)]
mod tests;
