//! What events are about, and how much they matter.

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is wrong that does not mend itself.
    Error,
    /// Something went wrong that the engine deals with.
    Warn,
    /// What an operator wants to know of a healthy engine.
    Info,
    /// Each job.
    Debug,
    /// Each call to the database.
    Trace,
}

impl Level {
    /// Its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    pub(super) const fn traced(self) -> tracing::Level {
        match self {
            Level::Error => tracing::Level::ERROR,
            Level::Warn => tracing::Level::WARN,
            Level::Info => tracing::Level::INFO,
            Level::Debug => tracing::Level::DEBUG,
            Level::Trace => tracing::Level::TRACE,
        }
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Topic {
    /// The engine as a whole.
    Node,
    /// Insertions through the client.
    Insert,
    /// Runs of jobs.
    Job,
    /// Claims of producers.
    Claim,
    /// Writing how runs ended.
    Ack,
    /// Making due jobs available.
    Stage,
    /// What becomes of the jobs of the dead.
    Rescue,
    /// Queues of this node.
    Queue,
    /// Jobs at times of the clock.
    Cron,
    /// Which node leads.
    Leader,
    /// What the leader keeps in order.
    Maintenance,
    /// Hints between nodes.
    Notifier,
    /// The engine's loops.
    Loop,
    /// Subscribers themselves.
    Telemetry,
}
