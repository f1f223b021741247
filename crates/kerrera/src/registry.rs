//! The workers that a node knows, by name.

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use kerrera_core::directory::WorkerCard;
use kerrera_core::error::Kind;
use kerrera_core::{Error, Job, JobError, JobResult, Result, Unique, Worker};

use crate::engine::pace::Pace;
use crate::perform::{Context, Perform};
use crate::runtime::panics;

/// A worker whose type has been forgotten.
pub(crate) trait Handler<S>: Send + Sync {
    fn run(&self, cx: Context<S>) -> Pin<Box<dyn Future<Output = JobResult> + Send>>;
    fn policy(&self) -> &Policy;
}

/// What the executor asks of a worker besides its work.
pub(crate) struct Policy {
    pub(crate) name: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) timeout: fn(&Job) -> Option<Duration>,
    pub(crate) backoff: fn(&Job) -> Duration,
    pub(crate) abandon_after: fn() -> Option<Duration>,
    pub(crate) uniqueness: fn() -> Option<Unique>,
    pub(crate) card: fn() -> WorkerCard,
    /// How long its jobs take here.
    pub(crate) pace: Pace,
}

struct Of<W> {
    policy: Policy,
    worker: PhantomData<fn() -> W>,
}

impl<S: Send + Sync + 'static, W: Perform<S>> Handler<S> for Of<W> {
    fn run(&self, cx: Context<S>) -> Pin<Box<dyn Future<Output = JobResult> + Send>> {
        Box::pin(async move {
            let worker: W = decode(cx.job())?;
            worker.perform(&cx).await
        })
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Decodes a job's args. The usual way is short; the path of the field is looked for only when it
/// has failed.
fn decode<W: Worker>(job: &Job) -> Result<W, JobError> {
    job.args.decode().or_else(|error: serde_json::Error| {
        // A worker without fields has no use for args, and its jobs have the empty object.
        if job.args.as_str() == "{}"
            && let Ok(worker) = serde_json::from_str("null")
        {
            return Ok(worker);
        }
        let mut text = serde_json::Deserializer::from_str(job.args.as_str());
        let found = serde_path_to_error::deserialize::<_, W>(&mut text).err();
        let (path, error) = match found {
            Some(found) => (found.path().to_string(), found.into_inner()),
            None => (".".to_owned(), error),
        };
        let place = if path == "." { "args".to_owned() } else { format!("args.{path}") };
        let worker = W::NAME;
        Err(format!("** (ArgsError) {place} of {worker} cannot be decoded: {error}").into())
    })
}

pub(crate) struct Registry<S> {
    workers: HashMap<&'static str, Arc<dyn Handler<S>>, RandomState>,
    twice: Vec<&'static str>,
}

impl<S> Default for Registry<S> {
    fn default() -> Registry<S> {
        Registry { workers: HashMap::default(), twice: Vec::new() }
    }
}

impl<S: Send + Sync + 'static> Registry<S> {
    pub(crate) fn add<W: Perform<S>>(&mut self) {
        let policy = Policy {
            name: W::NAME,
            queue: W::QUEUE,
            timeout: W::timeout,
            backoff: W::backoff,
            abandon_after: W::abandon_after,
            uniqueness: W::uniqueness,
            card: WorkerCard::of::<W>,
            pace: Pace::default(),
        };
        let handler = Arc::new(Of::<W> { policy, worker: PhantomData });
        if self.workers.insert(W::NAME, handler).is_some() {
            self.twice.push(W::NAME);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Handler<S>>> {
        self.workers.get(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// What is to be told about them, by name. A worker whose code panics when it is asked tells its name.
    pub(crate) fn cards(&self) -> Vec<WorkerCard> {
        let card = |(name, worker): (&&str, &Arc<dyn Handler<S>>)| {
            panics::catch(worker.policy().card).unwrap_or_else(|_| WorkerCard::named(*name))
        };
        let mut cards: Vec<WorkerCard> = self.workers.iter().map(card).collect();
        cards.sort_by(|one, other| one.name.cmp(&other.name));
        cards
    }

    /// Checks what the compiler cannot.
    pub(crate) fn check(&self, is_known: impl Fn(&str) -> bool) -> Result<()> {
        if let Some(name) = self.twice.first() {
            let message = format!(
                "two workers are named {name:?}, so a job could not tell which is meant: give one of \
                 them another name with #[worker(name = \"…\")]"
            );
            return Err(Error::new(Kind::Config, message));
        }
        let mut policies: Vec<_> = self.workers.values().map(|worker| worker.policy()).collect();
        policies.sort_by_key(|policy| policy.name);
        for Policy { name, queue, uniqueness, .. } in policies {
            let broken: Vec<_> = uniqueness().iter().flat_map(Unique::violations).collect();
            if !broken.is_empty() {
                let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
                let message = format!(
                    "none of the jobs of the worker {name} could be inserted: {}",
                    broken.join("; ")
                );
                return Err(Error::new(Kind::Config, message));
            }
            if !is_known(queue) {
                let message = format!(
                    "the worker {name} puts its jobs into the queue {queue:?}, which this node does \
                     not work: add .queue({queue:?}, 10), or .queue_elsewhere({queue:?}) if other \
                     nodes work it"
                );
                return Err(Error::new(Kind::Config, message));
            }
        }
        Ok(())
    }
}
