//! When the indexes of the table of jobs are built anew.

use std::time::Duration;

use kerrera_core::cron::{CronExpression, Timezone};
use kerrera_core::error::Kind;
use kerrera_core::storage::{Indexes, Reindex};
use kerrera_core::{Error, Result, Timestamp};

/// When indexes of the table of jobs are built anew, and which;
/// [`Builder::reindex`](crate::Builder::reindex) takes it.
///
/// The leader does it, at the times of a [cron expression](crate::cron::CronExpression) by the
/// database's clock, once for each time however many nodes there are. A time at which nobody led, and
/// nobody came to lead within five minutes, is left out.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::Reindexer;
///
/// let sundays = Reindexer::default().schedule("30 4 * * SUN").timezone("Europe/Copenhagen");
/// let builder = Kerrera::builder("sqlite::memory:").reindex(sundays.timeout(60.seconds()));
/// # let _: kerrera::Builder = builder;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing is built anew until a builder is given it"]
pub struct Reindexer {
    schedule: String,
    timezone: String,
    reindex: Reindex,
}

impl Default for Reindexer {
    /// Kerrera's indexes, `@midnight` in `Etc/UTC`, each within 15 seconds.
    fn default() -> Reindexer {
        Reindexer {
            schedule: "@midnight".to_owned(),
            timezone: Timezone::utc().name().to_owned(),
            reindex: Reindex { indexes: Indexes::Ours, timeout: Duration::from_secs(15) },
        }
    }
}

impl Reindexer {
    /// Sets when, as a [cron expression](crate::cron::CronExpression); its times must be an hour
    /// apart at least, since each reads the whole table.
    pub fn schedule(mut self, expression: impl Into<String>) -> Self {
        self.schedule = expression.into();
        self
    }

    /// Says where the clock hangs: a name of the IANA database, such as `Europe/Copenhagen`.
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.timezone = timezone.into();
        self
    }

    /// Builds these indexes of the table of jobs anew instead of Kerrera's own. One that is not there
    /// is told each time, and keeps none of the others.
    pub fn indexes<I: Into<String>>(mut self, names: impl IntoIterator<Item = I>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.reindex.indexes = Indexes::These(names);
        self
    }

    /// Builds every index of the table of jobs anew but that of its primary key: those that another
    /// Oban made, and your own, as well.
    pub fn all_indexes(mut self) -> Self {
        self.reindex.indexes = Indexes::All;
        self
    }

    /// Builds Kerrera's own indexes anew, which is the default.
    #[cfg(feature = "config")]
    pub(crate) fn own_indexes(mut self) -> Self {
        self.reindex.indexes = Indexes::Ours;
        self
    }

    /// Sets how long one index may take; by default 15 s. One that takes longer is given up, and what
    /// was built of it is removed.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.reindex.timeout = timeout;
        self
    }

    /// Checks every rule.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let wrong = |rule: &dyn std::fmt::Display| {
            let message = format!("the reindexer cannot work: {rule}");
            Err(Error::new(Kind::Config, message))
        };
        let schedule: CronExpression = match self.schedule.parse() {
            Ok(schedule) => schedule,
            Err(error) => return wrong(&error),
        };
        let timezone: Timezone = match self.timezone.parse() {
            Ok(timezone) => timezone,
            Err(error) => return wrong(&error),
        };
        if schedule.is_reboot() {
            return wrong(&"@reboot is no time; @midnight is one");
        }
        if self.reindex.timeout < Duration::from_millis(1) {
            return wrong(&"it is given no time: make the timeout some seconds at least");
        }
        if matches!(&self.reindex.indexes, Indexes::These(names) if names.is_empty()) {
            return wrong(&"there is no index in its list: name some, or leave the list out");
        }
        let plan = Plan { schedule, timezone, reindex: self.reindex.clone() };
        if plan.is_restless() {
            let schedule = &self.schedule;
            return wrong(&format_args!(
                "the times of {schedule:?} are less than an hour apart: it reads the whole table, \
                 so once a day is often enough"
            ));
        }
        Ok(plan)
    }
}

/// What is done, and when.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) schedule: CronExpression,
    pub(crate) timezone: Timezone,
    pub(crate) reindex: Reindex,
}

impl Plan {
    /// Whether two times follow each other too soon; as many are looked at as there can be in a week.
    fn is_restless(&self) -> bool {
        let hour = Duration::from_secs(3_600);
        let mut time = Timestamp::from_micros(0);
        for _ in 0..7 * 24 {
            let Some(next) = self.schedule.next_after(time, &self.timezone) else { break };
            if time > Timestamp::from_micros(0) && next.since(time) < hour {
                return true;
            }
            time = next;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(reindexer: Reindexer) -> String {
        let error = reindexer.plan().unwrap_err();
        assert!(error.is_config());
        error.to_string()
    }

    #[test]
    fn it_begins_with_obans_defaults() {
        let Plan { schedule, timezone, reindex } = Reindexer::default().plan().unwrap();
        assert_eq!((schedule.as_str(), timezone.name()), ("@midnight", "Etc/UTC"));
        assert_eq!(reindex.timeout, Duration::from_secs(15));
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let default = Reindexer::default;
        assert!(mistake(default().schedule("0 25 * * *")).contains("hour 25"));
        assert!(mistake(default().schedule("@reboot")).contains("@midnight"));
        assert!(mistake(default().timezone("Mars/Olympus")).contains("Mars/Olympus"));
        assert!(mistake(default().timeout(Duration::ZERO)).contains("timeout"));
        assert!(mistake(default().indexes(Vec::<String>::new())).contains("list"));
        for often in ["* * * * *", "*/30 * * * *", "59 3 * * *,* 4 * * *", "0,59 * 1 1 *"] {
            let said = mistake(default().schedule(often));
            assert!(said.contains("hour"), "{often}: {said}");
        }
        for seldom in ["@hourly", "0 */6 * * *", "0 0 29 2 *"] {
            assert!(default().schedule(seldom).plan().is_ok(), "{seldom}");
        }
    }
}
