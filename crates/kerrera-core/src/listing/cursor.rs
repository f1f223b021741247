//! Where a page begins.

use std::fmt;
use std::str::FromStr;

use super::{Path, Spot, Way};
use crate::job::JobId;
use crate::time::Timestamp;

/// Where a page begins, and in which direction it goes from there: after a job, or in front of it,
/// whatever is inserted or removed meanwhile.
///
/// As text it consists of letters, digits, `.` and `-`, so that it fits into a URL as it is. What it
/// says is nobody's business; it names no more than a job's number, priority and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(super) way: Way,
    /// Whether the page ends in front of the place.
    pub(super) backwards: bool,
    pub(super) spot: Spot,
}

impl Cursor {
    /// The place behind the job of this number, in a list that goes by the numbers, the smallest first.
    pub fn behind(id: JobId) -> Cursor {
        let way = Way { path: Path::Number, is_descending: false };
        Cursor { way, backwards: false, spot: Spot { priority: None, time: None, id } }
    }

    /// The number of the job at the place.
    pub fn job(&self) -> JobId {
        self.spot.id
    }

    /// Whether it is a place along this way.
    pub(super) fn fits(&self, way: Way) -> bool {
        self.way == way
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.backwards { 'p' } else { 'n' };
        let Spot { priority, time, id } = self.spot;
        let way = match (self.way.path, self.way.is_descending) {
            (Path::Number, false) => 'i',
            (Path::Number, true) => 'I',
            (Path::OwnTime, false) => 't',
            (Path::OwnTime, true) => 'T',
            (Path::Claim, false) => 'c',
            (Path::Claim, true) => 'C',
        };
        write!(f, "{direction}{way}.{id}")?;
        if let Some(time) = time {
            write!(f, ".{}", time.as_micros())?;
        }
        if let Some(priority) = priority {
            write!(f, ".{priority}")?;
        }
        Ok(())
    }
}

/// The text is not a [`Cursor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotACursor(String);

impl fmt::Display for NotACursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no place in a list: begin it at its first page", self.0)
    }
}

impl std::error::Error for NotACursor {}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Cursor, NotACursor> {
        let wrong = || NotACursor(text.chars().take(64).collect());
        let mut parts = text.split('.');
        let head: Vec<char> = parts.next().unwrap_or_default().chars().collect();
        let [direction @ ('n' | 'p'), letter] = head[..] else { return Err(wrong()) };
        let path = match letter.to_ascii_lowercase() {
            'i' => Path::Number,
            't' => Path::OwnTime,
            'c' => Path::Claim,
            _ => return Err(wrong()),
        };
        let numbers: Vec<i64> =
            parts.map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let time = |micros| {
            Some(Timestamp::from_micros(micros)).filter(|time| time.is_storable()).ok_or_else(wrong)
        };
        let spot = match (path, &numbers[..]) {
            (Path::Number, &[id]) => Spot { priority: None, time: None, id },
            (Path::OwnTime, &[id, at]) => Spot { priority: None, time: Some(time(at)?), id },
            (Path::Claim, &[id, at, priority]) => {
                let priority = i32::try_from(priority).map_err(|_| wrong())?;
                Spot { priority: Some(priority), time: Some(time(at)?), id }
            }
            _ => return Err(wrong()),
        };
        let way = Way { path, is_descending: letter.is_ascii_uppercase() };
        Ok(Cursor { way, backwards: direction == 'p', spot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back() {
        for text in ["nI.4711", "pi.-1", "nT.4711.1763856000000001", "pc.1.5.9"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        let none =
            ["", "n", "nI", "xI.1", "nX.1", "nI.1.2", "nT.1", "nc.1.5", "nI.x", "nI.1 ", "né.1"];
        for text in none {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
        assert!("nT.1.-5".parse::<Cursor>().is_err(), "no job has a time before 1970");
    }
}
