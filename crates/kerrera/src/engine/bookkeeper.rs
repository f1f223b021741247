//! Which failures were alike since they were last written down.

use std::collections::HashMap;
use std::sync::Arc;

use kerrera_core::storage::{ErrorTally, Failure};
use kerrera_core::{Fingerprint, JobId};

/// Failures by what they have in common.
#[derive(Debug, Default)]
pub(crate) struct Book {
    tallies: HashMap<Fingerprint, ErrorTally>,
}

impl Book {
    /// How many groups are kept apart; what is beyond is counted together, worker by worker.
    const MOST: usize = 1_000;
    /// What a group of those says.
    const OTHERS: &'static str =
        "… more kinds of errors at once than are kept apart: these are counted together";

    /// Counts a failure of this worker's job.
    pub(crate) fn note(&mut self, worker: &str, job: JobId, failure: &Failure) {
        let fingerprint =
            failure.fingerprint.unwrap_or_else(|| Fingerprint::of(worker, &failure.error));
        self.add(ErrorTally {
            fingerprint,
            worker: worker.to_owned(),
            message: failure.error.clone(),
            node: Arc::clone(&failure.node),
            job,
            count: 1,
        });
    }

    /// What there is to be written; the book is empty then.
    pub(crate) fn take(&mut self) -> Vec<ErrorTally> {
        self.tallies.drain().map(|(_, tally)| tally).collect()
    }

    /// Takes back what could not be written.
    pub(crate) fn give_back(&mut self, tallies: Vec<ErrorTally>) {
        for tally in tallies {
            match self.tallies.get_mut(&tally.fingerprint) {
                // What was noted since is newer.
                Some(known) => known.count += tally.count,
                None => self.add(tally),
            }
        }
    }

    fn add(&mut self, mut tally: ErrorTally) {
        if self.tallies.len() >= Book::MOST && !self.tallies.contains_key(&tally.fingerprint) {
            tally.fingerprint = Fingerprint::of(&tally.worker, Book::OTHERS);
            tally.message = Book::OTHERS.to_owned();
        }
        match self.tallies.get_mut(&tally.fingerprint) {
            Some(known) => {
                tally.count += known.count;
                *known = tally;
            }
            None => {
                self.tallies.insert(tally.fingerprint, tally);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn failure(error: &str) -> Failure {
        Failure {
            attempt: 1,
            error: error.to_owned(),
            node: "web-1".into(),
            ran: Duration::ZERO,
            fingerprint: None,
        }
    }

    #[test]
    fn failures_that_are_alike_are_counted_together() {
        let mut book = Book::default();
        book.note("W", 1, &failure("no user 1"));
        book.note("W", 2, &failure("no user 2"));
        book.note("V", 3, &failure("no user 3"));
        let mut tallies = book.take();
        tallies.sort_by_key(|tally| tally.job);
        let counts: Vec<_> = tallies.iter().map(|tally| (tally.job, tally.count)).collect();
        assert_eq!(counts, [(2, 2), (3, 1)]);
        assert_eq!(tallies[0].message, "no user 2");
        assert!(book.take().is_empty());
    }

    #[test]
    fn what_could_not_be_written_is_counted_with_what_came_since() {
        let mut book = Book::default();
        book.note("W", 1, &failure("no user 1"));
        let tallies = book.take();
        book.note("W", 2, &failure("no user 2"));
        book.give_back(tallies);
        let tallies = book.take();
        assert_eq!((tallies.len(), tallies[0].count, tallies[0].job), (1, 2, 2));
    }

    #[test]
    fn no_flood_of_kinds_fills_the_memory() {
        let mut book = Book::default();
        let name = |n: usize| -> String {
            n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'g')).collect()
        };
        for n in 0..3_000 {
            book.note("W", n as i64, &failure(&format!("the kind {}", name(n))));
        }
        let tallies = book.take();
        assert_eq!(tallies.len(), Book::MOST + 1);
        assert_eq!(tallies.iter().map(|tally| tally.count).sum::<u64>(), 3_000);
        let others = tallies.iter().find(|tally| tally.message == Book::OTHERS).unwrap();
        assert_eq!(others.count, 2_000);
    }
}
