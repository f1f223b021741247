//! I1, I2, I5: what was inserted is there, and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use kerrera::{JobId, State};

use super::{Findings, Invariant};
use crate::history::{Insert, Row};
use crate::load::Kind;

pub(super) fn check(found: &mut Findings<'_, '_>) {
    let history = found.story.history;
    let rows: HashMap<JobId, &Row> = history.rows.iter().map(|row| (row.id, row)).collect();
    promises(found, &rows);
    unexpected(found);
    follow_ups(found, &rows);
    application(found);
    for row in &history.rows {
        if !row.standing.state.is_final() {
            let state = row.standing.state;
            found.job(Invariant::NoLostJob, row.id, format!("it came to rest {state}"));
        }
    }
}

fn promises(found: &mut Findings<'_, '_>, rows: &HashMap<JobId, &Row>) {
    for insert in &found.story.history.inserts {
        let Some(job) = insert.promised() else { continue };
        match rows.get(&job) {
            None => {
                let key = insert.key();
                found.job(
                    Invariant::NoLostJob,
                    job,
                    format!("{key:?} was promised and is not there"),
                );
            }
            Some(row) if row.key != insert.key() => {
                let what = format!("it was promised for {:?} and is {:?}", insert.key(), row.key);
                found.job(Invariant::NoLostJob, job, what);
            }
            Some(_) => {}
        }
    }
}

fn unexpected(found: &mut Findings<'_, '_>) {
    let history = found.story.history;
    let mut tried: HashMap<&str, Option<&Insert>> = HashMap::new();
    for insert in &history.inserts {
        let answer = tried.entry(insert.key()).or_default();
        if !matches!(insert, Insert::Invoke { .. }) {
            *answer = Some(insert);
        }
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for row in &history.rows {
        if !seen.insert(&row.key) {
            found.job(Invariant::NoUnexpectedJob, row.id, "its key was inserted twice");
        }
        match tried.get(row.key.as_str()) {
            // A follow-up is told by its parent.
            None if row.parent.is_some() => {}
            None => found.job(Invariant::NoUnexpectedJob, row.id, "nobody tried to insert it"),
            Some(Some(Insert::Fail { error, .. })) => {
                let what = format!("its insertion failed ({error}), and it is there");
                found.job(Invariant::NoUnexpectedJob, row.id, what);
            }
            Some(_) => {}
        }
    }
    let jobs: HashSet<JobId> = history.rows.iter().map(|row| row.id).collect();
    let elsewhere: Vec<JobId> =
        found.story.lives.keys().copied().filter(|job| !jobs.contains(job)).collect();
    for job in elsewhere {
        found.job(Invariant::NoUnexpectedJob, job, "it is written of, and not there");
    }
}

/// A job that completes inserts what follows from it, once; one that does not, nothing.
fn follow_ups(found: &mut Findings<'_, '_>, rows: &HashMap<JobId, &Row>) {
    let history = found.story.history;
    let mut children: BTreeMap<JobId, usize> = BTreeMap::new();
    for row in &history.rows {
        if let Some(parent) = row.parent {
            *children.entry(parent).or_default() += 1;
        }
    }
    for parent in children.keys() {
        if !rows.contains_key(parent) {
            found.job(Invariant::Together, *parent, "a job follows it, and it is not there");
        }
    }
    for row in &history.rows {
        let completed = row.standing.state == State::Completed;
        let expected = usize::from(completed && row.kind == Kind::Chain);
        let there = children.get(&row.id).copied().unwrap_or_default();
        if there != expected {
            let state = row.standing.state;
            let what = format!("it is {state}, and {there} jobs follow it in place of {expected}");
            found.job(Invariant::Together, row.id, what);
        }
    }
}

/// The application's row and the job were inserted in one transaction.
fn application(found: &mut Findings<'_, '_>) {
    let history = found.story.history;
    let app_rows: HashSet<&str> = history.app_rows.iter().map(String::as_str).collect();
    let with_row = history.rows.iter().filter(|row| row.kind == Kind::Together);
    let jobs: HashSet<&str> = with_row.map(|row| row.key.as_str()).collect();
    for key in jobs.difference(&app_rows) {
        found.key(Invariant::Together, key, "the job is there, and the application's row is not");
    }
    for key in app_rows.difference(&jobs) {
        found.key(Invariant::Together, key, "the application's row is there, and the job is not");
    }
}
