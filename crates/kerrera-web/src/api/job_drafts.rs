//! Jobs that programs write: new ones, copies, and changes to those that are there.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use kerrera::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::jobs::{Numbered, OneJob, after};
use super::json::{After, Asked, At, Json, Sent, is_as_seen};
use super::schema::{Id, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{DraftedJob, InsertedJob, JobDraft, When};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::JobsInsert, routes!(insert));
    routes.data(Permission::JobsInsert, routes!(insert_all));
    routes.data(Permission::JobsInsert, routes!(duplicate));
    routes.data(Permission::JobsUpdate, routes!(update));
}

/// Whether it is only to be tried.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Trying {
    /// Says what would become of it, and inserts nothing.
    dry_run: Option<bool>,
}

/// A new job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewJob {
    /// One that is known here.
    worker: String,
    /// `default` if nothing is said.
    queue: Option<String>,
    /// An empty object if nothing is said.
    #[schema(value_type = Option<Object>)]
    args: Option<Box<RawValue>>,
    /// An empty object if nothing is said.
    #[schema(value_type = Option<Object>)]
    meta: Option<Box<RawValue>>,
    tags: Option<Vec<String>>,
    /// 0 is claimed first, 9 last.
    #[schema(minimum = 0, maximum = 9)]
    priority: Option<u32>,
    /// 20 if nothing is said.
    #[schema(minimum = 1, maximum = 32_767)]
    max_attempts: Option<u32>,
    /// When it may run; at once if nothing is said.
    #[schema(value_type = Option<Time>)]
    scheduled_at: Option<Timestamp>,
    /// In how many seconds it may run.
    #[schema(minimum = 1, maximum = 3_153_600_000_u32)]
    seconds: Option<u64>,
    /// Whether it is inserted only if none of the same worker, queue and args waits or runs.
    unique: Option<bool>,
}

/// New jobs; all of them are inserted, or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewJobs {
    /// 1 to 1000.
    #[schema(min_items = 1, max_items = 1000)]
    jobs: Vec<NewJob>,
}

/// What is to be different; the rest stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct JobChange {
    queue: Option<String>,
    tags: Option<Vec<String>>,
    /// 0 is claimed first, 9 last.
    #[schema(minimum = 0, maximum = 9)]
    priority: Option<u32>,
    #[schema(minimum = 1, maximum = 32_767)]
    max_attempts: Option<u32>,
    /// When it may run.
    #[schema(value_type = Option<Time>)]
    scheduled_at: Option<Timestamp>,
    /// In how many seconds it may run.
    #[schema(minimum = 1, maximum = 3_153_600_000_u32)]
    seconds: Option<u64>,
    /// Of a job that is there only if the dashboard allows it; so are args and meta.
    worker: Option<String>,
    #[schema(value_type = Option<Object>)]
    args: Option<Box<RawValue>>,
    #[schema(value_type = Option<Object>)]
    meta: Option<Box<RawValue>>,
}

/// What became of a job that was to be inserted.
#[derive(Serialize, ToSchema)]
struct Insertion {
    outcome: Outcome,
    /// Its number, or that of the job that was there.
    id: Option<Id>,
}

/// What became of a job that was to be inserted.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It was inserted.
    Inserted,
    /// One that counts as the same is there, and nothing was inserted; or the request was sent before.
    Existing,
    /// Nothing is wrong with it; it was only tried.
    Valid,
}

/// What became of jobs that were to be inserted, in the order in which they were sent.
#[derive(Serialize, ToSchema)]
struct Insertions {
    items: Vec<Insertion>,
}

/// Inserts a job
#[utoipa::path(post, path = "/jobs", tag = "jobs",
    params(Trying, ("Idempotency-Key" = Option<String>, Header,
        description = "A name for this request: sent again within a day, while its job is kept, it inserts nothing.")),
    request_body = NewJob, responses((status = 200, body = Insertion)))]
async fn insert(
    visit: Visit,
    headers: HeaderMap,
    Asked(trying): Asked<Trying>,
    Sent(sent): Sent<NewJob>,
) -> Result<Json<Insertion>, Refusal> {
    let items = inserted(&visit, &headers, &trying, vec![sent]).await?;
    items.into_iter().next().map(Json).ok_or(Refusal::Broken)
}

/// Inserts up to a thousand jobs, all or none
#[utoipa::path(post, path = "/jobs/batch", tag = "jobs",
    params(Trying, ("Idempotency-Key" = Option<String>, Header,
        description = "A name for this request: sent again within a day, while its jobs are kept, it inserts nothing.")),
    request_body = NewJobs, responses((status = 200, body = Insertions)))]
async fn insert_all(
    visit: Visit,
    headers: HeaderMap,
    Asked(trying): Asked<Trying>,
    Sent(sent): Sent<NewJobs>,
) -> Result<Json<Insertions>, Refusal> {
    let items = inserted(&visit, &headers, &trying, sent.jobs).await?;
    Ok(Json(Insertions { items }))
}

/// Inserts a job like another, what is hidden in it included; needs `jobs:view` as well
#[utoipa::path(post, path = "/jobs/{job}/duplicate", tag = "jobs", params(Numbered),
    request_body = JobChange, responses((status = 200, body = Insertion)))]
async fn duplicate(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(change): Sent<JobChange>,
) -> Result<Json<Insertion>, Refusal> {
    let service = visit.service();
    let draft = change.made_to(service.copy_of(numbered.job).await?)?;
    let (outcome, id) = match service.insert_job(&draft, Some(numbered.job)).await? {
        DraftedJob::Written(id) => (Outcome::Inserted, id),
        DraftedJob::Exists(id) => (Outcome::Existing, id),
        DraftedJob::Wrong(mistakes) => return Err(wrong(&mistakes)),
    };
    Ok(Json(Insertion { outcome, id: Some(id.into()) }))
}

/// Changes a job that does not run; needs `jobs:view` as well
#[utoipa::path(patch, path = "/jobs/{job}", tag = "jobs",
    params(Numbered, ("If-Match" = String, Header,
        description = "The ETag of the job as it was seen: 412 if it has changed since. `*` for whatever is there.")),
    request_body = JobChange, responses((status = 200, body = OneJob),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn update(
    visit: Visit,
    headers: HeaderMap,
    At(numbered): At<Numbered>,
    Sent(change): Sent<JobChange>,
) -> Result<After<OneJob>, Refusal> {
    let service = visit.service();
    let editing = service.editing(numbered.job).await?;
    let touches_args = change.worker.is_some() || change.args.is_some() || change.meta.is_some();
    if touches_args && !editing.edits_args {
        let why = "worker, args and meta of a job that is there cannot be changed here";
        return Err(Refusal::Invalid(why.to_owned()));
    }
    is_as_seen(&headers, &OneJob::of(editing.job, editing.is_redacted))?;
    let draft = change.made_to(editing.draft)?;
    match service.edit_job(numbered.job, &draft, &editing.seen).await? {
        DraftedJob::Wrong(mistakes) => Err(wrong(&mistakes)),
        DraftedJob::Written(_) | DraftedJob::Exists(_) => Ok(after(&visit, &numbered).await),
    }
}

async fn inserted(
    visit: &Visit,
    headers: &HeaderMap,
    trying: &Trying,
    jobs: Vec<NewJob>,
) -> Result<Vec<Insertion>, Refusal> {
    // What is no text is no name, and is told so.
    let request = headers.get("idempotency-key").map(HeaderValue::to_str);
    let request = request.map(Result::unwrap_or_default);
    let drafts = jobs.into_iter().map(NewJob::draft).collect::<Result<Vec<_>, _>>()?;
    if trying.dry_run == Some(true) {
        visit.service().check_jobs(&drafts, request).await?;
        let valid = drafts.iter().map(|_| Insertion { outcome: Outcome::Valid, id: None });
        return Ok(valid.collect());
    }
    let inserted = visit.service().insert_jobs(&drafts, request).await?;
    let inserted = inserted.into_iter().map(|inserted| match inserted {
        InsertedJob::New(id) => Insertion { outcome: Outcome::Inserted, id: Some(id.into()) },
        InsertedJob::Existing(id) => Insertion { outcome: Outcome::Existing, id: Some(id.into()) },
    });
    Ok(inserted.collect())
}

impl NewJob {
    fn draft(self) -> Result<JobDraft, Refusal> {
        let is_unique = self.unique.unwrap_or_default();
        let change = JobChange {
            queue: self.queue,
            tags: self.tags,
            priority: self.priority,
            max_attempts: self.max_attempts,
            scheduled_at: self.scheduled_at,
            seconds: self.seconds,
            worker: Some(self.worker),
            args: self.args,
            meta: self.meta,
        };
        change.made_to(JobDraft { is_unique, ..JobDraft::default() })
    }
}

impl JobChange {
    fn made_to(self, mut draft: JobDraft) -> Result<JobDraft, Refusal> {
        if let Some(tags) = self.tags {
            if let Some(tag) = tags.iter().find(|tag| tag.contains(',')) {
                return Err(Refusal::Invalid(format!("tags: {tag:?} has a comma in it")));
            }
            draft.tags = tags.join(", ");
        }
        let texts = [
            (&mut draft.queue, self.queue),
            (&mut draft.worker, self.worker),
            (&mut draft.args, self.args.map(|args| args.get().to_owned())),
            (&mut draft.meta, self.meta.map(|meta| meta.get().to_owned())),
            (&mut draft.priority, self.priority.map(|number| number.to_string())),
            (&mut draft.max_attempts, self.max_attempts.map(|number| number.to_string())),
        ];
        for (field, given) in texts {
            if let Some(given) = given {
                *field = given;
            }
        }
        draft.when = match (self.scheduled_at, self.seconds) {
            (None, None) => None,
            (Some(time), None) => Some(When::At(time)),
            (None, Some(seconds @ 1..=3_153_600_000)) => {
                Some(When::In(Duration::from_secs(seconds)))
            }
            (None, Some(_)) => {
                let why = "seconds must be from 1 to 3153600000, which is a hundred years";
                return Err(Refusal::Invalid(why.to_owned()));
            }
            (Some(_), Some(_)) => {
                let why = "give scheduled_at or seconds, and not both";
                return Err(Refusal::Invalid(why.to_owned()));
            }
        };
        Ok(draft)
    }
}

fn wrong(mistakes: &[(&'static str, String)]) -> Refusal {
    let mistakes = mistakes.iter().map(|(field, why)| format!("{field}: {why}"));
    Refusal::Invalid(mistakes.collect::<Vec<_>>().join("; "))
}
