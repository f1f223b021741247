//! A job as it is stored.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::fingerprint::Fingerprint;
use crate::json::Json;
use crate::state::{Position, State};
use crate::time::Timestamp;
use crate::token::ClaimToken;

/// The number of a job, given by the database.
pub type JobId = i64;

/// A job as it is stored: plain data, one field a column, under Oban's names.
///
/// `Debug` shows no args and no errors, since they may be private.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Where it is in its life.
    pub state: State,
    /// The queue that it waits in.
    pub queue: String,
    /// The name of its worker.
    pub worker: String,
    /// What the worker is to do.
    pub args: Json,
    /// Whatever else is to be kept with it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub meta: Json,
    /// Labels, for people.
    #[serde(default, deserialize_with = "null_is_default")]
    pub tags: Vec<String>,
    /// The failed attempts, oldest first; the newest 50 are kept.
    #[serde(default, deserialize_with = "null_is_default")]
    pub errors: Vec<AttemptError>,
    /// How many attempts have begun; the running one included.
    pub attempt: i32,
    /// How many it may have.
    pub max_attempts: i32,
    /// 0 is claimed first, 9 last.
    pub priority: i32,
    /// Who claimed it last: node, producer and claim token. Other implementations write fewer. Shared by
    /// the jobs of one claim.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attempted_by: Arc<[String]>,
    /// When it was inserted.
    pub inserted_at: Timestamp,
    /// When it may run, or could have first.
    pub scheduled_at: Timestamp,
    /// When it was last claimed.
    pub attempted_at: Option<Timestamp>,
    /// When it ended well.
    pub completed_at: Option<Timestamp>,
    /// When it was given up.
    pub discarded_at: Option<Timestamp>,
    /// When it was ended on purpose.
    pub cancelled_at: Option<Timestamp>,
}

impl Job {
    /// A job with nothing but a number, for a storage to fill in from a row.
    pub fn blank(id: JobId) -> Job {
        Job {
            id,
            state: State::Available,
            queue: String::new(),
            worker: String::new(),
            args: Json::default(),
            meta: Json::default(),
            tags: Vec::new(),
            errors: Vec::new(),
            attempt: 0,
            max_attempts: 0,
            priority: 0,
            attempted_by: Arc::default(),
            inserted_at: Timestamp::MIN,
            scheduled_at: Timestamp::MIN,
            attempted_at: None,
            completed_at: None,
            discarded_at: None,
            cancelled_at: None,
        }
    }

    /// What decides its next move.
    pub fn position(&self) -> Position {
        Position { state: self.state, attempt: self.attempt, max_attempts: self.max_attempts }
    }

    /// How often it has been snoozed. A snooze costs no attempt, so this is what a worker counts.
    pub fn snoozed(&self) -> i32 {
        let count = self.meta.get(crate::state::SNOOZED).and_then(|count| count.as_i64());
        count.and_then(|count| i32::try_from(count).ok()).unwrap_or_default()
    }

    /// How far its last run said that it was, if it ever did.
    pub fn progress(&self) -> Option<Progress> {
        self.meta.get(PROGRESS).and_then(|progress| serde_json::from_value(progress).ok())
    }

    /// The token of its last claim, if Kerrera made it.
    pub fn claim_token(&self) -> Option<ClaimToken> {
        self.attempted_by.get(2).and_then(|text| ClaimToken::parse(text))
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("queue", &self.queue)
            .field("worker", &self.worker)
            .field("args", &self.args)
            .field("attempt", &self.attempt)
            .field("max_attempts", &self.max_attempts)
            .field("priority", &self.priority)
            .field("scheduled_at", &self.scheduled_at)
            .field("errors", &self.errors.len())
            .finish_non_exhaustive()
    }
}

/// The meta key under which a run keeps how far it is.
pub const PROGRESS: &str = "k_progress";

/// How far a run is, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// How much there is to do.
    pub total: u64,
    /// What it is about; at most 500 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Progress {
    /// The longest note that is kept, in characters.
    pub const LONGEST_NOTE: usize = 500;

    /// How far a run is; the note is made safe to store, and cut if it is too long.
    pub fn new(done: u64, total: u64, note: &str) -> Progress {
        let note: String = note.chars().take(Progress::LONGEST_NOTE).collect();
        Progress { done, total, note: crate::failure::sanitise(&note) }
    }
}

/// One failed attempt of a job.
///
/// The first three keys are Oban's; those with `k_` are ours and absent on what others wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttemptError {
    /// When it was recorded.
    pub at: Option<Timestamp>,
    /// Which attempt it was.
    pub attempt: i32,
    /// What was said; at most 16 KiB.
    pub error: String,
    /// The node that ran it.
    #[serde(rename = "k_node", skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How long it ran, in milliseconds.
    #[serde(rename = "k_ms", skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<i64>,
    /// What it has in common with its like.
    #[serde(rename = "k_fp", skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

impl<'de> Deserialize<'de> for AttemptError {
    /// Reads whatever stands there: an error that is not of the usual form must not hide its job.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AttemptError, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let Value::Object(mut object) = value else {
            return Ok(AttemptError { error: value.to_string(), ..AttemptError::default() });
        };
        let mut text = |key| match object.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (at, error, node) = (text("at"), text("error"), text("k_node"));
        let fingerprint = text("k_fp").and_then(|text| text.parse().ok());
        let number = |key| object.get(key).and_then(Value::as_i64);
        Ok(AttemptError {
            at: at.and_then(|text| text.parse().ok()),
            attempt: number("attempt").and_then(|n| i32::try_from(n).ok()).unwrap_or_default(),
            error: error.unwrap_or_default(),
            node,
            milliseconds: number("k_ms"),
            fingerprint,
        })
    }
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
