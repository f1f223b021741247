//! How long ended jobs are kept.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::Worker;
use kerrera_core::error::Kind;
use kerrera_core::storage::KeepRule;
use kerrera_core::{Error, Result, Units};

/// How long jobs are kept after they ended; [`Builder::prune`](crate::Builder::prune) takes it.
///
/// The leader deletes what is older. A job ages from the moment in which it completed, was cancelled
/// or was discarded; jobs that have not ended are never deleted.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::{Keep, Pruner};
///
/// # #[derive(Serialize, Deserialize, Worker)] struct Import { file: String }
/// # impl Perform for Import { async fn perform(&self, _: &Context) -> JobResult { done() } }
/// let pruner = Pruner::keep(Keep::default().completed(7.days()))
///     .queue("audit", Keep::forever())
///     .worker::<Import>(Keep::all(1.hour()).discarded(90.days()));
/// let builder = Kerrera::builder("sqlite::memory:").prune(pruner);
/// # let _: kerrera::Builder = builder;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Pruner {
    rules: Vec<KeepRule>,
    otherwise: Keep,
    settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settings {
    interval: Duration,
    limit: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { interval: Duration::from_secs(30), limit: 10_000 }
    }
}

impl Pruner {
    /// Keeps jobs for as long as this, unless a queue or a worker has its own time.
    pub fn keep(keep: impl Into<Keep>) -> Pruner {
        Pruner { otherwise: keep.into(), ..Pruner::default() }
    }

    /// Keeps the jobs of a queue for their own time.
    ///
    /// Of several that are about a job, the one that was set first counts.
    pub fn queue(mut self, queue: impl Into<String>, keep: impl Into<Keep>) -> Self {
        self.rules.push(KeepRule { queue: Some(queue.into()), ..keep.into().rule() });
        self
    }

    /// Keeps the jobs of a worker for their own time.
    ///
    /// Of several that are about a job, the one that was set first counts.
    pub fn worker<W: Worker>(self, keep: impl Into<Keep>) -> Self {
        self.worker_named(W::NAME, keep)
    }

    /// Keeps the jobs of a worker for their own time; by its name, for one of another program.
    pub fn worker_named(mut self, worker: impl Into<String>, keep: impl Into<Keep>) -> Self {
        self.rules.push(KeepRule { worker: Some(worker.into()), ..keep.into().rule() });
        self
    }

    /// Sets the time between two rounds; by default 30 s.
    pub fn every(mut self, interval: Duration) -> Self {
        self.settings.interval = interval;
        self
    }

    /// Sets how many jobs one statement looks at, and so deletes at most; by default 10,000. A round
    /// goes on, resting as long as it worked, while there is much to delete.
    pub fn limit(mut self, limit: u32) -> Self {
        self.settings.limit = limit;
        self
    }

    pub(crate) fn interval(&self) -> Duration {
        self.settings.interval
    }

    pub(crate) fn batch(&self) -> u32 {
        self.settings.limit
    }

    /// The rules, the most special ones first; `None` if everything stays for ever.
    pub(crate) fn rules(&self) -> Option<Arc<[KeepRule]>> {
        let rules: Arc<[KeepRule]> =
            self.rules.iter().cloned().chain([self.otherwise.rule()]).collect();
        rules.iter().any(|rule| rule.shortest().is_some()).then_some(rules)
    }

    pub(crate) fn check(&self) -> Result<()> {
        const SHORTEST: Duration = Duration::from_secs(1);
        let wrong = |message: String| Err(Error::new(Kind::Config, message));
        for rule in self.rules().iter().flat_map(|rules| rules.iter()) {
            if let Some(age) = rule.shortest()
                && age < SHORTEST
            {
                return wrong(format!(
                    "the pruner is to keep jobs for {age:?}: make it at least a second, or None \
                     to keep them for ever"
                ));
            }
        }
        if self.settings.interval < Duration::from_millis(10) {
            let interval = self.settings.interval;
            return wrong(format!("the pruner's interval is {interval:?}: make it at least 10 ms"));
        }
        if self.settings.limit == 0 {
            return wrong("the pruner's limit is 0: make it at least 1".to_owned());
        }
        Ok(())
    }
}

/// For how long a job is kept, by how it ended.
///
/// By default a day for completed jobs, a week for cancelled and for discarded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Keep {
    completed: Option<Duration>,
    cancelled: Option<Duration>,
    discarded: Option<Duration>,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep { completed: Some(1.days()), cancelled: Some(7.days()), discarded: Some(7.days()) }
    }
}

impl Keep {
    /// As long as this, however the job ended.
    pub fn all(age: Duration) -> Keep {
        Keep { completed: Some(age), cancelled: Some(age), discarded: Some(age) }
    }

    /// For ever.
    pub fn forever() -> Keep {
        Keep { completed: None, cancelled: None, discarded: None }
    }

    /// Keeps completed jobs for as long as this; `None` is for ever.
    pub fn completed(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.completed = age.into();
        self
    }

    /// Keeps cancelled jobs for as long as this; `None` is for ever.
    pub fn cancelled(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.cancelled = age.into();
        self
    }

    /// Keeps discarded jobs for as long as this; `None` is for ever.
    pub fn discarded(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.discarded = age.into();
        self
    }

    fn rule(self) -> KeepRule {
        let Keep { completed, cancelled, discarded } = self;
        KeepRule { queue: None, worker: None, completed, cancelled, discarded }
    }
}

impl From<Duration> for Keep {
    fn from(age: Duration) -> Keep {
        Keep::all(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_intervals_and_limits_of_nothing_are_refused() {
        let day = || Pruner::keep(1.days());
        for wrong in [
            Pruner::keep(Duration::ZERO),
            Pruner::keep(Keep::default().discarded(Duration::from_millis(999))),
            day().queue("a", Duration::ZERO),
            day().worker_named("A", Duration::ZERO),
            day().every(Duration::ZERO),
            day().limit(0),
        ] {
            assert!(wrong.check().unwrap_err().is_config(), "{wrong:?}");
        }
        day().check().unwrap();
        assert_eq!(Pruner::keep(60.seconds()), Pruner::keep(1.minute()));
    }

    #[test]
    fn special_rules_come_before_the_general_one() {
        let pruner =
            Pruner::keep(Keep::forever()).queue("a", 1.hour()).worker_named("A", 2.hours());
        let rules = pruner.rules().unwrap();
        assert_eq!(rules[0].queue.as_deref(), Some("a"));
        assert_eq!(rules[1].worker.as_deref(), Some("A"));
        assert_eq!(rules[2], KeepRule::default());
        assert_eq!(Pruner::keep(Keep::forever()).rules(), None, "nothing to do");
    }
}
