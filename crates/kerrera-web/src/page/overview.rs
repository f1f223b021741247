//! The first page: is anything wrong, and where?

mod attention;

use axum::extract::Query;
use kerrera::State;
use maud::{Markup, html};

use super::charts::{self, charts};
use super::{Page, Section};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{Busy, Counts, MeasuredOf, Overview};
use crate::text::texts;
use crate::view::rail::{Stop, rail};
use crate::view::state::LIFE;
use crate::view::{bar, number, when};
use crate::visit::Visit;

texts! {
    busiest_queues: "Queues that are furthest behind" | "가장 밀린 큐";
    no_queue_yet: "No queue has jobs or is worked." | "작업이 있거나 처리 중인 큐가 없습니다.";
    waits_since: "Oldest waits" | "최장 대기";
    running_share: "Running" | "실행 중";
    all_queues: "All queues" | "모든 큐";
    nodes_working(n: u64): one "1 node works" other "{n} nodes work" | "노드 {n}개 동작 중";
    leader_is(node: &str): "Leader: {node}" | "리더: {node}";
}

pub(crate) fn add(routes: &mut Routes) {
    routes.page("", Permission::QueuesView, show);
}

async fn show(visit: Visit, Query(look): Query<charts::Look>) -> Result<Page, Refusal> {
    let text = visit.text();
    let (service, to) = (visit.service(), visit.links().overview());
    let charts = charts(MeasuredOf::All, look.window(), &to, &visit);
    let (overview, charts) = tokio::join!(service.overview(), charts);
    let (overview, charts) = (overview?, charts?);
    let body = html! {
        div.row.row-between {
            h1 { (text.overview()) }
            p.hint {
                a href=(visit.links().to(["nodes"])) { (text.nodes_working(overview.nodes as u64)) }
                @if let Some(leader) = &overview.leader { " · " (text.leader_is(leader)) }
            }
        }
        (attention::attention(&overview.concerns, &visit))
        (states(&overview.counts, &visit))
        (charts)
        (busiest(&overview, &visit))
    };
    Ok(Page::new(&visit, Section::Overview, &text.overview(), &body))
}

fn states(counts: &Counts, visit: &Visit) -> Markup {
    let stops = LIFE.map(|state| {
        let jobs = counts.of_state(state);
        Stop {
            state,
            count: number::tally(jobs, visit.text()),
            is_empty: jobs.value == 0,
            link: visit.links().jobs(&format!("state:{}", state.as_str())),
            is_current: false,
        }
    });
    rail(&stops, visit)
}

fn busiest(overview: &Overview, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        section.card.card-flush aria-labelledby="busiest" {
            div.card-head {
                h2 #busiest { (text.busiest_queues()) }
                a href=(links.to(["queues"])) { (text.all_queues()) }
            }
            @if overview.busiest.is_empty() {
                p.empty.hint { (text.no_queue_yet()) }
            } @else {
                div.table-scroll { table.list {
                    caption.visually-hidden { (text.busiest_queues()) }
                    thead { tr {
                        th scope="col" { (text.queue()) }
                        th scope="col" { (text.running_share()) }
                        th.end scope="col" { (text.state_name(State::Available)) }
                        th.end scope="col" { (text.waits_since()) }
                    } }
                    tbody { @for busy in &overview.busiest { (row(busy, &overview.counts, visit)) } }
                } }
            }
        }
    }
}

fn row(busy: &Busy, counts: &Counts, visit: &Visit) -> Markup {
    let (text, (running, limit)) = (visit.text(), busy.running);
    html! {
        tr id={ "busy-" (busy.queue) } {
            th scope="row" { a href=(visit.links().queue(&busy.queue)) { (busy.queue) } }
            td data-label=(text.running_share()) { div.utilisation {
                span.num { (running) " / " (limit) }
                (bar::bar(running, limit, &format!("{running} / {limit}")))
            } }
            td.end data-label=(text.state_name(State::Available)) {
                (number::tally(counts.of(&busy.queue, State::Available), text))
            }
            td.end data-label=(text.waits_since()) { (when::relative_or_dash(busy.oldest, visit)) }
        }
    }
}
