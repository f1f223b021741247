//! What can be asked and done: by pages, by the JSON API and by the command line alike.
//!
//! A [`Service`] belongs to one [`Viewer`]. Every question and every command asks first whether they may;
//! what is hidden from them is not there; what is private is taken out before it is given away. Whoever
//! calls it needs no thought of that.

mod attention;
mod audit;
mod counts;
mod crons;
mod drafts;
mod export;
mod failures;
mod gauges;
mod insertion;
mod jobs;
mod known;
mod list;
mod metrics;
mod nodes;
mod obstacles;
mod operations;
mod overview;
mod queues;
mod redact;
mod shared;
mod suggest;
mod troubles;
mod typed;
mod window;
mod workers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kerrera::audit::{AuditEntry, AuditOutcome, Via};
use kerrera::{Client, Reader};

use crate::access::{Actor, Scope};

pub use crate::access::{Denied, ReadOnly, Viewer};
pub use attention::{Concern, Severity, Trouble};
pub use audit::AuditList;
pub(crate) use audit::LARGEST_EXPORT;
pub use counts::Counts;
pub use crons::{
    ClockShift, CronDraft, CronRun, CronStatus, CronTarget, CrontabStatus, Drafted, Mistakes,
    NextTimes,
};
pub use drafts::{DraftedJob, Editing, JobDraft, Trial, When};
pub use export::{Export, Exported};
pub use failures::{FailureDetail, FailureGroup, FailureList, FailuresAsked, Sample};
pub use gauges::{Gauges, QueueGauges};
pub use insertion::InsertedJob;
pub use jobs::JobView;
pub use known::Known;
pub use list::{Asked, JobList, Meant, UnfitFilter, Unfitness};
pub use metrics::{Measured, MeasuredOf};
pub use nodes::{NodeStatus, Nodes, RunningJob};
pub use obstacles::Obstacle;
pub(crate) use operations::LONGEST_REASON;
pub use operations::{
    BulkForecast, BulkList, BulkStart, BulkView, BulkWish, Selection, permission_for,
};
pub use overview::{Busy, Overview};
pub use queues::{PauseEnd, QueueState, QueueStatus, Target};
pub(crate) use redact::Rules;
pub use redact::{Everything, HIDDEN, PrivateKeys, Redactor};
pub(crate) use shared::{Glance, Shared};
pub(crate) use suggest::{Suggestions, Typed, quoted};
pub use window::Window;
pub use workers::{RunNumbers, WorkerStatus};

/// For how long a statement may read.
const READING: Duration = Duration::from_secs(2);

/// What one viewer can ask and do in one instance.
#[derive(Clone)]
pub struct Service {
    client: Client,
    instance: Arc<str>,
    viewer: Viewer,
    configured: Rules,
    via: Via,
    request_id: Option<Arc<str>>,
    reason: Option<Arc<str>>,
    edits_args: bool,
    orders_ahead: bool,
    shared: Option<Shared>,
}

impl Service {
    /// For this viewer, in the database of this client.
    pub fn new(client: Client, instance: &str, viewer: Viewer) -> Service {
        Service {
            client,
            instance: instance.into(),
            viewer,
            configured: Rules::default(),
            via: Via::Code,
            request_id: None,
            reason: None,
            edits_args: false,
            orders_ahead: false,
            shared: None,
        }
    }

    /// The same, and the audit log says how it was asked: by a page, the API, the command line.
    #[must_use]
    pub fn via(self, via: Via) -> Service {
        Service { via, ..self }
    }

    /// The same, and the audit log has this name of the request.
    #[must_use]
    pub fn request(self, id: &str) -> Service {
        Service { request_id: Some(id.into()), ..self }
    }

    /// The same, and the audit log says why it is done.
    #[must_use]
    pub fn because(self, reason: &str) -> Service {
        Service { reason: Some(reason.into()), ..self }
    }

    /// The same, and whoever may change jobs may give those that are there other args, another meta and
    /// another worker. By default nobody may: what a worker is given is what the application inserted.
    #[must_use]
    pub fn allowing_to_edit_args(self, allowed: bool) -> Service {
        Service { edits_args: allowed, ..self }
    }

    /// The same, and a queue of which nothing is known can be given orders, which hold when it comes to be.
    /// By default that is a mistake in its name.
    #[must_use]
    pub fn ordering_ahead(self, allowed: bool) -> Service {
        Service { orders_ahead: allowed, ..self }
    }

    /// The same, with another opinion of what is private; by default that of [`PrivateKeys`].
    #[must_use]
    pub fn redacting(self, redactor: impl Redactor) -> Service {
        self.ruled_by(Rules::new(redactor))
    }

    pub(crate) fn ruled_by(self, rules: Rules) -> Service {
        Service { configured: rules, ..self }
    }

    /// What is private: as it was configured, and as workers declare it.
    async fn rules(&self) -> Result<Rules> {
        Ok(self.configured.declared(&self.all_workers().await?))
    }

    /// The same, and what others have just asked is not asked again.
    pub(crate) fn sharing(self, shared: Shared) -> Service {
        Service { shared: Some(shared), ..self }
    }

    /// The same, as far as something of this queue is concerned.
    pub(crate) fn within(&self, queue: &str) -> Service {
        Service { viewer: self.viewer.within(queue), ..self.clone() }
    }

    /// Who asks.
    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The name of the instance.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What lists and counts are read with: its statements end in time, and disturb nobody who works.
    fn reader(&self) -> Reader {
        self.client.reader(READING)
    }

    /// What commands go through: what it changes is written down as done by the viewer.
    fn acting(&self) -> Client {
        self.client.audited(self.entry())
    }

    /// The beginning of what the audit log tells of it.
    fn entry(&self) -> AuditEntry {
        let entry = AuditEntry::by(self.actor());
        match &self.reason {
            Some(reason) => entry.reason(&**reason),
            None => entry,
        }
    }

    /// The viewer, as the audit log names them.
    fn actor(&self) -> kerrera::audit::Actor {
        let Actor { id, name } = self.viewer.actor();
        let actor = kerrera::audit::Actor::new(id).label(name).via(self.via);
        match &self.request_id {
            Some(id) => actor.request_id(&**id),
            None => actor,
        }
    }

    /// Writes down that the viewer tried what they may not do. That it cannot be written down is told by
    /// the log alone: they hear that it is not allowed either way. Where nothing can be changed, nothing
    /// is written either.
    pub(crate) async fn refused(&self, denied: Denied, what: &str) {
        if self.viewer.why_read_only().is_some() {
            return;
        }
        let (action, error) = match denied {
            Denied::Missing(permission) => (permission.as_str(), "the permission is missing"),
            Denied::ReadOnly(_) => ("write", "nothing can be changed here"),
        };
        let mut entry = self.entry().action(action).target("address", what);
        entry.outcome = AuditOutcome::Refused;
        entry.error = Some(error.to_owned());
        if let Err(error) = self.client.record_audit(entry).await {
            tracing::error!(%error, "a refusal could not be written down");
        }
    }

    /// What is hidden from them is not there.
    fn may_know(&self, scope: Scope<'_>) -> Result<()> {
        if self.viewer.sees(scope) { Ok(()) } else { Err(Error::NotFound) }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("instance", &self.instance)
            .field("viewer", &self.viewer)
            .finish_non_exhaustive()
    }
}

/// Why something was not answered or not done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// They may not.
    Denied(Denied),
    /// There is no such thing, or they do not know of it.
    NotFound,
    /// What was given makes no sense.
    Invalid(String),
    /// The filter makes no sense, or asks for what is private.
    Filter(UnfitFilter),
    /// Its state does not allow it, or it was another one by then.
    Conflict(String),
    /// The database failed.
    Kerrera(kerrera::Error),
}

/// What is answered, or why not.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Denied(Denied::Missing(permission)) => {
                write!(f, "this needs the permission {permission}")
            }
            Error::Denied(Denied::ReadOnly(_)) => f.write_str("nothing can be changed here"),
            Error::NotFound => f.write_str("there is no such thing"),
            Error::Invalid(why) | Error::Conflict(why) => f.write_str(why),
            Error::Filter(unfit) => unfit.fmt(f),
            Error::Kerrera(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Kerrera(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Error {
        Error::Denied(denied)
    }
}

impl From<kerrera::Error> for Error {
    fn from(error: kerrera::Error) -> Error {
        match error.is_config() || error.is_invalid_job() {
            true => Error::Invalid(error.to_string()),
            false => Error::Kerrera(error),
        }
    }
}
