//! All queues: what waits in them, who works them, and whether somebody has paused them.

use std::collections::BTreeMap;

use kerrera::{State, Tally};
use maud::{Markup, html};

use super::{Page, Section, orders};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{QueueState, QueueStatus};
use crate::text::Text;
use crate::view::button::{Action, action};
use crate::view::chart::spark;
use crate::view::empty::{empty, notice};
use crate::view::{bar, done, number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/queues", Permission::QueuesView, show);
}

async fn show(visit: Visit) -> Result<Page, Refusal> {
    let service = visit.service();
    let (queues, runs) = tokio::join!(service.queues(), runs(&visit));
    let (queues, runs) = (queues?, runs?);
    let text = visit.text();
    let body = html! {
        div.row.row-between {
            h1 { (text.queues()) }
            @if !queues.is_empty() { div.row { (for_all(&visit)) } }
        }
        (done::told(&visit, orders::DONE))
        (unworked(&queues, &visit))
        section.card.card-flush {
            @if queues.is_empty() {
                (empty("queues", &text.no_queues(), &text.no_queues_hint(), &visit))
            } @else {
                (table(&queues, &runs, &visit))
            }
        }
    };
    Ok(Page::new(&visit, Section::Queues, &text.queues(), &body))
}

/// What is done to all of them.
fn for_all(visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let resume = text.resume_all();
    let resume_to = links.to(["orders", "resume"]);
    let consequence = text.resume_consequence();
    let resume = Action {
        consequence: &consequence,
        ..Action::new(resume_to, &resume, "play", Permission::QueuesPause)
    };
    html! {
        (order::door(&links.to(["orders", "pause"]), &text.pause_all(), "pause", Permission::QueuesPause, visit))
        (action(&resume, visit))
    }
}

/// What waits although nobody will ever claim it.
fn unworked(queues: &[QueueStatus], visit: &Visit) -> Markup {
    let waiting = queues.iter().filter(|queue| queue.state() == QueueState::Unworked);
    let jobs: Tally = waiting.map(|queue| queue.jobs_in(State::Available)).sum();
    let text = visit.text();
    html! {
        @if jobs.value > 0 {
            @let jobs = number::tally_words(jobs, text);
            (notice("danger", "warning", visit, &html! { (text.unworked_with_jobs(&jobs)) }))
        }
    }
}

/// How many runs ended in each queue, step by step of the last hour.
type Runs = BTreeMap<String, Vec<Option<f64>>>;

/// The same, if the viewer may see it.
async fn runs(visit: &Visit) -> Result<Option<Runs>, Refusal> {
    match visit.viewer().may(Permission::MetricsView) {
        Ok(()) => Ok(Some(visit.service().runs_of_queues().await?)),
        Err(_) => Ok(None),
    }
}

fn table(queues: &[QueueStatus], runs: &Option<Runs>, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.queues_caption()) }
            thead { tr {
                th scope="col" { (text.queue()) }
                th scope="col" { (text.running_of_limit()) }
                @for state in WAITING { th.end scope="col" { (text.state_name(state)) } }
                th.end scope="col" { (text.oldest_waits()) }
                @if runs.is_some() { th.end scope="col" { (text.runs_last_hour()) } }
                th.end scope="col" { (text.nodes_count()) }
                th.end scope="col" { (text.actions()) }
            } }
            tbody { @for queue in queues { (row(queue, runs.as_ref(), visit)) } }
        } }
    }
}

/// What is told of each queue beside what runs.
const WAITING: [State; 3] = [State::Available, State::Scheduled, State::Retryable];

fn row(queue: &QueueStatus, runs: Option<&Runs>, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        tr id={ "queue-" (queue.name) } {
            th scope="row" {
                div.primary {
                    a href=(links.queue(&queue.name)) { (queue.name) }
                    div.secondary { (order::state(queue, visit)) }
                }
            }
            td data-label=(text.running_of_limit()) { (utilisation(queue, text)) }
            @for state in WAITING {
                @let jobs = queue.jobs_in(state);
                td.end data-label=(text.state_name(state)) {
                    @if jobs.value == 0 { span.subtle { "0" } } @else {
                        a href=(links.jobs(&filter(queue, state))) { (number::tally(jobs, text)) }
                    }
                }
            }
            td.end data-label=(text.oldest_waits()) { (waits(queue, visit)) }
            @if let Some(runs) = runs {
                td.end data-label=(text.runs_last_hour()) { (throughput(runs.get(&queue.name), text)) }
            }
            td.end data-label=(text.nodes_count()) { (number::count(queue.nodes() as u64, text)) }
            td.end.tight { div.row.row-end { (actions(queue, &visit.within(&queue.name))) } }
        }
    }
}

/// How many runs ended, and when of the last hour.
fn throughput(runs: Option<&Vec<Option<f64>>>, text: Text) -> Markup {
    let runs = runs.map_or(&[][..], Vec::as_slice);
    let ended: f64 = runs.iter().flatten().sum();
    html! {
        @if ended > 0.0 {
            div.throughput {
                (spark(runs, "state-completed")) span { (number::count(ended as u64, text)) }
            }
        } @else { span.subtle { "0" } }
    }
}

/// How many jobs run, of how many that may.
pub(super) fn utilisation(queue: &QueueStatus, text: Text) -> Markup {
    let (running, limit) = (queue.jobs_in(State::Executing).value, queue.limit());
    let [shown_running, shown_limit] = [running, limit].map(number::grouped);
    html! {
        div.utilisation {
            span.num { (shown_running) " / " (shown_limit) }
            (bar::bar(running, limit, &text.running_of(&shown_running, &shown_limit)))
        }
    }
}

/// How long the oldest available job has been waiting.
pub(super) fn waits(queue: &QueueStatus, visit: &Visit) -> Markup {
    match &queue.oldest {
        None => html! { span.subtle { "–" } },
        Some(oldest) => {
            let since = oldest.scheduled_at;
            let waited = u64::try_from(oldest.age.as_millis()).unwrap_or(u64::MAX);
            let waited = number::span(waited, visit.language());
            html! { time datetime=(since) title=(when::exact(since, &visit.preferences().zone)) { (waited) } }
        }
    }
}

/// What can be done to one at once.
fn actions(queue: &QueueStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let to = |what: &str| links.to(["queues", &queue.name, what]);
    let from = vec![("from", "queues".to_owned())];
    let [pause, resume] = [text.pause(), text.resume()];
    let [pauses, resumes] = [text.pause_consequence(), text.resume_consequence()];
    let pause = Action {
        consequence: &pauses,
        fields: from.clone(),
        ..Action::new(to("pause"), &pause, "pause", Permission::QueuesPause)
    };
    let resume = Action {
        consequence: &resumes,
        fields: from,
        ..Action::new(to("resume"), &resume, "play", Permission::QueuesPause)
    };
    let now = queue.paused_by().is_some() || queue.state() == QueueState::Paused;
    let is_paused = queue.pending(visit.now()).unwrap_or(now);
    html! {
        @if is_paused { (action(&resume, visit)) } @else { (action(&pause, visit)) }
        (order::door(&to("scale"), &text.scale(), "scale", Permission::QueuesScale, visit))
    }
}

/// The filter of the jobs of a queue in a state.
pub(super) fn filter(queue: &QueueStatus, state: State) -> String {
    format!("{} state:{}", of_queue(&queue.name), state.as_str())
}

/// The filter of all jobs of a queue; a name that is no plain word stands in quotation marks.
pub(super) fn of_queue(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    match is_plain {
        true => format!("queue:{name}"),
        false => format!("queue:\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests;
