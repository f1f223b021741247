//! What is kept of runs and queues over time.

use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::metrics::{Series, SeriesQuery, Summary, SummaryQuery};
use kerrera_core::storage::MetricRows;
use kerrera_core::{Error, Result, Units};

use crate::reader::Reader;

/// What is kept of runs and queues over time; [`Builder::metrics`](crate::Builder::metrics) takes it.
///
/// Each node counts its runs by minute, queue and worker, and writes what it has counted every ten
/// seconds, in one statement. The leader looks at the queues once a minute, puts the numbers of all nodes
/// together, and forgets what is too old. [`Reader::series`] and [`Reader::summary`] read them.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::Metrics;
///
/// let metrics = Metrics::default().keep_minutes(2.days()).keep_hours(30.days());
/// let builder = Kerrera::builder("sqlite::memory:").metrics(metrics);
/// # let _: kerrera::Builder = builder;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Metrics {
    pub(crate) is_on: bool,
    pub(crate) every: Duration,
    pub(crate) most_workers: usize,
    /// Minutes, hours, days.
    pub(crate) keep: [Duration; 3],
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            is_on: true,
            every: Duration::from_secs(10),
            most_workers: 500,
            keep: [7.days(), 90.days(), 365.days()],
        }
    }
}

impl Metrics {
    /// Counts nothing, and looks at nothing.
    pub fn off() -> Metrics {
        Metrics { is_on: false, ..Metrics::default() }
    }

    /// Keeps the numbers of single minutes for so long; by default 7 days.
    ///
    /// Give every node the same: the leader's setting counts.
    pub fn keep_minutes(mut self, keep: Duration) -> Metrics {
        self.keep[0] = keep;
        self
    }

    /// Keeps the numbers of single hours for so long; by default 90 days.
    pub fn keep_hours(mut self, keep: Duration) -> Metrics {
        self.keep[1] = keep;
        self
    }

    /// Keeps the numbers of single days for so long; by default 365 days.
    pub fn keep_days(mut self, keep: Duration) -> Metrics {
        self.keep[2] = keep;
        self
    }

    /// Sets how often a node writes what it has counted, if there is something new; by default every
    /// 10 s.
    pub fn every(mut self, interval: Duration) -> Metrics {
        self.every = interval;
        self
    }

    /// Sets how many pairs of a queue and a worker a node keeps apart; by default 500. The runs of all
    /// others are counted to the worker [`OTHER`](crate::metrics::OTHER), and the event
    /// `metrics.folded` says so.
    pub fn most_workers(mut self, most: usize) -> Metrics {
        self.most_workers = most;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.every < Duration::from_millis(10) {
            let message = format!(
                "metrics are to be written every {:?}: make it at least 10 ms, or turn them off",
                self.every
            );
            return Err(Error::new(Kind::Config, message));
        }
        Ok(())
    }
}

impl Reader {
    /// Lines over time: how many runs ended, how long they took and waited, how full queues were.
    ///
    /// What a node has counted is seen within ten seconds, and is still there after restarts. A step in
    /// which no node was there to report is a gap, and no zero. One statement, which reads a stretch of a
    /// primary key.
    ///
    /// ```
    /// use kerrera::metrics::{Group, Metric, SeriesQuery};
    /// use kerrera::prelude::*;
    /// # use kerrera::Timestamp;
    /// # use std::time::Duration;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// # let client = Client::connect("sqlite::memory:").await?;
    /// let reader = client.reader(Duration::from_secs(2));
    /// let query = SeriesQuery::last(Metric::Jobs, 1.hour(), Timestamp::now()).by(Group::Outcome);
    /// let series = reader.series(query).await?;
    /// for line in &series.lines {
    ///     println!("{:?}: {:?}", line.name, line.values);
    /// }
    /// # assert!(series.lines[0].values.iter().all(Option::is_none));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the query makes no sense ([`Error::is_config`]), the statement takes too long, or the
    /// database fails.
    pub async fn series(&self, query: SeriesQuery) -> Result<Series> {
        let found = self.recorded(&query).await?;
        Ok(query.answer(&found.rows, found.now))
    }

    /// What such lines are drawn of, for those who draw several of it, or show each person a part: what
    /// is left of the rows, [`SeriesQuery::answer`] makes lines of.
    ///
    /// # Errors
    ///
    /// As for [`series`](Reader::series).
    pub async fn recorded(&self, query: &SeriesQuery) -> Result<MetricRows> {
        query.check()?;
        self.storage().read_metrics(query.range(), self.within()).await
    }

    /// What became of the runs of each queue and worker in a window: how many, how many failed, how long
    /// they took and waited; those with the most runs first. One statement, which reads a stretch of a
    /// primary key.
    ///
    /// # Errors
    ///
    /// As for [`series`](Reader::series).
    pub async fn summary(&self, query: SummaryQuery) -> Result<Vec<Summary>> {
        query.check()?;
        let found = self.storage().read_metrics(query.range(), self.within()).await?;
        Ok(query.answer(&found.rows))
    }
}
