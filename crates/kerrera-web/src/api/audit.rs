//! Who did what.

use axum::response::Response;
use kerrera::Timestamp;
use kerrera::audit::{AuditEntry, AuditOutcome, AuditQuery, AuditRecord, Via};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{Asked, At, Json};
use super::schema::{Id, Time};
use crate::access::Permission;
use crate::export::{self, FileFormat};
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::AuditView, routes!(audit));
    routes.data(Permission::AuditView, routes!(export));
    routes.data(Permission::AuditView, routes!(entry));
}

/// Which entry.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Numbered {
    /// Its number.
    #[param(value_type = Id)]
    entry: i64,
}

/// Which entries: every condition that is given must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Look {
    /// Of this actor, by what never changes about them.
    actor: Option<String>,
    /// With this action, as `job.cancel`.
    action: Option<String>,
    /// About this sort of thing: `job`, `queue`, `cron`, `operation`, `address`, `audit`.
    target_type: Option<String>,
    /// About the thing of this name or number.
    target: Option<String>,
    /// About this job.
    #[param(value_type = Option<Id>)]
    job: Option<i64>,
    /// With this outcome.
    #[param(inline)]
    outcome: Option<AuditResult>,
    /// Not written before.
    #[param(value_type = Option<Time>)]
    since: Option<Timestamp>,
    /// Written before.
    #[param(value_type = Option<Time>)]
    until: Option<Timestamp>,
    /// Older than the entry of this number: the `next` of the page before.
    #[param(value_type = Option<Id>)]
    after: Option<i64>,
    /// How many at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Of a file; CSV if nothing is said.
    #[param(inline)]
    format: Option<AuditFormat>,
}

/// What came of it.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AuditResult {
    Done,
    /// It was not allowed, or there was nothing to be done.
    Refused,
    /// Something went wrong; after a timeout it may have been done all the same.
    Failed,
}

/// In which form a file is.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AuditFormat {
    Csv,
    Ndjson,
}

/// Entries, the newest first.
#[derive(Serialize, ToSchema)]
struct AuditEntries {
    items: Vec<OneAuditEntry>,
    /// Give it as `after` to get the next page, if there is one.
    next: Option<Id>,
}

/// What somebody did.
#[derive(Serialize, ToSchema)]
struct OneAuditEntry {
    id: Id,
    at: Time,
    /// The name of the Oban instance.
    instance: String,
    actor: AuditActor,
    /// What, as `job.cancel`.
    action: String,
    target_type: String,
    /// Its name or number, or the query that picked the jobs; empty if there is no more to say.
    target: String,
    /// The jobs that were changed, the first thousand of them.
    jobs: Vec<Id>,
    /// How many things were changed.
    count: u64,
    /// What stood before.
    #[schema(value_type = Value)]
    before: Option<Value>,
    /// What stands since.
    #[schema(value_type = Value)]
    after: Option<Value>,
    reason: Option<String>,
    outcome: AuditResult,
    /// Why it was refused or failed.
    error: Option<String>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
struct AuditActor {
    /// What never changes about them.
    id: String,
    /// What people call them.
    name: String,
    via: AuditWay,
    request_id: Option<String>,
    remote_ip: Option<String>,
}

/// By which way something was done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AuditWay {
    Html,
    Api,
    Cli,
    /// A bulk operation that somebody had started.
    Operation,
    /// The application's own code.
    Code,
}

/// Who did what, the newest first
#[utoipa::path(get, path = "/audit", tag = "audit", params(Look),
    responses((status = 200, body = AuditEntries)))]
async fn audit(visit: Visit, Asked(look): Asked<Look>) -> Result<Json<AuditEntries>, Refusal> {
    let list = visit.service().audit(look.query()?).await?;
    let items = list.items.into_iter().map(OneAuditEntry::from).collect();
    Ok(Json(AuditEntries { items, next: list.next.map(Id::from) }))
}

/// One entry
#[utoipa::path(get, path = "/audit/{entry}", tag = "audit", params(Numbered),
    responses((status = 200, body = OneAuditEntry)))]
async fn entry(visit: Visit, At(numbered): At<Numbered>) -> Result<Json<OneAuditEntry>, Refusal> {
    Ok(Json(visit.service().audit_entry(numbered.entry).await?.into()))
}

/// Entries as a file, at most 100,000; if there are more, the last line says so. That somebody took them is
/// written down
#[utoipa::path(get, path = "/audit-export", tag = "audit", params(Look),
    responses((status = 200, description = "A file.",
        content((Value = "text/csv"), (Value = "application/x-ndjson")))))]
async fn export(visit: Visit, Asked(look): Asked<Look>) -> Result<Response, Refusal> {
    let format = match look.format {
        Some(AuditFormat::Ndjson) => FileFormat::Ndjson,
        Some(AuditFormat::Csv) | None => FileFormat::Csv,
    };
    let query = look.query()?;
    visit.service().begin_audit_export(&query).await?;
    Ok(export::audit(visit.service().clone(), query, format))
}

impl Look {
    fn query(self) -> Result<AuditQuery, Refusal> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=500).contains(&limit) {
            return Err(Refusal::Invalid("limit must be from 1 to 500".to_owned()));
        }
        let mut query = AuditQuery::new().limit(limit);
        query.actor = self.actor;
        query.action = self.action;
        query.target_type = self.target_type;
        query.target = self.target;
        query.job = self.job;
        query.outcome = self.outcome.map(|outcome| match outcome {
            AuditResult::Done => AuditOutcome::Done,
            AuditResult::Refused => AuditOutcome::Refused,
            AuditResult::Failed => AuditOutcome::Failed,
        });
        query.since = self.since;
        query.before = self.until;
        query.after = self.after;
        Ok(query)
    }
}

impl From<AuditRecord> for OneAuditEntry {
    fn from(record: AuditRecord) -> OneAuditEntry {
        let AuditRecord { id, at, entry, .. } = record;
        let AuditEntry { actor, jobs, outcome, .. } = entry;
        OneAuditEntry {
            id: id.into(),
            at: Time(at),
            instance: entry.instance,
            actor: AuditActor {
                id: actor.id,
                name: actor.label,
                via: match actor.via {
                    Via::Html => AuditWay::Html,
                    Via::Api => AuditWay::Api,
                    Via::Cli => AuditWay::Cli,
                    Via::Operation => AuditWay::Operation,
                    _ => AuditWay::Code,
                },
                request_id: actor.request_id,
                remote_ip: actor.remote_ip,
            },
            action: entry.action,
            target_type: entry.target_type,
            target: entry.target,
            jobs: jobs.into_iter().map(Id::from).collect(),
            count: entry.count,
            before: entry.before,
            after: entry.after,
            reason: entry.reason,
            outcome: match outcome {
                AuditOutcome::Done => AuditResult::Done,
                AuditOutcome::Refused => AuditResult::Refused,
                _ => AuditResult::Failed,
            },
            error: entry.error,
        }
    }
}
