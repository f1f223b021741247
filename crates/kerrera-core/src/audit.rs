//! Who did what: the log of what people do to jobs, queues and cron entries.
//!
//! A row is written in the transaction of what it tells, so that neither is there without the other.
//! No row is ever changed; old ones are removed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::failure::sanitise;
use crate::job::JobId;
use crate::time::Timestamp;

/// Somebody who does something, and the way by which they do it.
///
/// ```
/// use kerrera_core::audit::{Actor, Via};
///
/// let actor = Actor::new("17").label("ada@example.org").via(Via::Html).remote_ip("192.0.2.7");
/// # let _ = actor;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// What never changes about them, such as a number.
    pub id: String,
    /// What people call them.
    pub label: String,
    /// By which way.
    pub via: Via,
    /// The request in which they did it.
    pub request_id: Option<String>,
    /// The address that it came from.
    pub remote_ip: Option<String>,
}

impl Actor {
    /// Somebody, who is called what they are until a [label](Actor::label) says otherwise; by code.
    pub fn new(id: impl Into<String>) -> Actor {
        let id = id.into();
        Actor { label: id.clone(), id, via: Via::Code, request_id: None, remote_ip: None }
    }

    /// What people call them.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Actor {
        self.label = label.into();
        self
    }

    /// By which way.
    #[must_use]
    pub fn via(mut self, via: Via) -> Actor {
        self.via = via;
        self
    }

    /// The request in which they do it.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Actor {
        self.request_id = Some(id.into());
        self
    }

    /// The address that it comes from.
    #[must_use]
    pub fn remote_ip(mut self, address: impl Into<String>) -> Actor {
        self.remote_ip = Some(address.into());
        self
    }
}

/// By which way something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Via {
    /// A page.
    Html,
    /// The JSON API.
    Api,
    /// The command line.
    Cli,
    /// A bulk operation that somebody had started.
    Operation,
    /// The application's own code.
    #[default]
    Code,
}

impl Via {
    const ALL: [Via; 5] = [Via::Html, Via::Api, Via::Cli, Via::Operation, Via::Code];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Html => "html",
            Via::Api => "api",
            Via::Cli => "cli",
            Via::Operation => "operation",
            Via::Code => "code",
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditOutcome {
    /// It was done.
    #[default]
    Done,
    /// It was not allowed, or there was nothing to be done.
    Refused,
    /// Something went wrong; after a timeout it may have been done all the same.
    Failed,
}

impl AuditOutcome {
    const ALL: [AuditOutcome; 3] =
        [AuditOutcome::Done, AuditOutcome::Refused, AuditOutcome::Failed];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditOutcome::Done => "done",
            AuditOutcome::Refused => "refused",
            AuditOutcome::Failed => "failed",
        }
    }

    /// What it is when this error came of it.
    pub fn of(error: &Error) -> AuditOutcome {
        match error.kind() {
            Kind::InvalidJob | Kind::Config | Kind::Conflict => AuditOutcome::Refused,
            _ => AuditOutcome::Failed,
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not one that this version knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord(String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no word of the audit log: it may be one of a newer version", self.0)
    }
}

impl std::error::Error for UnknownWord {}

impl FromStr for Via {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Via, UnknownWord> {
        let found = Via::ALL.into_iter().find(|via| via.as_str() == text);
        found.ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

impl FromStr for AuditOutcome {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<AuditOutcome, UnknownWord> {
        let found = AuditOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        found.ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

/// Something that somebody does or did, as it is told in the log.
///
/// Texts are made safe to store, and cut where they are too long. What stood before and stands
/// afterwards is written as it is given: whoever gives it has taken out what nobody is to see.
///
/// ```
/// use kerrera_core::audit::{Actor, AuditEntry, AuditOutcome};
///
/// let refusal = AuditEntry::by(Actor::new("ada"))
///     .action("job.reveal")
///     .target("job", "")
///     .jobs([4711])
///     .outcome(AuditOutcome::Refused);
/// # let _ = refusal;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use = "nothing is written until a client is given it"]
pub struct AuditEntry {
    /// Who.
    pub actor: Actor,
    /// The name of the Oban instance that they did it to.
    pub instance: String,
    /// What, as in `job.cancel`.
    pub action: String,
    /// To what sort of thing: `job`, `queue`, `cron`, `operation`.
    pub target_type: String,
    /// Its name, or the query that picked the jobs; empty if there is no more to say.
    pub target: String,
    /// The jobs that it was about, the first thousand of them.
    pub jobs: Vec<JobId>,
    /// How many things were changed.
    pub count: u64,
    /// What stood before.
    pub before: Option<Value>,
    /// What stands since.
    pub after: Option<Value>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why it was refused or failed.
    pub error: Option<String>,
}

impl AuditEntry {
    /// How many numbers of jobs are kept.
    pub const MOST_JOBS: usize = 1_000;
    /// The longest names, in characters.
    const LONGEST_NAME: usize = 200;
    /// The longest reason, error or query, in characters.
    const LONGEST_TEXT: usize = 4_000;
    /// The largest value of what stood before or stands since, in bytes of JSON.
    const LARGEST_VALUE: usize = 64 * 1024;

    /// Something that this one does.
    pub fn by(actor: Actor) -> AuditEntry {
        AuditEntry {
            actor,
            instance: String::new(),
            action: String::new(),
            target_type: String::new(),
            target: String::new(),
            jobs: Vec::new(),
            count: 0,
            before: None,
            after: None,
            reason: None,
            outcome: AuditOutcome::Done,
            error: None,
        }
    }

    /// What; the client says it itself of what it does.
    pub fn action(mut self, action: impl Into<String>) -> AuditEntry {
        self.action = action.into();
        self
    }

    /// To what; the client says it itself of what it does.
    pub fn target(mut self, sort: impl Into<String>, name: impl Into<String>) -> AuditEntry {
        (self.target_type, self.target) = (sort.into(), name.into());
        self
    }

    /// The jobs that it is about.
    pub fn jobs(mut self, jobs: impl IntoIterator<Item = JobId>) -> AuditEntry {
        self.jobs = jobs.into_iter().take(AuditEntry::MOST_JOBS).collect();
        self
    }

    /// How many things were changed.
    pub fn count(mut self, count: u64) -> AuditEntry {
        self.count = count;
        self
    }

    /// What stood before, without what nobody is to see.
    pub fn before(mut self, value: impl Into<Value>) -> AuditEntry {
        self.before = Some(value.into());
        self
    }

    /// What stands since, without what nobody is to see.
    pub fn after(mut self, value: impl Into<Value>) -> AuditEntry {
        self.after = Some(value.into());
        self
    }

    /// Why, in the actor's words.
    pub fn reason(mut self, reason: impl Into<String>) -> AuditEntry {
        self.reason = Some(reason.into());
        self
    }

    /// What came of it.
    pub fn outcome(mut self, outcome: AuditOutcome) -> AuditEntry {
        self.outcome = outcome;
        self
    }

    /// That this error came of it.
    pub fn failed(mut self, error: &Error) -> AuditEntry {
        self.outcome = AuditOutcome::of(error);
        self.error = Some(error.to_string());
        self
    }

    /// The same, safe to store.
    pub fn sanitised(self) -> AuditEntry {
        let name = |text: String| cut(&sanitise(&text), AuditEntry::LONGEST_NAME);
        let text = |text: String| cut(&sanitise(&text), AuditEntry::LONGEST_TEXT);
        let Actor { id, label, via, request_id, remote_ip } = self.actor;
        let mut jobs = self.jobs;
        jobs.truncate(AuditEntry::MOST_JOBS);
        AuditEntry {
            actor: Actor {
                id: name(id),
                label: name(label),
                via,
                request_id: request_id.map(name),
                remote_ip: remote_ip.map(name),
            },
            instance: name(self.instance),
            action: name(self.action),
            target_type: name(self.target_type),
            target: text(self.target),
            jobs,
            count: self.count,
            before: self.before.map(storable),
            after: self.after.map(storable),
            reason: self.reason.map(text),
            outcome: self.outcome,
            error: self.error.map(text),
        }
    }
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its number: of two entries the one with the greater number is the newer.
    pub id: i64,
    /// When it was written, by the storage's clock.
    pub at: Timestamp,
    /// What it says.
    pub entry: AuditEntry,
}

impl AuditRecord {
    /// An entry of the log; made by storages.
    pub fn new(id: i64, at: Timestamp, entry: AuditEntry) -> AuditRecord {
        AuditRecord { id, at, entry }
    }
}

/// Which entries of the log are meant; the newest come first.
///
/// Every condition that is given must hold.
///
/// ```
/// use kerrera_core::audit::AuditQuery;
///
/// let query = AuditQuery::new().actor("17").action("job.cancel").limit(20);
/// # let _ = query;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a query does nothing until it is used"]
pub struct AuditQuery {
    /// Of this actor, by what never changes about them.
    pub actor: Option<String>,
    /// With this action.
    pub action: Option<String>,
    /// About this sort of thing.
    pub target_type: Option<String>,
    /// About the thing of this name.
    pub target: Option<String>,
    /// About this job.
    pub job: Option<JobId>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Not written before.
    pub since: Option<Timestamp>,
    /// Written before.
    pub before: Option<Timestamp>,
    /// Older than the entry of this number: the next page.
    pub after: Option<i64>,
    /// How many at most.
    pub limit: u32,
}

impl Default for AuditQuery {
    fn default() -> AuditQuery {
        AuditQuery::new()
    }
}

impl AuditQuery {
    /// How many come at most, whatever is asked for.
    pub const MOST: u32 = 1_000;

    /// The newest fifty.
    pub fn new() -> AuditQuery {
        AuditQuery {
            actor: None,
            action: None,
            target_type: None,
            target: None,
            job: None,
            outcome: None,
            since: None,
            before: None,
            after: None,
            limit: 50,
        }
    }

    /// Those of this actor, by what never changes about them.
    pub fn actor(mut self, id: impl Into<String>) -> AuditQuery {
        self.actor = Some(id.into());
        self
    }

    /// Those with this action.
    pub fn action(mut self, action: impl Into<String>) -> AuditQuery {
        self.action = Some(action.into());
        self
    }

    /// Those about this sort of thing.
    pub fn target_type(mut self, sort: impl Into<String>) -> AuditQuery {
        self.target_type = Some(sort.into());
        self
    }

    /// Those about the thing of this sort and name.
    pub fn target(self, sort: impl Into<String>, name: impl Into<String>) -> AuditQuery {
        AuditQuery { target: Some(name.into()), ..self.target_type(sort) }
    }

    /// Those about this job, as far as its number was among the first thousand of what was done.
    pub fn job(mut self, id: JobId) -> AuditQuery {
        self.job = Some(id);
        self
    }

    /// Those with this outcome.
    pub fn outcome(mut self, outcome: AuditOutcome) -> AuditQuery {
        self.outcome = Some(outcome);
        self
    }

    /// Those that were not written before that instant.
    pub fn since(mut self, instant: impl Into<Timestamp>) -> AuditQuery {
        self.since = Some(instant.into());
        self
    }

    /// Those that were written before that instant.
    pub fn before(mut self, instant: impl Into<Timestamp>) -> AuditQuery {
        self.before = Some(instant.into());
        self
    }

    /// Those that are older than the entry of this number: the next page.
    pub fn after(mut self, id: i64) -> AuditQuery {
        self.after = Some(id);
        self
    }

    /// How many at most, up to [`MOST`](AuditQuery::MOST).
    pub fn limit(mut self, limit: u32) -> AuditQuery {
        self.limit = limit;
        self
    }

    /// Checks it, and makes it ready for a storage.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`] when the limit is 0 or a text has a NUL in it.
    pub fn validate(mut self) -> Result<AuditQuery> {
        let wrong = |what: &str| Err(Error::new(Kind::Config, format!("the query {what}")));
        if self.limit == 0 {
            return wrong("has the limit 0: make it at least 1");
        }
        let texts = [&self.actor, &self.action, &self.target_type, &self.target];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return wrong("asks for a text with the character NUL in it, which is in no entry");
        }
        self.limit = self.limit.min(AuditQuery::MOST);
        let storable = |instant: Timestamp| instant.clamp(Timestamp::MIN, Timestamp::MAX);
        self.since = self.since.map(storable);
        self.before = self.before.map(storable);
        Ok(self)
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A value whose texts are safe, and which is not too large.
fn storable(value: Value) -> Value {
    let safe = safe(value, 0);
    let bytes = safe.to_string().len();
    if bytes > AuditEntry::LARGEST_VALUE {
        return Value::String(format!("… ({bytes} bytes of JSON, cut)"));
    }
    safe
}

fn safe(value: Value, depth: usize) -> Value {
    const DEEPEST: usize = 64;
    match value {
        Value::Array(_) | Value::Object(_) if depth >= DEEPEST => Value::String("…".to_owned()),
        Value::String(text) => Value::String(sanitise(&text)),
        Value::Array(items) => items.into_iter().map(|item| safe(item, depth + 1)).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (sanitise(&key), safe(value, depth + 1)))
            .collect(),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_is_said_can_be_stored_and_shown() {
        let hostile = "a\0b\u{1b}[31m\u{202e}".to_owned() + &"é".repeat(10_000);
        let actor = Actor::new(&hostile).remote_ip(&hostile).request_id(&hostile);
        let entry = AuditEntry::by(actor)
            .action(&hostile)
            .target(&hostile, &hostile)
            .reason(&hostile)
            .before(json!({hostile.as_str(): [hostile.as_str()]}))
            .after(json!("x".repeat(100_000)))
            .jobs(0..5_000)
            .sanitised();
        let text = format!("{entry:?}");
        assert!(!text.contains(['\0', '\u{1b}', '\u{202e}']));
        assert!(!text.contains("\\u{1b}") && !text.contains("\\0"), "nor as escapes");
        assert!(text.len() < 80_000, "{}", text.len());
        assert_eq!(entry.jobs.len(), AuditEntry::MOST_JOBS);
        assert_eq!(entry.clone().sanitised(), entry, "a second time changes nothing");
    }

    #[test]
    fn a_value_without_end_is_cut() {
        let mut deep = json!(1);
        for _ in 0..1_000 {
            deep = json!([deep]);
        }
        let entry = AuditEntry::by(Actor::new("a")).after(deep).sanitised();
        assert!(entry.after.unwrap().to_string().contains('…'));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for via in Via::ALL {
            assert_eq!(via.as_str().parse(), Ok(via));
        }
        for outcome in AuditOutcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
        assert!("else".parse::<Via>().is_err());
    }
}
