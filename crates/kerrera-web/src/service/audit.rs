//! Who did what.

use std::collections::{HashMap, HashSet};

use kerrera::audit::{AuditEntry, AuditOutcome, AuditQuery, AuditRecord};
use kerrera::{JobId, JobQuery, ListOrder, Listing};
use serde_json::{Value, json};

use super::operations::Unseen;
use super::{Error, Result, Service};
use crate::access::{Permission, ReadOnly, Scope};

/// How many entries an export has at most.
pub(crate) const LARGEST_EXPORT: usize = 100_000;

/// How many entries of an export are read at once.
const CHUNK: u32 = 500;

/// Of an entry about more jobs than this, nobody looks whether all of them may be known.
const LOOKED_AT: usize = 50;

/// A page of the audit log, the newest first, as far as the viewer may know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditList {
    /// The entries, without what is private.
    pub items: Vec<AuditRecord>,
    /// Older ones come after this number.
    pub next: Option<i64>,
}

impl Service {
    /// The entries that a query has, the newest first.
    ///
    /// One statement; three or more for whoever does not see everything.
    ///
    /// # Errors
    ///
    /// Without [`Permission::AuditView`]; [`Error::Invalid`] if the query makes no sense, and when the
    /// database fails.
    pub async fn audit(&self, query: AuditQuery) -> Result<AuditList> {
        self.viewer.may(Permission::AuditView)?;
        let asked = query.limit.clamp(1, AuditQuery::MOST - 1);
        let mut items = self.client.audit(query.limit(asked + 1)).await?;
        let is_more = items.len() > asked as usize;
        items.truncate(asked as usize);
        let next = items.last().map(|last| last.id).filter(|_| is_more);
        self.keep_known(&mut items).await?;
        for record in &mut items {
            self.without_private(&mut record.entry);
        }
        Ok(AuditList { items, next })
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// Without [`Permission::AuditView`], [`Error::NotFound`] if there is none of this number that the
    /// viewer may know of, and when the database fails.
    pub async fn audit_entry(&self, id: i64) -> Result<AuditRecord> {
        let query = AuditQuery::new().after(id.saturating_add(1)).limit(1);
        let found = self.audit(query).await?.items.pop();
        found.filter(|record| record.id == id).ok_or(Error::NotFound)
    }

    /// Writes down that somebody takes these entries out, before they get any.
    ///
    /// # Errors
    ///
    /// Without [`Permission::AuditView`]; when the query makes no sense, and when the database fails.
    pub async fn begin_audit_export(&self, query: &AuditQuery) -> Result<()> {
        self.viewer.may(Permission::AuditView)?;
        let _ = query.clone().validate()?;
        let asked = json!({
            "actor": query.actor, "action": query.action, "target_type": query.target_type,
            "target": query.target, "job": query.job, "since": query.since, "before": query.before,
            "outcome": query.outcome.map(AuditOutcome::as_str),
        });
        let asked = match asked {
            Value::Object(fields) => {
                fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
            }
            other => other,
        };
        let entry = self.entry().action("audit.export").target("audit", "");
        match self.client.record_audit(entry.after(asked)).await {
            // Nothing can be written there, this neither.
            Err(error) if self.viewer.why_read_only() == Some(ReadOnly::Database) => {
                tracing::warn!(%error, "an export of the audit log could not be written down");
                Ok(())
            }
            written => Ok(written?),
        }
    }

    /// The next entries of an export, after those that it has.
    ///
    /// # Errors
    ///
    /// As for [`audit`](Service::audit).
    pub(crate) async fn audit_chunk(&self, query: AuditQuery) -> Result<AuditList> {
        self.audit(query.limit(CHUNK)).await
    }

    /// Keeps what tells of nothing that is hidden.
    async fn keep_known(&self, items: &mut Vec<AuditRecord>) -> Result<()> {
        let unseen = self.unseen().await?;
        if unseen.is_nothing() {
            return Ok(());
        }
        let jobs = items.iter().filter(|record| record.entry.target_type == "job");
        let jobs = jobs.filter(|record| record.entry.jobs.len() <= LOOKED_AT);
        let jobs: Vec<JobId> = jobs.flat_map(|record| record.entry.jobs.iter().copied()).collect();
        let jobs = self.seen_jobs(jobs).await?;
        let mut operations = HashMap::new();
        for record in &*items {
            let number = record.entry.target.parse::<i64>();
            if let ("operation", Ok(number)) = (record.entry.target_type.as_str(), number)
                && !operations.contains_key(&number)
            {
                operations.insert(number, self.is_known_operation(number, &unseen).await?);
            }
        }
        items.retain(|record| self.may_be_told(&record.entry, &jobs, &operations));
        Ok(())
    }

    fn may_be_told(
        &self,
        entry: &AuditEntry,
        jobs: &HashSet<JobId>,
        operations: &HashMap<i64, bool>,
    ) -> bool {
        if entry.actor.id == self.viewer.actor().id {
            return true;
        }
        match entry.target_type.as_str() {
            "queue" => entry.target == "*" || self.viewer.sees(Scope::Queue(&entry.target)),
            // Its job may be one of a queue that is hidden.
            "cron" => {
                self.viewer.sees(Scope::Cron(&entry.target))
                    && entry.before.is_none()
                    && entry.after.is_none()
            }
            "job" => {
                !entry.jobs.is_empty()
                    && entry.count <= entry.jobs.len() as u64
                    && entry.jobs.iter().all(|job| jobs.contains(job))
                    // In a query may be names of what is hidden.
                    && (entry.target.is_empty() || entry.target.parse::<JobId>().is_ok())
            }
            "operation" => {
                let number = entry.target.parse::<i64>();
                number.is_ok_and(|number| operations.get(&number).copied().unwrap_or_default())
            }
            _ => false,
        }
    }

    /// Those of these jobs that are there, and that the viewer knows of.
    async fn seen_jobs(&self, mut ids: Vec<JobId>) -> Result<HashSet<JobId>> {
        ids.sort_unstable();
        ids.dedup();
        let mut seen = HashSet::new();
        for ids in ids.chunks(Listing::LARGEST as usize) {
            let these = JobQuery::new().ids(ids.iter().copied());
            let listing = Listing::of(these).order(ListOrder::Oldest).size(Listing::LARGEST);
            let rows = self.reader().page(listing).await?.rows;
            seen.extend(rows.iter().filter(|row| self.sees_row(row)).map(|row| row.id));
        }
        Ok(seen)
    }

    async fn is_known_operation(&self, id: i64, unseen: &Unseen) -> Result<bool> {
        let operation = self.client.operation(id).await?;
        Ok(operation.is_some_and(|operation| self.knows_of(&operation, unseen)))
    }

    /// Takes out what keys say is private: whoever wrote it by code may not have.
    fn without_private(&self, entry: &mut AuditEntry) {
        // The query that picked the jobs.
        if entry.target.starts_with('{') {
            entry.target = self.configured.redact("", &entry.target).text;
        }
        for value in [&mut entry.before, &mut entry.after].into_iter().flatten() {
            let redacted = self.configured.redact("", &value.to_string());
            *value = serde_json::from_str(&redacted.text).unwrap_or(Value::Null);
        }
    }
}
