//! Instants, units and the clock of the storage.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use jiff::civil::{DateTime, datetime};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// An instant in UTC, in whole microseconds: what both databases store.
///
/// ```
/// use kerrera_core::{Timestamp, Units};
///
/// let noon: Timestamp = "2026-11-22T12:00:00Z".parse()?;
/// assert_eq!((noon + 90.minutes()).to_string(), "2026-11-22T13:30:00.000000Z");
/// # Ok::<(), kerrera_core::time::NotATimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The beginning of 1970, the earliest that a job can be scheduled at.
    pub const MIN: Timestamp = Timestamp(0);
    /// The end of 9999, the latest that a job can be scheduled at.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// From microseconds since the beginning of 1970.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since the beginning of 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The clock of this machine, which may differ from the database's.
    pub fn now() -> Timestamp {
        SystemTime::now().into()
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// Whether it lies in the years that a job can be scheduled in, 1970 to 9999.
    pub fn is_storable(self) -> bool {
        (Timestamp::MIN..=Timestamp::MAX).contains(&self)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Timestamp(micros(after)),
            Err(before) => Timestamp(-micros(before.duration())),
        }
    }
}

#[cfg(feature = "jiff")]
impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Timestamp {
        Timestamp(instant.as_microsecond())
    }
}

#[cfg(feature = "jiff")]
impl From<jiff::Zoned> for Timestamp {
    fn from(instant: jiff::Zoned) -> Timestamp {
        instant.timestamp().into()
    }
}

#[cfg(feature = "chrono")]
impl<Z: chrono::TimeZone> From<chrono::DateTime<Z>> for Timestamp {
    fn from(instant: chrono::DateTime<Z>) -> Timestamp {
        Timestamp(instant.timestamp_micros())
    }
}

#[cfg(feature = "time")]
impl From<time::OffsetDateTime> for Timestamp {
    fn from(instant: time::OffsetDateTime) -> Timestamp {
        // Years -9999 to 9999 in microseconds are far from the ends of an i64.
        Timestamp((instant.unix_timestamp_nanos() / 1_000) as i64)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    /// Saturates at the ends of the calendar.
    fn add(self, span: Duration) -> Timestamp {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(micros))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;

    /// Saturates at the ends of the calendar.
    fn sub(self, span: Duration) -> Timestamp {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(micros))
    }
}

/// Civil time goes to the end of 9999; jiff's own instants end two days before it.
const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with six digits of fraction, as Oban writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match EPOCH.checked_add(SignedDuration::from_micros(self.0)) {
            Ok(time) => write!(f, "{time:.6}Z"),
            Err(_) => write!(f, "{} µs after 1970", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotATimestamp(String);

impl fmt::Display for NotATimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an instant; write it as 2026-11-22T12:00:00Z", self.0)
    }
}

impl std::error::Error for NotATimestamp {}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Reads ISO 8601; without an offset the time is taken as UTC, as databases print it.
    fn from_str(text: &str) -> Result<Timestamp, NotATimestamp> {
        let wrong = || NotATimestamp(text.chars().take(64).collect());
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(Timestamp(instant.as_microsecond()));
        }
        let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
        let time: DateTime = bare.parse().map_err(|_| wrong())?;
        let micros = time.duration_since(EPOCH).as_micros();
        i64::try_from(micros).map(Timestamp).map_err(|_| wrong())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Reads ISO 8601, or a number of microseconds.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        struct Instant;

        impl Visitor<'_> for Instant {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an instant in ISO 8601, or microseconds since 1970")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(micros))
            }

            fn visit_u64<E: de::Error>(self, micros: u64) -> Result<Timestamp, E> {
                i64::try_from(micros).map(Timestamp).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Instant)
    }
}

/// Spans of time in words: `5.minutes()`, `1.hour()`.
///
/// A span too long for a [`Duration`] saturates.
///
/// ```
/// use kerrera_core::Units;
///
/// assert_eq!(2.hours(), 120.minutes());
/// ```
pub trait Units {
    /// This many thousandths of a second.
    fn milliseconds(self) -> Duration;
    /// This many seconds.
    fn seconds(self) -> Duration;
    /// This many minutes.
    fn minutes(self) -> Duration;
    /// This many hours.
    fn hours(self) -> Duration;
    /// This many days of 24 hours.
    fn days(self) -> Duration;
    /// This many weeks of 7 days.
    fn weeks(self) -> Duration;

    /// One second, to be read as it is said.
    fn second(self) -> Duration
    where
        Self: Sized,
    {
        self.seconds()
    }
    /// One minute, to be read as it is said.
    fn minute(self) -> Duration
    where
        Self: Sized,
    {
        self.minutes()
    }
    /// One hour, to be read as it is said.
    fn hour(self) -> Duration
    where
        Self: Sized,
    {
        self.hours()
    }
    /// One day of 24 hours, to be read as it is said.
    fn day(self) -> Duration
    where
        Self: Sized,
    {
        self.days()
    }
    /// One week of 7 days, to be read as it is said.
    fn week(self) -> Duration
    where
        Self: Sized,
    {
        self.weeks()
    }
}

impl Units for u64 {
    fn milliseconds(self) -> Duration {
        Duration::from_millis(self)
    }
    fn seconds(self) -> Duration {
        Duration::from_secs(self)
    }
    fn minutes(self) -> Duration {
        Duration::from_secs(self.saturating_mul(60))
    }
    fn hours(self) -> Duration {
        Duration::from_secs(self.saturating_mul(3_600))
    }
    fn days(self) -> Duration {
        Duration::from_secs(self.saturating_mul(86_400))
    }
    fn weeks(self) -> Duration {
        Duration::from_secs(self.saturating_mul(604_800))
    }
}

/// The clock that a storage uses for every time that it stores or compares.
///
/// In production it is the database's own. A test gives the storage a clock that stands still until
/// it is told to move, and every statement uses that instead.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The database's own clock.
    pub fn database() -> Clock {
        Clock(None)
    }

    /// A clock that shows `start` until it is told otherwise; clones share it.
    pub fn manual(start: Timestamp) -> Clock {
        Clock(Some(Arc::new(AtomicI64::new(start.as_micros()))))
    }

    /// What a manual clock shows; `None` means that the database is to be asked.
    pub fn shows(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|clock| Timestamp(clock.load(Ordering::SeqCst)))
    }

    /// Puts a manual clock forward or back; does nothing to the database's.
    pub fn set(&self, time: Timestamp) {
        if let Some(clock) = &self.0 {
            clock.store(time.as_micros(), Ordering::SeqCst);
        }
    }

    /// Moves a manual clock forward; does nothing to the database's.
    pub fn advance(&self, span: Duration) {
        if let Some(clock) = &self.0 {
            let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            clock.fetch_add(micros, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_printed_and_read_as_oban_writes_it() {
        let text = "2026-01-02T03:04:05.678901Z";
        let time: Timestamp = text.parse().unwrap();
        assert_eq!(time.to_string(), text);
        assert_eq!("2026-01-02T03:04:05.678901".parse(), Ok(time), "PostgreSQL's to_jsonb");
        assert_eq!("2026-01-02T04:04:05.678901+01:00".parse(), Ok(time), "Oban for Python");
        assert_eq!(serde_json::from_str::<Timestamp>("1").unwrap(), Timestamp(1));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[cfg(all(feature = "jiff", feature = "chrono", feature = "time"))]
    #[test]
    fn other_crates_instants_are_taken() {
        let text = "2026-01-02T03:04:05.678901Z";
        let expected: Timestamp = text.parse().unwrap();
        let jiff: jiff::Timestamp = text.parse().unwrap();
        let chrono = chrono::DateTime::from_timestamp_micros(expected.as_micros()).unwrap();
        let nanos = i128::from(expected.as_micros()) * 1_000;
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
        assert_eq!(Timestamp::from(jiff), expected);
        assert_eq!(Timestamp::from(jiff.to_zoned(jiff::tz::TimeZone::UTC)), expected);
        assert_eq!(Timestamp::from(chrono), expected);
        assert_eq!(Timestamp::from(time), expected);
    }

    #[test]
    fn the_bounds_are_the_years_1970_and_9999() {
        assert_eq!(Timestamp::MIN.to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert!(!(Timestamp::MAX + 1.second()).is_storable());
    }
}
