//! One node: the queues that it works, what runs there, and what was ordered for it.

use axum::extract::Path;
use kerrera::{Connections, KnownNode, LoopCard, NodeCard, Standing};
use maud::{Markup, html};

use super::{Page, Section, nodes, orders};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{NodeStatus, RunningJob, quoted};
use crate::view::button::{Action, action};
use crate::view::empty::{empty, notice};
use crate::view::{done, number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/nodes/{name}", Permission::NodesView, show);
}

/// How many of the running jobs are listed.
const LISTED: usize = 100;

async fn show(visit: Visit, Path((_, name)): Path<(String, String)>) -> Result<Page, Refusal> {
    let node = visit.service().node(&name).await?;
    // What was ordered is not for everybody who may see nodes.
    let orders = match visit.viewer().may(Permission::QueuesView) {
        Ok(()) => visit.service().queue_orders().await?,
        Err(_) => Vec::new(),
    };
    let text = visit.text();
    let body = html! {
        div.row.row-between {
            div.stack.stack-close {
                h1 { (text.node()) ": " (name) }
                div { (nodes::state(&node, &visit)) }
            }
            div.row { (actions(&node, &orders, &visit)) }
        }
        (done::told(&visit, orders::DONE))
        @if !node.lives() {
            (notice("danger", "warning", &visit, &html! { (nodes::gone(&node, text)) }))
        } @else if node.is_ill() {
            (notice("danger", "warning", &visit, &html! { (text.node_ill_hint()) }))
        }
        section.card { dl.facts {
            dt { (text.running_of_limit()) } dd { (nodes::utilisation(&node, &visit)) }
            dt { (text.working_since()) } dd { (when::relative_or_dash(node.started_at(), &visit)) }
            @if let Some(since) = node.leads_since {
                dt { (text.leader()) } dd { (when::relative(since, &visit)) }
            }
            @if let Some(known) = &node.known { (about(&node, known, &visit)) }
            @if visit.viewer().may(Permission::JobsView).is_ok() {
                dt { (text.jobs()) } dd.row { (claimed(&name, &visit)) }
            }
            @for order in all_here(&orders, &name) {
                dt { (text.all_on_node()) }
                dd { (order::said(order.setting, text)) " " (order::by_whom(order, &visit)) }
            }
        } }
        section.card.card-flush {
            h2 { (text.queues_of_node()) }
            @if node.producers.is_empty() { p.muted.pad { (text.none()) } }
            @else { (worked(&node, &visit)) }
        }
        @if visit.viewer().may(Permission::JobsView).is_ok() {
            section.card.card-flush {
                h2 { (text.running_here()) }
                @if node.jobs.is_empty() { (empty("executing", &text.nothing_runs(), "", &visit)) }
                @else { (running(&node.jobs, &visit)) }
            }
        }
        @if let Some(known) = &node.known { (background(&known.card, &visit)) }
    };
    Ok(Page::new(&visit, Section::Nodes, &format!("{}: {name}", text.node()), &body))
}

/// What it says about itself.
fn about(node: &NodeStatus, known: &KnownNode, visit: &Visit) -> Markup {
    let (text, card) = (visit.text(), &known.card);
    let hints = match card.connectivity.as_str() {
        "isolated" => text.hints_isolated(),
        "solitary" => text.hints_solitary(),
        "clustered" => text.hints_clustered(),
        "embedded" => text.hints_embedded(),
        _ => text.hints_unknown(),
    };
    html! {
        dt { (text.node_release()) } dd { (nodes::release(node, visit)) }
        dt { (text.node_machine()) }
        dd {
            @if !card.host.is_empty() { (card.host) ", " }
            @if !card.system.is_empty() { (card.system) ", " }
            (text.node_process(card.pid))
        }
        dt { (text.node_started()) } dd { (when::relative(known.started_at, visit)) }
        dt { (text.node_heard()) } dd { (when::relative(known.seen_at, visit)) }
        dt { (text.node_hints()) } dd { (hints) }
        dt { (text.node_workers()) } dd.num { (number::grouped(card.workers.len() as u64)) }
    }
}

/// What it does beside running jobs, and how that goes.
fn background(card: &NodeCard, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        @if !card.unknown_workers.is_empty() {
            section.card {
                h2 { (text.node_met()) }
                p.hint { (text.node_met_hint()) }
                ul.plain { @for (queue, worker) in &card.unknown_workers {
                    li {
                        a href=(links.worker(worker)) { (worker) } " "
                        a.tag href=(links.queue(queue)) { (queue) }
                    }
                } }
            }
        }
        @if !card.loops.is_empty() {
            section.card.card-flush {
                h2 { (text.node_loops()) }
                (loops(&card.loops, visit))
            }
        }
        @if !card.connections.is_empty() {
            section.card.card-flush {
                h2 { (text.node_connections()) }
                (connections(&card.connections, visit))
            }
        }
    }
}

/// Those that fail first.
fn loops(all: &[LoopCard], visit: &Visit) -> Markup {
    let text = visit.text();
    let (ill, well): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.failure.is_some());
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.node_loops()) }
            thead { tr {
                th scope="col" { (text.loop_name()) }
                th scope="col" { (text.loop_state()) }
                th.end scope="col" { (text.loop_idle()) }
            } }
            tbody { @for one in ill.into_iter().chain(well) {
                tr id={ "loop-" (one.name) } {
                    th scope="row" { div.primary {
                        span.mono { (one.name) }
                        @if let Some(failure) = &one.failure { span.secondary { (failure) } }
                    } }
                    td data-label=(text.loop_state()) {
                        @if one.failure.is_some() {
                            (order::badge("danger", "warning", &text.loop_ill(), visit))
                        } @else {
                            (order::badge("good", "tick", &text.loop_well(), visit))
                        }
                    }
                    td.end data-label=(text.loop_idle()) {
                        (text.ago(&number::span(one.idle.saturating_mul(1_000), visit.language())))
                    }
                }
            } }
        } }
    }
}

fn connections(all: &[Connections], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.node_connections()) }
            thead { tr {
                th scope="col" { (text.connections_for()) }
                th.end scope="col" { (text.connections_calls()) }
                th.end scope="col" { (text.connections_most()) }
            } }
            tbody { @for one in all {
                tr {
                    th scope="row" { span.mono { (one.name) } }
                    td.end data-label=(text.connections_calls()) { (number::grouped(one.calls.into())) }
                    td.end data-label=(text.connections_most()) { (number::grouped(one.most.into())) }
                }
            } }
        } }
    }
}

/// The way to the jobs that it claimed last: whether something fails only here.
fn claimed(node: &str, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let all = format!("node:{}", quoted(node));
    html! {
        a href=(links.jobs(&all)) { (text.jobs_of_node()) }
        a href=(links.jobs(&format!("{all} state:retryable,discarded"))) { (text.recent_failures()) }
    }
}

/// The orders for every queue of this node.
fn all_here<'o>(orders: &'o [Standing], node: &str) -> impl Iterator<Item = &'o Standing> {
    orders.iter().filter(move |order| order.queue.is_none() && order.node.as_deref() == Some(node))
}

fn actions(node: &NodeStatus, orders: &[Standing], visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let to = |what: &str| links.to(["nodes", &node.name, what]);
    let label = text.resume_node();
    let consequence = text.resume_consequence();
    let resume = Action {
        consequence: &consequence,
        ..Action::new(to("resume"), &label, "play", Permission::NodesControl)
    };
    html! {
        @if !node.is_paused() {
            (order::door(&to("pause"), &text.pause_node(), "pause", Permission::NodesControl, visit))
        }
        @if node.producers.iter().any(|producer| producer.paused) { (action(&resume, visit)) }
        @if all_here(orders, &node.name).next().is_some() {
            (order::door(&to("reset"), &text.take_back(), "close", Permission::NodesControl, visit))
        }
    }
}

fn worked(node: &NodeStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.queues_of_node()) }
            thead { tr {
                th scope="col" { (text.queue()) }
                th scope="col" { (text.state()) }
                th.end scope="col" { (text.running()) }
                th.end scope="col" { (text.limit()) }
                th.end scope="col" { (text.since_when()) }
            } }
            tbody { @for producer in &node.producers {
                @let running = node.running.get(&producer.queue).copied().unwrap_or_default();
                tr id={ "producer-" (producer.uuid) } {
                    th scope="row" { a href=(visit.links().queue(&producer.queue)) { (producer.queue) } }
                    td data-label=(text.state()) {
                        @if producer.paused {
                            (order::badge("warning", "pause", &text.state_paused(), visit))
                        } @else {
                            (order::badge("good", "play", &text.state_running(), visit))
                        }
                    }
                    td.end data-label=(text.running()) { (number::grouped(running)) }
                    td.end data-label=(text.limit()) { (number::grouped(producer.limit.into())) }
                    td.end data-label=(text.since_when()) { (when::relative(producer.started_at, visit)) }
                }
            } }
        } }
    }
}

fn running(jobs: &[RunningJob], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.running_here()) }
            thead { tr {
                th scope="col" { (text.worker()) }
                th scope="col" { (text.queue()) }
                th.end scope="col" { (text.attempt()) }
                th.end scope="col" { (text.runs_for()) }
            } }
            tbody { @for job in jobs.iter().take(LISTED) {
                tr id={ "job-" (job.id) } {
                    th scope="row" { div.primary {
                        a href=(visit.links().job(job.id)) { (job.worker) }
                        span.secondary { "#" (job.id) }
                    } }
                    td data-label=(text.queue()) { (job.queue) }
                    td.end data-label=(text.attempt()) { (job.attempt.0) " / " (job.attempt.1) }
                    td.end data-label=(text.runs_for()) { (when::relative_or_dash(job.since, visit)) }
                }
            } }
        } }
        @if jobs.len() > LISTED {
            p.hint.pad { (text.more_run((jobs.len() - LISTED) as u64)) }
        }
    }
}
