//! Claims the jobs of one queue and starts them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kerrera_core::storage::{Claim, Floor};
use kerrera_core::{ClaimToken, Job, Result};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until};

use super::{Node, Queue, executor};
use crate::engine::producer::{Claimed, Event, Order, Producer};
use crate::registry::Registry;

/// The shell of a [`Producer`].
pub(crate) struct Shell<S> {
    pub(crate) node: Arc<Node>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) registry: Arc<Registry<S>>,
    pub(crate) state: Arc<S>,
}

/// A claim that came back.
struct Answer {
    token: ClaimToken,
    order: Order,
    sent: Instant,
    jobs: Result<Vec<Job>>,
}

impl<S: Send + Sync + 'static> Shell<S> {
    pub(crate) fn name(&self) -> String {
        format!("producer.{}", self.queue.name)
    }

    /// Claims and starts jobs until the node claims no more.
    pub(crate) async fn run(self: Arc<Self>) {
        let queue = &self.queue;
        // After a restart of this loop, what it had started still runs.
        let running = u32::try_from(queue.running().len()).unwrap_or(u32::MAX);
        let batch = self.node.tuning.claim_batch;
        let mut producer = Producer::new(queue.limit, batch, queue.paused, running);
        let mut trusted = queue.trusted.subscribe();
        let mut claim: Option<JoinHandle<Answer>> = None;
        queue.inbox.wake();
        loop {
            let wake = producer.wakes_at().map(Instant::from_std);
            let mut answer = None;
            tokio::select! {
                joined = joined(&mut claim), if claim.is_some() => {
                    claim = None;
                    answer = Some(joined);
                }
                () = queue.inbox.rung() => {}
                _ = trusted.changed() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                // What a claim under way brings must not be lost, so it is waited for.
                () = self.node.stop.claims.cancelled(), if claim.is_none() => return,
            }

            let mut events = vec![
                Event::Ended(queue.inbox.take_ended()),
                Event::Pause(queue.paused || !*trusted.borrow_and_update()),
            ];
            if queue.inbox.take_woken() {
                events.push(Event::Wake);
            }
            events.push(match answer {
                Some(joined) => self.answered(joined),
                None => Event::Tick,
            });
            if self.node.stop.claims.is_cancelled() {
                events.push(Event::Stop);
            }
            let now = Instant::now().into_std();
            let orders: Vec<Order> =
                events.into_iter().filter_map(|event| producer.step(now, event)).collect();
            queue.has_room.store(producer.has_room(), Ordering::Relaxed);
            for order in orders {
                claim = Some(tokio::spawn(self.clone().claim(order)));
            }
        }
    }

    async fn claim(self: Arc<Self>, order: Order) -> Answer {
        let token = ClaimToken::random();
        let sent = Instant::now();
        let claim = Claim {
            queue: self.queue.name.clone(),
            producer: self.queue.producer(),
            node: self.node.name.clone(),
            token,
            limit: order.limit,
            excluded: self.queue.excluded(),
            floor: order.floor,
        };
        let jobs = self.node.storage().claim(claim).await;
        Answer { token, order, sent, jobs }
    }

    fn answered(&self, joined: Result<Answer, JoinError>) -> Event {
        let jitter = fastrand::f64();
        let name = self.name();
        let answer = match joined {
            Ok(answer) => answer,
            Err(error) => {
                self.node.health.ill(&name, error);
                return Event::Failed { jitter };
            }
        };
        let jobs = match answer.jobs {
            Ok(jobs) => jobs,
            Err(error) => {
                self.node.health.ill(&name, error);
                return Event::Failed { jitter };
            }
        };
        self.node.health.well(&name);
        let count = |jobs: usize| u32::try_from(jobs).unwrap_or(u32::MAX);
        let (got, last) = (count(jobs.len()), jobs.last().map(Floor::from));
        let took = answer.sent.elapsed();
        tracing::trace!(
            target: "kerrera",
            event = "claim",
            queue = %self.queue.name,
            asked = answer.order.limit,
            got,
            ms = took.as_secs_f64() * 1_000.0,
        );
        let mut started = 0;
        for job in jobs {
            started += u32::from(self.start(job, answer.token));
        }
        let excluding = !self.queue.excluded().is_empty();
        Event::Claimed(Claimed { asked: answer.order.limit, got, started, last, excluding, took })
    }

    /// Starts a job, or gives it back; true if it was started.
    fn start(&self, job: Job, token: ClaimToken) -> bool {
        let queue = &self.queue;
        let Some(handler) = self.registry.get(&job.worker) else {
            if queue.exclude(&job.worker) {
                tracing::warn!(
                    target: "kerrera",
                    event = "worker.unknown",
                    queue = %queue.name,
                    worker = job.worker,
                    id = job.id,
                    "no worker of this name is registered here; its jobs are left for other nodes"
                );
            }
            self.node.acks.release(&job, token);
            return false;
        };
        let stopping = self.node.stop.claims.is_cancelled();
        if stopping || !*queue.trusted.borrow() {
            self.node.acks.release(&job, token);
            return false;
        }
        executor::start(&self.node, queue, handler, &self.state, Arc::new(job), token);
        true
    }
}

async fn joined(claim: &mut Option<JoinHandle<Answer>>) -> Result<Answer, JoinError> {
    match claim {
        Some(claim) => claim.await,
        None => std::future::pending().await,
    }
}
