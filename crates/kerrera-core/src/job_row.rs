//! A job as it is shown in a list.

use std::fmt;

use serde::Serialize;

use crate::job::{JobId, Progress};
use crate::job_query::JobTime;
use crate::state::State;
use crate::time::Timestamp;

/// A job as it is shown in a list: what fits into a line, however large the job is.
///
/// Without its errors and its meta, and with no more than the beginning of its args. `Debug` shows no
/// args, since they may be private.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobRow {
    /// Its number.
    pub id: JobId,
    /// Where it is in its life.
    pub state: State,
    /// The queue that it waits in.
    pub queue: String,
    /// The name of its worker.
    pub worker: String,
    /// The first [`JobRow::ARGS`] characters of its args, as text: no JSON, if there are more.
    pub args: String,
    /// How many bytes the text of all of its args has.
    pub args_bytes: u64,
    /// Labels, for people.
    pub tags: Vec<String>,
    /// How many attempts have begun; the running one included.
    pub attempt: i32,
    /// How many it may have.
    pub max_attempts: i32,
    /// 0 is claimed first, 9 last.
    pub priority: i32,
    /// The node that claimed it last, if any has.
    pub node: Option<String>,
    /// How far its last run said that it was, if it ever did.
    pub progress: Option<Progress>,
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

impl JobRow {
    /// How many characters of the args there are at most.
    pub const ARGS: usize = 512;

    /// A row with nothing but a number, for a storage to fill in.
    pub fn blank(id: JobId) -> JobRow {
        JobRow {
            id,
            state: State::Available,
            queue: String::new(),
            worker: String::new(),
            args: String::new(),
            args_bytes: 0,
            tags: Vec::new(),
            attempt: 0,
            max_attempts: 0,
            priority: 0,
            node: None,
            progress: None,
            inserted_at: Timestamp::MIN,
            scheduled_at: Timestamp::MIN,
            attempted_at: None,
            completed_at: None,
            discarded_at: None,
            cancelled_at: None,
        }
    }

    /// This time of the job, if it has it.
    pub fn time(&self, time: JobTime) -> Option<Timestamp> {
        match time {
            JobTime::Inserted => Some(self.inserted_at),
            JobTime::Scheduled => Some(self.scheduled_at),
            JobTime::Attempted => self.attempted_at,
            JobTime::Completed => self.completed_at,
            JobTime::Discarded => self.discarded_at,
            JobTime::Cancelled => self.cancelled_at,
        }
    }

    /// The time that goes with the state that the job is in: when it may run, when it was claimed,
    /// when it ended.
    pub fn own_time(&self) -> Option<Timestamp> {
        self.time(JobTime::of_state(self.state))
    }
}

impl fmt::Debug for JobRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobRow")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("queue", &self.queue)
            .field("worker", &self.worker)
            .field("args_bytes", &self.args_bytes)
            .field("attempt", &self.attempt)
            .field("max_attempts", &self.max_attempts)
            .field("priority", &self.priority)
            .field("scheduled_at", &self.scheduled_at)
            .finish_non_exhaustive()
    }
}
