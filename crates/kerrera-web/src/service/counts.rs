//! How many jobs there are.

use kerrera::{QueueTally, State, Tally};

use super::{Result, Service};
use crate::access::{Permission, Scope};

/// How many jobs there are, by queue and state, of the queues that the viewer knows of.
#[derive(Clone, Debug)]
pub struct Counts(Vec<QueueTally>);

impl Counts {
    /// In a state, of all queues.
    pub fn of_state(&self, state: State) -> Tally {
        self.0.iter().filter(|tally| tally.state == state).map(|tally| tally.jobs).sum()
    }

    /// In a state, of one queue.
    pub fn of(&self, queue: &str, state: State) -> Tally {
        let ours = |tally: &&QueueTally| tally.queue == queue && tally.state == state;
        self.0.iter().filter(ours).map(|tally| tally.jobs).sum()
    }

    /// Of these queues alone.
    pub(super) fn of_queues(mut self, queues: &[String]) -> Counts {
        self.0.retain(|tally| queues.contains(&tally.queue));
        self
    }

    /// Each of them; none is there of which there are no jobs.
    pub fn iter(&self) -> impl Iterator<Item = &QueueTally> {
        self.0.iter()
    }
}

impl Service {
    /// How many jobs there are: counted where there are few, and about where there are many. The table
    /// is never read whole.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], and when the database fails.
    pub async fn counts(&self) -> Result<Counts> {
        self.viewer.may(Permission::QueuesView)?;
        Ok(self.tallies().await?.0)
    }

    /// The same for those who may see jobs; and the queues that they do not know of.
    pub(super) async fn tallies(&self) -> Result<(Counts, Vec<String>)> {
        let all = self.all_tallies().await?;
        let (seen, unseen): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|tally| self.viewer.sees(Scope::Queue(&tally.queue)));
        let mut unseen: Vec<String> = unseen.into_iter().map(|tally| tally.queue).collect();
        unseen.sort_unstable();
        unseen.dedup();
        Ok((Counts(seen), unseen))
    }
}
