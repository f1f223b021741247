//! The application's own tables, beside the jobs in the same database.

mod postgres;
mod sqlite;

use std::fmt;

use anyhow::bail;
use kerrera::{Client, Database, NewJob, State};
use serde::{Deserialize, Serialize};

pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

/// The tables, on either database.
#[derive(Debug)]
pub(crate) enum Store {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// Somebody who wants to become a user.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) request_id: String,
    pub(crate) invitation: Option<String>,
}

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Why somebody does not become a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    AddressTaken,
    InvitationUsedUp,
}

/// An airport, as it is in the file and in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Airport {
    pub(crate) iata: String,
    pub(crate) name: String,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) country: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// Not in the file.
    #[serde(default)]
    pub(crate) geohash: String,
}

/// The jobs of a worker that are in one state.
#[derive(Clone, Debug)]
pub(crate) struct WorkerTally {
    pub(crate) worker: String,
    pub(crate) state: State,
    pub(crate) jobs: u64,
    /// How many attempts failed.
    pub(crate) failures: u64,
    pub(crate) snoozes: u64,
    /// The sum of what they gave back.
    pub(crate) value: u64,
}

/// What the database holds in the end, counted by its own SQL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) workers: Vec<WorkerTally>,
    pub(crate) users: u64,
    pub(crate) greeted: u64,
    pub(crate) events: u64,
    pub(crate) airports: u64,
    /// The airports of those imports that completed.
    pub(crate) airports_completed: u64,
    /// Users without a welcome job, and welcome jobs without a user.
    pub(crate) unpaired: u64,
    /// Users and jobs of requests that were refused.
    pub(crate) left_of_refused: u64,
}

impl Tally {
    /// How many jobs of a worker are in a state.
    pub(crate) fn jobs(&self, worker: &str, state: State) -> u64 {
        let of = self.workers.iter().filter(|tally| tally.worker == worker && tally.state == state);
        of.map(|tally| tally.jobs).sum()
    }

    /// The sum of what the completed jobs of a worker gave back.
    pub(crate) fn value(&self, worker: &str) -> u64 {
        self.workers.iter().filter(|tally| tally.worker == worker).map(|tally| tally.value).sum()
    }
}

macro_rules! on_either {
    ($store:expr, $own:ident => $call:expr) => {
        match $store {
            Store::Sqlite($own) => $call,
            Store::Postgres($own) => $call,
        }
    };
}

impl Store {
    /// Opens the database of this URL and makes the application's tables in it.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or holds what is not of the demonstration.
    pub(crate) async fn open(url: &str, places: u32) -> anyhow::Result<Store> {
        // The URL itself is not repeated: it may hold a password.
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => {
                Ok(Store::Postgres(Box::new(Postgres::open(url, places).await?)))
            }
            Some("sqlite") => Ok(Store::Sqlite(Sqlite::open(url, places).await?)),
            _ => bail!(
                "the database URL begins with neither \"sqlite:\" nor \"postgres:\": write \
                 sqlite:demo.db or postgres://user@host/database"
            ),
        }
    }

    /// The same database, for the jobs.
    pub(crate) fn database(&self) -> Database {
        on_either!(self, store => store.database())
    }

    /// Makes somebody a user and enqueues what follows from it, both or neither.
    ///
    /// The jobs are made from the user's number. The client must be one of the same database.
    pub(crate) async fn sign_up(
        &self,
        client: &Client,
        user: NewUser,
        jobs: fn(i64) -> Vec<NewJob>,
    ) -> anyhow::Result<Result<i64, Refusal>> {
        on_either!(self, store => store.sign_up(client, user, jobs).await)
    }

    pub(crate) async fn user(&self, id: i64) -> anyhow::Result<Option<User>> {
        on_either!(self, store => store.user(id).await)
    }

    /// Of these users, those who got their welcome mail; one query.
    pub(crate) async fn greeted_users(&self, ids: Vec<i64>) -> anyhow::Result<Vec<User>> {
        on_either!(self, store => store.greeted_users(ids).await)
    }

    /// The numbers of all users, in order.
    pub(crate) async fn user_ids(&self) -> anyhow::Result<Vec<i64>> {
        on_either!(self, store => store.user_ids().await)
    }

    /// Notes that a user got the welcome mail.
    pub(crate) async fn greeted(&self, id: i64) -> anyhow::Result<()> {
        on_either!(self, store => store.greeted(id).await)
    }

    /// Keeps an event, once for each key.
    pub(crate) async fn log_event(
        &self,
        key: String,
        event: String,
        user_id: i64,
    ) -> anyhow::Result<()> {
        on_either!(self, store => store.log_event(key, event, user_id).await)
    }

    /// Writes airports, over what was there before.
    pub(crate) async fn save_airports(
        &self,
        sheet: u32,
        airports: &[Airport],
    ) -> anyhow::Result<()> {
        on_either!(self, store => store.save_airports(sheet, serde_json::to_string(airports)?).await)
    }

    /// Counts everything. Reads every row.
    pub(crate) async fn tally(&self, refused_requests: &[String]) -> anyhow::Result<Tally> {
        let refused = serde_json::to_string(refused_requests)?;
        on_either!(self, store => store.tally(refused).await)
    }

    /// Closes it in good order.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        match self {
            Store::Sqlite(store) => store.close().await,
            Store::Postgres(_) => Ok(()),
        }
    }
}

/// Jobs that know which request they came from.
fn of_request(jobs: Vec<NewJob>, request_id: &str) -> impl Iterator<Item = NewJob> {
    let meta = serde_json::json!({ "request_id": request_id });
    jobs.into_iter().map(move |job| job.meta(meta.clone()))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::AddressTaken => "this address is taken",
            Refusal::InvitationUsedUp => "this invitation has been used up",
        })
    }
}
