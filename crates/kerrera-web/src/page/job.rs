//! One job: where it is in its life, what its attempts said, and what can be done to it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::{Form, Path, Query};
use axum::response::{IntoResponse as _, Response};
use kerrera::audit::AuditOutcome;
use kerrera::{Job, Json, State, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section};
use crate::access::Permission;
use crate::dashboard::JobLink;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{HIDDEN, JobView, Obstacle, quoted};
use crate::text::{Said, Text};
use crate::view::button::{Action, action, way};
use crate::view::done::{self, Done};
use crate::view::empty::notice;
use crate::view::json::{LARGEST, entries, json};
use crate::view::order;
use crate::view::question::{Field, Question, question};
use crate::view::{number, state, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    use Permission as P;
    routes.page("/jobs/{id}", P::JobsView, show);
    routes.page("/jobs/{id}/attempts/{number}", P::JobsView, show_attempt);
    routes.page("/jobs/{id}/whole/{part}", P::JobsView, show_whole);
    routes.question("/jobs/{id}/cancel", P::JobsCancel, ask_cancel);
    routes.action("/jobs/{id}/cancel", P::JobsCancel, cancel);
    routes.action("/jobs/{id}/retry", P::JobsRetry, retry);
    routes.action("/jobs/{id}/run", P::JobsRun, run);
    routes.question("/jobs/{id}/snooze", P::JobsSnooze, ask_snooze);
    routes.action("/jobs/{id}/snooze", P::JobsSnooze, snooze);
    routes.question("/jobs/{id}/discard", P::JobsDiscard, ask_discard);
    routes.action("/jobs/{id}/discard", P::JobsDiscard, discard);
    routes.question("/jobs/{id}/delete", P::JobsDelete, ask_delete);
    routes.action("/jobs/{id}/delete", P::JobsDelete, delete);
    routes.action("/jobs/{id}/reveal", P::JobsReveal, reveal);
}

const CANCELLED: Done = ("cancelled", |text| text.done_cancelled());
const RETRIED: Done = ("retried", |text| text.done_retried());
const DISCARDED: Done = ("discarded", |text| text.done_discarded());
const SNOOZED: Done = ("snoozed", |text| text.done_snoozed());
/// The list says it, since the page is gone.
pub(super) const DELETED: Done = ("deleted", |text| text.done_deleted());
pub(super) const INSERTED: Done = ("inserted", |text| text.done_inserted());
pub(super) const EXISTS: Done = ("exists", |text| text.done_exists());
pub(super) const CHANGED: Done = ("changed", |text| text.done_changed());
const DONE: &[Done] = &[CANCELLED, DISCARDED, RETRIED, SNOOZED, INSERTED, EXISTS, CHANGED];

/// An instance, and the number of a job.
type Which = Path<(String, i64)>;

async fn show(visit: Visit, Path((_, id)): Which) -> Result<Page, Refusal> {
    let view = visit.service().job(id).await?;
    let text = visit.text();
    let job = &view.job;
    let within = visit.within(&job.queue);
    let obstacle = visit.service().obstacle(job).await?;
    let body = html! {
        (head(job, &within))
        (done::told(&visit, DONE))
        @if let Some(obstacle) = &obstacle { (hindered(job, obstacle, &visit)) }
        (life(job, &visit))
        div.columns.columns-7-5 {
            div.stack {
                (progress(job, text))
                (attempts(job, &visit))
                (data(&view, &visit))
            }
            div.stack {
                (facts(job, &visit))
                (related(job, &visit))
                (recent(&view, &visit))
                (history(&view, &visit))
            }
        }
    };
    Ok(Page::new(&within, Section::Jobs, &title(job, text), &body))
}

fn title(job: &Job, text: Text) -> String {
    format!("{} {} · {}", text.job(), job.id, job.worker)
}

fn head(job: &Job, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.row.row-between.job-head {
            div.row {
                h1 { (job.worker) }
                span.mono.muted #job-number { "#" (job.id) }
                (state::chip(job.state, visit))
            }
            div.row { (actions(job, visit)) }
        }
        @if job.errors.is_empty() && job.state == State::Discarded {
            (notice("warning", "info", visit, &html! { (text.no_attempts()) }))
        }
    }
}

/// Why it does not run, and where to see to that.
fn hindered(job: &Job, obstacle: &Obstacle, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let queue = html! { a href=(links.queue(&job.queue)) { (job.queue) } };
    let said = match obstacle {
        Obstacle::Unworked => html! { (text.job_unworked()) " " (queue) },
        Obstacle::Paused(order) => html! {
            (text.job_paused()) " " (queue)
            @if let Some(order) = order { " " (order::by_whom(order, visit)) }
        },
        Obstacle::UnknownWorker => html! {
            (text.job_unknown_worker()) " " a href=(links.worker(&job.worker)) { (job.worker) }
        },
        Obstacle::LostNode(node) => html! {
            (text.job_lost()) " " a href=(links.node(node)) { (node) }
        },
    };
    notice("warning", "warning", visit, &said)
}

/// What can be done to it; what cannot says why.
fn actions(job: &Job, visit: &Visit) -> Markup {
    use Permission as P;
    let (text, links) = (visit.text(), visit.links());
    let number = job.id.to_string();
    let to = |verb: &str| links.to(["jobs", &number, verb]);
    let not_now = text.not_now(&text.state_name(job.state));
    let impossible = |is_possible: bool| (!is_possible).then_some(&*not_now);
    let ended = matches!(job.state, State::Completed | State::Cancelled | State::Discarded);
    let waits = matches!(job.state, State::Available | State::Scheduled | State::Retryable);
    let is_later = matches!(job.state, State::Scheduled | State::Retryable);
    let copy = format!("{}?from={number}", links.to(["jobs", "new"]));
    let [retry_label, run_label] = [text.retry(), text.run_now()];
    let [retry_does, run_does] = [text.retry_consequence(), text.run_consequence()];
    let retry = Action {
        consequence: &retry_does,
        impossible: impossible(!matches!(job.state, State::Available | State::Executing)),
        ..Action::new(to("retry"), &retry_label, "retry", P::JobsRetry)
    };
    let run = Action {
        consequence: &run_does,
        impossible: impossible(is_later),
        ..Action::new(to("run"), &run_label, "run", P::JobsRun)
    };
    html! {
        @if is_later { (action(&run, visit)) } @else { (action(&retry, visit)) }
        @if waits { (order::door(&to("snooze"), &text.snooze(), "snooze", P::JobsSnooze, visit)) }
        @if waits { (order::door(&to("discard"), &text.discard(), "discarded", P::JobsDiscard, visit)) }
        @if !ended { (order::door(&to("cancel"), &text.cancel(), "cancel", P::JobsCancel, visit)) }
        (way(&to("edit"), &text.edit(), "edit", P::JobsUpdate, visit))
        (way(&copy, &text.duplicate(), "duplicate", P::JobsInsert, visit))
        @if job.state != State::Executing {
            (order::door(&to("delete"), &text.delete(), "trash", P::JobsDelete, visit))
        }
    }
}

/// The stations of its life, with how long it took between them.
fn life(job: &Job, visit: &Visit) -> Markup {
    let text = visit.text();
    let ended = job.completed_at.or(job.cancelled_at).or(job.discarded_at);
    let spoken = visit.language();
    let between = |from: Timestamp, to: Timestamp| {
        let micros = u64::try_from(to.as_micros().saturating_sub(from.as_micros())).unwrap_or(0);
        number::span(micros / 1_000, spoken)
    };
    let is_running = job.state == State::Executing;
    html! {
        ol.life aria-label=(text.life()) {
            li { span.muted { (text.inserted()) } (when::relative(job.inserted_at, visit)) }
            @if job.scheduled_at > job.inserted_at {
                li { span.muted { (text.due()) } (when::relative(job.scheduled_at, visit)) }
            }
            @if let Some(started) = job.attempted_at {
                @let from = job.scheduled_at.max(job.inserted_at);
                li {
                    span.muted { (text.attempted()) } (when::relative(started, visit))
                    @if started > from { span.subtle { (text.waited(&between(from, started))) } }
                }
                @let end = ended.or(is_running.then_some(visit.now())).filter(|end| *end >= started);
                @if let Some(end) = end {
                    li class={ "state-" (job.state.as_str()) } {
                        (state::chip(job.state, visit))
                        @if !is_running { (when::relative(end, visit)) }
                        span.subtle { (text.ran(&between(started, end))) }
                    }
                }
            }
            @if ended.is_none() && !is_running || job.attempted_at.is_none() {
                li class={ "state-" (job.state.as_str()) } {
                    (state::chip(job.state, visit))
                    @if let Some(ended) = ended { (when::relative(ended, visit)) }
                }
            }
        }
    }
}

fn progress(job: &Job, text: Text) -> Markup {
    html! {
        @if let Some(progress) = job.progress() {
            section.card aria-labelledby="progress" {
                div.card-head {
                    h2 #progress { (text.progress()) }
                    span.num { (number::grouped(progress.done)) " / " (number::grouped(progress.total)) }
                }
                progress max=(progress.total.max(1)) value=(progress.done.min(progress.total.max(1)))
                    aria-labelledby="progress" {}
                @if !progress.note.is_empty() { p.muted { (progress.note) } }
            }
        }
    }
}

fn attempts(job: &Job, visit: &Visit) -> Markup {
    let text = visit.text();
    let told =
        job.errors.len() + usize::from(matches!(job.state, State::Executing | State::Completed));
    let silent = u64::try_from(job.attempt).unwrap_or(0).saturating_sub(told as u64);
    html! {
        section.card #attempts aria-labelledby="attempts-title" {
            h2 #attempts-title { (text.attempts()) " " span.muted.num { (job.attempt) " / " (job.max_attempts) } }
            @if job.attempt == 0 && job.errors.is_empty() { p.hint { (text.no_attempts()) } }
            ol.attempts {
                @match job.state {
                    State::Executing => (quiet_attempt(job, &text.attempt_runs(), visit)),
                    State::Completed => (quiet_attempt(job, &text.attempt_done(), visit)),
                    _ => {}
                }
                @for (at, error) in job.errors.iter().rev().enumerate() {
                    (attempt(job, error, at == 0, visit))
                }
            }
            @let (snoozed, rescued) = (counted(job, "snoozed"), counted(job, "rescued"));
            @if snoozed > 0 { p.hint { (text.snoozed_times(snoozed)) } }
            @if rescued > 0 { p.hint { (text.rescued_times(rescued)) } }
            @if silent > 0 && job.errors.len() < 50 { p.hint { (text.earlier_attempts(silent)) } }
        }
    }
}

/// A counter that is kept in the meta.
fn counted(job: &Job, key: &str) -> u64 {
    job.meta.get(key).and_then(|count| count.as_u64()).unwrap_or(0)
}

/// The newest attempt, of which there is no error.
fn quiet_attempt(job: &Job, outcome: &str, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        li class={ "attempt state-" (job.state.as_str()) } {
            div.row {
                strong { (text.attempt_number(job.attempt, job.max_attempts)) }
                span.badge { (outcome) }
                @if let Some(node) = job.attempted_by.first() { span.muted { (text.ran_on(node)) } }
                (when::relative_or_dash(job.attempted_at, visit))
            }
        }
    }
}

fn attempt(job: &Job, error: &kerrera::AttemptError, is_newest: bool, visit: &Visit) -> Markup {
    let text = visit.text();
    let (first, rest) = error.error.split_once('\n').unwrap_or((&error.error, ""));
    let took = error.milliseconds.and_then(|milliseconds| u64::try_from(milliseconds).ok());
    let (id, number) = (job.id.to_string(), error.attempt.to_string());
    let link = visit.links().to(["jobs", &id, "attempts", &number]);
    html! {
        li.attempt.state-discarded id={ "attempt-" (error.attempt) } {
            div.row {
                strong { a href=(link) { (text.attempt_number(error.attempt, job.max_attempts)) } }
                span.badge { (text.attempt_failed()) }
                @if let Some(node) = &error.node { span.muted { (text.ran_on(node)) } }
                @if let Some(took) = took { span.muted { (text.took(&number::span(took, visit.language()))) } }
                (when::relative_or_dash(error.at, visit))
                @if let Some(print) = error.fingerprint {
                    a href=(visit.links().to(["errors", &print.to_string()])) { (text.its_like()) }
                }
            }
            p.error-line { (first) }
            @if !rest.trim().is_empty() {
                details open[is_newest && rest.len() < 2_000] {
                    summary { (text.whole_error()) }
                    pre.error-text { (rest) }
                }
            }
        }
    }
}

fn data(view: &JobView, visit: &Visit) -> Markup {
    let (text, job) = (visit.text(), &view.job);
    let result = result(job);
    let whole = |part| visit.links().to(["jobs", &job.id.to_string(), "whole", part]);
    let shown = |value: &str, part: &'static str, field| match value.len() > LARGEST {
        true => html! {
            p.hint { (text.json_large(&number::grouped(value.len() as u64))) }
            p { a href=(whole(part)) { (text.show_whole()) } }
        },
        false => json(value, part, field, visit),
    };
    html! {
        @if view.is_redacted { (hidden(job, visit)) }
        section.card #args aria-labelledby="args-title" {
            h2 #args-title { (text.args()) }
            (shown(job.args.as_str(), "args", Some("args")))
        }
        @if let Some(result) = result {
            section.card #result aria-labelledby="result-title" {
                h2 #result-title { (text.result()) }
                (shown(&result, "result", None))
            }
        }
        @if job.meta.as_str() != "{}" {
            section.card #meta aria-labelledby="meta-title" {
                h2 #meta-title { (text.meta()) }
                (shown(job.meta.as_str(), "meta", Some("meta")))
            }
        }
    }
}

fn hidden(job: &Job, visit: &Visit) -> Markup {
    let text = visit.text();
    let (label, does) = (text.reveal(), text.reveal_consequence());
    let reveal = Action {
        consequence: &does,
        ..Action::new(
            visit.links().to(["jobs", &job.id.to_string(), "reveal"]),
            &label,
            "eye",
            Permission::JobsReveal,
        )
    };
    notice(
        "info",
        "lock",
        visit,
        &html! {
            div.row { span { (text.some_hidden()) } (action(&reveal, visit)) }
        },
    )
}

fn facts(job: &Job, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let cron = job.meta.get("cron_name").and_then(|name| name.as_str().map(str::to_owned));
    let outside: Vec<_> = visit
        .app()
        .options
        .job_links
        .iter()
        .filter_map(|link| Some((&link.name, filled(link, job)?)))
        .collect();
    let times = [
        (text.inserted(), Some(job.inserted_at)),
        (text.due(), Some(job.scheduled_at)),
        (text.attempted(), job.attempted_at),
        (text.completed_at(), job.completed_at),
        (text.cancelled_at(), job.cancelled_at),
        (text.discarded_at(), job.discarded_at),
    ];
    html! {
        section.card aria-labelledby="facts" {
            h2 #facts { (text.facts()) }
            dl.facts {
                dt { (text.worker()) } dd { a href=(links.worker(&job.worker)) { (job.worker) } }
                dt { (text.queue()) } dd { a href=(links.queue(&job.queue)) { (job.queue) } }
                dt { (text.attempt()) } dd.num { (job.attempt) " / " (job.max_attempts) }
                dt { (text.priority()) } dd.num { (job.priority) }
                @if let Some(node) = job.attempted_by.first() {
                    dt { (text.node()) } dd { a href=(links.node(node)) { (node) } }
                }
                @if !job.tags.is_empty() {
                    dt { (text.tags()) }
                    dd.row { @for tag in &job.tags {
                        a.tag href=(links.jobs(&format!("tag:{}", quoted(tag)))) { (tag) }
                    } }
                }
                @if let Some(cron) = cron {
                    dt { (text.cron_entry()) } dd { a href=(links.cron(&cron)) { (cron) } }
                }
                @for (name, time) in times {
                    @if let Some(time) = time { dt { (name) } dd { (when::absolute(time, visit)) } }
                }
                @if !outside.is_empty() {
                    dt { (text.other_systems()) }
                    dd.row { @for (name, address) in &outside {
                        a href=(address) rel="noreferrer noopener" target="_blank" { (name) }
                    } }
                }
            }
        }
    }
}

/// The jobs that have to do with it, as far as its args and meta say so.
fn related(job: &Job, visit: &Visit) -> Markup {
    let text = visit.text();
    let mut links: Vec<(String, Said)> = Vec::new();
    if let Some(serde_json::Value::String(name)) = job.meta.get("cron_name") {
        links.push((format!("cron:{}", quoted(&name)), text.related_cron(&name)));
    }
    if let Some(same) = same_args(job) {
        links.push((same, text.related_args()));
    }
    // Whatever ties jobs together is called so: a batch_id, a parent_id, an order_id.
    let ties = scalars(&job.meta).into_iter().filter(|(key, _)| key.ends_with("_id"));
    for (key, value) in ties.take(MOST_RELATED) {
        links.push((format!("meta.{key}:{value}"), text.related_meta(&key)));
    }
    html! {
        @if !links.is_empty() {
            section.card #related aria-labelledby="related-title" {
                h2 #related-title { (text.related()) }
                ul.plain { @for (filter, said) in &links {
                    li { a href=(visit.links().jobs(filter)) { (said) } }
                } }
            }
        }
    }
}

/// How many values tie a job to others, at most.
const MOST_RELATED: usize = 5;

/// The filter of the jobs with the same args; none if these are many, or are no plain values.
fn same_args(job: &Job) -> Option<String> {
    let args = scalars(&job.args);
    let all = entries(job.args.as_str())?.len();
    let terms = args.iter().map(|(key, value)| format!(" args.{key}:{value}"));
    ((1..=MOST_RELATED).contains(&all) && args.len() == all)
        .then(|| format!("worker:{}{}", quoted(&job.worker), terms.collect::<String>()))
}

/// The entries that a filter can ask for: numbers and short texts under plain keys, none of them hidden.
fn scalars(json: &Json) -> Vec<(String, String)> {
    let entries = entries(json.as_str()).unwrap_or_default().into_iter();
    let plain = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let entries = entries.map(|(key, value)| (key, value.get().trim().to_owned()));
    let fits = |(key, value): &(String, String)| {
        let is_scalar = value.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        !key.is_empty() && plain(key) && is_scalar && value.len() <= 120 && !value.contains(HIDDEN)
    };
    entries.filter(fits).collect()
}

/// What people did to it.
fn history(view: &JobView, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        @if !view.history.is_empty() {
            section.card #history aria-labelledby="history-title" {
                h2 #history-title { (text.job_history()) }
                ul.plain { @for told in &view.history {
                    li {
                        (when::relative(told.at, visit)) " "
                        strong { (told.entry.actor.label) } " "
                        a.mono href=(links.to(["audit", &told.id.to_string()])) { (told.entry.action) }
                        @if told.entry.outcome != AuditOutcome::Done {
                            " " span.badge.notice-warning { (told.entry.outcome) }
                        }
                        @if let Some(reason) = &told.entry.reason { " " q { (reason) } }
                    }
                } }
            }
        }
    }
}

/// The address with what the job has; nothing if it lacks something that is named.
fn filled(link: &JobLink, job: &Job) -> Option<String> {
    let mut address = String::new();
    let mut rest = link.address.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let value = match name {
            "id" => job.id.to_string(),
            "worker" => job.worker.clone(),
            "queue" => job.queue.clone(),
            "trace_id" => trace_of(job)?,
            name => match job.meta.get(name.strip_prefix("meta.")?)? {
                serde_json::Value::String(text) => text,
                value => value.to_string(),
            },
        };
        address.push_str(before);
        address.push_str(&escape(&value));
        rest = after;
    }
    address.push_str(rest);
    Some(address)
}

/// The trace that it belongs to, of a W3C trace context in its meta.
fn trace_of(job: &Job) -> Option<String> {
    let serde_json::Value::String(context) = job.meta.get("traceparent")? else { return None };
    let id = context.split('-').nth(1)?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && id.bytes().any(|byte| byte != b'0')).then(|| id.to_owned())
}

/// The newest jobs of its worker, as a strip: each leads to its job.
fn recent(view: &JobView, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let count =
        |states: &[State]| view.recent.iter().filter(|row| states.contains(&row.state)).count();
    let (done, failed) = (count(&[State::Completed]), count(&[State::Discarded, State::Retryable]));
    html! {
        @if !view.recent.is_empty() {
            section.card aria-labelledby="recent" {
                div.card-head {
                    h2 #recent { (text.recent_runs()) }
                    a href=(links.jobs(&format!("worker:{}", quoted(&view.job.worker)))) { (text.all_of_worker()) }
                }
                p.hint { (text.recent_summary(done, failed, view.recent.len())) }
                ol.strip {
                    @for row in view.recent.iter().rev() {
                        @let said = format!("#{} {}", row.id, text.state_name(row.state));
                        li class={ "state-" (row.state.as_str()) } {
                            a href=(links.job(row.id)) title=(said) aria-label=(said)
                                aria-current=[(row.id == view.job.id).then_some("true")] {
                                (crate::view::icon::icon(row.state.as_str(), links.base()))
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn show_attempt(
    visit: Visit,
    Path((_, id, wanted)): Path<(String, i64, i32)>,
) -> Result<Page, Refusal> {
    let view = visit.service().job(id).await?;
    let text = visit.text();
    let error = view.job.errors.iter().rev().find(|error| error.attempt == wanted);
    let error = error.ok_or(Refusal::NotFound)?;
    let body = html! {
        (head(&view.job, &visit.within(&view.job.queue)))
        section.card { ol.attempts { (attempt(&view.job, error, true, &visit)) } }
        p { a href=(visit.links().job(id)) { (title(&view.job, text)) } }
    };
    Ok(Page::new(&visit, Section::Jobs, &title(&view.job, text), &body))
}

/// A value that is too large to stand on the job's page.
async fn show_whole(
    visit: Visit,
    Path((_, id, part)): Path<(String, i64, String)>,
) -> Result<Page, Refusal> {
    let view = visit.service().job(id).await?;
    let text = visit.text();
    let (name, value) = match part.as_str() {
        "args" => (text.args(), view.job.args.as_str().to_owned()),
        "meta" => (text.meta(), view.job.meta.as_str().to_owned()),
        "result" => (text.result(), result(&view.job).ok_or(Refusal::NotFound)?),
        _ => return Err(Refusal::NotFound),
    };
    let title = format!("{name} · {}", title(&view.job, text));
    let body = html! {
        (head(&view.job, &visit.within(&view.job.queue)))
        section.card { h2 { (name) } pre.error-text { (value) } }
        p { a href=(visit.links().job(id)) { (text.back()) } }
    };
    Ok(Page::new(&visit, Section::Jobs, &title, &body))
}

/// What it gave back, as it is written.
fn result(job: &Job) -> Option<String> {
    let meta = entries(job.meta.as_str())?;
    let value = meta.into_iter().find(|(key, _)| key == "k_value");
    value.map(|(_, value)| value.get().to_owned())
}

async fn retry(visit: Visit, Path((_, id)): Which) -> Result<Response, Refusal> {
    visit.service().retry_job(id).await?;
    Ok(done::redirect(&visit.links().job(id), RETRIED).into_response())
}

async fn run(visit: Visit, Path((_, id)): Which) -> Result<Response, Refusal> {
    visit.service().run_job(id).await?;
    Ok(done::redirect(&visit.links().job(id), RETRIED).into_response())
}

async fn ask_cancel(visit: Visit, Path((_, id)): Which) -> Result<Page, Refusal> {
    visit.service().job(id).await?;
    let text = visit.text();
    let [title, does, button] = [text.cancel_title(id), text.cancel_consequence(), text.cancel()];
    Ok(asked(&visit, id, "cancel", [&title, &does, &button], html! {}))
}

async fn cancel(visit: Visit, Path((_, id)): Which) -> Result<Response, Refusal> {
    visit.service().cancel_job(id).await?;
    Ok(done::redirect(&visit.links().job(id), CANCELLED).into_response())
}

async fn ask_discard(visit: Visit, Path((_, id)): Which) -> Result<Page, Refusal> {
    visit.service().job(id).await?;
    let text = visit.text();
    let title = text.discard_title(id);
    let [does, button] = [text.discard_consequence(), text.discard()];
    Ok(asked(&visit, id, "discard", [&title, &does, &button], html! {}))
}

async fn discard(visit: Visit, Path((_, id)): Which) -> Result<Response, Refusal> {
    visit.service().discard_job(id).await?;
    Ok(done::redirect(&visit.links().job(id), DISCARDED).into_response())
}

async fn ask_delete(visit: Visit, Path((_, id)): Which) -> Result<Page, Refusal> {
    visit.service().job(id).await?;
    let text = visit.text();
    let [title, does, button] = [text.delete_title(id), text.delete_consequence(), text.delete()];
    Ok(asked(&visit, id, "delete", [&title, &does, &button], html! {}))
}

async fn delete(visit: Visit, Path((_, id)): Which) -> Result<Response, Refusal> {
    visit.service().delete_job(id).await?;
    Ok(done::redirect(&visit.links().to(["jobs"]), DELETED).into_response())
}

/// For how long a job is put off.
#[derive(Deserialize)]
#[serde(default)]
struct Snooze {
    minutes: String,
}

impl Default for Snooze {
    fn default() -> Snooze {
        Snooze { minutes: "10".to_owned() }
    }
}

async fn ask_snooze(
    visit: Visit,
    Path((_, id)): Which,
    Query(form): Query<Snooze>,
) -> Result<Page, Refusal> {
    visit.service().job(id).await?;
    Ok(snooze_question(&visit, id, &form, None))
}

fn snooze_question(visit: &Visit, id: i64, form: &Snooze, wrong: Option<Said>) -> Page {
    let text = visit.text();
    let field = Field { wrong, ..Field::new("minutes", text.snooze_for()) };
    let [title, does, button] = [text.snooze_title(id), text.snooze_consequence(), text.snooze()];
    asked(visit, id, "snooze", [&title, &does, &button], field.input("number", &form.minutes))
}

async fn snooze(
    visit: Visit,
    Path((_, id)): Which,
    Form(form): Form<Snooze>,
) -> Result<Response, Refusal> {
    let minutes =
        form.minutes.trim().parse::<u64>().ok().filter(|minutes| (1..=525_600).contains(minutes));
    let Some(minutes) = minutes else {
        visit.service().job(id).await?;
        let wrong = Some(visit.text().snooze_wrong());
        let page = snooze_question(&visit, id, &form, wrong);
        return Ok(page.status(axum::http::StatusCode::UNPROCESSABLE_ENTITY).into_response());
    };
    visit.service().snooze_job(id, Duration::from_secs(minutes * 60)).await?;
    Ok(done::redirect(&visit.links().job(id), SNOOZED).into_response())
}

fn asked(visit: &Visit, id: i64, verb: &str, words: [&str; 3], fields: Markup) -> Page {
    let [title, consequence, button] = words;
    let back = visit.links().job(id);
    let to = visit.links().to(["jobs", &id.to_string(), verb]);
    let is_destructive = verb != "snooze";
    let asked =
        Question { title, consequence, to: &to, fields, button, is_destructive, back: &back };
    Page::new(visit, Section::Jobs, title, &question(&asked, visit))
}

async fn reveal(visit: Visit, Path((_, id)): Which) -> Result<Page, Refusal> {
    let job = visit.service().reveal_job(id).await?;
    let text = visit.text();
    let title = text.revealed_title(id);
    let body = html! {
        h1 { (title) }
        (notice("warning", "eye", &visit, &html! { (text.revealed_notice()) }))
        section.card { h2 { (text.args()) } (json(job.args.as_str(), "args", None, &visit)) }
        section.card { h2 { (text.meta()) } (json(job.meta.as_str(), "meta", None, &visit)) }
        @for error in job.errors.iter().rev() {
            section.card { h2 { (text.attempt_number(error.attempt, job.max_attempts)) } pre.error-text { (error.error) } }
        }
        p { a href=(visit.links().job(id)) { (text.back()) } }
    };
    Ok(Page::new(&visit, Section::Jobs, &title, &body))
}
