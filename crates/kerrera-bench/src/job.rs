//! What the nodes do: nothing, and count it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use kerrera::prelude::*;
use tokio::sync::Notify;

use crate::spread::Spread;

/// A job that does nothing.
#[derive(Serialize, Deserialize, Worker)]
#[worker(name = "KerreraBench", queue = "kerrera_bench")]
pub(crate) struct Nothing {
    /// Negative for one that only waits, and is not counted.
    pub(crate) n: i64,
    /// When its insertion began, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<u64>,
}

impl Nothing {
    /// One whose insertion begins now.
    pub(crate) fn begun_now(n: i64) -> Nothing {
        Nothing { n, at: Some(now()) }
    }
}

impl Perform<Arc<Count>> for Nothing {
    async fn perform(&self, cx: &Context<Arc<Count>>) -> JobResult {
        if let (Some(at), Some(starts)) = (self.at, &cx.state().starts) {
            let wait = now().saturating_sub(at);
            starts.lock().unwrap_or_else(PoisonError::into_inner).add(wait);
        }
        if self.n >= 0 {
            cx.state().one_more();
        }
        done()
    }
}

/// What a node's jobs have come to.
#[derive(Debug, Default)]
pub(crate) struct Count {
    ran: AtomicU64,
    /// How many there are in all, on every node.
    jobs: u64,
    all: Notify,
    one: Notify,
    starts: Option<Mutex<Spread>>,
}

impl Count {
    /// Counts up to `jobs`; notes the times to start, if `timed`.
    pub(crate) fn new(jobs: u64, timed: bool) -> Count {
        Count { jobs, starts: timed.then(Mutex::default), ..Count::default() }
    }

    pub(crate) fn ran(&self) -> u64 {
        self.ran.load(Ordering::Relaxed)
    }

    /// Waits until this node alone has run them all.
    pub(crate) async fn all(&self) {
        self.all.notified().await;
    }

    /// Waits until so many have run, where starts are timed.
    pub(crate) async fn have_run(&self, jobs: u64) {
        while self.ran() < jobs {
            self.one.notified().await;
        }
    }

    /// The times to start so far, in microseconds.
    pub(crate) fn starts(&self) -> Spread {
        let starts = self.starts.as_ref();
        starts.map_or_else(Spread::default, |starts| {
            starts.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
    }

    fn one_more(&self) {
        if self.ran.fetch_add(1, Ordering::Relaxed) + 1 == self.jobs {
            self.all.notify_one();
        }
        if self.starts.is_some() {
            self.one.notify_one();
        }
    }
}

/// The machine's clock, which all its processes share.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros().try_into().unwrap_or(u64::MAX)
}
