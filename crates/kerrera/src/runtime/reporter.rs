//! Writes how far runs say that they are: of all runs together, once a second at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerrera_core::storage::Report;
use kerrera_core::{ClaimToken, JobId, Progress};
use tokio::sync::Notify;

use super::{Node, lock};

pub(crate) const NAME: &str = "reporter";

/// The time between two writes.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many reports one statement writes.
const BATCH: usize = 1_000;

/// What runs have said of themselves and is not yet known to be written.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    unwritten: Mutex<HashMap<(JobId, ClaimToken), Progress>>,
    some: Notify,
}

impl Reports {
    /// Takes in what a run says; what it said before need not be written any more.
    pub(crate) fn hand_in(&self, id: JobId, token: ClaimToken, progress: Progress) {
        lock(&self.unwritten).insert((id, token), progress);
        self.some.notify_one();
    }

    /// Takes out the last that a run said, to be written with its end. One that is just being written
    /// is among them: that write may come too late.
    pub(crate) fn take(&self, id: JobId, token: ClaimToken) -> Option<Progress> {
        let mut unwritten = lock(&self.unwritten);
        // Most runs say nothing, and are not looked for.
        if unwritten.is_empty() { None } else { unwritten.remove(&(id, token)) }
    }

    fn some(&self) -> Vec<Report> {
        let unwritten = lock(&self.unwritten);
        let reports = unwritten.iter().take(BATCH).map(|((id, token), progress)| Report {
            id: *id,
            token: *token,
            progress: progress.clone(),
        });
        reports.collect()
    }

    /// Forgets those that were written, unless the run has said something else since.
    fn written(&self, reports: Vec<Report>, written: &[JobId]) {
        let mut unwritten = lock(&self.unwritten);
        for Report { id, token, progress } in reports {
            let key = (id, token);
            if written.contains(&id) && unwritten.get(&key) == Some(&progress) {
                unwritten.remove(&key);
            }
        }
    }

    fn is_empty(&self) -> bool {
        lock(&self.unwritten).is_empty()
    }
}

pub(crate) async fn run(node: Arc<Node>) {
    loop {
        while node.reports.is_empty() {
            tokio::select! {
                () = node.reports.some.notified() => {}
                () = node.stop.loops.cancelled() => return,
            }
        }
        let reports = node.reports.some();
        match node.storage().report(reports.clone()).await {
            Ok(written) => {
                node.health.well(NAME);
                node.reports.written(reports, &written);
            }
            Err(error) => node.health.ill(NAME, error),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = node.stop.loops.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_during_a_write_is_not_forgotten() {
        let (reports, token) = (Reports::default(), ClaimToken::random());
        let said = |done| Progress::new(done, 10, "");
        reports.hand_in(1, token, said(1));
        let sent = reports.some();
        reports.hand_in(1, token, said(2));
        reports.written(sent, &[1]);
        assert_eq!(reports.take(1, token), Some(said(2)));

        reports.hand_in(1, token, said(3));
        let sent = reports.some();
        assert_eq!(reports.take(1, token), Some(said(3)), "it may not have been written");
        reports.written(sent, &[1]);
        assert!(reports.is_empty());

        reports.hand_in(1, token, said(4));
        reports.written(reports.some(), &[]);
        assert_eq!(reports.take(1, token), Some(said(4)), "its row was held by somebody");
        reports.hand_in(1, token, said(5));
        reports.written(reports.some(), &[1]);
        assert_eq!(reports.take(1, token), None, "written, and so not written again");
    }
}
