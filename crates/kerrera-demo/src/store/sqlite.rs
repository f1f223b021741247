//! The tables in the file of the jobs.

use anyhow::bail;
use kerrera::{Client, Database, NewJob};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::{NewUser, Refusal, Tally, User, WorkerTally};
use crate::scenario::INVITATION;

/// The tables in an SQLite file, written on the same thread as the jobs.
#[derive(Debug)]
pub(crate) struct Sqlite(kerrera_sqlite::Sqlite);

impl Sqlite {
    /// Makes the tables. The file must be a new one.
    pub(crate) async fn open(url: &str, places: u32) -> anyhow::Result<Sqlite> {
        let sqlite = kerrera_sqlite::Sqlite::from_url(url)?;
        // Makes the tables of the jobs.
        let client = Client::connect(sqlite.clone()).await?;
        let location = client.location();
        let store = Sqlite(sqlite);
        let open = move |tx: &mut Transaction<'_>| {
            let strangers: i64 =
                tx.query_row(include_str!("sql/sqlite/strangers.sql"), [], |row| row.get(0))?;
            if strangers > 0 {
                bail!("{location} is not empty: give the demo a file of its own, or none at all");
            }
            tx.execute_batch(include_str!("sql/sqlite/tables.sql"))?;
            tx.execute(include_str!("sql/invite.sql"), params![INVITATION, places])?;
            Ok(())
        };
        store.run(open).await?;
        Ok(store)
    }

    pub(crate) fn database(&self) -> Database {
        self.0.clone().into()
    }

    pub(crate) async fn sign_up(
        &self,
        client: &Client,
        user: NewUser,
        jobs: fn(i64) -> Vec<NewJob>,
    ) -> anyhow::Result<Result<i64, Refusal>> {
        let inserting = client.clone();
        let signed_up = client.transaction(move |tx: &mut Transaction<'_>| {
            let values = params![user.name, user.email, user.request_id];
            let id = tx
                .query_row(include_str!("sql/insert_user.sql"), values, |row| row.get(0))
                .optional()?
                .ok_or(Refusal::AddressTaken)?;
            let jobs = super::of_request(jobs(id), &user.request_id);
            inserting.within(tx).insert_all(jobs)?;
            if let Some(code) = user.invitation
                && tx.execute(include_str!("sql/take_place.sql"), [code])? == 0
            {
                // The user and the jobs go with the transaction.
                return Err(Refusal::InvitationUsedUp.into());
            }
            Ok(id)
        });
        match signed_up.await {
            Ok(id) => Ok(Ok(id)),
            Err(SignUpError::Refused(refusal)) => Ok(Err(refusal)),
            Err(SignUpError::Failed(error)) => Err(error),
        }
    }

    pub(crate) async fn user(&self, id: i64) -> anyhow::Result<Option<User>> {
        self.run(move |tx| {
            Ok(tx.query_row(include_str!("sql/user.sql"), [id], read_user).optional()?)
        })
        .await
    }

    pub(crate) async fn user_ids(&self) -> anyhow::Result<Vec<i64>> {
        self.run(|tx| {
            let mut users = tx.prepare(include_str!("sql/user_ids.sql"))?;
            Ok(users.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn greeted_users(&self, ids: Vec<i64>) -> anyhow::Result<Vec<User>> {
        let ids = serde_json::to_string(&ids)?;
        self.run(move |tx| {
            let mut users = tx.prepare(include_str!("sql/sqlite/greeted_users.sql"))?;
            Ok(users.query_map([ids], read_user)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn greeted(&self, id: i64) -> anyhow::Result<()> {
        self.run(move |tx| Ok(tx.execute(include_str!("sql/greeted.sql"), [id])?)).await?;
        Ok(())
    }

    pub(crate) async fn log_event(
        &self,
        key: String,
        event: String,
        user_id: i64,
    ) -> anyhow::Result<()> {
        self.run(move |tx| {
            Ok(tx.execute(include_str!("sql/log_event.sql"), params![key, event, user_id])?)
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn save_airports(&self, sheet: u32, airports: String) -> anyhow::Result<()> {
        self.run(move |tx| {
            Ok(tx.execute(include_str!("sql/sqlite/save_airports.sql"), params![airports, sheet])?)
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn tally(&self, refused: String) -> anyhow::Result<Tally> {
        self.run(move |tx| {
            let mut jobs = tx.prepare(include_str!("sql/sqlite/jobs.sql"))?;
            let mut rows = jobs.query([])?;
            let mut workers = Vec::new();
            while let Some(row) = rows.next()? {
                workers.push(WorkerTally {
                    worker: row.get(0)?,
                    state: row.get::<_, String>(1)?.parse()?,
                    jobs: count(row, 2)?,
                    failures: count(row, 3)?,
                    snoozes: count(row, 4)?,
                    value: count(row, 5)?,
                });
            }
            Ok(tx.query_row(include_str!("sql/sqlite/tally.sql"), [refused], |row| {
                Ok(Tally {
                    workers,
                    users: count(row, 0)?,
                    greeted: count(row, 1)?,
                    events: count(row, 2)?,
                    airports: count(row, 3)?,
                    airports_completed: count(row, 4)?,
                    unpaired: count(row, 5)?,
                    left_of_refused: count(row, 6)?,
                })
            })?)
        })
        .await
    }

    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        Ok(self.0.close().await?)
    }

    /// Runs a transaction on the writer's thread.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.0.transaction(work).await
    }
}

/// Why the transaction of a sign-up is undone.
enum SignUpError {
    Refused(Refusal),
    Failed(anyhow::Error),
}

impl From<Refusal> for SignUpError {
    fn from(refusal: Refusal) -> SignUpError {
        SignUpError::Refused(refusal)
    }
}

impl From<kerrera::Error> for SignUpError {
    fn from(error: kerrera::Error) -> SignUpError {
        SignUpError::Failed(error.into())
    }
}

impl From<rusqlite::Error> for SignUpError {
    fn from(error: rusqlite::Error) -> SignUpError {
        SignUpError::Failed(error.into())
    }
}

fn read_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: row.get(0)?, name: row.get(1)?, email: row.get(2)? })
}

/// A count, which SQL gives as a signed number.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}
