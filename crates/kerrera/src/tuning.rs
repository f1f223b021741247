//! What rarely needs to be changed.

use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};

/// The engine's times and sizes; the defaults are right for production.
///
/// ```
/// use kerrera::prelude::*;
///
/// let builder = Kerrera::builder("sqlite::memory:").tune(|t| t.grace = 60.seconds());
/// # let _: kerrera::Builder = builder;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tuning {
    /// How long running jobs may go on after a shutdown began; 15 s.
    pub grace: Duration,
    /// How long a run may go on after its cancellation fired, before it is dropped at its next
    /// await; 500 ms.
    pub cancel_grace: Duration,
    /// The time between two signs of life; 5 s. PostgreSQL only.
    pub beat: Duration,
    /// How long a process may be silent before the others take it for dead; 15 s, and at least three
    /// beats. PostgreSQL only.
    pub ttl: Duration,
    /// The time between two looks at the other processes; 2 s. A process whose lock is free at two
    /// looks is dead.
    pub look: Duration,
    /// How long a job runs before its row is made to look young, and again after that: neighbours
    /// free jobs for their age; 1 min. PostgreSQL only, and only where there is a neighbour.
    pub refresh: Duration,
    /// The time between two rounds that make due jobs available and look for waiting ones; 1 s.
    pub stage_interval: Duration,
    /// How many due jobs are made available in one statement; 5,000.
    pub stage_limit: u32,
    /// How many ended jobs are written in one statement; 1,000.
    pub ack_batch: usize,
    /// How many such statements may be under way; 2.
    pub ack_writers: usize,
    /// How many jobs one claim takes at most; 1,000.
    pub claim_batch: u32,
    /// How far ahead of its free slots a queue claims: as many jobs as it begins in this time, going by
    /// how long its workers took of late; 50 ms. Nothing of workers that take longer; what was not
    /// begun after five times as long is given back. Zero for never.
    pub prefetch: Duration,
    /// How often, at most, other processes are told of new jobs in a queue; 20 ms.
    pub notify_interval: Duration,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            grace: Duration::from_secs(15),
            cancel_grace: Duration::from_millis(500),
            beat: Duration::from_secs(5),
            ttl: Duration::from_secs(15),
            look: Duration::from_secs(2),
            refresh: Duration::from_secs(60),
            stage_interval: Duration::from_secs(1),
            stage_limit: 5_000,
            ack_batch: 1_000,
            ack_writers: 2,
            claim_batch: 1_000,
            prefetch: Duration::from_millis(50),
            notify_interval: Duration::from_millis(20),
        }
    }
}

impl Tuning {
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(Kind::Config, message));
        if self.ttl < self.beat * 3 {
            return wrong(format!(
                "Tuning::ttl is {:?} and Tuning::beat is {:?}: a process needs three beats before it \
                 may be taken for dead, so make ttl at least {:?}",
                self.ttl,
                self.beat,
                self.beat * 3
            ));
        }
        let times = [
            ("beat", self.beat),
            ("look", self.look),
            ("refresh", self.refresh),
            ("stage_interval", self.stage_interval),
        ];
        for (name, time) in times {
            if time < Duration::from_millis(10) {
                return wrong(format!("Tuning::{name} is {time:?}: make it at least 10 ms"));
            }
        }
        let sizes = [
            ("stage_limit", self.stage_limit as usize),
            ("ack_batch", self.ack_batch),
            ("ack_writers", self.ack_writers),
            ("claim_batch", self.claim_batch as usize),
        ];
        for (name, size) in sizes {
            if size == 0 {
                return wrong(format!("Tuning::{name} is 0: make it at least 1"));
            }
        }
        Ok(())
    }
}
