//! What is done to many jobs at once: all of it, one with how far it is, and stopping it.

use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use kerrera::{BulkOperation, BulkState};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section, jobs};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{BulkView, permission_for};
use crate::text::{Said, Text};
use crate::view::done::{self, Done};
use crate::view::empty::{empty, notice};
use crate::view::icon::icon;
use crate::view::question::{Question, question};
use crate::view::{bar, number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/operations", Permission::OperationsView, list);
    routes.page("/operations/{id}", Permission::OperationsView, one);
    routes.question("/operations/{id}/cancel", Permission::OperationsManage, ask_cancel);
    routes.action("/operations/{id}/cancel", Permission::OperationsManage, cancel);
}

/// It was begun just now.
pub(super) const BEGUN: Done = ("begun", |text| text.op_begun());
const STOPPED: Done = ("stopped", |text| text.op_stopped());

/// What can be said in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Look {
    /// Only older ones than this.
    before: String,
}

type Numbered = Path<(String, i64)>;

async fn list(visit: Visit, Query(look): Query<Look>) -> Result<Page, Refusal> {
    let before = look.before.parse::<i64>().ok();
    let list = visit.service().operations(before).await?;
    let text = visit.text();
    let address = visit.links().to(["operations"]);
    let body = html! {
        h1 { (text.operations()) }
        section.card.card-flush {
            @if list.items.is_empty() && before.is_some() {
                (empty("operations", &text.no_older_operations(), "", &visit))
            } @else if list.items.is_empty() && list.next.is_none() {
                (empty("operations", &text.no_operations(), &text.no_operations_hint(), &visit))
            } @else {
                (table(&list.items, &visit))
            }
            @if before.is_some() || list.next.is_some() {
                nav.pager aria-label=(text.operations()) {
                    @if before.is_some() { a.button href=(address) { (text.newest()) } }
                    @if let Some(next) = list.next {
                        a.button rel="next" href={ (address) "?before=" (next) } data-key="n" {
                            (text.older()) (icon("right", visit.links().base()))
                        }
                    }
                }
            }
        }
    };
    Ok(Page::new(&visit, Section::Operations, &text.operations(), &body))
}

fn table(items: &[BulkView], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.operations_caption()) }
            thead { tr {
                th scope="col" { (text.operation_what()) }
                th scope="col" { (text.state()) }
                th scope="col" { (text.operation_progress()) }
                th scope="col" { (text.operation_who()) }
                th.end scope="col" { (text.operation_when()) }
            } }
            tbody { @for item in items { (row(item, visit)) } }
        } }
    }
}

fn row(item: &BulkView, visit: &Visit) -> Markup {
    let (text, operation) = (visit.text(), &item.operation);
    let link = visit.links().operation(operation.id);
    html! {
        tr id={ "operation-" (operation.id) } data-row=(link) {
            th scope="row" {
                div.primary {
                    span {
                        a href=(link) { (text.bulk_verb(operation.action)) } " "
                        span.subtle.num { "#" (operation.id) }
                    }
                    span.secondary { (which(item, text)) }
                }
            }
            td data-label=(text.state()) { (state(item, visit)) }
            td data-label=(text.operation_progress()) { (progress(operation, text)) }
            td data-label=(text.operation_who()) {
                (by(operation, text))
                @if let Some(reason) = &operation.reason { " " q.muted { (reason) } }
            }
            td.end.nowrap data-label=(text.operation_when()) { (when::relative(operation.created_at, visit)) }
        }
    }
}

/// Which jobs, in a line.
fn which(item: &BulkView, text: Text) -> Said {
    match (item.selected, &item.filter) {
        (Some(selected), _) => text.op_selected(selected as u64),
        (None, Some(filter)) if filter.terms.is_empty() => text.op_all(),
        (None, Some(filter)) => filter.to_string().into(),
        (None, None) => text.op_unworded(),
    }
}

fn by(operation: &BulkOperation, text: Text) -> Said {
    match &operation.by {
        Some(by) if !by.label.is_empty() => by.label.clone().into(),
        Some(by) => by.id.clone().into(),
        None => text.nobody(),
    }
}

fn state(item: &BulkView, visit: &Visit) -> Markup {
    let state = item.operation.state;
    let (kind, picture) = match state {
        BulkState::Waiting if item.is_stuck(visit.now()) => ("warning", "warning"),
        BulkState::Waiting => ("info", "scheduled"),
        BulkState::Running => ("info", "executing"),
        BulkState::Done if item.operation.failed > 0 => ("warning", "warning"),
        BulkState::Done => ("good", "tick"),
        BulkState::Cancelled => ("warning", "stop"),
        _ => ("danger", "errors"),
    };
    order::badge(kind, picture, &visit.text().bulk_state(state), visit)
}

/// How many jobs it is done with, of how many.
fn progress(operation: &BulkOperation, text: Text) -> Markup {
    let done = operation.done + operation.failed;
    let shown = number::grouped(done);
    html! {
        div.utilisation {
            @match operation.total {
                Some(total) => {
                    @let total_words = number::tally_words(total, text);
                    span.num { (shown) " / " (total_words) }
                    // Of one that has ended all was looked at, whatever was counted at its beginning.
                    @let whole = if operation.state == BulkState::Done { done.max(1) } else { total.value };
                    (bar::bar(if operation.state == BulkState::Done { whole } else { done }, whole, &text.op_of(&shown, &total_words)))
                },
                None => span.num { (shown) },
            }
        }
    }
}

async fn one(visit: Visit, Path((_, id)): Numbered) -> Result<Page, Refusal> {
    let view = visit.service().operation(id).await?;
    let (text, operation) = (visit.text(), &view.operation);
    let title = text.operation_title(id, &text.bulk_verb(operation.action));
    let body = html! {
        div.row.row-between {
            div.row { h1 { (title) } (state(&view, &visit)) }
            div.row { (stop(&view, &visit)) }
        }
        (done::told(&visit, &[BEGUN, STOPPED]))
        @if view.is_stuck(visit.now()) {
            (notice("warning", "warning", &visit, &html! { (text.op_stuck()) }))
        }
        @if let Some(error) = &operation.error {
            (notice("danger", "errors", &visit, &html! { strong { (text.op_error()) } p.mono { (error) } }))
        }
        section.card.operation-progress #operation-progress aria-labelledby="progress-title" {
            h2 #progress-title { (text.operation_progress()) }
            (progress(operation, text))
            (numbers(&view, &visit))
        }
        section.card { (particulars(&view, &visit)) }
        @if !operation.failures.is_empty() { (failures(operation, &visit)) }
    };
    Ok(Page::new(&visit, Section::Operations, &title, &body))
}

fn numbers(view: &BulkView, visit: &Visit) -> Markup {
    let (text, operation) = (visit.text(), &view.operation);
    html! {
        dl.facts {
            dt { (text.op_done_count()) } dd { span.num { (number::grouped(operation.done)) } }
            dt { (text.op_skipped()) }
            dd {
                span.num { (number::grouped(operation.skipped)) }
                @if operation.skipped > 0 { span.secondary { (text.op_skipped_hint()) } }
            }
            dt { (text.op_failed_count()) }
            dd {
                span.num { (number::grouped(operation.failed)) }
                @if operation.failed > 0 { span.secondary { (text.op_failed_hint()) } }
            }
            @if let Some(remaining) = view.remaining() {
                dt { (text.op_remaining()) } dd { (number::tally(remaining, text)) }
            }
            @if let Some(rate) = view.rate(visit.now()) {
                dt { (text.op_rate()) } dd { span.num { (format!("{rate:.1}")) } }
            }
            dt { (text.op_meant()) }
            dd {
                @match operation.total {
                    Some(total) => (number::tally(total, text)),
                    None => span.subtle { (text.op_uncounted()) },
                }
            }
        }
    }
}

fn particulars(view: &BulkView, visit: &Visit) -> Markup {
    let (text, links, operation) = (visit.text(), visit.links(), &view.operation);
    html! {
        dl.facts {
            dt { (text.op_which()) }
            dd {
                @match &view.filter {
                    Some(filter) if !filter.terms.is_empty() => {
                        (jobs::in_words(filter, visit))
                        @if visit.viewer().may(Permission::JobsView).is_ok() {
                            a href=(links.jobs(&filter.to_string())) { (text.op_show_jobs()) }
                        }
                    },
                    _ => (which(view, text)),
                }
                span.secondary { (text.op_up_to(&operation.max_id.to_string())) }
            }
            dt { (text.operation_who()) }
            dd { (by(operation, text)) }
            @if let Some(reason) = &operation.reason { dt { (text.reason()) } dd { q { (reason) } } }
            dt { (text.op_asked()) } dd { (when::relative(operation.created_at, visit)) }
            @if let Some(time) = operation.started_at { dt { (text.op_started()) } dd { (when::relative(time, visit)) } }
            @if let Some(time) = operation.ended_at { dt { (text.op_ended()) } dd { (when::relative(time, visit)) } }
            @if let Some(node) = &operation.node { dt { (text.op_node()) } dd { (node) } }
            @if visit.viewer().may(Permission::AuditView).is_ok() {
                dt { (text.audit()) }
                dd { a href=(links.audit_of("operation", &operation.id.to_string())) { (text.op_history()) } }
            }
        }
    }
}

fn failures(operation: &BulkOperation, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        section.card.card-flush {
            h2 { (text.op_failures()) }
            p.hint.pad { (text.op_failures_hint(operation.failures.len() as u64)) }
            div.table-scroll { table.list {
                caption.visually-hidden { (text.op_failures()) }
                thead { tr {
                    th scope="col" { (text.job()) }
                    th scope="col" { (text.reason()) }
                } }
                tbody { @for failure in &operation.failures {
                    tr id={ "failure-" (failure.job) } {
                        th scope="row" { a href=(visit.links().job(failure.job)) { "#" (failure.job) } }
                        td.mono data-label=(text.reason()) { (failure.error) }
                    }
                } }
            } }
        }
    }
}

/// The way to the question whether it is to be stopped.
fn stop(view: &BulkView, visit: &Visit) -> Markup {
    let operation = &view.operation;
    let to = visit.links().to(["operations", &operation.id.to_string(), "cancel"]);
    let needs = match visit.viewer().may(Permission::OperationsManage) {
        Ok(()) => permission_for(operation.action),
        Err(_) => Permission::OperationsManage,
    };
    html! {
        @if !operation.state.is_final() {
            (order::door(&to, &visit.text().op_stop(), "stop", needs, visit))
        }
    }
}

async fn ask_cancel(visit: Visit, Path((_, id)): Numbered) -> Result<Response, Refusal> {
    let view = visit.service().operation(id).await?;
    let (text, links, operation) = (visit.text(), visit.links(), &view.operation);
    let title = text.op_stop_title(id);
    let back = links.operation(id);
    if operation.state.is_final() {
        return Err(Refusal::Conflict(text.op_has_ended().into_owned()));
    }
    let asked = Question {
        title: &title,
        consequence: &text.op_stop_consequence(&number::grouped(operation.done)),
        to: &links.to(["operations", &id.to_string(), "cancel"]),
        fields: html! {},
        button: &text.op_stop(),
        is_destructive: true,
        back: &back,
    };
    let body = question(&asked, &visit);
    Ok(Page::new(&visit, Section::Operations, &title, &body).into_response())
}

async fn cancel(visit: Visit, Path((_, id)): Numbered) -> Result<Response, Refusal> {
    visit.service().cancel_operation(id).await?;
    Ok(done::redirect(&visit.links().operation(id), STOPPED).into_response())
}

#[cfg(test)]
mod tests;
