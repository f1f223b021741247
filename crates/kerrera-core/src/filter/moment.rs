//! Times and lengths of time, as a person types them.

use std::fmt;
use std::time::Duration;

use crate::cron::Timezone;
use crate::time::Timestamp;

/// A time as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long before now: `-1h`; `-0s` is now.
    Ago(Length),
    /// So long after now: `+2d`.
    Hence(Length),
    /// An instant: `2026-11-22T12:00:00Z`.
    At(Timestamp),
    /// A day of a time zone, which is also as long as that: `2026-11-22`; microseconds since 1970, as a
    /// clock on the wall would count them.
    Day(i64),
    /// A minute of a time zone: `2026-11-22T12:00`.
    Minute(i64),
    /// A second of a time zone: `2026-11-22T12:00:00`.
    Second(i64),
}

/// A length of time in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`
    Days,
}

impl Unit {
    /// How it is written, and how many milliseconds it has. The longer name is looked for first.
    const ALL: [(Unit, &str, u64); 5] = [
        (Unit::Milliseconds, "ms", 1),
        (Unit::Seconds, "s", 1_000),
        (Unit::Minutes, "m", 60_000),
        (Unit::Hours, "h", 3_600_000),
        (Unit::Days, "d", 86_400_000),
    ];

    fn described(self) -> (&'static str, u64) {
        let found = Unit::ALL.iter().find(|(unit, ..)| *unit == self);
        found.map_or(("s", 1_000), |(_, name, milliseconds)| (name, *milliseconds))
    }
}

impl Length {
    pub(super) fn parse(text: &str) -> Option<Length> {
        Unit::ALL.iter().find_map(|(unit, name, _)| {
            let digits = text.strip_suffix(name)?;
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let count = is_plain.then(|| digits.parse().ok())??;
            Some(Length { count, unit: *unit })
        })
    }

    /// The same as what the rest of the program counts in.
    pub fn duration(self) -> Duration {
        Duration::from_millis(u64::from(self.count) * self.unit.described().1)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.described().0)
    }
}

impl Moment {
    pub(super) fn parse(text: &str) -> Option<Moment> {
        if let Some(length) = text.strip_prefix('-') {
            return Length::parse(length).map(Moment::Ago);
        }
        if let Some(length) = text.strip_prefix('+') {
            return Length::parse(length).map(Moment::Hence);
        }
        let shape: String =
            text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).take(32).collect();
        let civil = |text: &str| {
            let micros = format!("{text}Z").parse::<Timestamp>().ok()?;
            micros.is_storable().then(|| micros.as_micros())
        };
        match &*shape {
            "0000-00-00" => civil(&format!("{text}T00:00:00")).map(Moment::Day),
            "0000-00-00T00:00" => civil(&format!("{text}:00")).map(Moment::Minute),
            "0000-00-00T00:00:00" => civil(text).map(Moment::Second),
            _ => text.parse::<Timestamp>().ok().filter(|at| at.is_storable()).map(Moment::At),
        }
    }

    /// The first instant of it, and the first after it; the same for an instant.
    pub(super) fn stretch(self, now: Timestamp, zone: &Timezone) -> (Timestamp, Timestamp) {
        const MINUTE: i64 = 60_000_000;
        let civil = |micros: i64, length: i64| {
            let instant = |micros: i64| zone.instant(Timestamp::from_micros(micros));
            (instant(micros), instant(micros.saturating_add(length)))
        };
        let once = |instant: Timestamp| (instant, instant);
        match self {
            Moment::Ago(length) => once(now - length.duration()),
            Moment::Hence(length) => once(now + length.duration()),
            Moment::At(instant) => once(instant),
            Moment::Day(micros) => civil(micros, 24 * 60 * MINUTE),
            Moment::Minute(micros) => civil(micros, MINUTE),
            Moment::Second(micros) => civil(micros, 1_000_000),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = |micros: i64, length: usize| {
            let text = Timestamp::from_micros(micros).to_string();
            text.chars().take(length).collect::<String>()
        };
        match self {
            Moment::Ago(length) => write!(f, "-{length}"),
            Moment::Hence(length) => write!(f, "+{length}"),
            Moment::At(instant) => instant.fmt(f),
            Moment::Day(micros) => f.write_str(&civil(*micros, "2026-11-22".len())),
            Moment::Minute(micros) => f.write_str(&civil(*micros, "2026-11-22T12:00".len())),
            Moment::Second(micros) => f.write_str(&civil(*micros, "2026-11-22T12:00:00".len())),
        }
    }
}
