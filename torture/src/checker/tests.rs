//! A checker that cannot fail is worthless: here every kind of violation is planted, and found.

use std::time::Duration;

use kerrera::{JobId, State};
use kerrera_core::state::{Event, RESCUED, SNOOZED, decide};

use super::*;
use crate::history::{Change, Fault, FaultKind, Insert, Row, Run, Stamp, Standing};
use crate::load::Kind;

const WAIT: Duration = Duration::from_secs(1);
const FAILED: Event = Event::Failed { retry_in: WAIT };

/// Makes a history in which everything is as it should be.
#[derive(Default)]
struct Tale {
    history: History,
    clock: i64,
}

impl Tale {
    fn now(&mut self) -> Stamp {
        self.clock += 10_000;
        Stamp { monotonic: self.clock, wall: self.clock + 1_000_000_000 }
    }

    /// A job that a producer inserts.
    fn insert(&mut self, key: &str, kind: Kind) -> JobId {
        let job = self.appear(key, kind, None);
        self.history.inserts.push(Insert::Invoke { key: key.to_owned() });
        self.history.inserts.push(Insert::Ok { key: key.to_owned(), job });
        job
    }

    /// A job that is there.
    fn appear(&mut self, key: &str, kind: Kind, parent: Option<JobId>) -> JobId {
        let id = 2_147_483_648 + self.history.rows.len() as JobId;
        let max_attempts = if kind == Kind::Once { 1 } else { 20 };
        let standing = Standing {
            state: State::Available,
            by: Vec::new(),
            attempt: 0,
            max_attempts,
            errors: 0,
            rescued: 0,
            snoozed: 0,
        };
        let at = self.now().wall;
        let (seq, new) = (at, Some(standing.clone()));
        self.history.changes.push(Change { seq, job: id, old: None, new, at });
        let (key, queue) = (key.to_owned(), "load".to_owned());
        if kind == Kind::Together {
            self.history.app_rows.push(key.clone());
        }
        self.history.rows.push(Row { id, queue, key, kind, parent, standing });
        id
    }

    /// Something happens to a job.
    fn change(&mut self, job: JobId, edit: impl FnOnce(&mut Standing)) {
        let at = self.now().wall;
        let row = self.history.rows.iter_mut().find(|row| row.id == job).unwrap();
        let old = Some(row.standing.clone());
        edit(&mut row.standing);
        let new = Some(row.standing.clone());
        self.history.changes.push(Change { seq: at, job, old, new, at });
    }

    fn event(&mut self, job: JobId, event: Event) {
        self.change(job, |standing| {
            let decided = decide(standing.position(), event).unwrap();
            standing.attempt += match decided.attempt {
                kerrera_core::state::Attempt::Keep => 0,
                kerrera_core::state::Attempt::Begin => 1,
                kerrera_core::state::Attempt::GiveBack => -1,
            };
            standing.state = decided.to;
            standing.rescued += u32::from(decided.count == Some(RESCUED));
            standing.snoozed += u32::from(decided.count == Some(SNOOZED));
            let fails = matches!(event, Event::Failed { .. } | Event::Cancelled | Event::Discarded)
                || decided.to == State::Discarded;
            standing.errors += usize::from(fails);
        });
    }

    fn claim(&mut self, job: JobId, node: &str, token: &str) {
        self.event(job, Event::Claimed);
        let by = vec![node.to_owned(), format!("producer of {node}"), token.to_owned()];
        self.history.changes.last_mut().unwrap().new.as_mut().unwrap().by.clone_from(&by);
        self.history.rows.iter_mut().find(|row| row.id == job).unwrap().standing.by = by;
    }

    fn start(&mut self, job: JobId, node: &str, token: &str) {
        let at = self.now();
        let row = self.history.rows.iter().find(|row| row.id == job).unwrap();
        let attempt = row.standing.attempt;
        let (node, queue, token) = (node.to_owned(), "load".to_owned(), token.to_owned());
        self.history.runs.push(Run::Start { at, node, pid: 7, queue, job, attempt, token });
    }

    fn end(&mut self, job: JobId, token: &str, end: End) {
        let at = self.now();
        self.history.runs.push(Run::End { at, job, token: token.to_owned(), end });
    }

    fn begin(&mut self, job: JobId, node: &str, token: &str) {
        self.claim(job, node, token);
        self.start(job, node, token);
    }

    fn finish(&mut self, job: JobId, token: &str, end: End, event: Event) {
        self.end(job, token, end);
        self.event(job, event);
    }

    fn run(&mut self, job: JobId, node: &str, token: &str) {
        self.begin(job, node, token);
        self.finish(job, token, End::Done, Event::Completed);
    }

    fn fault(&mut self, node: &str, kind: FaultKind) {
        let (from, until) = (self.now(), self.now());
        self.history.faults.push(Fault { node: node.to_owned(), kind, from, until });
    }
}

/// Everything that may happen, happens.
fn peace() -> Tale {
    let mut tale = Tale::default();
    tale.history.limits.insert("load".to_owned(), 2);

    let plain = tale.insert("plain", Kind::Work);
    tale.run(plain, "a", "k:plain");

    let failing = tale.insert("failing", Kind::FailOnce);
    tale.begin(failing, "a", "k:failing-1");
    tale.finish(failing, "k:failing-1", End::Failed, FAILED);
    tale.event(failing, Event::Due);
    tale.run(failing, "b", "k:failing-2");

    let snoozing = tale.insert("snoozing", Kind::Snooze);
    tale.begin(snoozing, "a", "k:snoozing-1");
    tale.finish(snoozing, "k:snoozing-1", End::Snoozed, Event::Snoozed { wait: WAIT });
    tale.event(snoozing, Event::Due);
    tale.run(snoozing, "a", "k:snoozing-2");

    let panicking = tale.insert("panicking", Kind::Panic);
    tale.begin(panicking, "a", "k:panicking-1");
    tale.finish(panicking, "k:panicking-1", End::Panicked, FAILED);
    tale.event(panicking, Event::Due);
    tale.run(panicking, "a", "k:panicking-2");

    let cancelled = tale.insert("cancelled", Kind::Cancel);
    tale.begin(cancelled, "a", "k:cancelled");
    tale.finish(cancelled, "k:cancelled", End::Cancelled, Event::Cancelled);

    let chain = tale.insert("chain", Kind::Chain);
    tale.run(chain, "a", "k:chain");
    let next = tale.appear("chain/next", Kind::Work, Some(chain));
    tale.run(next, "b", "k:next");

    let together = tale.insert("together", Kind::Together);
    tale.run(together, "a", "k:together");
    for (key, unknown) in [("regretted", false), ("broken", true)] {
        let (key, error) = (key.to_owned(), "an error".to_owned());
        tale.history.inserts.push(Insert::Invoke { key: key.clone() });
        tale.history.inserts.push(if unknown {
            Insert::Info { key, error }
        } else {
            Insert::Fail { key, error }
        });
    }
    let unknown = tale.appear("unknown", Kind::Work, None);
    let key = "unknown".to_owned();
    tale.history.inserts.push(Insert::Invoke { key: key.clone() });
    tale.history.inserts.push(Insert::Info { key, error: "an error".to_owned() });
    tale.run(unknown, "a", "k:unknown");

    let released = tale.insert("released", Kind::Work);
    tale.claim(released, "a", "k:released-1");
    tale.event(released, Event::Released);
    tale.run(released, "b", "k:released-2");

    // Two that run at once; one of them and a third lose their node.
    let long = tale.insert("long", Kind::Long);
    let once = tale.insert("once", Kind::Once);
    let last = tale.insert("last", Kind::Work);
    tale.begin(long, "a", "k:long-1");
    tale.begin(once, "a", "k:once");
    tale.claim(last, "a", "k:last-1");
    tale.fault("a", FaultKind::Killed);
    for job in [long, once, last] {
        tale.event(job, Event::Rescued);
    }
    tale.change(last, |standing| standing.by.truncate(2));
    tale.run(long, "b", "k:long-2");
    tale.run(last, "b", "k:last-2");

    // A stopped node's run goes on beside the one that took its place, and its end changes nothing.
    let stopped = tale.insert("stopped", Kind::Long);
    tale.begin(stopped, "c", "k:stopped-1");
    tale.fault("c", FaultKind::Stopped);
    tale.event(stopped, Event::Rescued);
    tale.begin(stopped, "b", "k:stopped-2");
    tale.end(stopped, "k:stopped-1", End::Done);
    tale.finish(stopped, "k:stopped-2", End::Done, Event::Completed);
    tale
}

fn job(tale: &Tale, key: &str) -> JobId {
    tale.history.rows.iter().find(|row| row.key == key).unwrap().id
}

fn row<'t>(tale: &'t mut Tale, key: &str) -> &'t mut Row {
    tale.history.rows.iter_mut().find(|row| row.key == key).unwrap()
}

/// The change of a job by which it came into a state, the last of them.
fn change<'t>(tale: &'t mut Tale, key: &str, state: State) -> &'t mut Change {
    let id = job(tale, key);
    let into = |change: &&mut Change| {
        change.job == id && change.new.as_ref().is_some_and(|new| new.state == state)
    };
    tale.history.changes.iter_mut().rev().find(into).unwrap()
}

fn forget_end(tale: &mut Tale, wanted: &str) {
    tale.history.runs.retain(|run| !matches!(run, Run::End { token, .. } if token == wanted));
}

#[test]
fn a_history_in_which_all_is_well_is_clean() {
    let tale = peace();
    let report = check(&tale.history);
    report.assert_clean();
    let expected = Figures {
        jobs: 14,
        acknowledged: 12,
        unknown: 2,
        claims: 21,
        runs: 19,
        completed: 12,
        failures: 2,
        rescues: 4,
        releases: 1,
        overlaps: 1,
    };
    assert_eq!(report.figures, expected);
}

/// Breaks a clean history, and sees that the checker says so, by this invariant.
#[track_caller]
fn finds(invariant: Invariant, words: &str, plant: impl FnOnce(&mut Tale)) {
    let mut tale = peace();
    plant(&mut tale);
    let report = check(&tale.history);
    let found = report
        .violations
        .iter()
        .any(|violation| violation.invariant == invariant && violation.what.contains(words));
    assert!(found, "nothing about {invariant}, {words:?} in\n{report}");
}

mod lost_jobs {
    use super::*;

    #[test]
    fn a_promised_job_that_is_not_there() {
        finds(Invariant::NoLostJob, "was promised and is not there", |tale| {
            let job = job(tale, "plain");
            tale.history.rows.retain(|row| row.id != job);
        });
    }

    #[test]
    fn a_promise_with_the_number_of_another_job() {
        finds(Invariant::NoLostJob, "was promised for \"plain\"", |tale| {
            row(tale, "plain").key = "another".to_owned();
        });
    }

    #[test]
    fn a_job_that_never_ends() {
        finds(Invariant::NoLostJob, "came to rest executing", |tale| {
            let job = tale.insert("stuck", Kind::Work);
            tale.begin(job, "b", "k:stuck");
            tale.end(job, "k:stuck", End::Done);
        });
        finds(Invariant::NoLostJob, "came to rest available", |tale| {
            tale.insert("never claimed", Kind::Work);
        });
    }
}

mod unexpected_jobs {
    use super::*;

    #[test]
    fn a_job_that_nobody_inserted() {
        finds(Invariant::NoUnexpectedJob, "nobody tried", |tale| {
            let job = tale.appear("ghost", Kind::Work, None);
            tale.run(job, "b", "k:ghost");
        });
    }

    #[test]
    fn a_job_whose_insertion_was_rolled_back() {
        finds(Invariant::NoUnexpectedJob, "its insertion failed", |tale| {
            let job = tale.appear("regretted", Kind::Work, None);
            tale.run(job, "b", "k:regretted");
        });
    }

    #[test]
    fn an_insertion_that_happened_twice() {
        finds(Invariant::NoUnexpectedJob, "inserted twice", |tale| {
            let job = tale.appear("plain", Kind::Work, None);
            tale.run(job, "b", "k:plain-again");
        });
    }

    #[test]
    fn a_run_of_a_job_that_is_not_there() {
        finds(Invariant::NoUnexpectedJob, "it is written of", |tale| {
            let at = tale.now();
            let (node, queue, token) = ("b".to_owned(), "load".to_owned(), "k:none".to_owned());
            let (pid, job, attempt) = (7, 1, 1);
            tale.history.runs.push(Run::Start { at, node, pid, queue, job, attempt, token });
        });
    }
}

mod transitions {
    use super::*;

    #[test]
    fn a_state_that_is_not_reached_from_there() {
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.state = State::Retryable);
        });
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.state = State::Discarded);
        });
    }

    #[test]
    fn an_attempt_that_is_not_counted() {
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.claim(job, "b", "k:x");
            tale.history.changes.last_mut().unwrap().new.as_mut().unwrap().attempt = 0;
        });
    }

    #[test]
    fn a_rescue_that_gives_the_attempt_back_or_is_not_counted() {
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.claim(job, "b", "k:x");
            tale.change(job, |standing| standing.state = State::Available);
        });
    }

    #[test]
    fn a_failure_without_an_error() {
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            let job = tale.insert("x", Kind::FailOnce);
            tale.begin(job, "b", "k:x");
            tale.end(job, "k:x", End::Failed);
            tale.change(job, |standing| standing.state = State::Retryable);
        });
    }

    #[test]
    fn a_claim_without_a_token_or_with_the_old_one() {
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            change(tale, "plain", State::Executing).new.as_mut().unwrap().by.truncate(2);
        });
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.claim(job, "b", "k:x");
            tale.event(job, Event::Released);
            tale.claim(job, "b", "k:x");
        });
    }

    #[test]
    fn an_owner_that_changes_while_the_job_runs() {
        finds(Invariant::LegalTransitions, "the owner changed without a claim", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.begin(job, "b", "k:x");
            tale.change(job, |standing| standing.by[2] = "k:y".to_owned());
        });
    }

    #[test]
    fn an_end_that_takes_the_token_with_it() {
        finds(Invariant::LegalTransitions, "no event does this", |tale| {
            change(tale, "plain", State::Completed).new.as_mut().unwrap().by.truncate(2);
        });
    }

    #[test]
    fn an_error_or_a_counter_that_comes_by_itself() {
        finds(Invariant::LegalTransitions, "an error was added", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.errors += 1);
        });
        finds(Invariant::LegalTransitions, "a counter changed", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.attempt += 1);
        });
    }

    #[test]
    fn a_row_that_is_deleted_or_born_running() {
        finds(Invariant::LegalTransitions, "deleted", |tale| {
            change(tale, "plain", State::Completed).new = None;
        });
        finds(Invariant::LegalTransitions, "does not begin like this", |tale| {
            let job = job(tale, "plain");
            let first = tale.history.changes.iter_mut().find(|change| change.job == job).unwrap();
            first.new.as_mut().unwrap().state = State::Executing;
        });
    }

    #[test]
    fn changes_that_do_not_follow_from_one_another() {
        finds(Invariant::LegalTransitions, "does not begin where", |tale| {
            let id = job(tale, "failing");
            let due = |change: &Change| {
                change.job == id
                    && change.old.as_ref().is_some_and(|old| old.state == State::Retryable)
            };
            tale.history.changes.retain(|change| !due(change));
        });
        finds(Invariant::LegalTransitions, "the row is not what", |tale| {
            row(tale, "plain").standing.errors = 3;
        });
    }
}

mod completions {
    use super::*;

    #[test]
    fn a_job_that_ends_twice() {
        finds(Invariant::SingleCompletion, "it ended 2 times", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.state = State::Available);
            tale.run(job, "b", "k:plain-again");
        });
    }

    #[test]
    fn a_token_that_is_used_by_two() {
        finds(Invariant::SingleCompletion, "two nodes claimed with one token", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.run(job, "b", "k:plain");
        });
        finds(Invariant::SingleCompletion, "claimed twice", |tale| {
            let job = tale.insert("x", Kind::Work);
            for token in ["k:x", "k:y", "k:x"] {
                tale.claim(job, "b", token);
                tale.event(job, Event::Released);
            }
        });
    }

    #[test]
    fn a_late_end_that_counts_for_the_run_after_it() {
        // What the fence is there for: the stopped node's end completes the job that another runs.
        finds(Invariant::SingleCompletion, "before its run had ended", |tale| {
            let job = tale.insert("x", Kind::Long);
            tale.begin(job, "c", "k:x-1");
            tale.event(job, Event::Rescued);
            tale.begin(job, "b", "k:x-2");
            tale.finish(job, "k:x-1", End::Done, Event::Completed);
            tale.end(job, "k:x-2", End::Done);
        });
    }

    #[test]
    fn an_end_that_no_run_had() {
        finds(Invariant::SingleCompletion, "which never ran", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.claim(job, "b", "k:x");
            tale.event(job, Event::Completed);
        });
        finds(Invariant::SingleCompletion, "whose run never ended", |tale| {
            forget_end(tale, "k:plain");
        });
    }

    #[test]
    fn an_end_that_is_written_otherwise() {
        finds(Invariant::SingleCompletion, "whose run ended Failed", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.begin(job, "b", "k:x");
            tale.finish(job, "k:x", End::Failed, Event::Completed);
        });
        finds(Invariant::SingleCompletion, "whose run ended Done", |tale| {
            let job = tale.insert("x", Kind::Work);
            tale.begin(job, "b", "k:x");
            tale.finish(job, "k:x", End::Done, Event::Released);
        });
    }
}

mod transactions {
    use super::*;

    #[test]
    fn a_follow_up_that_is_missing_or_there_twice() {
        finds(Invariant::Together, "0 jobs follow it in place of 1", |tale| {
            row(tale, "chain/next").parent = None;
        });
        finds(Invariant::Together, "2 jobs follow it in place of 1", |tale| {
            let parent = job(tale, "chain");
            let job = tale.appear("chain/next again", Kind::Work, Some(parent));
            tale.run(job, "b", "k:next-again");
        });
    }

    #[test]
    fn a_follow_up_of_a_job_that_did_not_complete_or_is_not_there() {
        finds(Invariant::Together, "it is discarded, and 1 jobs follow it", |tale| {
            let parent = job(tale, "once");
            tale.appear("once/next", Kind::Work, Some(parent));
        });
        finds(Invariant::Together, "a job follows it, and it is not there", |tale| {
            tale.appear("orphan", Kind::Work, Some(1));
        });
    }

    #[test]
    fn half_a_transaction() {
        finds(Invariant::Together, "the application's row is not", |tale| {
            tale.history.app_rows.clear();
        });
        finds(Invariant::Together, "the job is not", |tale| {
            tale.history.app_rows.push("regretted".to_owned());
        });
    }
}

mod duplicates {
    use super::*;

    #[test]
    fn a_node_that_is_taken_for_dead_and_is_not() {
        finds(Invariant::ExplainedDuplicates, "to which nothing had happened", |tale| {
            tale.history.faults.retain(|fault| fault.node != "a");
        });
        finds(Invariant::ExplainedDuplicates, "to which nothing had happened", |tale| {
            // It came after the rescue.
            for fault in &mut tale.history.faults {
                fault.from.wall += 1_000_000;
            }
        });
    }

    #[test]
    fn two_runs_at_once_without_a_rescue() {
        finds(Invariant::ExplainedDuplicates, "while it ran under k:x-1", |tale| {
            let job = tale.insert("x", Kind::Long);
            tale.begin(job, "b", "k:x-1");
            tale.event(job, Event::Released);
            tale.begin(job, "b", "k:x-2");
            tale.end(job, "k:x-1", End::Stopped);
            tale.finish(job, "k:x-2", End::Done, Event::Completed);
        });
    }

    #[test]
    fn two_runs_at_once_though_the_node_was_well_until_then() {
        finds(Invariant::ExplainedDuplicates, "while it ran under k:stopped-1", |tale| {
            for fault in &mut tale.history.faults {
                fault.from.monotonic += 1_000_000;
            }
        });
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_node_that_runs_more_than_it_may() {
        finds(Invariant::Limits, "b ran 3 jobs of load at once; it may run 2", |tale| {
            let jobs = ["x", "y", "z"].map(|key| tale.insert(key, Kind::Work));
            for (job, token) in jobs.into_iter().zip(["k:x", "k:y", "k:z"]) {
                tale.begin(job, "b", token);
            }
            for (job, token) in jobs.into_iter().zip(["k:x", "k:y", "k:z"]) {
                tale.finish(job, token, End::Done, Event::Completed);
            }
        });
    }
}

mod attempts {
    use super::*;

    #[test]
    fn a_run_without_a_claim_of_its_own() {
        finds(Invariant::Attempts, "it ran unclaimed", |tale| {
            let job = job(tale, "plain");
            tale.start(job, "b", "k:none");
            tale.end(job, "k:none", End::Done);
        });
        finds(Invariant::Attempts, "it ran twice under k:plain", |tale| {
            let job = job(tale, "plain");
            tale.start(job, "a", "k:plain");
        });
    }

    #[test]
    fn a_run_on_another_node_or_as_another_attempt_than_was_claimed() {
        let plants: [fn(&mut Run); 2] = [
            |run| {
                if let Run::Start { node, .. } = run {
                    *node = "b".to_owned();
                }
            },
            |run| {
                if let Run::Start { attempt, .. } = run {
                    *attempt += 1;
                }
            },
        ];
        for plant in plants {
            finds(Invariant::Attempts, "claimed as", |tale| plant(&mut tale.history.runs[0]));
        }
    }

    #[test]
    fn a_run_without_an_end_on_a_node_that_was_not_killed() {
        finds(Invariant::Attempts, "never ended", |tale| forget_end(tale, "k:stopped-1"));
    }

    #[test]
    fn an_end_without_a_beginning_and_a_second_end() {
        finds(Invariant::Attempts, "ended twice, or never began", |tale| {
            let job = job(tale, "plain");
            tale.end(job, "k:none", End::Done);
        });
        finds(Invariant::Attempts, "ended twice, or never began", |tale| {
            let job = job(tale, "plain");
            tale.end(job, "k:plain", End::Done);
        });
    }

    #[test]
    fn more_attempts_or_errors_than_allowed() {
        finds(Invariant::Attempts, "more attempts than allowed", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.max_attempts = 0);
        });
        finds(Invariant::Attempts, "more errors than allowed", |tale| {
            let job = job(tale, "plain");
            tale.change(job, |standing| standing.errors = 51);
        });
    }
}
