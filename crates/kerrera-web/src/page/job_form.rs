//! Writing jobs: new ones and copies, with a trial before; and changes, with what they change before.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::civil::DateTime;
use kerrera::{JobId, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section, job};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{DraftedJob, Editing, JobDraft, Known, Mistakes, Trial, When};
use crate::text::{Said, Text};
use crate::view::empty::notice;
use crate::view::question::Field;
use crate::view::{done, state, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.question("/jobs/new", Permission::JobsInsert, begin);
    routes.action("/jobs/new", Permission::JobsInsert, insert);
    routes.question("/jobs/{id}/edit", Permission::JobsUpdate, begin_edit);
    routes.action("/jobs/{id}/edit", Permission::JobsUpdate, edit);
}

/// What a form says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    worker: String,
    queue: String,
    args: String,
    meta: String,
    tags: String,
    priority: String,
    max_attempts: String,
    /// `in`, `at`, or neither.
    when: String,
    minutes: String,
    at: String,
    unique: String,
    /// Of which job it is a copy.
    from: String,
    /// By which it is told whether the job has changed meanwhile.
    seen: String,
    /// `try` and `review` write nothing, `again` goes back to the form.
    #[serde(rename = "do")]
    wanted: String,
}

type Which = Path<(String, JobId)>;

async fn begin(visit: Visit, Query(written): Query<Written>) -> Result<Page, Refusal> {
    let written = match written.from() {
        None => written,
        Some(id) => {
            let draft = visit.service().copy_of(id).await?;
            Written { from: written.from, ..Written::of(&draft) }
        }
    };
    new_page(&written, &Mistakes::new(), None, &visit).await
}

async fn insert(visit: Visit, Form(written): Form<Written>) -> Result<Response, Refusal> {
    let (draft, mut mistakes) = written.draft(&visit);
    let (service, from) = (visit.service(), written.from());
    if written.wanted == "try" || !mistakes.is_empty() {
        let trial = service.try_job(&draft, from).await?;
        mistakes.extend(trial.mistakes.iter().cloned());
        let trial = Some(&trial).filter(|_| mistakes.is_empty());
        return Ok(answer(new_page(&written, &mistakes, trial, &visit).await?, &mistakes));
    }
    let to = |id| visit.links().job(id);
    match service.insert_job(&draft, from).await? {
        DraftedJob::Written(id) => Ok(done::redirect(&to(id), job::INSERTED).into_response()),
        DraftedJob::Exists(id) => Ok(done::redirect(&to(id), job::EXISTS).into_response()),
        DraftedJob::Wrong(mistakes) => {
            Ok(answer(new_page(&written, &mistakes, None, &visit).await?, &mistakes))
        }
    }
}

async fn begin_edit(visit: Visit, Path((_, id)): Which) -> Result<Page, Refusal> {
    let editing = visit.service().editing(id).await?;
    let written = Written { seen: editing.seen.clone(), ..Written::of(&editing.draft) };
    Ok(edit_page(&editing, &written, &Mistakes::new(), &visit))
}

async fn edit(
    visit: Visit,
    Path((_, id)): Which,
    Form(written): Form<Written>,
) -> Result<Response, Refusal> {
    let service = visit.service();
    let editing = service.editing(id).await?;
    let (draft, mut mistakes) = written.draft(&visit);
    if written.wanted == "again" {
        return Ok(edit_page(&editing, &written, &mistakes, &visit).into_response());
    }
    if mistakes.is_empty() && written.wanted == "save" {
        match service.edit_job(id, &draft, &written.seen).await? {
            DraftedJob::Wrong(found) => mistakes = found,
            _ => {
                let to = visit.links().job(id);
                return Ok(done::redirect(&to, job::CHANGED).into_response());
            }
        }
    } else {
        mistakes.extend(service.try_edit(id, &draft, &written.seen).await?);
    }
    let page = match mistakes.is_empty() {
        true => review_page(&editing, &written, &draft, &visit),
        false => edit_page(&editing, &written, &mistakes, &visit),
    };
    Ok(answer(page, &mistakes))
}

fn answer(page: Page, mistakes: &Mistakes) -> Response {
    let status =
        if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page.status(status).into_response()
}

impl Written {
    fn of(draft: &JobDraft) -> Written {
        let JobDraft { worker, queue, args, meta, tags, priority, max_attempts, .. } =
            draft.clone();
        let (args, meta) = (indented(&args), indented(&meta));
        Written { worker, queue, args, meta, tags, priority, max_attempts, ..Written::default() }
    }

    fn from(&self) -> Option<JobId> {
        self.from.trim().parse().ok()
    }

    /// What is written, and what is wrong with the times in it.
    fn draft(&self, visit: &Visit) -> (JobDraft, Mistakes) {
        let mut mistakes = Mistakes::new();
        let text = visit.text();
        let when = match self.when.as_str() {
            "in" => {
                let minutes = self.minutes.trim().parse::<u64>().ok();
                let minutes = minutes.filter(|minutes| (1..=525_600).contains(minutes));
                if minutes.is_none() {
                    mistakes.push(("minutes", text.wrong_minutes().into_owned()));
                }
                minutes.map(|minutes| When::In(Duration::from_secs(minutes * 60)))
            }
            "at" => {
                let local = self.at.trim().parse::<DateTime>().ok();
                let zone = visit.preferences().zone.clone();
                let zoned = local.and_then(|local| local.to_zoned(zone).ok());
                if zoned.is_none() {
                    mistakes.push(("at", text.wrong_time().into_owned()));
                }
                let micros = zoned.map(|zoned| zoned.timestamp().as_microsecond());
                micros.map(|micros| When::At(Timestamp::from_micros(micros)))
            }
            _ => None,
        };
        let written = self.clone();
        let draft = JobDraft {
            worker: written.worker,
            queue: written.queue,
            args: written.args,
            meta: written.meta,
            tags: written.tags,
            priority: written.priority,
            max_attempts: written.max_attempts,
            when,
            is_unique: written.unique == "on",
        };
        (draft, mistakes)
    }

    /// Each field with what stands in it, for a form that only asks once more.
    fn pairs(&self) -> [(&'static str, &str); 12] {
        [
            ("worker", &self.worker),
            ("queue", &self.queue),
            ("args", &self.args),
            ("meta", &self.meta),
            ("tags", &self.tags),
            ("priority", &self.priority),
            ("max_attempts", &self.max_attempts),
            ("when", &self.when),
            ("minutes", &self.minutes),
            ("at", &self.at),
            ("from", &self.from),
            ("seen", &self.seen),
        ]
    }
}

async fn new_page(
    written: &Written,
    mistakes: &Mistakes,
    trial: Option<&Trial>,
    visit: &Visit,
) -> Result<Page, Refusal> {
    let (text, links) = (visit.text(), visit.links());
    let known = visit.service().choices().await?;
    let (title, back) = match written.from() {
        Some(id) => (text.copy_job_title(id), links.job(id)),
        None => (text.new_job_title(), links.to(["jobs"])),
    };
    let body = html! {
        section.card.question {
            h1 #dialog-title { (title) }
            p.muted { (text.new_job_consequence()) }
            @if written.from().is_some() { p.muted { (text.copy_hidden()) } }
            (wrong_fields(mistakes, visit))
            form.form method="post" action=(links.to(["jobs", "new"])) {
                @if let Some(id) = written.from() { input type="hidden" name="from" value=(id); }
                (fields(written, mistakes, Shape { is_new: true, edits_args: true }, Some(&known), visit))
                div.row {
                    a.button href=(back) data-dismiss { (text.close()) }
                    button.button type="submit" name="do" value="try" { (text.try_it()) }
                    button.button.button-primary type="submit" name="do" value="save" { (text.insert()) }
                }
            }
            @if let Some(trial) = trial { (tried(trial, visit)) }
        }
    };
    Ok(Page::new(visit, Section::Jobs, &title, &body))
}

/// What would become of it.
fn tried(trial: &Trial, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        section.stack #trial role="status" aria-labelledby="trial-title" {
            h2 #trial-title { (text.trial()) }
            p { (text.trial_fits()) }
            @match trial.producers {
                (0, 0) => p.hint { (text.trial_unworked()) },
                (0, _) => p.hint { (text.trial_paused()) },
                _ => {}
            }
            @if !trial.like.is_empty() {
                p { (text.trial_like()) }
                ul.plain { @for row in &trial.like {
                    li.row {
                        a href=(links.job(row.id)) { "#" (row.id) }
                        (state::chip(row.state, visit))
                        (when::relative_or_dash(row.own_time(), visit))
                    }
                } }
            }
        }
    }
}

fn edit_page(editing: &Editing, written: &Written, mistakes: &Mistakes, visit: &Visit) -> Page {
    let (text, links, id) = (visit.text(), visit.links(), editing.job.id);
    let title = text.edit_job_title(id);
    let shape = Shape { is_new: false, edits_args: editing.edits_args };
    let body = html! {
        section.card.question {
            h1 #dialog-title { (title) }
            p.muted { (text.edit_job_consequence()) }
            p.muted {
                @if editing.edits_args { (text.edit_hidden()) } @else {
                    (text.edit_no_args()) " "
                    @if visit.viewer().may(Permission::JobsInsert).is_ok() {
                        a href={ (links.to(["jobs", "new"])) "?from=" (id) } { (text.duplicate()) }
                    }
                }
            }
            (wrong_fields(mistakes, visit))
            form.form method="post" action=(links.to(["jobs", &id.to_string(), "edit"])) {
                input type="hidden" name="seen" value=(written.seen);
                (fields(written, mistakes, shape, None, visit))
                div.row {
                    a.button href=(links.job(id)) data-dismiss { (text.close()) }
                    button.button.button-primary type="submit" name="do" value="review" { (text.review()) }
                }
            }
        }
    };
    Page::new(visit, Section::Jobs, &title, &body)
}

/// What would be changed, before it is.
fn review_page(editing: &Editing, written: &Written, draft: &JobDraft, visit: &Visit) -> Page {
    let (text, links, id) = (visit.text(), visit.links(), editing.job.id);
    let title = text.edit_job_title(id);
    let changes = changes(editing, draft, visit);
    let body = html! {
        section.card.question {
            h1 #dialog-title { (title) }
            @if changes.is_empty() { p.muted { (text.nothing_changed()) } } @else {
                div.table-scroll { table.list.diff {
                    caption.visually-hidden { (text.diff_caption()) }
                    thead { tr {
                        th scope="col" { (text.field()) }
                        th scope="col" { (text.was()) }
                        th scope="col" { (text.becomes()) }
                    } }
                    tbody { @for (name, was, becomes) in &changes {
                        tr {
                            th scope="row" { (name) }
                            td data-label=(text.was()) { del { (was) } }
                            td data-label=(text.becomes()) { ins { (becomes) } }
                        }
                    } }
                } }
            }
            form.form method="post" action=(links.to(["jobs", &id.to_string(), "edit"])) {
                @for (name, value) in written.pairs() { input type="hidden" name=(name) value=(value); }
                div.row {
                    a.button href=(links.job(id)) data-dismiss { (text.close()) }
                    button.button type="submit" name="do" value="again" { (text.go_on_editing()) }
                    @if !changes.is_empty() {
                        button.button.button-primary type="submit" name="do" value="save" { (text.change_it()) }
                    }
                }
            }
        }
    };
    Page::new(visit, Section::Jobs, &title, &body)
}

/// Each field that is another, with what it was and what it becomes.
fn changes(editing: &Editing, draft: &JobDraft, visit: &Visit) -> Vec<(Said, String, String)> {
    let (text, was) = (visit.text(), &editing.draft);
    let plain = |text: &str| text.trim().replace("\r\n", "\n");
    let mut fields = vec![
        (text.queue(), was.queue.clone(), plain(&draft.queue)),
        (text.tags(), was.tags.clone(), plain(&draft.tags)),
        (text.priority(), was.priority.clone(), plain(&draft.priority)),
        (text.max_attempts_label(), was.max_attempts.clone(), plain(&draft.max_attempts)),
    ];
    if editing.edits_args {
        fields.extend([
            (text.worker(), was.worker.clone(), plain(&draft.worker)),
            (text.args(), indented(&was.args), indented(&plain(&draft.args))),
            (text.meta(), indented(&was.meta), indented(&plain(&draft.meta))),
        ]);
    }
    fields.retain(|(_, was, becomes)| was != becomes);
    let zone = &visit.preferences().zone;
    let becomes = match draft.when {
        Some(When::In(span)) => Some(visit.now() + span),
        Some(When::At(time)) => Some(time),
        None => None,
    };
    if let Some(becomes) = becomes {
        let was = when::exact(editing.job.scheduled_at, zone);
        fields.push((text.runs_when(), was, when::exact(becomes, zone)));
    }
    fields
}

/// Which fields a form has.
#[derive(Clone, Copy)]
struct Shape {
    is_new: bool,
    edits_args: bool,
}

fn fields(
    written: &Written,
    mistakes: &Mistakes,
    shape: Shape,
    known: Option<&Known>,
    visit: &Visit,
) -> Markup {
    let text = visit.text();
    let field = |name: &'static str, label: Said, hint: Said| {
        let wrong = mistakes.iter().find(|(field, _)| *field == name);
        Field { name, label, hint, wrong: wrong.map(|(_, why)| why.clone().into()) }
    };
    let whens = whens(shape, text);
    let whens: Vec<(&str, &str)> = whens.iter().map(|(value, word)| (*value, &**word)).collect();
    let zone: Said = visit.preferences().zone_name().to_owned().into();
    html! {
        @if shape.edits_args {
            @match known {
                Some(known) => (choice(&field("worker", text.worker(), text.worker_hint()), &written.worker, &known.workers)),
                None => (field("worker", text.worker(), "".into()).input("text", &written.worker)),
            }
        }
        @match known {
            Some(known) => (choice(&field("queue", text.queue(), text.if_empty("default")), &written.queue, &known.queues)),
            None => (field("queue", text.queue(), "".into()).input("text", &written.queue)),
        }
        @if shape.edits_args {
            (field("args", text.args(), text.json_hint()).area(&written.args))
            (field("meta", text.meta(), text.json_hint()).area(&written.meta))
        }
        (field("tags", text.tags(), text.tags_hint()).input("text", &written.tags))
        div.row.row-top {
            (field("priority", text.priority(), text.priority_hint()).input("text", &written.priority))
            @let hint = if shape.is_new { text.if_empty("20") } else { "".into() };
            (field("max_attempts", text.max_attempts_label(), hint).input("number", &written.max_attempts))
        }
        div.row.row-top {
            (field("when", text.runs_when(), "".into()).select(&whens, &written.when))
            (field("minutes", text.minutes(), "".into()).input("number", &written.minutes))
            (field("at", text.at_time(), zone).input("datetime-local", &written.at))
        }
        @if shape.is_new {
            label.row {
                input type="checkbox" name="unique" value="on" checked[written.unique == "on"];
                (text.only_unique())
            }
        }
    }
}

fn whens(shape: Shape, text: Text) -> [(&'static str, Said); 3] {
    let first = if shape.is_new { text.when_now() } else { text.when_kept() };
    [("", first), ("in", text.when_in()), ("at", text.when_at())]
}

/// An input with what could be chosen.
fn choice(field: &Field, value: &str, known: &[String]) -> Markup {
    html! {
        (field.listed(value))
        datalist id={ (field.name) "-list" } { @for name in known { option value=(name) {} } }
    }
}

/// What is wrong, with a link to each field.
fn wrong_fields(mistakes: &Mistakes, visit: &Visit) -> Markup {
    html! {
        @if !mistakes.is_empty() {
            (notice("danger", "warning", visit, &html! {
                strong { (visit.text().wrong_fields()) }
                ul.plain { @for (field, why) in mistakes {
                    li { a href={ "#" (field) } { (field) } ": " (why) }
                } }
            }))
        }
    }
}

/// JSON with a line for each entry, and nothing else changed in it; as it is, if it is no JSON.
fn indented(text: &str) -> String {
    let (mut out, mut depth, mut in_text, mut is_escaped) = (String::new(), 0_usize, false, false);
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            _ if in_text => {
                out.push(character);
                match character {
                    _ if is_escaped => is_escaped = false,
                    '\\' => is_escaped = true,
                    '"' => in_text = false,
                    _ => {}
                }
            }
            '"' => {
                in_text = true;
                out.push('"');
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(closing) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(closing);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            character if character.is_ascii_whitespace() => {}
            character => out.push(character),
        }
    }
    out
}
