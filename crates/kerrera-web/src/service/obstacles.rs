//! Why a job does not run.

use kerrera::{Job, KnownNode, Standing, State};

use super::{QueueState, QueueStatus, Result, Service};
use crate::access::Permission;

/// Why a job does not run, or not any more, as things stand.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Obstacle {
    /// No node works its queue.
    Unworked,
    /// Every node that works its queue claims nothing; by this order, if it was ordered.
    Paused(Option<Box<Standing>>),
    /// No node that works its queue has its worker.
    UnknownWorker,
    /// The node that claimed it is not there any more.
    LostNode(String),
}

impl Service {
    /// Why a job that [`job`](Service::job) gave does not run; nothing if it could, if it has ended, or if
    /// the viewer may not know of queues, workers or nodes.
    ///
    /// At most three statements, of small tables.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn obstacle(&self, job: &Job) -> Result<Option<Obstacle>> {
        match job.state {
            State::Available | State::Scheduled | State::Retryable => self.kept_back(job).await,
            State::Executing => self.lost(job).await,
            _ => Ok(None),
        }
    }

    async fn kept_back(&self, job: &Job) -> Result<Option<Obstacle>> {
        if self.viewer.may(Permission::QueuesView).is_err() {
            return Ok(None);
        }
        let mut queue = QueueStatus::named(&job.queue);
        queue.producers = self.all_producers().await?;
        queue.producers.retain(|producer| producer.queue == job.queue);
        match queue.state() {
            QueueState::Unworked => Ok(Some(Obstacle::Unworked)),
            QueueState::Paused => {
                queue.orders = self.queue_orders().await?;
                queue.orders.retain(|it| it.queue.as_ref().is_none_or(|name| *name == job.queue));
                Ok(Some(Obstacle::Paused(queue.paused_by().cloned().map(Box::new))))
            }
            _ if self.is_foreign(job, &queue).await? => Ok(Some(Obstacle::UnknownWorker)),
            _ => Ok(None),
        }
    }

    /// Whether every node that works its queue has said which workers it has, and none has this one.
    async fn is_foreign(&self, job: &Job, queue: &QueueStatus) -> Result<bool> {
        if self.viewer.may(Permission::WorkersView).is_err() {
            return Ok(false);
        }
        let nodes = self.all_nodes().await?;
        let living: Vec<&KnownNode> =
            nodes.iter().map(|info| &info.node).filter(|node| node.lives).collect();
        let lacks_it = |node: &str| {
            let mut own = living.iter().filter(|known| known.card.node == node).peekable();
            own.peek().is_some() && own.all(|known| !known.card.workers.contains(&job.worker))
        };
        Ok(queue.producers.iter().all(|producer| lacks_it(&producer.node)))
    }

    async fn lost(&self, job: &Job) -> Result<Option<Obstacle>> {
        let Some(node) = job.attempted_by.first() else { return Ok(None) };
        // Without a token it is not ours: Oban runs it.
        if job.claim_token().is_none() || self.viewer.may(Permission::NodesView).is_err() {
            return Ok(None);
        }
        // Asked anew: it may have been claimed by one that has only just come.
        let producers = self.client.producers().await?;
        // Where it works the queue no more, what runs there goes on for as long as the process lives.
        let nodes = self.all_nodes().await?;
        let is_there = producers.iter().any(|producer| producer.node == *node)
            || nodes.iter().any(|info| info.node.lives && info.node.card.node == *node);
        Ok((!is_there).then(|| Obstacle::LostNode(node.clone())))
    }
}
