//! How many jobs there are.

use kerrera::{QueueTally, State, Tally};

use super::{Result, Service};
use crate::access::{Permission, Scope};

/// Of each queue and state, counting ends here.
const MOST: u32 = 10_000;

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
        let mut tallies = self.reader().tallies(MOST).await?;
        tallies.retain(|tally| self.viewer.sees(Scope::Queue(&tally.queue)));
        Ok(Counts(tallies))
    }
}
