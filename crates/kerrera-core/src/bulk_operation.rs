//! Doing something to many jobs, over hours if need be: what is to be done, and how far it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::job::JobId;
use crate::job_query::{Condition, JobQuery};
use crate::state::State;
use crate::storage::Operation;
use crate::tally::Tally;
use crate::time::Timestamp;

/// What can be done to many jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BulkAction {
    /// They are not to run, or to stop.
    Cancel,
    /// They are to run again.
    Retry,
    /// They are given up for good, as those are that have failed too often.
    Discard,
    /// They are to be removed.
    Delete,
    /// Those that wait for a time or for their next attempt are to run now.
    RunNow,
}

impl BulkAction {
    /// Every action.
    pub const ALL: [BulkAction; 5] = [
        BulkAction::Cancel,
        BulkAction::Retry,
        BulkAction::Discard,
        BulkAction::Delete,
        BulkAction::RunNow,
    ];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            BulkAction::Cancel => "cancel",
            BulkAction::Retry => "retry",
            BulkAction::Discard => "discard",
            BulkAction::Delete => "delete",
            BulkAction::RunNow => "run_now",
        }
    }

    /// What is done to each job.
    pub fn operation(self) -> Operation {
        match self {
            BulkAction::Cancel => Operation::Cancel,
            BulkAction::Retry | BulkAction::RunNow => Operation::Retry,
            BulkAction::Discard => Operation::Discard,
            BulkAction::Delete => Operation::Delete,
        }
    }

    /// Whether a job in this state allows it.
    pub fn applies_to(self, state: State) -> bool {
        match self {
            BulkAction::RunNow => matches!(state, State::Scheduled | State::Retryable),
            _ => self.operation().applies_to(state),
        }
    }

    /// What must hold of each job besides, with its row locked.
    pub fn condition(self) -> Option<Condition> {
        let waits = || Condition::States(vec![State::Scheduled, State::Retryable]);
        (self == BulkAction::RunNow).then(waits)
    }
}

impl fmt::Display for BulkAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an operation is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BulkState {
    /// No node has begun with it. One that waits for longer than some seconds waits because no engine
    /// runs.
    Waiting,
    /// A node is at it, or was, and another will go on.
    Running,
    /// Every job was looked at.
    Done,
    /// Somebody stopped it; what was done stays so.
    Cancelled,
    /// It cannot be carried out.
    Failed,
}

impl BulkState {
    const ALL: [BulkState; 5] = [
        BulkState::Waiting,
        BulkState::Running,
        BulkState::Done,
        BulkState::Cancelled,
        BulkState::Failed,
    ];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            BulkState::Waiting => "waiting",
            BulkState::Running => "running",
            BulkState::Done => "done",
            BulkState::Cancelled => "cancelled",
            BulkState::Failed => "failed",
        }
    }

    /// Whether nothing more is done.
    pub fn is_final(self) -> bool {
        matches!(self, BulkState::Done | BulkState::Cancelled | BulkState::Failed)
    }
}

impl fmt::Display for BulkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not one that this version knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord(String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no word of bulk operations: it may be one of a newer version", self.0)
    }
}

impl std::error::Error for UnknownWord {}

impl FromStr for BulkAction {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<BulkAction, UnknownWord> {
        let found = BulkAction::ALL.into_iter().find(|action| action.as_str() == text);
        found.ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

impl FromStr for BulkState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<BulkState, UnknownWord> {
        let found = BulkState::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

/// Something that is done to all jobs of a query that there were when it was asked for.
///
/// It is a row of the database: whichever node begins with it, another goes on if that one dies. Each
/// job is looked at once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BulkOperation {
    /// Its number.
    pub id: i64,
    /// What is done.
    pub action: BulkAction,
    /// To which jobs.
    pub query: JobQuery,
    /// Only to those with numbers up to this: the greatest that there was.
    pub max_id: JobId,
    /// Where it is in its life.
    pub state: BulkState,
    /// Who wants it.
    pub by: Option<Actor>,
    /// Why.
    pub reason: Option<String>,
    /// How many jobs allowed it when it was asked for, as far as that was counted.
    pub total: Option<Tally>,
    /// Up to which number jobs were looked at.
    pub reached: JobId,
    /// To how many it was done.
    pub done: u64,
    /// How many of the query's jobs did not allow it.
    pub skipped: u64,
    /// To how many it could not be done, because the database refused it.
    pub failed: u64,
    /// The first of these, and why.
    pub failures: Vec<BulkFailure>,
    /// Why it cannot be carried out.
    pub error: Option<String>,
    /// The node that is at it, or was last.
    pub node: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a node began with it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl BulkOperation {
    /// How many failures are kept.
    pub const MOST_FAILURES: usize = 20;

    /// An operation that nobody has begun with; made by storages.
    pub fn new(id: i64, action: BulkAction, query: JobQuery, max_id: JobId) -> BulkOperation {
        BulkOperation {
            id,
            action,
            query,
            max_id,
            state: BulkState::Waiting,
            by: None,
            reason: None,
            total: None,
            reached: 0,
            done: 0,
            skipped: 0,
            failed: 0,
            failures: Vec::new(),
            error: None,
            node: None,
            created_at: Timestamp::MIN,
            started_at: None,
            ended_at: None,
        }
    }
}

/// A job to which something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BulkFailure {
    /// Its number.
    pub job: JobId,
    /// Why.
    pub error: String,
}

impl BulkFailure {
    /// A job to which something could not be done.
    pub fn new(job: JobId, error: &str) -> BulkFailure {
        BulkFailure { job, error: crate::failure::sanitise(error).chars().take(500).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for action in BulkAction::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        for state in BulkState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }

    #[test]
    fn what_is_run_now_waits_for_a_time() {
        let waiting: Vec<State> =
            State::ALL.into_iter().filter(|state| BulkAction::RunNow.applies_to(*state)).collect();
        assert_eq!(waiting.len(), 2);
        let Some(Condition::States(states)) = BulkAction::RunNow.condition() else { panic!() };
        assert!(states.iter().all(|state| waiting.contains(state)));
    }
}
