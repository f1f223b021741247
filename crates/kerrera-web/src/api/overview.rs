//! What needs somebody, and how much there is.

use std::time::Duration;

use kerrera::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::json::Json;
use super::schema::{Id, JobState, Number};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{self, Severity, Trouble};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::QueuesView, routes!(overview));
}

/// What needs somebody, and how much there is, of all that the caller may see.
#[derive(Serialize, ToSchema)]
struct Overview {
    /// What needs attention, the worst first.
    concerns: Vec<Concern>,
    /// How many jobs there are in each state.
    states: Vec<StateNumber>,
    /// How many nodes work queues.
    nodes: usize,
    /// The node that leads, if any does.
    leader: Option<String>,
}

/// How many jobs are in a state.
#[derive(Serialize, ToSchema)]
pub(super) struct StateNumber {
    pub(super) state: JobState,
    pub(super) jobs: Number,
}

/// Something that somebody should look at. What does not belong to it is left out.
#[derive(Default, Serialize, ToSchema)]
struct Concern {
    severity: HowBad,
    what: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Id>,
    /// How many jobs wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<u64>,
    /// How many runs of the last hour failed, or how many jobs run on a silent node.
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<u64>,
    /// Of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    /// For how many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// Whether every slot is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_full: Option<bool>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// How bad something is.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HowBad {
    /// Work is standing still, or is lost.
    Bad,
    /// It may become so, or somebody has ordered it and may have forgotten.
    #[default]
    WorthALook,
}

/// What can be wrong. More may be added.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Jobs wait, and no node works anything.
    #[default]
    NoNodes,
    /// Jobs of a queue wait, and no node works it.
    Unworked,
    /// Jobs of a queue wait because it was paused.
    Paused,
    /// The oldest job of a queue waits for long, although it is worked.
    Slow,
    /// Much more fails than before.
    Failing,
    /// A node has not been heard of.
    SilentNode,
    /// A cron entry did not fire when it was due.
    MissedCron,
    /// A cron entry inserts jobs into a queue that claims none.
    CronIntoPaused,
    /// Jobs of a worker wait that no node knows.
    UnknownWorker,
    /// Nobody prunes, since there is no leader.
    NoLeader,
    /// An operation on many jobs waits for a node to carry it out.
    OperationWaits,
}

/// What needs somebody, and how much there is
#[utoipa::path(get, path = "/overview", tag = "overview", responses((status = 200, body = Overview)))]
async fn overview(visit: Visit) -> Result<Json<Overview>, Refusal> {
    let overview = visit.service().overview().await?;
    let states = State::ALL.map(|state| StateNumber {
        state: JobState(state),
        jobs: overview.counts.of_state(state).into(),
    });
    Ok(Json(Overview {
        concerns: overview.concerns.into_iter().map(Concern::from).collect(),
        states: states.into(),
        nodes: overview.nodes,
        leader: overview.leader,
    }))
}

impl From<service::Concern> for Concern {
    fn from(concern: service::Concern) -> Concern {
        let severity = match concern.severity {
            Severity::Bad => HowBad::Bad,
            Severity::Worth => HowBad::WorthALook,
        };
        let of = |what: Kind| Concern { severity, what, ..Concern::default() };
        let seconds = |span: Duration| Some(span.as_secs());
        match concern.what {
            Trouble::NoNodes => of(Kind::NoNodes),
            Trouble::Unworked { queue, waiting } => {
                Concern { queue: Some(queue), waiting: Some(waiting), ..of(Kind::Unworked) }
            }
            Trouble::Paused { queue, waiting, by, reason } => {
                let (queue, waiting) = (Some(queue), Some(waiting));
                Concern { queue, waiting, by, reason, ..of(Kind::Paused) }
            }
            Trouble::Slow { queue, waited, waiting, is_full } => Concern {
                queue: Some(queue),
                seconds: seconds(waited),
                waiting: Some(waiting),
                is_full: Some(is_full),
                ..of(Kind::Slow)
            },
            Trouble::Failing { worker, failed, of: runs } => Concern {
                worker: Some(worker),
                jobs: Some(failed),
                of: Some(runs),
                ..of(Kind::Failing)
            },
            Trouble::SilentNode { node, silent, running } => Concern {
                node: Some(node),
                seconds: seconds(silent),
                jobs: Some(running),
                ..of(Kind::SilentNode)
            },
            Trouble::MissedCron { cron, late } => {
                Concern { cron: Some(cron), seconds: seconds(late), ..of(Kind::MissedCron) }
            }
            Trouble::CronIntoPaused { cron, queue } => {
                Concern { cron: Some(cron), queue: Some(queue), ..of(Kind::CronIntoPaused) }
            }
            Trouble::UnknownWorker { worker, waiting } => {
                Concern { worker: Some(worker), waiting: Some(waiting), ..of(Kind::UnknownWorker) }
            }
            Trouble::NoLeader => of(Kind::NoLeader),
            Trouble::OperationWaits { operation } => {
                Concern { operation: Some(operation.into()), ..of(Kind::OperationWaits) }
            }
        }
    }
}
