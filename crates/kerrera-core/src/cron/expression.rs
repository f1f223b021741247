//! What `0 7 * * MON-FRI` means.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::field::{DAY, HOUR, MINUTE, MONTH, WEEKDAY};
use super::zone::Timezone;
use crate::error::{Error, Kind as ErrorKind};
use crate::time::Timestamp;

/// When something is to happen: minute, hour, day, month and weekday, or a nickname.
///
/// The grammar is Oban's. Each field is `*`, a number, a range `1-5`, a step `*/15`, `5/15` (from 5 to
/// the last) or `10-40/15`, or a list of these with commas; steps go from 1 to 99. Months and weekdays
/// have their English names as well, in any case, and Sunday is 0 or 7. Nicknames are `@yearly`,
/// `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly` and `@reboot`.
///
/// **Day and weekday must both match**, as in Oban, and unlike in cron, where either is enough:
/// `0 0 13 * FRI` is each Friday the 13th.
///
/// # Daylight saving
///
/// A minute of the real time matches when the clock on the wall shows one of the times. So a local
/// time that the clock skips does not happen that day, and one that it shows twice happens twice.
/// In a zone that does so at night, plan daily jobs for the day, or in UTC.
///
/// ```
/// use kerrera_core::Timestamp;
/// use kerrera_core::cron::{CronExpression, Timezone};
///
/// let mornings: CronExpression = "0 7 * * MON-FRI".parse()?;
/// let saturday: Timestamp = "2026-11-21T12:00:00Z".parse()?;
/// let copenhagen: Timezone = "Europe/Copenhagen".parse()?;
/// let monday = "2026-11-23T06:00:00Z".parse()?;
/// assert_eq!(mornings.next_after(saturday, &copenhagen), Some(monday));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CronExpression {
    text: Box<str>,
    /// `None` for `@reboot`.
    times: Option<Times>,
}

/// The longest text that is looked at, in bytes. One that says everything twice is half as long.
const LONGEST: usize = 1_024;

/// For how many minutes is looked ahead or back: 100 years.
///
/// A leap day that falls on a given weekday comes again within 40 years, whatever the century; what
/// has not come by then is for ever in an hour that the clock skips.
const HORIZON: i64 = 100 * 366 * MINUTES_OF_DAY;

const MINUTES_OF_DAY: i64 = 24 * 60;

const MICROS_OF_MINUTE: i64 = 60_000_000;

impl CronExpression {
    /// Whether it is `@reboot`, which has no times.
    pub fn is_reboot(&self) -> bool {
        self.times.is_none()
    }

    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The numbers that the minute, hour, day, month and weekday stand for, a bit each; `None` for
    /// `@reboot`. Sunday is 0.
    ///
    /// ```
    /// use kerrera_core::cron::CronExpression;
    ///
    /// let quarters: CronExpression = "*/15 7 * * SAT,7".parse()?;
    /// let [minutes, hours, _, _, weekdays] = quarters.fields().unwrap();
    /// assert_eq!(minutes, 1 | 1 << 15 | 1 << 30 | 1 << 45);
    /// assert_eq!((hours, weekdays), (1 << 7, 1 | 1 << 6));
    /// # Ok::<(), kerrera_core::cron::NotACronExpression>(())
    /// ```
    pub fn fields(&self) -> Option<[u64; 5]> {
        let Times { minutes, hours, days, months, weekdays } = self.times?;
        Some([minutes, hours, days, months, weekdays])
    }

    /// Whether it is time, in the minute of `now`; never for `@reboot`.
    pub fn matches(&self, now: Timestamp, zone: &Timezone) -> bool {
        let minute = now.as_micros().div_euclid(MICROS_OF_MINUTE);
        let (Some(times), Some(stretch)) = (&self.times, zone.stretch(minute)) else {
            return false;
        };
        times.first_in(minute + stretch.shift, minute + stretch.shift + 1).is_some()
    }

    /// The first time strictly after the minute of `after`.
    ///
    /// `None` for `@reboot`, at the end of the calendar, and for what never comes, because the clock
    /// always skips it.
    pub fn next_after(&self, after: Timestamp, zone: &Timezone) -> Option<Timestamp> {
        let times = self.times.as_ref()?;
        let mut minute = after.as_micros().div_euclid(MICROS_OF_MINUTE) + 1;
        let horizon = minute + HORIZON;
        while minute < horizon {
            let stretch = zone.stretch(minute)?;
            let until = stretch.until.min(horizon);
            if let Some(found) = times.first_in(minute + stretch.shift, until + stretch.shift) {
                return Some(instant(found - stretch.shift));
            }
            minute = until;
        }
        None
    }

    /// The last time strictly before the minute of `before`; `None` as in
    /// [`next_after`](CronExpression::next_after).
    pub fn last_before(&self, before: Timestamp, zone: &Timezone) -> Option<Timestamp> {
        let times = self.times.as_ref()?;
        let mut end = before.as_micros().div_euclid(MICROS_OF_MINUTE);
        let horizon = end - HORIZON;
        while end > horizon {
            let stretch = zone.stretch(end - 1)?;
            let from = stretch.from.max(horizon);
            if let Some(found) = times.last_in(from + stretch.shift, end + stretch.shift) {
                return Some(instant(found - stretch.shift));
            }
            end = from;
        }
        None
    }
}

/// The minute as an instant.
fn instant(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute.saturating_mul(MICROS_OF_MINUTE))
}

impl FromStr for CronExpression {
    type Err = NotACronExpression;

    fn from_str(text: &str) -> Result<CronExpression, NotACronExpression> {
        let wrong = |problem| NotACronExpression { text: text.chars().take(64).collect(), problem };
        if text.len() > LONGEST {
            return Err(wrong(CronProblem::TooLong { bytes: text.len(), most: LONGEST }));
        }
        let times = if let Some(nickname) = text.trim().strip_prefix('@') {
            match nickname.to_ascii_lowercase().as_str() {
                "reboot" => None,
                "yearly" | "annually" => Some("0 0 1 1 *"),
                "monthly" => Some("0 0 1 * *"),
                "weekly" => Some("0 0 * * 0"),
                "daily" | "midnight" => Some("0 0 * * *"),
                "hourly" => Some("0 * * * *"),
                _ => return Err(wrong(CronProblem::Nickname)),
            }
        } else {
            Some(text)
        };
        let times = times.map(Times::read).transpose().map_err(wrong)?;
        Ok(CronExpression { text: text.into(), times })
    }
}

impl fmt::Display for CronExpression {
    /// The text, as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CronExpression({:?})", self.text)
    }
}

/// The text is not a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotACronExpression {
    text: String,
    problem: CronProblem,
}

impl NotACronExpression {
    /// What is wrong with it, for those who say it in words of their own.
    pub fn problem(&self) -> &CronProblem {
        &self.problem
    }
}

/// What can be wrong with a cron expression. Fields are named `minute`, `hour`, `day`, `month` and
/// `weekday`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CronProblem {
    /// It is so many bytes long, and may have fewer.
    TooLong {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// Its nickname is none.
    Nickname,
    /// It does not have five fields.
    Fields,
    /// What stands in a field is neither a number nor a name.
    Unreadable {
        /// Which field.
        field: &'static str,
        /// What stands there.
        written: String,
    },
    /// A number is too small or too large.
    OutOfRange {
        /// Of which field.
        field: &'static str,
        /// The number.
        written: String,
        /// The smallest that there is.
        first: u32,
        /// The largest.
        last: u32,
    },
    /// A range begins after its end.
    Backwards {
        /// Of which field.
        field: &'static str,
        /// The range.
        written: String,
    },
    /// A step is none, or too large.
    Step {
        /// Of which field.
        field: &'static str,
        /// What stands there.
        written: String,
        /// The largest that there is.
        most: u32,
    },
    /// No month of these has such a day.
    Never {
        /// The field of months.
        months: String,
        /// The field of days.
        days: String,
    },
}

impl fmt::Display for CronProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CronProblem::TooLong { bytes, most } => {
                write!(f, "is {bytes} bytes long: it may have {most}")
            }
            CronProblem::Nickname => f.write_str(
                "is no nickname: there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, \
                 @hourly and @reboot",
            ),
            CronProblem::Fields => f.write_str(
                "needs five fields: minute, hour, day, month and weekday, as in 0 7 * * MON-FRI",
            ),
            CronProblem::Unreadable { field, written } => {
                write!(f, "cannot be: the {field} {written:?} is not understood")
            }
            CronProblem::OutOfRange { field, written, first, last } => write!(
                f,
                "cannot be: the {field} {written} is out of range: it goes from {first} to {last}"
            ),
            CronProblem::Backwards { field, written } => write!(
                f,
                "cannot be: the {field} {written} begins after its end: write the smaller one first, or \
                 two parts with a comma"
            ),
            CronProblem::Step { field, written, most } => write!(
                f,
                "cannot be: the step {written:?} of the {field} is out of range: it goes from 1 to {most}"
            ),
            CronProblem::Never { months, days } => {
                write!(f, "never comes: no month of {months} has a day {days}")
            }
        }
    }
}

impl fmt::Display for NotACronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cron expression {:?} {}", self.text, self.problem)
    }
}

impl std::error::Error for NotACronExpression {}

impl From<NotACronExpression> for Error {
    fn from(wrong: NotACronExpression) -> Error {
        Error::new(ErrorKind::Config, wrong.to_string())
    }
}

/// The numbers of the five fields, a bit each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
}

impl Times {
    fn read(text: &str) -> Result<Times, CronProblem> {
        let [minutes, hours, days, months, weekdays] = &fields(text).ok_or(CronProblem::Fields)?;
        let times = Times {
            minutes: MINUTE.read(minutes)?,
            hours: HOUR.read(hours)?,
            days: DAY.read(days)?,
            months: MONTH.read(months)?,
            weekdays: WEEKDAY.read(weekdays)?,
        };
        let first_day = times.days.trailing_zeros();
        let exists =
            (1..=12).any(|month| times.months & (1 << month) > 0 && first_day <= longest(month));
        if !exists {
            return Err(CronProblem::Never { months: months.clone(), days: days.clone() });
        }
        Ok(times)
    }

    /// The first time from `from` on and before `until`, in minutes of the clock on the wall.
    fn first_in(&self, from: i64, until: i64) -> Option<i64> {
        let mut day = from.div_euclid(MINUTES_OF_DAY);
        let mut date = date_of(day)?;
        let mut earliest = from.rem_euclid(MINUTES_OF_DAY) as u32;
        while day * MINUTES_OF_DAY < until {
            if self.has_date(date)
                && let Some(time) = self.time_from(earliest)
            {
                let found = day * MINUTES_OF_DAY + i64::from(time);
                return (found < until).then_some(found);
            }
            (day, date, earliest) = (day + 1, date.tomorrow().ok()?, 0);
        }
        None
    }

    /// The last time from `from` on and before `until`.
    fn last_in(&self, from: i64, until: i64) -> Option<i64> {
        let mut day = (until - 1).div_euclid(MINUTES_OF_DAY);
        let mut date = date_of(day)?;
        let mut latest = (until - 1).rem_euclid(MINUTES_OF_DAY) as u32;
        while (day + 1) * MINUTES_OF_DAY > from {
            if self.has_date(date)
                && let Some(time) = self.time_to(latest)
            {
                let found = day * MINUTES_OF_DAY + i64::from(time);
                return (found >= from).then_some(found);
            }
            (day, date, latest) = (day - 1, date.yesterday().ok()?, MINUTES_OF_DAY as u32 - 1);
        }
        None
    }

    fn has_date(&self, date: Date) -> bool {
        let has = |bits: u64, number: i8| bits & (1 << number) > 0;
        has(self.months, date.month())
            && has(self.days, date.day())
            && has(self.weekdays, date.weekday().to_sunday_zero_offset())
    }

    /// The first minute of a day from `earliest` on.
    fn time_from(&self, earliest: u32) -> Option<u32> {
        let (hour, minute) = (earliest / 60, earliest % 60);
        let later = self.minutes & (u64::MAX << minute);
        if self.hours & (1 << hour) > 0 && later > 0 {
            return Some(hour * 60 + later.trailing_zeros());
        }
        let hours = self.hours & (u64::MAX << (hour + 1));
        (hours > 0).then(|| hours.trailing_zeros() * 60 + self.minutes.trailing_zeros())
    }

    /// The last minute of a day up to `latest`.
    fn time_to(&self, latest: u32) -> Option<u32> {
        let (hour, minute) = (latest / 60, latest % 60);
        let earlier = self.minutes & (u64::MAX >> (63 - minute));
        if self.hours & (1 << hour) > 0 && earlier > 0 {
            return Some(hour * 60 + earlier.ilog2());
        }
        let hours = self.hours & ((1 << hour) - 1);
        (hours > 0).then(|| hours.ilog2() * 60 + self.minutes.ilog2())
    }
}

/// The five fields. In the last there may be spaces beside the commas.
fn fields(text: &str) -> Option<[String; 5]> {
    let mut rest = text.trim();
    let mut fields = [const { String::new() }; 5];
    for field in &mut fields[..4] {
        let (first, others) = rest.split_once(|c: char| c.is_ascii_whitespace())?;
        *field = first.to_owned();
        rest = others.trim_start();
    }
    let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
    if rest.is_empty() || parts.iter().any(|part| part.contains(char::is_whitespace)) {
        return None;
    }
    fields[4] = parts.join(",");
    Some(fields)
}

/// How many days a month has at most.
fn longest(month: u32) -> u32 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date this many days after the beginning of 1970.
fn date_of(day: i64) -> Option<Date> {
    // A longer span than jiff has is far outside of its calendar.
    let days = i32::try_from(day).ok().filter(|day| day.abs() < 4_000_000)?;
    date(1970, 1, 1).checked_add(days.days()).ok()
}

#[cfg(test)]
mod tests;
