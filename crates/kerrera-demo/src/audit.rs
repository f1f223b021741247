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
        let ends = self.scenario.sheets.iter().map(|(_, trouble)| {
            trouble.end(DataImport::MAX_ATTEMPTS)
        });
        ends.filter(|end| *end == state).count() as u64
    }

    fn jobs<W: Worker>(&self, state: State) -> u64 {
        self.tally.jobs(W::NAME, state)
    }
}
