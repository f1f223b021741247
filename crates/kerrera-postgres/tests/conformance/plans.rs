//! How the server goes about our statements.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Beat, Candidate, Claim, Failure, Jobs, KeepRule, Liveness, Maintenance, Neighbours,
    Operations, Producer, Prune, Seat,
};
use kerrera_core::{ClaimToken, Job, Limits, NewJob, Uuid};
use kerrera_postgres::{Config, Postgres};
use serde_json::json;
use testkit::postgres::{Cluster, ClusterOptions};

/// More than this, and each has been compared with each.
const MOST_REMOVED: u64 = 10_000;

#[tokio::test]
async fn no_statement_compares_each_with_each_whatever_the_statistics_say() {
    let conf = [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "autovacuum = off",
    ];
    let conf = conf.map(str::to_owned).to_vec();
    let cluster = Cluster::start(ClusterOptions { conf, ..ClusterOptions::default() }).unwrap();
    let config = Config::from_url(&cluster.host_url("postgres")).unwrap().hot_connections(1);
    let postgres = Postgres::new(config).unwrap();
    postgres.open(true).await.unwrap();
    let hand = Hand::enrolled(&postgres).await;

    // The plans that are kept are made while the tables are as good as empty, and while no row that
    // the statistics see is executing.
    for _ in 0..8 {
        hand.everything(2).await;
    }
    cluster.psql("postgres", "analyze").unwrap();
    for _ in 0..8 {
        hand.everything(2).await;
    }
    let before = cluster.log().len();
    hand.everything(1_500).await;

    let log = cluster.log();
    let plans = &log[before..];
    assert!(plans.contains("Update on oban_jobs"), "the plans are in the log");
    for line in plans.lines() {
        assert!(!line.contains("Seq Scan on oban_jobs"), "{line}");
        if let Some((_, removed)) = line.split_once("Rows Removed by Join Filter: ") {
            assert!(removed.trim().parse::<u64>().unwrap() <= MOST_REMOVED, "{line}\n{plans}");
        }
    }
}

struct Hand<'a> {
    postgres: &'a Postgres,
    producer: Uuid,
    seat: Seat,
}

impl Hand<'_> {
    async fn enrolled(postgres: &Postgres) -> Hand<'_> {
        let uuid = Uuid::new_v4();
        let producer = Producer { uuid, node: "n".into(), queue: "default".into(), limit: 10 };
        postgres.enroll(vec![producer]).await.unwrap();
        let candidate = Candidate {
            seat: uuid.to_string().into(),
            holder: uuid,
            node: "n".into(),
            ttl: Duration::from_secs(3_600),
        };
        postgres.lead(candidate.clone(), None).await.unwrap();
        Hand { postgres, producer: uuid, seat: candidate.seat(1) }
    }

    /// Every hot statement, and those of the heart, with this many jobs each.
    async fn everything(&self, jobs: usize) {
        let job = NewJob::of("W", json!({})).validate(&Limits::default()).unwrap();
        self.postgres.insert(vec![job.clone(); 2 * jobs]).await.unwrap();
        let (ended, failed) = (self.claim(jobs).await, self.claim(jobs).await);
        assert_eq!((ended.len(), failed.len()), (jobs, jobs));

        let running = ended.iter().map(|job| (job.id, job.claim_token().unwrap())).collect();
        let beat = Beat { producer: self.producer, paused: false, limit: 10, running };
        let pulse = self.postgres.beat(vec![beat]).await.unwrap();
        assert!(pulse.gone.is_empty());

        let running: Vec<_> =
            ended.iter().map(|job| (job.id, job.claim_token().unwrap())).collect();
        self.postgres.refresh(running.clone()).await.unwrap();
        assert!(self.postgres.reclaim(running).await.unwrap().is_empty());
        assert_eq!(self.postgres.waiting().await.unwrap().len(), 0);
        let rescued = self.postgres.rescue_foreign(self.seat(), Duration::from_secs(1), 100).await;
        assert!(rescued.unwrap().is_empty());

        let completed: Vec<Ack> = ended.iter().map(|job| ack(job, Event::Completed)).collect();
        self.acked(completed.clone(), Acked::Written).await;
        self.acked(completed, Acked::AlreadyWritten).await;
        let retry = Event::Failed { retry_in: Duration::ZERO };
        let failed = failed.iter().map(|claimed| Ack {
            failure: Some(Failure {
                attempt: claimed.attempt,
                error: "no".to_owned(),
                node: "n".into(),
                ran: Duration::ZERO,
            }),
            then: vec![job.clone()],
            ..ack(claimed, retry)
        });
        self.acked(failed.collect(), Acked::Written).await;
        let staged = self.postgres.stage(jobs as u32, vec!["default".into()]).await.unwrap();
        assert_eq!(staged.count, jobs as u64);

        // The follow-ups and the retries are left, and become orphans.
        let other = Hand::enrolled(self.postgres).await;
        assert_eq!(other.claim(2 * jobs).await.len(), 2 * jobs);
        self.postgres.retire(vec![other.producer]).await.unwrap();
        let look = self.postgres.look().await.unwrap();
        self.postgres.rescue(look.doubtful, 1_000).await.unwrap();
        let rest = self.claim(4 * jobs).await;
        let rest = rest.iter().map(|job| ack(job, Event::Completed)).collect();
        self.postgres.ack(rest).await.unwrap();

        let rule = KeepRule { completed: Some(Duration::ZERO), ..KeepRule::default() };
        let (rules, after, upto) = (Arc::from([rule]), 0, i64::MAX);
        let prune = Prune { seat: self.seat(), rules, after, upto, limit: 100_000 };
        assert!(self.postgres.prune(prune).await.unwrap().count() >= jobs as u64);
    }

    fn seat(&self) -> Seat {
        self.seat.clone()
    }

    async fn claim(&self, limit: usize) -> Vec<Job> {
        let claim = Claim {
            queue: "default".into(),
            producer: self.producer,
            node: "n".into(),
            token: ClaimToken::random(),
            limit: limit as u32,
            excluded: Arc::new([]),
            floor: None,
        };
        self.postgres.claim(claim).await.unwrap()
    }

    async fn acked(&self, acks: Vec<Ack>, expected: Acked) {
        let answers = self.postgres.ack(acks).await.unwrap();
        assert!(answers.iter().all(|answer| *answer == expected), "{expected:?}");
    }
}

fn ack(job: &Job, event: Event) -> Ack {
    Ack {
        id: job.id,
        token: job.claim_token().unwrap(),
        outcome: decide(job.position(), event).unwrap(),
        failure: None,
        meta: None,
        then: Vec::new(),
        began: None,
    }
}
