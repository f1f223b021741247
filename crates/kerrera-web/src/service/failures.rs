//! Failures that are alike: which there are, and what is known of each.

use std::collections::HashMap;

use futures_util::future::join_all;
use kerrera::{
    ErrorGroup, ErrorOrder, ErrorQuery, Fingerprint, Job, JobId, JobQuery, JobRow, Listing,
    Release, State, Tally, Timestamp,
};

use super::{Error, Result, Rules, Service, Window};
use crate::access::{Permission, Scope};

/// How many groups are looked through for one page, at most.
const LOOKED_THROUGH: usize = 1_000;

/// How many are read at once, each with its last job.
const BATCH: u32 = 50;

/// How many of the most frequent ones are looked through.
const MOST_FREQUENT: u32 = 200;

/// How many of the jobs that failed so are shown.
const RECENT: u32 = 20;

/// How many of them are counted in each state, at most.
const MOST: u32 = 1_000;

/// Which groups of failures are asked for.
#[derive(Clone, Debug, Default)]
pub struct FailuresAsked {
    /// Those of this worker.
    pub worker: Option<String>,
    /// Those whose last failure was of a job in this queue.
    pub queue: Option<String>,
    /// Those of which the worker or the message has this in it, in whatever case.
    pub search: String,
    /// Those that met a failure within this time.
    pub window: Window,
    /// Those that met most of them come first, instead of those that met one last.
    pub by_count: bool,
    /// Where the page begins; at the beginning if there is none. There is none by count.
    pub cursor: Option<String>,
    /// How many are on the page, at most.
    pub size: usize,
}

/// A page of groups of failures.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailureList {
    /// They themselves.
    pub groups: Vec<FailureGroup>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Whether all was looked through that lies in front of its end.
    pub complete: bool,
}

/// Failures that are alike, without what is private.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailureGroup {
    /// What is known of them. If its last job is gone, what was private in the message is not known any
    /// more: then there is only what the messages have in common.
    pub group: ErrorGroup,
    /// How many there were in each step of the window, the oldest first.
    pub counts: Vec<(Timestamp, u64)>,
    /// The queue and the state of the job that failed so last, if it is still there.
    pub last: Option<(String, State)>,
}

/// A group of failures, and its jobs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailureDetail {
    /// The group.
    pub failures: FailureGroup,
    /// One of the failures, whole.
    pub sample: Option<Sample>,
    /// The application and its version on the node that met it last, if the node still runs.
    pub release: Option<Release>,
    /// How many of its jobs are retryable, discarded and executing.
    pub jobs: Vec<(State, Tally)>,
    /// The jobs whose last failure it is, that are to be tried again or were given up.
    pub recent: Vec<JobRow>,
    /// Whether all were looked through for these.
    pub complete: bool,
}

/// One failure, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// Of which job.
    pub job: JobId,
    /// In which attempt.
    pub attempt: i32,
    /// When.
    pub at: Option<Timestamp>,
    /// On which node.
    pub node: Option<String>,
    /// What it said.
    pub error: String,
}

impl FailureGroup {
    /// How many there were within this time.
    pub fn within(&self, window: Window) -> u64 {
        match window {
            Window::Hour => self.group.hour,
            Window::Day => self.group.day,
            Window::Week => self.group.week,
        }
    }

    /// The first line of what the last of them said.
    pub fn title(&self) -> &str {
        let lines = self.group.message.lines().map(str::trim);
        lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default()
    }
}

impl Service {
    /// Groups of failures.
    ///
    /// Three statements for each fifty groups that are looked through, of which there are a thousand at
    /// most; by count, for the two hundred most frequent.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`], [`Error::Invalid`] if the cursor is none, and when the database
    /// fails.
    pub async fn failures(&self, asked: &FailuresAsked) -> Result<FailureList> {
        self.viewer.may(Permission::JobsView)?;
        let mut list = FailureList { groups: Vec::new(), next: None, complete: true };
        if asked.worker.as_ref().is_some_and(|worker| worker.contains('\0')) {
            // No name has that, and no database can be asked for it.
            return Ok(list);
        }
        let known = self.knowledge().await?;
        let mut query = ErrorQuery::new().limit(BATCH);
        if let Some(worker) = &asked.worker {
            query = query.worker(worker);
        }
        if asked.by_count {
            query = query.order(ErrorOrder::Frequent(asked.window.span())).limit(MOST_FREQUENT);
        } else if let Some(cursor) = &asked.cursor {
            let wrong = || Error::Invalid(format!("{cursor:?} is no place in a list of errors"));
            query.after = Some(place(cursor).ok_or_else(wrong)?);
        }
        let mut looked = 0;
        loop {
            let batch = self.client.errors(query.clone()).await?;
            looked += batch.len();
            let is_last = asked.by_count || batch.len() < BATCH as usize;
            query.after = batch.last().map(|group| (group.last_seen, group.fingerprint));
            for failures in self.groups(batch, asked.window, &known).await? {
                let is_over = failures.within(asked.window) == 0;
                if is_over && !asked.by_count {
                    // They come by the time of the last: all that follow are older.
                    return Ok(list);
                }
                if is_over || !asked.fits(&failures) {
                    continue;
                }
                if list.groups.len() == asked.size {
                    list.complete = !asked.by_count;
                    list.next = list.groups.last().filter(|_| !asked.by_count).map(cursor);
                    return Ok(list);
                }
                list.groups.push(failures);
            }
            if is_last {
                list.complete = !asked.by_count || looked < MOST_FREQUENT as usize;
                return Ok(list);
            }
            if looked >= LOOKED_THROUGH {
                list.complete = false;
                list.next = query.after.map(|(time, print)| written(time, print));
                return Ok(list);
            }
        }
    }

    /// A group of failures, and its jobs.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`], [`Error::NotFound`] if there is no such group, and when the
    /// database fails.
    pub async fn failure(&self, fingerprint: Fingerprint, window: Window) -> Result<FailureDetail> {
        self.viewer.may(Permission::JobsView)?;
        let known = self.knowledge().await?;
        let group = self.client.error_group(fingerprint).await?.ok_or(Error::NotFound)?;
        let failures =
            self.groups(vec![group], window, &known).await?.pop().ok_or(Error::NotFound)?;
        let group = &failures.group;
        let (_, unseen) = self.tallies().await?;
        let alike = JobQuery::new().workers([&group.worker]).failed_with([fingerprint]);
        let alike = super::list::without_queues(alike, unseen);
        let listing = Listing::of(alike.clone().states([State::Retryable, State::Discarded]));
        let page = self.reader().page(listing.size(RECENT)).await?;
        let (mut recent, complete) = (page.rows, page.complete);
        recent.retain(|row| self.sees_row(row));
        for row in &mut recent {
            known.rules.row(row);
        }
        let states = [State::Retryable, State::Discarded, State::Executing];
        let tallies = states.map(|state| self.tally(alike.clone().states([state]), MOST));
        let mut jobs = Vec::new();
        for (state, tally) in states.into_iter().zip(join_all(tallies).await) {
            jobs.extend(tally?.map(|tally| (state, tally)));
        }
        let last = failures.last.as_ref().map(|_| group.last_job);
        let mut sample = None;
        for id in last.into_iter().chain(recent.first().map(|row| row.id)) {
            if sample.is_none() {
                sample = self.sample(id, fingerprint, &known.rules).await?;
            }
        }
        let release = match self.viewer.may(Permission::NodesView) {
            Ok(()) => {
                let nodes = self.all_nodes().await?.into_iter().map(|info| info.node);
                let mut met = nodes.filter(|node| node.lives && node.card.node == group.node);
                met.find_map(|node| node.card.release)
            }
            Err(_) => None,
        };
        Ok(FailureDetail { failures, sample, release, jobs, recent, complete })
    }

    /// The failure of a job, if it is still there and was of this kind.
    async fn sample(
        &self,
        id: JobId,
        fingerprint: Fingerprint,
        rules: &Rules,
    ) -> Result<Option<Sample>> {
        let mut job = match self.visible_job(id).await {
            Ok(job) => job,
            Err(Error::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        rules.job(&mut job);
        let mut errors = job.errors.into_iter().rev();
        let failure = errors.find(|failure| failure.fingerprint == Some(fingerprint));
        Ok(failure.map(|failure| Sample {
            job: id,
            attempt: failure.attempt,
            at: failure.at,
            node: failure.node,
            error: failure.error,
        }))
    }

    /// Groups without those that the viewer does not know of, and without what is private.
    async fn groups(
        &self,
        groups: Vec<ErrorGroup>,
        window: Window,
        known: &Knowledge,
    ) -> Result<Vec<FailureGroup>> {
        let ids: Vec<JobId> = groups.iter().map(|group| group.last_job).collect();
        let jobs = match u32::try_from(ids.len()) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(limit) => self.client.jobs(JobQuery::new().ids(ids).limit(limit)).await?,
        };
        let prints = groups.iter().map(|group| group.fingerprint);
        let trends = self.client.error_trends(prints, window.span()).await?;
        let now = Timestamp::now();
        let jobs: HashMap<JobId, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
        let told = groups.into_iter().filter_map(|mut group| {
            let job = jobs.get(&group.last_job).filter(|job| job.worker == group.worker);
            let queue = job.map(|job| &job.queue).or_else(|| known.queues.get(&group.worker));
            let is_seen = self.viewer.sees(Scope::Worker(&group.worker))
                && queue.is_none_or(|queue| self.viewer.sees(Scope::Queue(queue)));
            group.message = match job {
                Some(job) => known.rules.said_of(job, &group.message),
                None if known.rules.has_declared(&group.worker) => super::HIDDEN.to_owned(),
                None => kerrera_core::fingerprint::normalised(&group.message),
            };
            let last = job.map(|job| (job.queue.clone(), job.state));
            let counts = trends.get(&group.fingerprint).map_or(&[][..], Vec::as_slice);
            let counts = window.steps(counts, now);
            is_seen.then_some(FailureGroup { group, counts, last })
        });
        Ok(told.collect())
    }

    /// What is private, and in which queues workers have their jobs.
    async fn knowledge(&self) -> Result<Knowledge> {
        let cards = self.all_workers().await?.into_iter().map(|worker| worker.card);
        let queues = cards.map(|card| (card.name, card.queue)).collect();
        Ok(Knowledge { rules: self.rules().await?, queues })
    }
}

struct Knowledge {
    rules: Rules,
    queues: HashMap<String, String>,
}

impl FailuresAsked {
    fn fits(&self, failures: &FailureGroup) -> bool {
        let search = self.search.trim().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&search);
        let queue = failures.last.as_ref().map(|(queue, _)| queue);
        self.queue.as_ref().is_none_or(|asked| queue == Some(asked))
            && (search.is_empty() || has(&failures.group.worker) || has(&failures.group.message))
    }
}

fn cursor(last: &FailureGroup) -> String {
    written(last.group.last_seen, last.group.fingerprint)
}

fn written(time: Timestamp, fingerprint: Fingerprint) -> String {
    format!("{}.{fingerprint}", time.as_micros())
}

fn place(cursor: &str) -> Option<(Timestamp, Fingerprint)> {
    let (micros, fingerprint) = cursor.split_once('.')?;
    let time = Timestamp::from_micros(micros.parse().ok()?);
    // What no database can hold is no place.
    let is_time = (Timestamp::MIN..=Timestamp::MAX).contains(&time);
    is_time.then_some((time, fingerprint.parse().ok()?))
}
