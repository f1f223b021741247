//! Many jobs taken out at once, without what is private.

use std::collections::VecDeque;

use kerrera::cron::Timezone;
use kerrera::filter::Filter;
use kerrera::{Cursor, Job, JobId, JobQuery, JobRow, ListOrder, Listing, Timestamp};

use super::{Error, Result, Service};
use crate::access::Permission;

/// How many jobs are taken out at once, at most.
pub(crate) const MOST: u32 = 100_000;

/// How many jobs are read at once, and how many bytes of args these have, unless one alone has more.
const AT_ONCE: u32 = 200;
const BYTES: u64 = 4 * 1024 * 1024;

/// Jobs that are being taken out, some at a time: by their numbers, the smallest first.
#[derive(Debug)]
pub struct Export {
    service: Service,
    filter: Filter,
    query: JobQuery,
    /// Those of the page that were not given yet.
    rows: VecDeque<JobRow>,
    next: Option<Cursor>,
    last: Option<JobId>,
    left: u32,
    is_begun: bool,
}

/// A job without what is private, and whether something was taken out of it.
pub type Exported = (Job, bool);

impl Service {
    /// Begins to take out the jobs of a filter, of those with greater numbers than a given one perhaps,
    /// up to a limit. That they are is written down first, as `jobs.export` with the filter.
    ///
    /// Two statements for two hundred jobs, along the primary key.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsExport`] and [`Permission::JobsView`]; [`Error::Filter`] if the filter
    /// makes no sense or asks for what is private, [`Error::Invalid`] if the limit is none, and when the
    /// database fails.
    pub async fn export_jobs(
        &self,
        filter: &str,
        after: Option<JobId>,
        limit: Option<u32>,
    ) -> Result<Export> {
        self.viewer.may(Permission::JobsExport)?;
        let left = limit.unwrap_or(MOST);
        if !(1..=MOST).contains(&left) {
            return Err(Error::Invalid(format!("limit must be from 1 to {MOST}")));
        }
        let meant = self.meant(filter, Timestamp::now(), &Timezone::utc()).await?;
        let entry = self.entry().action("jobs.export");
        let entry = entry.target("job", meant.filter.to_string());
        self.client.record_audit(entry).await?;
        Ok(Export {
            service: self.clone(),
            filter: meant.filter,
            query: meant.query,
            rows: VecDeque::new(),
            next: after.map(Cursor::behind),
            last: None,
            left,
            is_begun: false,
        })
    }
}

impl Export {
    /// The next of them; nothing if these were all, or the limit is reached.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Option<Vec<Exported>>> {
        loop {
            if self.rows.is_empty() && !self.read().await? {
                return Ok(None);
            }
            let jobs = self.some().await?;
            if !jobs.is_empty() {
                return Ok(Some(jobs));
            }
        }
    }

    /// The job behind which there may be more.
    pub fn rest(&self) -> Option<JobId> {
        match self.rows.is_empty() {
            true => self.next.map(|next| next.job()),
            false => self.last,
        }
    }

    /// Reads a page, if there is any.
    async fn read(&mut self) -> Result<bool> {
        if self.left == 0 || (self.is_begun && self.next.is_none()) {
            return Ok(false);
        }
        let listing = Listing::of(self.query.clone());
        let listing = listing.order(ListOrder::Oldest).size(AT_ONCE.min(self.left));
        let listing = match self.next {
            Some(cursor) => listing.at(cursor),
            None => listing,
        };
        let page = self.service.reader().page(listing).await?;
        (self.is_begun, self.next, self.rows) = (true, page.next, page.rows.into());
        Ok(true)
    }

    /// Some of the page, whole.
    async fn some(&mut self) -> Result<Vec<Exported>> {
        let rules = self.service.rules().await?;
        let (mut ids, mut bytes) = (Vec::new(), 0);
        while let Some(row) = self.rows.front() {
            bytes += row.args_bytes;
            if !ids.is_empty() && bytes > BYTES {
                break;
            }
            let Some(row) = self.rows.pop_front() else { break };
            self.last = Some(row.id);
            if self.service.shows(&row, &self.filter, &rules) {
                ids.push(row.id);
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = JobQuery::new().ids(ids);
        let mut jobs = self.service.client.jobs(query).await?;
        jobs.sort_unstable_by_key(|job| job.id);
        self.left = self.left.saturating_sub(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
        let jobs = jobs.into_iter().map(|mut job| {
            let is_redacted = rules.job(&mut job);
            (job, is_redacted)
        });
        Ok(jobs.collect())
    }
}
