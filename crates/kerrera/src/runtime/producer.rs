//! Claims the jobs of one queue and starts them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kerrera_core::storage::{Claim, Floor};
use kerrera_core::{ClaimToken, Job, Result};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until};

use super::supervisor::supervise;
use super::{Node, Queue, executor, lock};
use crate::engine::producer::{Claimed, Event, Order, Producer, Slots};
use crate::engine::queues::Settings;
use crate::engine::stock::Offer;
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
        let batch = self.node.tuning.claim_batch;
        let mut settings = queue.settings.subscribe();
        let Settings { limit, paused } = *settings.borrow_and_update();
        let mut producer = Producer::new(limit, batch, paused);
        let mut trusted = queue.trusted.subscribe();
        let mut claim: Option<JoinHandle<Answer>> = None;
        queue.inbox.wake();
        loop {
            let wake = producer.wakes_at().into_iter().chain(queue.stock().wakes_at()).min();
            let wake = wake.map(Instant::from_std);
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
                () = queue.halt.claims.cancelled(), if claim.is_none() => {
                    queue.clear_stock(&self.node.acks);
                    return;
                }
            }

            let now = Instant::now().into_std();
            let Settings { limit, paused } = *settings.borrow_and_update();
            let paused = paused || !*trusted.borrow_and_update();
            self.work_off_stock(now);
            let woken = queue.inbox.take_woken().then_some(Event::Wake);
            let answered = answer.map(|joined| self.answered(now, joined));
            let stop = queue.is_stopping().then_some(Event::Stop);
            let events = [Some(Event::Pause(paused)), Some(Event::Scale(limit))];
            for event in events.into_iter().chain([woken, answered, stop]).flatten() {
                producer.hear(now, event);
            }
            producer.hear(now, Event::Slots(self.slots(now, limit)));
            queue.has_room.store(producer.has_room(), Ordering::Relaxed);
            if let Some(order) = producer.order(now) {
                claim = Some(tokio::spawn(self.clone().claim(order)));
            }
        }
    }

    fn slots(&self, now: std::time::Instant, limit: u32) -> Slots {
        let (running, stock) = (self.running(), self.queue.stock());
        // What a kept slot waits for must not be claimed ahead either.
        let takes = self.queue.pace.mean().filter(|_| !self.queue.keeps_a_slot());
        let size = stock.size(now, limit, takes);
        Slots { running, in_stock: stock.len(), stock: size }
    }

    fn running(&self) -> u32 {
        self.queue.occupied()
    }

    /// Whether a job may be started now, if there is a slot for it.
    fn may_start(&self) -> bool {
        let queue = &self.queue;
        !queue.is_stopping() && !queue.settings().paused && *queue.trusted.borrow()
    }

    /// How many more jobs may be started now.
    fn free(&self) -> u32 {
        let limit = if self.may_start() { self.queue.settings().limit } else { 0 };
        limit.saturating_sub(self.running())
    }

    /// Starts what is in stock in the slots that are free; gives back what waits too long, and all of
    /// it if the queue was stopped, paused or scaled down.
    fn work_off_stock(&self, now: std::time::Instant) {
        let (queue, acks) = (&self.queue, &self.node.acks);
        if queue.stock().len() == 0 {
            return;
        }
        if !self.may_start() || self.running() > queue.settings().limit {
            return queue.clear_stock(acks);
        }
        let free = self.free();
        while let Some((job, token)) = { queue.stock().overdue(now) } {
            acks.release(&job, token);
        }
        for _ in 0..free {
            let Some((job, token)) = ({ queue.stock().take() }) else { break };
            self.start(job, token);
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

    fn answered(&self, now: std::time::Instant, joined: Result<Answer, JoinError>) -> Event {
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
        let (asked, took) = (answer.order.limit, answer.sent.elapsed());
        self.node.telemetry().emit(telemetry::Claim {
            queue: self.queue.name.clone(),
            asked,
            got,
            duration: took,
        });
        let kept = self.distribute(now, jobs, answer.token);
        Event::Claimed(Claimed { asked, got, kept, last, took })
    }

    /// Starts jobs, puts them in stock, or gives them back; says how many were not given back.
    fn distribute(&self, now: std::time::Instant, jobs: Vec<Job>, token: ClaimToken) -> u32 {
        // While the claim was under way the queue may have been stopped, paused or scaled down.
        let (mut free, mut kept) = (self.free(), 0);
        let limit = if self.may_start() { self.queue.settings().limit } else { 0 };
        for job in jobs {
            let Some(handler) = self.registry.get(&job.worker) else {
                self.leave(&job, token);
                continue;
            };
            if free > 0 {
                free -= 1;
                kept += 1;
                self.start(job, token);
                continue;
            }
            let offer = Offer {
                place: Floor::from(&job),
                takes: handler.policy().pace.mean(),
                is_last_attempt: job.attempt >= job.max_attempts,
            };
            match self.queue.stock().put(now, limit, offer, (job, token)) {
                Ok(()) => kept += 1,
                Err((job, token)) => self.node.acks.release(&job, token),
            }
        }
        kept
    }

    /// Gives back a job whose worker this node does not know.
    fn leave(&self, job: &Job, token: ClaimToken) {
        let queue = &self.queue;
        if queue.exclude(&job.worker) {
            self.node.telemetry().emit(WorkerUnknown {
                queue: queue.name.clone(),
                worker: job.worker.clone(),
                id: job.id,
            });
        }
        self.node.acks.release(job, token);
    }

    fn start(&self, job: Job, token: ClaimToken) {
        match self.registry.get(&job.worker) {
            Some(handler) => {
                let (node, queue, state) = (&self.node, &self.queue, &self.state);
                executor::start(node, queue, handler, state, Arc::new(job), token);
            }
            None => self.leave(&job, token),
        }
    }
}

async fn joined(claim: &mut Option<JoinHandle<Answer>>) -> Result<Answer, JoinError> {
    match claim {
        Some(claim) => claim.await,
        None => std::future::pending().await,
    }
}
