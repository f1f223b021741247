//! What is told at the end.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use kerrera::{Count, State};

use crate::audit::Check;
use crate::demo::Open;
use crate::smtp_sink::Ledger;
use crate::store::Tally;

/// What a run of the demonstration did, to be shown to people.
#[derive(Debug)]
pub struct Report {
    pub(crate) ending: Ending,
    pub(crate) took: Duration,
    pub(crate) seed: u64,
    pub(crate) visitors: u64,
    /// How many sign-ups were undone because the address was taken, and because the invitation had
    /// been used up.
    pub(crate) taken: u64,
    pub(crate) used_up: u64,
    pub(crate) counts: Vec<Count>,
    pub(crate) tally: Tally,
    pub(crate) ledger: Ledger,
    pub(crate) checks: Vec<Check>,
    /// Where the jobs are, without a password.
    pub(crate) database: String,
    /// Where the reports are.
    pub(crate) folder: PathBuf,
    pub(crate) last_report: Option<PathBuf>,
    /// What is still open.
    pub(crate) open: Option<Open>,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Every job that was expected has ended.
    Finished,
    /// The time was up before that.
    OutOfTime,
    /// A signal came before that.
    Interrupted,
}

impl Report {
    /// How the run came to its end.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Where the dashboard is, if it stays open.
    pub fn dashboard(&self) -> Option<&str> {
        self.open.as_ref().map(Open::url)
    }

    /// Keeps the dashboard open until a signal comes, if that was asked for; else it is closed by now.
    /// People go on to sign up meanwhile, and files to be imported: what was counted above stays as it is.
    ///
    /// # Errors
    ///
    /// When the application cannot be started again, or the database cannot be closed in good order.
    pub async fn stay(&mut self) -> anyhow::Result<()> {
        match self.open.take() {
            Some(open) => open.stay().await,
            None => Ok(()),
        }
    }

    /// Whether every job that was expected has ended, and the numbers of the database, the mail
    /// server and the visitors agree.
    pub fn adds_up(&self) -> bool {
        self.ending == Ending::Finished && self.checks.iter().all(Check::holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        write_counts(f, &self.counts)?;
        self.write_story(f)?;
        if self.ending == Ending::Finished {
            write_checks(f, &self.checks)?;
        }
        writeln!(f, "Left for you to look at:")?;
        writeln!(f, "  jobs and tables  {}", self.database)?;
        if let Some(report) = &self.last_report {
            writeln!(f, "  last report      {}", report.display())?;
        }
        writeln!(f, "  folder           {}", self.folder.display())?;
        match self.ending {
            Ending::Finished if self.adds_up() => writeln!(f, "\nEvery number adds up."),
            Ending::Finished => writeln!(f, "\nSome numbers do not add up: see the lines with NO."),
            Ending::OutOfTime => {
                writeln!(f, "\nThe time was up before every job had ended: give it more --seconds.")
            }
            Ending::Interrupted => {
                writeln!(f, "\nInterrupted. What ran was finished or given back; the rest waits.")
            }
        }
    }
}

impl Report {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (took, seed) = (self.took.as_secs_f64(), self.seed);
        writeln!(f, "{} visitors, {took:.1} s, seed {seed}\n", self.visitors)
    }

    fn write_story(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures: u64 = self.tally.workers.iter().map(|worker| worker.failures).sum();
        let snoozes: u64 = self.tally.workers.iter().map(|worker| worker.snoozes).sum();
        let refused = self.taken + self.used_up;
        let Ledger { delivered, duplicates, busy, gone, .. } = &self.ledger;
        writeln!(
            f,
            "Sign-ups   {} users; {refused} refused and rolled back ({} addresses were taken, {} \
             came too late for an invitation)",
            self.tally.users, self.taken, self.used_up
        )?;
        writeln!(
            f,
            "Mail       {} delivered; mailboxes busy {busy} times, gone {}; {duplicates} sent again and \
             dropped by their key",
            delivered.len(),
            gone.len()
        )?;
        writeln!(f, "Import     {} airports in the table", self.tally.airports)?;
        writeln!(f, "Attempts   {failures} failed, {snoozes} snoozed\n")
    }
}

/// The jobs by queue and state; states without any are left out.
fn write_counts(f: &mut fmt::Formatter<'_>, counts: &[Count]) -> fmt::Result {
    let jobs = |queue: &str, state: State| -> u64 {
        let of = counts.iter().filter(|count| count.queue == queue && count.state == state);
        of.map(|count| count.jobs).sum()
    };
    let mut queues: Vec<&str> = counts.iter().map(|count| count.queue.as_str()).collect();
    queues.sort_unstable();
    queues.dedup();
    let seen = |state: &State| counts.iter().any(|count| count.state == *state);
    let states: Vec<State> = State::ALL.into_iter().filter(seen).collect();
    let width = queues.iter().map(|queue| queue.len()).max().unwrap_or_default().max("queue".len());

    write!(f, "{:width$}", "queue")?;
    for state in &states {
        write!(f, "  {state:>10}")?;
    }
    writeln!(f, "  {:>10}", "total")?;
    for queue in queues {
        write!(f, "{queue:width$}")?;
        for state in &states {
            write!(f, "  {:>10}", jobs(queue, *state))?;
        }
        let total: u64 = State::ALL.into_iter().map(|state| jobs(queue, state)).sum();
        writeln!(f, "  {total:>10}")?;
    }
    writeln!(f)
}

fn write_checks(f: &mut fmt::Formatter<'_>, checks: &[Check]) -> fmt::Result {
    writeln!(f, "Does it add up? The database, held against the mail server and the visitors:")?;
    for check in checks {
        let Check { found, what, expected, against } = check;
        let (word, sign) = if check.holds() { ("ok", '=') } else { ("NO", '≠') };
        let against = if against.is_empty() { String::new() } else { format!(" {against}") };
        writeln!(f, "  {word}  {found} {what} {sign} {expected}{against}")?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ending: Ending, found: u64) -> Report {
        Report {
            ending,
            took: Duration::from_millis(1250),
            seed: 7,
            visitors: 3,
            taken: 1,
            used_up: 0,
            counts: vec![
                Count::new("mailers", State::Completed, 2),
                Count::new("default", State::Cancelled, 10),
            ],
            tally: Tally::default(),
            ledger: Ledger::default(),
            checks: vec![Check { found, what: "users", expected: 2, against: "planned" }],
            database: "jobs.db".to_owned(),
            folder: "/tmp/demo".into(),
            last_report: None,
            open: None,
        }
    }

    #[test]
    fn jobs_are_shown_by_queue_and_state() {
        let text = report(Ending::Finished, 2).to_string();
        let table = "\
queue     completed   cancelled       total
default           0          10          10
mailers           2           0           2
";
        assert!(text.contains(table), "{text}");
        assert!(text.contains("ok  2 users = 2 planned"), "{text}");
    }

    #[test]
    fn only_a_finished_run_whose_numbers_agree_adds_up() {
        assert!(report(Ending::Finished, 2).adds_up());
        assert!(!report(Ending::OutOfTime, 2).adds_up());
        let wrong = report(Ending::Finished, 3);
        assert!(!wrong.adds_up());
        assert!(wrong.to_string().contains("NO  3 users ≠ 2 planned"), "{wrong}");
    }
}
