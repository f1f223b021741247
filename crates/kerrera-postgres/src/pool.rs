//! The hot connections: those that insert, claim, ack and stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::connection::Link;
use crate::server::{Profile, Server};

/// A few connections that share the work.
#[derive(Debug)]
pub(crate) struct Pool {
    links: Vec<Arc<Link>>,
    next: AtomicUsize,
}

impl Pool {
    pub(crate) fn new(server: &Arc<Server>, profile: Profile, size: usize) -> Pool {
        let links = (0..size.max(1)).map(|_| Link::new(server, profile)).collect();
        Pool { links, next: AtomicUsize::new(0) }
    }

    /// How many connections there are at most.
    pub(crate) fn size(&self) -> usize {
        self.links.len()
    }

    /// How many calls run or wait.
    pub(crate) fn calls(&self) -> usize {
        self.links.iter().map(|link| link.calls()).sum()
    }

    /// The connection with the least to do; of equals, each in turn.
    pub(crate) fn pick(&self) -> &Arc<Link> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.links.len();
        let (before, after) = self.links.split_at(first);
        let in_turn = after.iter().chain(before);
        in_turn.min_by_key(|link| link.calls()).unwrap_or(&self.links[first])
    }
}
