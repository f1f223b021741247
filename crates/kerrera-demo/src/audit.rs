//! Whether it adds up: what the database, the mail server and the visitors say, side by side.

use axum::http::StatusCode;
use kerrera::{State, Worker};

use crate::scenario::{DAYS, Scenario};
use crate::smtp_sink::Ledger;
use crate::store::Tally;
use crate::visitors::Answers;
use crate::workers::{BulkEmailSend, DailyReport, DataImport, SendWelcomeEmail};

/// Two numbers that must be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) found: u64,
    /// What was counted, in the database if nothing else is said.
    pub(crate) what: &'static str,
    pub(crate) expected: u64,
    /// What it is held against.
    pub(crate) against: &'static str,
}

impl Check {
    pub(crate) fn holds(&self) -> bool {
        self.found == self.expected
    }
}

/// What is held against each other.
#[derive(Debug)]
pub(crate) struct Books<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) answers: &'a Answers,
    pub(crate) ledger: &'a Ledger,
    pub(crate) tally: &'a Tally,
    /// How many reports lie in the folder.
    pub(crate) reports: u64,
}

impl Books<'_> {
    /// Holds everything against each other.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let Books { scenario, answers, ledger, tally, reports } = *self;
        let planned: u64 = scenario.expected().iter().map(|(_, jobs)| jobs).sum();
        let all: u64 = tally.workers.iter().map(|worker| worker.jobs).sum();
        let open = tally.workers.iter().filter(|worker| !worker.state.is_final());
        let check = |found, what, expected, against| Check { found, what, expected, against };
        vec![
            check(all, "jobs", planned, "planned by the seed"),
            check(open.map(|worker| worker.jobs).sum(), "jobs have not ended", 0, ""),
            check(tally.users, "users", scenario.accepted(), "planned by the seed"),
            check(
                answers.count(StatusCode::CREATED),
                "sign-ups answered \"created\"",
                tally.users,
                "users",
            ),
            check(
                tally.unpaired,
                "users without a welcome job, or welcome jobs without a user",
                0,
                "",
            ),
            check(
                tally.left_of_refused,
                "users or jobs of the sign-ups that were rolled back",
                0,
                "",
            ),
            check(
                self.jobs::<SendWelcomeEmail>(State::Completed),
                "welcome jobs completed",
                ledger.delivered_with(SendWelcomeEmail::MESSAGE),
                "delivered by the mail server, each once",
            ),
            check(
                self.jobs::<SendWelcomeEmail>(State::Cancelled),
                "welcome jobs cancelled",
                ledger.gone.len() as u64,
                "mailboxes gone",
            ),
            check(
                self.jobs::<SendWelcomeEmail>(State::Discarded),
                "welcome jobs discarded",
                ledger.waiting.len() as u64,
                "mailboxes busy to the end",
            ),
            check(
                tally.greeted,
                "users greeted",
                self.jobs::<SendWelcomeEmail>(State::Completed),
                "welcome jobs completed",
            ),
            check(
                tally.value(BulkEmailSend::NAME),
                "newsletters sent, as their jobs say",
                tally.greeted,
                "users greeted",
            ),
            check(
                tally.value(BulkEmailSend::NAME),
                "newsletters sent, as their jobs say",
                ledger.delivered_with(BulkEmailSend::MESSAGE),
                "delivered by the mail server, each once",
            ),
            check(tally.events, "analytics events", tally.users, "users"),
            check(
                self.jobs::<DataImport>(State::Completed),
                "imports completed",
                self.imports(State::Completed),
                "planned by the seed",
            ),
            check(
                self.jobs::<DataImport>(State::Cancelled),
                "imports cancelled",
                self.imports(State::Cancelled),
                "planned by the seed",
            ),
            check(
                self.jobs::<DataImport>(State::Discarded),
                "imports discarded",
                self.imports(State::Discarded),
                "planned by the seed",
            ),
            check(
                tally.airports_completed,
                "airports of the completed imports",
                tally.value(DataImport::NAME),
                "as their jobs say",
            ),
            check(reports, "reports in the folder", u64::from(DAYS), "days"),
            check(
                self.jobs::<DailyReport>(State::Completed),
                "report jobs completed",
                u64::from(DAYS),
                "days",
            ),
        ]
    }

    /// How many imports are to end so.
    fn imports(&self, state: State) -> u64 {
        let ends =
            self.scenario.sheets.iter().map(|(_, trouble)| trouble.end(DataImport::MAX_ATTEMPTS));
        ends.filter(|end| *end == state).count() as u64
    }

    fn jobs<W: Worker>(&self, state: State) -> u64 {
        self.tally.jobs(W::NAME, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geocoder::Trouble;
    use crate::store::WorkerTally;

    fn worker(worker: &str, state: State, jobs: u64, value: u64) -> WorkerTally {
        WorkerTally { worker: worker.to_owned(), state, jobs, failures: 0, snoozes: 0, value }
    }

    /// The books of a run with one visitor, in which all went well.
    fn books() -> (Scenario, Answers, Ledger, Tally) {
        let mut scenario = Scenario::new(1, 1, 200);
        scenario.sheets = vec![(0, Trouble::None)];
        let answers = Answers::default();
        answers.add("request-1".to_owned(), StatusCode::CREATED);
        let mut ledger = Ledger::default();
        for id in ["welcome-1", "news-1"] {
            ledger.delivered.insert(("ada@mail.example".to_owned(), id.to_owned()));
        }
        let tally = Tally {
            workers: vec![
                worker("SendWelcomeEmail", State::Completed, 1, 0),
                worker("LogAnalytics", State::Completed, 1, 0),
                worker("BulkEmailSend", State::Completed, 1, 1),
                worker("DataImport", State::Completed, 1, 200),
                worker("DailyReport", State::Completed, u64::from(DAYS), 0),
            ],
            users: 1,
            greeted: 1,
            events: 1,
            airports: 200,
            airports_completed: 200,
            unpaired: 0,
            left_of_refused: 0,
        };
        (scenario, answers, ledger, tally)
    }

    fn failed(books: &(Scenario, Answers, Ledger, Tally)) -> Vec<&'static str> {
        let (scenario, answers, ledger, tally) = books;
        let books = Books { scenario, answers, ledger, tally, reports: u64::from(DAYS) };
        let failed = books.checks().into_iter().filter(|check| !check.holds());
        failed.map(|check| check.what).collect()
    }

    #[test]
    fn a_run_in_which_all_went_well_adds_up() {
        assert!(failed(&books()).is_empty(), "{:?}", failed(&books()));
    }

    #[test]
    fn what_was_lost_is_noticed() {
        let mut lost_mail = books();
        lost_mail.2.delivered.remove(&("ada@mail.example".to_owned(), "welcome-1".to_owned()));
        assert_eq!(failed(&lost_mail), ["welcome jobs completed"]);

        let mut lost_job = books();
        lost_job.3.workers.remove(3);
        assert!(failed(&lost_job).contains(&"jobs"));

        let mut open = books();
        open.3.workers[1].state = State::Executing;
        assert_eq!(failed(&open), ["jobs have not ended"]);

        let mut half_undone = books();
        half_undone.3.left_of_refused = 1;
        assert_eq!(failed(&half_undone), ["users or jobs of the sign-ups that were rolled back"]);
    }
}
