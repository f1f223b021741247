//! A job before it is inserted, and the rules that it must obey.

mod finite;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::json::Json;
use crate::state::State;
use crate::time::Timestamp;
use crate::unique::{Unique, UniqueClaim};
use crate::worker::Worker;

/// A job before it is inserted.
///
/// Made from a worker's value, or by [`NewJob::of`] for a worker that this program does not have.
/// Nothing is checked until it is inserted; then every rule that it breaks is named in one error.
///
/// ```
/// use kerrera_core::{NewJob, Units};
/// use serde_json::json;
///
/// let job = NewJob::of("MyApp.Mailer", json!({"id": 7}))
///     .queue("elixir")
///     .priority(3)
///     .schedule_in(10.minutes());
/// # let _ = job;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a job does nothing until it is inserted"]
pub struct NewJob {
    worker: String,
    queue: String,
    args: Args,
    meta: Value,
    tags: Vec<String>,
    priority: u8,
    max_attempts: u32,
    schedule: Schedule,
    unique: Option<Unique>,
}

/// Args as text, or why they could not be written as JSON.
type Args = std::result::Result<Json, Violation>;

/// When a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At once.
    Now,
    /// When this long has passed from its insertion, by the clock of the database.
    In(Duration),
    /// At that time; one in the past is as good as now.
    At(Timestamp),
}

impl NewJob {
    /// A job for a worker by its name, which another program or language may have.
    ///
    /// `args` must be a JSON object. The queue is `default`, the attempts are 20, unless changed.
    pub fn of(worker: impl Into<String>, args: Value) -> NewJob {
        let args = match args {
            Value::Object(_) => Ok(Json::from(args)),
            other => Err(Violation::new("args", shorten(&other.to_string()), "must be an object")),
        };
        NewJob {
            worker: worker.into(),
            queue: "default".to_owned(),
            args,
            meta: Value::Object(Map::new()),
            tags: Vec::new(),
            priority: 0,
            max_attempts: 20,
            schedule: Schedule::Now,
            unique: None,
        }
    }

    /// The same with args as text, which keep every digit of their numbers and the order of their keys.
    ///
    /// ```
    /// use kerrera_core::{Json, NewJob};
    ///
    /// let job = NewJob::of_json("Pay", Json::from_text(r#"{"amount": 10000000000000000000000.10}"#));
    /// # let _ = job;
    /// ```
    pub fn of_json(worker: impl Into<String>, args: Json) -> NewJob {
        let args = match is_object(&args) {
            true => Ok(args),
            false => Err(Violation::new("args", shorten(args.as_str()), "must be an object")),
        };
        NewJob { args, ..NewJob::of(worker, Value::Object(Map::new())) }
    }

    /// Puts it in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> NewJob {
        self.queue = queue.into();
        self
    }

    /// Gives it a priority: 0 is claimed first, 9 last.
    pub fn priority(mut self, priority: u8) -> NewJob {
        self.priority = priority;
        self
    }

    /// Gives it this many attempts, 1 to 32,767.
    pub fn max_attempts(mut self, attempts: u32) -> NewJob {
        self.max_attempts = attempts;
        self
    }

    /// Makes it run once this long from its insertion has passed.
    pub fn schedule_in(mut self, wait: Duration) -> NewJob {
        self.schedule = Schedule::In(wait);
        self
    }

    /// Makes it run at that time.
    pub fn schedule_at(mut self, time: impl Into<Timestamp>) -> NewJob {
        self.schedule = Schedule::At(time.into());
        self
    }

    /// Adds a tag. Tags are trimmed, made lower case, and kept once each.
    pub fn tag(mut self, tag: impl Into<String>) -> NewJob {
        self.tags.push(tag.into());
        self
    }

    /// Adds tags.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> NewJob {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Sets what else is to be kept with it: a JSON object.
    pub fn meta(mut self, meta: Value) -> NewJob {
        self.meta = meta;
        self
    }

    /// Inserts it only if no job counts as the same by this rule; see [`Unique`]. In the place of the
    /// worker's own rule, if it has one; `None` makes it an ordinary job.
    ///
    /// ```
    /// use kerrera_core::NewJob;
    /// use kerrera_core::unique::until_finished;
    /// use serde_json::json;
    ///
    /// let job = NewJob::of("Sync", json!({"user_id": 7})).unique(until_finished());
    /// # let _ = job;
    /// ```
    pub fn unique(mut self, rule: impl Into<Option<Unique>>) -> NewJob {
        self.unique = rule.into();
        self
    }

    /// Checks every rule, and makes the job ready for a storage.
    ///
    /// # Errors
    ///
    /// One error that names every field, value and rule that does not hold; see
    /// [`Error::violations`].
    pub fn validate(self, limits: &Limits) -> Result<ValidJob> {
        let mut broken = Vec::new();
        check_name(&mut broken, "worker", &self.worker);
        check_name(&mut broken, "queue", &self.queue);
        check_priority(&mut broken, self.priority);
        check_max_attempts(&mut broken, self.max_attempts);
        check_time(&mut broken, self.schedule);
        let tags = normalise_tags(&mut broken, self.tags, limits);
        if !self.meta.is_object() {
            let meta = shorten(&self.meta.to_string());
            broken.push(Violation::new("meta", meta, "must be an object"));
        }
        let meta = Json::from(self.meta);
        check_json(&mut broken, "meta", &meta, limits.meta_bytes);
        let args = self.args.unwrap_or_else(|violation| {
            broken.push(violation);
            Json::default()
        });
        check_json(&mut broken, "args", &args, limits.args_bytes);
        broken.extend(self.unique.iter().flat_map(Unique::violations));
        let unique = self.unique.filter(|_| broken.is_empty());
        let claim = |rule| UniqueClaim::new(rule, &self.worker, &self.queue, &args, &meta);
        let unique = unique.map(claim).transpose().unwrap_or_else(|error| {
            broken.push(Violation::new("args or meta", error, "must be readable to be compared"));
            None
        });

        if !broken.is_empty() {
            return Err(Error::invalid_job(&shorten(&self.worker), broken));
        }
        Ok(ValidJob {
            worker: self.worker,
            queue: self.queue,
            args,
            meta,
            tags,
            priority: i32::from(self.priority),
            max_attempts: self.max_attempts as i32,
            schedule: self.schedule,
            unique: unique.map(Box::new),
        })
    }
}

impl<W: Worker> From<W> for NewJob {
    fn from(worker: W) -> NewJob {
        let args = match serde_json::to_string(&worker) {
            // JSON has no word for them: serde_json writes a number that is not finite as null.
            Ok(text) if text.contains("null") => {
                finite::check(&worker).map(|()| Json::from_text(text))
            }
            Ok(text) => Ok(Json::from_text(text)),
            Err(error) => Err(Violation::new("args", error, "must be writable as JSON")),
        };
        let args = args.and_then(|args| match args.as_str() {
            text if text.starts_with('{') => Ok(args),
            // A unit struct has no args.
            "null" => Ok(Json::default()),
            text => {
                let rule = "must be an object: give the worker's struct named fields";
                Err(Violation::new("args", shorten(text), rule))
            }
        });
        NewJob {
            args,
            tags: W::TAGS.iter().map(ToString::to_string).collect(),
            unique: W::uniqueness(),
            ..NewJob::of(W::NAME, Value::Object(Map::new()))
                .queue(W::QUEUE)
                .priority(W::PRIORITY)
                .max_attempts(W::MAX_ATTEMPTS)
        }
    }
}

/// How large the parts of a job may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The args as JSON text, in bytes; 1 MiB by default.
    pub args_bytes: usize,
    /// The meta as JSON text, in bytes; 16 KiB by default.
    pub meta_bytes: usize,
    /// How many tags; 16 by default.
    pub tags: usize,
    /// How many characters a tag may have; 64 by default.
    pub tag_chars: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { args_bytes: 1024 * 1024, meta_bytes: 16 * 1024, tags: 16, tag_chars: 64 }
    }
}

/// How deep the arrays and objects of args and meta may be nested.
///
/// Half of what Rust's JSON reads, so that a job that one node can insert every node can run.
pub const DEEPEST_JSON: usize = 64;

/// The longest name of a worker or a queue, in characters; the database's own limit.
pub const LONGEST_NAME: usize = 127;

/// A rule that a job breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The field, or a path into args or meta such as `args.rows[3].price`.
    pub field: String,
    /// Its value, shortened; empty where showing it would help nobody.
    pub value: String,
    /// What would have to hold.
    pub rule: &'static str,
}

impl Violation {
    pub(crate) fn new(
        field: impl Into<String>,
        value: impl ToString,
        rule: &'static str,
    ) -> Violation {
        Violation { field: field.into(), value: value.to_string(), rule }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { field, value, rule } = self;
        if value.is_empty() {
            write!(f, "{field} {rule}")
        } else {
            write!(f, "{field} {value} {rule}")
        }
    }
}

/// A job that obeys every rule, ready for a storage.
///
/// Serialized, it is the element of the JSON array that an [`Executor`](crate::executor::Executor)
/// hands to the database; and a [cron entry](crate::cron::CronEntry) keeps its job so, with the rule
/// under the key `unique` if it has one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "StoredJob")]
#[non_exhaustive]
pub struct ValidJob {
    /// The worker's name.
    pub worker: String,
    /// The queue.
    pub queue: String,
    /// A JSON object.
    pub args: Json,
    /// A JSON object.
    pub meta: Json,
    /// Normalised.
    pub tags: Vec<String>,
    /// 0 to 9.
    pub priority: i32,
    /// At least 1.
    pub max_attempts: i32,
    /// When it may run; as JSON the keys `state`, `wait_us` and `at_us`.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// What it claims, if it is unique; not a part of the JSON.
    #[serde(skip)]
    pub unique: Option<Box<UniqueClaim>>,
}

impl ValidJob {
    /// The state in which it is inserted: a job with a time of its own is `scheduled`, even if that
    /// time has passed.
    pub fn state(&self) -> State {
        self.schedule.state()
    }

    /// Whether the two differ in nothing but their args, as far as the row tells; so that what they have
    /// in common need be sent once.
    pub fn is_alike(&self, other: &ValidJob) -> bool {
        let ValidJob {
            worker,
            queue,
            args: _,
            meta,
            tags,
            priority,
            max_attempts,
            schedule,
            unique: _,
        } = self;
        *worker == other.worker
            && *queue == other.queue
            && meta.as_str() == other.meta.as_str()
            && *tags == other.tags
            && *priority == other.priority
            && *max_attempts == other.max_attempts
            && *schedule == other.schedule
    }
}

/// A valid job as JSON has it. Flattened, its args and meta could not be kept as text.
#[derive(Deserialize)]
struct StoredJob {
    worker: String,
    queue: String,
    args: Json,
    meta: Json,
    tags: Vec<String>,
    priority: i32,
    max_attempts: i32,
    wait_us: Option<u64>,
    at_us: Option<i64>,
    unique: Option<Unique>,
}

impl TryFrom<StoredJob> for ValidJob {
    type Error = serde_json::Error;

    fn try_from(job: StoredJob) -> std::result::Result<ValidJob, serde_json::Error> {
        let schedule = match (job.wait_us, job.at_us) {
            (Some(wait), _) => Schedule::In(Duration::from_micros(wait)),
            (None, Some(at)) => Schedule::At(Timestamp::from_micros(at)),
            (None, None) => Schedule::Now,
        };
        let claim = |rule| UniqueClaim::new(rule, &job.worker, &job.queue, &job.args, &job.meta);
        let unique = job.unique.map(claim).transpose()?;
        Ok(ValidJob {
            unique: unique.map(Box::new),
            worker: job.worker,
            queue: job.queue,
            args: job.args,
            meta: job.meta,
            tags: job.tags,
            priority: job.priority,
            max_attempts: job.max_attempts,
            schedule,
        })
    }
}

impl Schedule {
    fn state(self) -> State {
        if self == Schedule::Now { State::Available } else { State::Scheduled }
    }

    /// How long from now, in microseconds, if it was said so.
    pub fn wait_micros(self) -> Option<i64> {
        match self {
            Schedule::In(wait) => Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
            Schedule::Now | Schedule::At(_) => None,
        }
    }

    /// At what time, in microseconds since 1970, if it was said so.
    pub fn at_micros(self) -> Option<i64> {
        match self {
            Schedule::At(time) => Some(time.as_micros()),
            Schedule::Now | Schedule::In(_) => None,
        }
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut keys = serializer.serialize_struct("Schedule", 3)?;
        keys.serialize_field("state", self.state().as_str())?;
        keys.serialize_field("wait_us", &self.wait_micros())?;
        keys.serialize_field("at_us", &self.at_micros())?;
        keys.end()
    }
}

pub(crate) fn check_name(broken: &mut Vec<Violation>, field: &'static str, name: &str) {
    if name.trim().is_empty() {
        broken.push(Violation::new(field, format!("{name:?}"), "must not be blank"));
    } else if name.chars().count() > LONGEST_NAME {
        let rule = "must be at most 127 characters long";
        broken.push(Violation::new(field, format!("{:?}", shorten(name)), rule));
    } else if name.chars().any(char::is_control) {
        let rule = "must have no control characters";
        broken.push(Violation::new(field, format!("{name:?}"), rule));
    }
}

pub(crate) fn check_priority(broken: &mut Vec<Violation>, priority: u8) {
    if priority > 9 {
        broken.push(Violation::new("priority", priority, "must be between 0 and 9"));
    }
}

pub(crate) fn check_max_attempts(broken: &mut Vec<Violation>, attempts: u32) {
    if !(1..=32_767).contains(&attempts) {
        broken.push(Violation::new("max_attempts", attempts, "must be between 1 and 32767"));
    }
}

pub(crate) fn check_time(broken: &mut Vec<Violation>, schedule: Schedule) {
    let rule = "must be in the years 1970 to 9999";
    match schedule {
        Schedule::At(time) if !time.is_storable() => {
            broken.push(Violation::new("scheduled_at", time, rule));
        }
        Schedule::In(wait) if !(Timestamp::now() + wait).is_storable() => {
            broken.push(Violation::new("schedule_in", format!("{} s", wait.as_secs()), rule));
        }
        Schedule::Now | Schedule::At(_) | Schedule::In(_) => {}
    }
}

pub(crate) fn normalise_tags(
    broken: &mut Vec<Violation>,
    tags: Vec<String>,
    limits: &Limits,
) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = tag.trim().to_lowercase();
        if tag.is_empty() || kept.contains(&tag) {
            continue;
        }
        if tag.chars().any(char::is_control) {
            let rule = "must have no control characters";
            broken.push(Violation::new("tags", format!("{:?}", shorten(&tag)), rule));
        } else if tag.chars().count() > limits.tag_chars {
            let rule = "must be shorter: see Limits::tag_chars";
            broken.push(Violation::new("tags", format!("{:?}", shorten(&tag)), rule));
        }
        kept.push(tag);
    }
    if kept.len() > limits.tags {
        broken.push(Violation::new("tags", kept.len(), "must be fewer: see Limits::tags"));
    }
    kept
}

/// Whether it is a JSON object, whatever is in it.
pub(crate) fn is_object(json: &Json) -> bool {
    json.decode::<HashMap<String, IgnoredAny>>().is_ok()
}

pub(crate) fn check_json(
    broken: &mut Vec<Violation>,
    field: &'static str,
    json: &Json,
    most: usize,
) {
    let text = json.as_str();
    if text.len() > most {
        let value = format!("of {} bytes", text.len());
        let rule =
            "must be smaller: see Limits; keep large data elsewhere and give the job its key";
        broken.push(Violation::new(field, value, rule));
        return;
    }
    if depth(text) > DEEPEST_JSON {
        broken.push(Violation::new(field, "", "must be nested at most 64 deep"));
        return;
    }
    // Only then can there be a NUL, which PostgreSQL's jsonb cannot hold.
    if text.contains("\\u0000") {
        let value = json.decode().unwrap_or(Value::Null);
        if let Some(path) = find_nul(&value, field) {
            broken.push(Violation::new(path, "", "must have no NUL character"));
        }
    }
}

/// How deep arrays and objects are nested in valid JSON text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The path of the first text with a NUL.
fn find_nul(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(|| path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| find_nul(item, &format!("{path}[{at}]")))
        }
        Value::Object(object) => object.iter().find_map(|(key, item)| {
            if key.contains('\0') {
                return Some(format!("a key of {path}"));
            }
            find_nul(item, &format!("{path}.{key}"))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The beginning of a text, for a message.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
