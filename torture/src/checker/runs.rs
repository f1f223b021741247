//! I6, I7 and the runs of I9: what ran was claimed, and ran alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use kerrera::JobId;
use kerrera_core::state::Event;

use super::story::{Execution, Life};
use super::{COARSE, Findings, Invariant};
use crate::history::Fault;

pub(super) fn check(found: &mut Findings<'_, '_>) {
    for (job, life) in &found.story.lives {
        rescues(found, *job, life);
        overlaps(found, *job, life);
        claims(found, *job, life);
    }
    for (job, token) in &found.story.stray_ends {
        found.job(
            Invariant::Attempts,
            *job,
            format!("a run under {token} ended twice, or never began"),
        );
    }
    limits(found);
}

/// A job is taken from a node only after the test has killed or stopped it.
fn rescues(found: &mut Findings<'_, '_>, job: JobId, life: &Life<'_>) {
    for step in life.steps.iter().filter(|step| step.judged.event() == Some(Event::Rescued)) {
        let node = step.change.old.as_ref().and_then(|old| old.node()).unwrap_or_default();
        let at = step.change.at;
        if !faults(found, node).any(|fault| fault.from.wall <= at + COARSE) {
            let what = format!("it was taken from {node}, to which nothing had happened");
            found.job(Invariant::ExplainedDuplicates, job, what);
        }
    }
}

/// Two runs are under way at once only if the earlier one's claim was taken away.
fn overlaps(found: &mut Findings<'_, '_>, job: JobId, life: &Life<'_>) {
    for (earlier, later) in life.overlaps() {
        let rescued =
            life.end_of(earlier.token).and_then(|step| step.judged.event()) == Some(Event::Rescued);
        let struck =
            faults(found, earlier.node).any(|fault| fault.from.monotonic <= later.from.monotonic);
        if !(rescued && struck) {
            let what = format!(
                "it began to run under {} while it ran under {}",
                later.token, earlier.token
            );
            found.job(Invariant::ExplainedDuplicates, job, what);
        }
    }
}

/// Every run has a claim of its own.
fn claims(found: &mut Findings<'_, '_>, job: JobId, life: &Life<'_>) {
    let claimed = life.steps.iter().filter(|step| step.judged.event() == Some(Event::Claimed));
    let claims: HashMap<&str, _> = claimed
        .filter_map(|step| step.change.new.as_ref())
        .filter_map(|new| new.token().map(|token| (token, new)))
        .collect();
    let mut began: HashSet<&str> = HashSet::new();
    for run in &life.runs {
        let Execution { token, node, attempt, .. } = run;
        if !began.insert(token) {
            found.job(Invariant::Attempts, job, format!("it ran twice under {token}"));
        }
        match claims.get(token) {
            None => found.job(Invariant::Attempts, job, format!("it ran unclaimed under {token}")),
            Some(claim) if claim.node() != Some(node) || claim.attempt != *attempt => {
                let what = format!("it ran on {node} as attempt {attempt}, claimed as {claim:?}");
                found.job(Invariant::Attempts, job, what);
            }
            Some(_) => {}
        }
        if run.until == i64::MAX {
            let what = format!("its run under {token} never ended, though {node} was not killed");
            found.job(Invariant::Attempts, job, what);
        }
    }
}

/// No node runs more than it may.
fn limits(found: &mut Findings<'_, '_>) {
    let mut moments: BTreeMap<(&str, &str), Vec<(i64, i32)>> = BTreeMap::new();
    for run in found.story.lives.values().flat_map(|life| &life.runs) {
        let moments = moments.entry((run.node, run.queue)).or_default();
        moments.push((run.from.monotonic, 1));
        moments.push((run.until, -1));
    }
    let mut over = Vec::new();
    for ((node, queue), mut moments) in moments {
        // In one microsecond, what ends does so first.
        moments.sort_unstable();
        let mut running = 0;
        let peak = moments.iter().map(|(_, change)| {
            running += change;
            running
        });
        let peak = peak.max().unwrap_or_default();
        let limit = found.story.history.limits.get(queue).copied().unwrap_or_default();
        if i64::from(peak) > i64::from(limit) {
            over.push(format!("{node} ran {peak} jobs of {queue} at once; it may run {limit}"));
        }
    }
    let violations =
        over.into_iter().map(|what| super::Violation { invariant: Invariant::Limits, what });
    found.violations.extend(violations);
}

fn faults<'s>(found: &Findings<'s, '_>, node: &str) -> impl Iterator<Item = &'s Fault> {
    found.story.history.faults.iter().filter(move |fault| fault.node == node)
}
