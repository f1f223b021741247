//! The terms of a filter, and the conditions that they stand for.

use std::ops::Range;

use serde_json::{Map, Number, Value as Json, json};

use super::moment::{Length, Moment};
use crate::cron::Timezone;
use crate::job_query::{Comparison, Condition, JobJson, JobNumber, JobSpan, JobTime};
use crate::state::{RESCUED, SNOOZED, State};
use crate::time::Timestamp;

/// One of the things that hold of a job: what is asked, and the values of which one will do.
///
/// Two are equal that say the same, wherever they stand in their texts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Term {
    /// Whether it is to hold, or not to.
    pub negated: bool,
    /// What is asked of a job.
    pub subject: Subject,
    /// The values.
    pub values: Vec<Value>,
    /// From which byte of the text to which it stands.
    pub at: Range<usize>,
}

impl PartialEq for Term {
    fn eq(&self, other: &Term) -> bool {
        (self.negated, &self.subject, &self.values)
            == (other.negated, &other.subject, &other.values)
    }
}

/// What can be asked of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// `state:retryable`
    State,
    /// `queue:mail*`; a prefix, or the whole name.
    Queue,
    /// `worker:Send*`, or `kind:`.
    Worker,
    /// `id:1000..2000`, or the number alone.
    Id,
    /// `tag:vip`
    Tag,
    /// `priority:>=3`
    Priority,
    /// `attempt:1..3`
    Attempt,
    /// `node:web-1`: the node that claimed it last.
    Node,
    /// `args.user.id:7`, number or text; `args.user.id:"7"`, text; `args.total:>100`; `args.x:*`, whatever
    /// is there.
    Args(Vec<String>),
    /// `meta.batch:b1`, as args.
    Meta(Vec<String>),
    /// `error:"timed out"`: what the newest error says, in whatever case.
    Error,
    /// `error.type:ValueError`: the newest error begins with `ValueError:` or `** (ValueError)`.
    ErrorType,
    /// `error.fp:9f86d081`: the fingerprint of the newest error.
    Fingerprint,
    /// `inserted:2026-11-22`, `scheduled:<+1h`, `attempted:-2h..-1h`, `finished:>-1h`.
    Time(TermTime),
    /// `duration:>30s`: from the last claim to the end, or until now.
    Duration,
    /// `wait:>30s`: from when it could have run to the last claim.
    Wait,
    /// `cron:nightly`: the name of the entry that inserted it.
    Cron,
    /// `trace:4bf92f3577b34da6a3ce929d0e0e4736`: the trace that it belongs to.
    Trace,
    /// `is:orphaned`
    Is,
}

/// One of the times that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermTime {
    /// When it was inserted.
    Inserted,
    /// When it may run, or could have first.
    Scheduled,
    /// When it was last claimed.
    Attempted,
    /// When it ended, however it did.
    Finished,
}

/// One of the values of which one will do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A state.
    State(State),
    /// A text, all of it; of args and meta, a text and no number.
    Text(String),
    /// How a text begins.
    Prefix(String),
    /// Of args and meta: a number, `true`, `false` or `null`, or a text that reads like this.
    Word(String),
    /// Of args and meta: whatever is there.
    Anything,
    /// Of args and meta: a number.
    Measure(Bound<Number>),
    /// A number.
    Number(Bound<i64>),
    /// A time.
    Time(Bound<Moment>),
    /// A length of time.
    Length(Bound<Length>),
    /// A mark.
    Mark(Mark),
}

/// Where a value lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound<T> {
    /// It is this one.
    Is(T),
    /// It compares with this one.
    Compares(Comparison, T),
    /// From this one to that one, these two as well.
    Between(Option<T>, Option<T>),
}

/// What can be seen of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// It is executing, and the producer that claimed it is not known any more.
    Orphaned,
    /// It has been snoozed.
    Snoozed,
    /// It has been rescued from a node that died.
    Rescued,
    /// It is executing for longer than its worker allows.
    Stuck,
    /// No node that is remembered has registered its worker.
    Unregistered,
}

/// What it costs to ask something, with a million jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// An index has it.
    Cheap,
    /// It is asked of each row that is looked at.
    Medium,
    /// It is asked of each row that is looked at, and something large is read for it.
    Heavy,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Mark; 5] =
        [Mark::Orphaned, Mark::Snoozed, Mark::Rescued, Mark::Stuck, Mark::Unregistered];

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Orphaned => "orphaned",
            Mark::Snoozed => "snoozed",
            Mark::Rescued => "rescued",
            Mark::Stuck => "stuck",
            Mark::Unregistered => "unregistered",
        }
    }
}

impl Term {
    /// What it costs to ask it of all jobs.
    pub fn cost(&self) -> Cost {
        let cost = match &self.subject {
            Subject::State | Subject::Id => Cost::Cheap,
            Subject::Is if self.is_of_running() => Cost::Cheap,
            Subject::Args(_)
            | Subject::Meta(_)
            | Subject::Error
            | Subject::ErrorType
            | Subject::Fingerprint
            | Subject::Cron
            | Subject::Trace
            | Subject::Is => Cost::Heavy,
            _ => Cost::Medium,
        };
        if self.negated { cost.max(Cost::Medium) } else { cost }
    }

    /// Whether only jobs that are executing have its marks.
    fn is_of_running(&self) -> bool {
        let is = |value: &Value| matches!(value, Value::Mark(Mark::Orphaned | Mark::Stuck));
        self.values.iter().all(is)
    }

    /// Whether it leaves few jobs, which an index has.
    pub(super) fn is_narrow(&self) -> bool {
        let is_few = |value: &Value| match value {
            Value::State(state) => !matches!(state, State::Completed | State::Suspended),
            Value::Number(bound) => matches!(bound, Bound::Is(_)),
            _ => false,
        };
        matches!(self.subject, Subject::State | Subject::Id)
            && !self.negated
            && self.values.iter().all(is_few)
    }

    /// What must hold of a job, with what is relative counted from `now`, and times without a zone in
    /// `zone`.
    pub fn condition(&self, now: Timestamp, zone: &Timezone) -> Condition {
        let mut any = Vec::new();
        // Values that can be asked as one list.
        let (mut states, mut texts, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for value in &self.values {
            match (&self.subject, value) {
                (_, Value::State(state)) => states.push(*state),
                (Subject::Queue | Subject::Worker, Value::Text(text)) => texts.push(text.clone()),
                (_, Value::Number(Bound::Is(number))) => numbers.push(*number),
                (_, value) => any.push(self.one(value, now, zone)),
            }
        }
        if !states.is_empty() {
            any.push(Condition::States(states));
        }
        if !texts.is_empty() {
            any.push(match self.subject {
                Subject::Worker => Condition::Workers(texts),
                _ => Condition::Queues(texts),
            });
        }
        if !numbers.is_empty() {
            // What is no number of the column is none of any job.
            let small = || numbers.iter().map(|n| i32::try_from(*n).unwrap_or(-1)).collect();
            any.push(match self.subject {
                Subject::Priority => Condition::Priorities(small()),
                Subject::Attempt => Condition::Attempts(small()),
                _ => Condition::Ids(numbers),
            });
        }
        let condition = match any.len() {
            1 => any.swap_remove(0),
            _ => Condition::AnyOf(any),
        };
        if self.negated { Condition::Not(Box::new(condition)) } else { condition }
    }

    /// From when to when the times of one of its values are, and until before when; `None` where it is
    /// open, or no time.
    pub fn times(
        value: &Value,
        now: Timestamp,
        zone: &Timezone,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let Value::Time(bound) = value else { return (None, None) };
        let stretch = |moment: &Moment| moment.stretch(now, zone);
        match bound {
            Bound::Is(moment) => {
                let (begin, end) = stretch(moment);
                // An instant is as long as the clock's shortest step.
                (Some(begin), Some(end.max(Timestamp::from_micros(begin.as_micros() + 1))))
            }
            Bound::Compares(Comparison::Less, moment) => (None, Some(stretch(moment).0)),
            Bound::Compares(Comparison::AtMost, moment) => (None, Some(after(stretch(moment)))),
            Bound::Compares(Comparison::Greater, moment) => (Some(after(stretch(moment))), None),
            Bound::Compares(Comparison::AtLeast, moment) => (Some(stretch(moment).0), None),
            Bound::Between(low, high) => (
                low.as_ref().map(|moment| stretch(moment).0),
                high.as_ref().map(|moment| after(stretch(moment))),
            ),
        }
    }

    fn one(&self, value: &Value, now: Timestamp, zone: &Timezone) -> Condition {
        match (&self.subject, value) {
            (Subject::Queue, Value::Prefix(prefix)) => Condition::QueuePrefix(prefix.clone()),
            (_, Value::Prefix(prefix)) => Condition::WorkerPrefix(prefix.clone()),
            (Subject::Tag, Value::Text(text)) => Condition::Tagged(text.clone()),
            (Subject::Node, Value::Text(text)) => Condition::Node(text.clone()),
            (Subject::Error, Value::Text(text)) => Condition::ErrorSays(text.clone()),
            (Subject::ErrorType, Value::Text(text)) => Condition::ErrorType(text.clone()),
            (Subject::Fingerprint, Value::Text(text)) => Condition::Fingerprint(text.clone()),
            (Subject::Trace, Value::Text(text)) => Condition::Traced(text.to_lowercase()),
            (Subject::Cron, Value::Text(text)) => {
                Condition::Meta(json!({"cron_name": text}).into())
            }
            (Subject::Args(keys), value) => json_condition(JobJson::Args, keys, value),
            (Subject::Meta(keys), value) => json_condition(JobJson::Meta, keys, value),
            (Subject::Time(time), value @ Value::Time(_)) => {
                let (since, before) = Term::times(value, now, zone);
                time_condition(*time, since, before)
            }
            (subject, Value::Number(bound)) => {
                let number = match subject {
                    Subject::Priority => JobNumber::Priority,
                    Subject::Attempt => JobNumber::Attempt,
                    _ => JobNumber::Id,
                };
                bounded(bound, |sign, value| Condition::Number(number, sign, *value))
            }
            (subject, Value::Length(bound)) => {
                let span = match subject {
                    Subject::Wait => JobSpan::Wait,
                    _ => JobSpan::Run,
                };
                bounded(bound, |sign, length| Condition::Lasted(span, sign, length.duration()))
            }
            (_, Value::Mark(Mark::Orphaned)) => Condition::Orphaned,
            (_, Value::Mark(Mark::Snoozed)) => marked(SNOOZED),
            (_, Value::Mark(Mark::Rescued)) => marked(RESCUED),
            (_, Value::Mark(Mark::Stuck)) => Condition::Stuck,
            (_, Value::Mark(Mark::Unregistered)) => Condition::Unregistered,
            // A value that was put to a subject which has none of its kind fits no job.
            _ => Condition::Not(Box::new(Condition::All(vec![Condition::Number(
                JobNumber::Id,
                Comparison::AtLeast,
                i64::MIN,
            )]))),
        }
    }
}

/// What comes after a stretch of time, or after an instant.
fn after((begin, end): (Timestamp, Timestamp)) -> Timestamp {
    end.max(Timestamp::from_micros(begin.as_micros().saturating_add(1)))
}

fn marked(key: &str) -> Condition {
    Condition::Reaches(JobJson::Meta, vec![key.to_owned()])
}

fn bounded<T>(bound: &Bound<T>, condition: impl Fn(Comparison, &T) -> Condition) -> Condition {
    let mut all = Vec::new();
    match bound {
        Bound::Is(value) => {
            all.push(condition(Comparison::AtLeast, value));
            all.push(condition(Comparison::AtMost, value));
        }
        Bound::Compares(sign, value) => return condition(*sign, value),
        Bound::Between(low, high) => {
            all.extend(low.iter().map(|low| condition(Comparison::AtLeast, low)));
            all.extend(high.iter().map(|high| condition(Comparison::AtMost, high)));
        }
    }
    Condition::All(all)
}

fn time_condition(
    time: TermTime,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
) -> Condition {
    let time = match time {
        TermTime::Inserted => Some(JobTime::Inserted),
        TermTime::Scheduled => Some(JobTime::Scheduled),
        TermTime::Attempted => Some(JobTime::Attempted),
        TermTime::Finished => None,
    };
    let storable = |at: Timestamp| at.clamp(Timestamp::MIN, Timestamp::MAX);
    let since = since.map(storable).map(|at| match time {
        Some(time) => Condition::Since(time, at),
        None => Condition::EndedSince(at),
    });
    let before = before.map(storable).map(|at| match time {
        Some(time) => Condition::Before(time, at),
        None => Condition::EndedBefore(at),
    });
    Condition::All(since.into_iter().chain(before).collect())
}

fn json_condition(of: JobJson, keys: &[String], value: &Value) -> Condition {
    let contains = |value: Json| {
        let nested = keys
            .iter()
            .rev()
            .fold(value, |value, key| Json::Object(Map::from_iter([(key.clone(), value)])));
        match of {
            JobJson::Args => Condition::Args(nested.into()),
            JobJson::Meta => Condition::Meta(nested.into()),
        }
    };
    match value {
        Value::Anything => Condition::Reaches(of, keys.to_vec()),
        Value::Measure(bound) => bounded(bound, |sign, number| {
            Condition::Measures(of, keys.to_vec(), sign, number.clone())
        }),
        Value::Word(word) => {
            let text = contains(Json::String(word.clone()));
            match serde_json::from_str::<Json>(word) {
                Ok(value @ (Json::Number(_) | Json::Bool(_) | Json::Null)) => {
                    Condition::AnyOf(vec![contains(value), text])
                }
                _ => text,
            }
        }
        Value::Text(text) => contains(Json::String(text.clone())),
        _ => Condition::AnyOf(Vec::new()),
    }
}
