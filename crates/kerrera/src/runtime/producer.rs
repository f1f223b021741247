//! Claims the jobs of one queue and starts them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kerrera_core::storage::{Claim, Floor};
use kerrera_core::{ClaimToken, Job, Result};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until};

use super::supervisor::supervise;
use super::{Node, Queue, executor, lock};
use crate::engine::producer::{Claimed, Event, Order, Producer};
use crate::engine::queues::Settings;
use crate::registry::Registry;
use crate::telemetry::{self, WorkerUnknown};

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

/// The name of a queue's loop.
pub(crate) fn name(queue: &Queue) -> String {
    format!("producer.{}", queue.name)
}

impl<S: Send + Sync + 'static> Shell<S> {
    /// Begins to work the queue.
    pub(crate) fn spawn(self) {
        let (node, queue) = (self.node.clone(), self.queue.clone());
        node.client.add_local(&queue.name, queue.inbox.clone());
        let shell = Arc::new(self);
        let task = supervise(name(&queue), node.health.clone(), move || shell.clone().run());
        *lock(&queue.task) = Some(task);
    }

    /// Claims and starts jobs until the queue claims no more.
    async fn run(self: Arc<Self>) {
        let queue = &self.queue;
        // After a restart of this loop, what it had started still runs.
        let running = u32::try_from(queue.running().len()).unwrap_or(u32::MAX);
        let batch = self.node.tuning.claim_batch;
        let mut settings = queue.settings.subscribe();
        let Settings { limit, paused } = *settings.borrow_and_update();
        let mut producer = Producer::new(limit, batch, paused, running);
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
                _ = settings.changed() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                // What a claim under way brings must not be lost, so it is waited for.
                () = queue.halt.claims.cancelled(), if claim.is_none() => return,
            }

            let Settings { limit, paused } = *settings.borrow_and_update();
            let mut events = vec![
                Event::Ended(queue.inbox.take_ended()),
                Event::Pause(paused || !*trusted.borrow_and_update()),
                Event::Scale(limit),
            ];
            if queue.inbox.take_woken() {
                events.push(Event::Wake);
            }
            events.push(match answer {
                Some(joined) => self.answered(joined),
                None => Event::Tick,
            });
            if queue.is_stopping() {
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
        let name = name(&self.queue);
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
        self.node.telemetry().emit(telemetry::Claim {
            queue: self.queue.name.clone(),
            asked: answer.order.limit,
            got,
            duration: took,
        });
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
                self.node.telemetry().emit(WorkerUnknown {
                    queue: queue.name.clone(),
                    worker: job.worker.clone(),
                    id: job.id,
                });
            }
            self.node.acks.release(&job, token);
            return false;
        };
        // While the claim was under way the queue may have been stopped, paused or scaled down.
        let Settings { limit, paused } = queue.settings();
        let is_full = queue.running().len() >= limit as usize;
        if queue.is_stopping() || paused || is_full || !*queue.trusted.borrow() {
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
