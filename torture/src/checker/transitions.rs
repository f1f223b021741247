//! I3, I4 and the errors of I9: what was written is what may be written.

use std::collections::HashMap;

use kerrera::State;
use kerrera_core::failure::ERRORS_KEPT;
use kerrera_core::state::Event;

use super::story::{Judged, Life, Step};
use super::{COARSE, Findings, Invariant, agrees};

pub(super) fn check(found: &mut Findings<'_, '_>) {
    let mut claimants: HashMap<&str, &[String]> = HashMap::new();
    for (job, life) in &found.story.lives {
        for what in broken_chain(life) {
            found.job(Invariant::LegalTransitions, *job, what);
        }
        for step in &life.steps {
            if let Judged::Illegal(what) = &step.judged {
                found.job(Invariant::LegalTransitions, *job, what);
            }
            for standing in [&step.change.old, &step.change.new].into_iter().flatten() {
                if standing.errors > ERRORS_KEPT {
                    found.job(Invariant::Attempts, *job, "it keeps more errors than allowed");
                }
                if standing.attempt > standing.max_attempts {
                    found.job(Invariant::Attempts, *job, "it has more attempts than allowed");
                }
            }
            if step.judged == Judged::Event(Event::Claimed)
                && let Some(new) = &step.change.new
                && let [_, _, token] = new.by.as_slice()
            {
                let owner = &new.by[..2];
                if *claimants.entry(token).or_insert(owner) != owner {
                    found.job(
                        Invariant::SingleCompletion,
                        *job,
                        "two nodes claimed with one token",
                    );
                }
            }
        }
        for what in ends(life) {
            found.job(Invariant::SingleCompletion, *job, what);
        }
    }
}

/// The changes of a job follow from one another, from its insertion to the row at the end.
fn broken_chain(life: &Life<'_>) -> Vec<&'static str> {
    let mut broken = Vec::new();
    let mut stands = None;
    for Step { change, .. } in &life.steps {
        if change.old.as_ref() != stands {
            broken.push("a change does not begin where the one before it ended");
        }
        stands = change.new.as_ref();
    }
    if stands != life.row.map(|row| &row.standing) {
        broken.push("the row is not what the last change made of it");
    }
    broken
}

fn ends(life: &Life<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ended = 0;
    let mut tokens: Vec<&str> = Vec::new();
    for Step { change, .. } in &life.steps {
        let Some(new) = &change.new else { continue };
        let moved = change.old.as_ref().is_none_or(|old| old.state != new.state);
        ended += usize::from(moved && new.state.is_final());
        if moved && new.state == State::Executing {
            let token = new.token().unwrap_or_default();
            if tokens.contains(&token) {
                wrong.push(format!("it was claimed twice under {token}"));
            }
            tokens.push(token);
        }
    }
    if ended > 1 {
        wrong.push(format!("it ended {ended} times"));
    }
    wrong.extend(tokens.iter().filter_map(|token| contradiction(life, token)));
    wrong
}

/// How a claim ended in the database, against how its run did.
fn contradiction(life: &Life<'_>, token: &str) -> Option<String> {
    let step = life.end_of(token)?;
    let event = step.judged.event()?;
    if event == Event::Rescued {
        return None;
    }
    let Some(run) = life.runs.iter().find(|run| run.token == token) else {
        // Given back unrun.
        let what = format!("{event:?} was written under {token}, which never ran");
        return (event != Event::Released).then_some(what);
    };
    let Some((end, at)) = run.end else {
        return Some(format!("{event:?} was written under {token}, whose run never ended"));
    };
    if !agrees(end, event) {
        return Some(format!("{event:?} was written under {token}, whose run ended {end:?}"));
    }
    let early = step.change.at + COARSE < at.wall;
    early.then(|| format!("{event:?} was written under {token} before its run had ended"))
}
