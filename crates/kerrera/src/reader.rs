//! Looking at many jobs, for people.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::storage::Storage;
use kerrera_core::{JobQuery, Listing, OldestJob, Page, QueueTally, Result, Tally, WorkerTally};

use crate::client::Client;

/// Looks at jobs for people, who must not harm those who work: made by [`Client::reader`].
///
/// Each statement runs in a transaction that only reads, along an index, on connections that nothing
/// else uses (two at most, made when they are needed), and the database ends it when its time is over;
/// then the call fails with [`Error::is_timeout`](crate::Error::is_timeout). A SQLite database in
/// memory has one connection for everything, and no such end.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::{JobQuery, Listing, Quality};
/// use serde_json::json;
/// use std::time::Duration;
///
/// # #[tokio::main] async fn main() -> kerrera::Result<()> {
/// let client = Client::connect("sqlite::memory:").await?;
/// client.insert_all((0..60).map(|n| NewJob::of("Mailer", json!({"n": n})))).await?;
/// let reader = client.reader(Duration::from_secs(2));
///
/// let available = Listing::of(JobQuery::new().states([State::Available])).size(50);
/// let page = reader.page(available.clone()).await?;
/// let last = reader.page(available.at(page.next.expect("ten are left"))).await?;
/// assert_eq!((page.rows.len(), last.rows.len(), last.next), (50, 10, None));
///
/// let tallies = reader.tallies(10_000).await?;
/// assert_eq!((tallies[0].jobs.value, tallies[0].jobs.quality), (60, Quality::Exact));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Reader {
    storage: Arc<dyn Storage>,
    within: Duration,
}

impl Client {
    /// Looks at many jobs, with statements that may each take this long. Cheap: readers share their
    /// connections.
    pub fn reader(&self, within: Duration) -> Reader {
        Reader { storage: self.storage().clone(), within }
    }
}

impl Reader {
    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// How long a statement may take.
    pub(crate) fn within(&self) -> Duration {
        self.within
    }

    /// A page of a list.
    ///
    /// One statement if an index carries all conditions. Otherwise two for each step of the search,
    /// which looks through a thousand rows at first and then through more, until the page is full or
    /// what the listing allows is used up: see [`Page::complete`].
    ///
    /// # Errors
    ///
    /// When the listing makes no sense ([`Error::is_config`](crate::Error::is_config)), a statement
    /// takes too long, or the database fails.
    pub async fn page(&self, listing: Listing) -> Result<Page> {
        let mut search = listing.search()?;
        let began = Instant::now();
        while let Some(scan) = search.next(began.elapsed()) {
            search.found(self.storage.scan(scan, self.within).await?);
        }
        Ok(search.page())
    }

    /// How many jobs a query has, counting no further than `most`; about how many, if counting takes
    /// longer than a quarter of the reader's time.
    ///
    /// One statement, or two. The estimate is the planner's on PostgreSQL; on SQLite it is inferred
    /// from four thousand rows.
    ///
    /// # Errors
    ///
    /// When the query makes no sense, or the database fails.
    pub async fn tally(&self, query: JobQuery, most: u32) -> Result<Tally> {
        self.storage.tally(query.validate()?, most, self.within).await
    }

    /// How many jobs there are in each queue and state; none is told of which there are none.
    ///
    /// Where an index has the jobs of a state, counting ends at `most` for each queue and state, or for
    /// the state as a whole. How many have completed is estimated by a part of the table, unless it is
    /// small, and so are suspended ones. So the table is never read whole, unlike by
    /// [`counts`](Client::counts). Three statements on PostgreSQL.
    ///
    /// # Errors
    ///
    /// When a statement takes too long, or the database fails.
    pub async fn tallies(&self, most: u32) -> Result<Vec<QueueTally>> {
        self.storage.tallies(most, self.within).await
    }

    /// How many jobs of each worker are available and executing, by worker, queue and state; none is
    /// told of which there are none.
    ///
    /// One statement, which looks at no more than `most` jobs of either state, along an index. If there
    /// are more, all numbers of that state say that they are capped, and a worker may be missing.
    ///
    /// # Errors
    ///
    /// As for [`tallies`](Reader::tallies).
    pub async fn worker_tallies(&self, most: u32) -> Result<Vec<WorkerTally>> {
        self.storage.worker_tallies(most, self.within).await
    }

    /// Whether anything could be changed: not in a standby, in a database that is set to be read only,
    /// by a user who may not, in a file that may not be written, or that was opened so.
    ///
    /// One statement, which reads no table. Whether it stays so is not known: a standby may be promoted.
    ///
    /// ```
    /// # use kerrera::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// assert!(client.reader(Duration::from_secs(1)).is_writable().await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn is_writable(&self) -> Result<bool> {
        self.storage.is_writable(self.within).await
    }

    /// The oldest available job of each queue that has one: how long it has been waiting is how far
    /// behind the queue is. One statement, with one look at an index for each queue and priority.
    ///
    /// # Errors
    ///
    /// As for [`tallies`](Reader::tallies).
    pub async fn oldest(&self) -> Result<Vec<OldestJob>> {
        self.storage.oldest(self.within).await
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("within", &self.within).finish_non_exhaustive()
    }
}
