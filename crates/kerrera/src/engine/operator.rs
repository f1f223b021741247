//! How a bulk operation goes through its jobs.

use kerrera_core::job_query::{Comparison, Condition, JobNumber};
use kerrera_core::listing::{Cursor, ListOrder, Listing, Page};
use kerrera_core::{BulkOperation, JobId};
use std::time::Duration;

/// Some jobs of an operation, to be taken on together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Up to which number jobs were looked at.
    pub(crate) to: JobId,
    /// Those of the query.
    pub(crate) jobs: Vec<JobId>,
    /// Nothing comes after them.
    pub(crate) is_last: bool,
}

impl Chunk {
    /// How many jobs are taken on together.
    pub(crate) const SIZE: u32 = 500;
    /// How long is looked for them, at least once through some rows.
    const TIME: Duration = Duration::from_secs(2);

    /// What to look for, after the job of this number.
    pub(crate) fn listing(operation: &BulkOperation, reached: JobId) -> Listing {
        let known = Condition::Number(JobNumber::Id, Comparison::AtMost, operation.max_id);
        let query = operation.query.clone().where_all([known]);
        Listing::of(query)
            .order(ListOrder::Oldest)
            .size(Chunk::SIZE)
            .at(Cursor::behind(reached))
            .within(Chunk::TIME)
    }

    /// What was found.
    pub(crate) fn of(operation: &BulkOperation, reached: JobId, page: &Page) -> Chunk {
        let jobs: Vec<JobId> = page.rows.iter().map(|row| row.id).collect();
        let to = page.next.map_or(operation.max_id, |next| next.job());
        // It never goes back, whatever a page says.
        Chunk { to: to.max(reached), jobs, is_last: page.next.is_none() }
    }

    /// The same jobs one by one, because the database refuses something about one of them.
    pub(crate) fn apart(self, reached: JobId) -> Vec<Chunk> {
        let Chunk { to, jobs, is_last } = self;
        let one = |job: JobId| Chunk { to: job.max(reached), jobs: vec![job], is_last: false };
        let mut chunks: Vec<Chunk> = jobs.into_iter().map(one).collect();
        chunks.push(Chunk { to, jobs: Vec::new(), is_last });
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_are_taken_one_by_one_lead_to_the_same_place() {
        let chunk = Chunk { to: 9, jobs: vec![4, 7], is_last: true };
        let apart = chunk.apart(3);
        let places: Vec<_> = apart.iter().map(|one| (one.to, one.jobs.len())).collect();
        assert_eq!(places, [(4, 1), (7, 1), (9, 0)]);
        assert!(apart[2].is_last && !apart[0].is_last);
    }
}
