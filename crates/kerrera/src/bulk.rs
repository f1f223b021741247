//! Very many jobs on their way in.

use std::collections::HashSet;
use std::time::Instant;

use kerrera_core::error::Kind;
use kerrera_core::{Error, NewJob, Result, State, ValidJob};
use tokio::task::JoinSet;

use crate::Client;
use crate::telemetry::Insert;

/// How many jobs are written at a time.
const CHUNK: usize = 5_000;
/// How many such parts are being written at once: one connection does not keep a server busy.
const LOADS: usize = 2;

impl Client {
    /// Inserts as many jobs as an iterator gives, in the fastest way that the storage has, and says how
    /// many are new.
    ///
    /// Takes 5,000 at a time, inserts these all or none (on PostgreSQL by `COPY`, unless some are
    /// unique) and goes on while they are written, two such parts at most. So it needs no more memory for
    /// ten million than for fifteen thousand, and the first run while the last are not read yet. Where the jobs themselves are needed, or all or none
    /// of them, there is [`insert_all`](Client::insert_all).
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// # #[derive(Serialize, Deserialize, Worker)] struct Import { line: String }
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// # let client = Client::connect("sqlite::memory:").await?;
    /// # let file = "a\nb\nc";
    /// let lines = file.lines().map(|line| Import { line: line.to_owned() });
    /// assert_eq!(client.insert_bulk(lines).await?, 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`insert`](Client::insert). What else was inserted stays, and the message says how many
    /// that are.
    pub async fn insert_bulk<J: Into<NewJob>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Result<u64> {
        let (mut jobs, mut loads) = (jobs.into_iter(), Loads::default());
        while loads.failed.is_none() {
            // Read and checked while those before it are written.
            let chunk = self.validate(jobs.by_ref().take(CHUNK));
            while loads.under_way.len() >= LOADS {
                loads.next().await;
            }
            match chunk {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => {
                    let client = self.clone();
                    loads.under_way.spawn(async move { client.load(chunk).await });
                }
                Err(error) => loads.failed = loads.failed.or(Some(error)),
            }
        }
        while !loads.under_way.is_empty() {
            loads.next().await;
        }
        match (loads.failed, loads.total) {
            (None, total) => Ok(total),
            (Some(error), 0) => Err(error),
            (Some(error), total) => Err(error.adding(format_args!("{total} others were inserted"))),
        }
    }

    async fn load(&self, jobs: Vec<ValidJob>) -> Result<u64> {
        if self.inline().is_some() || self.teller().is_some() {
            let inserted = self.insert_valid(jobs).await?;
            return Ok(inserted.iter().filter(|end| end.is_new()).count() as u64);
        }
        let available = jobs.iter().filter(|job| job.state() == State::Available);
        let queues: HashSet<&str> = available.map(|job| &*job.queue).collect();
        let queues: Vec<String> = queues.into_iter().map(str::to_owned).collect();
        let sent = Instant::now();
        let count = self.storage().load(jobs).await?;
        let inserted = usize::try_from(count).unwrap_or(usize::MAX);
        self.telemetry().emit(Insert { count: inserted, duration: sent.elapsed() });
        self.wake_all(queues.iter().map(String::as_str));
        Ok(count)
    }
}

/// The parts that are being written, and what became of the others.
#[derive(Default)]
struct Loads {
    under_way: JoinSet<Result<u64>>,
    total: u64,
    /// The first failure.
    failed: Option<Error>,
}

impl Loads {
    async fn next(&mut self) {
        match self.under_way.join_next().await {
            None => {}
            Some(Ok(Ok(count))) => self.total += count,
            Some(Ok(Err(error))) => self.failed = self.failed.take().or(Some(error)),
            Some(Err(ended)) => {
                let error = Error::new(Kind::Closed, "the runtime ended during the insertion");
                self.failed = self.failed.take().or(Some(error.caused_by(ended)));
            }
        }
    }
}
