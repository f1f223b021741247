//! What happened, as far as it was written down.

use std::collections::HashMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use kerrera::{JobId, State};
use kerrera_core::state::Position;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::load::Kind;

/// Everything that was written down in a scenario, after it came to rest.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What the producers tried, and what they were told.
    pub inserts: Vec<Insert>,
    /// What the nodes ran.
    pub runs: Vec<Run>,
    /// What became of the jobs: each job's changes are in their order; between jobs there is none.
    pub changes: Vec<Change>,
    /// The jobs at the end.
    pub rows: Vec<Row>,
    /// The rows of the application that were inserted together with a job, by the job's key.
    pub app_rows: Vec<String>,
    /// What the test did to processes.
    pub faults: Vec<Fault>,
    /// How many jobs of each queue a node may run at once.
    pub limits: HashMap<String, u32>,
}

/// A line of a producer's log. Each key is inserted once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Insert {
    /// It is about to be tried.
    Invoke {
        /// The job's key.
        key: String,
    },
    /// It is committed, so it was promised.
    Ok {
        /// The job's key.
        key: String,
        /// The job's number.
        job: JobId,
    },
    /// It was refused or rolled back, so it must not be there.
    Fail {
        /// The job's key.
        key: String,
        /// Why.
        error: String,
    },
    /// Nobody knows: the connection broke before the answer came.
    Info {
        /// The job's key.
        key: String,
        /// Why.
        error: String,
    },
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// A run begins.
    Start {
        /// When.
        at: Stamp,
        /// The node's name, another for each start of its process.
        node: String,
        /// Its process.
        pid: u32,
        /// The queue.
        queue: String,
        /// The job.
        job: JobId,
        /// Which attempt the node takes it for.
        attempt: i32,
        /// The claim.
        token: String,
    },
    /// A run has ended. Written before the node gives back the slot or writes to the database.
    End {
        /// When.
        at: Stamp,
        /// The job.
        job: JobId,
        /// The claim.
        token: String,
        /// How.
        end: End,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The work is done.
    Done,
    /// An error.
    Failed,
    /// A panic.
    Panicked,
    /// It wants to run again later.
    Snoozed,
    /// It is not needed.
    Cancelled,
    /// It was told to stop, and was dropped.
    Stopped,
}

/// An instant, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Since the machine started; for comparing what processes do.
    pub monotonic: i64,
    /// Since 1970; for comparing with what the database wrote.
    pub wall: i64,
}

impl Stamp {
    /// Now.
    pub fn now() -> Stamp {
        let monotonic = clock_gettime(ClockId::Monotonic);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp {
            monotonic: monotonic.tv_sec * 1_000_000 + monotonic.tv_nsec / 1_000,
            wall: i64::try_from(wall.as_micros()).unwrap_or(i64::MAX),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (monotonic {})", self.wall, self.monotonic)
    }
}

/// One change of one job, as a trigger saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Grows with every change of the same job.
    pub seq: i64,
    /// The job.
    pub job: JobId,
    /// Where it stood; `None` for an insertion.
    pub old: Option<Standing>,
    /// Where it stands; `None` for a deletion.
    pub new: Option<Standing>,
    /// When, by the database's wall clock, in microseconds since 1970.
    pub at: i64,
}

/// Where a job stands, as far as changes are judged by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    #[serde(with = "state_name")]
    pub state: State,
    /// Who claimed it last: node, producer, token.
    pub by: Vec<String>,
    /// How many attempts have begun.
    pub attempt: i32,
    /// How many it may have.
    pub max_attempts: i32,
    /// How many errors it keeps.
    pub errors: usize,
    /// How often it was rescued, by its meta.
    pub rescued: u32,
    /// How often it was snoozed, by its meta.
    pub snoozed: u32,
}

impl Standing {
    /// What decides its next move.
    pub fn position(&self) -> Position {
        Position { state: self.state, attempt: self.attempt, max_attempts: self.max_attempts }
    }

    /// The node that claimed it last.
    pub fn node(&self) -> Option<&str> {
        self.by.first().map(String::as_str)
    }

    /// The producer that claimed it last.
    pub fn producer(&self) -> Option<&str> {
        self.by.get(1).map(String::as_str)
    }

    /// The token of its last claim.
    pub fn token(&self) -> Option<&str> {
        self.by.get(2).map(String::as_str)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { state, by, attempt, max_attempts, errors, rescued, snoozed } = self;
        write!(
            f,
            "{state}, attempt {attempt} of {max_attempts}, {errors} errors, rescued {rescued}, \
             snoozed {snoozed}, by {}",
            by.join(" ")
        )
    }
}

/// A job at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number.
    pub id: JobId,
    /// Its queue.
    pub queue: String,
    /// Its key.
    pub key: String,
    /// What kind of work it is.
    pub kind: Kind,
    /// The job that it follows.
    pub parent: Option<JobId>,
    /// Where it stands.
    pub standing: Standing,
}

/// Something that the test did to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The node's name.
    pub node: String,
    /// What was done.
    pub kind: FaultKind,
    /// Before it was done.
    pub from: Stamp,
    /// After it was over: the process gone, or awake again.
    pub until: Stamp,
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// `kill -9`.
    Killed,
    /// SIGSTOP, and SIGCONT later.
    Stopped,
}

mod state_name {
    use kerrera::State;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(state: &State, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(state.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<State, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
