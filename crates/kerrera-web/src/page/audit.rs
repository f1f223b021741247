//! Who did what: the log, one entry of it, and taking it out as a file.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::DateTime;
use kerrera::Timestamp;
use kerrera::audit::{AuditEntry, AuditOutcome, AuditQuery, AuditRecord};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section};
use crate::access::Permission;
use crate::export::{self, FileFormat};
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::AuditList;
use crate::text::Text;
use crate::view::empty::{empty, notice};
use crate::view::icon::icon;
use crate::view::json::json;
use crate::view::question::Field;
use crate::view::{number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/audit", Permission::AuditView, list);
    routes.page("/audit/export", Permission::AuditView, take_out);
    routes.page("/audit/{id}", Permission::AuditView, one);
}

/// What can be said in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Look {
    /// Who, by what never changes about them.
    actor: String,
    action: String,
    /// To what sort of thing.
    sort: String,
    /// And which.
    target: String,
    job: String,
    outcome: String,
    /// Local times.
    since: String,
    until: String,
    /// Only older entries than this.
    after: String,
    /// Of a file.
    format: String,
}

/// The sorts of things that entries are about.
const SORTS: [&str; 6] = ["job", "queue", "cron", "operation", "address", "audit"];
const OUTCOMES: [AuditOutcome; 3] =
    [AuditOutcome::Done, AuditOutcome::Refused, AuditOutcome::Failed];

impl Look {
    /// What is asked; `None` if it makes no sense.
    fn query(&self, visit: &Visit) -> Option<AuditQuery> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut query = AuditQuery::new();
        query.actor = given(&self.actor);
        query.action = given(&self.action);
        query.target_type = given(&self.sort);
        query.target = given(&self.target);
        if let Some(job) = given(&self.job) {
            query.job = Some(job.parse().ok()?);
        }
        if let Some(outcome) = given(&self.outcome) {
            query.outcome = Some(outcome.parse().ok()?);
        }
        if let Some(since) = given(&self.since) {
            query.since = Some(instant(&since, visit)?);
        }
        if let Some(until) = given(&self.until) {
            query.before = Some(instant(&until, visit)?);
        }
        if let Some(after) = given(&self.after) {
            query.after = Some(after.parse().ok()?);
        }
        query.validate().ok()
    }

    fn pairs(&self) -> [(&'static str, &str); 8] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("sort", &self.sort),
            ("target", &self.target),
            ("job", &self.job),
            ("outcome", &self.outcome),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    fn is_anything(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// An address with what is asked, and one thing more.
    fn link(&self, to: &str, more: (&str, &str)) -> String {
        let said = self.pairs().into_iter().chain([more]).filter(|(_, value)| !value.is_empty());
        let said: Vec<String> =
            said.map(|(name, value)| format!("{name}={}", escape(value))).collect();
        if said.is_empty() { to.to_owned() } else { format!("{to}?{}", said.join("&")) }
    }
}

/// A local time, in the visitor's zone.
fn instant(text: &str, visit: &Visit) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    let zoned = local.to_zoned(visit.preferences().zone.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

async fn list(visit: Visit, Query(look): Query<Look>) -> Result<Page, Refusal> {
    let text = visit.text();
    let (status, found) = match look.query(&visit) {
        Some(query) => {
            let list = visit.service().audit(query).await?;
            (StatusCode::OK, html! { section.card.card-flush { (table(&list, &look, &visit)) } })
        }
        None => {
            let said = html! { (text.audit_wrong()) };
            (StatusCode::UNPROCESSABLE_ENTITY, notice("warning", "warning", &visit, &said))
        }
    };
    let body = html! {
        div.row.row-between {
            h1 { (text.audit()) }
            div.row { (files(&look, &visit)) }
        }
        (filter(&look, &visit))
        (found)
    };
    Ok(Page::new(&visit, Section::Audit, &text.audit(), &body).status(status))
}

/// The ways to the same entries as a file.
fn files(look: &Look, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let hint = text.audit_export_hint();
    let to = links.to(["audit", "export"]);
    html! {
        @for (format, word) in [("csv", text.audit_csv()), ("ndjson", text.audit_ndjson())] {
            a.button href=(look.link(&to, ("format", format))) download title=(hint) {
                (icon("download", links.base())) (word)
            }
        }
    }
}

fn filter(look: &Look, visit: &Visit) -> Markup {
    let text = visit.text();
    let sorts: Vec<(&str, String)> =
        SORTS.iter().map(|sort| (*sort, text.sort(sort).into_owned())).collect();
    let outcomes = OUTCOMES.map(|outcome| (outcome.as_str(), text.outcome(outcome).into_owned()));
    let any = text.audit_any();
    let choice = |options: &[(&'static str, String)]| -> Vec<(&'static str, String)> {
        [("", any.clone().into_owned())].into_iter().chain(options.iter().cloned()).collect()
    };
    let select = |name, label, options: &[(&'static str, String)], value: &str| {
        let options = choice(options);
        let options: Vec<(&str, &str)> =
            options.iter().map(|(value, word)| (*value, word.as_str())).collect();
        Field::new(name, label).select(&options, value)
    };
    html! {
        details.card.audit-filter open[look.is_anything()] {
            summary { (icon("filter", visit.links().base())) (text.filter()) }
            form.row.row-top method="get" action=(visit.links().to(["audit"])) role="search" {
                (Field::new("actor", text.audit_actor()).input("text", &look.actor))
                (Field::new("action", text.audit_action()).input("text", &look.action))
                (select("sort", text.audit_sort(), &sorts, &look.sort))
                (Field::new("target", text.audit_name()).input("text", &look.target))
                (Field::new("job", text.audit_job()).input("text", &look.job))
                (select("outcome", text.audit_outcome(), &outcomes, &look.outcome))
                (Field::new("since", text.audit_since()).input("datetime-local", &look.since))
                (Field::new("until", text.audit_until()).input("datetime-local", &look.until))
                div.row {
                    button.button.button-primary type="submit" { (text.audit_filter()) }
                    a href=(visit.links().to(["audit"])) { (text.audit_all()) }
                }
            }
        }
    }
}

fn table(list: &AuditList, look: &Look, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let here = links.to(["audit"]);
    html! {
        @if list.items.is_empty() {
            @if list.next.is_some() { (empty("audit", &text.audit_none_here(), "", visit)) }
            @else if look.is_anything() || !look.after.is_empty() {
                (empty("audit", &text.audit_none_fit(), &text.audit_none_fit_hint(), visit))
            } @else { (empty("audit", &text.audit_none(), &text.audit_none_hint(), visit)) }
        } @else {
            div.table-scroll { table.list {
                caption.visually-hidden { (text.audit_caption()) }
                thead { tr {
                    th scope="col" { (text.audit_what()) }
                    th scope="col" { (text.audit_target()) }
                    th scope="col" { (text.audit_who()) }
                    th scope="col" { (text.audit_outcome()) }
                    th.end scope="col" { (text.audit_when()) }
                } }
                tbody { @for record in &list.items { (row(record, visit)) } }
            } }
        }
        @if list.next.is_some() || !look.after.is_empty() {
            nav.pager aria-label=(text.audit()) {
                @if !look.after.is_empty() {
                    a.button href=(look.link(&here, ("after", ""))) { (text.newest()) }
                }
                @if let Some(next) = list.next {
                    a.button rel="next" href=(look.link(&here, ("after", &next.to_string()))) data-key="n" {
                        (text.older()) (icon("right", links.base()))
                    }
                }
            }
        }
    }
}

fn row(record: &AuditRecord, visit: &Visit) -> Markup {
    let (text, entry) = (visit.text(), &record.entry);
    let link = visit.links().to(["audit", &record.id.to_string()]);
    html! {
        tr id={ "entry-" (record.id) } data-row=(link) {
            th scope="row" { div.primary {
                a href=(link) {
                    @match text.did(&entry.action) {
                        Some(did) => (did),
                        None => (entry.action),
                    }
                }
                span.secondary.mono { (entry.action) }
            } }
            td data-label=(text.audit_target()) {
                (target(entry, visit))
                @if let Some(reason) = &entry.reason { " " q.muted { (reason) } }
            }
            td data-label=(text.audit_who()) { (who(entry)) " " span.subtle { (text.via(entry.actor.via)) } }
            td data-label=(text.audit_outcome()) { (outcome(entry.outcome, visit)) }
            td.end.nowrap data-label=(text.audit_when()) { (when::relative(record.at, visit)) }
        }
    }
}

fn who(entry: &AuditEntry) -> &str {
    if entry.actor.label.is_empty() { &entry.actor.id } else { &entry.actor.label }
}

fn outcome(outcome: AuditOutcome, visit: &Visit) -> Markup {
    let (kind, picture) = match outcome {
        AuditOutcome::Done => ("good", "tick"),
        AuditOutcome::Refused => ("warning", "lock"),
        _ => ("danger", "errors"),
    };
    order::badge(kind, picture, &visit.text().outcome(outcome), visit)
}

/// What it was done to, with the way there.
fn target(entry: &AuditEntry, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let number = entry.target.parse::<i64>().ok();
    let link = match (entry.target_type.as_str(), number, entry.jobs.as_slice()) {
        ("queue", ..) if entry.target != "*" => Some(links.queue(&entry.target)),
        ("cron", ..) => Some(links.cron(&entry.target)),
        ("operation", Some(id), _) => Some(links.operation(id)),
        ("job", Some(id), _) => Some(links.job(id)),
        ("job", None, [id]) => Some(links.job(*id)),
        _ => None,
    };
    let name = target_name(entry, text);
    html! {
        (text.sort(&entry.target_type)) " "
        @match link {
            Some(link) => a href=(link) { (name) },
            None => span.mono { (name) },
        }
        @if entry.count > 1 { " " span.subtle.num { "×" (number::grouped(entry.count)) } }
    }
}

fn target_name(entry: &AuditEntry, text: Text) -> String {
    let short: String = entry.target.chars().take(120).collect();
    match (short.as_str(), entry.jobs.as_slice()) {
        ("", [id]) => format!("#{id}"),
        ("", _) => String::new(),
        ("*", _) => text.audit_every().into_owned(),
        _ if short.len() < entry.target.len() => format!("{short}…"),
        _ => short,
    }
}

async fn one(visit: Visit, Path((_, id)): Path<(String, i64)>) -> Result<Page, Refusal> {
    let record = visit.service().audit_entry(id).await?;
    let (text, entry) = (visit.text(), &record.entry);
    let title = text.audit_entry_title(id);
    let body = html! {
        div.row { h1 { (title) } (outcome(entry.outcome, &visit)) }
        section.card { (particulars(&record, &visit)) }
        @if entry.before.is_some() || entry.after.is_some() {
            div.columns.columns-2 {
                @for (name, label, value) in [
                    ("before", text.audit_before(), &entry.before),
                    ("after", text.audit_after(), &entry.after),
                ] {
                    @if let Some(value) = value {
                        section.card { h2 { (label) } (json(&value.to_string(), name, None, &visit)) }
                    }
                }
            }
        }
    };
    Ok(Page::new(&visit, Section::Audit, &title, &body))
}

/// How many of an entry's jobs are named one by one.
const NAMED: usize = 100;

fn particulars(record: &AuditRecord, visit: &Visit) -> Markup {
    let (text, links, entry) = (visit.text(), visit.links(), &record.entry);
    let actor = &entry.actor;
    let by = Look { actor: actor.id.clone(), ..Look::default() };
    html! {
        dl.facts {
            dt { (text.audit_what()) }
            dd { @if let Some(did) = text.did(&entry.action) { (did) " " } span.mono.muted { (entry.action) } }
            dt { (text.audit_target()) }
            dd {
                (target(entry, visit))
                @if !entry.target.is_empty() {
                    " " a href=(links.audit_of(&entry.target_type, &entry.target)) { (text.audit_of_target()) }
                }
            }
            dt { (text.audit_who()) }
            dd { (who(entry)) " " a href=(by.link(&links.to(["audit"]), ("after", ""))) { (text.audit_of_actor()) } }
            dt { (text.audit_by_id()) } dd.mono { (actor.id) }
            dt { (text.audit_via()) } dd { (text.via(actor.via)) }
            @if let Some(address) = &actor.remote_ip { dt { (text.audit_address()) } dd.mono { (address) } }
            @if let Some(request) = &actor.request_id { dt { (text.audit_request()) } dd.mono { (request) } }
            @if let Some(reason) = &entry.reason { dt { (text.audit_why()) } dd { q { (reason) } } }
            @if let Some(error) = &entry.error { dt { (text.audit_error()) } dd { (error) } }
            dt { (text.audit_when()) } dd { (when::absolute(record.at, visit)) }
            dt { (text.audit_instance()) } dd { (entry.instance) }
            dt { (text.audit_count()) } dd.num { (number::grouped(entry.count)) }
            @if !entry.jobs.is_empty() {
                dt { (text.audit_jobs()) }
                dd.row {
                    @for job in entry.jobs.iter().take(NAMED) { a.num href=(links.job(*job)) { "#" (job) } }
                    @if let Some(more) = entry.jobs.len().checked_sub(NAMED).filter(|more| *more > 0) {
                        span.subtle { (text.audit_more_jobs(&number::grouped(more as u64))) }
                    }
                }
            }
        }
    }
}

async fn take_out(visit: Visit, Query(look): Query<Look>) -> Result<Response, Refusal> {
    let format = match look.format.as_str() {
        "" | "csv" => FileFormat::Csv,
        "ndjson" => FileFormat::Ndjson,
        _ => return Err(Refusal::Invalid("the format is csv or ndjson".to_owned())),
    };
    let Some(query) = look.query(&visit) else {
        return Err(Refusal::Invalid(visit.text().audit_wrong().into_owned()));
    };
    visit.service().begin_audit_export(&query).await?;
    Ok(export::audit(visit.service().clone(), query, format))
}

#[cfg(test)]
mod tests;
