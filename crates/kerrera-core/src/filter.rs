//! Filters: which jobs are meant, as a person types it. One grammar for the dashboard, its API and the
//! command line.
//!
//! ```text
//! query   := term (space term)*                    all of them hold
//! term    := ["-"] ( qualifier ":" values | number | number ".." number )
//! values  := value ("," value)*                    one of them holds
//! value   := word | "text" | prefix"*" | [low] ".." [high] | (">" | ">=" | "<" | "<=") value
//! ```
//!
//! `state:retryable worker:Send* args.user.id:7 finished:>-1h -tag:test`. What each qualifier takes is
//! said at [`Subject`].

mod error;
mod moment;
mod parse;
mod print;
mod term;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::cron::Timezone;
use crate::job_query::JobQuery;
use crate::time::Timestamp;

pub use error::{FilterError, Problem};
pub use moment::{Length, Moment, Unit};
pub use term::{Bound, Cost, Mark, Subject, Term, TermTime, Value};

/// Which jobs are meant, as a person types it.
///
/// Its text is canonical: two filters with the same terms have the same, and it reads back as the same
/// filter.
///
/// ```
/// use kerrera_core::cron::Timezone;
/// use kerrera_core::filter::Filter;
/// use kerrera_core::Timestamp;
///
/// let filter: Filter = "kind:Send*  state:retryable,discarded args.user.id:7".parse()?;
/// assert_eq!(filter.to_string(), "worker:Send* state:retryable,discarded args.user.id:7");
/// let query = filter.query(Timestamp::now(), &Timezone::utc());
///
/// let error = "staet:retryable".parse::<Filter>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no \"staet\" to filter by: did you mean \"state\"?");
/// # let _ = query;
/// # Ok::<(), kerrera_core::filter::FilterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// The terms, all of which hold of a job that is meant.
    pub terms: Vec<Term>,
}

impl Filter {
    /// How many bytes the text of a filter can have.
    pub const LONGEST: usize = 4_096;
    /// How many terms it can have.
    pub const TERMS: usize = 64;
    /// How many values all of them together can have.
    pub const VALUES: usize = 512;

    /// The jobs that are meant; what is relative counts from `now`, and times without a zone are those
    /// of `zone`.
    pub fn query(&self, now: Timestamp, zone: &Timezone) -> JobQuery {
        let conditions = self.terms.iter().map(|term| term.condition(now, zone));
        JobQuery::new().where_all(conditions)
    }

    /// What it costs to look for them: as much as the dearest term, but little where a term leaves only
    /// a few jobs of which the others are asked.
    pub fn cost(&self) -> Cost {
        let most = self.terms.iter().map(Term::cost).max().unwrap_or(Cost::Cheap);
        let is_narrow = self.terms.iter().any(Term::is_narrow);
        if is_narrow { most.min(Cost::Medium) } else { most }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        parse::filter(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}
