//! What is measured.

use std::num::ParseIntError;
use std::str::FromStr;

use clap::ValueEnum;

use crate::catalogue::Peer;

/// A column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Drain(Concurrency),
    Insert,
    Latency,
}

/// How many handlers run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concurrency {
    Best,
    Of(u64),
}

impl FromStr for Concurrency {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Concurrency, ParseIntError> {
        match text {
            "best" => Ok(Concurrency::Best),
            number => number.parse().map(Concurrency::Of),
        }
    }
}

/// What `--what` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// A backlog of jobs that do nothing, at each --concurrency
    Drain,
    /// Single inserts from 32 tasks, each awaiting its own
    Insert,
    /// From an insert to the start of its job, on an idle system
    Latency,
}

impl What {
    pub(crate) fn works(self, concurrencies: &[Concurrency]) -> Vec<Work> {
        match self {
            What::Drain => concurrencies.iter().copied().map(Work::Drain).collect(),
            What::Insert => vec![Work::Insert],
            What::Latency => vec![Work::Latency],
        }
    }
}

impl Work {
    /// As the programs call it.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Work::Drain(_) => "drain",
            Work::Insert => "insert",
            Work::Latency => "latency",
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Work::Drain(Concurrency::Best) => "drain_best".to_owned(),
            Work::Drain(Concurrency::Of(concurrency)) => format!("drain_{concurrency}"),
            Work::Insert => "insert_32".to_owned(),
            Work::Latency => "latency".to_owned(),
        }
    }

    pub(crate) fn concurrency(self, peer: &Peer) -> u64 {
        match self {
            Work::Drain(Concurrency::Best) => peer.best,
            Work::Drain(Concurrency::Of(concurrency)) => concurrency,
            Work::Insert | Work::Latency => 10,
        }
    }
}
