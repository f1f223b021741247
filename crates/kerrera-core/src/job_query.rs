//! Which jobs are meant: to be looked at, or to be managed.

mod stored;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::fingerprint::Fingerprint;
use crate::job::{Job, JobId};
use crate::json::Json;
use crate::listing::Path;
use crate::new_job::{Limits, Violation, check_json};
use crate::state::State;
use crate::time::Timestamp;

/// Which jobs are meant, in which order, and how many of them: what Oban calls a query.
///
/// Every condition that is given must hold; a list says that any of its values will do. Without a
/// condition all jobs are meant. Nothing is checked before the query is used; then a condition that
/// nobody can mean (an empty list, an empty object) is an error, and no job is touched.
///
/// ```
/// use kerrera_core::{JobQuery, JobTime, JobOrder, State, Timestamp};
/// use serde_json::json;
///
/// let query = JobQuery::new()
///     .states([State::Retryable, State::Discarded])
///     .queues(["mailers"])
///     .args(json!({"user": {"id": 7}}))
///     .since(JobTime::Inserted, "2026-11-22T00:00:00Z".parse::<Timestamp>()?)
///     .order(JobOrder::Newest)
///     .limit(50);
/// # let _ = query;
/// # Ok::<(), kerrera_core::time::NotATimestamp>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "a query does nothing until it is used"]
pub struct JobQuery {
    conditions: Vec<Condition>,
    order: JobOrder,
    limit: Option<u32>,
    after: Option<Place>,
    broken: Option<String>,
}

impl JobQuery {
    /// All jobs, the oldest first.
    pub fn new() -> JobQuery {
        JobQuery::default()
    }

    /// Those with one of these numbers. Found through the primary key, on both databases.
    pub fn ids(self, ids: impl IntoIterator<Item = JobId>) -> JobQuery {
        self.with(Condition::Ids(ids.into_iter().collect()))
    }

    /// Those in one of these states.
    ///
    /// Of the available, scheduled, retryable and executing ones both databases have an index; a
    /// query for finished jobs alone reads the table, in the order of their numbers.
    pub fn states(self, states: impl IntoIterator<Item = State>) -> JobQuery {
        self.with(Condition::States(states.into_iter().collect()))
    }

    /// Those in one of these queues.
    pub fn queues<T: Into<String>>(self, queues: impl IntoIterator<Item = T>) -> JobQuery {
        self.with(Condition::Queues(texts(queues)))
    }

    /// Those of one of these workers.
    pub fn workers<T: Into<String>>(self, workers: impl IntoIterator<Item = T>) -> JobQuery {
        self.with(Condition::Workers(texts(workers)))
    }

    /// Those with one of these priorities.
    pub fn priorities(self, priorities: impl IntoIterator<Item = i32>) -> JobQuery {
        self.with(Condition::Priorities(priorities.into_iter().collect()))
    }

    /// Those of which one of these numbers of attempts have begun.
    pub fn attempts(self, attempts: impl IntoIterator<Item = i32>) -> JobQuery {
        self.with(Condition::Attempts(attempts.into_iter().collect()))
    }

    /// Those that may have one of these numbers of attempts.
    pub fn max_attempts(self, attempts: impl IntoIterator<Item = i32>) -> JobQuery {
        self.with(Condition::MaxAttempts(attempts.into_iter().collect()))
    }

    /// Those with exactly these tags, in this order; none at all if the list is empty.
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> JobQuery {
        self.with(Condition::Tags(texts(tags)))
    }

    /// Those that have this tag, whatever others they have. Twice: those that have both.
    pub fn tagged(self, tag: impl Into<String>) -> JobQuery {
        self.with(Condition::Tagged(tag.into()))
    }

    /// Those whose args contain this JSON object, nested ones included: PostgreSQL's `@>`.
    ///
    /// Reads the args of every job for which the other conditions hold, unless the database has
    /// Oban's GIN index.
    pub fn args(self, part: impl Into<Value>) -> JobQuery {
        self.containing("args", part.into(), Condition::Args)
    }

    /// Those whose meta contains this JSON object, nested ones included: PostgreSQL's `@>`.
    pub fn meta(self, part: impl Into<Value>) -> JobQuery {
        self.containing("meta", part.into(), Condition::Meta)
    }

    /// Those whose last failure is one of these: see [`Fingerprint`].
    ///
    /// Reads the errors of every job for which the other conditions hold.
    pub fn failed_with(self, fingerprints: impl IntoIterator<Item = Fingerprint>) -> JobQuery {
        let mut prints: Vec<Condition> = fingerprints
            .into_iter()
            .map(|print| Condition::Fingerprint(print.to_string()))
            .collect();
        let only = if prints.len() == 1 { prints.pop() } else { None };
        self.with(only.unwrap_or(Condition::AnyOf(prints)))
    }

    /// Those with this time, and not before that instant.
    pub fn since(self, time: JobTime, instant: impl Into<Timestamp>) -> JobQuery {
        self.with(Condition::Since(time, storable(instant.into())))
    }

    /// Those with this time, and before that instant.
    pub fn before(self, time: JobTime, instant: impl Into<Timestamp>) -> JobQuery {
        self.with(Condition::Before(time, storable(instant.into())))
    }

    /// In which order; by their numbers if nothing is said.
    pub fn order(mut self, order: JobOrder) -> JobQuery {
        self.order = order;
        self
    }

    /// How many at most.
    pub fn limit(mut self, limit: u32) -> JobQuery {
        self.limit = Some(limit);
        self
    }

    /// Those that follow this place in the order: the next page.
    ///
    /// ```
    /// # use kerrera_core::{Job, JobQuery, JobTime, JobOrder, State};
    /// # let last_of_the_page = Job::blank(7);
    /// let query = JobQuery::new().states([State::Scheduled]);
    /// let query = query.order(JobOrder::Earliest(JobTime::Scheduled)).limit(20);
    /// let next = query.clone().after(query.place_of(&last_of_the_page));
    /// # let _ = next;
    /// ```
    pub fn after(mut self, place: Place) -> JobQuery {
        self.after = Some(place);
        self
    }

    /// The place of a job in the order of this query.
    pub fn place_of(&self, job: &Job) -> Place {
        Place { time: self.order.time().and_then(|time| time.of(job)), id: job.id }
    }

    /// Those for which this condition holds, with which whatever can be asked is put together.
    pub fn where_all(self, conditions: impl IntoIterator<Item = Condition>) -> JobQuery {
        conditions.into_iter().fold(self, JobQuery::with)
    }

    /// Whether there is no condition, so that all jobs are meant.
    pub fn is_everything(&self) -> bool {
        self.conditions.is_empty()
    }

    /// How many at most, if that was said.
    pub fn most(&self) -> Option<u32> {
        self.limit
    }

    /// Checks the conditions, and makes the query ready for a storage.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`] when a condition makes no sense: an empty list, an empty object, a text
    /// with a NUL in it, a limit of zero, a place of another order.
    pub fn validate(self) -> Result<ValidQuery> {
        let wrong = |what: String| Err(Error::new(Kind::Config, format!("the query {what}")));
        if let Some(broken) = self.broken {
            return wrong(broken);
        }
        for condition in &self.conditions {
            if let Some(broken) = condition.broken() {
                return wrong(broken);
            }
        }
        if self.limit == Some(0) {
            return wrong("has the limit 0: leave it out, or make it at least 1".to_owned());
        }
        if let Some(place) = &self.after
            && place.time.is_some() != self.order.time().is_some()
        {
            return wrong(format!(
                "begins after {place}, which is no place in its order: take it from place_of of a \
                 query with the same order"
            ));
        }
        Ok(ValidQuery {
            conditions: self.conditions,
            order: self.order,
            limit: self.limit,
            after: self.after,
        })
    }

    fn with(mut self, condition: Condition) -> JobQuery {
        self.conditions.push(condition);
        self
    }

    fn containing(
        mut self,
        field: &'static str,
        part: Value,
        condition: fn(Json) -> Condition,
    ) -> JobQuery {
        let is_object = part.as_object().is_some_and(|object| !object.is_empty());
        let part = Json::from(part);
        let mut violations: Vec<Violation> = Vec::new();
        check_json(&mut violations, field, &part, Limits::default().args_bytes);
        if !is_object {
            let rule = format!("asks for {field} that contain no keys: give an object with one");
            self.broken.get_or_insert(rule);
        } else if let Some(violation) = violations.first() {
            self.broken.get_or_insert(format!("cannot be asked: {violation}"));
        }
        self.with(condition(part))
    }
}

/// Something that must hold of a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// It has one of these numbers.
    Ids(Vec<JobId>),
    /// It is in one of these states.
    States(Vec<State>),
    /// It is in one of these queues.
    Queues(Vec<String>),
    /// It is of one of these workers.
    Workers(Vec<String>),
    /// It has one of these priorities.
    Priorities(Vec<i32>),
    /// One of these numbers of attempts have begun.
    Attempts(Vec<i32>),
    /// It may have one of these numbers of attempts.
    MaxAttempts(Vec<i32>),
    /// It has exactly these tags.
    Tags(Vec<String>),
    /// It has this tag.
    Tagged(String),
    /// Its args contain this object.
    Args(Json),
    /// Its meta contains this object.
    Meta(Json),
    /// It has that time, and not before this instant.
    Since(JobTime, Timestamp),
    /// It has that time, and before this instant.
    Before(JobTime, Timestamp),
    /// Its queue begins with this.
    QueuePrefix(String),
    /// Its worker begins with this.
    WorkerPrefix(String),
    /// One of its numbers compares like this.
    Number(JobNumber, Comparison, i64),
    /// It was last claimed by this node.
    Node(String),
    /// There is something under these keys, one within the other; of an array, a key is a place.
    Reaches(JobJson, Vec<String>),
    /// What is under these keys is a number that compares like this.
    Measures(JobJson, Vec<String>, Comparison, serde_json::Number),
    /// Its newest error says this, in whatever case.
    ErrorSays(String),
    /// Its newest error is of this type: it begins with `Type:`, as in Rust and Python, or with
    /// `** (Type)`, as in Elixir.
    ErrorType(String),
    /// Its newest error has this fingerprint, the key `k_fp` of the error.
    Fingerprint(String),
    /// It has ended, however it did, and not before this instant.
    EndedSince(Timestamp),
    /// It has ended, however it did, before this instant.
    EndedBefore(Timestamp),
    /// That part of its life lasted so long.
    Lasted(JobSpan, Comparison, Duration),
    /// It is executing under a claim of Kerrera's, and there is no such producer any more.
    Orphaned,
    /// It is executing for longer than its worker allows, by what a node has declared of that, and a
    /// second more.
    Stuck,
    /// No node that is remembered has registered its worker.
    Unregistered,
    /// It belongs to the trace of this number, by the key `traceparent` of its meta (W3C Trace Context).
    Traced(String),
    /// This does not hold, or cannot be said.
    Not(Box<Condition>),
    /// One of these holds.
    AnyOf(Vec<Condition>),
    /// All of these hold.
    All(Vec<Condition>),
}

impl Condition {
    /// Whether jobs in this state can be meant.
    pub fn allows(&self, state: State) -> bool {
        match self {
            Condition::States(states) => states.contains(&state),
            Condition::Not(other) => match &**other {
                Condition::States(states) => !states.contains(&state),
                _ => true,
            },
            Condition::AnyOf(others) => others.iter().any(|other| other.allows(state)),
            Condition::All(others) => others.iter().all(|other| other.allows(state)),
            _ => true,
        }
    }

    /// Whether it is about nothing but states.
    pub(crate) fn is_states(&self) -> bool {
        match self {
            Condition::States(_) => true,
            Condition::Not(other) => other.is_states(),
            _ => false,
        }
    }

    /// Whether it names jobs by their numbers.
    pub(crate) fn is_ids(&self) -> bool {
        matches!(self, Condition::Ids(_))
    }

    /// Whether it is about the queue alone, or the priority alone: what comes first in the index of
    /// available jobs.
    pub fn is_of_claim(&self) -> bool {
        match self {
            Condition::Queues(_)
            | Condition::QueuePrefix(_)
            | Condition::Priorities(_)
            | Condition::Number(JobNumber::Priority, ..) => true,
            Condition::Not(other) => other.is_of_claim(),
            Condition::AnyOf(others) | Condition::All(others) => {
                others.iter().all(Condition::is_of_claim)
            }
            _ => false,
        }
    }

    /// What it says of jobs in these states: when they ended is a column, and has an index, where all
    /// of them ended alike.
    pub(crate) fn of_ended(&self, states: &[State]) -> Condition {
        let ended = match states {
            [State::Discarded] => JobTime::Discarded,
            [State::Cancelled] => JobTime::Cancelled,
            _ => return self.clone(),
        };
        match self {
            Condition::EndedSince(at) => Condition::Since(ended, *at),
            Condition::EndedBefore(at) => Condition::Before(ended, *at),
            Condition::All(others) => {
                Condition::All(others.iter().map(|other| other.of_ended(states)).collect())
            }
            other => other.clone(),
        }
    }

    /// Whether it cuts a piece out of the index along which jobs in these states are walked, so that no
    /// row is looked at in vain.
    pub(crate) fn bounds(&self, path: Path, time: Option<JobTime>, states: &[State]) -> bool {
        match self {
            Condition::Ids(_) => true,
            Condition::Number(JobNumber::Id, ..) => path == Path::Number,
            Condition::Since(other, _) | Condition::Before(other, _) => {
                path != Path::Number && time == Some(*other)
            }
            Condition::All(others) => others.iter().all(|other| other.bounds(path, time, states)),
            condition => states == [State::Available] && condition.is_of_claim(),
        }
    }

    /// Why nobody can mean it.
    fn broken(&self) -> Option<String> {
        let empty = |what: &str, is_empty: bool| {
            is_empty.then(|| {
                format!("asks for {what} out of an empty list: name one, or leave that out")
            })
        };
        let named = |what: &str, names: &[String]| {
            empty(what, names.is_empty()).or_else(|| no_nul(what, names))
        };
        match self {
            Condition::Ids(ids) => empty("a number", ids.is_empty()),
            Condition::States(states) => empty("a state", states.is_empty()),
            Condition::Queues(queues) => named("a queue", queues),
            Condition::Workers(workers) => named("a worker", workers),
            Condition::Priorities(numbers) => empty("a priority", numbers.is_empty()),
            Condition::Attempts(numbers) => empty("an attempt", numbers.is_empty()),
            Condition::MaxAttempts(numbers) => {
                empty("a greatest number of attempts", numbers.is_empty())
            }
            Condition::Tags(tags) => no_nul("a tag", tags),
            Condition::Tagged(tag) => no_nul("a tag", std::slice::from_ref(tag)),
            Condition::Not(other) => other.broken(),
            Condition::AnyOf(others) | Condition::All(others) => {
                empty("a condition", others.is_empty())
                    .or_else(|| others.iter().find_map(Condition::broken))
            }
            Condition::QueuePrefix(text) => no_nul("a queue", std::slice::from_ref(text)),
            Condition::WorkerPrefix(text) => no_nul("a worker", std::slice::from_ref(text)),
            Condition::Node(text) => no_nul("a node", std::slice::from_ref(text)),
            Condition::ErrorSays(text)
            | Condition::ErrorType(text)
            | Condition::Fingerprint(text) => no_nul("an error", std::slice::from_ref(text)),
            Condition::Traced(text) => no_nul("a trace", std::slice::from_ref(text)),
            Condition::Reaches(_, keys) | Condition::Measures(_, keys, ..) => {
                empty("a key", keys.is_empty()).or_else(|| no_nul("a key", keys))
            }
            Condition::Args(_)
            | Condition::Meta(_)
            | Condition::Number(..)
            | Condition::EndedSince(_)
            | Condition::EndedBefore(_)
            | Condition::Lasted(..)
            | Condition::Orphaned
            | Condition::Stuck
            | Condition::Unregistered
            | Condition::Since(..)
            | Condition::Before(..) => None,
        }
    }
}

/// One of the numbers of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobNumber {
    /// Its own.
    Id,
    /// 0 is claimed first.
    Priority,
    /// How many attempts have begun.
    Attempt,
}

impl JobNumber {
    /// The name of its column.
    pub fn column(self) -> &'static str {
        match self {
            JobNumber::Id => "id",
            JobNumber::Priority => "priority",
            JobNumber::Attempt => "attempt",
        }
    }
}

/// One of the JSON values of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobJson {
    /// What the worker is to do.
    Args,
    /// Whatever else is kept with it.
    Meta,
}

impl JobJson {
    /// The name of its column.
    pub fn column(self) -> &'static str {
        match self {
            JobJson::Args => "args",
            JobJson::Meta => "meta",
        }
    }
}

/// A part of a job's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobSpan {
    /// From when it was last claimed to its end, or until now.
    Run,
    /// From when it could have run to when it was last claimed.
    Wait,
}

/// How a number compares with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// It is smaller.
    Less,
    /// It is smaller or the same.
    AtMost,
    /// It is greater.
    Greater,
    /// It is greater or the same.
    AtLeast,
}

impl Comparison {
    /// As it is written, in SQL as well.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
        }
    }

    /// Whether it holds for two values that stand to each other like this.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::AtLeast => order.is_ge(),
        }
    }
}

/// One of the six times of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobTime {
    /// When it was inserted.
    Inserted,
    /// When it may run, or could have first.
    Scheduled,
    /// When it was last claimed.
    Attempted,
    /// When it ended well.
    Completed,
    /// When it was given up.
    Discarded,
    /// When it was ended on purpose.
    Cancelled,
}

impl JobTime {
    /// Every time, in the order of a job's life.
    pub const ALL: [JobTime; 6] = [
        JobTime::Inserted,
        JobTime::Scheduled,
        JobTime::Attempted,
        JobTime::Completed,
        JobTime::Discarded,
        JobTime::Cancelled,
    ];

    /// The time that goes with a state: when it may run, when it was claimed, when it ended.
    pub fn of_state(state: State) -> JobTime {
        match state {
            State::Suspended => JobTime::Inserted,
            State::Available | State::Scheduled | State::Retryable => JobTime::Scheduled,
            State::Executing => JobTime::Attempted,
            State::Completed => JobTime::Completed,
            State::Discarded => JobTime::Discarded,
            State::Cancelled => JobTime::Cancelled,
        }
    }

    /// The name of its column.
    pub fn column(self) -> &'static str {
        match self {
            JobTime::Inserted => "inserted_at",
            JobTime::Scheduled => "scheduled_at",
            JobTime::Attempted => "attempted_at",
            JobTime::Completed => "completed_at",
            JobTime::Discarded => "discarded_at",
            JobTime::Cancelled => "cancelled_at",
        }
    }

    /// This time of a job, if the job has it.
    pub fn of(self, job: &Job) -> Option<Timestamp> {
        match self {
            JobTime::Inserted => Some(job.inserted_at),
            JobTime::Scheduled => Some(job.scheduled_at),
            JobTime::Attempted => job.attempted_at,
            JobTime::Completed => job.completed_at,
            JobTime::Discarded => job.discarded_at,
            JobTime::Cancelled => job.cancelled_at,
        }
    }
}

/// The order in which jobs are given.
///
/// An order by a time leaves out the jobs that have no such time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JobOrder {
    /// By their numbers, the smallest first.
    #[default]
    Oldest,
    /// By their numbers, the greatest first.
    Newest,
    /// By a time, the earliest first.
    Earliest(JobTime),
    /// By a time, the latest first.
    Latest(JobTime),
}

impl JobOrder {
    /// The time by which it goes, if it goes by one.
    pub fn time(self) -> Option<JobTime> {
        match self {
            JobOrder::Oldest | JobOrder::Newest => None,
            JobOrder::Earliest(time) | JobOrder::Latest(time) => Some(time),
        }
    }

    /// Whether it begins with the greatest number, or the latest time.
    pub fn is_descending(self) -> bool {
        matches!(self, JobOrder::Newest | JobOrder::Latest(_))
    }
}

/// A place in the order of a query: between two jobs, whatever is inserted or removed meanwhile.
///
/// As text it is the job's number, and the time if the order goes by one: `4711` or
/// `4711@2026-11-22T12:00:00.000000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub(crate) time: Option<Timestamp>,
    pub(crate) id: JobId,
}

impl Place {
    /// The time there, if the order goes by one.
    pub fn time(self) -> Option<Timestamp> {
        self.time
    }

    /// The number of the job there.
    pub fn id(self) -> JobId {
        self.id
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time {
            None => write!(f, "{}", self.id),
            Some(time) => write!(f, "{}@{time}", self.id),
        }
    }
}

/// The text is not a [`Place`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPlace(String);

impl fmt::Display for NotAPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a place: it is a job's number, or number@time", self.0)
    }
}

impl std::error::Error for NotAPlace {}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Place, NotAPlace> {
        let wrong = || NotAPlace(text.chars().take(64).collect());
        let (id, time) = match text.split_once('@') {
            None => (text, None),
            Some((id, time)) => (id, Some(time.parse().map_err(|_| wrong())?)),
        };
        Ok(Place { time, id: id.parse().map_err(|_| wrong())? })
    }
}

/// A query that makes sense, ready for a storage.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValidQuery {
    /// What must hold.
    pub conditions: Vec<Condition>,
    /// In which order.
    pub order: JobOrder,
    /// How many at most.
    pub limit: Option<u32>,
    /// After which place.
    pub after: Option<Place>,
}

/// The databases know no instants before 1970 or after 9999 of a job.
fn storable(instant: Timestamp) -> Timestamp {
    instant.clamp(Timestamp::MIN, Timestamp::MAX)
}

fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(Into::into).collect()
}

fn no_nul(what: &str, texts: &[String]) -> Option<String> {
    let bad = texts.iter().find(|text| text.contains('\0'))?;
    Some(format!("asks for {what} named {bad:?}, and no text of a job has a NUL character"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_can_mean_is_an_error() {
        let none: [&str; 0] = [];
        let wrong = [
            JobQuery::new().ids([]),
            JobQuery::new().states([]),
            JobQuery::new().queues(none),
            JobQuery::new().workers(none),
            JobQuery::new().priorities([]),
            JobQuery::new().attempts([]),
            JobQuery::new().max_attempts([]),
            JobQuery::new().args(json!({})),
            JobQuery::new().args(json!(null)),
            JobQuery::new().meta(json!([1])),
            JobQuery::new().meta(json!("x")),
            JobQuery::new().args(json!({"a": "\0"})),
            JobQuery::new().queues(["a\0"]),
            JobQuery::new().tagged("\0"),
            JobQuery::new().limit(0),
            JobQuery::new().after("1@2026-01-01T00:00:00Z".parse().unwrap()),
            JobQuery::new().order(JobOrder::Latest(JobTime::Inserted)).after("1".parse().unwrap()),
        ];
        for query in wrong {
            let shown = format!("{query:?}");
            let error = query.validate().expect_err(&shown);
            assert!(error.is_config(), "{error}");
            assert!(error.to_string().starts_with("the query "), "{error}");
        }
        assert!(JobQuery::new().tags(none).validate().is_ok(), "no tags can be meant");
        assert!(JobQuery::new().validate().is_ok());
    }

    #[test]
    fn a_query_shows_no_args() {
        let query = JobQuery::new().args(json!({"password": "secret"}));
        assert!(!format!("{query:?}").contains("secret"));
    }

    #[test]
    fn places_are_read_back() {
        for text in ["4711", "-1", "4711@2026-11-22T12:00:00.123456Z"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in ["", "x", "1@", "@2026-11-22T12:00:00Z", "1@noon"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
