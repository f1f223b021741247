//! Looking for failures that are alike.

use std::collections::BTreeMap;
use std::time::Duration;

use kerrera_core::storage::{ErrorGroup, ErrorQuery};
use kerrera_core::{Fingerprint, Result, Timestamp};

use crate::client::Client;

/// Failures that are alike.
impl Client {
    /// Groups of failures that are alike: those that met one last, or those that met most within some
    /// time.
    ///
    /// Each node writes what it saw every ten seconds and when it stops; what a node saw that is killed
    /// is missing, and so are jobs that others ran. One statement, without a lock.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::{ErrorOrder, ErrorQuery, JobQuery};
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let worst = ErrorQuery::new().order(ErrorOrder::Frequent(1.hour())).limit(10);
    /// for group in client.errors(worst).await? {
    ///     println!("{} times: {} {}", group.hour, group.worker, group.message);
    ///     let jobs = JobQuery::new().failed_with([group.fingerprint]);
    ///     let jobs = jobs.states([State::Retryable]).workers([&group.worker]);
    ///     println!("{} wait to be tried again", client.count_jobs(jobs.limit(1_000)).await?);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the query makes no sense ([`Error::is_config`](crate::Error::is_config)) or the database
    /// fails.
    pub async fn errors(&self, query: ErrorQuery) -> Result<Vec<ErrorGroup>> {
        self.storage().errors(query.validate()?).await
    }

    /// A group of failures by what they have in common. One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn error_group(&self, fingerprint: Fingerprint) -> Result<Option<ErrorGroup>> {
        let groups = self.errors(ErrorQuery::new().fingerprint(fingerprint).limit(1)).await?;
        Ok(groups.into_iter().next())
    }

    /// How many failures a group met in each ten minutes of the time since then, the oldest first; at
    /// most eight days. Those in which there was none are left out. One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn error_counts(
        &self,
        fingerprint: Fingerprint,
        window: Duration,
    ) -> Result<Vec<(Timestamp, u64)>> {
        let counts = self.storage().error_counts(vec![fingerprint], window).await?;
        Ok(counts.into_iter().map(|(_, at, count)| (at, count)).collect())
    }

    /// The same of several groups; those that met nothing are left out. One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn error_trends(
        &self,
        fingerprints: impl IntoIterator<Item = Fingerprint>,
        window: Duration,
    ) -> Result<BTreeMap<Fingerprint, Vec<(Timestamp, u64)>>> {
        let fingerprints = fingerprints.into_iter().collect();
        let mut trends: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (fingerprint, at, count) in self.storage().error_counts(fingerprints, window).await? {
            trends.entry(fingerprint).or_default().push((at, count));
        }
        Ok(trends)
    }
}
