//! Carries out bulk operations: one node at a time each, in chunks, with rests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::audit::{AuditEntry, Via};
use kerrera_core::bulk_operation::BulkFailure;
use kerrera_core::storage::{OperationEnd, OperationLease, OperationStep};
use kerrera_core::{BulkOperation, Error, JobId, Result, Uuid};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Node;
use crate::client::Client;
use crate::engine::operator::Chunk;
use crate::engine::retry::Retry;

pub(crate) const NAME: &str = "operator";

/// How long the database may take for one look.
const LOOK: Duration = Duration::from_secs(10);

pub(crate) async fn run(node: Arc<Node>) {
    let lease = OperationLease {
        id: None,
        holder: node.process,
        node: node.name.clone(),
        ttl: node.tuning.ttl * 2,
    };
    let mut retry = Retry::default();
    let mut wait = pause(&node);
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = node.operations.notified() => {}
            () = node.stop.claims.cancelled() => return,
        }
        wait = match next(&node.client, &lease, &node.stop.claims).await {
            Ok(found) => {
                node.health.well(NAME);
                retry.succeeded();
                if found { Duration::ZERO } else { pause(&node) }
            }
            Err(error) => {
                node.health.ill(NAME, error);
                retry.failed(fastrand::f64())
            }
        };
    }
}

/// How long it waits for a hint before it looks for itself. Where there are beats, each tells whether an
/// operation waits.
fn pause(node: &Node) -> Duration {
    let beats = node.storage().silence_is_death() && !node.queues().is_empty();
    if beats { node.tuning.ttl * 4 } else { node.tuning.ttl / 3 }
}

/// Takes an operation, and carries it out as far as can be; false if there is none.
pub(crate) async fn next(
    client: &Client,
    lease: &OperationLease,
    stop: &CancellationToken,
) -> Result<bool> {
    let Some(operation) = client.storage().lease_operation(lease.clone()).await? else {
        return Ok(false);
    };
    let hand = Hand { client, operation: &operation, holder: lease.holder, ttl: lease.ttl };
    let ended = hand.carry_out(stop).await;
    if stop.is_cancelled() {
        // Somebody else need not wait until it is free.
        let ttl = Duration::ZERO;
        let free = OperationLease { id: Some(operation.id), ttl, ..lease.clone() };
        client.storage().lease_operation(free).await?;
    }
    ended.map(|()| true)
}

/// Who is at an operation.
struct Hand<'a> {
    client: &'a Client,
    operation: &'a BulkOperation,
    holder: Uuid,
    ttl: Duration,
}

impl Hand<'_> {
    async fn carry_out(&self, stop: &CancellationToken) -> Result<()> {
        let mut reached = self.operation.reached;
        while !stop.is_cancelled() {
            let began = Instant::now();
            let chunk = match self.look(reached).await {
                Ok(chunk) => chunk,
                Err(error) if is_lasting(&error) => {
                    return self.give_up(reached, &error).await;
                }
                Err(error) => return Err(error),
            };
            let (to, is_last) = (chunk.to, chunk.is_last);
            if !self.take_on(reached, chunk).await? || is_last {
                return Ok(());
            }
            reached = to;
            // It rests for as long as it worked: others want the database too.
            tokio::select! {
                () = tokio::time::sleep(began.elapsed()) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    async fn look(&self, reached: JobId) -> Result<Chunk> {
        let listing = Chunk::listing(self.operation, reached);
        let page = self.client.reader(LOOK).page(listing).await?;
        Ok(Chunk::of(self.operation, reached, &page))
    }

    /// False if it is somebody else's by now, or was stopped.
    async fn take_on(&self, mut reached: JobId, chunk: Chunk) -> Result<bool> {
        match self.step(reached, &chunk, Vec::new()).await {
            Err(error) if is_lasting(&error) && !chunk.jobs.is_empty() => {}
            outcome => return outcome,
        }
        for one in chunk.apart(reached) {
            let outcome = match self.step(reached, &one, Vec::new()).await {
                Err(error) if is_lasting(&error) && !one.jobs.is_empty() => {
                    let failed = |job: &JobId| BulkFailure::new(*job, &error.to_string());
                    self.step(reached, &one, one.jobs.iter().map(failed).collect()).await
                }
                outcome => outcome,
            };
            if !outcome? {
                return Ok(false);
            }
            reached = one.to;
        }
        Ok(true)
    }

    async fn step(&self, from: JobId, chunk: &Chunk, failures: Vec<BulkFailure>) -> Result<bool> {
        let end = chunk.is_last.then(|| OperationEnd { error: None, entry: self.entry() });
        let Chunk { to, jobs, .. } = chunk.clone();
        let managed = self.client.storage().step_operation(OperationStep {
            id: self.operation.id,
            action: self.operation.action,
            conditions: self.operation.query.clone().validate()?.conditions,
            holder: self.holder,
            ttl: self.ttl,
            from,
            to,
            jobs,
            failures,
            end,
        });
        let Some(managed) = managed.await? else { return Ok(false) };
        self.client.managed(self.operation.action.operation(), &managed).await;
        Ok(true)
    }

    /// It cannot be carried out, today or tomorrow.
    async fn give_up(&self, reached: JobId, error: &Error) -> Result<()> {
        let entry = self.entry().map(|entry| entry.failed(error));
        let end = Some(OperationEnd { error: Some(error.to_string()), entry });
        let step = OperationStep {
            id: self.operation.id,
            action: self.operation.action,
            conditions: Vec::new(),
            holder: self.holder,
            ttl: self.ttl,
            from: reached,
            to: reached,
            jobs: Vec::new(),
            failures: Vec::new(),
            end,
        };
        self.client.storage().step_operation(step).await.map(drop)
    }

    /// What the log is told when it ends, if somebody wanted it.
    fn entry(&self) -> Option<AuditEntry> {
        let actor = self.operation.by.clone()?.via(Via::Operation);
        let mut entry = AuditEntry::by(actor)
            .action("operation.end")
            .target("operation", self.operation.id.to_string())
            .after(json!({"action": self.operation.action.as_str()}));
        entry.reason.clone_from(&self.operation.reason);
        entry.instance = self.client.instance().to_string();
        Some(entry)
    }
}

/// Whether the same would be refused again.
fn is_lasting(error: &Error) -> bool {
    use kerrera_core::error::Kind::{Config, Database, ForeignSchema, InvalidJob};
    matches!(error.kind(), Config | Database | ForeignSchema | InvalidJob)
}
