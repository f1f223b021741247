//! The crontab: when its entries come, what became of them, and changing them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use kerrera::cron::{CronChange, CronEntry, CronExpression, Timezone};
use kerrera::{Cron, JobId, JobQuery, Misfire, NewJob, Overlap, State, StoredCron, Timestamp};
use serde_json::Value;

use super::{Error, InsertedJob, Result, Service};
use crate::access::{Permission, Scope};

/// The crontab, as it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrontabStatus {
    /// The database's time.
    pub now: Timestamp,
    /// The entries that the viewer knows of, by name.
    pub crons: Vec<CronStatus>,
    /// Entries that this version cannot read, by name, and why.
    pub unreadable: Vec<(String, String)>,
    /// Whether any node works queues, as far as can be seen.
    pub has_nodes: bool,
}

/// An entry of the crontab, as it stands: nothing of its job that could be private.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CronStatus {
    /// Its name.
    pub name: String,
    /// When.
    pub expression: CronExpression,
    /// Where the clock hangs.
    pub timezone: Timezone,
    /// The name of the worker.
    pub worker: String,
    /// The queue.
    pub queue: String,
    /// What becomes of times that were missed.
    pub misfire: Misfire,
    /// What becomes of a time while the job before has not ended.
    pub overlap: Overlap,
    /// Whether it is paused.
    pub is_paused: bool,
    /// Whether people added it, so that no program brings it.
    pub is_added: bool,
    /// When it comes next; nothing if it is paused or has no times.
    pub next: Option<Timestamp>,
    /// Its last time that was fired, and the node that did it.
    pub last: Option<(Timestamp, String)>,
    /// A time that came and was not fired, because no node runs that has it.
    pub missed: Option<Timestamp>,
    /// Its last job, and the state of that if it is still there.
    pub last_job: Option<(JobId, Option<State>)>,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Whether somebody takes jobs from its queue.
    pub target: CronTarget,
}

/// Whether somebody takes jobs from the queue of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CronTarget {
    /// Some node does.
    Worked,
    /// Nodes work it, and all of them have paused it.
    Paused,
    /// No node works it.
    Unworked,
}

/// A time of an entry that was fired, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CronRun {
    /// Its time.
    pub at: Timestamp,
    /// When it was fired.
    pub fired_at: Timestamp,
    /// By which node.
    pub node: String,
    /// Its job, and the state of that if it is still there; none if it would have overlapped.
    pub job: Option<(JobId, Option<State>)>,
}

/// The next times of an expression in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextTimes {
    /// They themselves.
    pub times: Vec<Timestamp>,
    /// When the clock there is put forward or back at one of its times, within a year.
    pub shifts: Vec<ClockShift>,
}

/// A moment at which a clock is put forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockShift {
    /// When.
    pub at: Timestamp,
    /// By how many seconds it is ahead of UTC before, and from then on.
    pub offsets: (i32, i32),
}

/// An entry as somebody writes it down in a form.
#[derive(Clone, Debug, Default)]
pub struct CronDraft {
    /// Its name.
    pub name: String,
    /// When.
    pub expression: String,
    /// Where the clock hangs; `Etc/UTC` if empty.
    pub timezone: String,
    /// The name of the worker.
    pub worker: String,
    /// The queue; `default` if empty.
    pub queue: String,
    /// A JSON object; an empty one if empty.
    pub args: String,
    /// How many attempts its jobs may have; 20 if empty.
    pub max_attempts: String,
    /// `skip`, `once`, or `all`.
    pub misfire: String,
    /// How many to make up for, if all.
    pub misfire_most: String,
    /// `allow` or `skip`.
    pub overlap: String,
}

/// What is wrong in a draft: the name of a field, and why.
pub type Mistakes = Vec<(&'static str, String)>;

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drafted {
    /// It was written.
    Written,
    /// Nothing was written, for these reasons.
    Wrong(Mistakes),
}

impl Service {
    /// The entries of the crontab, and where they stand.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsView`], and when the database fails.
    pub async fn crontab(&self) -> Result<CrontabStatus> {
        self.viewer.may(Permission::CronsView)?;
        let crontab = self.client.crons().await?;
        let producers = self.client.producers().await?;
        let mut targets: BTreeMap<&str, CronTarget> = BTreeMap::new();
        for producer in &producers {
            let target = targets.entry(&producer.queue).or_insert(CronTarget::Paused);
            if !producer.paused {
                *target = CronTarget::Worked;
            }
        }
        let visible: Vec<StoredCron> =
            crontab.crons.into_iter().filter(|cron| self.sees_cron(cron)).collect();
        let states = self.states(visible.iter().filter_map(|cron| cron.last_job)).await?;
        let status = |cron: StoredCron| {
            let target = targets.get(cron.entry.job.queue.as_str()).copied();
            status(cron, crontab.now, target.unwrap_or(CronTarget::Unworked), &states)
        };
        let unreadable = crontab.unreadable.into_iter();
        let unreadable = unreadable.filter(|(name, _)| self.viewer.sees(Scope::Cron(name)));
        Ok(CrontabStatus {
            now: crontab.now,
            crons: visible.into_iter().map(status).collect(),
            unreadable: unreadable.map(|(name, error)| (name, error.to_string())).collect(),
            has_nodes: !producers.is_empty(),
        })
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsView`], [`Error::NotFound`] if there is no such entry, and when the
    /// database fails.
    pub async fn cron(&self, name: &str) -> Result<CronStatus> {
        let crons = self.crontab().await?.crons;
        crons.into_iter().find(|cron| cron.name == name).ok_or(Error::NotFound)
    }

    /// The times of an entry that were fired and are still kept, the newest first.
    ///
    /// # Errors
    ///
    /// As for [`cron`](Service::cron).
    pub async fn cron_history(
        &self,
        name: &str,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<CronRun>> {
        self.cron(name).await?;
        let slots = self.client.cron_slots(name, before, limit).await?;
        let states = self.states(slots.iter().filter_map(|slot| slot.job)).await?;
        let run = |slot: kerrera::CronSlot| CronRun {
            at: slot.at,
            fired_at: slot.fired_at,
            node: slot.node,
            job: slot.job.map(|id| (id, states.get(&id).copied())),
        };
        Ok(slots.into_iter().map(run).collect())
    }

    /// Inserts the job of an entry now.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsRun`]; otherwise as for [`cron`](Service::cron).
    pub async fn run_cron(&self, name: &str) -> Result<InsertedJob> {
        self.changeable(name, Permission::CronsRun).await?;
        Ok(InsertedJob::of(&self.acting().run_cron(name).await?))
    }

    /// Pauses an entry, or lets it go on.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsPause`]; otherwise as for [`cron`](Service::cron).
    pub async fn pause_cron(&self, name: &str, paused: bool) -> Result<()> {
        self.changeable(name, Permission::CronsPause).await?;
        let client = self.acting();
        match paused {
            true => client.pause_cron(name).await?,
            false => client.resume_cron(name).await?,
        }
        Ok(())
    }

    /// Removes an entry and its history.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsDelete`]; [`Error::NotFound`] if there is no such entry; and when the
    /// database fails.
    pub async fn remove_cron(&self, name: &str) -> Result<()> {
        self.viewer.may(Permission::CronsDelete)?;
        self.may_know(Scope::Cron(name))?;
        let crontab = self.client.crons().await?;
        let readable = crontab.crons.iter().find(|cron| cron.entry.name == name);
        let is_there = match readable {
            Some(cron) => {
                self.viewer.may_within(Permission::CronsDelete, &cron.entry.job.queue)?;
                self.sees_cron(cron)
            }
            None => crontab.unreadable.iter().any(|(other, _)| other == name),
        };
        if !is_there {
            return Err(Error::NotFound);
        }
        Ok(self.acting().remove_cron(name).await?)
    }

    /// Changes when an entry comes, where its clock hangs, and its policies.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsUpdate`]; otherwise as for [`cron`](Service::cron).
    pub async fn edit_cron(&self, name: &str, draft: &CronDraft) -> Result<Drafted> {
        self.changeable(name, Permission::CronsUpdate).await?;
        let (mistakes, times) = draft.checked();
        let Some((expression, timezone, misfire, overlap)) = times else {
            return Ok(Drafted::Wrong(mistakes));
        };
        let change = CronChange::default()
            .expression(expression.as_str())
            .timezone(timezone.name())
            .misfire(misfire)
            .overlap(overlap);
        self.acting().edit_cron(name, change).await?;
        Ok(Drafted::Written)
    }

    /// Adds an entry that every node fires.
    ///
    /// # Errors
    ///
    /// Without [`Permission::CronsInsert`], and when the database fails.
    pub async fn add_cron(&self, draft: &CronDraft) -> Result<Drafted> {
        self.viewer.may(Permission::CronsInsert)?;
        let (mut mistakes, times) = draft.checked();
        let job = draft.job(&mut mistakes);
        let name = draft.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains('\0') {
            mistakes.push(("name", format!("a name has 1 to {LONGEST_NAME} characters")));
        }
        let queue = draft.queue();
        let is_hidden = !self.viewer.sees(Scope::Queue(queue))
            || !self.viewer.sees(Scope::Worker(draft.worker.trim()))
            || !self.viewer.sees(Scope::Cron(name));
        if is_hidden {
            return Err(Error::NotFound);
        }
        self.viewer.may_within(Permission::CronsInsert, queue)?;
        let (Some((expression, timezone, misfire, overlap)), Some(job), true) =
            (times, job, mistakes.is_empty())
        else {
            return Ok(Drafted::Wrong(mistakes));
        };
        let cron = Cron::new(expression.as_str(), job)
            .name(name)
            .timezone(timezone.name())
            .misfire(misfire)
            .overlap(overlap);
        match self.acting().add_cron(cron).await {
            Ok(_) => Ok(Drafted::Written),
            // What is left is the job's rules, and a name that is taken.
            Err(error) if error.is_config() => {
                let is_name = error.to_string().contains("already");
                let field = if is_name { "name" } else { "worker" };
                Ok(Drafted::Wrong(vec![(field, error.to_string())]))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn sees_cron(&self, cron: &StoredCron) -> bool {
        let CronEntry { name, job, .. } = &cron.entry;
        self.viewer.sees(Scope::Cron(name))
            && self.viewer.sees(Scope::Queue(&job.queue))
            && self.viewer.sees(Scope::Worker(&job.worker))
    }

    /// Whether they may do this to an entry, which is there.
    async fn changeable(&self, name: &str, needs: Permission) -> Result<()> {
        self.viewer.may(needs)?;
        let crons = self.client.crons().await?.crons;
        let cron = crons.iter().find(|cron| cron.entry.name == name);
        let cron = cron.filter(|cron| self.sees_cron(cron)).ok_or(Error::NotFound)?;
        Ok(self.viewer.may_within(needs, &cron.entry.job.queue)?)
    }

    /// The states of jobs, of those that are there.
    async fn states(&self, ids: impl Iterator<Item = JobId>) -> Result<BTreeMap<JobId, State>> {
        let ids: Vec<JobId> = ids.collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let jobs = self.client.jobs(JobQuery::new().ids(ids)).await?;
        Ok(jobs.into_iter().map(|job| (job.id, job.state)).collect())
    }
}

impl CronStatus {
    /// Its next times, paused or not.
    pub fn next_times(&self, now: Timestamp, count: usize) -> NextTimes {
        NextTimes::of(&self.expression, &self.timezone, now, count)
    }
}

impl NextTimes {
    /// The next times of an expression, and when the clock there is put forward or back at one of them.
    pub fn of(
        expression: &CronExpression,
        timezone: &Timezone,
        now: Timestamp,
        count: usize,
    ) -> NextTimes {
        let next = |after: Timestamp| expression.next_after(after, timezone);
        let times = std::iter::successors(next(now), |time| next(*time)).take(count).collect();
        NextTimes { times, shifts: shifts(expression, timezone, now) }
    }
}

/// The clock is looked at for a year.
const LOOKED_AHEAD: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// When the clock of a zone is put forward over times of an expression, or back so that they come twice.
fn shifts(expression: &CronExpression, timezone: &Timezone, now: Timestamp) -> Vec<ClockShift> {
    let Ok(zone) = TimeZone::get(timezone.name()) else { return Vec::new() };
    let Ok(from) = jiff::Timestamp::from_microsecond(now.as_micros()) else { return Vec::new() };
    let until = now + LOOKED_AHEAD;
    let utc = Timezone::utc();
    let mut found = Vec::new();
    // Zones have a handful in a year, or none.
    for change in zone.following(from).take(16) {
        let at = Timestamp::from_micros(change.timestamp().as_microsecond());
        if at > until {
            break;
        }
        let just_before = jiff::Timestamp::from_second(change.timestamp().as_second() - 1);
        let Ok(just_before) = just_before else { break };
        let offsets = (zone.to_offset(just_before).seconds(), change.offset().seconds());
        // What the clock on the wall skips or shows twice, read as if it were UTC.
        let wall =
            |offset: i32| Timestamp::from_micros(at.as_micros() + i64::from(offset) * 1_000_000);
        let (low, high) = (wall(offsets.0.min(offsets.1)), wall(offsets.0.max(offsets.1)));
        let first = expression.next_after(low - Duration::from_secs(60), &utc);
        if low < high && first.is_some_and(|first| first < high) {
            found.push(ClockShift { at, offsets });
        }
    }
    found.truncate(2);
    found
}

/// A node that is there fires a time within seconds; a minute more is for those that were started late.
const FIRED_WITHIN: Duration = Duration::from_secs(120);

fn status(
    cron: StoredCron,
    now: Timestamp,
    target: CronTarget,
    states: &BTreeMap<JobId, State>,
) -> CronStatus {
    let StoredCron { entry, position, last_job, updated_at, is_added, .. } = cron;
    let last = position.last.as_ref().map(|(slot, _)| *slot);
    let known = position.begins_at.max(position.forgotten_to).max(last);
    let due = entry.expression.last_before(now - FIRED_WITHIN, &entry.timezone);
    let missed = due.filter(|due| !position.paused && Some(*due) > known);
    let next = if position.paused { None } else { entry.next_times(now, 1).pop() };
    CronStatus {
        name: entry.name,
        expression: entry.expression,
        timezone: entry.timezone,
        worker: entry.job.worker,
        queue: entry.job.queue,
        misfire: entry.misfire,
        overlap: entry.overlap,
        is_paused: position.paused,
        is_added,
        next,
        last: position.last,
        missed,
        last_job: last_job.map(|id| (id, states.get(&id).copied())),
        updated_at,
        target,
    }
}

const LONGEST_NAME: usize = 127;

type Timing = (CronExpression, Timezone, Misfire, Overlap);

impl CronDraft {
    /// What an entry says now, to be changed.
    pub fn of(cron: &CronStatus) -> CronDraft {
        let (misfire, most) = match cron.misfire {
            Misfire::Skip => ("skip", String::new()),
            Misfire::All { most } => ("all", most.to_string()),
            _ => ("once", String::new()),
        };
        CronDraft {
            name: cron.name.clone(),
            expression: cron.expression.to_string(),
            timezone: cron.timezone.to_string(),
            misfire: misfire.to_owned(),
            misfire_most: most,
            overlap: cron.overlap.to_string(),
            ..CronDraft::default()
        }
    }

    /// When it comes, or what is wrong in it.
    pub fn checked(&self) -> (Mistakes, Option<Timing>) {
        let mut mistakes = Mistakes::new();
        let expression = self.expression.trim().parse::<CronExpression>();
        let expression =
            expression.map_err(|wrong| mistakes.push(("expression", wrong.to_string()))).ok();
        let timezone = match self.timezone.trim() {
            "" => Ok(Timezone::utc()),
            name => name.parse(),
        };
        let timezone =
            timezone.map_err(|wrong| mistakes.push(("timezone", wrong.to_string()))).ok();
        let misfire = match self.misfire.as_str() {
            "skip" => Some(Misfire::Skip),
            "all" => match self.misfire_most.trim().parse() {
                Ok(most) if (1..=Misfire::MOST).contains(&most) => Some(Misfire::All { most }),
                _ => {
                    let range = format!("give 1 to {}", Misfire::MOST);
                    mistakes.push(("misfire_most", range));
                    None
                }
            },
            _ => Some(Misfire::Once),
        };
        let overlap = if self.overlap == "skip" { Overlap::Skip } else { Overlap::Allow };
        let timing = match (expression, timezone, misfire) {
            (Some(expression), Some(timezone), Some(misfire)) => {
                Some((expression, timezone, misfire, overlap))
            }
            _ => None,
        };
        (mistakes, timing)
    }

    fn queue(&self) -> &str {
        match self.queue.trim() {
            "" => "default",
            queue => queue,
        }
    }

    fn job(&self, mistakes: &mut Mistakes) -> Option<NewJob> {
        let before = mistakes.len();
        if self.worker.trim().is_empty() {
            mistakes.push(("worker", "name the worker that is to do it".to_owned()));
        }
        let args = match self.args.trim() {
            "" => "{}",
            args => args,
        };
        let args = serde_json::from_str::<Value>(args);
        let args = args.map_err(|error| error.to_string()).and_then(|args| match args {
            Value::Object(_) => Ok(args),
            _ => Err("args are a JSON object, as in {\"to\": \"ada\"}".to_owned()),
        });
        let args = args.map_err(|why| mistakes.push(("args", why))).ok();
        let attempts = match self.max_attempts.trim() {
            "" => Some(20),
            number => {
                number.parse::<u32>().ok().filter(|number| (1..=i32::MAX as u32).contains(number))
            }
        };
        if attempts.is_none() {
            mistakes.push(("max_attempts", "give a whole number, at least 1".to_owned()));
        }
        if mistakes.len() > before {
            return None;
        }
        let job = NewJob::of(self.worker.trim(), args?).queue(self.queue());
        Some(job.max_attempts(attempts?))
    }
}
