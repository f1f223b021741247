//! Numbers over time: what became of runs, how long they took, and how full queues were.

use std::collections::BTreeMap;
use std::sync::Arc;

use kerrera::Timestamp;
use kerrera::metrics::{Group, Metric, Series, SeriesQuery};
use kerrera_core::storage::MetricRows;

use super::{Result, Service, Window};
use crate::access::{Permission, Scope};

/// What a page shows as charts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// How many runs ended, by how they ended.
    pub runs: Series,
    /// How long they ran, in seconds.
    pub run_time: Series,
    /// How long their jobs could have been claimed before they were, in seconds.
    pub wait_time: Series,
    /// How many jobs there were that had not ended, by state; of a worker nobody counts them.
    pub depth: Option<Series>,
}

/// Of what numbers are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeasuredOf<'a> {
    /// Of everything that the viewer sees.
    #[default]
    All,
    /// Of a queue.
    Queue(&'a str),
    /// Of a worker.
    Worker(&'a str),
}

impl MeasuredOf<'_> {
    fn narrow(self, query: SeriesQuery) -> SeriesQuery {
        match self {
            MeasuredOf::All => query,
            MeasuredOf::Queue(queue) => query.queue(queue),
            MeasuredOf::Worker(worker) => query.worker(worker),
        }
    }
}

impl Service {
    /// What the charts of a page show. One statement for what ran and one for how full queues were, each
    /// of which reads a stretch of a primary key.
    ///
    /// What the viewer does not see is in none of the numbers.
    ///
    /// # Errors
    ///
    /// Without [`Permission::MetricsView`], [`Error::NotFound`](super::Error::NotFound) for what the
    /// viewer does not know of, and when the database fails.
    pub async fn measured(&self, of: MeasuredOf<'_>, window: Window) -> Result<Measured> {
        let now = Timestamp::now();
        let last = |metric| of.narrow(SeriesQuery::last(metric, window.span(), now));
        let runs = last(Metric::Jobs).by(Group::Outcome);
        let depth = async {
            match of {
                MeasuredOf::Worker(_) => Ok(None),
                _ => self.series(&last(Metric::Depth).by(Group::State)).await.map(Some),
            }
        };
        let (ran, depth) = tokio::try_join!(self.recorded(&runs), depth)?;
        let draw = |query: SeriesQuery| query.answer(&ran.rows, ran.now);
        Ok(Measured {
            runs: draw(runs),
            run_time: draw(last(Metric::RunTime)),
            wait_time: draw(last(Metric::WaitTime)),
            depth,
        })
    }

    /// Lines over time. One statement, which reads a stretch of a primary key.
    ///
    /// # Errors
    ///
    /// As for [`measured`](Service::measured), and [`Error::Invalid`](super::Error::Invalid) if the query
    /// makes no sense.
    pub async fn series(&self, query: &SeriesQuery) -> Result<Series> {
        let found = self.recorded(query).await?;
        let mut series = query.answer(&found.rows, found.now);
        // The rows of hidden queues are gone; a line that is named must be one of a thing that is seen.
        series.lines.retain(|line| match (query.group, &line.name) {
            (Group::Queue, Some(queue)) => self.viewer.sees(Scope::Queue(queue)),
            (Group::Worker, Some(worker)) => self.viewer.sees(Scope::Worker(worker)),
            _ => true,
        });
        Ok(series)
    }

    /// How many runs ended in each queue, in steps of five minutes of the last hour; a gap where no node
    /// was there to tell.
    ///
    /// # Errors
    ///
    /// As for [`measured`](Service::measured).
    pub async fn runs_of_queues(&self) -> Result<BTreeMap<String, Vec<Option<f64>>>> {
        let now = Timestamp::now();
        let step = Window::Hour.step() / 2;
        let query = SeriesQuery::new(Metric::Jobs, now - Window::Hour.span(), now, step);
        let series = self.series(&query.by(Group::Queue)).await?;
        let lines = series.lines.into_iter();
        Ok(lines.filter_map(|line| Some((line.name?, line.values))).collect())
    }

    /// The rows that such lines are drawn of, as far as the viewer sees them.
    async fn recorded(&self, query: &SeriesQuery) -> Result<Arc<MetricRows>> {
        self.viewer.may(Permission::MetricsView)?;
        query.check()?;
        if let Some(queue) = &query.queue {
            self.may_know(Scope::Queue(queue))?;
        }
        if let Some(worker) = &query.worker {
            self.may_know(Scope::Worker(worker))?;
        }
        let question = format!("metrics {:?}", query.range());
        let reader = self.reader();
        let read = async { reader.recorded(query).await.map(Arc::new) };
        let all = self.asked(&question, read).await?;
        let is_seen = |queue: &str, worker: &str| {
            // Rows without a queue say that a node was there, those without a worker how full a queue was.
            (queue.is_empty() || self.viewer.sees(Scope::Queue(queue)))
                && (worker.is_empty() || self.viewer.sees(Scope::Worker(worker)))
        };
        if all.rows.iter().all(|row| is_seen(&row.key.queue, &row.key.worker)) {
            return Ok(all);
        }
        let mut seen = MetricRows::clone(&all);
        seen.rows.retain(|row| is_seen(&row.key.queue, &row.key.worker));
        Ok(Arc::new(seen))
    }
}
