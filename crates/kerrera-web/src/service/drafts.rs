//! Jobs as they are written by hand: new ones, copies, and changes to those that are there.

use std::time::Duration;

use kerrera::{
    Inserted, Job, JobChange, JobId, JobQuery, JobRow, Json, ListOrder, Listing, NewJob, State,
    Timestamp, Updated, until_finished,
};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::redact::restored;
use super::{Error, Known, Mistakes, Result, Rules, Service};
use crate::access::{Permission, Scope};

/// A job as somebody writes it: what stands in the fields of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDraft {
    /// The name of the worker.
    pub worker: String,
    /// The name of the queue.
    pub queue: String,
    /// The args, as JSON.
    pub args: String,
    /// What else is kept with it, as JSON.
    pub meta: String,
    /// The tags, with commas between them.
    pub tags: String,
    /// 0 to 9.
    pub priority: String,
    /// How many attempts it has.
    pub max_attempts: String,
    /// When it may run; as it was, or at once, if there is nothing.
    pub when: Option<When>,
    /// Whether it is inserted only if none like it waits or runs.
    pub is_unique: bool,
}

/// When a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long from now.
    In(Duration),
    /// At that time.
    At(Timestamp),
}

/// What became of a draft of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftedJob {
    /// It was inserted, or changed.
    Written(JobId),
    /// One like it waits or runs; nothing was inserted.
    Exists(JobId),
    /// Nothing was written, for these reasons.
    Wrong(Mistakes),
}

/// What would become of a draft.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trial {
    /// What is wrong with it.
    pub mistakes: Mistakes,
    /// Jobs of that worker and queue that have not ended and have these args, among others perhaps; the
    /// newest few.
    pub like: Vec<JobRow>,
    /// How many nodes claim jobs of that queue, and how many work it, but are paused.
    pub producers: (usize, usize),
}

/// A job that is to be changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Editing {
    /// The job, without what is private.
    pub job: Job,
    /// Whether something private was taken out of it.
    pub is_redacted: bool,
    /// What stands in the form.
    pub draft: JobDraft,
    /// By which it is told whether it has changed meanwhile.
    pub seen: String,
    /// Whether args, meta and worker can be changed.
    pub edits_args: bool,
}

/// How many jobs like a draft are shown.
const LIKE: u32 = 5;

impl JobDraft {
    /// What stands in a job.
    pub fn of(job: &Job) -> JobDraft {
        let [args, meta] = [&job.args, &job.meta].map(|json| json.as_str().to_owned());
        JobDraft {
            worker: job.worker.clone(),
            queue: job.queue.clone(),
            args,
            meta,
            tags: job.tags.join(", "),
            priority: job.priority.to_string(),
            max_attempts: job.max_attempts.to_string(),
            when: None,
            is_unique: false,
        }
    }

    fn tags(&self) -> Vec<String> {
        let tags = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        tags.map(str::to_owned).collect()
    }

    fn priority(&self, mistakes: &mut Mistakes) -> Option<u8> {
        let priority = match self.priority.trim() {
            "" => Some(0),
            number => number.parse().ok().filter(|priority| *priority <= 9),
        };
        if priority.is_none() {
            mistakes.push(("priority", "give 0 to 9".to_owned()));
        }
        priority
    }

    fn attempts(&self, mistakes: &mut Mistakes) -> Option<u32> {
        let attempts = match self.max_attempts.trim() {
            "" => Some(20),
            number => number.parse().ok().filter(|number| (1..=32_767).contains(number)),
        };
        if attempts.is_none() {
            mistakes.push(("max_attempts", "give 1 to 32767".to_owned()));
        }
        attempts
    }
}

impl Service {
    /// A draft of a job like this one, without what is private; what is hidden is copied when the draft
    /// is inserted.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsInsert`] and [`Permission::JobsView`], [`Error::NotFound`] if there is no
    /// such job, and when the database fails.
    pub async fn copy_of(&self, id: JobId) -> Result<JobDraft> {
        self.viewer.may(Permission::JobsInsert)?;
        self.viewer.may(Permission::JobsView)?;
        let mut job = self.visible_job(id).await?;
        self.rules().await?.job(&mut job);
        // What the engine keeps there is of that job alone.
        Ok(JobDraft { meta: String::new(), ..JobDraft::of(&job) })
    }

    /// What would become of a draft, without inserting it.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsInsert`], [`Error::NotFound`] if the job that it is a copy of is gone,
    /// and when the database fails.
    pub async fn try_job(&self, draft: &JobDraft, from: Option<JobId>) -> Result<Trial> {
        self.viewer.may(Permission::JobsInsert)?;
        let (mistakes, job) = self.copied_job(draft, from).await?;
        let mut trial = Trial { mistakes, like: Vec::new(), producers: (0, 0) };
        let Some((_, args)) = job else { return Ok(trial) };
        let [worker, queue] = [draft.worker.trim(), queue_of(draft)];
        let alike = JobQuery::new().workers([worker]).queues([queue]).states(State::INCOMPLETE);
        let alike = match args.decode::<Map<String, Value>>() {
            Ok(args) if !args.is_empty() => alike.args(args),
            _ => alike,
        };
        let listing = Listing::of(alike).order(ListOrder::Newest).size(LIKE);
        trial.like = self.reader().page(listing).await?.rows;
        let rules = self.rules().await?;
        for row in &mut trial.like {
            rules.row(row);
        }
        for producer in self.client.producers().await? {
            if producer.queue == queue {
                let (running, paused) = &mut trial.producers;
                *(if producer.paused { paused } else { running }) += 1;
            }
        }
        Ok(trial)
    }

    /// Inserts a job as it was written, or as a copy of another whose hidden parts it keeps.
    ///
    /// # Errors
    ///
    /// As for [`try_job`](Service::try_job). What is wrong with the draft is no error.
    pub async fn insert_job(&self, draft: &JobDraft, from: Option<JobId>) -> Result<DraftedJob> {
        self.viewer.may(Permission::JobsInsert)?;
        let (mut mistakes, job) = self.copied_job(draft, from).await?;
        let Some((job, _)) = job else { return Ok(DraftedJob::Wrong(mistakes)) };
        match self.acting().insert(job).await {
            Ok(Inserted::Existing(job)) => Ok(DraftedJob::Exists(job.id)),
            Ok(inserted) => Ok(DraftedJob::Written(inserted.job().id)),
            Err(error) if error.is_invalid_job() => {
                violations(&error, &mut mistakes);
                Ok(DraftedJob::Wrong(mistakes))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A job, to be changed.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsUpdate`], [`Error::NotFound`] if there is no such job, and when the
    /// database fails.
    pub async fn editing(&self, id: JobId) -> Result<Editing> {
        self.viewer.may(Permission::JobsUpdate)?;
        self.viewer.may(Permission::JobsView)?;
        let mut job = self.visible_job(id).await?;
        self.viewer.may_within(Permission::JobsUpdate, &job.queue)?;
        let is_redacted = self.rules().await?.job(&mut job);
        let (draft, seen) = (JobDraft::of(&job), fingerprint(&job));
        Ok(Editing { job, is_redacted, draft, seen, edits_args: self.edits_args })
    }

    /// What would become of a change: what is wrong with it.
    ///
    /// # Errors
    ///
    /// As for [`edit_job`](Service::edit_job).
    pub async fn try_edit(&self, id: JobId, draft: &JobDraft, seen: &str) -> Result<Mistakes> {
        let (job, _) = self.seen_job(id, seen).await?;
        Ok(self.change(&job, draft, &self.rules().await?).1)
    }

    /// Changes a job to what was written; what is hidden stays as it is.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsUpdate`], [`Error::NotFound`] if there is no such job, [`Error::Conflict`]
    /// if it has changed since it was seen, and when the database fails. What is wrong with the draft is
    /// no error.
    pub async fn edit_job(&self, id: JobId, draft: &JobDraft, seen: &str) -> Result<DraftedJob> {
        let (job, shown) = self.seen_job(id, seen).await?;
        let rules = self.rules().await?;
        let (change, mut mistakes) = self.change(&job, draft, &rules);
        let change = match change {
            Some(change) if mistakes.is_empty() => change,
            None if mistakes.is_empty() => return Ok(DraftedJob::Written(id)),
            _ => return Ok(DraftedJob::Wrong(mistakes)),
        };
        let entry = self.entry().before(told(&JobDraft::of(&shown)));
        // The args are as private as before, and no more of them is told than that they changed.
        let mut after = draft.clone();
        after.args = rules.redact(&after.worker, &after.args).text;
        after.meta = rules.redact(&after.worker, &after.meta).text;
        let client = self.client.audited(entry.after(told(&after)));
        match client.update_job_seen(job, change).await {
            Ok(Some(Updated::Changed(_))) => Ok(DraftedJob::Written(id)),
            Ok(Some(Updated::NotFound)) => Err(Error::NotFound),
            Ok(_) => Err(changed_meanwhile()),
            Err(error) if error.is_invalid_job() => {
                violations(&error, &mut mistakes);
                Ok(DraftedJob::Wrong(mistakes))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The job as it is, and as it is shown, if it still is as somebody saw it.
    async fn seen_job(&self, id: JobId, seen: &str) -> Result<(Job, Job)> {
        self.viewer.may(Permission::JobsUpdate)?;
        self.viewer.may(Permission::JobsView)?;
        let job = self.visible_job(id).await?;
        self.viewer.may_within(Permission::JobsUpdate, &job.queue)?;
        let mut shown = job.clone();
        self.rules().await?.job(&mut shown);
        if fingerprint(&shown) == seen { Ok((job, shown)) } else { Err(changed_meanwhile()) }
    }

    /// What is to be changed, if anything; and what is wrong with it.
    fn change(&self, job: &Job, draft: &JobDraft, rules: &Rules) -> (Option<JobChange>, Mistakes) {
        let mut mistakes = Mistakes::new();
        let mut shown = job.clone();
        rules.job(&mut shown);
        let was = JobDraft::of(&shown);
        let mut change = None;
        let mut also = |with: &dyn Fn(JobChange) -> JobChange| {
            change = Some(with(change.take().unwrap_or_default()));
        };
        let queue = queue_of(draft);
        if queue != was.queue {
            match self.why_not_into(queue) {
                None => also(&|change| change.queue(queue)),
                Some(why) => mistakes.push(("queue", why.to_owned())),
            }
        }
        if draft.tags() != was.tags() {
            if shown.tags == job.tags {
                also(&|change| change.tags(draft.tags()));
            } else {
                mistakes.push(("tags", "one of them is hidden, so they stay".to_owned()));
            }
        }
        if draft.priority.trim() != was.priority
            && let Some(priority) = draft.priority(&mut mistakes)
        {
            also(&|change| change.priority(priority));
        }
        if draft.max_attempts.trim() != was.max_attempts
            && let Some(attempts) = draft.attempts(&mut mistakes)
        {
            also(&|change| change.max_attempts(attempts));
        }
        match draft.when {
            None => {}
            Some(When::In(span)) => also(&|change| change.schedule_in(span)),
            Some(When::At(time)) => also(&|change| change.schedule_at(time)),
        }
        if self.edits_args {
            let worker = draft.worker.trim();
            if worker != was.worker {
                if !self.viewer.sees(Scope::Worker(worker)) {
                    mistakes.push(("worker", "there is no such worker".to_owned()));
                } else if shown.args != job.args || shown.meta != job.meta {
                    // Another worker's rules might show it.
                    mistakes
                        .push(("worker", "something of the job is hidden, so it stays".to_owned()));
                } else {
                    also(&|change| change.worker(worker));
                }
            }
            let texts = [
                ("args", &draft.args, &was.args, &job.args),
                ("meta", &draft.meta, &was.meta, &job.meta),
            ];
            for (field, edited, was, original) in texts {
                if same_lines(edited, was) {
                    continue;
                }
                match object(edited, was, original.as_str()) {
                    Ok(json) if field == "args" => also(&|change| change.args_json(json.clone())),
                    Ok(json) => also(&|change| change.meta_json(json.clone())),
                    Err(why) => mistakes.push((field, why)),
                }
            }
        }
        (change, mistakes)
    }

    /// The job of a draft, perhaps a copy of another, and its args; or what is wrong with it.
    async fn copied_job(
        &self,
        draft: &JobDraft,
        from: Option<JobId>,
    ) -> Result<(Mistakes, Option<(NewJob, Json)>)> {
        let copied = match from {
            None => None,
            Some(id) => {
                self.viewer.may(Permission::JobsView)?;
                let job = self.visible_job(id).await?;
                let mut shown = job.clone();
                self.rules().await?.job(&mut shown);
                Some((job, shown))
            }
        };
        let known = match &copied {
            // Nobody needs to know of it that it is known.
            Some((job, _)) if job.worker == draft.worker.trim() => Vec::new(),
            _ => self.names().await?.workers,
        };
        Ok(self.new_job(draft, copied.as_ref(), &known))
    }

    /// The job of a draft and its args, or what is wrong with it, where these workers are known.
    pub(super) fn new_job(
        &self,
        draft: &JobDraft,
        copied: Option<&(Job, Job)>,
        known: &[String],
    ) -> (Mistakes, Option<(NewJob, Json)>) {
        let mut mistakes = Mistakes::new();
        let (worker, queue) = (draft.worker.trim(), queue_of(draft));
        let is_same_worker = copied.is_some_and(|(job, _)| job.worker == worker);
        if worker.is_empty() {
            mistakes.push(("worker", "name the worker that is to do it".to_owned()));
        } else if !is_same_worker && !known.iter().any(|known| known == worker) {
            let why = format!("no worker {worker:?} is known here: choose one that is");
            mistakes.push(("worker", why));
        }
        mistakes.extend(self.why_not_into(queue).map(|why| ("queue", why.to_owned())));
        let (shown, original) = match copied {
            // Another worker's rules might show what is hidden.
            Some((job, shown)) if is_same_worker => (shown.args.as_str(), job.args.as_str()),
            _ => ("", ""),
        };
        let args = object(&draft.args, shown, original).map_err(|why| mistakes.push(("args", why)));
        let meta = match draft.meta.trim() {
            "" => Ok(Value::Object(Map::new())),
            meta => object(meta, "", "")
                .and_then(|meta| meta.decode::<Value>().map_err(|error| error.to_string())),
        };
        let meta = meta.map_err(|why| mistakes.push(("meta", why)));
        let priority = draft.priority(&mut mistakes);
        let attempts = draft.attempts(&mut mistakes);
        let (Ok(args), Ok(meta), Some(priority), Some(attempts), true) =
            (args, meta, priority, attempts, mistakes.is_empty())
        else {
            return (mistakes, None);
        };
        let job = NewJob::of_json(worker, args.clone()).queue(queue).meta(meta);
        let job = job.tags(draft.tags()).priority(priority).max_attempts(attempts);
        let job = match draft.when {
            None => job,
            Some(When::In(span)) => job.schedule_in(span),
            Some(When::At(time)) => job.schedule_at(time),
        };
        let job = if draft.is_unique { job.unique(until_finished()) } else { job };
        (mistakes, Some((job, args)))
    }

    /// Why the viewer can put no job into this queue, if so.
    fn why_not_into(&self, queue: &str) -> Option<&'static str> {
        if !self.viewer.sees(Scope::Queue(queue)) {
            return Some("there is no such queue");
        }
        self.viewer.freezes(queue).then_some("this queue is read-only: nothing can be put into it")
    }

    /// The queues and workers that somebody who inserts jobs can choose from.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsInsert`], and when the database fails.
    pub async fn choices(&self) -> Result<Known> {
        self.viewer.may(Permission::JobsInsert)?;
        self.names().await
    }
}

fn queue_of(draft: &JobDraft) -> &str {
    match draft.queue.trim() {
        "" => "default",
        queue => queue,
    }
}

/// JSON that was edited, with what was hidden in it.
fn object(edited: &str, shown: &str, original: &str) -> std::result::Result<Json, String> {
    let edited = match edited.trim() {
        "" => "{}",
        edited => edited,
    };
    let is_object = edited.starts_with('{');
    serde_json::from_str::<serde::de::IgnoredAny>(edited).map_err(|error| error.to_string())?;
    if !is_object {
        return Err("it is a JSON object, as in {\"to\": \"ada\"}".to_owned());
    }
    match restored(edited, shown, original) {
        Some(text) => Ok(Json::from_text(text)),
        None => {
            Err("what is hidden can stay where it is, or be replaced, but not be moved".to_owned())
        }
    }
}

/// Whether a text came back from a form as it was; browsers write line ends their own way.
fn same_lines(one: &str, other: &str) -> bool {
    one.trim().replace("\r\n", "\n") == other.trim().replace("\r\n", "\n")
}

/// By which a job, as it is shown, is known again: of what is hidden it tells nothing.
fn fingerprint(job: &Job) -> String {
    let mut hash = Sha256::new();
    // The args may be no JSON that serde writes.
    let text = format!(
        "{:?}",
        (
            (job.state, &job.queue, &job.worker, job.args.as_str(), job.meta.as_str(), &job.tags),
            (job.attempt, job.max_attempts, job.priority, &job.attempted_by, job.errors.len()),
            (job.scheduled_at, job.attempted_at, job.completed_at, job.cancelled_at),
        )
    );
    hash.update(text);
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn changed_meanwhile() -> Error {
    let why = "the job has changed since you began to edit it: look at it again, and edit it anew";
    Error::Conflict(why.to_owned())
}

fn violations(error: &kerrera::Error, mistakes: &mut Mistakes) {
    for violation in error.violations() {
        let field = match violation.field.split(['.', '[']).next().unwrap_or_default() {
            "worker" => "worker",
            "queue" => "queue",
            "meta" => "meta",
            "tags" => "tags",
            "priority" => "priority",
            "max_attempts" => "max_attempts",
            "scheduled_at" | "schedule" => "when",
            _ => "args",
        };
        mistakes.push((field, violation.rule.to_owned()));
    }
}

/// What the audit log is told of a draft, which is without what is private.
fn told(draft: &JobDraft) -> Value {
    let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    serde_json::json!({
        "worker": draft.worker,
        "queue": draft.queue,
        "args": json(&draft.args),
        "tags": draft.tags,
        "priority": draft.priority,
        "max_attempts": draft.max_attempts,
    })
}
