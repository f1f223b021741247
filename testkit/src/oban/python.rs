//! A node of Oban for Python.

use super::{Watch, numbers, quoted, uuid};
use crate::postgres::Database;

/// A node of Oban for Python, as of 0.7, on tables that have its own beside `oban_jobs`.
///
/// It asks the database for the time, so its clock is right.
#[derive(Debug)]
pub struct Python<'a> {
    database: &'a Database,
    instance: String,
    node: String,
    producer: String,
    watch: Watch<'a>,
    leads: bool,
}

impl<'a> Python<'a> {
    /// A node of the instance `Oban`.
    pub fn on(database: &'a Database, node: &str) -> Python<'a> {
        Python {
            database,
            instance: "Oban".to_owned(),
            node: node.to_owned(),
            producer: uuid(),
            watch: Watch::true_one(),
            leads: false,
        }
    }

    /// Takes this for the time: microseconds since 1970.
    #[must_use]
    pub fn clock(mut self, truth: impl Fn() -> i64 + 'a) -> Python<'a> {
        self.watch.truth = Box::new(truth);
        self
    }

    /// Another instance's name.
    #[must_use]
    pub fn instance(mut self, name: &str) -> Python<'a> {
        name.clone_into(&mut self.instance);
        self
    }

    /// Stands for election, in the table that is its own.
    #[track_caller]
    pub fn elect(&mut self) -> bool {
        let now = self.watch.now();
        let (name, node) = (quoted(&self.instance), quoted(&self.node));
        let rows = self.database.psql(&format!(
            "BEGIN;
            DELETE FROM oban_leaders WHERE expires_at < {now};
            INSERT INTO oban_leaders AS l (name, node, elected_at, expires_at)
            VALUES ({name}, {node}, {now}, {now} + interval '30 seconds')
            ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at
            WHERE l.node = excluded.node
            RETURNING 'elected';
            COMMIT;"
        ));
        self.leads = rows.contains("elected");
        self.leads
    }

    /// Gives the lead up.
    #[track_caller]
    pub fn resign(&mut self) {
        self.leads = false;
        let (name, node) = (quoted(&self.instance), quoted(&self.node));
        self.database
            .psql(&format!("DELETE FROM oban_leaders WHERE name = {name} AND node = {node}"));
    }

    /// Shows that it works a queue.
    #[track_caller]
    pub fn work(&self, queue: &str) {
        let now = self.watch.now();
        let (name, node) = (quoted(&self.instance), quoted(&self.node));
        let (producer, queue) = (quoted(&self.producer), quoted(queue));
        self.database.psql(&format!(
            "INSERT INTO oban_producers (uuid, name, node, queue, meta, started_at, updated_at)
            VALUES ({producer}, {name}, {node}, {queue}, '{{}}', {now}, {now})
            ON CONFLICT (uuid) DO UPDATE SET updated_at = excluded.updated_at"
        ));
    }

    /// Works no more.
    #[track_caller]
    pub fn rest(&self) {
        let producer = quoted(&self.producer);
        self.database.psql(&format!("DELETE FROM oban_producers WHERE uuid = {producer}"));
    }

    /// Deletes producers, whoever's, that have not stirred for a minute.
    #[track_caller]
    pub fn sweep(&self) {
        let now = self.watch.now();
        self.database.psql(&format!(
            "DELETE FROM oban_producers WHERE updated_at < {now} - interval '60 seconds'"
        ));
    }

    /// Frees what has run for longer than so many seconds, and discards what has no attempt left;
    /// which they are.
    #[track_caller]
    pub fn lifeline(&self, age: u32) -> Vec<i64> {
        let now = self.watch.now();
        numbers(&self.database.psql(&format!(
            "UPDATE oban_jobs AS j
            SET state = (CASE WHEN attempt < max_attempts
                    THEN 'available' ELSE 'discarded' END)::oban_job_state,
                discarded_at = CASE WHEN attempt >= max_attempts THEN {now} END,
                meta = CASE WHEN attempt >= max_attempts THEN meta
                    ELSE meta || jsonb_build_object(
                        'rescued', coalesce((meta ->> 'rescued')::int, 0) + 1) END
            WHERE state = 'executing' AND attempted_at < {now} - interval '{age} seconds'
            RETURNING id"
        )))
    }
}
