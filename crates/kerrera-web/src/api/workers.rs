//! Workers: which there are, who has them, and how they do.

use kerrera::WorkerCard;
use kerrera::metrics::Percentiles;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::errors::Back;
use super::json::{Asked, At, Json};
use super::schema::{Number, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{RunNumbers, WorkerStatus};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::WorkersView, routes!(workers));
    routes.data(Permission::WorkersView, routes!(worker));
}

/// Which worker.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Named {
    /// Its name.
    worker: String,
}

/// All workers.
#[derive(Serialize, ToSchema)]
struct Workers {
    items: Vec<OneWorker>,
}

/// A worker, as it stands.
#[derive(Serialize, ToSchema)]
struct OneWorker {
    name: String,
    /// What it says about itself, if a node has ever registered it.
    declaration: Option<Declaration>,
    /// The living nodes that have it.
    nodes: Vec<String>,
    /// When it was first registered.
    first_seen: Option<Time>,
    /// When a node that has it was last heard of.
    last_seen: Option<Time>,
    /// The queues in which it has its jobs.
    queues: Vec<String>,
    /// How many of its jobs are available.
    available: Number,
    /// How many run.
    executing: Number,
    /// What became of its runs in the window; nothing if there were none, and without `metrics:view`.
    runs: Option<Runs>,
}

/// What a worker says about itself.
#[derive(Serialize, ToSchema)]
struct Declaration {
    /// The queue of its jobs.
    queue: String,
    description: String,
    owner: Option<String>,
    /// Where more is written about it.
    docs: Option<String>,
    /// How many attempts its jobs have.
    max_attempts: u32,
    priority: u8,
    tags: Vec<String>,
    /// How many seconds a run may take.
    timeout_seconds: Option<f64>,
    /// Whether some of its jobs count as the same.
    is_unique: bool,
    /// The paths in its args that are private.
    sensitive: Vec<String>,
}

/// What became of runs.
#[derive(Serialize, ToSchema)]
struct Runs {
    /// How many ended.
    total: u64,
    /// How many of them failed or were given up.
    failed: u64,
    /// Which part of those that came to an end of their own that is: from 0 to 1.
    failure_rate: Option<f64>,
    /// How long they ran.
    run_time: Option<Times>,
    /// How long their jobs could have been claimed before they were.
    wait_time: Option<Times>,
}

/// How long things took, in seconds; at most 26 % off, but for the longest.
#[derive(Serialize, ToSchema)]
struct Times {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// All workers that nodes have registered, and those that have jobs or had runs
#[utoipa::path(get, path = "/workers", tag = "workers", params(Back),
    responses((status = 200, body = Workers)))]
async fn workers(visit: Visit, Asked(back): Asked<Back>) -> Result<Json<Workers>, Refusal> {
    let workers = visit.service().workers(back.window.unwrap_or_default().into()).await?;
    Ok(Json(Workers { items: workers.into_iter().map(OneWorker::from).collect() }))
}

/// One worker
#[utoipa::path(get, path = "/workers/{worker}", tag = "workers", params(Named, Back),
    responses((status = 200, body = OneWorker)))]
async fn worker(
    visit: Visit,
    At(named): At<Named>,
    Asked(back): Asked<Back>,
) -> Result<Json<OneWorker>, Refusal> {
    let window = back.window.unwrap_or_default();
    Ok(Json(visit.service().worker(&named.worker, window.into()).await?.into()))
}

impl From<WorkerStatus> for OneWorker {
    fn from(worker: WorkerStatus) -> OneWorker {
        OneWorker {
            name: worker.name,
            declaration: worker.card.map(Declaration::from),
            nodes: worker.nodes,
            first_seen: worker.seen.map(|(first, _)| Time(first)),
            last_seen: worker.seen.map(|(_, last)| Time(last)),
            queues: worker.queues.into_iter().collect(),
            available: worker.waiting.into(),
            executing: worker.running.into(),
            runs: worker.runs.map(Runs::from),
        }
    }
}

impl From<WorkerCard> for Declaration {
    fn from(card: WorkerCard) -> Declaration {
        Declaration {
            queue: card.queue,
            description: card.description,
            owner: card.owner,
            docs: card.docs,
            max_attempts: card.max_attempts,
            priority: card.priority,
            tags: card.tags,
            timeout_seconds: card.timeout.map(|timeout| timeout.as_secs_f64()),
            is_unique: card.unique.is_some(),
            sensitive: card.sensitive,
        }
    }
}

impl From<RunNumbers> for Runs {
    fn from(runs: RunNumbers) -> Runs {
        Runs {
            total: runs.total,
            failed: runs.failed,
            failure_rate: runs.failure_rate,
            run_time: runs.run_time.map(Times::from),
            wait_time: runs.wait_time.map(Times::from),
        }
    }
}

impl From<Percentiles> for Times {
    fn from(times: Percentiles) -> Times {
        let [p50, p95, p99, max] =
            [times.p50, times.p95, times.p99, times.max].map(|time| time.as_secs_f64());
        Times { p50, p95, p99, max }
    }
}
