//! Beside Oban's own nodes, played here by stand-ins, each with a clock of its own: they see our rows,
//! and we see theirs.

mod clocks;
mod elections;
mod late_acks;
mod producers;
mod rescues;
mod rows;
mod thefts;

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Beat, Candidate, Claim, Failure, Producer, Pulse, Seat, Storage,
};
use kerrera_core::{ClaimToken, Clock, Job, JobId, Limits, NewJob, Units, Uuid};
use serde_json::json;
use testkit::oban::{Elixir, Python};
use testkit::postgres::Database;

use crate::fixture::{self, clock, migrate, open};

/// A database with our storage, and neighbours beside it.
pub(crate) struct Town {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) kerrera: Arc<dyn Storage>,
}

impl Town {
    /// On tables that we made.
    pub(crate) async fn ours() -> Town {
        Town::on(fixture::migrated("public")).await
    }

    /// On tables that another Oban made.
    pub(crate) async fn theirs(tables: &str) -> Town {
        let database = Database::empty();
        database.psql(tables);
        migrate(&database.url(), "public");
        Town::on(database).await
    }

    async fn on(database: Database) -> Town {
        let clock = clock();
        let kerrera = Arc::new(open(&database.url(), "public", &clock).await.unwrap());
        Town { database, clock, kerrera }
    }

    /// A node of Elixir's, whose clock is right.
    fn elixir(&self, node: &str) -> Elixir<'_> {
        Elixir::on(&self.database, node).clock(|| self.time())
    }

    /// A node of Python's.
    fn python(&self, node: &str) -> Python<'_> {
        Python::on(&self.database, node).clock(|| self.time())
    }

    fn time(&self) -> i64 {
        self.clock.shows().unwrap().as_micros()
    }

    async fn hand(&self) -> Hand<'_> {
        let uuid = Uuid::new_v4();
        let producer = Producer { uuid, node: "rust".into(), queue: "default".into(), limit: 10 };
        self.kerrera.enroll(vec![producer]).await.unwrap();
        Hand { town: self, uuid }
    }

    pub(crate) async fn insert(&self, job: NewJob) -> JobId {
        let job = job.validate(&Limits::default()).unwrap();
        self.kerrera.insert(vec![job]).await.unwrap().remove(0).into_job().id
    }

    async fn job(&self, id: JobId) -> Job {
        self.kerrera.job(id).await.unwrap().unwrap()
    }

    async fn stage(&self) -> u64 {
        self.kerrera.stage(100, Vec::new()).await.unwrap().count
    }

    async fn stand(&self, node: &str, name: &str) -> bool {
        let led = self.kerrera.stand(node.into(), Arc::from([name.to_owned()])).await.unwrap();
        led == [name]
    }

    async fn seat(&self) -> Seat {
        let candidate = Candidate {
            seat: "kerrera".into(),
            holder: Uuid::new_v4(),
            node: "rust".into(),
            ttl: 1_000.days(),
        };
        let term = self.kerrera.lead(candidate.clone(), None).await.unwrap().term.unwrap();
        candidate.seat(term)
    }
}

/// A producer of ours.
struct Hand<'a> {
    town: &'a Town,
    uuid: Uuid,
}

impl Hand<'_> {
    /// A job that runs here.
    async fn running(&self) -> (Job, ClaimToken) {
        self.runs(NewJob::of("W", json!({}))).await
    }

    /// This job, which runs here.
    async fn runs(&self, job: NewJob) -> (Job, ClaimToken) {
        let id = self.town.insert(job).await;
        let (job, token) = self.claim().await.unwrap();
        assert_eq!(job.id, id);
        (job, token)
    }

    /// Takes the next job.
    async fn claim(&self) -> Option<(Job, ClaimToken)> {
        // No claim is made in the microsecond in which its job came to be.
        self.town.clock.advance(1.milliseconds());
        let claim = Claim {
            queue: "default".into(),
            producer: self.uuid,
            node: "rust".into(),
            token: ClaimToken::random(),
            limit: 1,
            excluded: Arc::new([]),
            floor: None,
        };
        let token = claim.token;
        let job = self.town.kerrera.claim(claim).await.unwrap().pop();
        job.map(|job| (job, token))
    }

    async fn beat(&self, running: &[(JobId, ClaimToken)]) -> Pulse {
        let running = running.to_vec();
        let beat = Beat { producer: self.uuid, paused: false, limit: 10, running };
        self.town.kerrera.beat(vec![beat]).await.unwrap()
    }

    async fn complete(&self, job: &Job, token: ClaimToken) -> Acked {
        self.ends(job, token, Event::Completed).await
    }

    /// Writes how a run ended; with an error, if it failed.
    async fn ends(&self, job: &Job, token: ClaimToken, event: Event) -> Acked {
        self.town.kerrera.ack(vec![end(job, token, event)]).await.unwrap().remove(0)
    }
}

/// How a run ended; with an error, if it failed.
fn end(job: &Job, token: ClaimToken, event: Event) -> Ack {
    let failed =
        matches!(event, Event::Failed { .. } | Event::Cancelled | Event::Discarded).then(|| {
            Failure {
                attempt: job.attempt,
                error: "** (Error) ours".to_owned(),
                node: "rust".into(),
                ran: Duration::from_secs(1),
                fingerprint: None,
            }
        });
    Ack {
        id: job.id,
        token,
        attempt: job.attempt,
        outcome: decide(job.position(), event).unwrap(),
        failure: failed,
        meta: None,
        then: Vec::new(),
        began: None,
    }
}
