//! What is wrong with a filter.

use std::fmt;
use std::ops::Range;

use super::Filter;

/// What is wrong with the text of a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterError {
    /// From which byte of the text to which.
    pub at: Range<usize>,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The text has more than [`Filter::LONGEST`] bytes.
    TooLong,
    /// There are more than [`Filter::TERMS`] terms, or more than [`Filter::VALUES`] values.
    TooMany,
    /// A text in quotes has no end.
    Unclosed,
    /// There is a character that no text of a job has.
    Unprintable,
    /// There is nothing to filter by of this name.
    Unknown {
        /// What was written.
        written: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A word stands alone.
    Alone {
        /// What was written.
        written: String,
    },
    /// It cannot have this value.
    Value {
        /// What is filtered by.
        qualifier: String,
        /// What was written.
        written: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
        /// What it can have.
        expected: &'static str,
    },
}

impl FilterError {
    pub(super) fn new(at: Range<usize>, problem: Problem) -> FilterError {
        FilterError { at, problem }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(64).collect::<String>();
        let hint = |f: &mut fmt::Formatter<'_>, nearest: &Option<&str>| match nearest {
            Some(nearest) => write!(f, ": did you mean {nearest:?}?"),
            None => Ok(()),
        };
        match &self.problem {
            Problem::TooLong => write!(f, "a filter has at most {} bytes", Filter::LONGEST),
            Problem::TooMany => {
                let (terms, values) = (Filter::TERMS, Filter::VALUES);
                write!(f, "a filter has at most {terms} terms, and {values} values in all")
            }
            Problem::Unclosed => f.write_str("the text in quotes has no end: close it with \""),
            Problem::Unprintable => f.write_str("there is a NUL, which no text of a job has"),
            Problem::Unknown { written, nearest } => {
                write!(f, "there is no {:?} to filter by", short(written))?;
                hint(f, nearest)
            }
            Problem::Alone { written } => {
                let written = short(written);
                write!(f, "{written:?} stands alone: say what it is, as in worker:{written}")
            }
            Problem::Value { qualifier, written, nearest, expected } => {
                let (qualifier, written) = (short(qualifier), short(written));
                write!(f, "{qualifier} cannot be {written:?}, it is {expected}")?;
                hint(f, nearest)
            }
        }
    }
}

impl std::error::Error for FilterError {}
