//! Jobs: looking at one, and what can be done to it.

use std::time::Duration;

use kerrera::audit::{AuditQuery, AuditRecord};
use kerrera::{Job, JobChange, JobId, JobQuery, JobRow, Listing, State, Updated};

use super::{Error, Result, Service};
use crate::access::{Permission, Scope};

/// How many runs of its worker are shown beside a job.
const RECENT: u32 = 40;

/// How many of the things that people did to a job are shown beside it.
const HISTORY: u32 = 20;

/// A job, without what is private, and what is known around it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// Whether something private was taken out of it.
    pub is_redacted: bool,
    /// The newest jobs of its worker, itself among them if it is one of these; without their args.
    pub recent: Vec<JobRow>,
    /// What people did to it, the newest first; nothing if the viewer may not know who did what.
    pub history: Vec<AuditRecord>,
}

impl Service {
    /// A job, without what is private.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`], [`Error::NotFound`] if there is no such job, and when the
    /// database fails.
    pub async fn job(&self, id: JobId) -> Result<JobView> {
        self.viewer.may(Permission::JobsView)?;
        let mut job = self.visible_job(id).await?;
        let is_redacted = self.rules().await?.job(&mut job);
        let listing = Listing::of(JobQuery::new().workers([job.worker.clone()])).size(RECENT);
        let mut recent = self.reader().page(listing).await?.rows;
        recent.retain(|row| self.viewer.sees(Scope::Queue(&row.queue)));
        for row in &mut recent {
            row.args.clear();
        }
        let history = match self.viewer.may(Permission::AuditView) {
            Ok(()) => self.client.audit(AuditQuery::new().job(id).limit(HISTORY)).await?,
            Err(_) => Vec::new(),
        };
        Ok(JobView { job, is_redacted, recent, history })
    }

    /// Cancels a job; see [`Client::cancel_job`](kerrera::Client::cancel_job).
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsCancel`]; [`Error::NotFound`] if there is no such job,
    /// [`Error::Conflict`] if it had ended; and when the database fails.
    pub async fn cancel_job(&self, id: JobId) -> Result<State> {
        let job = self.changeable_job(id, Permission::JobsCancel).await?;
        self.done(self.acting().cancel_job(id).await?, job.state)
    }

    /// Makes a job available that has ended or waits to be tried again; see
    /// [`Client::retry_job`](kerrera::Client::retry_job).
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsRetry`]; otherwise as for [`cancel_job`](Service::cancel_job), and
    /// [`Error::Conflict`] if it is available or runs.
    pub async fn retry_job(&self, id: JobId) -> Result<State> {
        let job = self.changeable_job(id, Permission::JobsRetry).await?;
        self.done(self.acting().retry_job(id).await?, job.state)
    }

    /// Makes a job available that is scheduled.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsRun`]; otherwise as for [`cancel_job`](Service::cancel_job), and
    /// [`Error::Conflict`] if it does not wait for its time.
    pub async fn run_job(&self, id: JobId) -> Result<State> {
        let job = self.changeable_job(id, Permission::JobsRun).await?;
        if !matches!(job.state, State::Scheduled | State::Retryable) {
            return Err(conflict(job.state));
        }
        self.done(self.acting().retry_job(id).await?, job.state)
    }

    /// Puts a waiting job off, from now.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsSnooze`]; otherwise as for [`cancel_job`](Service::cancel_job), and
    /// [`Error::Conflict`] if it runs or has ended.
    pub async fn snooze_job(&self, id: JobId, span: Duration) -> Result<()> {
        let job = self.changeable_job(id, Permission::JobsSnooze).await?;
        if !matches!(job.state, State::Available | State::Scheduled | State::Retryable) {
            return Err(conflict(job.state));
        }
        match self.acting().update_job(id, JobChange::new().schedule_in(span)).await? {
            Updated::NotFound => Err(Error::NotFound),
            Updated::Changed(_) => Ok(()),
            _ => Err(conflict(job.state)),
        }
    }

    /// Gives a waiting job up for good; see [`Client::discard_job`](kerrera::Client::discard_job).
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsDiscard`]; otherwise as for [`cancel_job`](Service::cancel_job), and
    /// [`Error::Conflict`] if it runs.
    pub async fn discard_job(&self, id: JobId) -> Result<State> {
        let job = self.changeable_job(id, Permission::JobsDiscard).await?;
        self.done(self.acting().discard_job(id).await?, job.state)
    }

    /// Deletes a job for good; see [`Client::delete_job`](kerrera::Client::delete_job).
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsDelete`]; otherwise as for [`cancel_job`](Service::cancel_job), and
    /// [`Error::Conflict`] if it runs.
    pub async fn delete_job(&self, id: JobId) -> Result<State> {
        let job = self.changeable_job(id, Permission::JobsDelete).await?;
        self.done(self.acting().delete_job(id).await?, job.state)
    }

    /// A job with all that is private in it. Who looked is written down.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsReveal`], [`Error::NotFound`] if there is no such job, and when the
    /// database fails.
    pub async fn reveal_job(&self, id: JobId) -> Result<Job> {
        self.viewer.may(Permission::JobsReveal)?;
        let job = self.visible_job(id).await?;
        let entry = self.entry().action("job.reveal").target("job", id.to_string());
        // Written down first: what was shown cannot be taken back.
        self.client.record_audit(entry.jobs([id]).count(1)).await?;
        Ok(job)
    }

    /// A job that the viewer knows of, and to which they may do this.
    async fn changeable_job(&self, id: JobId, needs: Permission) -> Result<Job> {
        self.viewer.may(needs)?;
        let job = self.visible_job(id).await?;
        self.viewer.may_within(needs, &job.queue)?;
        Ok(job)
    }

    /// A job that the viewer knows of.
    pub(super) async fn visible_job(&self, id: JobId) -> Result<Job> {
        let job = self.client.job(id).await?.ok_or(Error::NotFound)?;
        self.may_know(Scope::Queue(&job.queue))?;
        self.may_know(Scope::Worker(&job.worker))?;
        Ok(job)
    }

    fn done(&self, was: Option<State>, seen: State) -> Result<State> {
        was.ok_or_else(|| conflict(seen))
    }
}

fn conflict(state: State) -> Error {
    Error::Conflict(format!("the job is {}, which does not allow this", state.as_str()))
}
