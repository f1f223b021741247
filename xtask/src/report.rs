//! How the lanes went.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cargo::Counts;

/// What came of a lane.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) lane: &'static str,
    pub(crate) took: Duration,
    pub(crate) counts: Counts,
    pub(crate) outcome: Outcome,
}

/// Whether a lane stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran, and all passed.
    Passed,
    /// It failed, for this reason.
    Failed(String),
    /// It did not run, for this reason.
    Skipped(String),
}

/// The outcomes of all lanes that were to run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// Whether nothing failed, and anything ran.
    pub(crate) fn is_good(&self) -> bool {
        self.failed() == 0 && self.total().passed > 0
    }

    /// The failed tests; a lane that failed without one, as by not compiling, counts as one.
    fn failed(&self) -> u64 {
        let failed = |row: &Row| match row.outcome {
            Outcome::Failed(_) => row.counts.failed.max(1),
            Outcome::Passed | Outcome::Skipped(_) => 0,
        };
        self.rows.iter().map(failed).sum()
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for row in &self.rows {
            total += row.counts;
        }
        total
    }

    /// A table, and a closing line `N passed, N failed`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<13}{:>8}{:>8}{:>8}{:>9}  outcome",
            "lane", "minutes", "passed", "failed", "ignored"
        );
        for row in &self.rows {
            let Counts { passed, failed, ignored } = row.counts;
            let minutes = row.took.as_secs_f64() / 60.0;
            let outcome = match &row.outcome {
                Outcome::Passed => "ok",
                Outcome::Failed(reason) => &format!("FAILED: {reason}"),
                Outcome::Skipped(reason) => &format!("SKIPPED: {reason}"),
            };
            let _ = writeln!(
                text,
                "{:<13}{minutes:>8.2}{passed:>8}{failed:>8}{ignored:>9}  {outcome}",
                row.lane
            );
        }
        let _ = writeln!(text, "\n{} passed, {} failed", self.total().passed, self.failed());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lane: &'static str, passed: u64, failed: u64, outcome: Outcome) -> Row {
        let counts = Counts { passed, failed, ignored: 0 };
        Row { lane, took: Duration::from_secs(90), counts, outcome }
    }

    #[test]
    fn closes_with_the_numbers_of_all_lanes() {
        let report = Report {
            rows: vec![row("unit", 12, 0, Outcome::Passed), row("docs", 3, 0, Outcome::Passed)],
        };
        assert!(report.is_good());
        assert_eq!(
            report.text(),
            "\
lane          minutes  passed  failed  ignored  outcome
unit             1.50      12       0        0  ok
docs             1.50       3       0        0  ok

15 passed, 0 failed
"
        );
    }

    #[test]
    fn a_lane_that_fails_without_a_failed_test_counts_as_one() {
        let reason = "cargo test failed".to_owned();
        let report = Report {
            rows: vec![
                row("unit", 12, 2, Outcome::Failed(reason.clone())),
                row("docs", 3, 0, Outcome::Failed(reason)),
            ],
        };
        assert!(!report.is_good());
        assert!(report.text().ends_with("\n15 passed, 3 failed\n"), "{}", report.text());
    }

    #[test]
    fn a_run_of_nothing_is_not_good() {
        assert!(!Report::default().is_good());
        let reason = || Outcome::Skipped("no Python".to_owned());
        assert!(!Report { rows: vec![row("company", 0, 0, reason())] }.is_good());
        let rows = vec![row("unit", 1, 0, Outcome::Passed), row("company", 0, 0, reason())];
        let report = Report { rows };
        assert!(report.is_good());
        assert!(report.text().contains("SKIPPED: no Python"), "{}", report.text());
    }
}
