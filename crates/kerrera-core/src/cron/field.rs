//! One field of an expression: the numbers that it stands for, as bits.

use super::expression::CronProblem;

/// What a field is made of.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    first: u32,
    last: u32,
    /// The names that stand for numbers, the first of them for `first`.
    names: &'static [&'static str],
    /// One more than the last number, where it means the first: Sunday.
    again: bool,
}

pub(super) const MINUTE: Kind = Kind::new("minute", 0, 59);
pub(super) const HOUR: Kind = Kind::new("hour", 0, 23);
pub(super) const DAY: Kind = Kind::new("day", 1, 31);
pub(super) const MONTH: Kind = Kind { names: &MONTHS, ..Kind::new("month", 1, 12) };
pub(super) const WEEKDAY: Kind =
    Kind { names: &WEEKDAYS, again: true, ..Kind::new("weekday", 0, 6) };

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The largest step.
const LONGEST_STEP: u32 = 99;

impl Kind {
    const fn new(name: &'static str, first: u32, last: u32) -> Kind {
        Kind { name, first, last, names: &[], again: false }
    }

    /// The numbers of a field, a bit each; or what is wrong with it.
    ///
    /// No number is larger than a hundred before it is used, so nothing is ever expanded that does
    /// not fit.
    pub(super) fn read(&self, text: &str) -> Result<u64, CronProblem> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self.part(part)?;
        }
        if self.again && bits & (1 << (self.last + 1)) > 0 {
            bits = bits & !(1 << (self.last + 1)) | (1 << self.first);
        }
        Ok(bits)
    }

    fn part(&self, part: &str) -> Result<u64, CronProblem> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (from, to) = if range == "*" {
            (self.first, self.last)
        } else if let Some((from, to)) = range.split_once('-') {
            let (low, high) = (self.number(from)?, self.number(to)?);
            if low > high {
                return Err(CronProblem::Backwards { field: self.name, written: range.to_owned() });
            }
            (low, high)
        } else {
            let from = self.number(range)?;
            (from, if step.is_some() { from.max(self.last) } else { from })
        };
        let step = step.unwrap_or(1);
        Ok((from..=to).step_by(step).fold(0, |bits, number| bits | 1 << number))
    }

    fn number(&self, text: &str) -> Result<u32, CronProblem> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.first + at as u32);
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CronProblem::Unreadable { field: self.name, written: text.to_owned() });
        }
        // Too many digits are too large as well.
        let number = text.parse().unwrap_or(u32::MAX);
        let last = self.last + u32::from(self.again);
        if !(self.first..=last).contains(&number) {
            return Err(CronProblem::OutOfRange {
                field: self.name,
                written: text.to_owned(),
                first: self.first,
                last,
            });
        }
        Ok(number)
    }

    fn step(&self, text: &str) -> Result<usize, CronProblem> {
        let step = text.parse().ok().filter(|step| (1..=LONGEST_STEP).contains(step));
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        match step {
            Some(step) if plain => Ok(step as usize),
            _ => Err(CronProblem::Step {
                field: self.name,
                written: text.to_owned(),
                most: LONGEST_STEP,
            }),
        }
    }
}
