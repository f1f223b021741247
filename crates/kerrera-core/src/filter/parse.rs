//! Reading filters.

use std::ops::Range;

use serde_json::Number;

use super::Filter;
use super::error::{FilterError, Problem};
use super::moment::{Length, Moment};
use super::term::{Bound, Mark, Subject, Term, TermTime, Value};
use crate::job_query::Comparison;
use crate::nearest::nearest;
use crate::state::State;

/// What can be filtered by, under every name that it has. Of args and meta a key must follow.
static NAMES: [(&str, Subject); 24] = [
    ("state", Subject::State),
    ("queue", Subject::Queue),
    ("worker", Subject::Worker),
    ("kind", Subject::Worker),
    ("id", Subject::Id),
    ("tag", Subject::Tag),
    ("priority", Subject::Priority),
    ("attempt", Subject::Attempt),
    ("node", Subject::Node),
    ("args.", Subject::Args(Vec::new())),
    ("meta.", Subject::Meta(Vec::new())),
    ("error", Subject::Error),
    ("error.fp", Subject::Fingerprint),
    ("error.type", Subject::ErrorType),
    ("inserted", Subject::Time(TermTime::Inserted)),
    ("scheduled", Subject::Time(TermTime::Scheduled)),
    ("attempted", Subject::Time(TermTime::Attempted)),
    ("finished", Subject::Time(TermTime::Finished)),
    ("duration", Subject::Duration),
    ("wait", Subject::Wait),
    ("cron", Subject::Cron),
    ("trace", Subject::Trace),
    ("is", Subject::Is),
    ("fingerprint", Subject::Fingerprint),
];

/// How many keys a path can have: JSON that is nested deeper is hardly read anywhere.
const DEEPEST: usize = 32;

pub(super) fn filter(text: &str) -> Result<Filter, FilterError> {
    if text.len() > Filter::LONGEST {
        return Err(FilterError::new(0..text.len(), Problem::TooLong));
    }
    if let Some(at) = text.find('\0') {
        return Err(FilterError::new(at..at + 1, Problem::Unprintable));
    }
    let mut reader = Reader { text, at: 0 };
    let mut terms: Vec<Term> = Vec::new();
    let mut values = 0;
    loop {
        reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(Filter { terms });
        }
        let term = reader.term()?;
        values += term.values.len();
        if terms.len() == Filter::TERMS || values > Filter::VALUES {
            return Err(FilterError::new(term.at, Problem::TooMany));
        }
        terms.push(term);
    }
}

/// What a word without quotes says of a subject, if it can stand without them.
pub(super) fn bare(subject: &Subject, word: &str) -> Option<Value> {
    let ends = |c: char| c.is_whitespace() || c == ',';
    if word.is_empty() || word.starts_with('"') || word.contains(ends) || word.contains('\0') {
        return None;
    }
    value(subject, word).ok()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Goes over this character, if it is the next one.
    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let begin = self.at;
        let negated = self.eat('-');
        let head = self.at;
        let Some(colon) = self.colon()? else {
            // What stands alone.
            let word = self.word();
            let at = begin..self.at;
            let Some(number @ Value::Number(_)) = bare(&Subject::Id, word) else {
                let written = word.to_owned();
                return Err(FilterError::new(at, Problem::Alone { written }));
            };
            return Ok(Term { negated, subject: Subject::Id, values: vec![number], at });
        };
        let subject = subject(&self.text[head..colon], head..colon)?;
        self.at = colon + 1;
        let mut values = Vec::new();
        loop {
            values.push(self.value(&subject)?);
            if !self.eat(',') {
                break;
            }
        }
        Ok(Term { negated, subject, values, at: begin..self.at })
    }

    /// Where the qualifier that begins here ends, if one does. Its keys can be in quotes.
    fn colon(&self) -> Result<Option<usize>, FilterError> {
        let mut reader = Reader { text: self.text, at: self.at };
        while let Some(next) = reader.peek() {
            match next {
                ':' => return Ok(Some(reader.at)),
                '"' => drop(reader.quoted()?),
                ',' => return Ok(None),
                next if next.is_whitespace() => return Ok(None),
                next => reader.at += next.len_utf8(),
            }
        }
        Ok(None)
    }

    /// Up to a space, a comma or the end.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A text in quotes, in which `\"` and `\\` stand for one character each.
    fn quoted(&mut self) -> Result<String, FilterError> {
        let begin = self.at;
        self.eat('"');
        let mut text = String::new();
        while let Some(next) = self.peek() {
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text),
                '\\' => match self.peek() {
                    Some(next @ ('"' | '\\')) => {
                        self.at += 1;
                        text.push(next);
                    }
                    _ => text.push('\\'),
                },
                next => text.push(next),
            }
        }
        Err(FilterError::new(begin..self.at, Problem::Unclosed))
    }

    fn value(&mut self, subject: &Subject) -> Result<Value, FilterError> {
        let begin = self.at;
        if self.peek() != Some('"') {
            let word = self.word();
            return value(subject, word)
                .map_err(|wrong| wrong.told(subject, word, begin..self.at.max(begin)));
        }
        let text = self.quoted()?;
        let is_prefix = self.eat('*');
        let ends = |c: char| c.is_whitespace() || c == ',';
        let is_whole = self.peek().is_none_or(ends);
        let value = match subject {
            _ if !is_whole => None,
            Subject::Queue | Subject::Worker if is_prefix => Some(Value::Prefix(text)),
            _ if is_prefix => None,
            subject if is_text(subject) => Some(Value::Text(text)),
            Subject::Args(_) | Subject::Meta(_) => Some(Value::Text(text)),
            // Quotes around what needs none.
            subject => bare(subject, &text),
        };
        value.ok_or_else(|| {
            self.word();
            Wrong { nearest: None }.told(subject, &self.text[begin..self.at], begin..self.at)
        })
    }
}

/// A value that a subject cannot have.
struct Wrong {
    nearest: Option<&'static str>,
}

impl Wrong {
    fn told(self, subject: &Subject, written: &str, at: Range<usize>) -> FilterError {
        let expected = match subject {
            Subject::State => {
                "one of suspended, scheduled, available, executing, retryable, completed, \
                 discarded, cancelled"
            }
            Subject::Id | Subject::Priority | Subject::Attempt => {
                "a number, as 7, >=7, 7..9 or 7..; more with commas"
            }
            Subject::Args(_) | Subject::Meta(_) => {
                "a word, a \"text\", a number, >100, 1..5, or * for whatever is there"
            }
            Subject::Time(_) => {
                "a day or a time, alone, compared or in a range: 2026-11-22, >-1h, \
                 2026-11-22T12:00..2026-11-23, <2026-11-22T12:00:00Z"
            }
            Subject::Duration | Subject::Wait => {
                "compared with so many ms, s, m, h or d: >30s, 1m..5m"
            }
            Subject::Is => "one of orphaned, snoozed, rescued, stuck, unregistered",
            Subject::Queue | Subject::Worker => "a name, or a beginning with * at its end",
            _ => "a word, or a \"text\"",
        };
        let (qualifier, written) = (subject.to_string(), written.to_owned());
        let Wrong { nearest } = self;
        FilterError::new(at, Problem::Value { qualifier, written, nearest, expected })
    }
}

fn is_text(subject: &Subject) -> bool {
    matches!(
        subject,
        Subject::Queue
            | Subject::Worker
            | Subject::Tag
            | Subject::Node
            | Subject::Error
            | Subject::ErrorType
            | Subject::Fingerprint
            | Subject::Cron
            | Subject::Trace
    )
}

fn subject(written: &str, at: Range<usize>) -> Result<Subject, FilterError> {
    let path = |name| written.strip_prefix(name).and_then(keys);
    if let Some(keys) = path("args.") {
        return Ok(Subject::Args(keys));
    }
    if let Some(keys) = path("meta.") {
        return Ok(Subject::Meta(keys));
    }
    let known = NAMES.iter().find(|(name, _)| *name == written && !name.ends_with('.'));
    known.map(|(_, subject)| subject.clone()).ok_or_else(|| {
        let nearest = nearest(written, NAMES.iter().map(|(name, _)| *name), 0.5);
        FilterError::new(at, Problem::Unknown { written: written.to_owned(), nearest })
    })
}

/// The keys of a path: words or texts in quotes, with dots between.
fn keys(path: &str) -> Option<Vec<String>> {
    let mut reader = Reader { text: path, at: 0 };
    let mut keys = Vec::new();
    loop {
        let key = if reader.peek() == Some('"') {
            reader.quoted().ok()?
        } else {
            let rest = reader.rest();
            let end = rest.find(['.', '"']).unwrap_or(rest.len());
            reader.at += end;
            Some(&rest[..end]).filter(|key| !key.is_empty())?.to_owned()
        };
        keys.push(key);
        if keys.len() > DEEPEST {
            return None;
        }
        if reader.rest().is_empty() {
            return Some(keys);
        }
        if !reader.eat('.') {
            return None;
        }
    }
}

/// What a word without quotes says of a subject.
fn value(subject: &Subject, word: &str) -> Result<Value, Wrong> {
    let wrong = || Wrong { nearest: None };
    if word.is_empty() {
        return Err(wrong());
    }
    let value = match subject {
        Subject::State => {
            let names = State::ALL.map(State::as_str);
            let nearest = || Wrong { nearest: nearest(word, names, 0.5) };
            return word.parse().map(Value::State).map_err(|_| nearest());
        }
        Subject::Is => {
            let mark = Mark::ALL.into_iter().find(|mark| mark.as_str() == word);
            let names = Mark::ALL.map(Mark::as_str);
            return mark
                .map(Value::Mark)
                .ok_or_else(|| Wrong { nearest: nearest(word, names, 0.5) });
        }
        Subject::Queue | Subject::Worker => Some(match word.strip_suffix('*') {
            Some(prefix) => Value::Prefix(prefix.to_owned()),
            None => Value::Text(word.to_owned()),
        }),
        subject if is_text(subject) => Some(Value::Text(word.to_owned())),
        Subject::Id | Subject::Priority | Subject::Attempt => {
            bound(word, |text| text.parse().ok()).map(Value::Number)
        }
        Subject::Time(_) => bound(word, Moment::parse)
            // What is relative is one instant, at which nothing ever happens.
            .filter(|bound| !matches!(bound, Bound::Is(Moment::Ago(_) | Moment::Hence(_))))
            .map(Value::Time),
        Subject::Duration | Subject::Wait => bound(word, Length::parse)
            .filter(|bound| !matches!(bound, Bound::Is(_)))
            .map(Value::Length),
        _ if word == "*" => Some(Value::Anything),
        _ => {
            let number = |text: &str| serde_json::from_str::<Number>(text).ok();
            match bound(word, number) {
                Some(measure @ (Bound::Compares(..) | Bound::Between(..))) => {
                    Some(Value::Measure(measure))
                }
                _ if word.starts_with(['<', '>']) => None,
                _ => Some(Value::Word(word.to_owned())),
            }
        }
    };
    value.ok_or_else(wrong)
}

/// A value, alone, compared or in a range.
fn bound<T>(word: &str, read: impl Fn(&str) -> Option<T>) -> Option<Bound<T>> {
    // The longer sign first.
    for sign in [Comparison::AtLeast, Comparison::AtMost, Comparison::Greater, Comparison::Less] {
        if let Some(value) = word.strip_prefix(sign.sign()) {
            return read(value).map(|value| Bound::Compares(sign, value));
        }
    }
    if let Some((low, high)) = word.split_once("..") {
        // An end that is there must be read.
        let end = |text: &str| match text {
            "" => Some(None),
            text => read(text).map(Some),
        };
        return match (end(low)?, end(high)?) {
            (None, None) => None,
            (low, high) => Some(Bound::Between(low, high)),
        };
    }
    read(word).map(Bound::Is)
}
