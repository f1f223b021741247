//! Who is there and what they can do: what nodes say about themselves and their workers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::job::Job;
use crate::time::Timestamp;
use crate::unique::Unique;
use crate::worker::Worker;

/// What a node says about a worker that it has registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WorkerCard {
    /// Its name.
    pub name: String,
    /// The queue of its jobs.
    pub queue: String,
    /// How many attempts they have.
    pub max_attempts: u32,
    /// Their priority.
    pub priority: u8,
    /// Their tags.
    pub tags: Vec<String>,
    /// How long a run may take, of a job that has nothing unusual.
    pub timeout: Option<Duration>,
    /// Which of its jobs count as the same.
    pub unique: Option<Unique>,
    /// What it does.
    pub description: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Where more is written about it.
    pub docs: Option<String>,
    /// The paths in its args that are private, such as `card.number`.
    pub sensitive: Vec<String>,
}

impl WorkerCard {
    /// What a worker's type says. Calls its functions.
    pub fn of<W: Worker>() -> WorkerCard {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let mut job = Job::blank(0);
        (job.worker, job.queue) = (W::NAME.to_owned(), W::QUEUE.to_owned());
        job.max_attempts = i32::try_from(W::MAX_ATTEMPTS).unwrap_or(i32::MAX);
        job.attempt = 1;
        WorkerCard {
            name: W::NAME.to_owned(),
            queue: W::QUEUE.to_owned(),
            max_attempts: W::MAX_ATTEMPTS,
            priority: W::PRIORITY,
            tags: texts(W::TAGS),
            timeout: W::timeout(&job),
            unique: W::uniqueness(),
            description: W::DESCRIPTION.to_owned(),
            owner: W::OWNER.map(str::to_owned),
            docs: W::DOCS.map(str::to_owned),
            sensitive: texts(W::SENSITIVE),
        }
    }

    /// A worker of which the name alone is known.
    pub fn named(name: impl Into<String>) -> WorkerCard {
        WorkerCard { name: name.into(), ..WorkerCard::default() }
    }
}

/// What a node says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct NodeCard {
    /// Its name.
    pub node: String,
    /// The version of Kerrera.
    pub version: String,
    /// The application, if it has said so.
    pub release: Option<Release>,
    /// The machine's name.
    pub host: String,
    /// The operating system and the processor.
    pub system: String,
    /// The number of the process there.
    pub pid: u32,
    /// Whether it leads.
    pub leads: bool,
    /// Whether hints of other nodes arrive, in one word.
    pub connectivity: String,
    /// How its loops are.
    pub loops: Vec<LoopCard>,
    /// Its connections with the database.
    pub connections: Vec<Connections>,
    /// The names of the workers that it has registered.
    pub workers: Vec<String>,
    /// Queues and workers that it has met there and does not know; their jobs are left for others.
    pub unknown_workers: Vec<(String, String)>,
}

impl NodeCard {
    /// Whether every loop did what it is there for when it last tried.
    pub fn is_healthy(&self) -> bool {
        self.loops.iter().all(|card| card.failure.is_none())
    }
}

/// An application and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Release {
    /// The application's name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Release {
    /// This version of this application.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Release {
        Release { name: name.into(), version: version.into() }
    }
}

/// How a loop is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LoopCard {
    /// Its name, such as `stager` or `producer.mailers`.
    pub name: String,
    /// How many seconds ago it last did what it is there for.
    pub idle: u64,
    /// Why it could not do it when it last tried.
    pub failure: Option<String>,
}

impl LoopCard {
    /// How this loop is.
    pub fn new(name: impl Into<String>, idle: Duration, failure: Option<String>) -> LoopCard {
        LoopCard { name: name.into(), idle: idle.as_secs(), failure }
    }
}

/// Some connections with the database that are for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Connections {
    /// What they are for.
    pub name: String,
    /// How many there are at most.
    pub most: u32,
    /// How many calls run on them or wait for them.
    pub calls: u32,
}

impl Connections {
    /// So many connections, with so many calls.
    pub fn new(name: impl Into<String>, most: usize, calls: usize) -> Connections {
        let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        Connections { name: name.into(), most: number(most), calls: number(calls) }
    }
}

/// A worker that some node has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KnownWorker {
    /// What the node that started last says about it.
    pub card: WorkerCard,
    /// That node.
    pub declared_by: String,
    /// The living nodes that have it, by name.
    pub nodes: Vec<String>,
    /// When it was first registered.
    pub first_seen: Timestamp,
    /// When a node that has it was last heard of.
    pub seen_at: Timestamp,
}

impl KnownWorker {
    /// A worker as it is stored, and which of these nodes have it. A card that cannot be read is an
    /// empty one.
    pub fn new(
        (name, card): (String, &str),
        declared_by: String,
        (first_seen, seen_at): (Timestamp, Timestamp),
        nodes: &[KnownNode],
    ) -> KnownWorker {
        let card: WorkerCard = serde_json::from_str(card).unwrap_or_default();
        let card = WorkerCard { name, ..card };
        let having = nodes.iter().filter(|node| node.card.workers.contains(&card.name));
        let seen_at = having.clone().map(|node| node.seen_at).fold(seen_at, Timestamp::max);
        let living = having.filter(|node| node.lives).map(|node| node.card.node.clone());
        let nodes = living.collect();
        KnownWorker { card, declared_by, nodes, first_seen, seen_at }
    }
}

/// A node that has said that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KnownNode {
    /// Which process: random for every start.
    #[serde(serialize_with = "as_text")]
    pub process: Uuid,
    /// What it says about itself.
    pub card: NodeCard,
    /// When it first said so.
    pub started_at: Timestamp,
    /// When it last did.
    pub seen_at: Timestamp,
    /// How long ago that was.
    pub silent: Duration,
    /// Whether it is still there; otherwise it ended without a word, or cannot reach the database.
    pub lives: bool,
}

impl KnownNode {
    /// A node as it is stored. A card that cannot be read is an empty one.
    pub fn new(
        (process, node): (Uuid, String),
        card: &str,
        (started_at, seen_at, now): (Timestamp, Timestamp, Timestamp),
        lives: bool,
    ) -> KnownNode {
        let card: NodeCard = serde_json::from_str(card).unwrap_or_default();
        let card = NodeCard { node, ..card };
        KnownNode { process, card, started_at, seen_at, silent: now.since(seen_at), lives }
    }
}

fn as_text<S: serde::Serializer>(uuid: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(uuid)
}
