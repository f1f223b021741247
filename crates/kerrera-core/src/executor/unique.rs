//! The steps of an insertion of which some jobs are unique.
//!
//! Lock the keys; look, with eyes that see what was committed while the lock was waited for, who holds
//! them; decide, here, job by job in order; then insert what is new, claim its keys, and replace what
//! is to be replaced. Each is one statement for all jobs, and a step with nothing to do is left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Statement;
use super::plan::{document, read_job, unreadable};
use crate::error::{Error, Kind, Result};
use crate::job::{Job, JobId};
use crate::json::Json;
use crate::new_job::ValidJob;
use crate::storage::Inserted;
use crate::time::Timestamp;
use crate::unique::{ReplaceField, Times, UniqueClaim, UniqueKey};

/// The statements by which unique jobs are inserted. The parameter of each but the first is a JSON
/// object `{"now_us", "jobs"}`, where the time is there for a manual clock only.
#[derive(Clone, Debug)]
pub struct UniqueSql {
    /// Locks the keys to the end of the transaction, and its parameter; what it gives back does not
    /// matter. `None` if they are locked already.
    pub lock: Option<(Arc<str>, String)>,
    /// Looks who holds the keys. Each job is a [`UniqueClaim`] and its `place`; for each it gives back
    /// the JSON object `{"place", "now_us", "job"}`, where the job is the oldest that counts, or null.
    pub look: Arc<str>,
    /// Inserts jobs, and gives them back as JSON objects in the order of the list.
    pub insert: Arc<str>,
    /// Notes claims, each a `key` and the `id` of a job; gives back a row for each that it noted.
    pub claim: Arc<str>,
    /// Replaces parts of jobs. Each has the `id` of the job, the `states` in which it is done, and
    /// those of `args`, `max_attempts`, `meta`, `priority`, `queue`, `tags` and `worker` that are
    /// replaced; and with `reschedule` its time, as an insertion takes it. It gives back the changed
    /// jobs as JSON objects.
    pub replace: Arc<str>,
}

/// The insertion, wherever it is.
#[derive(Clone, Debug)]
pub(super) struct UniqueSteps {
    sql: UniqueSql,
    now: Option<Timestamp>,
    jobs: Vec<ValidJob>,
    step: Step,
    /// The parameter of the statement of this step.
    json: String,
    /// What becomes of each of the jobs.
    ends: Vec<End>,
    /// The new jobs, in their order.
    inserted: Vec<JobId>,
    patches: BTreeMap<Target, Patch>,
    /// Every job that an end leads to, as it is now.
    known: BTreeMap<JobId, Job>,
    replaced: Vec<JobId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Lock,
    Look,
    Insert,
    Claim,
    Replace,
    Done,
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// It is the new job of this number in their order.
    New(usize),
    /// It is the same as this one.
    Same(Target),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// It was stored before.
    Stored(JobId),
    /// It is new, and the one of this number.
    New(usize),
}

impl UniqueSteps {
    pub(super) fn begin(
        sql: UniqueSql,
        jobs: Vec<ValidJob>,
        now: Option<Timestamp>,
    ) -> Result<UniqueSteps> {
        let mut steps = UniqueSteps {
            sql,
            now,
            jobs,
            step: Step::Lock,
            json: String::new(),
            ends: Vec::new(),
            inserted: Vec::new(),
            patches: BTreeMap::new(),
            known: BTreeMap::new(),
            replaced: Vec::new(),
        };
        match steps.sql.lock.as_mut() {
            Some((_, json)) => steps.json = std::mem::take(json),
            None => steps.enter(Step::Look)?,
        }
        Ok(steps)
    }

    pub(super) fn statement(&self) -> Option<Statement<'_>> {
        let UniqueSql { lock, look, insert, claim, replace } = &self.sql;
        let sql = match self.step {
            Step::Lock => lock.as_ref().map(|(sql, _)| sql)?,
            Step::Look => look,
            Step::Insert => insert,
            Step::Claim => claim,
            Step::Replace => replace,
            Step::Done => return None,
        };
        Some(Statement { sql, json: &self.json })
    }

    pub(super) fn answer(&mut self, rows: &[String]) -> Result<()> {
        let next = match self.step {
            Step::Lock => Step::Look,
            Step::Look => {
                self.decide(rows)?;
                Step::Insert
            }
            Step::Insert => {
                self.take_inserted(rows)?;
                Step::Claim
            }
            Step::Claim => {
                self.check_claims(rows.len())?;
                Step::Replace
            }
            Step::Replace => {
                for row in rows {
                    let job = read_job(row)?;
                    self.replaced.push(job.id);
                    self.known.insert(job.id, job);
                }
                Step::Done
            }
            Step::Done => return Err(super::used_up()),
        };
        self.enter(next)
    }

    pub(super) fn finish(self) -> Option<Vec<Inserted>> {
        if self.step != Step::Done {
            return None;
        }
        let ends = self.ends.iter().map(|end| match end {
            End::New(number) => {
                let id = self.inserted.get(*number)?;
                self.known.get(id).cloned().map(Inserted::New)
            }
            End::Same(target) => {
                let id = self.id(*target)?;
                let job = self.known.get(&id).cloned()?;
                let replaced = self.replaced.contains(&id);
                Some(if replaced { Inserted::Replaced(job) } else { Inserted::Existing(job) })
            }
        });
        ends.collect()
    }

    /// Prepares the statement of a step, or of the next that has something to do.
    fn enter(&mut self, step: Step) -> Result<()> {
        self.step = step;
        match step {
            Step::Lock | Step::Done => Ok(()),
            Step::Look => {
                let questions: Vec<Question<'_>> = self.questions().collect();
                self.json = document(self.now, &questions)?;
                Ok(())
            }
            Step::Insert => {
                let jobs: Vec<&ValidJob> = self.new_jobs().collect();
                if jobs.is_empty() {
                    return self.enter(Step::Replace);
                }
                self.json = document(self.now, &jobs)?;
                Ok(())
            }
            Step::Claim => {
                let claims: Vec<Claimed> = self.claims().collect();
                if claims.is_empty() {
                    return self.enter(Step::Replace);
                }
                self.json = document(self.now, &claims)?;
                Ok(())
            }
            Step::Replace => {
                let patches = self.patches.iter();
                let patches: Vec<Identified<'_>> = patches
                    .filter_map(|(target, patch)| Some(Identified { id: self.id(*target)?, patch }))
                    .collect();
                if patches.is_empty() {
                    return self.enter(Step::Done);
                }
                self.json = document(self.now, &patches)?;
                Ok(())
            }
        }
    }

    /// Decides what becomes of each job, in order, from what was found in the database and from those
    /// before it.
    fn decide(&mut self, rows: &[String]) -> Result<()> {
        let mut found: HashMap<usize, Job> = HashMap::new();
        let mut now = 0;
        for row in rows {
            let row: Answer = serde_json::from_str(row).map_err(|error| unreadable(&error))?;
            now = row.now_us;
            if let Some(job) = row.job {
                found.insert(row.place, job);
            }
        }
        let mut new: Vec<usize> = Vec::new();
        let mut claimed: HashMap<UniqueKey, Vec<usize>> = HashMap::new();
        for (place, job) in self.jobs.iter().enumerate() {
            let Some(claim) = &job.unique else {
                self.ends.push(End::New(new.len()));
                new.push(place);
                continue;
            };
            let stored = found.remove(&place).map(|found| (Target::Stored(found.id), found));
            let (target, state) = if let Some((target, found)) = stored {
                let state = found.state;
                self.known.insert(found.id, found);
                (target, state)
            } else {
                let before = claimed.entry(claim.key).or_default();
                let mut alike = before.iter().filter(|number| {
                    let other = &self.jobs[new[**number]];
                    claim.counts(other.state(), times(other, now))
                });
                let Some(number) = alike.next().copied() else {
                    before.push(new.len());
                    self.ends.push(End::New(new.len()));
                    new.push(place);
                    continue;
                };
                (Target::New(number), self.jobs[new[number]].state())
            };
            self.ends.push(End::Same(target));
            if !claim.replaces(state).is_empty() {
                let patch = self.patches.entry(target).or_default();
                patch.states = claim.replaces_alike(state);
                patch.add(job, claim.replaces(state));
            }
        }
        Ok(())
    }

    fn take_inserted(&mut self, rows: &[String]) -> Result<()> {
        for row in rows {
            let job = read_job(row)?;
            self.inserted.push(job.id);
            self.known.insert(job.id, job);
        }
        if self.inserted.len() == self.new_jobs().count() {
            return Ok(());
        }
        let message = "the database took jobs and gave fewer back: is there a trigger or a rule on \
                       their table?";
        Err(Error::new(Kind::Database, message))
    }

    fn check_claims(&self, noted: usize) -> Result<()> {
        if noted == self.claims().count() {
            return Ok(());
        }
        let message = "the jobs were not inserted: a concurrent transaction has claimed the same \
                       unique job; roll this one back and run it again";
        Err(Error::new(Kind::Conflict, message))
    }

    fn questions(&self) -> impl Iterator<Item = Question<'_>> {
        let claims = self.jobs.iter().enumerate();
        claims.filter_map(|(place, job)| Some(Question { place, claim: job.unique.as_deref()? }))
    }

    fn new_jobs(&self) -> impl Iterator<Item = &ValidJob> {
        let jobs = self.ends.iter().zip(&self.jobs);
        jobs.filter(|(end, _)| matches!(end, End::New(_))).map(|(_, job)| job)
    }

    fn claims(&self) -> impl Iterator<Item = Claimed> {
        let new = self.new_jobs().zip(&self.inserted);
        new.filter_map(|(job, id)| Some(Claimed { key: job.unique.as_ref()?.key, id: *id }))
    }

    fn id(&self, target: Target) -> Option<JobId> {
        match target {
            Target::Stored(id) => Some(id),
            Target::New(number) => self.inserted.get(number).copied(),
        }
    }
}

/// The times of a job that is inserted now.
fn times(job: &ValidJob, now: i64) -> Times {
    let wait = job.schedule.wait_micros().unwrap_or_default();
    let scheduled_at = job.schedule.at_micros().unwrap_or_else(|| now.saturating_add(wait));
    Times { inserted_at: now, scheduled_at, now }
}

#[derive(Serialize)]
struct Question<'a> {
    place: usize,
    #[serde(flatten)]
    claim: &'a UniqueClaim,
}

#[derive(Deserialize)]
struct Answer {
    place: usize,
    now_us: i64,
    job: Option<Job>,
}

#[derive(Serialize)]
struct Claimed {
    key: UniqueKey,
    id: JobId,
}

#[derive(Serialize)]
struct Identified<'a> {
    id: JobId,
    #[serde(flatten)]
    patch: &'a Patch,
}

/// What is replaced of one job, by however many.
#[derive(Clone, Debug, Default, Serialize)]
struct Patch {
    states: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    reschedule: bool,
    wait_us: Option<i64>,
    at_us: Option<i64>,
}

impl Patch {
    fn add(&mut self, job: &ValidJob, fields: &[ReplaceField]) {
        for field in fields {
            match field {
                ReplaceField::Args => self.args = Some(job.args.clone()),
                ReplaceField::MaxAttempts => self.max_attempts = Some(job.max_attempts),
                ReplaceField::Meta => self.meta = Some(job.meta.clone()),
                ReplaceField::Priority => self.priority = Some(job.priority),
                ReplaceField::Queue => self.queue = Some(job.queue.clone()),
                ReplaceField::ScheduledAt => {
                    self.reschedule = true;
                    self.wait_us = job.schedule.wait_micros();
                    self.at_us = job.schedule.at_micros();
                }
                ReplaceField::Tags => self.tags = Some(job.tags.clone()),
                ReplaceField::Worker => self.worker = Some(job.worker.clone()),
            }
        }
    }
}
