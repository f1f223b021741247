//! How the server goes about our statements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::cron::{Cron, Occasion, Timezone};
use kerrera_core::filter::Filter;
use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Batch, Beat, Candidate, Claim, CronFiring, Crons, Failure, Floor, Jobs, KeepRule,
    Liveness, Maintenance, Neighbours, Operation, Operations, Producer, Prune, Reading, Seat,
};
use kerrera_core::{
    ClaimToken, Job, JobOrder, JobQuery, JobTime, Limits, ListOrder, Listing, NewJob, Page,
    Quality, State, Tally, Timestamp, Uuid,
};
use kerrera_postgres::{Config, Postgres};
use serde_json::{Map, json};
use testkit::postgres::{Cluster, ClusterOptions};

/// More than this, and each has been compared with each.
const MOST_REMOVED: u64 = 10_000;

#[tokio::test]
async fn no_statement_compares_each_with_each_whatever_the_statistics_say() {
    let (cluster, postgres) = watched().await;
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

#[tokio::test]
async fn a_search_among_many_jobs_reads_no_more_than_it_must() {
    let (cluster, postgres) = watched().await;
    let fill = "insert into oban_jobs (worker, queue, state, attempt)
        select 'W', 'q' || n % 100, case when n % 1000 = 0 then 'available' else 'completed' end
               ::oban_job_state, 1
        from generate_series(1, 100000) n";
    cluster.psql("postgres", fill).unwrap();
    cluster.psql("postgres", "vacuum analyze oban_jobs").unwrap();
    let first = cluster.psql("postgres", "select min(id) from oban_jobs").unwrap();
    let first: i64 = first.trim().parse().unwrap();

    let available = || JobQuery::new().states([State::Available]);
    let executing = JobQuery::new().states([State::Executing]);
    let queries = [
        (JobQuery::new().ids([first, first + 1]), 2),
        (JobQuery::new().ids([first]).args(json!({"n": 1})), 0),
        (available(), 100),
        (available().queues(["q0"]), 100),
        (available().queues(["q0"]).args(json!({"n": 1})), 0),
        (executing.before(JobTime::Attempted, Timestamp::MAX), 0),
        (JobQuery::new().order(JobOrder::Newest).limit(50), 50),
        (JobQuery::new().states([State::Completed]).limit(1_000), 1_000),
    ];
    let before = cluster.log().len();
    for (query, expected) in queries {
        let found = postgres.jobs(query.clone().validate().unwrap()).await.unwrap();
        assert_eq!(found.len(), expected, "{query:?}");
    }
    let ids = JobQuery::new().ids((1..=10).map(|n| first - 1 + n * 1_000));
    for (operation, query) in [
        (Operation::Cancel, available().queues(["q0"])),
        (Operation::Retry, ids),
        (Operation::Delete, available()),
    ] {
        let conditions = query.validate().unwrap().conditions;
        let batch = Batch { operation, conditions, after: Some(first), limit: 10 };
        assert_eq!(postgres.manage(batch).await.unwrap().len(), 10, "{operation:?}");
    }
    let log = cluster.log();
    let plans = &log[before..];
    assert!(plans.contains("FROM \"public\".oban_jobs AS j"), "the plans are in the log");
    for line in plans.lines() {
        assert!(!line.contains("Seq Scan on oban_jobs"), "{line}");
    }
}

/// No node of a plan may give more rows than this: the largest window of a search, and twice what is
/// counted at most, are below it.
const MOST_READ: f64 = 25_000.0;

#[tokio::test]
async fn lists_and_tallies_of_a_million_jobs_read_a_part_of_them() {
    let (cluster, postgres) = watched().await;
    let fill = "insert into oban_jobs
            (worker, queue, state, args, attempt, attempted_at, completed_at, discarded_at, cancelled_at)
        select 'W' || n % 7, case when n % 3 = 0 then 'q' || n % 11 else 'hot' end,
            case
                when n % 1000 < 30 then 'available' when n % 1000 < 38 then 'scheduled'
                when n % 1000 < 44 then 'retryable' when n % 1000 < 49 then 'discarded'
                when n % 1000 < 50 then 'cancelled' else 'completed'
            end::oban_job_state,
            jsonb_build_object('n', n), 1, timezone('UTC', now()), timezone('UTC', now()) - interval '1 s' * n,
            timezone('UTC', now()) - interval '1 s' * n, timezone('UTC', now()) - interval '1 s' * n
        from generate_series(1, 1000000) n";
    cluster.psql("postgres", fill).unwrap();
    cluster.psql("postgres", "vacuum analyze oban_jobs").unwrap();
    let within = Duration::from_secs(20);
    let before = cluster.log().len();

    let tallies = postgres.tallies(10_000, within).await.unwrap();
    let of = |queue: &str, state| {
        tallies.iter().find(|tally| tally.queue == queue && tally.state == state).unwrap().jobs
    };
    assert_eq!(of("hot", State::Available), Tally::capped(10_000));
    assert_eq!(of("q0", State::Cancelled), Tally::exact(31));
    assert_eq!(of("hot", State::Discarded), Tally::exact(3_333));
    let completed = of("hot", State::Completed);
    assert_eq!(completed.quality, Quality::Estimated);
    assert!((550_000..720_000).contains(&completed.value), "{completed:?}");
    assert_eq!(postgres.oldest(within).await.unwrap().len(), 12);

    // Each: the filter, how many are on the first page, and whether all was looked through for it.
    let pages = [
        ("", ListOrder::Fitting, 50, true),
        ("state:completed", ListOrder::Fitting, 50, true),
        ("state:available", ListOrder::Fitting, 50, true),
        ("state:available", ListOrder::Latest, 50, true),
        ("state:available queue:q0", ListOrder::Fitting, 50, true),
        ("state:available worker:W3", ListOrder::Fitting, 50, true),
        ("state:scheduled", ListOrder::Fitting, 50, true),
        ("state:retryable", ListOrder::Latest, 50, true),
        ("state:executing", ListOrder::Fitting, 0, true),
        ("state:discarded", ListOrder::Fitting, 50, true),
        ("state:discarded,cancelled,retryable", ListOrder::Fitting, 50, true),
        ("state:discarded finished:>-10m", ListOrder::Fitting, 5, true),
        ("id:7..9", ListOrder::Fitting, 3, true),
        ("id:7", ListOrder::Fitting, 1, true),
        ("worker:W1*", ListOrder::Fitting, 50, true),
        // The last of many steps finds it, however long that takes here.
        ("state:discarded args.n:44", ListOrder::Fitting, 1, true),
        // This one is not reached.
        ("args.n:7", ListOrder::Fitting, 0, false),
        ("tag:none", ListOrder::Oldest, 0, false),
    ];
    for (text, order, expected, complete) in pages {
        let filter: Filter = text.parse().unwrap();
        let query = filter.query(Timestamp::now(), &Timezone::utc());
        let listing = Listing::of(query).order(order).within(within).through(60_000);
        let page = page(&postgres, listing.clone()).await;
        assert_eq!((page.rows.len(), page.complete), (expected, complete), "{text}");
        if let Some(next) = page.next.filter(|_| complete) {
            let second = self::page(&postgres, listing.at(next)).await;
            assert!(!second.rows.is_empty() && second.previous.is_some(), "{text}");
        }
    }
    let count = |text: &str, most| {
        let filter: Filter = text.parse().unwrap();
        let query = filter.query(Timestamp::now(), &Timezone::utc()).validate().unwrap();
        postgres.tally(query, most, within)
    };
    assert_eq!(count("state:discarded", 10_000).await.unwrap(), Tally::exact(5_000));
    assert_eq!(count("state:available", 1_000).await.unwrap(), Tally::capped(1_000));
    assert_eq!(count("worker:W1", 1_000).await.unwrap(), Tally::capped(1_000));

    let log = cluster.log();
    let plans = &log[before..];
    assert!(plans.contains("Sample Scan on oban_jobs"), "the plans are in the log");
    for line in plans.lines() {
        assert!(!line.contains("Seq Scan on oban_jobs"), "{line}");
        if let Some((_, actual)) = line.split_once("(actual ")
            && let Some((_, actual)) = actual.split_once("rows=")
            && let Some((rows, loops)) = actual.split_once(" loops=")
        {
            let number = |text: &str| text.trim_end_matches(')').parse::<f64>().unwrap();
            assert!(number(rows) * number(loops) <= MOST_READ, "{line}\n{plans}");
        }
        if let Some((_, removed)) = line.split_once("Rows Removed by Filter: ") {
            assert!(removed.trim().parse::<f64>().unwrap() <= MOST_READ, "{line}\n{plans}");
        }
    }

    // What takes too long is estimated, and has been ended by the server.
    let hurried = postgres.tally(
        JobQuery::new().args(json!({"n": -1})).validate().unwrap(),
        10_000,
        Duration::from_millis(20),
    );
    assert_eq!(hurried.await.unwrap().quality, Quality::Estimated);
    let scan = Listing::of(JobQuery::new().tagged("x")).search().unwrap().next(Duration::ZERO);
    let mut scan = scan.unwrap();
    scan.window = Some(900_000);
    let ended = postgres.scan(scan, Duration::from_millis(1)).await.unwrap_err();
    assert!(ended.is_timeout(), "{ended}");
}

/// Drives a search as a reader does.
async fn page(postgres: &Postgres, listing: Listing) -> Page {
    let (mut search, began) = (listing.search().unwrap(), Instant::now());
    while let Some(scan) = search.next(began.elapsed()) {
        search.found(postgres.scan(scan, Duration::from_secs(20)).await.unwrap());
    }
    search.page()
}

#[tokio::test]
async fn the_crontab_is_found_by_its_keys() {
    let (cluster, postgres) = watched().await;
    let entry = |n: usize| {
        let cron = Cron::new("* * * * *", NewJob::of("W", json!({}))).name(format!("entry {n}"));
        cron.validate(&Limits::default(), &Timezone::utc()).unwrap()
    };
    postgres.declare_crons((0..500).map(entry).collect()).await.unwrap();
    // Two weeks of slots, and the last of them was two days ago.
    let fill = "insert into kerrera_cron_slots (name, slot, node, fired_at)
        select c.name, now() - interval '1 hour' * (48 + n), 'n', now()
        from kerrera_crons c, generate_series(1, 300) n;
        insert into oban_jobs (worker, state) select 'W', 'completed' from generate_series(1, 10000);
        update kerrera_crons
        set begins_at = begins_at - interval '2 days', last_job = (select max(id) from oban_jobs)";
    cluster.psql("postgres", fill).unwrap();
    cluster.psql("postgres", "vacuum analyze").unwrap();

    let before = cluster.log().len();
    let name = || "entry 7".to_owned();
    let crontab = postgres.crontab(Some(vec![name(), "entry 8".to_owned()])).await.unwrap();
    assert_eq!(crontab.crons.len(), 2);
    let fire = |occasion| CronFiring { name: name(), node: "n".into(), occasion, meta: Map::new() };
    for occasion in [Occasion::Due, Occasion::ByHand] {
        let fired = postgres.fire_cron(fire(occasion)).await.unwrap().unwrap();
        assert!(fired.len() == 1 && fired[0].job.is_some());
    }
    let kept =
        cluster.psql("postgres", "select count(*) from kerrera_cron_slots where name = 'entry 7'");
    assert_eq!(kept.unwrap().trim(), "100", "the others were forgotten");
    assert_eq!(postgres.cron_slots(name(), None, 25).await.unwrap().len(), 25);
    assert!(
        !postgres.add_cron(entry(7)).await.unwrap() && postgres.add_cron(entry(500)).await.unwrap()
    );
    postgres.pause_cron(name(), true).await.unwrap();
    postgres.edit_cron(entry(7)).await.unwrap();
    postgres.declare_crons(vec![entry(7)]).await.unwrap();
    postgres.remove_cron(name()).await.unwrap();

    let log = cluster.log();
    let plans = &log[before..];
    for told in ["on kerrera_crons c", "on kerrera_cron_slots s", "kerrera_cron_slots_pkey"] {
        assert!(plans.contains(told), "the plans are in the log: {told}");
    }
    for line in plans.lines() {
        assert!(!line.contains("Seq Scan on "), "{line}\n{plans}");
    }
}

/// A server that writes its plans into its log, and a storage on it.
async fn watched() -> (Cluster, Postgres) {
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
    (cluster, postgres)
}

pub(crate) struct Hand<'a> {
    postgres: &'a Postgres,
    producer: Uuid,
    seat: Seat,
}

impl Hand<'_> {
    pub(crate) async fn enrolled(postgres: &Postgres) -> Hand<'_> {
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
                fingerprint: None,
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

    pub(crate) async fn claim(&self, limit: usize) -> Vec<Job> {
        self.claim_from(None, limit).await
    }

    pub(crate) async fn claim_from(&self, floor: Option<Floor>, limit: usize) -> Vec<Job> {
        let claim = Claim {
            queue: "default".into(),
            producer: self.producer,
            node: "n".into(),
            token: ClaimToken::random(),
            limit: limit as u32,
            excluded: Arc::new([]),
            floor,
        };
        self.postgres.claim(claim).await.unwrap()
    }

    pub(crate) async fn acked(&self, acks: Vec<Ack>, expected: Acked) {
        let answers = self.postgres.ack(acks).await.unwrap();
        assert!(answers.iter().all(|answer| *answer == expected), "{expected:?}");
    }
}

pub(crate) fn ack(job: &Job, event: Event) -> Ack {
    Ack {
        id: job.id,
        token: job.claim_token().unwrap(),
        attempt: job.attempt,
        outcome: decide(job.position(), event).unwrap(),
        failure: None,
        meta: None,
        then: Vec::new(),
        began: None,
    }
}
