//! Living beside other implementations on the same tables.

use std::sync::Arc;

use super::Pending;
use crate::job::JobId;
use crate::token::ClaimToken;

/// Living beside other implementations on the same tables; each verb does nothing where there cannot
/// be any.
///
/// They judge a job by its age, and not by whether somebody runs it.
pub trait Neighbours: Send + Sync {
    /// Makes jobs that run for long look as if they had begun just now, if there is a neighbour to see
    /// it. The ack of such a run writes [the true start](super::Ack::began) back.
    fn refresh(&self, running: Vec<(JobId, ClaimToken)>) -> Pending<'_, ()> {
        let _ = running;
        ready(())
    }

    /// Takes back jobs that a neighbour freed for their age while they run here, or discarded on their last
    /// attempt: those that nobody has claimed since, and that no person wants run again. Gives back these.
    /// Only for runs whose end has not been handed in.
    fn reclaim(&self, freed: Vec<(JobId, ClaimToken)>) -> Pending<'_, Vec<(JobId, ClaimToken)>> {
        let _ = freed;
        ready(Vec::new())
    }

    /// Stands in the election of the neighbours' leader under each of these instance names, or
    /// renews; gives back the names under which the node leads.
    fn stand(&self, node: Arc<str>, names: Arc<[String]>) -> Pending<'_, Vec<String>> {
        let _ = (node, names);
        ready(Vec::new())
    }

    /// Gives all that up, and tells the neighbours.
    fn step_down(&self, node: Arc<str>, names: Arc<[String]>) -> Pending<'_, ()> {
        let _ = (node, names);
        ready(())
    }

    /// All queues in which jobs are available. What the leader of the neighbours has to tell them,
    /// time and again.
    fn waiting(&self) -> Pending<'_, Vec<Arc<str>>> {
        ready(Vec::new())
    }
}

fn ready<T: Send + 'static>(answer: T) -> Pending<'static, T> {
    Box::pin(std::future::ready(Ok(answer)))
}
