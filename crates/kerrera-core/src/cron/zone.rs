//! Where a clock hangs.

use std::fmt;
use std::str::FromStr;

use jiff::civil::datetime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Instant};

use crate::time::Timestamp;

/// A time zone of the IANA database, by its name.
///
/// The rules are those of the machine's own database (`/usr/share/zoneinfo`) where there is one, and
/// else those that this program was built with.
///
/// ```
/// use kerrera_core::cron::Timezone;
///
/// let zone: Timezone = "Europe/Copenhagen".parse()?;
/// assert_eq!(zone.name(), "Europe/Copenhagen");
/// assert!("Europe/Atlantis".parse::<Timezone>().is_err());
/// # Ok::<(), kerrera_core::cron::NotATimezone>(())
/// ```
#[derive(Clone)]
pub struct Timezone {
    name: Box<str>,
    rules: TimeZone,
}

impl Timezone {
    /// UTC under the name that Oban gives it, `Etc/UTC`.
    pub fn utc() -> Timezone {
        Timezone { name: Timezone::UTC.into(), rules: TimeZone::UTC }
    }

    const UTC: &str = "Etc/UTC";

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant at which a clock on the wall shows what UTC's shows at this one: the first of two, and
    /// the one after where it is put forward over it.
    pub(crate) fn instant(&self, shown: Timestamp) -> Timestamp {
        let epoch = datetime(1970, 1, 1, 0, 0, 0, 0);
        let shown_there = epoch.checked_add(SignedDuration::from_micros(shown.as_micros()));
        let instant = shown_there
            .ok()
            .and_then(|shown| self.rules.to_ambiguous_zoned(shown).compatible().ok());
        // Only at the ends of the calendar there is none.
        instant.map_or(shown, |zoned| Timestamp::from_micros(zoned.timestamp().as_microsecond()))
    }

    /// The stretch of time around a minute in which the clock is not put forward or back.
    ///
    /// Minutes are counted from the beginning of 1970, in UTC.
    pub(crate) fn stretch(&self, minute: i64) -> Option<Stretch> {
        let at = Instant::from_second(minute.checked_mul(60)?).ok()?;
        let shift = i64::from(self.rules.to_offset(at).seconds()).div_euclid(60);
        // The change itself belongs to the stretch that it begins.
        let following = self.rules.following(at).next();
        let until = following.map_or(i64::MAX, |change| ceil_minute(change.timestamp()));
        let just_after = Instant::from_second(at.as_second() + 1).ok()?;
        let preceding = self.rules.preceding(just_after).next();
        let from = preceding.map_or(i64::MIN, |change| ceil_minute(change.timestamp()));
        Some(Stretch { shift, from, until })
    }
}

/// A stretch of time in which a zone's clock is ahead of UTC by the same time throughout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// By how many minutes.
    pub(crate) shift: i64,
    /// The first minute, in UTC.
    pub(crate) from: i64,
    /// The first minute after it, in UTC.
    pub(crate) until: i64,
}

fn ceil_minute(at: Instant) -> i64 {
    at.as_second().div_euclid(60) + i64::from(at.as_second().rem_euclid(60) > 0)
}

impl Default for Timezone {
    fn default() -> Timezone {
        Timezone::utc()
    }
}

impl FromStr for Timezone {
    type Err = NotATimezone;

    fn from_str(name: &str) -> Result<Timezone, NotATimezone> {
        if name == Timezone::UTC {
            return Ok(Timezone::utc());
        }
        let unknown = |hint| NotATimezone { name: name.chars().take(64).collect(), hint };
        // The longest name of the database has 32 characters.
        let rules = (name.len() <= 64).then(|| jiff::tz::db().get(name).ok()).flatten();
        let rules = rules.ok_or_else(|| unknown(None))?;
        match rules.iana_name() {
            // Found whatever the case; but others, who read the name in a job's meta, may mind it.
            Some(known) if known != name => Err(unknown(Some(known.to_owned()))),
            _ => Ok(Timezone { name: name.into(), rules }),
        }
    }
}

impl fmt::Display for Timezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Timezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Timezone {
    fn eq(&self, other: &Timezone) -> bool {
        self.name == other.name
    }
}

impl Eq for Timezone {}

/// The text is not the name of a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotATimezone {
    name: String,
    hint: Option<String>,
}

impl fmt::Display for NotATimezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a known time zone", self.name)?;
        match &self.hint {
            Some(known) => write!(f, ": write {known:?}"),
            None => f.write_str(": write a name of the IANA database, such as Europe/Copenhagen"),
        }
    }
}

impl std::error::Error for NotATimezone {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_their_exact_names() {
        for good in ["Etc/UTC", "UTC", "Europe/Copenhagen", "America/Chicago", "Asia/Seoul"] {
            assert_eq!(good.parse::<Timezone>().map(|zone| zone.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "america", "america/chicago", "Etc/Unknown ", "../../etc/passwd", "\0"] {
            assert!(bad.parse::<Timezone>().is_err(), "{bad:?}");
        }
        let said = "america/chicago".parse::<Timezone>().unwrap_err().to_string();
        assert!(said.contains("\"America/Chicago\""), "{said}");
        assert!("x".repeat(1 << 20).parse::<Timezone>().unwrap_err().to_string().len() < 200);
    }
}
