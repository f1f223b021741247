//! Lists of jobs: what a filter has, page by page.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use futures_util::future::try_join;
use kerrera::Condition;
use kerrera::cron::Timezone;
use kerrera::filter::{Filter, Problem, Subject, Term, Value};
use kerrera::{JobQuery, JobRow, ListOrder, Listing, Page, State, Tally, Timestamp};

use super::{Counts, Error, Result, Rules, Service};
use crate::access::{Permission, Scope};

/// How many jobs of a filter are counted at most.
const MOST: u32 = 10_000;

/// For how long a list may be counted; a quarter of it is spent before it is estimated.
const COUNTING: Duration = Duration::from_millis(300);

/// A second, in microseconds.
const SECOND: i64 = 1_000_000;

/// How often a page is read again without workers that the viewer does not know of.
const TRIES: usize = 8;

/// Which jobs are asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The text of the filter.
    pub filter: String,
    /// In which order.
    pub order: ListOrder,
    /// Where the page begins; at the beginning if there is none.
    pub cursor: Option<String>,
    /// How many jobs are on the page, at most.
    pub size: u32,
    /// From when relative times count.
    pub now: Timestamp,
    /// In which zone times without one are meant.
    pub zone: Timezone,
}

/// A page of a list of jobs, without what is private.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobList {
    /// Which jobs were asked for.
    pub filter: Filter,
    /// The jobs.
    pub rows: Vec<JobRow>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Where the previous page ends.
    pub previous: Option<String>,
    /// Whether all was looked through that lies in front of its end.
    pub complete: bool,
    /// How many jobs were looked through, at least.
    pub searched: u64,
    /// If it is not complete: the time of the job where the search stopped.
    pub searched_to: Option<Timestamp>,
    /// How many jobs the filter has; unknown if counting took too long.
    pub total: Option<Tally>,
    /// How many jobs there are in each state, if the filter names nothing but states and queues.
    pub counts: Option<Counts>,
}

/// The jobs that a filter means, as the viewer may ask for them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Meant {
    /// The filter.
    pub filter: Filter,
    /// The jobs; whose queues the viewer does not know of are not among them.
    pub query: JobQuery,
}

/// A filter that makes no sense, or asks for what is private.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnfitFilter {
    /// From which byte of the text to which.
    pub at: Range<usize>,
    /// What is wrong there.
    pub why: Unfitness,
}

/// What can be wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfitness {
    /// It cannot be read: the problem, and all of it in English.
    Unreadable(Problem, String),
    /// It looks for what is private.
    Private(String),
    /// It looks for what may repeat what is private, and the viewer may not see that.
    Revealing(String),
}

impl fmt::Display for UnfitFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Unfitness::Unreadable(_, said) => f.write_str(said),
            Unfitness::Private(what) => {
                write!(f, "{what} is private: nobody can look for jobs by it")
            }
            Unfitness::Revealing(what) => write!(
                f,
                "{what}: the texts of errors may repeat what is private, so that only those who have the \
                 permission {} can look for jobs by it; error.fp: names a group of errors",
                Permission::JobsReveal
            ),
        }
    }
}

impl Service {
    /// A page of the jobs that a filter has.
    ///
    /// A handful of statements along indexes, which end in time: a page that took too long says how
    /// far it got.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`]; [`Error::Filter`] if the filter makes no sense or asks for what
    /// is private, [`Error::Invalid`] if the cursor is none or the order has no index, and when the
    /// database fails.
    pub async fn jobs(&self, asked: &Asked) -> Result<JobList> {
        self.viewer.may(Permission::JobsView)?;
        let rules = self.rules().await?;
        let filter = self.filter_by(&asked.filter, &rules)?;
        let (counts, unseen) = self.tallies().await?;
        // Whoever asks within the same second asks the same, and shares the answer.
        let now = Timestamp::from_micros(asked.now.as_micros().div_euclid(SECOND) * SECOND);
        let query = without_queues(filter.query(now, &asked.zone), unseen);
        let counts = only_queues(&filter).map(|queues| match queues {
            Some(queues) => counts.of_queues(&queues),
            None => counts,
        });
        let counting = async {
            match &counts {
                Some(counts) => {
                    let meant = State::ALL.iter().filter(|state| allows(&filter, **state));
                    Ok(Some(meant.map(|state| counts.of_state(*state)).sum()))
                }
                None => self.tally(query.clone(), MOST).await,
            }
        };
        let ((page, is_whole), total) = try_join(self.page(query.clone(), asked), counting).await?;
        // A number in which jobs are that the viewer does not know of would tell of them.
        let total = total.filter(|_| is_whole);
        let Page { mut rows, next, previous, complete, searched, searched_to, .. } = page;
        rows.retain(|row| self.shows(row, &filter, &rules));
        for row in &mut rows {
            rules.row(row);
        }
        let [next, previous] =
            [next, previous].map(|cursor| cursor.map(|cursor| cursor.to_string()));
        Ok(JobList { filter, rows, next, previous, complete, searched, searched_to, total, counts })
    }

    /// How many jobs a filter has; unknown if counting took too long, or would tell of jobs that the
    /// viewer does not know of.
    ///
    /// Costs what a page of them costs.
    ///
    /// # Errors
    ///
    /// As for [`jobs`](Service::jobs).
    pub async fn count(
        &self,
        filter: &str,
        now: Timestamp,
        zone: &Timezone,
    ) -> Result<Option<Tally>> {
        let asked = Asked {
            filter: filter.to_owned(),
            order: ListOrder::default(),
            cursor: None,
            // Among these is looked for workers that the viewer does not know of.
            size: Listing::SIZE,
            now,
            zone: zone.clone(),
        };
        Ok(self.jobs(&asked).await?.total)
    }

    /// The jobs that a filter means.
    ///
    /// # Errors
    ///
    /// As for [`jobs`](Service::jobs).
    pub async fn meant(&self, filter: &str, now: Timestamp, zone: &Timezone) -> Result<Meant> {
        self.viewer.may(Permission::JobsView)?;
        let filter = self.filter(filter).await?;
        let (_, unseen) = self.tallies().await?;
        let query = without_queues(filter.query(now, zone), unseen);
        Ok(Meant { filter, query })
    }

    /// A filter that asks for nothing private.
    pub(super) async fn filter(&self, text: &str) -> Result<Filter> {
        self.filter_by(text, &self.rules().await?)
    }

    /// The same, where it is known what is private.
    pub(super) fn filter_by(&self, text: &str, rules: &Rules) -> Result<Filter> {
        let filter: Filter = text.parse().map_err(|error: kerrera::filter::FilterError| {
            let said = error.to_string();
            Error::Filter(UnfitFilter {
                at: error.at,
                why: Unfitness::Unreadable(error.problem, said),
            })
        })?;
        let named = named_workers(&filter);
        let private = filter.terms.iter().find(|term| match &named {
            Some(workers) => workers.iter().any(|worker| is_private(term, Some(worker), rules)),
            None => is_private(term, None, rules),
        });
        if let Some(term) = private {
            let why = Unfitness::Private(term.subject.to_string());
            return Err(Error::Filter(UnfitFilter { at: term.at.clone(), why }));
        }
        // Letter by letter one could guess what stands there, in place of what is shown.
        let revealing = filter
            .terms
            .iter()
            .find(|term| matches!(term.subject, Subject::Error | Subject::ErrorType));
        match revealing.filter(|_| !self.finds_errors()) {
            None => Ok(filter),
            Some(term) => {
                let why = Unfitness::Revealing(term.subject.to_string());
                Err(Error::Filter(UnfitFilter { at: term.at.clone(), why }))
            }
        }
    }

    /// The rows of a page, and whether all that the query has could be shown to the viewer.
    async fn page(&self, mut query: JobQuery, asked: &Asked) -> Result<(Page, bool)> {
        let cursor = match &asked.cursor {
            None => None,
            Some(text) => Some(text.parse().map_err(|error| Error::Invalid(format!("{error}")))?),
        };
        let mut tries = 0;
        loop {
            let listing = Listing::of(query.clone()).order(asked.order).size(asked.size);
            let listing = match cursor {
                Some(cursor) => listing.at(cursor),
                None => listing,
            };
            let question = format!("page {listing:?}");
            let page = self.asked(&question, self.reader().page(listing)).await?;
            let unseen = self.unseen_workers(&page);
            tries += 1;
            if unseen.is_empty() || tries == TRIES {
                return Ok((page, tries == 1));
            }
            let unseen = Condition::Not(Box::new(Condition::Workers(unseen)));
            query = query.where_all([unseen]);
        }
    }

    /// Whether the viewer may look for jobs by what their errors say.
    pub(super) fn finds_errors(&self) -> bool {
        self.viewer.has(Permission::JobsReveal)
    }

    /// Whether the viewer knows of a row, and may find it so.
    pub(super) fn shows(&self, row: &JobRow, filter: &Filter, rules: &Rules) -> bool {
        let is_private = |term: &Term| is_private(term, Some(&row.worker), rules);
        !filter.terms.iter().any(is_private) && self.sees_row(row)
    }

    fn unseen_workers(&self, page: &Page) -> Vec<String> {
        let workers = page.rows.iter().map(|row| &row.worker);
        let mut unseen: Vec<String> =
            workers.filter(|worker| !self.viewer.sees(Scope::Worker(worker))).cloned().collect();
        unseen.sort_unstable();
        unseen.dedup();
        unseen
    }

    pub(super) async fn tally(&self, query: JobQuery, most: u32) -> Result<Option<Tally>> {
        let question = format!("tally {most} {query:?}");
        match self.asked(&question, self.client.reader(COUNTING).tally(query, most)).await {
            Ok(tally) => Ok(Some(tally)),
            Err(Error::Kerrera(error)) if error.is_timeout() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_private(term: &Term, worker: Option<&str>, rules: &Rules) -> bool {
    match &term.subject {
        Subject::Args(keys) | Subject::Meta(keys) => {
            let way: Vec<&str> = keys.iter().map(String::as_str).collect();
            rules.hides(worker, &way)
        }
        Subject::Trace => rules.hides(worker, &["traceparent"]),
        _ => false,
    }
}

pub(super) fn without_queues(query: JobQuery, unseen: Vec<String>) -> JobQuery {
    match unseen.is_empty() {
        true => query,
        false => query.where_all([Condition::Not(Box::new(Condition::Queues(unseen)))]),
    }
}

/// The workers of whose jobs a filter speaks, if it names them.
fn named_workers(filter: &Filter) -> Option<Vec<&str>> {
    let term = filter.terms.iter().find(|term| term.subject == Subject::Worker && !term.negated)?;
    texts(term)
}

/// The values of a term, if all of them are whole texts.
fn texts(term: &Term) -> Option<Vec<&str>> {
    let text = term.values.iter().map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    text.collect()
}

/// The queues that a filter names, if it names nothing but states and queues; all if it names none.
fn only_queues(filter: &Filter) -> Option<Option<Vec<String>>> {
    let mut queues = None;
    for term in &filter.terms {
        match &term.subject {
            Subject::State => {}
            Subject::Queue if !term.negated && queues.is_none() => {
                queues = Some(texts(term)?.into_iter().map(str::to_owned).collect());
            }
            _ => return None,
        }
    }
    Some(queues)
}

/// Whether a filter allows jobs of this state.
fn allows(filter: &Filter, state: State) -> bool {
    let states = filter.terms.iter().filter(|term| term.subject == Subject::State);
    states.into_iter().all(|term| term.values.contains(&Value::State(state)) != term.negated)
}
