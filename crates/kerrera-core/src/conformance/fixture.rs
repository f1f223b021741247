//! What a case works with.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Result;
use crate::executor::InsertPlan;
use crate::job::{Job, JobId};
use crate::new_job::{Limits, NewJob, ValidJob};
use crate::state::{Event, decide};
use crate::storage::{Ack, Acked, Beat, Claim, Failure, Inserted, Pending, Producer, Storage};
use crate::time::{Clock, Timestamp};
use crate::token::ClaimToken;

type Raw = Box<dyn Fn(String) -> Pending<'static, ()> + Send + Sync>;
type Transactions = Box<dyn Fn(InsertPlan, bool) -> Pending<'static, Vec<Inserted>> + Send + Sync>;
type Neighbours = Box<dyn Fn() -> Pending<'static, Arc<dyn Storage>> + Send + Sync>;

/// A storage on a fresh, migrated database, and what a test needs beside it.
pub struct Fixture {
    /// The storage.
    pub storage: Arc<dyn Storage>,
    /// Its manual clock.
    pub clock: Clock,
    raw: Raw,
    transactions: Option<Transactions>,
    neighbours: Option<Neighbours>,
    /// Dropped last.
    keep: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// A fixture of a storage, its manual clock, and a way to run SQL beside it.
    pub fn new<F, R>(storage: Arc<dyn Storage>, clock: Clock, raw: F) -> Fixture
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        assert!(clock.shows().is_some(), "the suite moves the clock by hand");
        let raw = move |sql| -> Pending<'static, ()> { Box::pin(raw(sql)) };
        Fixture {
            storage,
            clock,
            raw: Box::new(raw),
            transactions: None,
            neighbours: None,
            keep: Vec::new(),
        }
    }

    /// Adds a way to follow a plan through the storage's own [`Executor`](crate::executor::Executor),
    /// in a transaction that is then committed if the flag says so, and else rolled back.
    #[must_use]
    pub fn with_transactions<F, R>(mut self, run: F) -> Fixture
    where
        F: Fn(InsertPlan, bool) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<Inserted>>> + Send + 'static,
    {
        self.transactions = Some(Box::new(move |plan, commit| Box::pin(run(plan, commit))));
        self
    }

    /// Adds a way to open the same database once more, with the same clock, as another process
    /// would. To drop that storage is to kill that process.
    #[must_use]
    pub fn with_neighbours<F, R>(mut self, open: F) -> Fixture
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Arc<dyn Storage>>> + Send + 'static,
    {
        self.neighbours = Some(Box::new(move || Box::pin(open())));
        self
    }

    /// Keeps something until the case has ended: a folder, a database.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send) -> Fixture {
        self.keep.push(Box::new(guard));
        self
    }

    /// Runs SQL that both dialects understand.
    pub async fn raw(&self, sql: impl Into<String>) {
        (self.raw)(sql.into()).await.unwrap();
    }

    /// Inserts in a transaction beside the storage.
    pub(super) async fn insert_within(&self, jobs: Vec<NewJob>, commit: bool) -> Vec<Job> {
        let inserted = self.run_within(jobs, commit).await.unwrap();
        inserted.into_iter().map(Inserted::into_job).collect()
    }

    /// Inserts in a transaction beside the storage, and says what became of each job.
    pub(super) fn run_within(
        &self,
        jobs: Vec<NewJob>,
        commit: bool,
    ) -> Pending<'static, Vec<Inserted>> {
        let run = self.transactions.as_ref().expect("a fixture with transactions");
        run(self.storage.plan_insert(&valid(jobs), false).unwrap(), commit)
    }

    /// The same database as another process sees it.
    pub async fn neighbour(&self) -> Arc<dyn Storage> {
        let open = self.neighbours.as_ref().expect("a fixture with neighbours");
        open().await.unwrap()
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.shows().unwrap()
    }

    pub(super) async fn insert<J: Into<NewJob>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Vec<Job> {
        let jobs = valid(jobs);
        let inserted = self.storage.insert(jobs).await.unwrap();
        inserted.into_iter().map(Inserted::into_job).collect()
    }

    pub(super) async fn insert_one(&self, job: NewJob) -> Job {
        self.insert([job]).await.remove(0)
    }

    pub(super) async fn enroll(&self, queue: &str) -> Hand {
        Hand::enrolled(&self.storage, queue).await
    }

    /// A job of the queue `default`, being run.
    pub(super) async fn running(&self, job: NewJob) -> (Hand, Job) {
        let hand = self.enroll("default").await;
        let inserted = self.insert_one(job).await;
        let claimed = hand.claim(1).await.remove(0);
        assert_eq!(claimed.id, inserted.id);
        (hand, claimed)
    }

    pub(super) async fn job(&self, id: JobId) -> Job {
        self.storage.job(id).await.unwrap().expect("the job is there")
    }

    pub(super) async fn ack(&self, ack: Ack) -> Acked {
        self.storage.ack(vec![ack]).await.unwrap().remove(0)
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("storage", &self.storage).finish_non_exhaustive()
    }
}

/// A producer as the engine would be one.
pub(super) struct Hand {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) producer: Producer,
}

impl Hand {
    pub(super) async fn enrolled(storage: &Arc<dyn Storage>, queue: &str) -> Hand {
        let producer = Producer {
            uuid: Uuid::new_v4(),
            node: "node-1".into(),
            queue: queue.into(),
            limit: 10,
        };
        storage.enroll(vec![producer.clone()]).await.unwrap();
        Hand { storage: storage.clone(), producer }
    }

    pub(super) fn wish(&self, limit: u32) -> Claim {
        Claim {
            queue: self.producer.queue.clone(),
            producer: self.producer.uuid,
            node: self.producer.node.clone(),
            token: ClaimToken::random(),
            limit,
            excluded: Arc::new([]),
            floor: None,
        }
    }

    pub(super) async fn claim(&self, limit: u32) -> Vec<Job> {
        self.storage.claim(self.wish(limit)).await.unwrap()
    }

    pub(super) fn beat(&self, running: &[&Job]) -> Beat {
        let running = running.iter().map(|job| (job.id, job.claim_token().unwrap())).collect();
        Beat { producer: self.producer.uuid, paused: false, limit: 10, running }
    }
}

pub(super) fn valid<J: Into<NewJob>>(jobs: impl IntoIterator<Item = J>) -> Vec<ValidJob> {
    jobs.into_iter().map(|job| job.into().validate(&Limits::default()).unwrap()).collect()
}

pub(super) fn job() -> NewJob {
    NewJob::of("Worker", json!({}))
}

/// What a run of `job` that ended so writes.
pub(super) fn ack(job: &Job, event: Event) -> Ack {
    Ack {
        id: job.id,
        token: job.claim_token().expect("a claimed job has a token"),
        attempt: job.attempt,
        outcome: decide(job.position(), event).unwrap(),
        failure: None,
        meta: None,
        then: Vec::new(),
        began: None,
    }
}

pub(super) fn failure(job: &Job, error: &str) -> Option<Failure> {
    Some(Failure {
        attempt: job.attempt,
        error: error.to_owned(),
        node: "node-1".into(),
        ran: std::time::Duration::from_millis(1_234),
        fingerprint: Some(crate::Fingerprint::of(&job.worker, error)),
    })
}

pub(super) fn meta(job: &Job) -> Value {
    job.meta.decode().unwrap()
}

pub(super) fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}
