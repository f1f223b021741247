//! A change to a job that is there already, and the rules that it must obey.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::json::Json;
use crate::new_job::{
    Limits, Schedule, Violation, check_json, check_max_attempts, check_name, check_priority,
    check_time, is_object, normalise_tags,
};
use crate::state::{Event, Move, Position, State, decide};
use crate::time::Timestamp;

use std::time::Duration;

/// What is to be changed of a job; what is not named stays as it is.
///
/// The rules are those of insertion. What a running attempt was given it keeps: a change reaches the
/// next one.
///
/// ```
/// use kerrera_core::{JobChange, Units};
///
/// let change = JobChange::new().priority(0).queue("urgent").schedule_in(5.minutes());
/// # let _ = change;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a change does nothing until it is made"]
pub struct JobChange {
    args: Option<Json>,
    meta: Option<Json>,
    tags: Option<Vec<String>>,
    queue: Option<String>,
    worker: Option<String>,
    priority: Option<u8>,
    max_attempts: Option<u32>,
    schedule: Option<Schedule>,
}

impl JobChange {
    /// Changes nothing yet.
    pub fn new() -> JobChange {
        JobChange::default()
    }

    /// Gives it other args: a JSON object.
    pub fn args(self, args: Value) -> JobChange {
        self.args_json(args.into())
    }

    /// The same as text, which keeps every digit of its numbers and the order of its keys.
    pub fn args_json(mut self, args: Json) -> JobChange {
        self.args = Some(args);
        self
    }

    /// Gives it another meta: a JSON object. What the engine keeps there goes with the old one.
    pub fn meta(self, meta: Value) -> JobChange {
        self.meta_json(meta.into())
    }

    /// The same as text.
    pub fn meta_json(mut self, meta: Json) -> JobChange {
        self.meta = Some(meta);
        self
    }

    /// Gives it other tags.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> JobChange {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Puts it in another queue.
    pub fn queue(mut self, queue: impl Into<String>) -> JobChange {
        self.queue = Some(queue.into());
        self
    }

    /// Gives it to another worker.
    pub fn worker(mut self, worker: impl Into<String>) -> JobChange {
        self.worker = Some(worker.into());
        self
    }

    /// Gives it another priority: 0 is claimed first, 9 last.
    pub fn priority(mut self, priority: u8) -> JobChange {
        self.priority = Some(priority);
        self
    }

    /// Gives it another number of attempts, 1 to 32,767; of a job that has not ended, more than have
    /// begun.
    pub fn max_attempts(mut self, attempts: u32) -> JobChange {
        self.max_attempts = Some(attempts);
        self
    }

    /// Makes it run once this long from now has passed; see [`schedule_at`](JobChange::schedule_at).
    pub fn schedule_in(mut self, wait: Duration) -> JobChange {
        self.schedule = Some(Schedule::In(wait));
        self
    }

    /// Makes it run at that time: from `available` and `retryable` it becomes `scheduled` with it,
    /// and a `suspended` job stays so.
    ///
    /// Of a job that runs or has ended the time cannot be changed; a finished one is run again by a
    /// retry.
    pub fn schedule_at(mut self, time: impl Into<Timestamp>) -> JobChange {
        self.schedule = Some(Schedule::At(time.into()));
        self
    }

    /// Checks every rule that can be checked without the job, and makes the change ready for a
    /// storage.
    ///
    /// # Errors
    ///
    /// One error that names every field, value and rule that does not hold; see
    /// [`Error::violations`].
    pub fn validate(self, limits: &Limits) -> Result<ValidChange> {
        let mut broken = Vec::new();
        let object = |broken: &mut Vec<Violation>, field, json: Option<Json>, most| {
            let json = json?;
            if !is_object(&json) {
                broken.push(Violation::new(field, "", "must be an object"));
            }
            check_json(broken, field, &json, most);
            Some(json)
        };
        let args = object(&mut broken, "args", self.args, limits.args_bytes);
        let meta = object(&mut broken, "meta", self.meta, limits.meta_bytes);
        let tags = self.tags.map(|tags| normalise_tags(&mut broken, tags, limits));
        if let Some(queue) = &self.queue {
            check_name(&mut broken, "queue", queue);
        }
        if let Some(worker) = &self.worker {
            check_name(&mut broken, "worker", worker);
        }
        if let Some(priority) = self.priority {
            check_priority(&mut broken, priority);
        }
        if let Some(attempts) = self.max_attempts {
            check_max_attempts(&mut broken, attempts);
        }
        if let Some(schedule) = self.schedule {
            check_time(&mut broken, schedule);
        }
        let change = ValidChange {
            args,
            meta,
            tags,
            queue: self.queue,
            worker: self.worker,
            priority: self.priority.map(i32::from),
            max_attempts: self.max_attempts.map(|attempts| attempts as i32),
            schedule: self.schedule,
        };
        if broken.is_empty() && change.is_empty() {
            broken.push(Violation::new("the change", "", "must name something to change"));
        }
        if broken.is_empty() { Ok(change) } else { Err(Error::invalid_change(broken)) }
    }
}

/// A change that obeys every rule that can be checked without the job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ValidChange {
    /// Other args.
    pub args: Option<Json>,
    /// Another meta.
    pub meta: Option<Json>,
    /// Other tags.
    pub tags: Option<Vec<String>>,
    /// Another queue.
    pub queue: Option<String>,
    /// Another worker.
    pub worker: Option<String>,
    /// Another priority.
    pub priority: Option<i32>,
    /// Another number of attempts.
    pub max_attempts: Option<i32>,
    /// Another time.
    pub schedule: Option<Schedule>,
}

impl ValidChange {
    /// Decides whether a job that stands there can be changed so, and what becomes of its state.
    ///
    /// Storages ask this with the row locked.
    ///
    /// # Errors
    ///
    /// When a running or finished job would get another time, or a job that has not ended no further
    /// attempt; [`Error::is_invalid_job`].
    pub fn decide(&self, at: Position) -> Result<State> {
        let mut broken = Vec::new();
        let needed = if at.state.is_final() { at.attempt } else { at.attempt.saturating_add(1) };
        if let Some(attempts) = self.max_attempts.filter(|attempts| *attempts < needed) {
            let rule = if at.state.is_final() {
                "must not be fewer than have begun"
            } else {
                "must be more than have begun"
            };
            broken.push(Violation::new("max_attempts", attempts, rule));
        }
        let state = match self.schedule.map(|_| decide(at, Event::Rescheduled)) {
            None => at.state,
            Some(Ok(Move { to, .. })) => to,
            Some(Err(_)) => {
                let rule = if at.state == State::Executing {
                    "cannot be changed while the job runs: cancel it first"
                } else {
                    "cannot be changed of a job that has ended: retry it"
                };
                broken.push(Violation::new("scheduled_at", "", rule));
                at.state
            }
        };
        if broken.is_empty() { Ok(state) } else { Err(Error::invalid_change(broken)) }
    }

    fn is_empty(&self) -> bool {
        let ValidChange { args, meta, tags, queue, worker, priority, max_attempts, schedule } =
            self;
        args.is_none()
            && meta.is_none()
            && tags.is_none()
            && queue.is_none()
            && worker.is_none()
            && priority.is_none()
            && max_attempts.is_none()
            && schedule.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_rule_of_insertion_holds() {
        let wrong = [
            (JobChange::new(), "the change"),
            (JobChange::new().args(json!([])), "args"),
            (JobChange::new().args(json!({"a": "\0"})), "args.a"),
            (JobChange::new().meta(json!(1)), "meta"),
            (JobChange::new().queue(" "), "queue"),
            (JobChange::new().worker("x".repeat(128)), "worker"),
            (JobChange::new().priority(10), "priority"),
            (JobChange::new().max_attempts(0), "max_attempts"),
            (JobChange::new().max_attempts(32_768), "max_attempts"),
            (JobChange::new().tags(["a".repeat(65)]), "tags"),
            (JobChange::new().schedule_at(Timestamp::from_micros(-1)), "scheduled_at"),
        ];
        for (change, field) in wrong {
            let error = change.validate(&Limits::default()).unwrap_err();
            assert!(error.is_invalid_job());
            assert_eq!(error.violations()[0].field, field, "{error}");
        }
    }

    #[test]
    fn no_change_reaches_into_a_run_or_past_an_end() {
        let later = JobChange::new().schedule_in(Duration::from_secs(1));
        let later = later.validate(&Limits::default()).unwrap();
        let three = JobChange::new().max_attempts(3).validate(&Limits::default()).unwrap();
        for state in State::ALL {
            let at = |attempt| Position { state, attempt, max_attempts: 20 };
            let expected = match state {
                State::Suspended => Some(State::Suspended),
                State::Scheduled | State::Available | State::Retryable => Some(State::Scheduled),
                _ => None,
            };
            assert_eq!(later.decide(at(1)).ok(), expected, "{state}");
            assert_eq!(three.decide(at(2)).ok(), Some(state));
            assert_eq!(three.decide(at(3)).is_ok(), state.is_final(), "{state}");
            assert!(three.decide(at(4)).is_err());
        }
    }
}
