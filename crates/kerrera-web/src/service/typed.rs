//! Jobs by typed queries, at once: as the command line asks.

use kerrera::{Affected, BulkAction, Condition, Job, JobId, JobQuery, Json};

use super::list::without_queues;
use super::redact::Rules;
use super::{Error, Result, Service};
use crate::access::{Permission, Scope};

/// Under which key of a job's meta its trace stands.
const TRACE: &str = "traceparent";

impl Service {
    /// The jobs that a query has, without what is private, and whether anything was taken out of each.
    ///
    /// Where the viewer does not know of every worker, there may be fewer than the query asks for.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`]; [`Error::Invalid`] if the query makes no sense or asks for what
    /// is private, and when the database fails.
    pub async fn find_jobs(&self, query: JobQuery) -> Result<Vec<(Job, bool)>> {
        self.viewer.may(Permission::JobsView)?;
        let rules = self.rules().await?;
        let jobs = self.found(query, &rules).await?.into_iter();
        Ok(jobs
            .map(|mut job| {
                let is_redacted = rules.job(&mut job);
                (job, is_redacted)
            })
            .collect())
    }

    /// The jobs that a query has, with all that is private in them. Who looked is written down.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsReveal`]; otherwise as for [`find_jobs`](Service::find_jobs).
    pub async fn reveal_jobs(&self, query: JobQuery) -> Result<Vec<Job>> {
        self.viewer.may(Permission::JobsView)?;
        self.viewer.may(Permission::JobsReveal)?;
        let jobs = self.found(query, &self.rules().await?).await?;
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        let entry = self.entry().action("job.reveal").target("jobs", "");
        // Written down first: what was shown cannot be taken back.
        self.client.record_audit(entry.count(ids.len() as u64).jobs(ids)).await?;
        Ok(jobs)
    }

    /// How many jobs a query has.
    ///
    /// Reads each of them.
    ///
    /// # Errors
    ///
    /// As for [`find_jobs`](Service::find_jobs).
    pub async fn count_jobs(&self, query: JobQuery) -> Result<u64> {
        self.viewer.may(Permission::JobsView)?;
        let query = self.known_of(query, &self.rules().await?).await?;
        Ok(self.client.count_jobs(query).await?)
    }

    /// Does the same to all jobs of a query that allow it, and waits for it. What is to go on in the
    /// background, to be looked at and stopped, is an [operation](Service::start_operation).
    ///
    /// # Errors
    ///
    /// Without [`Permission::OperationsManage`] and the permission to do it to one job; otherwise as for
    /// [`find_jobs`](Service::find_jobs).
    pub async fn manage_jobs(&self, action: BulkAction, query: JobQuery) -> Result<Affected> {
        self.let_do_to_many(action).await?;
        let query = self.known_of(query, &self.rules().await?).await?;
        let frozen: Vec<String> = self.viewer.frozen_queues().map(str::to_owned).collect();
        let query = without_queues(query, frozen);
        let client = self.acting();
        Ok(match action {
            BulkAction::Cancel => client.cancel_jobs(query).await?,
            BulkAction::Retry => client.retry_jobs(query).await?,
            BulkAction::Discard => client.discard_jobs(query).await?,
            BulkAction::Delete => client.delete_jobs(query).await?,
            other => return Err(Error::Invalid(format!("{other} is an operation only"))),
        })
    }

    async fn found(&self, query: JobQuery, rules: &Rules) -> Result<Vec<Job>> {
        let query = self.known_of(query, rules).await?;
        let mut jobs = self.client.jobs(query).await?;
        jobs.retain(|job| self.viewer.sees(Scope::Worker(&job.worker)));
        Ok(jobs)
    }

    /// The query, as far as the viewer may ask it.
    async fn known_of(&self, query: JobQuery, rules: &Rules) -> Result<JobQuery> {
        let conditions = query.clone().validate()?.conditions;
        let workers = conditions.iter().find_map(|condition| match condition {
            Condition::Workers(names) => Some(names.as_slice()),
            _ => None,
        });
        let ask = Ask { workers, rules };
        if let Some(what) = conditions.iter().find_map(|one| self.private_in(one, &ask)) {
            let why = format!("{what} is private: nobody can look for jobs by it");
            return Err(Error::Invalid(why));
        }
        if self.viewer.sees_everything() {
            return Ok(query);
        }
        let (_, queues) = self.tallies().await?;
        let query = without_queues(query, queues);
        Ok(match self.unseen().await?.workers {
            None => query,
            // Of workers that nobody has heard of one cannot say whether they are hidden.
            Some(seen) => query.where_all([Condition::Workers(seen)]),
        })
    }

    /// What a condition asks for and nobody may look for jobs by.
    fn private_in(&self, condition: &Condition, ask: &Ask<'_>) -> Option<String> {
        let named = |field: &str, way: &[&str]| {
            ask.hides(way).then(|| format!("{field}.{}", way.join(".")))
        };
        let within = |field: &str, part: &Json| {
            let is_private = Rules::finds(part.as_str(), &|way| ask.hides(way));
            is_private.then(|| format!("what is asked of {field}"))
        };
        match condition {
            Condition::Args(part) => within("args", part),
            Condition::Meta(part) => within("meta", part),
            Condition::Reaches(json, keys) | Condition::Measures(json, keys, ..) => {
                let way: Vec<&str> = keys.iter().map(String::as_str).collect();
                named(json.column(), &way)
            }
            Condition::Traced(_) => named("meta", &[TRACE]),
            Condition::ErrorSays(_) | Condition::ErrorType(_) if !self.finds_errors() => {
                Some("what errors say".to_owned())
            }
            Condition::Not(other) => self.private_in(other, ask),
            Condition::AnyOf(others) | Condition::All(others) => {
                others.iter().find_map(|other| self.private_in(other, ask))
            }
            _ => None,
        }
    }
}

/// Of which workers is asked, if they are named, and what is private in their jobs.
struct Ask<'a> {
    workers: Option<&'a [String]>,
    rules: &'a Rules,
}

impl Ask<'_> {
    fn hides(&self, way: &[&str]) -> bool {
        match self.workers {
            Some(names) => names.iter().any(|name| self.rules.hides(Some(name), way)),
            None => self.rules.hides(None, way),
        }
    }
}

#[cfg(test)]
mod tests {
    use kerrera::{Client, NewJob, Timestamp};
    use serde_json::json;

    use super::*;
    use crate::access::{Actor, Permissions, Viewer};

    /// Three queues with a job of two workers each.
    async fn client() -> Client {
        let client = Client::connect("sqlite::memory:").await.unwrap();
        for queue in ["mail", "pay", "vip"] {
            for worker in ["Send", "Charge"] {
                let args = json!({"to": queue, "card_number": "4111"});
                client.insert(NewJob::of(worker, args).queue(queue)).await.unwrap();
            }
        }
        client
    }

    fn service(client: &Client, permissions: Permissions) -> Service {
        let viewer = Viewer::new(Actor::new("17", "ada"), permissions);
        let viewer = viewer.read_only_queues(["pay".to_owned()]);
        Service::new(
            client.clone(),
            "main",
            viewer.seeing(|scope| !matches!(scope, Scope::Queue("vip") | Scope::Worker("Charge"))),
        )
    }

    #[tokio::test]
    async fn only_what_is_known_is_found_counted_and_changed() {
        let client = client().await;
        let service = service(&client, Permissions::all());
        let all = JobQuery::new;

        let found = service.find_jobs(all()).await.unwrap();
        let queues: Vec<&str> = found.iter().map(|(job, _)| job.queue.as_str()).collect();
        assert_eq!(queues, ["mail", "pay"]);
        assert!(found.iter().all(|(job, is_redacted)| *is_redacted && job.worker == "Send"));
        assert!(found.iter().all(|(job, _)| !job.args.as_str().contains("4111")));
        assert_eq!(service.count_jobs(all()).await.unwrap(), 2);

        let done = service.manage_jobs(BulkAction::Cancel, all()).await.unwrap();
        assert_eq!(done.count(), 1, "in one queue nothing is changed");
        let named = all().workers(["Charge"]).queues(["vip"]);
        let done = service.manage_jobs(BulkAction::Delete, named).await.unwrap();
        assert_eq!(done.count(), 0);
        assert_eq!(client.count_jobs(all()).await.unwrap(), 6);
    }

    #[tokio::test]
    async fn nobody_looks_for_jobs_by_what_is_private() {
        let client = client().await;
        let service = service(&client, Permissions::all());
        let now = Timestamp::now();
        let typed = |text: &str| {
            let filter: kerrera::Filter = text.parse().unwrap();
            filter.query(now, &kerrera::cron::Timezone::utc())
        };
        for private in [
            JobQuery::new().args(json!({"card_number": "4111"})),
            JobQuery::new().workers(["Send"]).meta(json!({"of": {"api_token": 1}})),
            typed("args.card_number:4111"),
            typed("-args.card_number:>7"),
        ] {
            let refused = service.find_jobs(private.clone()).await.unwrap_err();
            assert!(
                matches!(&refused, Error::Invalid(why) if why.contains("private")),
                "{refused}"
            );
            service.count_jobs(private.clone()).await.unwrap_err();
            service.reveal_jobs(private.clone()).await.unwrap_err();
            service.manage_jobs(BulkAction::Retry, private).await.unwrap_err();
        }
        let open = JobQuery::new().args(json!({"to": "mail"}));
        assert_eq!(service.count_jobs(open).await.unwrap(), 1);

        let blind = Permissions::all().without(Permission::JobsReveal);
        let blind = self::service(&client, blind);
        let said = blind.find_jobs(typed("error:4111")).await.unwrap_err();
        assert!(said.to_string().contains("what errors say"), "{said}");
        blind.reveal_jobs(JobQuery::new()).await.unwrap_err();
    }

    #[tokio::test]
    async fn each_needs_its_permission() {
        let client = client().await;
        let without = |permission| service(&client, Permissions::all().without(permission));
        let all = JobQuery::new;
        without(Permission::JobsView).find_jobs(all()).await.unwrap_err();
        without(Permission::JobsView).count_jobs(all()).await.unwrap_err();
        for permission in
            [Permission::JobsView, Permission::JobsDelete, Permission::OperationsManage]
        {
            let deleted = without(permission).manage_jobs(BulkAction::Delete, all()).await;
            deleted.unwrap_err();
        }
        assert_eq!(client.count_jobs(all()).await.unwrap(), 6);
    }
}
