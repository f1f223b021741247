//! One worker: what it says about itself, how it does, what fails, and its newest jobs.

use axum::extract::{Path, Query};
use kerrera::WorkerCard;
use maud::{Markup, html};

use super::workers::Look;
use super::{Page, Section, charts, error, errors, workers};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{Error, FailuresAsked, MeasuredOf, WorkerStatus};
use crate::text::Text;
use crate::view::empty::{empty, notice};
use crate::view::{number, when, window};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/workers/{name}", Permission::WorkersView, show);
}

/// How many groups of its failures are shown.
const FAILURES: usize = 10;

async fn show(
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    Query(look): Query<Look>,
) -> Result<Page, Refusal> {
    let (service, window) = (visit.service(), look.window());
    let may_see_jobs = visit.viewer().may(Permission::JobsView).is_ok();
    let jobs = async {
        if !may_see_jobs {
            return Ok::<_, Error>((Vec::new(), Vec::new()));
        }
        let (size, worker) = (FAILURES, Some(name.clone()));
        let asked = FailuresAsked { worker, window, size, ..FailuresAsked::default() };
        let (failures, newest) =
            tokio::try_join!(service.failures(&asked), service.jobs_of_worker(&name))?;
        Ok((failures.groups, newest))
    };
    let drawn = charts::drawn(MeasuredOf::Worker(&name), window, &visit);
    let (worker, drawn, jobs) = tokio::join!(service.worker(&name, window), drawn, jobs);
    let (worker, drawn, (failing, newest)) = (worker?, drawn?, jobs?);
    let (text, links) = (visit.text(), visit.links());
    let title = format!("{}: {name}", text.worker());
    let errors_of = format!("{}?worker={}", links.to(["errors"]), escape(&name));
    let body = html! {
        div.row.row-between {
            div.stack.stack-close {
                h1 { (title) }
                @if let Some(card) = &worker.card { @if !card.description.is_empty() { p.muted { (card.description) } } }
                div { (workers::standing(&worker, &visit)) }
            }
            (window::choice(window, &links.to(["workers", &name]), &visit))
        }
        @if workers::is_stuck(&worker) {
            @let waiting = number::tally_words(worker.waiting, text);
            (notice("danger", "warning", &visit, &html! { (text.worker_unregistered_jobs(&waiting)) }))
        }
        div.columns.columns-7-5 {
            div.stack { (numbers(&worker, &visit)) }
            div.stack { (declaration(&worker, &visit)) }
        }
        @if let Some(drawn) = drawn {
            section #charts .stack { h2 { (text.charts()) } (drawn) }
        }
        @if may_see_jobs {
            section.card.card-flush #worker-errors {
                div.card-head {
                    h2 { (text.worker_errors()) }
                    a href=(errors_of) { (text.all_errors_of_worker()) }
                }
                @if failing.is_empty() { (empty("tick", &text.worker_no_errors(), "", &visit)) }
                @else { (errors::table(&failing, &visit)) }
            }
            section.card.card-flush #worker-jobs {
                div.card-head {
                    h2 { (text.worker_jobs()) }
                    a href=(links.jobs_of_worker(&name)) { (text.all_of_worker()) }
                }
                @if newest.is_empty() { (empty("jobs", &text.worker_no_jobs(), "", &visit)) }
                @else { (error::rows(&newest, &text.worker_jobs(), &visit)) }
            }
        }
    };
    Ok(Page::new(&visit, Section::Workers, &title, &body))
}

fn numbers(worker: &WorkerStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        section.card aria-labelledby="numbers" {
            h2 #numbers { (text.worker_numbers()) }
            dl.facts {
                dt { (text.worker_waiting()) } dd { (workers::jobs(worker, worker.waiting, "available", visit)) }
                dt { (text.worker_running()) } dd { (workers::jobs(worker, worker.running, "executing", visit)) }
                @if let Some(runs) = &worker.runs {
                    dt { (text.worker_runs()) } dd.num { (number::grouped(runs.total)) }
                    dt { (text.worker_failed()) } dd {
                        span.num { (number::grouped(runs.failed)) }
                        @if let Some(rate) = runs.failure_rate {
                            span.secondary { (text.share_failed(&format!("{:.1}", rate * 100.0))) }
                        }
                    }
                    @if let Some(times) = runs.run_time {
                        dt { (text.worker_half()) } dd { (workers::span(Some(times.p50), visit)) }
                        dt { (text.worker_most()) } dd {
                            (workers::span(Some(times.p95), visit))
                            @let longest = u64::try_from(times.max.as_millis()).unwrap_or(u64::MAX);
                            span.secondary { (text.slowest(&number::span(longest, visit.language()))) }
                        }
                    }
                    @if let Some(waits) = runs.wait_time {
                        dt { (text.worker_wait()) } dd { (workers::span(Some(waits.p50), visit)) }
                    }
                }
            }
            @if worker.runs.is_none() { p.hint { (text.worker_no_runs()) } }
        }
    }
}

/// What it says about itself.
fn declaration(worker: &WorkerStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        section.card aria-labelledby="declaration" {
            h2 #declaration { (text.worker_declaration()) }
            dl.facts {
                dt { (text.queue()) } dd { (workers::queues(worker, visit)) }
                dt { (text.worker_nodes()) } dd {
                    @if worker.nodes.is_empty() { span.subtle { (text.none()) } }
                    @for (at, node) in worker.nodes.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href=(links.node(node)) { (node) }
                    }
                }
                @if let Some(card) = &worker.card { (card_facts(card, text, visit)) }
                @if let Some((first, last)) = worker.seen {
                    dt { (text.worker_known_since()) } dd { (when::relative(first, visit)) }
                    dt { (text.worker_seen()) } dd { (when::relative(last, visit)) }
                }
            }
        }
    }
}

fn card_facts(card: &WorkerCard, text: Text, visit: &Visit) -> Markup {
    html! {
        @if let Some(owner) = &card.owner { dt { (text.worker_owner()) } dd { (owner) } }
        @if let Some(docs) = &card.docs {
            dt { (text.worker_docs()) } dd {
                @if is_address(docs) { a href=(docs) rel="noreferrer noopener" target="_blank" { (docs) } }
                @else { (docs) }
            }
        }
        dt { (text.worker_attempts()) } dd.num { (card.max_attempts) }
        dt { (text.priority()) } dd.num { (card.priority) }
        dt { (text.worker_timeout()) } dd {
            @match card.timeout {
                Some(_) => (workers::span(card.timeout, visit)),
                None => span.subtle { (text.worker_no_timeout()) },
            }
        }
        dt { (text.worker_unique()) } dd { @if card.unique.is_some() { (text.yes()) } @else { (text.no()) } }
        @if !card.tags.is_empty() {
            dt { (text.tags()) } dd.row { @for tag in &card.tags { span.tag { (tag) } } }
        }
        @if !card.sensitive.is_empty() {
            dt { (text.worker_sensitive()) } dd.row { @for way in &card.sensitive { code { (way) } } }
        }
    }
}

/// Whether a browser may be led there: whoever registers a worker is not to run anything in it.
fn is_address(docs: &str) -> bool {
    let scheme = docs.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| scheme == "http" || scheme == "https")
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn nobody_is_led_to_what_is_no_page() {
        assert!(is_address("https://wiki.example/a") && is_address("HTTP://wiki.example"));
        for docs in ["javascript://x/%0aalert(1)", "data:text/html,x", "//x", "wiki", ""] {
            assert!(!is_address(docs), "{docs}");
        }
    }
}
