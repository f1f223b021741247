//! A history, told job by job.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::Duration;

use kerrera::{JobId, State};
use kerrera_core::failure::ERRORS_KEPT;
use kerrera_core::state::{Attempt, Event, Move, Position, RESCUED, SNOOZED, decide};

use crate::history::{Change, End, Fault, FaultKind, History, Insert, Row, Run, Stamp, Standing};

/// A history in the order in which it is judged.
pub(super) struct Story<'h> {
    pub(super) history: &'h History,
    pub(super) lives: BTreeMap<JobId, Life<'h>>,
    /// Ends of runs that have no beginning, or another end.
    pub(super) stray_ends: Vec<(JobId, &'h str)>,
}

/// Everything about one job.
#[derive(Default)]
pub(super) struct Life<'h> {
    pub(super) row: Option<&'h Row>,
    pub(super) steps: Vec<Step<'h>>,
    /// By their beginning.
    pub(super) runs: Vec<Execution<'h>>,
}

/// A change, and what it is taken for.
pub(super) struct Step<'h> {
    pub(super) change: &'h Change,
    pub(super) judged: Judged,
}

/// What a change is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judged {
    /// The job was inserted.
    Inserted,
    /// It is what the state machine does upon this event.
    Event(Event),
    /// The state stayed, and nothing that matters changed.
    Touched,
    /// It is nothing that may happen, for this reason.
    Illegal(String),
}

/// A run, from its beginning to its end or to that of its process.
pub(super) struct Execution<'h> {
    pub(super) node: &'h str,
    pub(super) queue: &'h str,
    pub(super) attempt: i32,
    pub(super) token: &'h str,
    pub(super) from: Stamp,
    pub(super) end: Option<(End, Stamp)>,
    /// On the monotonic clock; for ever if nothing ended it.
    pub(super) until: i64,
}

impl<'h> Story<'h> {
    pub(super) fn new(history: &'h History) -> Story<'h> {
        let mut lives: BTreeMap<JobId, Life<'h>> = BTreeMap::new();
        for row in &history.rows {
            lives.entry(row.id).or_default().row = Some(row);
        }
        for change in &history.changes {
            let step = Step { change, judged: judge(change) };
            lives.entry(change.job).or_default().steps.push(step);
        }
        let mut ends: HashMap<(JobId, &str), (End, Stamp)> = HashMap::new();
        let mut stray_ends = Vec::new();
        for run in &history.runs {
            if let Run::End { at, job, token, end } = run
                && ends.insert((*job, token), (*end, *at)).is_some()
            {
                stray_ends.push((*job, token.as_str()));
            }
        }
        for run in &history.runs {
            if let Run::Start { at, node, queue, job, attempt, token, .. } = run {
                let end = ends.remove(&(*job, token.as_str()));
                let until = match end {
                    Some((_, at)) => at.monotonic,
                    None => death(&history.faults, node).map_or(i64::MAX, |at| at.monotonic),
                };
                let execution = Execution {
                    node,
                    queue,
                    attempt: *attempt,
                    token,
                    from: *at,
                    end,
                    // It may have begun after the test raised its hand.
                    until: until.max(at.monotonic),
                };
                lives.entry(*job).or_default().runs.push(execution);
            }
        }
        for life in lives.values_mut() {
            life.runs.sort_by_key(|run| run.from.monotonic);
        }
        stray_ends.extend(ends.into_keys());
        Story { history, lives, stray_ends }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = (JobId, &Step<'h>)> {
        self.lives.iter().flat_map(|(job, life)| life.steps.iter().map(move |step| (*job, step)))
    }

    /// Everything about a job, for people.
    pub(super) fn told(&self, job: JobId) -> String {
        let mut text = String::new();
        let Some(life) = self.lives.get(&job) else { return text };
        if let Some(Row { queue, key, kind, parent, standing, .. }) = life.row {
            let _ = writeln!(text, "    row    {kind:?} {key:?} in {queue}, after {parent:?}");
            let _ = writeln!(text, "           {standing}");
        }
        for Step { change, judged } in &life.steps {
            let _ = writeln!(text, "    change {} at {}: {judged:?}", change.seq, change.at);
            if let Some(standing) = &change.new {
                let _ = writeln!(text, "           {standing}");
            }
        }
        for run in &life.runs {
            let Execution { node, attempt, token, from, end, .. } = run;
            let _ = writeln!(text, "    run    {token} on {node}, attempt {attempt}");
            let _ = writeln!(text, "           from {from}");
            let _ = match end {
                Some((end, at)) => writeln!(text, "           to   {at}, {end:?}"),
                None => writeln!(text, "           and never ended"),
            };
        }
        let nodes: Vec<&str> = life.runs.iter().map(|run| run.node).collect();
        for fault in self.history.faults.iter().filter(|fault| nodes.contains(&&*fault.node)) {
            let Fault { node, kind, from, until } = fault;
            let _ = writeln!(text, "    fault  {node} {kind:?} from {from} to {until}");
        }
        text
    }
}

impl<'h> Life<'h> {
    /// Pairs of runs of which the later began before the earlier ended.
    pub(super) fn overlaps(&self) -> impl Iterator<Item = (&Execution<'h>, &Execution<'h>)> {
        self.runs.iter().enumerate().flat_map(|(place, later)| {
            let earlier = self.runs[..place].iter();
            earlier
                .filter(|earlier| later.from.monotonic < earlier.until)
                .map(move |earlier| (earlier, later))
        })
    }

    /// The change by which a claim ended.
    pub(super) fn end_of(&self, token: &str) -> Option<&Step<'h>> {
        self.steps.iter().find(|step| {
            let Change { old: Some(old), new, .. } = step.change else { return false };
            let leaves = new.as_ref().is_none_or(|new| new.state != State::Executing);
            old.state == State::Executing && old.token() == Some(token) && leaves
        })
    }
}

impl Judged {
    pub(super) fn event(&self) -> Option<Event> {
        match self {
            Judged::Event(event) => Some(*event),
            _ => None,
        }
    }
}

impl Insert {
    pub(super) fn key(&self) -> &str {
        let (Insert::Invoke { key }
        | Insert::Ok { key, .. }
        | Insert::Fail { key, .. }
        | Insert::Info { key, .. }) = self;
        key
    }

    pub(super) fn promised(&self) -> Option<JobId> {
        match self {
            Insert::Ok { job, .. } => Some(*job),
            _ => None,
        }
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Insert::Info { .. })
    }
}

/// When the test killed a node, if it did.
fn death(faults: &[Fault], node: &str) -> Option<Stamp> {
    let killed = faults.iter().find(|fault| fault.node == node && fault.kind == FaultKind::Killed);
    killed.map(|fault| fault.from)
}

fn judge(change: &Change) -> Judged {
    let illegal = |what: &str| Judged::Illegal(what.to_owned());
    match (&change.old, &change.new) {
        (None, None) => illegal("a change of nothing"),
        (Some(_), None) => illegal("the row was deleted"),
        (None, Some(new)) => {
            let waits = matches!(new.state, State::Available | State::Scheduled);
            let untouched = new.attempt == 0 && new.errors == 0 && new.by.is_empty();
            if waits && untouched {
                Judged::Inserted
            } else {
                illegal("a row does not begin like this")
            }
        }
        (Some(old), Some(new)) if old.state == new.state => touch(old, new),
        (Some(old), Some(new)) => {
            let event = EVENTS.into_iter().find(|event| produces(old, *event, new));
            event.map_or_else(|| illegal("no event does this"), Judged::Event)
        }
    }
}

/// What may happen to a job by itself. A retry is a person's doing, and there is none in the rig.
const EVENTS: [Event; 9] = [
    Event::Due,
    Event::Claimed,
    Event::Completed,
    Event::Failed { retry_in: Duration::from_secs(1) },
    Event::Snoozed { wait: Duration::from_secs(1) },
    Event::Cancelled,
    Event::Discarded,
    Event::Released,
    Event::Rescued,
];

/// A change that leaves the state as it is.
fn touch(old: &Standing, new: &Standing) -> Judged {
    let illegal = |what: &str| Judged::Illegal(what.to_owned());
    let counts = |standing: &Standing| (standing.position(), standing.rescued, standing.snoozed);
    if counts(old) != counts(new) {
        return illegal("a counter changed without an event");
    }
    if old.by != new.by && !(old.state != State::Executing && disowned(old, new)) {
        return illegal("the owner changed without a claim");
    }
    // A run that was cancelled may still say why it failed.
    let late_error = old.state == State::Cancelled && new.errors == one_more(old.errors);
    if old.errors != new.errors && !late_error {
        return illegal("an error was added without an event");
    }
    Judged::Touched
}

/// Whether this is exactly what an event does.
fn produces(old: &Standing, event: Event, new: &Standing) -> bool {
    let Ok(decided) = decide(old.position(), event) else { return false };
    let executing = old.state == State::Executing;
    let rescued = event == Event::Rescued;
    let owner = match event {
        Event::Claimed => new.by.len() == 3 && new.token() != old.token(),
        _ => new.by == old.by || (rescued && disowned(old, new)),
    };
    let errors = match event {
        Event::Failed { .. } | Event::Discarded => new.errors == one_more(old.errors),
        // Only a worker does that here, and it says why.
        Event::Cancelled => executing && new.errors == one_more(old.errors),
        // The last attempt ended with its node.
        Event::Rescued if decided.to == State::Discarded => new.errors == one_more(old.errors),
        _ => new.errors == old.errors,
    };
    let counts = |key: &str, before: u32, after: u32| {
        after == before + u32::from(decided.count == Some(key))
    };
    new.position() == follow(old.position(), decided)
        && owner
        && errors
        && counts(RESCUED, old.rescued, new.rescued)
        && counts(SNOOZED, old.snoozed, new.snoozed)
}

fn follow(at: Position, decided: Move) -> Position {
    let attempt = match decided.attempt {
        Attempt::Keep => at.attempt,
        Attempt::Begin => at.attempt + 1,
        Attempt::GiveBack => at.attempt - 1,
    };
    Position { state: decided.to, attempt, max_attempts: at.max_attempts }
}

/// The same owner, but for the token, which was taken away.
fn disowned(old: &Standing, new: &Standing) -> bool {
    old.by.len() == 3 && new.by == old.by[..2]
}

fn one_more(errors: usize) -> usize {
    (errors + 1).min(ERRORS_KEPT)
}
