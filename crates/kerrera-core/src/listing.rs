//! Lists of jobs, page by page: which order each state has an index for, where a page begins, and how
//! far a search went.

mod cursor;
mod search;

use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::job_query::{Condition, JobQuery, JobTime};
use crate::job_row::JobRow;
use crate::state::State;
use crate::time::Timestamp;

pub use cursor::{Cursor, NotACursor};
pub use search::Search;

/// A page of a list: which jobs, in which order, from where on, and how long it may be looked for.
///
/// Every order is one that an index carries, so a page costs what it shows, however many jobs there
/// are. Conditions that no index carries are looked for in bounded steps along it; when the time or the
/// rows that were allowed are used up, the page says how far it got ([`Page::complete`]), and the next
/// one goes on from there.
///
/// ```
/// use kerrera_core::listing::{ListOrder, Listing};
/// use kerrera_core::{JobQuery, State};
///
/// let failed = JobQuery::new().states([State::Retryable, State::Discarded]);
/// let listing = Listing::of(failed).order(ListOrder::Latest).size(50);
/// # let _ = listing;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a listing does nothing until it is used"]
pub struct Listing {
    query: JobQuery,
    order: ListOrder,
    size: u32,
    cursor: Option<Cursor>,
    time: Duration,
    rows: u64,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListOrder {
    /// The one that fits the states that are meant: the available ones as they will be claimed, what
    /// waits by when it may run, what runs by when it began, the given up and cancelled ones by when
    /// that was, the latest first. If completed ones are among them, or several of these, then the
    /// latest first, by their own time or, where that has no index, by their numbers.
    #[default]
    Fitting,
    /// By their numbers, the greatest first.
    Newest,
    /// By their numbers, the smallest first.
    Oldest,
    /// By the time that goes with each job's state, the earliest first; of completed and suspended
    /// jobs that time has no index.
    Earliest,
    /// The same, the latest first.
    Latest,
    /// As they will be claimed: by priority, then by when they may run. Of available jobs only.
    Claimed,
}

/// A part of a list, and how it was come by.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The jobs, in the order of the list.
    pub rows: Vec<JobRow>,
    /// Where the next page begins; `None` if this is the last. After a page that is not complete, the
    /// search goes on there.
    pub next: Option<Cursor>,
    /// Where the previous page ends; `None` if this is the first.
    pub previous: Option<Cursor>,
    /// Whether all was looked through that lies in front of its end. If not, more may be found from
    /// where it stopped.
    pub complete: bool,
    /// How many rows were looked through, at least.
    pub searched: u64,
    /// If it is not complete: the time of the job where it stopped, by which a person can tell how far
    /// that is.
    pub searched_to: Option<Timestamp>,
}

impl Listing {
    /// How many jobs are on a page if nothing is said.
    pub const SIZE: u32 = 50;
    /// How many there are at most.
    pub const LARGEST: u32 = 500;
    /// How long a search lasts if nothing is said.
    pub const TIME: Duration = Duration::from_millis(100);
    /// Through how many rows it looks if nothing is said.
    pub const ROWS: u64 = 1_000_000;

    /// The first page of the jobs for which these conditions hold. The order, the limit and the place of
    /// the query are not asked; those of a list are its own.
    pub fn of(query: JobQuery) -> Listing {
        Listing {
            query,
            order: ListOrder::default(),
            size: Listing::SIZE,
            cursor: None,
            time: Listing::TIME,
            rows: Listing::ROWS,
        }
    }

    /// In which order.
    pub fn order(mut self, order: ListOrder) -> Listing {
        self.order = order;
        self
    }

    /// How many jobs, 1 to [`Listing::LARGEST`].
    pub fn size(mut self, size: u32) -> Listing {
        self.size = size;
        self
    }

    /// From which place on, and in which direction: [`Page::next`] or [`Page::previous`] of a page with
    /// the same order.
    pub fn at(mut self, cursor: Cursor) -> Listing {
        self.cursor = Some(cursor);
        self
    }

    /// How long to go on looking, about: a step that was begun is finished.
    pub fn within(mut self, time: Duration) -> Listing {
        self.time = time;
        self
    }

    /// Through how many rows to look, about.
    pub fn through(mut self, rows: u64) -> Listing {
        self.rows = rows;
        self
    }

    /// The search for it.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`] when the query makes no sense, the states have no index for the order, the
    /// size is out of range, or the cursor is of another order.
    pub fn search(self) -> Result<Search> {
        let Listing { query, order, size, cursor, time, rows } = self;
        let wrong = |what: String| Err(Error::new(Kind::Config, format!("the list {what}")));
        let conditions = query.validate()?.conditions;
        if !(1..=Listing::LARGEST).contains(&size) {
            return wrong(format!("cannot have {size} jobs: 1 to {}", Listing::LARGEST));
        }
        let states = states(&conditions);
        let Some(way) = Way::of(order, &states, &conditions) else {
            return wrong(format!(
                "has no index for this order ({order:?}) of jobs that are {}: take Newest or Oldest, \
                 or other states",
                names(&states)
            ));
        };
        if let Some(cursor) = &cursor
            && !cursor.fits(way)
        {
            return wrong(
                "begins at a place of another order: begin it at its first page".to_owned(),
            );
        }
        Ok(Search::new(way, &states, conditions, size, cursor, time, rows))
    }
}

/// Along what a list goes, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Way {
    /// Along what.
    pub path: Path,
    /// Whether it begins with the greatest.
    pub is_descending: bool,
}

/// Along what a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// The numbers: the primary key.
    Number,
    /// The time that goes with the state of each job.
    OwnTime,
    /// The order in which available jobs are claimed.
    Claim,
}

impl Way {
    fn of(order: ListOrder, states: &[State], conditions: &[Condition]) -> Option<Way> {
        let way = |path, is_descending| Some(Way { path, is_descending });
        let has_times = states.iter().all(|state| has_index_of_own_time(*state));
        let all_in = |few: &[State]| states.iter().all(|state| few.contains(state));
        match order {
            ListOrder::Newest => way(Path::Number, true),
            ListOrder::Oldest => way(Path::Number, false),
            ListOrder::Earliest if has_times => way(Path::OwnTime, false),
            ListOrder::Latest if has_times => way(Path::OwnTime, true),
            ListOrder::Claimed if all_in(&[State::Available]) => way(Path::Claim, false),
            ListOrder::Earliest | ListOrder::Latest | ListOrder::Claimed => None,
            // Those that are named are few.
            ListOrder::Fitting if conditions.iter().any(Condition::is_ids) || !has_times => {
                way(Path::Number, true)
            }
            ListOrder::Fitting if all_in(&[State::Available]) => way(Path::Claim, false),
            ListOrder::Fitting if all_in(&[State::Executing]) => way(Path::OwnTime, false),
            ListOrder::Fitting => {
                let waits = all_in(&[State::Available, State::Scheduled, State::Retryable]);
                way(Path::OwnTime, !waits)
            }
        }
    }

    /// The same the other way round.
    fn reversed(self) -> Way {
        Way { is_descending: !self.is_descending, ..self }
    }

    /// The place of a job along it; `None` if the job is not on it.
    fn place_of(self, row: &JobRow) -> Option<Spot> {
        let (priority, time) = match self.path {
            Path::Number => (None, None),
            Path::OwnTime => (None, Some(row.own_time()?)),
            Path::Claim => (Some(row.priority), Some(row.scheduled_at)),
        };
        Some(Spot { priority, time, id: row.id })
    }

    /// Which of two places comes first.
    fn compare(self, one: &Spot, other: &Spot) -> std::cmp::Ordering {
        let order = one.cmp(other);
        if self.is_descending { order.reverse() } else { order }
    }
}

/// A place along a way: that of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Its priority, where the way goes by it.
    pub priority: Option<i32>,
    /// Its time, where the way goes by it.
    pub time: Option<Timestamp>,
    /// Its number.
    pub id: crate::job::JobId,
}

/// Some rows along a way: what a storage is asked at a time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scan {
    /// Along what, and in which direction.
    pub way: Way,
    /// The time by which it goes, where it goes by one. Jobs without it are not on the way.
    pub time: Option<JobTime>,
    /// The states of the jobs that are on the way; all, if there are none here.
    pub states: Vec<State>,
    /// What holds of all jobs of the part of the index that is walked.
    pub bounds: Vec<Condition>,
    /// What is then asked of each row.
    pub residual: Vec<Condition>,
    /// Only what comes after this place.
    pub after: Option<Spot>,
    /// Through how many rows of the index to look at most; to the end of it, if this is `None`.
    pub window: Option<u32>,
    /// How many rows to give back at most.
    pub limit: u32,
}

/// What a scan has found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Scanned {
    /// The rows, in the order of the way.
    pub rows: Vec<JobRow>,
    /// The last place that was looked at, and when that job was inserted, if the way goes on behind the
    /// window.
    pub edge: Option<(Spot, Timestamp)>,
}

impl Scanned {
    /// These rows, and where the window ended.
    pub fn new(rows: Vec<JobRow>, edge: Option<(Spot, Timestamp)>) -> Scanned {
        Scanned { rows, edge }
    }
}

/// The states that all conditions allow.
fn states(conditions: &[Condition]) -> Vec<State> {
    let meant = |state: &State| conditions.iter().all(|condition| condition.allows(*state));
    State::ALL.into_iter().filter(meant).collect()
}

/// Whether an index has these jobs by the time that goes with their state.
fn has_index_of_own_time(state: State) -> bool {
    !matches!(state, State::Suspended | State::Completed)
}

fn names(states: &[State]) -> String {
    let names: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_the_order_that_fits_it() {
        use State::*;
        let cases: [(&[State], Path, bool); 9] = [
            (&[Available], Path::Claim, false),
            (&[Scheduled], Path::OwnTime, false),
            (&[Scheduled, Retryable], Path::OwnTime, false),
            (&[Executing], Path::OwnTime, false),
            (&[Discarded], Path::OwnTime, true),
            (&[Retryable, Discarded], Path::OwnTime, true),
            (&[Completed], Path::Number, true),
            (&[Suspended, Available], Path::Number, true),
            (&State::ALL, Path::Number, true),
        ];
        for (states, path, is_descending) in cases {
            let way = Way::of(ListOrder::Fitting, states, &[]);
            assert_eq!(way, Some(Way { path, is_descending }), "{states:?}");
        }
        assert_eq!(Way::of(ListOrder::Latest, &[Completed], &[]), None);
        assert_eq!(Way::of(ListOrder::Claimed, &[Available, Scheduled], &[]), None);
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        let completed = JobQuery::new().states([State::Completed]);
        let none: [State; 0] = [];
        let wrong = [
            Listing::of(JobQuery::new()).size(0),
            Listing::of(JobQuery::new()).size(Listing::LARGEST + 1),
            Listing::of(JobQuery::new().states(none)),
            Listing::of(completed.clone()).order(ListOrder::Earliest),
            Listing::of(completed).at("nt.1.5".parse().unwrap()),
        ];
        for listing in wrong {
            let shown = format!("{listing:?}");
            assert!(listing.search().expect_err(&shown).is_config(), "{shown}");
        }
    }
}
