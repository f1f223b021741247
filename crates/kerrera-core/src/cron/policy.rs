//! What becomes of slots that were missed, and of jobs that would overlap.

use std::fmt;
use std::str::FromStr;

/// What becomes of slots that passed while no node could fire them: all were down, or the database
/// was away.
///
/// Slots that pass while an entry is [paused](crate::storage::Crons::pause_cron) are never made up
/// for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfire {
    /// They are left out, as in Oban: a slot is fired within a minute or never.
    Skip,
    /// The newest of them is fired, late by less than the time to the next one; the others are left
    /// out.
    #[default]
    Once,
    /// They are all fired, the oldest first, but no more than this: those before are left out.
    All {
        /// How many at once; at most 1,000.
        most: u32,
    },
}

impl Misfire {
    /// The most slots that are made up for at once.
    pub const MOST: u32 = 1_000;
}

/// What becomes of a slot while the entry's previous job has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// Its job is inserted, as in Oban.
    #[default]
    Allow,
    /// The slot is left out. A job that waits, runs or is to be tried again has not ended.
    Skip,
}

impl fmt::Display for Misfire {
    /// As it is stored: `skip`, `once` or `all 10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfire::Skip => f.write_str("skip"),
            Misfire::Once => f.write_str("once"),
            Misfire::All { most } => write!(f, "all {most}"),
        }
    }
}

impl FromStr for Misfire {
    type Err = NotAPolicy;

    fn from_str(text: &str) -> Result<Misfire, NotAPolicy> {
        let all = || text.strip_prefix("all ").and_then(|most| most.trim().parse().ok());
        match text {
            "skip" => Ok(Misfire::Skip),
            "once" => Ok(Misfire::Once),
            _ => match all() {
                Some(most) if (1..=Misfire::MOST).contains(&most) => Ok(Misfire::All { most }),
                _ => Err(NotAPolicy::new(text, "skip, once, or all with a number up to 1000")),
            },
        }
    }
}

impl fmt::Display for Overlap {
    /// As it is stored: `allow` or `skip`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Overlap::Allow => "allow",
            Overlap::Skip => "skip",
        })
    }
}

impl FromStr for Overlap {
    type Err = NotAPolicy;

    fn from_str(text: &str) -> Result<Overlap, NotAPolicy> {
        match text {
            "allow" => Ok(Overlap::Allow),
            "skip" => Ok(Overlap::Skip),
            _ => Err(NotAPolicy::new(text, "allow or skip")),
        }
    }
}

/// The text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPolicy {
    text: String,
    known: &'static str,
}

impl NotAPolicy {
    fn new(text: &str, known: &'static str) -> NotAPolicy {
        NotAPolicy { text: text.chars().take(64).collect(), known }
    }
}

impl fmt::Display for NotAPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not understood: write {}", self.text, self.known)
    }
}

impl std::error::Error for NotAPolicy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_printed() {
        for misfire in [Misfire::Skip, Misfire::Once, Misfire::All { most: 10 }] {
            assert_eq!(misfire.to_string().parse(), Ok(misfire));
        }
        for overlap in [Overlap::Allow, Overlap::Skip] {
            assert_eq!(overlap.to_string().parse(), Ok(overlap));
        }
        for bad in ["", "all", "all 0", "all 1001", "all 99999999999", "twice"] {
            assert!(bad.parse::<Misfire>().is_err(), "{bad}");
        }
    }
}
