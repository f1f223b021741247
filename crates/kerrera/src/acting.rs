//! Acting for somebody, and looking who did what.

use std::sync::Arc;

use kerrera_core::audit::{Actor, AuditEntry, AuditOutcome, AuditQuery, AuditRecord};
use kerrera_core::storage::{Action, Answer, Command, Order, Until};
use kerrera_core::{JobQuery, Result};
use serde_json::{Map, Value};

use crate::client::Client;

/// Who did what.
impl Client {
    /// A client on the same connections that acts for somebody: each thing that it changes is told in
    /// the audit log, in the same transaction.
    ///
    /// That is true of inserting, cancelling, retrying, deleting and changing jobs, of orders for
    /// queues, of changes to cron entries, and of what a bulk call does, with an entry for each of its
    /// batches. Nothing is told of what changes nothing, but that it was refused; nor of what is
    /// inserted [within](Client::within) a transaction of the application's, which is its own.
    ///
    /// One more statement for each change. Clients that act for nobody write no entry and cost what
    /// they ever did.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::audit::{Actor, AuditQuery, Via};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let job = client.insert(NewJob::of("Mailer", json!({}))).await?;
    /// let ada = client.acting(Actor::new("17").label("ada").via(Via::Html));
    /// ada.cancel_job(job.job().id).await?;
    ///
    /// let told = client.audit(AuditQuery::new()).await?;
    /// assert_eq!(told.len(), 1, "nobody inserted it");
    /// assert_eq!((told[0].entry.action.as_str(), told[0].entry.count), ("job.cancel", 1));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn acting(&self, actor: Actor) -> Client {
        self.audited(AuditEntry::by(actor))
    }

    /// As [`acting`](Client::acting), with what the actor says of it, and what stood before and stands
    /// since: for one call.
    ///
    /// Which action it is, to what, how often and with which outcome the client says itself; an action
    /// or a target that the entry names is kept. What is told of values must have been stripped of what
    /// nobody is to see.
    ///
    /// ```
    /// # use kerrera::prelude::*;
    /// # use kerrera::audit::{Actor, AuditEntry};
    /// # use kerrera::{JobQuery, State};
    /// # async fn example(client: Client, ada: Actor) -> kerrera::Result<()> {
    /// let entry = AuditEntry::by(ada).reason("the mail server is back");
    /// let failed = JobQuery::new().workers(["Mailer"]).states([State::Discarded]);
    /// client.audited(entry).retry_jobs(failed).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn audited(&self, entry: AuditEntry) -> Client {
        self.telling_of(Some(Arc::new(entry)))
    }

    /// Tells the audit log of something that changes no job, queue or entry: that somebody was shown
    /// what is hidden, or was refused.
    ///
    /// One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn record_audit(&self, mut entry: AuditEntry) -> Result<()> {
        if entry.instance.is_empty() {
            entry.instance = self.instance().to_string();
        }
        self.storage().record_audit(entry).await
    }

    /// The entries of the audit log that a query has, the newest first.
    ///
    /// One statement, without a lock; a page at a time, with [`AuditQuery::after`].
    ///
    /// # Errors
    ///
    /// When the query makes no sense ([`Error::is_config`](crate::Error::is_config)) or the database
    /// fails.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>> {
        self.storage().audit(query.validate()?).await
    }

    /// The entry about what is done now, if this client acts for somebody.
    pub(crate) fn entry(&self, action: &str, sort: &str, name: &str) -> Option<AuditEntry> {
        let mut entry = AuditEntry::clone(self.teller()?);
        if entry.instance.is_empty() {
            entry.instance = self.instance().to_string();
        }
        if entry.action.is_empty() {
            entry.action = action.to_owned();
        }
        if entry.target_type.is_empty() {
            entry = entry.target(sort, name);
        }
        (entry.outcome, entry.error, entry.count) = (AuditOutcome::Done, None, 0);
        Some(entry)
    }

    /// Does something, and tells of it. What goes wrong is told as well, as far as that can be done.
    pub(crate) async fn act(&self, command: Command, entry: AuditEntry) -> Result<Answer> {
        let acted = self.storage().act(command, entry.clone()).await;
        if let Err(error) = &acted {
            // The caller hears of the error itself, whether or not it can be told.
            let _ = self.storage().record_audit(entry.failed(error)).await;
        }
        acted
    }

    /// Tells that there was nothing to be done.
    pub(crate) async fn refused(&self, entry: Option<AuditEntry>, why: &str) -> Result<()> {
        let Some(mut entry) = entry else { return Ok(()) };
        entry.outcome = AuditOutcome::Refused;
        entry.error = Some(why.to_owned());
        self.storage().record_audit(entry).await
    }
}

/// A query as it is told.
pub(crate) fn words(query: &JobQuery) -> String {
    serde_json::to_string(query).unwrap_or_default()
}

/// What the log says of an order for queues: the action, the queue, and what was ordered.
pub(crate) fn of_order(client: &Client, order: &Order) -> Option<AuditEntry> {
    let action = match order.action {
        Action::Pause => "queue.pause",
        Action::Resume => "queue.resume",
        Action::Scale { .. } => "queue.scale",
        Action::Start { .. } => "queue.start",
        Action::Stop => "queue.stop",
        Action::Reset => "queue.reset",
        _ => "queue.order",
    };
    let name = order.queue.as_deref().unwrap_or(kerrera_core::storage::EVERY);
    let mut entry = client.entry(action, "queue", name)?;
    entry.reason = entry.reason.or_else(|| order.reason.clone());
    if entry.after.is_none() {
        let mut after = Map::new();
        if let Some(node) = &order.node {
            after.insert("node".to_owned(), Value::from(&**node));
        }
        if let Action::Scale { limit } | Action::Start { limit, .. } = order.action {
            after.insert("limit".to_owned(), limit.into());
        }
        match order.until {
            Some(Until::At(time)) => {
                after.insert("until".to_owned(), time.to_string().into());
            }
            Some(Until::In(span)) => {
                after.insert("for".to_owned(), format!("{span:?}").into());
            }
            None => {}
        }
        entry.after = (!after.is_empty()).then_some(Value::Object(after));
    }
    Some(entry)
}
