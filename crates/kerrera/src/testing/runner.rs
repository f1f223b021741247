//! Runs jobs where there is no engine: the same claim, the same executor and the same ack, one job
//! after the other, in the task of the caller.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::state::{Event, Position, decide};
use kerrera_core::storage::{Ack, Acked, Claim, Inserted, Pending, Producer, Storage};
use kerrera_core::{ClaimToken, Error, Job, JobId, JobQuery, Result, State, Timestamp, Uuid};

use super::drain::Drained;
use super::faults::{Fault, Faults};
use crate::Tuning;
use crate::client::{Client, Inline};
use crate::engine::queues::{Origin, Settings};
use crate::registry::Registry;
use crate::runtime::acker::{Acks, Ended};
use crate::runtime::{Node, Queue, executor, panics};

/// The name under which jobs are claimed.
pub(super) const NODE: &str = "test-kit";

/// What a kit shares with its client.
pub(super) struct Runner<S> {
    pub(super) client: Client,
    pub(super) registry: Registry<S>,
    pub(super) state: Arc<S>,
    pub(super) inline: AtomicBool,
    pub(super) faults: Faults,
    /// How many runs one call makes before it takes them for endless.
    pub(super) most_runs: u32,
}

/// What one call has done so far.
#[derive(Default)]
pub(super) struct Shift {
    pub(super) drained: Drained,
    /// As which producer it claims, by queue.
    producers: HashMap<Arc<str>, Uuid>,
}

/// What there is to do.
enum Next {
    /// These jobs can be claimed, in this order.
    Ready(Vec<Job>),
    /// None before this time.
    Due(Timestamp),
    /// None, ever.
    Idle,
}

impl<S: Send + Sync + 'static> Runner<S> {
    pub(super) fn storage(&self) -> &Arc<dyn Storage> {
        self.client.storage()
    }

    /// What the storage's clock shows; this machine's, where that is the database's own.
    pub(super) fn now(&self) -> Timestamp {
        self.storage().clock().shows().unwrap_or_else(Timestamp::now)
    }

    /// Makes due jobs available.
    pub(super) async fn stage(&self) -> Result<()> {
        self.storage().stage(u32::MAX, Vec::new()).await.map(drop)
    }

    /// Runs everything that can run until `end`, each job at its time; without an end, until nothing
    /// is left to do.
    pub(super) async fn run_until(&self, shift: &mut Shift, end: Option<Timestamp>) -> Result<()> {
        loop {
            self.stage().await?;
            match self.next(&mut shift.drained).await? {
                Next::Ready(jobs) => self.run_all(shift, &jobs).await?,
                Next::Due(time) if end.is_none_or(|end| time <= end) => self.jump_to(time)?,
                Next::Due(_) | Next::Idle => return end.map_or(Ok(()), |end| self.jump_to(end)),
            }
        }
    }

    /// Runs the job that comes next, at its time.
    pub(super) async fn run_next(&self, shift: &mut Shift) -> Result<Option<Job>> {
        loop {
            self.stage().await?;
            let job = match self.next(&mut shift.drained).await? {
                Next::Ready(jobs) => jobs.into_iter().next(),
                Next::Due(time) => {
                    self.jump_to(time)?;
                    continue;
                }
                Next::Idle => return Ok(None),
            };
            let queue = job.map(|job| job.queue).unwrap_or_default();
            // Somebody else may have taken it.
            let Some((job, token)) = self.claim(shift, &queue, 1).await?.pop() else { continue };
            let id = job.id;
            self.run(shift, job, token).await?;
            return self.storage().job(id).await;
        }
    }

    /// Runs the jobs of a queue that are available now.
    pub(super) async fn drain(
        &self,
        shift: &mut Shift,
        queue: &str,
        limit: u32,
        safely: bool,
    ) -> Result<()> {
        let mut claimed = self.claim(shift, queue, limit).await?.into_iter();
        while let Some((job, token)) = claimed.next() {
            let what = format!("job {} of {}, attempt {}", job.id, job.worker, job.attempt);
            let result = match self.run(shift, job, token).await {
                Ok(Some(error)) if !safely => {
                    let message = format!("{what} failed: {error}");
                    Err(Error::new(Kind::JobFailed, message))
                }
                ran => ran.map(drop),
            };
            if result.is_err() {
                let released = self.release(claimed).await;
                return result.and(released);
            }
        }
        Ok(())
    }

    /// Refuses to go on for ever.
    pub(super) fn check_end(&self, drained: &Drained) -> Result<()> {
        if drained.total() < self.most_runs {
            return Ok(());
        }
        let message = format!(
            "{} jobs were run and the kit is not idle: does a worker always snooze, or always insert \
             the next job? Use advance, drain_queue without recursion, or raise most_runs",
            drained.total()
        );
        Err(Error::new(Kind::Config, message))
    }

    /// Ends a call: what it claimed as is made unknown again.
    pub(super) async fn end(&self, shift: Shift, result: Result<()>) -> Result<Drained> {
        let producers: Vec<Uuid> = shift.producers.into_values().collect();
        if !producers.is_empty() {
            let retired = self.storage().retire(producers).await;
            result.and(retired)?;
        } else {
            result?;
        }
        Ok(shift.drained)
    }

    /// Runs a job to its conclusion, which nobody has written yet; `None` if it is cut off.
    pub(super) async fn execute(
        &self,
        job: Job,
        token: ClaimToken,
        fault: Fault,
    ) -> Result<Option<Ended>> {
        let Some(handler) = self.registry.get(&job.worker) else {
            let message = format!(
                "this kit does not know the worker {:?}: add .worker::<{0}>() to its builder",
                job.worker
            );
            return Err(Error::new(Kind::Config, message));
        };
        panics::watch();
        let (acks, _nobody) = Acks::new();
        let node = Node::new(NODE.into(), self.client.clone(), Tuning::default(), acks);
        let node = Arc::new(node);
        let settings = Settings { limit: 1, paused: false };
        let origin = Origin { settings, since: 0 };
        let name = job.queue.as_str().into();
        let queue = Arc::new(Queue::new(&node.stop, name, origin, settings, node.tuning.prefetch));
        let (claimed, now) = ((Arc::new(job), token), tokio::time::Instant::now());
        let (begun, _run) = executor::begin(handler, claimed, now);
        let ended = fault.cut(executor::run(&node, &queue, &self.state, begun)).await;
        Ok(ended.filter(|_| fault != Fault::BeforeAck))
    }

    /// What can run next, of the workers that are known.
    async fn next(&self, drained: &mut Drained) -> Result<Next> {
        let mut ready = Vec::new();
        let mut due: Option<Timestamp> = None;
        let states = [State::Available, State::Scheduled, State::Retryable];
        let query = JobQuery::new().states(states);
        for job in self.client.jobs(query).await? {
            if job.attempt >= job.max_attempts {
                continue;
            }
            if self.registry.get(&job.worker).is_none() {
                drained.leave(&job.worker);
            } else if job.state == State::Available {
                ready.push(job);
            } else {
                due = Some(due.map_or(job.scheduled_at, |due| due.min(job.scheduled_at)));
            }
        }
        ready.sort_by_key(|job| (job.priority, job.scheduled_at, job.id));
        Ok(match due {
            _ if !ready.is_empty() => Next::Ready(ready),
            Some(time) => Next::Due(time),
            None => Next::Idle,
        })
    }

    /// Runs what is available in the queues of these jobs.
    async fn run_all(&self, shift: &mut Shift, ready: &[Job]) -> Result<()> {
        let mut queues: Vec<&str> = Vec::new();
        for job in ready {
            if !queues.contains(&job.queue.as_str()) {
                queues.push(&job.queue);
            }
        }
        for queue in queues {
            self.drain(shift, queue, u32::MAX, true).await?;
            self.check_end(&shift.drained)?;
        }
        Ok(())
    }

    fn jump_to(&self, time: Timestamp) -> Result<()> {
        let clock = self.storage().clock();
        let Some(now) = clock.shows() else {
            let message = format!(
                "the jobs are kept in {}, whose clock cannot be moved: make the storage with \
                 Clock::manual",
                self.client.location()
            );
            return Err(Error::new(Kind::Config, message));
        };
        clock.advance(time.since(now));
        Ok(())
    }

    /// Claims available jobs; those of unknown workers are given back.
    async fn claim(
        &self,
        shift: &mut Shift,
        queue: &str,
        limit: u32,
    ) -> Result<Vec<(Job, ClaimToken)>> {
        let queue: Arc<str> = queue.into();
        let producer = self.enroll(shift, &queue).await?;
        let mut claimed = Vec::new();
        loop {
            let token = ClaimToken::random();
            let taken = u32::try_from(claimed.len()).unwrap_or(u32::MAX);
            let claim = Claim {
                queue: queue.clone(),
                producer,
                node: NODE.into(),
                token,
                limit: limit.saturating_sub(taken),
                excluded: shift.drained.unknown.as_slice().into(),
                floor: None,
            };
            let jobs = self.storage().claim(claim).await?;
            let jobs = jobs.into_iter().map(|job| (job, token));
            let (known, unknown): (Vec<_>, Vec<_>) =
                jobs.partition(|(job, _)| self.registry.get(&job.worker).is_some());
            claimed.extend(known);
            if unknown.is_empty() {
                return Ok(claimed);
            }
            unknown.iter().for_each(|(job, _)| shift.drained.leave(&job.worker));
            self.release(unknown).await?;
        }
    }

    async fn enroll(&self, shift: &mut Shift, queue: &Arc<str>) -> Result<Uuid> {
        if let Some(uuid) = shift.producers.get(queue) {
            return Ok(*uuid);
        }
        let uuid = Uuid::new_v4();
        let producer = Producer { uuid, node: NODE.into(), queue: queue.clone(), limit: 1 };
        self.storage().enroll(vec![producer]).await?;
        shift.producers.insert(queue.clone(), uuid);
        Ok(uuid)
    }

    /// Runs a claimed job and writes how it ended; gives back its error, if it failed or was
    /// discarded.
    async fn run(&self, shift: &mut Shift, job: Job, token: ClaimToken) -> Result<Option<String>> {
        // In inline mode a run that is cut would take those of its own insertions with it, unrescued.
        let fault = if self.is_on() { Fault::None } else { self.faults.next(job.position()) };
        let (id, position) = (job.id, job.position());
        let Some(mut ended) = self.execute(job, token, fault).await? else {
            shift.drained.crashed += 1;
            self.write(id, token, position, Event::Rescued).await?;
            return Ok(None);
        };
        loop {
            let ack = &ended.ack;
            let state = match self.storage().ack(vec![ack.clone()]).await?.pop() {
                Some(Acked::Written | Acked::AlreadyWritten) => ack.outcome.to,
                Some(Acked::Cancelled) => State::Cancelled,
                Some(Acked::Refused(why)) => {
                    let refused = ended.refused(&NODE.into(), &why);
                    ended = refused.ok_or_else(|| Error::new(Kind::Database, why.to_string()))?;
                    continue;
                }
                // The test itself, or somebody beside it, has taken the job away.
                Some(Acked::Lost) | None => return Ok(None),
            };
            shift.drained.count(state);
            let is_bad = matches!(state, State::Retryable | State::Discarded);
            return Ok(ended.ack.failure.filter(|_| is_bad).map(|failure| failure.error));
        }
    }

    async fn release(&self, jobs: impl IntoIterator<Item = (Job, ClaimToken)>) -> Result<()> {
        for (job, token) in jobs {
            self.write(job.id, token, job.position(), Event::Released).await?;
        }
        Ok(())
    }

    /// Writes what becomes of a claimed job that has not ended.
    async fn write(
        &self,
        id: JobId,
        token: ClaimToken,
        position: Position,
        event: Event,
    ) -> Result<()> {
        // A claimed job is executing, where both events can happen.
        let Ok(outcome) = decide(position, event) else { return Ok(()) };
        let (failure, meta, then, began) = (None, None, Vec::new(), None);
        let attempt = position.attempt;
        let ack = Ack { id, token, attempt, outcome, failure, meta, then, began };
        self.storage().ack(vec![ack]).await.map(drop)
    }

    /// Runs what is available, without looking at what is due.
    async fn run_available(&self, shift: &mut Shift) -> Result<()> {
        loop {
            match self.next(&mut shift.drained).await? {
                Next::Ready(jobs) => self.run_all(shift, &jobs).await?,
                Next::Due(_) | Next::Idle => return Ok(()),
            }
        }
    }

    /// A job that was inserted, once its run has ended.
    async fn settled(&self, inserted: Inserted) -> Result<Inserted> {
        /// Between two looks at a job that another task of the test runs.
        const PAUSE: Duration = Duration::from_millis(1);
        let Inserted::New(job) = inserted else { return Ok(inserted) };
        loop {
            match self.storage().job(job.id).await? {
                Some(now) if now.state == State::Executing => tokio::time::sleep(PAUSE).await,
                now => return Ok(Inserted::New(now.unwrap_or(job))),
            }
        }
    }
}

impl<S: Send + Sync + 'static> Inline for Runner<S> {
    fn is_on(&self) -> bool {
        self.inline.load(Ordering::SeqCst)
    }

    fn run(self: Arc<Self>, inserted: Vec<Inserted>) -> Pending<'static, Vec<Inserted>> {
        Box::pin(async move {
            let mut shift = Shift::default();
            let result = self.run_available(&mut shift).await;
            self.end(shift, result).await?;
            let mut settled = Vec::with_capacity(inserted.len());
            for inserted in inserted {
                settled.push(self.settled(inserted).await?);
            }
            Ok(settled)
        })
    }
}
