//! All nodes: which live, what they work, and how much runs there.

use maud::{Markup, html};

use super::{Page, Section, orders};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::NodeStatus;
use crate::text::{Said, Text};
use crate::view::empty::{empty, notice};
use crate::view::{bar, done, number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/nodes", Permission::NodesView, show);
}

async fn show(visit: Visit) -> Result<Page, Refusal> {
    let known = visit.service().nodes().await?;
    let text = visit.text();
    let is_anybody_here = known.nodes.iter().any(|node| !node.producers.is_empty());
    let body = html! {
        h1 { (text.nodes()) }
        (done::told(&visit, orders::DONE))
        @if !is_anybody_here && !known.nodes.is_empty() {
            (notice("danger", "warning", &visit, &html! { (text.nobody_works()) }))
        }
        section.card.card-flush {
            @if known.nodes.is_empty() {
                (empty("nodes", &text.no_nodes(), &text.no_nodes_hint(), &visit))
            } @else {
                (table(&known.nodes, &visit))
            }
            @if known.is_partial { p.hint.pad { (text.running_part()) } }
        }
    };
    Ok(Page::new(&visit, Section::Nodes, &text.nodes(), &body))
}

fn table(nodes: &[NodeStatus], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.nodes_caption()) }
            thead { tr {
                th scope="col" { (text.node()) }
                th scope="col" { (text.running_of_limit()) }
                th scope="col" { (text.queues()) }
                th scope="col" { (text.node_release()) }
                th.end scope="col" { (text.working_since()) }
            } }
            tbody { @for node in nodes {
                tr id={ "node-" (node.name) } {
                    th scope="row" { div.primary {
                        a href=(visit.links().node(&node.name)) { (node.name) }
                        div.secondary { (state(node, visit)) }
                    } }
                    td data-label=(text.running_of_limit()) { (utilisation(node, visit)) }
                    td data-label=(text.queues()) { div.row {
                        @for producer in &node.producers {
                            a.tag href=(visit.links().queue(&producer.queue)) { (producer.queue) }
                        }
                    } }
                    td data-label=(text.node_release()) { (release(node, visit)) }
                    td.end data-label=(text.working_since()) {
                        (when::relative_or_dash(node.started_at(), visit))
                    }
                }
            } }
        } }
    }
}

/// Of which release it is: of the application if that says so, else of Kerrera.
pub(super) fn release(node: &NodeStatus, visit: &Visit) -> Markup {
    let card = node.known.as_ref().map(|known| &known.card);
    match card {
        None => html! { span.subtle { "–" } },
        Some(card) => html! {
            @if let Some(release) = &card.release { (release.name) " " (release.version) ", " }
            (visit.text().node_version(&card.version))
        },
    }
}

/// Why nothing is heard of it.
pub(super) fn gone(node: &NodeStatus, text: Text) -> Said {
    if node.running_jobs() > 0 { text.node_gone_hint() } else { text.node_silent_hint() }
}

/// Whether it lives, claims, leads.
pub(super) fn state(node: &NodeStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        @if !node.lives() {
            span title=(gone(node, text)) {
                (order::badge("danger", "warning", &text.node_gone(), visit))
            }
        } @else if node.is_paused() {
            (order::badge("warning", "pause", &text.state_paused(), visit))
        } @else {
            (order::badge("good", "tick", &text.node_lives(), visit))
        }
        @if node.is_ill() {
            " " span title=(text.node_ill_hint()) {
                (order::badge("danger", "warning", &text.node_ill(), visit))
            }
        }
        @if let Some(since) = node.leads_since {
            @let since = when::exact(since, &visit.preferences().zone);
            " " span title=(text.leads_since(&since)) {
                (order::badge("info", "leader", &text.leader(), visit))
            }
        }
    }
}

/// How many jobs run there, of how many that may.
pub(super) fn utilisation(node: &NodeStatus, visit: &Visit) -> Markup {
    let (running, limit) = (node.running_jobs(), node.limit());
    let [shown_running, shown_limit] = [running, limit].map(number::grouped);
    let label = visit.text().running_of(&shown_running, &shown_limit);
    html! {
        div.utilisation {
            span.num { (shown_running) " / " (shown_limit) }
            (bar::bar(running, limit, &label))
        }
    }
}

#[cfg(test)]
mod tests;
