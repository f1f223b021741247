//! How the jobs are, in numbers.

use std::collections::BTreeMap;

use kerrera::{Client, State};

/// How many jobs are in each state, over all queues; a state without jobs is left out.
pub(crate) async fn job_stats(client: &Client) -> kerrera::Result<BTreeMap<State, u64>> {
    let mut stats = BTreeMap::new();
    for count in client.counts().await? {
        *stats.entry(count.state).or_default() += count.jobs;
    }
    Ok(stats)
}
