//! A node of Oban for Elixir.

use super::message::{Form, pack};
use super::{Watch, numbers, quoted, uuid};
use crate::postgres::Database;

/// A node of Oban for Elixir, on tables that it could work: its own, or ours.
///
/// Everything happens when it is called; nothing runs by itself.
#[derive(Debug)]
pub struct Elixir<'a> {
    database: &'a Database,
    instance: String,
    node: String,
    producer: String,
    watch: Watch<'a>,
    leads: bool,
}

/// A job that a node took, as it stood then: what it writes later is made of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number.
    pub id: i64,
    /// Which attempt this is.
    pub attempt: i32,
    /// How many it may have.
    pub max_attempts: i32,
    /// Its meta, as JSON.
    pub meta: String,
}

/// How a node lets a job end, with reasons and waits in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Well.
    Complete,
    /// With an error, and another attempt after a wait.
    Retry(&'static str, u32),
    /// Not yet: again after a wait, and this attempt does not count.
    Snooze(u32),
    /// The same in versions up to 2.23.1: there is one more attempt to be had instead.
    SnoozeWithOneMore(u32),
    /// For good, because its worker says so.
    Cancel(&'static str),
    /// For good, because nothing helps.
    Discard(&'static str),
}

impl End {
    /// One of each kind.
    pub const EACH: [End; 6] = [
        End::Complete,
        End::Retry("** (RuntimeError) late", 30),
        End::Snooze(30),
        End::SnoozeWithOneMore(30),
        End::Cancel("** (Oban.PerformError) late"),
        End::Discard("** (Oban.PerformError) late"),
    ];

    /// The state that it leaves the job in.
    pub fn state(self) -> &'static str {
        match self {
            End::Complete => "completed",
            End::Retry(..) => "retryable",
            End::Snooze(_) | End::SnoozeWithOneMore(_) => "scheduled",
            End::Cancel(_) => "cancelled",
            End::Discard(_) => "discarded",
        }
    }
}

/// Who it is.
impl<'a> Elixir<'a> {
    /// A node of the instance `Oban`, whose clock is right.
    pub fn on(database: &'a Database, node: &str) -> Elixir<'a> {
        Elixir {
            database,
            instance: "Oban".to_owned(),
            node: node.to_owned(),
            producer: uuid(),
            watch: Watch::true_one(),
            leads: false,
        }
    }

    /// Takes this for the true time: microseconds since 1970.
    #[must_use]
    pub fn clock(mut self, truth: impl Fn() -> i64 + 'a) -> Elixir<'a> {
        self.watch.truth = Box::new(truth);
        self
    }

    /// Its clock is so many seconds ahead of the true time, or behind if negative.
    #[must_use]
    pub fn ahead(mut self, seconds: i64) -> Elixir<'a> {
        self.watch.ahead = seconds * 1_000_000;
        self
    }

    /// Another instance's name.
    #[must_use]
    pub fn instance(mut self, name: &str) -> Elixir<'a> {
        name.clone_into(&mut self.instance);
        self
    }

    /// By which it is addressed in signals.
    pub fn ident(&self) -> String {
        format!("{}.{}", self.instance, self.node)
    }

    #[track_caller]
    fn run(&self, sql: &str) -> String {
        self.database.psql(sql)
    }
}

/// Jobs.
impl Elixir<'_> {
    /// Inserts a job for a worker, with these args, and tells of it in the same transaction.
    #[track_caller]
    pub fn insert(&self, worker: &str, queue: &str, args: &str) -> i64 {
        let (worker, args) = (quoted(worker), quoted(args));
        let told = quoted(&format!(r#"{{"queue":"{queue}"}}"#));
        let queue = quoted(queue);
        let rows = self.run(&format!(
            "BEGIN;
            INSERT INTO oban_jobs (state, queue, worker, args, meta, tags, max_attempts)
            VALUES ('available', {queue}, {worker}, {args}, '{{}}', '{{}}', 20) RETURNING id;
            SELECT pg_notify('public.oban_insert', {told});
            COMMIT;"
        ));
        numbers(&rows)[0]
    }

    /// Inserts a job unless an equal one waits or runs: the number of the new one.
    ///
    /// Its lock is one that it does not wait for. Whoever holds that has inserted, it supposes, and
    /// inserts nothing.
    #[track_caller]
    pub fn insert_unique(&self, worker: &str, args: &str) -> Option<i64> {
        let (worker, args) = (quoted(worker), quoted(args));
        let rows = self.run(&format!(
            "INSERT INTO oban_jobs (worker, args, meta)
            SELECT {worker}, {args}, '{{}}'
            -- A sum of two numbers below 2^27, by a hash that only it knows.
            WHERE pg_try_advisory_xact_lock(abs(hashtext({worker} || {args}))::bigint % (1 << 28))
                AND NOT EXISTS (
                    SELECT FROM oban_jobs AS j
                    WHERE j.state IN ('scheduled', 'available', 'executing', 'retryable')
                        AND j.worker = {worker} AND j.args @> {args} AND j.args <@ {args}
                )
            RETURNING id"
        ));
        numbers(&rows).first().copied()
    }

    /// Takes available jobs of a queue, at most so many.
    #[track_caller]
    pub fn fetch(&self, queue: &str, demand: u32) -> Vec<Taken> {
        let (now, queue) = (self.watch.now(), quoted(queue));
        let (node, producer) = (quoted(&self.node), quoted(&self.producer));
        let rows = self.run(&format!(
            "WITH next AS MATERIALIZED (
                SELECT id FROM oban_jobs WHERE state = 'available' AND queue = {queue}
                ORDER BY priority, scheduled_at, id LIMIT {demand} FOR UPDATE SKIP LOCKED
            )
            UPDATE oban_jobs AS j
            SET state = 'executing', attempted_at = {now}, attempted_by = ARRAY[{node}, {producer}],
                attempt = j.attempt + 1
            FROM next AS n WHERE j.id = n.id AND j.attempt < j.max_attempts
            RETURNING j.id, j.attempt, j.max_attempts, j.meta"
        ));
        rows.lines().map(Taken::read).collect()
    }

    /// Writes how a job ended, to whatever row has its number now: no state, no attempt and no owner
    /// is looked at.
    #[track_caller]
    pub fn ends(&self, job: &Taken, end: End) {
        let now = self.watch.now();
        let state = end.state();
        let after = |wait: u32| format!("scheduled_at = {now} + interval '{wait} seconds'");
        let failed = |error: &str| {
            let (attempt, error) = (job.attempt, quoted(error));
            format!(
                "errors = errors || ARRAY[jsonb_build_object(
                    'at', to_char({now}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                    'attempt', {attempt}, 'error', {error})]"
            )
        };
        let set = match end {
            End::Complete => format!("completed_at = {now}"),
            End::Retry(error, wait) => format!("{}, {}", after(wait), failed(error)),
            // The whole meta, as it was when the job was taken.
            End::Snooze(wait) => format!(
                "{}, attempt = attempt - 1, meta = jsonb_set({meta}, '{{snoozed}}',
                    to_jsonb(coalesce(({meta}::jsonb ->> 'snoozed')::int, 0) + 1))",
                after(wait),
                meta = quoted(&job.meta),
            ),
            End::SnoozeWithOneMore(wait) => {
                format!("{}, max_attempts = max_attempts + 1", after(wait))
            }
            End::Cancel(error) => format!("cancelled_at = {now}, {}", failed(error)),
            End::Discard(error) => format!("discarded_at = {now}, {}", failed(error)),
        };
        self.run(&format!("UPDATE oban_jobs SET state = '{state}', {set} WHERE id = {}", job.id));
    }

    /// Cancels a job, and tells whoever runs it to stop.
    #[track_caller]
    pub fn cancel(&self, id: i64) {
        let now = self.watch.now();
        let was = self.run(&format!(
            "UPDATE oban_jobs AS j SET state = 'cancelled', cancelled_at = {now}
            FROM (SELECT id, state FROM oban_jobs WHERE id = {id}) AS o
            WHERE j.id = o.id AND j.state NOT IN ('cancelled', 'completed', 'discarded')
            RETURNING o.state"
        ));
        if was == "executing" {
            self.says("signal", &format!(r#"{{"action":"pkill","job_id":{id}}}"#), Form::Plain);
        }
    }

    /// Makes a job available again that neither waits nor runs.
    #[track_caller]
    pub fn retry(&self, id: i64) {
        let now = self.watch.now();
        self.run(&format!(
            "UPDATE oban_jobs
            SET state = 'available', max_attempts = greatest(max_attempts, attempt + 1),
                scheduled_at = {now}, completed_at = NULL, cancelled_at = NULL, discarded_at = NULL
            WHERE id = {id} AND state NOT IN ('available', 'executing')"
        ));
    }
}

/// What its leader does.
impl Elixir<'_> {
    /// Makes due jobs available, the newest first; which they are.
    #[track_caller]
    pub fn stage(&self, limit: u32) -> Vec<i64> {
        let now = self.watch.now();
        numbers(&self.run(&format!(
            "UPDATE oban_jobs AS j SET state = 'available'
            FROM (
                SELECT id FROM oban_jobs
                WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= {now}
                ORDER BY scheduled_at DESC, id DESC LIMIT {limit}
            ) AS due
            WHERE j.id = due.id RETURNING j.id"
        )))
    }

    /// Frees what has run for longer than so many seconds, and discards what has no attempt left;
    /// which they are.
    #[track_caller]
    pub fn lifeline(&self, age: u32) -> Vec<i64> {
        let now = self.watch.now();
        let old =
            format!("state = 'executing' AND attempted_at < {now} - interval '{age} seconds'");
        numbers(&self.run(&format!(
            "UPDATE oban_jobs SET state = 'available'
            WHERE {old} AND attempt < max_attempts RETURNING id;
            UPDATE oban_jobs SET state = 'discarded', discarded_at = {now}
            WHERE {old} AND attempt >= max_attempts RETURNING id;"
        )))
    }

    /// Deletes what ended longer than so many seconds ago, completed jobs by when they were due; which
    /// they are.
    #[track_caller]
    pub fn prune(&self, age: u32) -> Vec<i64> {
        let before = format!("{} - interval '{age} seconds'", self.watch.now());
        numbers(&self.run(&format!(
            "DELETE FROM oban_jobs AS j USING (
                SELECT id FROM oban_jobs
                WHERE (state = 'completed' AND scheduled_at < {before})
                    OR (state = 'cancelled' AND cancelled_at < {before})
                    OR (state = 'discarded' AND discarded_at < {before})
                LIMIT 10000
            ) AS old
            WHERE j.id = old.id RETURNING j.id"
        )))
    }

    /// Stands for election, as since 2.23.1: renews by the node's name.
    #[track_caller]
    pub fn elect(&mut self) -> bool {
        let (now, node) = (self.watch.now(), quoted(&self.node));
        self.stand(&format!(
            "DO UPDATE SET expires_at = {now} + interval '30 seconds'
            WHERE oban_peers.node = {node}"
        ))
    }

    /// Stands for election, as up to 2.23.0: renews whatever row is there, if it believes that it
    /// leads.
    #[track_caller]
    pub fn elect_by_belief(&mut self) -> bool {
        let now = self.watch.now();
        let conflict = match self.leads {
            true => format!("DO UPDATE SET expires_at = {now} + interval '30 seconds'"),
            false => "DO NOTHING".to_owned(),
        };
        self.stand(&conflict)
    }

    #[track_caller]
    fn stand(&mut self, conflict: &str) -> bool {
        let now = self.watch.now();
        let (name, node) = (quoted(&self.instance), quoted(&self.node));
        let rows = self.run(&format!(
            "BEGIN;
            DELETE FROM oban_peers WHERE name = {name} AND expires_at < {now};
            INSERT INTO oban_peers (name, node, started_at, expires_at)
            VALUES ({name}, {node}, {now}, {now} + interval '30 seconds')
            ON CONFLICT (name) {conflict}
            RETURNING 'elected';
            COMMIT;"
        ));
        self.leads = rows.contains("elected");
        self.leads
    }

    /// Gives the lead up and tells of it, in one transaction.
    #[track_caller]
    pub fn resign(&mut self) {
        self.leads = false;
        let down = quoted(&format!(r#"{{"down":"{}"}}"#, self.instance));
        let (name, node) = (quoted(&self.instance), quoted(&self.node));
        self.run(&format!(
            "BEGIN;
            DELETE FROM oban_peers WHERE name = {name} AND node = {node};
            SELECT pg_notify('public.oban_leader', {down});
            COMMIT;"
        ));
    }
}

/// What it says.
impl Elixir<'_> {
    /// Says something on a channel, such as `signal`.
    #[track_caller]
    pub fn says(&self, channel: &str, message: &str, form: Form) {
        let payload = quoted(&pack(message, form));
        self.run(&format!("SELECT pg_notify('public.oban_{channel}', {payload})"));
    }

    /// Says that it is there.
    #[track_caller]
    pub fn ping(&self) {
        let ping = format!(r#"{{"node":"{}","ping":true}}"#, self.node);
        self.says("sonar", &ping, Form::Plain);
    }
}

impl Taken {
    #[track_caller]
    fn read(line: &str) -> Taken {
        let mut columns = line.splitn(4, '|');
        let mut next = || columns.next().expect("four columns");
        let number = "a number";
        Taken {
            id: next().parse().expect(number),
            attempt: next().parse().expect(number),
            max_attempts: next().parse().expect(number),
            meta: next().to_owned(),
        }
    }
}
