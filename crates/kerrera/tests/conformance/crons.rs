//! Jobs at times of the clock, by running engines on a clock that the test owns.

use std::time::Duration;

use kerrera::cron::CronChange;
use kerrera::prelude::*;
use kerrera::telemetry::Propagator;
use kerrera::{Builder, Cron, Database, Job, JobId, Misfire, Overlap, StoredCron, Timestamp};
use kerrera_core::Clock;
use serde_json::{Map, Value, json};

use crate::on_both;
use crate::scene::{Scene, fast, insert};

#[derive(Default, Serialize, Deserialize, Worker)]
#[worker(queue = "reports")]
struct Report {}

impl Perform for Report {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

/// A database whose clock is the test's.
struct Tower {
    scene: Scene,
    database: Database,
    clock: Clock,
    /// The job before the first that a test may find.
    before: JobId,
}

impl Tower {
    async fn new(scene: Scene) -> Tower {
        let clock = Clock::manual(at("12:00:30"));
        let database = scene.on_clock(&clock);
        let client = scene.client().await;
        let before = insert(&client, NewJob::of("Nobody", json!({})).queue("nowhere")).await;
        Tower { scene, database, clock, before }
    }

    fn builder(&self) -> Builder {
        Kerrera::builder(self.database.clone()).tune(fast)
    }

    /// Lets the clock show a time. Engines wait as long as it has shown them: briefly, if that was
    /// shortly before the minute.
    fn strike(&self, time: &str) {
        self.clock.set(at(time));
    }

    /// The jobs of the slots, once there are so many; the first is the oldest.
    async fn jobs(&self, client: &Client, count: usize) -> Vec<Job> {
        let mut jobs = Vec::new();
        for _ in 0..2_000 {
            jobs = self.all(client).await;
            if jobs.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(jobs.len(), count);
        jobs
    }

    /// Every job but the first.
    async fn all(&self, client: &Client) -> Vec<Job> {
        let counts = client.counts().await.unwrap();
        let total: u64 = counts.iter().map(|count| count.jobs).sum();
        let mut jobs = Vec::new();
        // A failed insertion uses a number up.
        for id in self.before + 1..self.before + 200 {
            if jobs.len() as u64 == total - 1 {
                break;
            }
            jobs.extend(client.job(id).await.unwrap());
        }
        jobs
    }
}

async fn a_cron_job_is_inserted_in_its_minute_and_runs(scene: Scene) {
    let tower = Tower::new(scene).await;
    tower.strike("12:00:59.9");
    let builder = tower.builder().queue("reports", 1).worker::<Report>();
    let kerrera = builder.cron("* * * * MON-SUN,SUN", Report::default()).start().await;
    let said = kerrera.unwrap_err().to_string();
    assert!(said.contains("MON-SUN"), "{said}");

    let builder = tower.builder().queue("reports", 1).worker::<Report>();
    let builder = builder.cron_timezone("Asia/Seoul").tune(|t| t.stage_interval = 1.hour());
    let kerrera = builder.cron("* * * * *", Report::default()).start().await.unwrap();
    tower.strike("12:01:00");
    let job = tower.jobs(&kerrera, 1).await.remove(0);
    // No poll comes: the insertion woke the queue.
    let job = tower.scene.reaches(job.id, State::Completed).await;
    assert_eq!((job.worker.as_str(), job.queue.as_str()), ("Report", "reports"));
    assert_eq!(job.meta.get("cron"), Some(json!(true)));
    assert_eq!(job.meta.get("cron_expr"), Some(json!("* * * * *")));
    assert_eq!(job.meta.get("cron_tz"), Some(json!("Asia/Seoul")));
    assert!(kerrera.health().is_healthy());
    assert!(kerrera.health().loops.iter().any(|report| report.name == "cron"));
    kerrera.shutdown().await;
}

async fn nodes_that_come_and_go_insert_one_job_a_slot(scene: Scene) {
    let tower = Tower::new(scene).await;
    let mut expected = 0;
    for minute in 1..=6 {
        // They wait for the same moment; and have all been started anew since the last.
        tower.strike(&format!("12:{:02}:59.9", minute - 1));
        let mut nodes = Vec::new();
        for name in ["a", "b", "c"] {
            let builder = tower.builder().node(format!("{name}.{minute}"));
            let builder = builder.cron("* * * * *", Report::default());
            nodes.push(builder.cron("*/2 * * * *", Report::default()).start().await.unwrap());
        }
        tower.strike(&format!("12:{minute:02}:00"));
        expected += if minute % 2 == 0 { 2 } else { 1 };
        tower.jobs(&nodes[0], expected).await;
        for node in nodes {
            node.shutdown().await;
        }
    }
    let client = tower.scene.client().await;
    let jobs = tower.jobs(&client, expected).await;
    let slot = |job: &Job| format!("{:?} {:?}", job.meta.get("cron_at"), job.meta.get("cron_name"));
    let slots: std::collections::BTreeSet<String> = jobs.iter().map(slot).collect();
    assert_eq!(slots.len(), expected, "each is of another slot");
}

async fn a_node_without_queues_inserts_for_others(scene: Scene) {
    let tower = Tower::new(scene).await;
    tower.strike("12:00:59.9");
    let inserts = tower.builder().node("web").cron("* * * * *", Report::default());
    let inserts = inserts.start().await.unwrap();
    let works = tower.builder().node("worker").tune(|t| t.stage_interval = 1.hour());
    let works = works.queue("reports", 1).worker::<Report>().start().await.unwrap();
    assert!(works.health().loops.iter().all(|report| report.name != "cron"));
    tower.strike("12:01:00");
    let job = tower.jobs(&inserts, 1).await.remove(0);
    tower.scene.reaches(job.id, State::Completed).await;
    inserts.shutdown().await;
    works.shutdown().await;
}

async fn mistakes_in_the_crontab_are_told_at_start(scene: Scene) {
    let report = || NewJob::of("Report", json!({}));
    let cases: [(Vec<Cron>, &str); 6] = [
        (vec![Cron::new("0 7 * *", report())], "needs five fields"),
        (vec![Cron::new("SAT-SUN * * * *", report())], "minute \"SAT\""),
        (vec![Cron::new("@daily", report()).timezone("Mars/Olympus")], "\"Mars/Olympus\""),
        (vec![Cron::new("@daily", report().priority(10))], "priority 10"),
        (vec![Cron::new("@daily", report()), Cron::new("@daily", report())], "Cron::name"),
        (
            vec![Cron::new("@daily", report()).name("x"), Cron::new("@hourly", report()).name("x")],
            "two cron entries are named \"x\"",
        ),
    ];
    for (crons, hint) in cases {
        let builder = crons.into_iter().fold(scene.builder(), Builder::cron_entry);
        let said = builder.start().await.unwrap_err().to_string();
        assert!(said.contains(hint), "{said}");
    }
    let said = scene.builder().cron_timezone("utc+1").start().await.unwrap_err().to_string();
    assert!(said.contains("cron_timezone") && said.contains("utc+1"), "{said}");
    assert!(scene.client().await.crons().await.unwrap().crons.is_empty());
}

async fn an_operator_pauses_resumes_edits_and_runs_entries(scene: Scene) {
    let tower = Tower::new(scene).await;
    let cron = Cron::new("0 7 * * *", Report::default()).name("daily").overlap(Overlap::Skip);
    let kerrera = tower.builder().cron_entry(cron).start().await.unwrap();
    let client = Client::connect(tower.database.clone()).await.unwrap();
    let read = async || -> StoredCron { client.crons().await.unwrap().crons.remove(0) };
    assert_eq!(client.crons().await.unwrap().now, at("12:00:30"));
    let tomorrow = "2026-11-23T07:00:00Z".parse::<Timestamp>().unwrap();
    assert_eq!(read().await.entry.next_times(at("12:00:30"), 2)[0], tomorrow);

    client.pause_cron("daily").await.unwrap();
    assert!(read().await.position.paused);
    client.resume_cron("daily").await.unwrap();
    assert!(!read().await.position.paused);

    let change = CronChange::default().expression("1 21 * * *").timezone("Asia/Seoul");
    let change = change.misfire(Misfire::Skip).overlap(Overlap::Allow);
    tower.strike("12:00:59.9");
    client.edit_cron("daily", change).await.unwrap();
    let entry = read().await.entry;
    assert_eq!((entry.expression.as_str(), entry.timezone.name()), ("1 21 * * *", "Asia/Seoul"));
    assert_eq!((entry.misfire, entry.overlap), (Misfire::Skip, Overlap::Allow));
    assert_eq!(entry.job.worker, "Report");
    let wrong = client.edit_cron("daily", CronChange::default().expression("often")).await;
    assert!(wrong.unwrap_err().is_config());

    let job = client.run_cron("daily").await.unwrap().into_job();
    assert_eq!(job.meta.get("cron_name"), Some(json!("daily")));
    assert_eq!(read().await.last_job, Some(job.id));

    for error in [
        client.pause_cron("nightly").await.unwrap_err(),
        client.run_cron("nightly").await.map(drop).unwrap_err(),
        client.edit_cron("nightly", CronChange::default()).await.unwrap_err(),
        client.remove_cron("nightly").await.unwrap_err(),
    ] {
        let said = error.to_string();
        assert!(said.contains("\"nightly\"") && said.contains("\"daily\""), "{said}");
    }
    client.remove_cron("daily").await.unwrap();
    let said = client.resume_cron("daily").await.unwrap_err().to_string();
    assert!(said.contains("none at all"), "{said}");
    kerrera.shutdown().await;
}

async fn a_node_is_told_of_changes_of_the_crontab(scene: Scene) {
    let tower = Tower::new(scene).await;
    let cron = Cron::new("@yearly", Report::default()).name("it");
    let kerrera = tower.builder().cron_entry(cron).start().await.unwrap();
    let listens = |health: &kerrera::HealthReport| {
        let well = |name: &str| health.loops.iter().any(|report| report.name == name);
        well("listener") && well("cron")
    };
    while !listens(&kerrera.health()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // It would look again in a minute, and no job comes before it has.
    let other = Client::connect(tower.scene.on_clock(&tower.clock)).await.unwrap();
    tower.strike("12:00:59.9");
    other.edit_cron("it", CronChange::default().expression("* * * * *")).await.unwrap();
    tower.strike("12:01:00");
    tower.jobs(&kerrera, 1).await;

    other.pause_cron("it").await.unwrap();
    tower.strike("12:02:59.9");
    other.resume_cron("it").await.unwrap();
    tower.strike("12:03:00");
    tower.jobs(&kerrera, 2).await;

    // Another program brings another entry of that name.
    tower.strike("12:03:59.9");
    kerrera.edit_cron("it", CronChange::default().expression("@yearly")).await.unwrap();
    let cron = Cron::new("*/2 * * * *", Report::default()).name("it");
    let builder = Kerrera::builder(tower.scene.on_clock(&tower.clock)).tune(fast);
    let newest = builder.cron_entry(cron).start().await.unwrap();
    newest.shutdown().await;
    tower.strike("12:04:00");
    tower.jobs(&kerrera, 3).await;
    kerrera.shutdown().await;
}

/// Gives each job a trace, unless it has one.
struct Traces;

impl Propagator for Traces {
    fn inject(&self, meta: &mut Map<String, Value>) {
        meta.entry("trace").or_insert(json!("new"));
    }
}

async fn a_propagator_adds_to_what_an_entry_inserts(scene: Scene) {
    let tower = Tower::new(scene).await;
    tower.strike("12:00:59.9");
    let own = NewJob::of("Report", json!({})).meta(json!({"trace": "own"}));
    let builder = tower.builder().propagator(Traces);
    let builder = builder.cron_entry(Cron::new("1 * * * *", Report::default()).name("new"));
    let kerrera =
        builder.cron_entry(Cron::new("2 * * * *", own).name("own")).start().await.unwrap();
    tower.strike("12:01:00");
    let job = tower.jobs(&kerrera, 1).await.remove(0);
    assert_eq!(job.meta.get("trace"), Some(json!("new")));
    assert_eq!(job.meta.get("cron_name"), Some(json!("new")));
    for name in ["new", "own"] {
        let job = kerrera.run_cron(name).await.unwrap().into_job();
        assert_eq!(job.meta.get("trace"), Some(json!(name)), "by hand");
    }
    let entries = kerrera.crons().await.unwrap().crons;
    let marked = entries.iter().any(|cron| cron.entry.job.meta.as_str().contains("new"));
    assert!(!marked, "the entry stays as it is");
    kerrera.shutdown().await;
}

async fn a_reboot_is_fired_when_no_other_node_lives(scene: Scene) {
    let tower = Tower::new(scene).await;
    let builder = |name: &str| {
        tower.clock.advance(1.second());
        let builder = tower.builder().node(name).queue("reports", 1).worker::<Report>();
        builder.cron("@reboot", Report::default())
    };
    let first = builder("a").start().await.unwrap();
    let job = tower.jobs(&first, 1).await.remove(0);
    tower.scene.reaches(job.id, State::Completed).await;
    assert_eq!(job.meta.get("cron_expr"), Some(json!("@reboot")));

    let second = builder("b").start().await.unwrap();
    let well = |report: &kerrera::HealthReport| report.loops.iter().any(|it| it.name == "cron");
    while !well(&second.health()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(tower.all(&second).await.len(), 1, "the first one lives");
    first.shutdown().await;
    second.shutdown().await;

    let third = builder("a").start().await.unwrap();
    tower.jobs(&third, 2).await;
    third.shutdown().await;
}

async fn every_node_fires_what_was_added(scene: Scene) {
    let tower = Tower::new(scene).await;
    tower.strike("12:00:59.9");
    let client = Client::connect(tower.database.clone()).await.unwrap();
    let elsewhere = Cron::new("* * * * *", Report::default()).name("of a program that has gone");
    let gone = tower.builder().cron_entry(elsewhere).start().await.unwrap();
    gone.shutdown().await;
    // One that brings none itself, and runs already.
    let kerrera = tower.builder().start().await.unwrap();
    let cron = Cron::new("* * * * *", Report::default()).name("added");
    client.add_cron(cron.clone()).await.unwrap();
    let said = client.add_cron(cron).await.unwrap_err();
    assert!(said.is_config() && said.to_string().contains("\"added\" already"), "{said}");
    tower.strike("12:01:00");
    let job = tower.jobs(&kerrera, 1).await.remove(0);
    assert_eq!(job.meta.get("cron_name"), Some(json!("added")));
    kerrera.shutdown().await;

    // Nor does a start remove it.
    tower.strike("12:01:59.9");
    let next = tower.builder().cron("@yearly", Report::default()).start().await.unwrap();
    tower.strike("12:02:00");
    tower.jobs(&next, 2).await;
    assert_eq!(next.cron_slots("added", None, 10).await.unwrap().len(), 2);
    next.shutdown().await;
}

async fn the_crontab_goes_on_after_the_database_was_away(scene: Scene) {
    let tower = Tower::new(scene).await;
    tower.strike("12:00:59.9");
    let cron = Cron::new("* * * * *", Report::default()).misfire(Misfire::All { most: 10 });
    let kerrera = tower.builder().cron_entry(cron).start().await.unwrap();
    tower.scene.raw("ALTER TABLE kerrera_cron_slots RENAME TO away").await;
    tower.strike("12:01:00");
    while kerrera.health().is_healthy() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tower.strike("12:03:30");
    tower.scene.raw("ALTER TABLE away RENAME TO kerrera_cron_slots").await;
    tower.jobs(&kerrera, 3).await;
    while !kerrera.health().is_healthy() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kerrera.shutdown().await;
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

on_both!(
    a_cron_job_is_inserted_in_its_minute_and_runs,
    nodes_that_come_and_go_insert_one_job_a_slot,
    a_node_without_queues_inserts_for_others,
    mistakes_in_the_crontab_are_told_at_start,
    an_operator_pauses_resumes_edits_and_runs_entries,
    a_node_is_told_of_changes_of_the_crontab,
    a_propagator_adds_to_what_an_entry_inserts,
    a_reboot_is_fired_when_no_other_node_lives,
    every_node_fires_what_was_added,
    the_crontab_goes_on_after_the_database_was_away,
);
