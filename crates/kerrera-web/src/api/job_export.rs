//! Jobs taken out, as a file.

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::jobs::OneJob;
use super::json::Sent;
use super::schema::Id;
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{Error, Export, Exported};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::JobsExport, routes!(export));
}

/// What is taken out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A filter, as people type it; all jobs if nothing is said. Times without a zone are in UTC.
    q: Option<String>,
    /// Only jobs of greater numbers: what another file's end gave as `next`.
    after: Option<String>,
    /// How many jobs at most.
    #[schema(minimum = 1, maximum = 100_000)]
    limit: Option<u32>,
}

/// A line of the file: a job, or its end.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "it is written at once")]
enum Line {
    Job(OneJob),
    End(End),
}

/// The last line. A file without it was broken off.
#[derive(Serialize, ToSchema)]
struct End {
    /// How many jobs there are in it.
    jobs: u32,
    /// What to send as `after` for more; nothing if these are all.
    next: Option<Id>,
}

/// Takes out the jobs of a filter, the smallest numbers first, without what is private; that somebody did is
/// written down
#[utoipa::path(post, path = "/jobs/export", tag = "jobs", request_body = Wanted,
    responses((status = 200, body = Line, content_type = "application/x-ndjson")))]
async fn export(visit: Visit, Sent(wanted): Sent<Wanted>) -> Result<Response, Refusal> {
    let after = wanted.after.map(|after| after.parse::<i64>()).transpose();
    let after = after.map_err(|_| Refusal::Invalid("after is the number of a job".to_owned()))?;
    let filter = wanted.q.unwrap_or_default();
    let mut export = visit.service().export_jobs(&filter, after, wanted.limit).await?;
    // What goes wrong at once is told as such; later there is no more than an end that is missing.
    let first = export.next().await?;
    let rest = stream::unfold(Some((export, first, 0)), |state| async move {
        let (export, some, before) = state?;
        Some(match some {
            Some(jobs) => on(export, jobs, before).await,
            None => {
                let next = export.rest().map(Id::from);
                (written(&[Line::End(End { jobs: before, next })]), None)
            }
        })
    });
    let mut response = Body::from_stream(rest).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let file = HeaderValue::from_static("attachment; filename=\"jobs.ndjson\"");
    headers.insert(CONTENT_DISPOSITION, file);
    Ok(response)
}

type State = Option<(Export, Option<Vec<Exported>>, u32)>;
type Chunk = Result<Bytes, std::io::Error>;

/// Writes these, and reads the next.
async fn on(mut export: Export, jobs: Vec<Exported>, before: u32) -> (Chunk, State) {
    let lines = jobs.into_iter().map(|(job, is_redacted)| Line::Job(OneJob::of(job, is_redacted)));
    let lines: Vec<Line> = lines.collect();
    let many = before.saturating_add(u32::try_from(lines.len()).unwrap_or(u32::MAX));
    match export.next().await {
        Ok(next) => (written(&lines), Some((export, next, many))),
        Err(error) => (Err(broken(&error)), None),
    }
}

fn broken(error: &Error) -> std::io::Error {
    tracing::error!(%error, "jobs are not taken out any further");
    std::io::Error::other("the database failed")
}

fn written(lines: &[Line]) -> Chunk {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text.into())
}
