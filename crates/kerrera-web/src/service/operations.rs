//! What is done to many jobs at once: what it would do, starting it, how far it is, and stopping it.

mod wording;

use kerrera::cron::Timezone;
use kerrera::filter::Filter;
use kerrera::{
    BulkAction, BulkOperation, BulkPreview, BulkRequest, BulkState, Condition, JobId, JobQuery,
    JobRow, ListOrder, Listing, State, Tally, Timestamp,
};
use serde_json::json;

use super::{Error, Result, Rules, Service, quoted};
use crate::access::{Denied, Permission, Scope};

/// How many operations are on a page.
const PAGE: u32 = 50;

/// Up to so many jobs that were selected one by one are dealt with at once.
const AT_ONCE: usize = 100;

/// The longest reason, in characters.
pub(crate) const LONGEST_REASON: usize = 500;

/// For more jobs than this their number has to be said.
const MANY: u64 = 1_000;

/// An operation that nobody has begun with for so long waits because no engine runs it.
const WAITS: std::time::Duration = std::time::Duration::from_secs(30);

/// What is to be done, and to which jobs.
#[derive(Clone, Debug)]
pub struct BulkWish {
    /// What is done to each.
    pub action: BulkAction,
    /// To which.
    pub which: Selection,
    /// Why, for those who look later.
    pub reason: String,
    /// How many jobs are meant, as far as whoever wants it knows. It has to be said where something is
    /// lost or more than a thousand jobs are meant, and has to be right within a tenth.
    pub count: Option<u64>,
    /// From when relative times of a filter count.
    pub now: Timestamp,
    /// In which zone times without one are meant.
    pub zone: Timezone,
}

/// Which jobs something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those with these numbers, as far as the viewer knows of them.
    Jobs(Vec<JobId>),
    /// Those of this filter.
    Filter(String),
    /// All of them.
    All,
}

impl Selection {
    /// How many jobs can be selected one by one.
    pub const MOST: usize = Listing::LARGEST as usize;
}

/// What would be done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BulkForecast {
    /// What is done to each.
    pub action: BulkAction,
    /// The filter that has the jobs; `None` if they were selected one by one.
    pub filter: Option<Filter>,
    /// How many jobs allow it, by their state; states without any are left out.
    pub eligible: Vec<(State, Tally)>,
    /// How many do not, and are skipped.
    pub skipped: Vec<(State, Tally)>,
    /// Some of those that allow it, the oldest, without what is private.
    pub sample: Vec<JobRow>,
}

impl BulkForecast {
    /// How many jobs allow it.
    pub fn count(&self) -> Tally {
        self.eligible.iter().map(|(_, tally)| *tally).sum()
    }

    /// How many do not.
    pub fn left(&self) -> Tally {
        self.skipped.iter().map(|(_, tally)| *tally).sum()
    }

    /// Whether their number has to be said: something is lost, or there are very many.
    pub fn needs_count(&self) -> bool {
        let count = self.count();
        count.value > 0 && (self.action == BulkAction::Delete || count.value > MANY)
    }

    /// Whether who said this number knows what will happen.
    fn is_meant(&self, said: Option<u64>) -> bool {
        let count = self.count().value;
        match said {
            None => !self.needs_count(),
            Some(said) => said.abs_diff(count).saturating_mul(10) <= count,
        }
    }
}

/// What came of wanting to do something to many jobs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BulkStart {
    /// It was begun, or done already.
    Begun(Box<BulkView>),
    /// Nothing was done: their number was not said, or it has become another one.
    Unconfirmed(Box<BulkForecast>),
}

/// An operation, as the viewer may know it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BulkView {
    /// The operation.
    pub operation: BulkOperation,
    /// The filter that has its jobs; `None` if there is none that says the same, or it asks for what is
    /// private.
    pub filter: Option<Filter>,
    /// How many jobs were selected one by one, if so.
    pub selected: Option<usize>,
}

impl BulkView {
    /// How many jobs are still to come, as far as is known.
    pub fn remaining(&self) -> Option<Tally> {
        let operation = &self.operation;
        let total = operation.total.filter(|_| !operation.state.is_final())?;
        let value = total.value.saturating_sub(operation.done + operation.failed);
        Some(Tally { value, quality: total.quality })
    }

    /// How many jobs it is done with in a second.
    pub fn rate(&self, now: Timestamp) -> Option<f64> {
        let operation = &self.operation;
        let lasted = operation.ended_at.unwrap_or(now).since(operation.started_at?).as_secs_f64();
        let jobs = operation.done + operation.skipped + operation.failed;
        (lasted >= 1.0 && jobs > 0).then(|| jobs as f64 / lasted)
    }

    /// Whether it waits because no engine runs.
    pub fn is_stuck(&self, now: Timestamp) -> bool {
        is_stuck(&self.operation, now)
    }
}

fn is_stuck(operation: &BulkOperation, now: Timestamp) -> bool {
    operation.state == BulkState::Waiting && now.since(operation.created_at) >= WAITS
}

/// A page of operations, the newest first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BulkList {
    /// The operations.
    pub items: Vec<BulkView>,
    /// Older ones come before this number.
    pub next: Option<i64>,
}

/// What one must be allowed to do to one job to do it to many.
pub fn permission_for(action: BulkAction) -> Permission {
    match action {
        BulkAction::Cancel => Permission::JobsCancel,
        BulkAction::Retry => Permission::JobsRetry,
        BulkAction::RunNow => Permission::JobsRun,
        BulkAction::Discard => Permission::JobsDiscard,
        // The strongest, for what a newer version can do besides.
        _ => Permission::JobsDelete,
    }
}

impl Service {
    /// What would be done, as things stand: nothing is changed.
    ///
    /// Some ten statements, which end in time; jobs are counted to ten thousand in each state.
    ///
    /// # Errors
    ///
    /// Without [`Permission::OperationsManage`] and the permission to do it to one job; [`Error::Filter`]
    /// if the filter makes no sense or asks for what is private, [`Error::Invalid`] if nothing or too much
    /// is selected, and when the database fails.
    pub async fn forecast_operation(&self, wish: &BulkWish) -> Result<BulkForecast> {
        self.may_do_to_many(wish.action)?;
        let (filter, query) = self.wished(wish).await?;
        self.forecast(wish.action, filter, query).await
    }

    /// Begins to do it; up to a hundred jobs that were selected one by one are dealt with at once.
    ///
    /// # Errors
    ///
    /// As for [`forecast_operation`](Service::forecast_operation), and [`Error::Conflict`] if no job allows
    /// it.
    pub async fn start_operation(&self, wish: &BulkWish) -> Result<BulkStart> {
        self.let_do_to_many(wish.action).await?;
        let reason = wish.reason.trim();
        if reason.chars().count() > LONGEST_REASON {
            return Err(Error::Invalid(format!(
                "the reason is too long: at most {LONGEST_REASON} characters"
            )));
        }
        let (filter, query) = self.wished(wish).await?;
        let forecast = self.forecast(wish.action, filter, query.clone()).await?;
        let count = forecast.count();
        if count.value == 0 {
            return Err(Error::Conflict("no job is in a state that allows it".to_owned()));
        }
        if !forecast.is_meant(wish.count) {
            return Ok(BulkStart::Unconfirmed(Box::new(forecast)));
        }
        // In words that give nothing away: in the query may be names of queues that are hidden from others.
        let which = match (&wish.which, &forecast.filter) {
            (Selection::Jobs(ids), _) => json!({"selected": ids.len()}),
            (_, Some(filter)) => json!({"filter": filter.to_string()}),
            (_, None) => json!({}),
        };
        let mut after = json!({"action": wish.action.as_str(), "jobs": count.value});
        if let (Some(after), Some(which)) = (after.as_object_mut(), which.as_object()) {
            after.extend(which.clone());
        }
        let client = self.client.audited(self.entry().after(after));
        let request = BulkRequest::new(wish.action, query);
        let request = if reason.is_empty() { request } else { request.reason(reason) };
        let request = if wish.which == Selection::All { request.everything() } else { request };
        let mut operation = client.start_operation(request).await?;
        if matches!(&wish.which, Selection::Jobs(ids) if ids.len() <= AT_ONCE) {
            match client.carry_out_operation(operation.id).await {
                Ok(done) => operation = done.unwrap_or(operation),
                // It is written down: whichever node has time goes on.
                Err(error) => tracing::warn!(%error, "an operation could not be done at once"),
            }
        }
        Ok(BulkStart::Begun(Box::new(self.told(operation, &self.rules().await?))))
    }

    /// Operations, the newest first; those before a number.
    ///
    /// # Errors
    ///
    /// Without [`Permission::OperationsView`], and when the database fails.
    pub async fn operations(&self, before: Option<i64>) -> Result<BulkList> {
        self.viewer.may(Permission::OperationsView)?;
        let (unseen, rules) = (self.unseen().await?, self.rules().await?);
        let mut operations = self.client.operations(before, PAGE + 1).await?;
        let is_more = operations.len() > PAGE as usize;
        operations.truncate(PAGE as usize);
        let next = operations.last().map(|last| last.id).filter(|_| is_more);
        operations.retain(|operation| self.knows_of(operation, &unseen));
        let items = operations.into_iter().map(|operation| self.told(operation, &rules)).collect();
        Ok(BulkList { items, next })
    }

    /// One operation.
    ///
    /// # Errors
    ///
    /// Without [`Permission::OperationsView`], [`Error::NotFound`] if there is none of this number that the
    /// viewer knows of, and when the database fails.
    pub async fn operation(&self, id: i64) -> Result<BulkView> {
        self.viewer.may(Permission::OperationsView)?;
        Ok(self.told(self.known_operation(id).await?, &self.rules().await?))
    }

    /// Stops an operation; what it did stays done.
    ///
    /// # Errors
    ///
    /// Without [`Permission::OperationsManage`] and the permission to do to one job what it does;
    /// [`Error::NotFound`] if there is none, [`Error::Conflict`] if it has ended, and when the database
    /// fails.
    pub async fn cancel_operation(&self, id: i64) -> Result<()> {
        self.viewer.may(Permission::OperationsManage)?;
        let operation = self.known_operation(id).await?;
        self.let_do_to_many(operation.action).await?;
        match self.acting().cancel_operation(id).await? {
            true => Ok(()),
            false => Err(Error::Conflict("the operation has ended".to_owned())),
        }
    }

    /// The operations that wait because no engine runs; nothing if the viewer may not know of any.
    pub(super) async fn waiting_operations(&self, now: Timestamp) -> Result<Vec<i64>> {
        if self.viewer.may(Permission::OperationsView).is_err() {
            return Ok(Vec::new());
        }
        let newest = self.newest_operations().await?;
        let mut stuck: Vec<_> = newest.into_iter().filter(|one| is_stuck(one, now)).collect();
        if !stuck.is_empty() {
            let unseen = self.unseen().await?;
            stuck.retain(|operation| self.knows_of(operation, &unseen));
        }
        Ok(stuck.into_iter().map(|operation| operation.id).collect())
    }

    fn may_do_to_many(&self, action: BulkAction) -> std::result::Result<(), Denied> {
        self.viewer.may(Permission::OperationsManage)?;
        self.viewer.may(Permission::JobsView)?;
        self.viewer.may(permission_for(action))
    }

    /// The same where something is going to be done: that somebody tried is written down.
    pub(super) async fn let_do_to_many(&self, action: BulkAction) -> Result<()> {
        let may = self.may_do_to_many(action);
        if let Err(denied) = may {
            self.refused(denied, &format!("operations ({action})")).await;
        }
        Ok(may?)
    }

    async fn forecast(
        &self,
        action: BulkAction,
        filter: Option<Filter>,
        query: JobQuery,
    ) -> Result<BulkForecast> {
        let BulkPreview { eligible, skipped, mut sample, .. } =
            self.client.preview_operation(action, query).await?;
        sample.retain(|row| self.sees_row(row));
        let rules = self.rules().await?;
        for row in &mut sample {
            rules.row(row);
        }
        Ok(BulkForecast { action, filter, eligible, skipped, sample })
    }

    /// The jobs that are meant, as far as the viewer knows of them.
    async fn wished(&self, wish: &BulkWish) -> Result<(Option<Filter>, JobQuery)> {
        let text = match &wish.which {
            Selection::Jobs(ids) => {
                return Ok((None, JobQuery::new().ids(self.selected(ids).await?)));
            }
            Selection::Filter(text) if text.trim().is_empty() => {
                let why = "the filter is empty, and has all jobs: say that all are meant";
                return Err(Error::Invalid(why.to_owned()));
            }
            Selection::Filter(text) => text.as_str(),
            Selection::All => "",
        };
        let text = self.outside_of_frozen(text);
        let meant = self.meant(&text, wish.now, &wish.zone).await?;
        let query = match self.unseen().await?.workers {
            None => meant.query,
            // Of workers that nobody has heard of one cannot say whether they are hidden.
            Some(seen) => meant.query.where_all([Condition::Workers(seen)]),
        };
        Ok((Some(meant.filter), query))
    }

    /// A filter that leaves out the queues in which nothing is changed, and says so.
    fn outside_of_frozen(&self, filter: &str) -> String {
        let frozen: Vec<String> = self.viewer.frozen_queues().map(quoted).collect();
        if frozen.is_empty() {
            return filter.to_owned();
        }
        let term = format!("-queue:{}", frozen.join(","));
        // A form sends the filter that it showed.
        match filter.ends_with(&term) {
            true => filter.to_owned(),
            false => format!("{filter} {term}"),
        }
    }

    /// The numbers of those jobs that the viewer knows of and may change.
    async fn selected(&self, ids: &[JobId]) -> Result<Vec<JobId>> {
        if ids.is_empty() {
            return Err(Error::Invalid("no job is selected".to_owned()));
        }
        if ids.len() > Selection::MOST {
            let most = Selection::MOST;
            return Err(Error::Invalid(format!("at most {most} jobs can be selected one by one")));
        }
        let all = JobQuery::new().ids(ids.iter().copied());
        let listing = Listing::of(all).order(ListOrder::Oldest).size(Listing::LARGEST);
        let rows = self.reader().page(listing).await?.rows;
        let seen = rows.iter().filter(|row| self.sees_row(row) && !self.viewer.freezes(&row.queue));
        let seen: Vec<JobId> = seen.map(|row| row.id).collect();
        // A list without a number has no job, and is no error of whoever asks.
        Ok(if seen.is_empty() { vec![JobId::MIN] } else { seen })
    }

    pub(super) fn sees_row(&self, row: &JobRow) -> bool {
        self.viewer.sees(Scope::Queue(&row.queue)) && self.viewer.sees(Scope::Worker(&row.worker))
    }

    async fn known_operation(&self, id: i64) -> Result<BulkOperation> {
        let operation = self.client.operation(id).await?.ok_or(Error::NotFound)?;
        match self.knows_of(&operation, &self.unseen().await?) {
            true => Ok(operation),
            false => Err(Error::NotFound),
        }
    }

    /// What there is that the viewer does not know of.
    pub(super) async fn unseen(&self) -> Result<Unseen> {
        let (_, queues) = self.tallies().await?;
        let producers = self.all_producers().await?;
        let hides_queue = !queues.is_empty()
            || producers.iter().any(|one| !self.viewer.sees(Scope::Queue(&one.queue)));
        let mut workers = self.asked("names of workers", self.worker_names()).await?;
        let all = workers.len();
        workers.retain(|worker| self.viewer.sees(Scope::Worker(worker)));
        let workers = (workers.len() < all).then_some(workers);
        Ok(Unseen { queue: hides_queue, workers })
    }

    /// The workers that nodes have declared, and those of the newest jobs.
    async fn worker_names(&self) -> kerrera::Result<Vec<String>> {
        let known = self.client.known_workers().await?;
        let newest = Listing::of(JobQuery::new()).order(ListOrder::Newest).size(Listing::LARGEST);
        let newest = self.reader().page(newest).await?.rows.into_iter().map(|row| row.worker);
        let mut names: Vec<String> =
            known.into_iter().map(|known| known.card.name).chain(newest).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Whether the numbers of an operation tell of nothing that is hidden: the viewer wanted it, sees
    /// everything, or all of what it names.
    pub(super) fn knows_of(&self, operation: &BulkOperation, unseen: &Unseen) -> bool {
        let is_own = operation.by.as_ref().is_some_and(|by| by.id == self.viewer.actor().id);
        if is_own || unseen.is_nothing() {
            return true;
        }
        let Ok(valid) = operation.query.clone().validate() else { return false };
        let queues = valid.conditions.iter().any(|condition| match condition {
            Condition::Queues(names) => {
                names.iter().all(|name| self.viewer.sees(Scope::Queue(name)))
            }
            _ => false,
        });
        let workers = valid.conditions.iter().any(|condition| match condition {
            Condition::Workers(names) => {
                names.iter().all(|name| self.viewer.sees(Scope::Worker(name)))
            }
            _ => false,
        });
        (!unseen.queue || queues) && (unseen.workers.is_none() || workers)
    }

    /// An operation with what its query says.
    fn told(&self, operation: BulkOperation, rules: &Rules) -> BulkView {
        let conditions = operation.query.clone().validate().map(|valid| valid.conditions);
        let conditions = conditions.unwrap_or_default();
        let selected = match conditions.as_slice() {
            [Condition::Ids(ids)] => Some(ids.len()),
            _ => None,
        };
        let seen = |condition: &Condition| match condition {
            Condition::Queues(names) => {
                names.iter().all(|name| self.viewer.sees(Scope::Queue(name)))
            }
            Condition::Workers(names) => {
                names.iter().all(|name| self.viewer.sees(Scope::Worker(name)))
            }
            _ => true,
        };
        let text = selected.is_none().then(|| wording::filter_of(&conditions, &seen)).flatten();
        let filter = text.and_then(|text| self.filter_by(&text, rules).ok());
        BulkView { operation, filter, selected }
    }
}

/// What is hidden from a viewer.
pub(super) struct Unseen {
    /// Whether there is a queue that they do not know of.
    queue: bool,
    /// If there is a worker that they do not know of: those that they do.
    pub(super) workers: Option<Vec<String>>,
}

impl Unseen {
    /// Whether they see everything.
    pub(super) fn is_nothing(&self) -> bool {
        !self.queue && self.workers.is_none()
    }
}

#[cfg(test)]
mod tests {
    use kerrera::Units as _;

    use super::*;

    #[test]
    fn an_operation_that_nobody_begins_with_is_stuck_after_a_while() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut operation = BulkOperation::new(7, BulkAction::Retry, JobQuery::new(), 100);
        operation.created_at = now - 29.seconds();
        assert!(!is_stuck(&operation, now));
        operation.created_at = now - 30.seconds();
        assert!(is_stuck(&operation, now));
        operation.state = BulkState::Running;
        assert!(!is_stuck(&operation, now));
    }

    #[test]
    fn a_number_is_meant_if_it_is_right_within_a_tenth() {
        let forecast = |action, value| BulkForecast {
            action,
            filter: None,
            eligible: vec![(State::Scheduled, Tally::exact(value))],
            skipped: Vec::new(),
            sample: Vec::new(),
        };
        let delete = forecast(BulkAction::Delete, 8);
        assert!(delete.needs_count() && delete.is_meant(Some(8)));
        assert!(!delete.is_meant(None) && !delete.is_meant(Some(9)) && !delete.is_meant(Some(0)));
        let many = forecast(BulkAction::Retry, 5_000);
        assert!(many.needs_count() && many.is_meant(Some(4_500)) && many.is_meant(Some(5_500)));
        assert!(!many.is_meant(Some(4_499)) && !many.is_meant(Some(u64::MAX)));
        let few = forecast(BulkAction::Retry, 1_000);
        assert!(!few.needs_count() && few.is_meant(None) && !few.is_meant(Some(1)));
    }
}
