//! Jobs: looking at one, and what can be done to it.

use std::time::Duration;

use axum::http::StatusCode;
use kerrera::{AttemptError, Job, Json as RawJson};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{After, At, Json, Sent};
use super::schema::{Id, JobState, Nothing, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::JobsView, routes!(job));
    routes.data(Permission::JobsReveal, routes!(reveal));
    routes.data(Permission::JobsCancel, routes!(cancel));
    routes.data(Permission::JobsRetry, routes!(retry));
    routes.data(Permission::JobsRun, routes!(run));
    routes.data(Permission::JobsSnooze, routes!(snooze));
    routes.data(Permission::JobsDiscard, routes!(discard));
    routes.data(Permission::JobsDelete, routes!(delete));
}

/// Which job.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Numbered {
    /// Its number.
    #[param(value_type = Id)]
    pub(super) job: i64,
}

/// A job, without what is private.
#[derive(Serialize, ToSchema)]
pub(super) struct OneJob {
    id: Id,
    state: JobState,
    queue: String,
    worker: String,
    /// What the worker is to do, as it is stored: numbers keep their digits, keys their order.
    #[schema(value_type = serde_json::Value)]
    args: RawJson,
    /// Whatever else is kept with it.
    #[schema(value_type = serde_json::Value)]
    meta: RawJson,
    tags: Vec<String>,
    /// The failed attempts, oldest first; the newest 50 are kept.
    errors: Vec<Failure>,
    /// How many attempts have begun; the running one included.
    attempt: i32,
    /// How many it may have.
    max_attempts: i32,
    /// 0 is claimed first, 9 last.
    priority: i32,
    /// The node that claimed it last.
    node: Option<String>,
    inserted_at: Time,
    /// When it may run, or could have first.
    scheduled_at: Time,
    attempted_at: Option<Time>,
    completed_at: Option<Time>,
    discarded_at: Option<Time>,
    cancelled_at: Option<Time>,
    /// Whether something private was taken out of it.
    is_redacted: bool,
}

/// An attempt that failed.
#[derive(Serialize, ToSchema)]
struct Failure {
    at: Option<Time>,
    attempt: i32,
    error: String,
    node: Option<String>,
    /// How long it ran.
    milliseconds: Option<i64>,
}

/// All of a job's args and meta, what is private among it.
#[derive(Serialize, ToSchema)]
struct Revealed {
    #[schema(value_type = serde_json::Value)]
    args: RawJson,
    #[schema(value_type = serde_json::Value)]
    meta: RawJson,
}

/// For how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Snooze {
    /// For how many seconds, from now.
    #[schema(minimum = 1, maximum = 31_536_000)]
    seconds: u64,
}

/// One job
#[utoipa::path(get, path = "/jobs/{job}", tag = "jobs", params(Numbered),
    responses((status = 200, body = OneJob)))]
async fn job(visit: Visit, At(numbered): At<Numbered>) -> Result<Json<OneJob>, Refusal> {
    let view = visit.service().job(numbered.job).await?;
    Ok(Json(OneJob::of(view.job, view.is_redacted)))
}

/// All of a job's args and meta; that somebody looked is written down
#[utoipa::path(post, path = "/jobs/{job}/reveal", tag = "jobs", params(Numbered),
    request_body = Nothing, responses((status = 200, body = Revealed)))]
async fn reveal(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Json<Revealed>, Refusal> {
    let Job { args, meta, .. } = visit.service().reveal_job(numbered.job).await?;
    Ok(Json(Revealed { args, meta }))
}

/// Cancels a job, also one that runs
#[utoipa::path(post, path = "/jobs/{job}/cancel", tag = "jobs", params(Numbered),
    request_body = Nothing, responses((status = 200, body = OneJob),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn cancel(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<OneJob>, Refusal> {
    visit.service().cancel_job(numbered.job).await?;
    Ok(after(&visit, &numbered).await)
}

/// Makes a job available that has ended or waits to be tried again
#[utoipa::path(post, path = "/jobs/{job}/retry", tag = "jobs", params(Numbered),
    request_body = Nothing, responses((status = 200, body = OneJob),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn retry(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<OneJob>, Refusal> {
    visit.service().retry_job(numbered.job).await?;
    Ok(after(&visit, &numbered).await)
}

/// Makes a job available that waits for its time
#[utoipa::path(post, path = "/jobs/{job}/run-now", tag = "jobs", params(Numbered),
    request_body = Nothing, responses((status = 200, body = OneJob),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn run(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<OneJob>, Refusal> {
    visit.service().run_job(numbered.job).await?;
    Ok(after(&visit, &numbered).await)
}

/// Puts a waiting job off
#[utoipa::path(post, path = "/jobs/{job}/snooze", tag = "jobs", params(Numbered),
    request_body = Snooze, responses((status = 200, body = OneJob),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn snooze(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(sent): Sent<Snooze>,
) -> Result<After<OneJob>, Refusal> {
    if !(1..=31_536_000).contains(&sent.seconds) {
        let why = "seconds must be from 1 to 31536000, which is a year";
        return Err(Refusal::Invalid(why.to_owned()));
    }
    visit.service().snooze_job(numbered.job, Duration::from_secs(sent.seconds)).await?;
    Ok(after(&visit, &numbered).await)
}

/// Gives a waiting job up for good
#[utoipa::path(post, path = "/jobs/{job}/discard", tag = "jobs", params(Numbered),
    request_body = Nothing, responses((status = 200, body = OneJob),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn discard(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<OneJob>, Refusal> {
    visit.service().discard_job(numbered.job).await?;
    Ok(after(&visit, &numbered).await)
}

/// Deletes a job for good
#[utoipa::path(delete, path = "/jobs/{job}", tag = "jobs", params(Numbered),
    responses((status = 204, description = "It is deleted.")))]
async fn delete(visit: Visit, At(numbered): At<Numbered>) -> Result<StatusCode, Refusal> {
    visit.service().delete_job(numbered.job).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The job, as it stands after something was done to it.
pub(super) async fn after(visit: &Visit, numbered: &Numbered) -> After<OneJob> {
    let view = visit.service().job(numbered.job).await;
    After(view.map(|view| OneJob::of(view.job, view.is_redacted)))
}

impl OneJob {
    pub(super) fn of(job: Job, is_redacted: bool) -> OneJob {
        OneJob {
            id: job.id.into(),
            state: JobState(job.state),
            queue: job.queue,
            worker: job.worker,
            args: job.args,
            meta: job.meta,
            tags: job.tags,
            errors: job.errors.into_iter().map(Failure::from).collect(),
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            priority: job.priority,
            // What stands behind it is the claim's token, which is nobody's business.
            node: job.attempted_by.first().cloned(),
            inserted_at: Time(job.inserted_at),
            scheduled_at: Time(job.scheduled_at),
            attempted_at: job.attempted_at.map(Time),
            completed_at: job.completed_at.map(Time),
            discarded_at: job.discarded_at.map(Time),
            cancelled_at: job.cancelled_at.map(Time),
            is_redacted,
        }
    }
}

impl From<AttemptError> for Failure {
    fn from(error: AttemptError) -> Failure {
        let AttemptError { at, attempt, error, node, milliseconds, .. } = error;
        Failure { at: at.map(Time), attempt, error, node, milliseconds }
    }
}
