//! Who is measured, and who cannot be.

use crate::ground::{Appendfsync, Place, Synchronous};

/// One line of the tables.
#[derive(Debug)]
pub(crate) struct Peer {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) program: Program,
    /// At which concurrency it is fastest.
    pub(crate) best: u64,
    pub(crate) keeps: &'static str,
    /// Where its settings come from, and what a reader has to know.
    pub(crate) remark: &'static str,
}

/// What is run for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Ourselves.
    Kerrera,
    /// A package of the workspace in `rust/`, or of a workspace of its own there.
    Rust { binary: &'static str, folder: &'static str, krate: &'static str },
    /// A script in `node/`.
    Node { script: &'static str },
    /// A script in `python/`.
    Python { script: &'static str },
}

/// Who is not measured, and why.
pub(crate) const ABSENT: [(&str, &str); 1] = [(
    "Oban (Elixir)",
    "not run: its packages come from hex.pm, which is none of the registries that this installs from",
)];

const KEPT: &str = "yes";

pub(crate) const PEERS: [Peer; 16] = [
    Peer {
        name: "kerrera",
        place: Place::Postgres,
        program: Program::Kerrera,
        best: 1_000,
        keeps: KEPT,
        remark: "`kerrera bench`",
    },
    Peer {
        name: "graphile_worker",
        place: Place::Postgres,
        program: rust("peer-graphile-worker-rs", ".", "graphile_worker"),
        best: 500,
        keeps: "no, deletes",
        remark: "as its own benches/perf_test.rs; without a local queue a backlog is worked at one job a \
                 slot and poll",
    },
    Peer {
        name: "apalis-postgres",
        place: Place::Postgres,
        program: rust("peer-apalis-postgres", ".", "apalis-postgres"),
        best: 1_000,
        keeps: KEPT,
        remark: "docs.rs/apalis-postgres, Config and examples/pubsub.rs; without a poll the last acks wait \
                 for a heartbeat of 30 s",
    },
    Peer {
        name: "riverqueue",
        place: Place::Postgres,
        program: rust("peer-riverqueue", ".", "riverqueue"),
        best: 1_000,
        keeps: "yes, a day",
        remark: "docs.rs/riverqueue, QueueConfig::with_fetch_cooldown",
    },
    Peer {
        name: "awa",
        place: Place::Postgres,
        program: rust("peer-awa", "awa", "awa"),
        best: 1_024,
        keeps: "about 16 s, in a ring",
        remark: "docs.rs/awa-worker, QueueConfig; a permit is held until the durable ack",
    },
    Peer {
        name: "graphile-worker",
        place: Place::Postgres,
        program: Program::Node { script: "graphile-worker.js" },
        best: 24,
        keeps: "no, deletes",
        remark: "worker.graphile.org/docs/performance; Node 22",
    },
    Peer {
        name: "pg-boss",
        place: Place::Postgres,
        program: Program::Node { script: "pg-boss.js" },
        best: 1_000,
        keeps: "yes, by its retention",
        remark: "pgboss.io/api/workers; a handler gets a whole batch, which is what runs at once; Node 22",
    },
    Peer {
        name: "oban-py",
        place: Place::Postgres,
        program: Program::Python { script: "oban_driver.py" },
        best: 200,
        keeps: KEPT,
        remark: "on uvloop, as its own command runs it",
    },
    Peer {
        name: "procrastinate",
        place: Place::Postgres,
        program: Program::Python { script: "procrastinate_driver.py" },
        best: 100,
        keeps: KEPT,
        remark: "procrastinate.readthedocs.io, howto/production/concurrency; on uvloop",
    },
    Peer {
        name: "bullmq",
        place: Place::Redis(Appendfsync::EverySecond),
        program: Program::Node { script: "bullmq.js" },
        best: 200,
        keeps: "yes, in Redis' memory",
        remark: "docs.bullmq.io/guide/going-to-production: appendonly, synced once a second, so **not \
                 durable per job**; Node 22",
    },
    Peer {
        name: "bullmq-always",
        place: Place::Redis(Appendfsync::Always),
        program: Program::Node { script: "bullmq.js" },
        best: 200,
        keeps: "yes, in Redis' memory",
        remark: "appendfsync always: durable as the others are; Node 22",
    },
    Peer {
        name: "kerrera-sqlite-full",
        place: Place::Sqlite(Synchronous::Full),
        program: Program::Kerrera,
        best: 1_000,
        keeps: KEPT,
        remark: "`kerrera bench`",
    },
    Peer {
        name: "apalis-sqlite-full",
        place: Place::Sqlite(Synchronous::Full),
        program: rust("peer-apalis-sqlite", ".", "apalis-sqlite"),
        best: 1_000,
        keeps: KEPT,
        remark: "docs.rs/apalis-sqlite; its `setup` turns synchronous off, which is put right here",
    },
    Peer {
        name: "kerrera-sqlite-normal",
        place: Place::Sqlite(Synchronous::Normal),
        program: Program::Kerrera,
        best: 1_000,
        keeps: KEPT,
        remark: "`kerrera bench`",
    },
    Peer {
        name: "apalis-sqlite-normal",
        place: Place::Sqlite(Synchronous::Normal),
        program: rust("peer-apalis-sqlite", ".", "apalis-sqlite"),
        best: 1_000,
        keeps: KEPT,
        remark: "docs.rs/apalis-sqlite; its `setup` turns synchronous off, which is put right here",
    },
    Peer {
        name: "effectum-normal",
        place: Place::Sqlite(Synchronous::Normal),
        program: rust("peer-effectum", "effectum", "effectum"),
        best: 512,
        keeps: KEPT,
        remark: "docs.rs/effectum; it sets synchronous to normal itself, so that there is no figure at \
                 FULL; WAL, which it means to set, is set for it",
    },
];

const fn rust(binary: &'static str, folder: &'static str, krate: &'static str) -> Program {
    Program::Rust { binary, folder, krate }
}
