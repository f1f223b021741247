//! How many jobs there are.

use kerrera::{Count, State};

use super::{Result, Service};
use crate::access::{Permission, Scope};

/// How many jobs there are, by queue and state, of the queues that the viewer knows of.
#[derive(Clone, Debug)]
pub struct Counts(Vec<Count>);

impl Counts {
    /// In a state, of all queues.
    pub fn of_state(&self, state: State) -> u64 {
        self.0.iter().filter(|count| count.state == state).map(|count| count.jobs).sum()
    }
}

impl Service {
    /// How many jobs there are.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], and when the database fails.
    pub async fn counts(&self) -> Result<Counts> {
        self.viewer.may(Permission::QueuesView)?;
        let mut counts = self.client.counts().await?;
        counts.retain(|count| self.viewer.sees(Scope::Queue(&count.queue)));
        Ok(Counts(counts))
    }
}
