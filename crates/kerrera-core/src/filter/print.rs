//! Filters as text.

use std::fmt;

use super::parse;
use super::term::{Bound, Subject, Term, TermTime, Value};

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, keys): (&str, &[String]) = match self {
            Subject::State => ("state", &[]),
            Subject::Queue => ("queue", &[]),
            Subject::Worker => ("worker", &[]),
            Subject::Id => ("id", &[]),
            Subject::Tag => ("tag", &[]),
            Subject::Priority => ("priority", &[]),
            Subject::Attempt => ("attempt", &[]),
            Subject::Node => ("node", &[]),
            Subject::Args(keys) => ("args", keys),
            Subject::Meta(keys) => ("meta", keys),
            Subject::Error => ("error", &[]),
            Subject::ErrorType => ("error.type", &[]),
            Subject::Fingerprint => ("error.fp", &[]),
            Subject::Time(TermTime::Inserted) => ("inserted", &[]),
            Subject::Time(TermTime::Scheduled) => ("scheduled", &[]),
            Subject::Time(TermTime::Attempted) => ("attempted", &[]),
            Subject::Time(TermTime::Finished) => ("finished", &[]),
            Subject::Duration => ("duration", &[]),
            Subject::Wait => ("wait", &[]),
            Subject::Cron => ("cron", &[]),
            Subject::Trace => ("trace", &[]),
            Subject::Is => ("is", &[]),
        };
        f.write_str(name)?;
        for key in keys {
            f.write_str(".")?;
            let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if !key.is_empty() && key.chars().all(is_plain) {
                f.write_str(key)?;
            } else {
                quoted(f, key)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("-")?;
        }
        write!(f, "{}:", self.subject)?;
        for (at, value) in self.values.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match value {
                // Bare only if it reads back as the same.
                Value::Text(text) | Value::Word(text) => {
                    match parse::bare(&self.subject, text).as_ref() == Some(value) {
                        true => f.write_str(text)?,
                        false => quoted(f, text)?,
                    }
                }
                Value::Prefix(text) => {
                    match parse::bare(&self.subject, &format!("{text}*")).as_ref() == Some(value) {
                        true => f.write_str(text)?,
                        false => quoted(f, text)?,
                    }
                    f.write_str("*")?;
                }
                Value::State(state) => state.fmt(f)?,
                Value::Anything => f.write_str("*")?,
                Value::Measure(bound) => bound.fmt(f)?,
                Value::Number(bound) => bound.fmt(f)?,
                Value::Time(bound) => bound.fmt(f)?,
                Value::Length(bound) => bound.fmt(f)?,
                Value::Mark(mark) => f.write_str(mark.as_str())?,
            }
        }
        Ok(())
    }
}

impl<T: fmt::Display> fmt::Display for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Is(value) => value.fmt(f),
            Bound::Compares(comparison, value) => write!(f, "{}{value}", comparison.sign()),
            Bound::Between(low, high) => {
                if let Some(low) = low {
                    low.fmt(f)?;
                }
                f.write_str("..")?;
                high.iter().try_for_each(|high| high.fmt(f))
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
