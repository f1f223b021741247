//! Failures that are alike: which there are, and what is known of each.

use kerrera::Fingerprint;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{Asked, At, Json};
use super::overview::StateNumber;
use super::schema::{Id, JobState, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{FailureDetail, FailureGroup, FailuresAsked, Sample, Window};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::JobsView, routes!(errors));
    routes.data(Permission::JobsView, routes!(error_group));
}

/// How many there are on a page, if nothing is said, and at most.
const SIZE: usize = 50;
const LARGEST: usize = 200;

/// How far back one looks: an hour, a day or a week.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
pub(super) enum LookBack {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "1d")]
    Day,
    #[serde(rename = "7d")]
    Week,
}

impl From<LookBack> for Window {
    fn from(back: LookBack) -> Window {
        match back {
            LookBack::Hour => Window::Hour,
            LookBack::Day => Window::Day,
            LookBack::Week => Window::Week,
        }
    }
}

/// Which groups of failures.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paged {
    /// Those of this worker.
    worker: Option<String>,
    /// Those whose last failure was of a job in this queue.
    queue: Option<String>,
    /// Those of which the worker or the message has this in it, in whatever case.
    search: Option<String>,
    /// Those that met a failure within this time; a day if nothing is said.
    #[param(inline)]
    window: Option<LookBack>,
    /// Those that met one last come first, if nothing is said.
    #[param(inline)]
    order: Option<Order>,
    /// Where the page begins: what another page gave as `next`. There is none by count.
    cursor: Option<String>,
    /// How many at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// In which order.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Those that met a failure last come first.
    #[default]
    Last,
    /// Those that met most failures come first; of the two hundred that did.
    Count,
}

/// How far back.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Back {
    /// How far back one looks; a day if nothing is said.
    #[param(inline)]
    pub(super) window: Option<LookBack>,
}

/// Which group of failures.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Printed {
    /// What its failures have in common.
    fingerprint: String,
}

/// A page of groups of failures.
#[derive(Serialize, ToSchema)]
struct Errors {
    items: Vec<Group>,
    /// What to give as `cursor` for the next page; nothing if there is none.
    next: Option<String>,
    /// Whether all was looked through up to the end of this page.
    complete: bool,
}

/// Failures that are alike, without what is private.
#[derive(Serialize, ToSchema)]
struct Group {
    fingerprint: String,
    worker: String,
    /// What the last of them said. If its job is gone, what was private in it is not known any more:
    /// then what all have in common, or nothing of it.
    message: String,
    /// The node that ran the last.
    node: String,
    /// The job of the last.
    last_job: Id,
    /// Its queue, if it is still there.
    last_job_queue: Option<String>,
    /// And its state.
    last_job_state: Option<JobState>,
    first_seen: Time,
    last_seen: Time,
    /// How many there were in all.
    total: u64,
    /// And in the last hour, counted in spans of ten minutes.
    hour: u64,
    /// And in the last day.
    day: u64,
    /// And in the last week.
    week: u64,
    /// And in each step of the window, the oldest first.
    counts: Vec<StepCount>,
}

/// A group of failures, and its jobs.
#[derive(Serialize, ToSchema)]
struct OneGroup {
    #[serde(flatten)]
    group: Group,
    /// One of the failures, whole, if a job is still there that has it.
    sample: Option<OneFailure>,
    /// How many of the jobs whose last failure it is are retryable, discarded and executing.
    jobs: Vec<StateNumber>,
}

/// One failure.
#[derive(Serialize, ToSchema)]
struct OneFailure {
    job: Id,
    attempt: i32,
    at: Option<Time>,
    node: Option<String>,
    error: String,
}

/// How many there were in a step.
#[derive(Serialize, ToSchema)]
struct StepCount {
    /// When it begins.
    at: Time,
    count: u64,
}

/// Failures that are alike: those that met one last, or most
#[utoipa::path(get, path = "/errors", tag = "errors", params(Paged),
    responses((status = 200, body = Errors)))]
async fn errors(visit: Visit, Asked(paged): Asked<Paged>) -> Result<Json<Errors>, Refusal> {
    let size = paged.limit.map_or(Some(SIZE), |limit| usize::try_from(limit).ok());
    let size = size.filter(|size| (1..=LARGEST).contains(size));
    let size = size.ok_or_else(|| invalid(&format!("limit must be from 1 to {LARGEST}")))?;
    let by_count = matches!(paged.order, Some(Order::Count));
    if by_count && paged.cursor.is_some() {
        return Err(invalid("by count there is no next page: raise the limit"));
    }
    let asked = FailuresAsked {
        worker: paged.worker,
        queue: paged.queue,
        search: paged.search.unwrap_or_default(),
        window: paged.window.unwrap_or_default().into(),
        by_count,
        cursor: paged.cursor,
        size,
    };
    let list = visit.service().failures(&asked).await?;
    let items = list.groups.into_iter().map(Group::from).collect();
    Ok(Json(Errors { items, next: list.next, complete: list.complete }))
}

/// One group of failures, with a sample and its counts
#[utoipa::path(get, path = "/errors/{fingerprint}", tag = "errors", params(Printed, Back),
    responses((status = 200, body = OneGroup)))]
async fn error_group(
    visit: Visit,
    At(printed): At<Printed>,
    Asked(back): Asked<Back>,
) -> Result<Json<OneGroup>, Refusal> {
    let fingerprint: Fingerprint = printed.fingerprint.parse().map_err(|_| Refusal::NotFound)?;
    let window = back.window.unwrap_or_default();
    Ok(Json(visit.service().failure(fingerprint, window.into()).await?.into()))
}

fn invalid(why: &str) -> Refusal {
    Refusal::Invalid(why.to_owned())
}

impl From<FailureGroup> for Group {
    fn from(failures: FailureGroup) -> Group {
        let (group, last) = (failures.group, failures.last);
        let counts = failures.counts.into_iter();
        let last_job_state = last.as_ref().map(|(_, state)| JobState(*state));
        Group {
            fingerprint: group.fingerprint.to_string(),
            worker: group.worker,
            message: group.message,
            node: group.node,
            last_job: group.last_job.into(),
            last_job_queue: last.map(|(queue, _)| queue),
            last_job_state,
            first_seen: Time(group.first_seen),
            last_seen: Time(group.last_seen),
            total: group.total,
            hour: group.hour,
            day: group.day,
            week: group.week,
            counts: counts.map(|(at, count)| StepCount { at: Time(at), count }).collect(),
        }
    }
}

impl From<FailureDetail> for OneGroup {
    fn from(detail: FailureDetail) -> OneGroup {
        let jobs = detail.jobs.into_iter();
        OneGroup {
            group: detail.failures.into(),
            sample: detail.sample.map(OneFailure::from),
            jobs: jobs
                .map(|(state, jobs)| StateNumber { state: JobState(state), jobs: jobs.into() })
                .collect(),
        }
    }
}

impl From<Sample> for OneFailure {
    fn from(sample: Sample) -> OneFailure {
        let Sample { job, attempt, at, node, error } = sample;
        OneFailure { job: job.into(), attempt, at: at.map(Time), node, error }
    }
}
