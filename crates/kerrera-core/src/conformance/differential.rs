//! The same script on two storages leaves the same rows.
//!
//! A storage's tests draw scripts from [`scripts`] and hand each, with two fresh fixtures whose
//! clocks show the same, to [`same_script_same_rows`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Fixture;
use super::fixture::valid;
use crate::job::{Job, JobId};
use crate::job_query::Condition;
use crate::new_job::NewJob;
use crate::state::{Event, State, decide};
use crate::storage::{Ack, Acked, Batch, Claim, Failure, Inserted, Managed, Operation, Producer};
use crate::time::Timestamp;
use crate::token::ClaimToken;
use crate::unique::{ReplaceField, Unique, UniqueField, UniqueTimestamp, until_finished};

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Op {
    Insert(Vec<Shape>),
    Claim {
        queue: Queue,
        limit: u32,
        excluded: bool,
    },
    Ack(Vec<End>),
    Stage {
        limit: u32,
    },
    Advance(Duration),
    /// Takes the queue's producer away, and puts a new one in its place.
    Die(Queue),
    Rescue {
        limit: u32,
    },
    /// Cancels or retries jobs of the queue that no follow-up goes to: all of those are known.
    Manage {
        operation: Operation,
        limit: u32,
    },
}

/// A job to insert.
#[derive(Clone, Debug)]
pub struct Shape {
    queue: Queue,
    worker: Worker,
    priority: u8,
    max_attempts: u32,
    when: When,
    args: Args,
    unique: Option<Rule>,
}

/// How one of the runs ended that have been claimed so far; those that have ended before, and those
/// that were lost, are not spared.
#[derive(Clone, Debug)]
pub struct End {
    run: Index,
    event: Event,
    error: Option<String>,
    meta: bool,
    then: bool,
}

/// The queue that is worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    A,
    B,
}

#[derive(Clone, Copy, Debug)]
enum Worker {
    Plain,
    Excluded,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Now,
    In(Duration),
    At(i64),
}

#[derive(Clone, Copy, Debug)]
enum Args {
    None,
    Some,
}

/// One that compares all args and the worker: what it would find is the same by claims and by Oban's
/// own query.
#[derive(Clone, Debug)]
struct Rule {
    states: Vec<State>,
    period: Option<Duration>,
    timestamp: UniqueTimestamp,
    replace: Vec<ReplaceField>,
}

/// Scripts of up to forty steps.
pub fn scripts() -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 1..=40)
}

/// Runs a script on both, and compares every answer and every row after every step.
///
/// # Panics
///
/// Where they differ; the message names the step.
pub async fn same_script_same_rows(a: Fixture, b: Fixture, script: Vec<Op>) {
    assert_eq!(a.now(), b.now(), "both clocks start at the same time");
    let (mut a, mut b) = (Side::new(a).await, Side::new(b).await);
    for (number, op) in script.iter().enumerate() {
        let token = ClaimToken::random();
        let (left, right) = (a.take(op, token).await, b.take(op, token).await);
        assert_eq!(left, right, "the answers to step {number}, {op:?}, in {script:#?}");
        let (left, right) = (a.rows().await, b.rows().await);
        assert_eq!(left, right, "the rows after step {number}, {op:?}, in {script:#?}");
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => vec(shape(), 1..5).prop_map(Op::Insert),
        6 => (queue(), 0..6_u32, any::<bool>())
            .prop_map(|(queue, limit, excluded)| Op::Claim { queue, limit, excluded }),
        6 => vec(end(), 1..5).prop_map(Op::Ack),
        4 => (1..6_u32).prop_map(|limit| Op::Stage { limit }),
        3 => span().prop_map(Op::Advance),
        1 => queue().prop_map(Op::Die),
        2 => (1..6_u32).prop_map(|limit| Op::Rescue { limit }),
        2 => (operation(), 1..6_u32)
            .prop_map(|(operation, limit)| Op::Manage { operation, limit }),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let when = prop_oneof![
        4 => Just(When::Now),
        2 => span().prop_map(When::In),
        1 => (-100_000_000..100_000_000_i64).prop_map(When::At),
    ];
    let worker = prop_oneof![Just(Worker::Plain), Just(Worker::Excluded)];
    let args = prop_oneof![Just(Args::None), Just(Args::Some)];
    (queue(), worker, 0..4_u8, 1..4_u32, when, args, option::of(rule())).prop_map(
        |(queue, worker, priority, max_attempts, when, args, unique)| Shape {
            queue,
            worker,
            priority,
            max_attempts,
            when,
            args,
            unique,
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    use ReplaceField::{MaxAttempts, Meta, Priority, Queue, ScheduledAt, Tags};
    let states = subsequence(State::ALL.to_vec(), 1..=State::ALL.len());
    let period = option::of(span().prop_map(|span| span + Duration::from_micros(1)));
    let timestamp =
        prop_oneof![Just(UniqueTimestamp::InsertedAt), Just(UniqueTimestamp::ScheduledAt)];
    let fields = vec![MaxAttempts, Meta, Priority, Queue, ScheduledAt, Tags];
    let replace = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(fields, 1..=6)];
    (states, period, timestamp, replace).prop_map(|(states, period, timestamp, replace)| Rule {
        states,
        period,
        timestamp,
        replace,
    })
}

fn end() -> impl Strategy<Value = End> {
    let event = prop_oneof![
        3 => Just(Event::Completed),
        4 => span().prop_map(|retry_in| Event::Failed { retry_in }),
        2 => span().prop_map(|wait| Event::Snoozed { wait }),
        1 => Just(Event::Cancelled),
        1 => Just(Event::Discarded),
        2 => Just(Event::Released),
    ];
    (any::<Index>(), event, option::of(".{0,12}"), any::<bool>(), any::<bool>()).prop_map(
        |(run, event, error, meta, then)| {
            // Every run that fails says why.
            let fails = matches!(event, Event::Failed { .. } | Event::Discarded);
            let error = error.or(fails.then(|| "why".to_owned()));
            let error = error.map(|text| crate::failure::sanitise(&text));
            End { run, event, error, meta, then }
        },
    )
}

/// No deletion: every row that has been seen is compared.
fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![Just(Operation::Cancel), Just(Operation::Retry), Just(Operation::Discard)]
}

fn queue() -> impl Strategy<Value = Queue> {
    prop_oneof![Just(Queue::A), Just(Queue::B)]
}

/// Spans that meet each other often, and some to the microsecond.
fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..5_u64).prop_map(|seconds| Duration::from_secs(seconds * 10)),
        (0..40_000_000_u64).prop_map(Duration::from_micros),
    ]
}

/// What a step gave back, with jobs by the order in which they became known.
#[derive(Debug, PartialEq)]
enum Answer {
    /// Which, and whether it is new, replaced, or as it was.
    Inserted(Vec<(usize, char)>),
    Claimed(Vec<usize>),
    Acked(Vec<Acked>),
    Staged(u64, Vec<String>),
    Rescued(Vec<(usize, String, State)>),
    Managed(Vec<(usize, String, State)>),
    Nothing,
}

/// One of the two storages.
struct Side {
    fixture: Fixture,
    producers: BTreeMap<Queue, Uuid>,
    /// Every job, in the order in which it became known.
    known: Vec<JobId>,
    /// Every job as it was claimed.
    runs: Vec<Job>,
}

impl Side {
    async fn new(fixture: Fixture) -> Side {
        let mut side =
            Side { fixture, producers: BTreeMap::new(), known: Vec::new(), runs: Vec::new() };
        for queue in [Queue::A, Queue::B] {
            side.enroll(queue).await;
        }
        side
    }

    async fn take(&mut self, op: &Op, token: ClaimToken) -> Answer {
        let storage = self.fixture.storage.clone();
        match op {
            Op::Insert(shapes) => {
                let start = self.fixture.now();
                let jobs = shapes.iter().map(|shape| shape.job(start));
                let ends = storage.insert(valid(jobs)).await.unwrap();
                let kinds = ends.iter().map(|end| match end {
                    Inserted::New(_) => 'n',
                    Inserted::Replaced(_) => 'r',
                    Inserted::Existing(_) => 'e',
                });
                let kinds: Vec<char> = kinds.collect();
                let jobs: Vec<Job> = ends.into_iter().map(Inserted::into_job).collect();
                Answer::Inserted(self.places(&jobs).into_iter().zip(kinds).collect())
            }
            Op::Claim { queue, limit, excluded } => {
                let excluded: &[&str] = if *excluded { &[Worker::Excluded.name()] } else { &[] };
                let claim = Claim {
                    queue: queue.name().into(),
                    producer: self.producers[queue],
                    node: "node-1".into(),
                    token,
                    limit: *limit,
                    excluded: excluded.iter().map(ToString::to_string).collect(),
                    floor: None,
                };
                let jobs = storage.claim(claim).await.unwrap();
                let places = self.places(&jobs);
                self.runs.extend(jobs);
                Answer::Claimed(places)
            }
            Op::Ack(_) if self.runs.is_empty() => Answer::Nothing,
            Op::Ack(ends) => {
                let acks = ends.iter().map(|end| end.ack(&self.runs)).collect();
                Answer::Acked(storage.ack(acks).await.unwrap())
            }
            Op::Stage { limit } => {
                let watched = [Queue::A, Queue::B].map(|queue| queue.name().into());
                let mut staged = storage.stage(*limit, watched.to_vec()).await.unwrap();
                staged.ready.sort();
                Answer::Staged(staged.count, staged.ready)
            }
            Op::Advance(span) => {
                self.fixture.clock.advance(*span);
                Answer::Nothing
            }
            Op::Die(queue) => {
                let uuid = self.producers[queue];
                let die = format!("DELETE FROM kerrera_producers WHERE uuid = '{uuid}'");
                self.fixture.raw(die).await;
                self.enroll(*queue).await;
                Answer::Nothing
            }
            Op::Rescue { limit } => {
                let mut rescued = storage.rescue(Vec::new(), *limit).await.unwrap().jobs;
                rescued.sort_unstable_by_key(|(id, ..)| *id);
                let place = |(id, queue, state)| (self.place(id), queue, state);
                Answer::Rescued(rescued.into_iter().map(place).collect())
            }
            Op::Manage { operation, limit } => {
                let conditions = vec![Condition::Queues(vec![Queue::A.name().to_owned()])];
                let (operation, limit) = (*operation, *limit);
                let batch = Batch { operation, conditions, after: None, limit };
                let managed = storage.manage(batch).await.unwrap();
                let place = |job: Managed| (self.place(job.id), job.queue, job.was);
                Answer::Managed(managed.into_iter().map(place).collect())
            }
        }
    }

    /// Every known row, without what differs by nature: its number, and who claimed it.
    async fn rows(&self) -> Vec<Value> {
        let mut rows = Vec::with_capacity(self.known.len());
        for (place, id) in self.known.iter().enumerate() {
            let mut job = self.fixture.job(*id).await;
            job.id = place as JobId;
            job.attempted_by = Arc::default();
            job.args = job.args.decode::<Value>().unwrap().into();
            job.meta = job.meta.decode::<Value>().unwrap().into();
            rows.push(serde_json::to_value(job).unwrap());
        }
        rows
    }

    async fn enroll(&mut self, queue: Queue) {
        let uuid = Uuid::new_v4();
        let producer =
            Producer { uuid, node: "node-1".into(), queue: queue.name().into(), limit: 10 };
        self.fixture.storage.enroll(vec![producer]).await.unwrap();
        self.producers.insert(queue, uuid);
    }

    /// The places of jobs, which may be new: what follows from an ack is first seen by a claim.
    fn places(&mut self, jobs: &[Job]) -> Vec<usize> {
        for job in jobs {
            if !self.known.contains(&job.id) {
                self.known.push(job.id);
            }
        }
        jobs.iter().map(|job| self.place(job.id)).collect()
    }

    fn place(&self, id: JobId) -> usize {
        self.known.iter().position(|known| *known == id).expect("a job that has been seen")
    }
}

impl Shape {
    fn job(&self, now: Timestamp) -> NewJob {
        let args = match (&self.unique, self.args) {
            // Not those of a job without a rule, which only Oban's query finds.
            (Some(_), _) => json!({"unique": self.max_attempts}),
            (None, Args::None) => json!({}),
            (None, Args::Some) => json!({"id": 7, "name": "Zoë \"Z\"", "list": [1, 2.5, null]}),
        };
        let job = NewJob::of(self.worker.name(), args)
            .queue(self.queue.name())
            .priority(self.priority)
            .max_attempts(self.max_attempts)
            .tag(format!("tag {}", self.priority))
            .unique(self.unique.as_ref().map(Rule::unique));
        match self.when {
            When::Now => job,
            When::In(wait) => job.schedule_in(wait),
            When::At(offset) => {
                job.schedule_at(Timestamp::from_micros(now.as_micros().saturating_add(offset)))
            }
        }
    }
}

impl Rule {
    fn unique(&self) -> Unique {
        let Rule { states, period, timestamp, replace } = self.clone();
        let rule = Unique::new()
            .by_fields([UniqueField::Args, UniqueField::Worker])
            .states(states)
            .timestamp(timestamp)
            .replace(replace);
        match period {
            Some(period) => rule.period(period),
            None => rule,
        }
    }
}

impl End {
    fn ack(&self, runs: &[Job]) -> Ack {
        let job = self.run.get(runs);
        let failure = self.error.as_ref().map(|error| Failure {
            attempt: job.attempt,
            error: error.clone(),
            node: "node-1".into(),
            ran: Duration::from_millis(5),
            fingerprint: Some(crate::Fingerprint::of(&job.worker, error)),
        });
        let meta = json!({"k_value": job.attempt, "list": [true]});
        let next = NewJob::of("Next", json!({"after": job.attempt})).queue(Queue::B.name());
        let next = next.unique(until_finished());
        Ack {
            id: job.id,
            token: job.claim_token().expect("a claimed job has a token"),
            attempt: job.attempt,
            outcome: decide(job.position(), self.event).unwrap(),
            failure,
            meta: meta.as_object().filter(|_| self.meta).cloned(),
            then: if self.then { valid([next]) } else { Vec::new() },
            began: None,
        }
    }
}

impl Queue {
    fn name(self) -> &'static str {
        match self {
            Queue::A => "a",
            Queue::B => "b",
        }
    }
}

impl Worker {
    fn name(self) -> &'static str {
        match self {
            Worker::Plain => "Plain",
            Worker::Excluded => "Excluded",
        }
    }
}
