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
    /// Settings under which a hot statement is planned as it is meant: along an index, and joined by
    /// a hash table.
    ///
    /// A prepared statement keeps the plan that seemed right when the tables were small, or when the
    /// last analysis found no row that happened to be executing. A scan, or a loop in a loop, would
    /// cost a thousand times as much once that is no longer so.
    pub(crate) const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
        ("enable_nestloop", "off"),
        ("enable_mergejoin", "off"),
    ];

    pub(crate) fn new(server: &Arc<Server>, profile: Profile, size: usize) -> Pool {
        let links = (0..size.max(1)).map(|_| Link::new(server, profile)).collect();
        Pool { links, next: AtomicUsize::new(0) }
    }

    /// The connection with the least to do; of equals, each in turn.
    pub(crate) fn pick(&self) -> &Arc<Link> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.links.len();
        let (before, after) = self.links.split_at(first);
        let in_turn = after.iter().chain(before);
        in_turn.min_by_key(|link| link.calls()).unwrap_or(&self.links[first])
    }
}
