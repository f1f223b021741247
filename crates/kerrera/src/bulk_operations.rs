//! Doing something to very many jobs, over hours if need be.

use std::time::Duration;

use kerrera_core::audit::AuditEntry;
use kerrera_core::error::Kind;
use kerrera_core::storage::{NewOperation, OperationLease};
use kerrera_core::tally::Tally;
use kerrera_core::{
    BulkAction, BulkOperation, Error, JobOrder, JobQuery, JobRow, ListOrder, Listing, Result,
    State, Uuid,
};
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::runtime::operator;

/// How long each look of a preview may take.
const LOOK: Duration = Duration::from_secs(2);

/// How far the jobs of a preview are counted, in each state.
const MOST: u32 = 10_000;

/// How many operations come at most.
const LARGEST_PAGE: u32 = 1_000;

/// Something that is to be done to all jobs of a query; [`Client::start_operation`] takes it.
///
/// ```
/// use kerrera::{BulkAction, BulkRequest, JobQuery, State};
///
/// let failed = JobQuery::new().workers(["Mailer"]).states([State::Discarded]);
/// let request = BulkRequest::new(BulkAction::Retry, failed).reason("the mail server is back");
/// # let _ = request;
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is done until it is started"]
pub struct BulkRequest {
    action: BulkAction,
    query: JobQuery,
    reason: Option<String>,
    everything: bool,
}

impl BulkRequest {
    /// This, to all jobs of this query.
    pub fn new(action: BulkAction, query: JobQuery) -> BulkRequest {
        BulkRequest { action, query, reason: None, everything: false }
    }

    /// Says why, for those who look later.
    pub fn reason(mut self, reason: impl Into<String>) -> BulkRequest {
        self.reason = Some(reason.into());
        self
    }

    /// Says that a query without a condition really means all jobs.
    pub fn everything(mut self) -> BulkRequest {
        self.everything = true;
        self
    }
}

/// What an operation would do, as things stand; given by [`Client::preview_operation`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BulkPreview {
    /// How many jobs of the query allow it, by their state; states without any are left out.
    pub eligible: Vec<(State, Tally)>,
    /// How many do not, and would be skipped.
    pub skipped: Vec<(State, Tally)>,
    /// Some of those that allow it, the oldest.
    pub sample: Vec<JobRow>,
}

impl BulkPreview {
    /// How many jobs allow it in all.
    pub fn count(&self) -> Tally {
        self.eligible.iter().map(|(_, tally)| *tally).sum()
    }
}

/// Doing something to very many jobs.
impl Client {
    /// What an operation would do, as things stand: how many jobs allow it and how many would be
    /// skipped, by state, counted up to ten thousand in each; and ten of them.
    ///
    /// Some eight statements, which only read and end after two seconds each.
    ///
    /// # Errors
    ///
    /// When the query makes no sense ([`Error::is_config`]), a look takes too long, or the database
    /// fails.
    pub async fn preview_operation(
        &self,
        action: BulkAction,
        query: JobQuery,
    ) -> Result<BulkPreview> {
        let query = checked(query)?;
        let reader = self.reader(LOOK);
        let mut preview =
            BulkPreview { eligible: Vec::new(), skipped: Vec::new(), sample: Vec::new() };
        for state in State::ALL {
            let tally = reader.tally(query.clone().states([state]), MOST).await?;
            if tally.value > 0 {
                let list = match action.applies_to(state) {
                    true => &mut preview.eligible,
                    false => &mut preview.skipped,
                };
                list.push((state, tally));
            }
        }
        let allowed = query.states(preview.eligible.iter().map(|(state, _)| *state));
        if !preview.eligible.is_empty() {
            let listing = Listing::of(allowed).order(ListOrder::Oldest).size(10);
            preview.sample = reader.page(listing).await?.rows;
        }
        Ok(preview)
    }

    /// Starts an operation: writes it down, for all jobs of the query that there are now.
    ///
    /// A node with an engine begins with it within some seconds, and goes through the jobs in the order
    /// of their numbers, five hundred at a time, resting as long as it worked. Each is looked at once,
    /// whoever dies meanwhile; its conditions are asked again with its row locked. If no engine runs it
    /// waits until one does, or is [carried out](Client::carry_out_operation) by whoever started it.
    /// Jobs that are inserted later are not meant.
    ///
    /// A client that [acts for somebody](Client::acting) tells the audit log of the beginning, in the
    /// same transaction, and of the end.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::{BulkAction, BulkRequest, BulkState, JobQuery};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// client.insert_all((0..1_200).map(|_| NewJob::of("Mailer", json!({})))).await?;
    ///
    /// let mails = JobQuery::new().workers(["Mailer"]);
    /// let preview = client.preview_operation(BulkAction::Cancel, mails.clone()).await?;
    /// assert_eq!(preview.count().value, 1_200);
    ///
    /// let operation = client.start_operation(BulkRequest::new(BulkAction::Cancel, mails)).await?;
    /// // No engine runs here, so it is done at once by this program.
    /// let operation = client.carry_out_operation(operation.id).await?.expect("it is there");
    /// assert_eq!((operation.state, operation.done), (BulkState::Done, 1_200));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the query makes no sense ([`Error::is_config`]): it has an order, a limit or a place, or
    /// no condition without [`BulkRequest::everything`]. And when the database fails.
    pub async fn start_operation(&self, request: BulkRequest) -> Result<BulkOperation> {
        let BulkRequest { action, query, reason, everything } = request;
        let query = checked(query)?;
        if query.is_everything() && !everything {
            let message = "the operation has no condition, and would be done to all jobs: give it \
                           one, or say that everything is meant";
            return Err(Error::new(Kind::Config, message));
        }
        let entry = self.entry("operation.start", "operation", "").map(|mut entry| {
            entry.reason = reason.clone().or(entry.reason);
            let query = serde_json::to_value(&query).unwrap_or_default();
            let after = serde_json::json!({"action": action.as_str(), "query": query});
            let entry = if entry.after.is_none() { entry.after(after) } else { entry };
            entry.sanitised()
        });
        // Only for the progress: an operation whose jobs cannot be counted in time is none the worse.
        let states = State::ALL.into_iter().filter(|state| action.applies_to(*state));
        let total = self.reader(LOOK).tally(query.clone().states(states), MOST).await.ok();
        let reason = match &entry {
            Some(entry) => entry.reason.clone(),
            None => reason.map(|reason| kerrera_core::failure::sanitise(&reason)),
        };
        let by = entry.as_ref().map(|entry| entry.actor.clone());
        let new = NewOperation { action, query, by, reason, total };
        let operation = self.storage().create_operation(new, entry).await?;
        self.operation_waits();
        Ok(operation)
    }

    /// Carries an operation out here, as an engine would, and gives it back as it is then; `None` if
    /// there is none of this number. Returns at once if it has ended or a node is at it.
    ///
    /// For small operations, and for programs without an engine.
    ///
    /// # Errors
    ///
    /// When the database fails; what was done is written, and another call or a node goes on.
    pub async fn carry_out_operation(&self, id: i64) -> Result<Option<BulkOperation>> {
        let lease = OperationLease {
            id: Some(id),
            holder: Uuid::new_v4(),
            node: "client".into(),
            ttl: Duration::from_secs(30),
        };
        operator::next(self, &lease, &CancellationToken::new()).await?;
        self.operation(id).await
    }

    /// Operations, the newest first; those with smaller numbers than `before`, at most `limit` (and
    /// never more than a thousand). One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn operations(&self, before: Option<i64>, limit: u32) -> Result<Vec<BulkOperation>> {
        self.storage().operations(before, limit.min(LARGEST_PAGE)).await
    }

    /// An operation by its number, with how far it is. One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn operation(&self, id: i64) -> Result<Option<BulkOperation>> {
        self.storage().operation(id).await
    }

    /// Stops an operation that has not ended; what it did stays done. False if there is none. Waits for
    /// the chunk that is under way. One short transaction.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn cancel_operation(&self, id: i64) -> Result<bool> {
        let entry: Option<AuditEntry> =
            self.entry("operation.cancel", "operation", &id.to_string());
        let cancelled = self.storage().cancel_operation(id, entry.clone()).await?;
        if !cancelled {
            self.refused(entry, "there is no such operation that has not ended").await?;
        }
        Ok(cancelled)
    }
}

/// A query that can be an operation's.
fn checked(query: JobQuery) -> Result<JobQuery> {
    let valid = query.clone().validate()?;
    if valid.order != JobOrder::Oldest || valid.limit.is_some() || valid.after.is_some() {
        let message = "an operation is for all jobs of its query, in the order of their numbers: \
                       leave the order, the limit and the place out";
        return Err(Error::new(Kind::Config, message));
    }
    Ok(query)
}
