//! All workers: who has them, and how they do.

use axum::extract::Query;
use kerrera::Tally;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{Window, WorkerStatus, quoted};
use crate::view::empty::{empty, notice};
use crate::view::{number, order, window};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/workers", Permission::WorkersView, show);
}

/// What can be said in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    window: String,
}

impl Look {
    pub(super) fn window(&self) -> Window {
        Window::named(&self.window).unwrap_or_default()
    }
}

async fn show(visit: Visit, Query(look): Query<Look>) -> Result<Page, Refusal> {
    let workers = visit.service().workers(look.window()).await?;
    let (text, links) = (visit.text(), visit.links());
    let stuck = workers.iter().filter(|worker| is_stuck(worker)).count() as u64;
    let body = html! {
        div.row.row-between {
            h1 { (text.workers()) }
            (window::choice(look.window(), &links.to(["workers"]), &visit))
        }
        @if stuck > 0 {
            (notice("warning", "warning", &visit, &html! { (text.workers_unregistered(stuck)) }))
        }
        section.card.card-flush {
            @if workers.is_empty() {
                (empty("workers", &text.workers_none(), &text.workers_none_hint(), &visit))
            } @else {
                (table(&workers, &visit))
            }
        }
    };
    Ok(Page::new(&visit, Section::Workers, &text.workers(), &body))
}

/// Whether jobs of it wait that no node can run.
pub(super) fn is_stuck(worker: &WorkerStatus) -> bool {
    !worker.is_registered() && worker.waiting.value > 0
}

fn table(workers: &[WorkerStatus], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.workers_caption()) }
            thead { tr {
                th scope="col" { (text.worker()) }
                th scope="col" { (text.queue()) }
                th.end scope="col" { (text.worker_waiting()) }
                th.end scope="col" { (text.worker_running()) }
                th.end scope="col" { (text.worker_runs()) }
                th.end scope="col" { (text.worker_failed()) }
                th.end scope="col" { (text.worker_half()) }
                th.end scope="col" { (text.worker_most()) }
                th.end scope="col" { (text.worker_nodes()) }
            } }
            tbody { @for worker in workers { (row(worker, visit)) } }
        } }
    }
}

fn row(worker: &WorkerStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let description = worker.card.as_ref().map_or("", |card| card.description.as_str());
    let owner = worker.card.as_ref().and_then(|card| card.owner.as_deref());
    let times = worker.runs.and_then(|runs| runs.run_time);
    html! {
        tr id={ "worker-" (worker.name) } data-row=(links.worker(&worker.name)) {
            th scope="row" { div.primary {
                span {
                    a href=(links.worker(&worker.name)) { (worker.name) }
                    @if let Some(owner) = owner { " " span.tag { (owner) } }
                }
                @if !description.is_empty() { span.secondary { (description) } }
                @if !worker.is_registered() { div.row.tight-row { (standing(worker, visit)) } }
            } }
            td data-label=(text.queue()) { (queues(worker, visit)) }
            td.end data-label=(text.worker_waiting()) { (jobs(worker, worker.waiting, "available", visit)) }
            td.end data-label=(text.worker_running()) { (jobs(worker, worker.running, "executing", visit)) }
            td.end data-label=(text.worker_runs()) {
                @match worker.runs { Some(runs) => (number::count(runs.total, text)), None => span.subtle { "–" } }
            }
            td.end data-label=(text.worker_failed()) {
                @match worker.runs { Some(runs) => (number::count(runs.failed, text)), None => span.subtle { "–" } }
            }
            td.end data-label=(text.worker_half()) { (span(times.map(|times| times.p50), visit)) }
            td.end data-label=(text.worker_most()) { (span(times.map(|times| times.p95), visit)) }
            td.end data-label=(text.worker_nodes()) { (number::count(worker.nodes.len() as u64, text)) }
        }
    }
}

/// That no node has it.
pub(super) fn standing(worker: &WorkerStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    let kind = if is_stuck(worker) { "danger" } else { "warning" };
    let word =
        if worker.card.is_some() { text.worker_unregistered() } else { text.worker_undeclared() };
    html! { @if !worker.is_registered() { (order::badge(kind, "warning", &word, visit)) } }
}

/// In which queues it has its jobs.
pub(super) fn queues(worker: &WorkerStatus, visit: &Visit) -> Markup {
    html! { @for (at, queue) in worker.queues.iter().enumerate() {
        @if at > 0 { ", " }
        a href=(visit.links().queue(queue)) { (queue) }
    } }
}

/// How many of its jobs are in a state.
pub(super) fn jobs(worker: &WorkerStatus, jobs: Tally, state: &str, visit: &Visit) -> Markup {
    let filter = format!("worker:{} state:{state}", quoted(&worker.name));
    html! {
        @if jobs.value == 0 { span.subtle { "0" } } @else {
            a href=(visit.links().jobs(&filter)) { (number::tally(jobs, visit.text())) }
        }
    }
}

/// How long something took, or a dash.
pub(super) fn span(span: Option<std::time::Duration>, visit: &Visit) -> Markup {
    match span {
        None => html! { span.subtle { "–" } },
        Some(span) => {
            let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            html! { span.num { (number::span(milliseconds, visit.language())) } }
        }
    }
}

#[cfg(test)]
mod tests;
