//! One queue: what is in it, on which nodes it is worked, and what was ordered of it.

use axum::extract::{Path, Query};
use kerrera::{Enrolled, Standing, State};
use maud::{Markup, html};

use super::charts::{self, charts};
use super::{Page, Section, orders, queues};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{MeasuredOf, QueueState, QueueStatus};
use crate::view::button::{Action, action, way};
use crate::view::empty::empty;
use crate::view::rail::{Stop, rail};
use crate::view::state::LIFE;
use crate::view::{done, number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/queues/{name}", Permission::QueuesView, show);
}

/// The way to the question whether all that failed is to run again, if anything did.
fn retry(queue: &QueueStatus, failures: &str, visit: &Visit) -> Markup {
    let failed = [State::Retryable, State::Discarded].map(|state| queue.jobs_in(state).value);
    let new = visit.links().to(["operations", "new"]);
    let to = format!("{new}?action=retry&q={}", escape(failures));
    let needs = Permission::OperationsManage;
    html! {
        @if failed.iter().any(|jobs| *jobs > 0) {
            (way(&to, &visit.text().retry_failures(), "retry", needs, visit))
        }
    }
}

async fn show(
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    Query(look): Query<charts::Look>,
) -> Result<Page, Refusal> {
    let (service, to) = (visit.service(), visit.links().queue(&name));
    let charts = charts(MeasuredOf::Queue(&name), look.window(), &to, &visit);
    let (queue, charts) = tokio::join!(service.queue(&name), charts);
    let (queue, charts) = (queue?, charts?);
    let visit = visit.within(&name);
    let (text, links) = (visit.text(), visit.links());
    let stops = LIFE.map(|state| {
        let jobs = queue.jobs_in(state);
        Stop {
            state,
            count: number::tally(jobs, text),
            is_empty: jobs.value == 0,
            link: links.jobs(&queues::filter(&queue, state)),
            is_current: false,
        }
    });
    let all = links.jobs(&queues::of_queue(&name));
    let failures = format!("{} state:retryable,discarded", queues::of_queue(&name));
    let body = html! {
        div.row.row-between {
            div.stack.stack-close {
                h1 { (text.queue()) ": " (name) }
                div { (order::state(&queue, &visit)) }
            }
            div.row { (actions(&queue, &visit)) }
        }
        (done::told(&visit, orders::DONE))
        (rail(&stops, &visit))
        section.card { dl.facts {
            dt { (text.running_of_limit()) } dd { (queues::utilisation(&queue, text)) }
            dt { (text.oldest_waits()) } dd { (queues::waits(&queue, &visit)) }
            dt { (text.jobs()) } dd.row {
                a href=(all) { (text.jobs_of_queue()) }
                a href=(links.jobs(&failures)) { (text.recent_failures()) }
                (retry(&queue, &failures, &visit))
            }
        } }
        (charts)
        section.card.card-flush {
            h2 { (text.nodes_of_queue()) }
            @if queue.producers.is_empty() {
                (empty("nodes", &text.no_node_works_it(), &text.no_node_works_it_hint(), &visit))
            } @else {
                (nodes(&queue, &visit))
            }
        }
        (standing(&queue, &visit))
    };
    Ok(Page::new(&visit, Section::Queues, &format!("{}: {name}", text.queue()), &body))
}

/// What is done on every node.
fn actions(queue: &QueueStatus, visit: &Visit) -> Markup {
    use Permission as P;
    let (text, links) = (visit.text(), visit.links());
    let to = |what: &str| links.to(["queues", &queue.name, what]);
    let resume = text.resume();
    let consequence = text.resume_consequence();
    let resume = Action {
        consequence: &consequence,
        ..Action::new(to("resume"), &resume, "play", P::QueuesPause)
    };
    let now = queue.state() != QueueState::Running || queue.paused_by().is_some();
    let is_paused = queue.pending(visit.now()).unwrap_or(now);
    html! {
        (order::door(&to("pause"), &text.pause(), "pause", P::QueuesPause, visit))
        @if is_paused { (action(&resume, visit)) }
        (order::door(&to("scale"), &text.scale(), "scale", P::QueuesScale, visit))
        (order::door(&to("start"), &text.start(), "run", P::QueuesStop, visit))
        @if !queue.producers.is_empty() {
            (order::door(&to("stop"), &text.stop(), "stop", P::QueuesStop, visit))
        }
    }
}

/// The nodes that work it, and what is done on one of them.
fn nodes(queue: &QueueStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.nodes_of_queue()) }
            thead { tr {
                th scope="col" { (text.node()) }
                th.end scope="col" { (text.limit()) }
                th.end scope="col" { (text.since_when()) }
                th.end scope="col" { (text.actions()) }
            } }
            tbody { @for one in &queue.producers { (node(queue, one, visit)) } }
        } }
    }
}

fn node(queue: &QueueStatus, one: &Enrolled, visit: &Visit) -> Markup {
    use Permission as P;
    let (text, links) = (visit.text(), visit.links());
    let to = |what: &str| links.to(["queues", &queue.name, what]);
    let ask = |what: &str| format!("{}?node={}", to(what), escape(&one.node));
    let resume = text.resume();
    let resume = Action {
        fields: vec![("node", one.node.clone())],
        ..Action::new(to("resume"), &resume, "play", P::QueuesPause)
    };
    html! {
        tr id={ "producer-" (one.uuid) } {
            th scope="row" { div.primary {
                a href=(links.node(&one.node)) { (one.node) }
                div.secondary { (producer_state(queue, one, visit)) }
            } }
            td.end data-label=(text.limit()) { (number::grouped(one.limit.into())) }
            td.end data-label=(text.since_when()) { (when::relative(one.started_at, visit)) }
            td.end.tight { div.row.row-end {
                @if one.paused { (action(&resume, visit)) } @else {
                    (order::door(&ask("pause"), &text.pause(), "pause", P::QueuesPause, visit))
                }
                (order::door(&ask("scale"), &text.scale(), "scale", P::QueuesScale, visit))
                (order::door(&ask("stop"), &text.stop(), "stop", P::QueuesStop, visit))
            } }
        }
    }
}

/// Whether one node claims jobs of it; and if not, who says so.
pub(super) fn producer_state(queue: &QueueStatus, one: &Enrolled, visit: &Visit) -> Markup {
    let text = visit.text();
    let order = queue.pause_order(Some(&one.node));
    html! {
        @if one.paused {
            (order::badge("warning", "pause", &text.state_paused(), visit)) " "
            @match order.filter(|order| order.setting == kerrera::Setting::Paused(true)) {
                Some(order) => (order::by_whom(order, visit)),
                None => span.muted { (text.by_configuration()) },
            }
        } @else {
            (order::badge("good", "play", &text.state_running(), visit))
        }
    }
}

/// What was ordered that is for it, and still holds.
fn standing(queue: &QueueStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        section.card.card-flush {
            div.card-head { h2 { (text.orders()) } p.hint { (text.orders_hint()) } }
            @if queue.orders.is_empty() {
                p.muted.pad { (text.no_orders()) }
            } @else {
                div.table-scroll { table.list {
                    caption.visually-hidden { (text.orders()) }
                    thead { tr {
                        th scope="col" { (text.order()) }
                        th scope="col" { (text.order_for()) }
                        th scope="col" { (text.order_given()) }
                        th.end scope="col" { (text.actions()) }
                    } }
                    tbody { @for order in &queue.orders { (order_row(order, visit)) } }
                } }
            }
        }
    }
}

fn order_row(given: &Standing, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let to = match (&given.queue, &given.node) {
        (Some(queue), Some(node)) => {
            format!("{}?node={}", links.to(["queues", queue, "reset"]), escape(node))
        }
        (Some(queue), None) => links.to(["queues", queue, "reset"]),
        (None, Some(node)) => links.to(["nodes", node, "reset"]),
        (None, None) => links.to(["orders", "reset"]),
    };
    html! {
        tr id={ "order-" (given.id) } {
            th scope="row" { (order::said(given.setting, text)) }
            td data-label=(text.order_for()) {
                (order::target(given.queue.as_deref(), given.node.as_deref(), text))
            }
            td data-label=(text.order_given()) { (order::by_whom(given, visit)) }
            td.end.tight {
                (order::door(&to, &text.take_back(), "close", Permission::QueuesPause, visit))
            }
        }
    }
}
