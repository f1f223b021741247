//! Says what in a history must not be.
//!
//! The invariants are listed in `docs/torture.md`; [`Invariant`] has their short form. The checker
//! trusts no single witness: what a producer was promised is looked for among the rows, what a node
//! says it ran is looked for among the claims in the audit, and each change in the audit must be one
//! that `kerrera_core::state::decide` would have made, written by the run that it belongs to.

mod inserts;
mod runs;
mod story;
mod transitions;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use kerrera::JobId;
use kerrera_core::state::Event;

use crate::history::{End, History};
use story::Story;

/// How far the database's clock may be behind when it stamps a change, in microseconds: SQLite's has
/// milliseconds, and a statement's time is that of its beginning.
const COARSE: i64 = 5_000;

/// Checks a history that has come to rest: every node has ended, and every job should have.
pub fn check(history: &History) -> Report {
    let story = Story::new(history);
    let mut found = Findings { story: &story, violations: Vec::new() };
    inserts::check(&mut found);
    transitions::check(&mut found);
    runs::check(&mut found);
    Report { violations: found.violations, figures: Figures::of(&story) }
}

/// What must hold; the numbers are those of `docs/torture.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// I1: a job whose insertion was promised is there, and has ended.
    NoLostJob,
    /// I2: there is no job that nobody tried to insert, or whose insertion was refused.
    NoUnexpectedJob,
    /// I3: every change is one of the state machine's.
    LegalTransitions,
    /// I4: a job ends once, and as the run under its current claim ended.
    SingleCompletion,
    /// I5: what belongs into one transaction happened together or not at all, and once.
    Together,
    /// I6: a job is taken from a node, and run beside an earlier run, only if that node was killed or
    /// stopped.
    ExplainedDuplicates,
    /// I7: a node runs no more jobs of a queue than it was told.
    Limits,
    /// I9: every run belongs to a claim of its own, and every attempt is accounted for.
    Attempts,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Invariant::NoLostJob => "I1 no lost job",
            Invariant::NoUnexpectedJob => "I2 no unexpected job",
            Invariant::LegalTransitions => "I3 legal transitions",
            Invariant::SingleCompletion => "I4 single completion",
            Invariant::Together => "I5 together or not at all",
            Invariant::ExplainedDuplicates => "I6 explained duplicates",
            Invariant::Limits => "I7 limits",
            Invariant::Attempts => "I9 attempts",
        })
    }
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What is violated.
    pub invariant: Invariant,
    /// What happened, with everything that is known about the job.
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What must not be; empty if all is well.
    pub violations: Vec<Violation>,
    /// How much there was.
    pub figures: Figures,
}

impl Report {
    /// Fails the test if anything was found.
    ///
    /// # Panics
    ///
    /// When there is a violation; the message has them all, with the history of each job.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.violations.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Of each invariant; the first tell the most.
        const SHOWN: usize = 3;
        writeln!(f, "{} violations; {}", self.violations.len(), self.figures)?;
        let mut found: BTreeMap<Invariant, Vec<&str>> = BTreeMap::new();
        for Violation { invariant, what } in &self.violations {
            found.entry(*invariant).or_default().push(what);
        }
        for (invariant, found) in found {
            writeln!(f, "{invariant}: {} times", found.len())?;
            for what in found.iter().take(SHOWN) {
                writeln!(f, "  {what}")?;
            }
        }
        Ok(())
    }
}

/// How much there was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Jobs, follow-ups included.
    pub jobs: usize,
    /// Insertions that were promised.
    pub acknowledged: usize,
    /// Insertions of which nobody knows.
    pub unknown: usize,
    /// Claims.
    pub claims: usize,
    /// Runs.
    pub runs: usize,
    /// Jobs that ended well.
    pub completed: usize,
    /// Failed attempts.
    pub failures: usize,
    /// Jobs that were freed from a node that was dead, or seemed to be.
    pub rescues: usize,
    /// Jobs that a node gave back.
    pub releases: usize,
    /// Pairs of runs of one job that overlapped.
    pub overlaps: usize,
}

impl Figures {
    fn of(story: &Story<'_>) -> Figures {
        let inserts = &story.history.inserts;
        let events = || story.steps().map(|(_, step)| step.judged.event());
        let count = |wanted: fn(Event) -> bool| events().flatten().filter(|e| wanted(*e)).count();
        Figures {
            jobs: story.history.rows.len(),
            acknowledged: inserts.iter().filter(|i| i.promised().is_some()).count(),
            unknown: inserts.iter().filter(|i| i.is_unknown()).count(),
            claims: count(|event| event == Event::Claimed),
            runs: story.lives.values().map(|life| life.runs.len()).sum(),
            completed: count(|event| event == Event::Completed),
            failures: count(|event| matches!(event, Event::Failed { .. })),
            rescues: count(|event| event == Event::Rescued),
            releases: count(|event| event == Event::Released),
            overlaps: story.lives.values().map(|life| life.overlaps().count()).sum(),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { jobs, acknowledged, unknown, claims, runs, .. } = self;
        let Figures { completed, failures, rescues, releases, overlaps, .. } = self;
        write!(
            f,
            "{jobs} jobs ({acknowledged} inserts acknowledged, {unknown} unknown), {claims} claims, \
             {runs} runs ({overlaps} overlapping), {completed} completed, {failures} failures, \
             {rescues} rescues, {releases} releases"
        )
    }
}

/// Where the checks put what they find.
struct Findings<'s, 'h> {
    story: &'s Story<'h>,
    violations: Vec<Violation>,
}

impl Findings<'_, '_> {
    /// Something about a job.
    fn job(&mut self, invariant: Invariant, job: JobId, what: impl fmt::Display) {
        let what = format!("job {job}: {what}\n{}", self.story.told(job));
        self.violations.push(Violation { invariant, what });
    }

    /// Something about an insertion.
    fn key(&mut self, invariant: Invariant, key: &str, what: impl fmt::Display) {
        self.violations.push(Violation { invariant, what: format!("insertion {key:?}: {what}") });
    }
}

/// Whether a run that ended so can be written so.
fn agrees(end: End, event: Event) -> bool {
    match end {
        End::Done => event == Event::Completed,
        End::Failed | End::Panicked => matches!(event, Event::Failed { .. }),
        End::Snoozed => matches!(event, Event::Snoozed { .. }),
        End::Cancelled => event == Event::Cancelled,
        // It was dropped because it was told to stop: given back, or failed if that was a timeout.
        End::Stopped => matches!(event, Event::Released | Event::Failed { .. }),
    }
}
