//! The tables in a schema of their own, in the database of the jobs.

mod pool;

use anyhow::bail;
use kerrera::{Client, Database, NewJob};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::{NewUser, Refusal, Tally, User, WorkerTally};
use crate::scenario::INVITATION;
use crate::workers::TAG;
use pool::Pool;

/// The tables in PostgreSQL, by connections of the application's own.
#[derive(Debug)]
pub(crate) struct Postgres {
    url: String,
    pool: Pool,
    /// Keeps other demonstrations away.
    _alone: tokio_postgres::Client,
}

impl Postgres {
    /// Makes the tables, and forgets an earlier run. The database must not have jobs of others.
    pub(crate) async fn open(url: &str, places: u32) -> anyhow::Result<Postgres> {
        // Says best what is wrong when it is. That the tables of the jobs are missing is not.
        match Client::connect(url).await {
            Err(error) if !error.is_unmigrated() => return Err(error.into()),
            _ => {}
        }
        let pool = Pool::connect(url).await?;
        let alone = pool.alone().await?;
        let mut connection = pool.take().await?;
        let tx = connection.transaction().await?;
        let has_jobs = tx.query_one(include_str!("sql/postgres/has_jobs.sql"), &[]).await?;
        if has_jobs.try_get(0)? {
            let strangers = include_str!("sql/postgres/strangers.sql");
            let strangers: i64 = tx.query_one(strangers, &[&TAG]).await?.try_get(0)?;
            if strangers > 0 {
                bail!(
                    "this database has {strangers} jobs of other programs, which the demo would \
                     count and might run: give it a database of its own, as by `createdb \
                     kerrera_demo`"
                );
            }
            tx.execute(include_str!("sql/postgres/forget.sql"), &[&TAG]).await?;
        }
        tx.batch_execute(include_str!("sql/postgres/tables.sql")).await?;
        let places = i64::from(places);
        tx.execute(include_str!("sql/invite.sql"), &[&INVITATION, &places]).await?;
        tx.commit().await?;
        drop(connection);
        Ok(Postgres { url: url.to_owned(), pool, _alone: alone })
    }

    pub(crate) fn database(&self) -> Database {
        self.url.as_str().into()
    }

    pub(crate) async fn sign_up(
        &self,
        client: &Client,
        user: NewUser,
        jobs: fn(i64) -> Vec<NewJob>,
    ) -> anyhow::Result<Result<i64, Refusal>> {
        let mut connection = self.pool.take().await?;
        // Rolled back when this function is left without a commit.
        let mut tx = connection.transaction().await?;
        let values: [&(dyn ToSql + Sync); 3] = [&user.name, &user.email, &user.request_id];
        let inserted = tx.query_opt(include_str!("sql/insert_user.sql"), &values).await?;
        let Some(row) = inserted else { return Ok(Err(Refusal::AddressTaken)) };
        let id = row.try_get(0)?;
        let jobs = super::of_request(jobs(id), &user.request_id);
        client.within(&mut tx).insert_all(jobs).await?;
        if let Some(code) = user.invitation
            && tx.execute(include_str!("sql/take_place.sql"), &[&code]).await? == 0
        {
            // The user and the jobs go with the transaction.
            return Ok(Err(Refusal::InvitationUsedUp));
        }
        tx.commit().await?;
        Ok(Ok(id))
    }

    pub(crate) async fn user(&self, id: i64) -> anyhow::Result<Option<User>> {
        let rows = self.query(include_str!("sql/user.sql"), &[&id]).await?;
        Ok(rows.first().map(read_user).transpose()?)
    }

    pub(crate) async fn user_ids(&self) -> anyhow::Result<Vec<i64>> {
        let rows = self.query(include_str!("sql/user_ids.sql"), &[]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn greeted_users(&self, ids: Vec<i64>) -> anyhow::Result<Vec<User>> {
        let rows = self.query(include_str!("sql/postgres/greeted_users.sql"), &[&ids]).await?;
        Ok(rows.iter().map(read_user).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn greeted(&self, id: i64) -> anyhow::Result<()> {
        self.query(include_str!("sql/greeted.sql"), &[&id]).await?;
        Ok(())
    }

    pub(crate) async fn log_event(
        &self,
        key: String,
        event: String,
        user_id: i64,
    ) -> anyhow::Result<()> {
        self.query(include_str!("sql/log_event.sql"), &[&key, &event, &user_id]).await?;
        Ok(())
    }

    pub(crate) async fn save_airports(&self, sheet: u32, airports: String) -> anyhow::Result<()> {
        let values: [&(dyn ToSql + Sync); 2] = [&airports, &i64::from(sheet)];
        self.query(include_str!("sql/postgres/save_airports.sql"), &values).await?;
        Ok(())
    }

    pub(crate) async fn tally(&self, refused: String) -> anyhow::Result<Tally> {
        let mut workers = Vec::new();
        for row in self.query(include_str!("sql/postgres/jobs.sql"), &[]).await? {
            workers.push(WorkerTally {
                worker: row.try_get(0)?,
                state: row.try_get::<_, String>(1)?.parse()?,
                jobs: count(&row, 2)?,
                failures: count(&row, 3)?,
                snoozes: count(&row, 4)?,
                value: count(&row, 5)?,
            });
        }
        let rows = self.query(include_str!("sql/postgres/tally.sql"), &[&refused]).await?;
        let Some(row) = rows.first() else { bail!("the database counted nothing") };
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
    }

    async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> anyhow::Result<Vec<Row>> {
        let connection = self.pool.take().await?;
        Ok(connection.query(sql, values).await?)
    }
}

fn read_user(row: &Row) -> Result<User, Error> {
    Ok(User { id: row.try_get(0)?, name: row.try_get(1)?, email: row.try_get(2)? })
}

/// A count, which SQL gives as a signed number.
fn count(row: &Row, column: usize) -> Result<u64, Error> {
    Ok(row.try_get::<_, i64>(column)?.unsigned_abs())
}
