//! What an engine does for the tables when it leads.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};

use crate::pruner::Pruner;
use crate::reindexer::{Plan, Reindexer};

/// The name of the seat whose holder leads.
pub(crate) const SEAT: &str = "kerrera";

/// What the leader does, as the builder has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maintenance {
    pub(crate) pruning: Pruning,
    pub(crate) rescue: Option<Rescue>,
    pub(crate) reindexer: Option<Reindexer>,
    /// The instance names under which it stands in Oban's elections.
    pub(crate) elections: Vec<String>,
    /// Others lead.
    pub(crate) never_leads: bool,
    /// For how long records are kept.
    pub(crate) records: Records,
}

/// For how long records of what happened are kept; `None` is for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records {
    pub(crate) audit: Option<Duration>,
    pub(crate) errors: Option<Duration>,
    pub(crate) operations: Option<Duration>,
}

impl Default for Records {
    fn default() -> Records {
        Records {
            audit: Some(Records::DAY * 365),
            errors: Some(Records::DAY * 90),
            operations: Some(Records::DAY * 90),
        }
    }
}

impl Records {
    const DAY: Duration = Duration::from_secs(86_400);
    const SHORTEST: Duration = Duration::from_secs(3_600);

    fn check(self) -> Result<()> {
        let ages = [
            ("the audit log", self.audit),
            ("what failed alike", self.errors),
            ("operations", self.operations),
        ];
        for (what, age) in ages {
            if let Some(age) = age
                && age < Records::SHORTEST
            {
                let message = format!(
                    "{what} is to be kept for {age:?}: give at least an hour, or None for ever"
                );
                return Err(Error::new(Kind::Config, message));
            }
        }
        Ok(())
    }
}

/// Whether ended jobs are deleted.
#[derive(Clone, Debug, Default)]
pub(crate) enum Pruning {
    /// On tables of our own, after the usual time.
    #[default]
    Usual,
    /// As somebody wants it.
    Set(Pruner),
    Never,
}

/// When jobs of other implementations are freed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rescue {
    pub(crate) after: Duration,
    pub(crate) least: Duration,
}

impl Maintenance {
    /// The age at which Oban for Elixir frees a job, unless it is told otherwise.
    pub(crate) const ELIXIRS: Duration = Duration::from_secs(3_600);
    /// The age at which Oban for Python does.
    pub(crate) const PYTHONS: Duration = Duration::from_secs(300);

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(Kind::Config, message));
        if let Pruning::Set(pruner) = &self.pruning {
            pruner.check()?;
        }
        if let Some(Rescue { after, least }) = self.rescue
            && after < least
        {
            return wrong(format!(
                "jobs of other implementations are to be freed after {after:?}, and these \
                 themselves wait {least:?}: give at least that, or they run twice (Oban for Elixir \
                 waits an hour, Oban for Python five minutes: see rescue_python_after)"
            ));
        }
        self.reindex()?;
        self.records.check()?;
        if self.never_leads && !self.elections.is_empty() {
            return wrong(
                "this node is never to lead, and to stand for election: leave one of them out"
                    .to_owned(),
            );
        }
        if self.elections.iter().any(|name| name.trim().is_empty()) {
            return wrong(
                "stand_for_election was given a blank name: give the instance's, such as Oban"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// What is pruned, on tables that are ours or not.
    pub(crate) fn pruner(&self, owns_tables: bool) -> Option<Pruner> {
        match &self.pruning {
            Pruning::Set(pruner) => Some(pruner.clone()),
            Pruning::Usual => owns_tables.then(Pruner::default),
            Pruning::Never => None,
        }
    }

    /// When which indexes are built anew.
    pub(crate) fn reindex(&self) -> Result<Option<Plan>> {
        self.reindexer.as_ref().map(Reindexer::plan).transpose()
    }

    pub(crate) fn elections(&self) -> Arc<[String]> {
        let mut names = self.elections.clone();
        names.sort();
        names.dedup();
        names.into()
    }
}
