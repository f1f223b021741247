//! Numbers over time.

use std::time::Duration;

use uuid::Uuid;

use super::Fixture;
use super::fixture::job;
use crate::metrics::{
    Cells, Gauge, Group, Metric, MetricKey, MetricRow, RunEnd, Runs, SeriesQuery, Slot,
    SummaryQuery, Tier,
};
use crate::storage::{Candidate, Pack, Packed, Seat};
use crate::tally::Quality;
use crate::time::{Timestamp, Units};

const WITHIN: Duration = Duration::from_secs(10);
const KEEP: [Duration; 3] = [
    Duration::from_secs(7 * 86_400),
    Duration::from_secs(90 * 86_400),
    Duration::from_secs(365 * 86_400),
];

pub async fn writing_tells_the_time(fixture: Fixture) {
    let first = hour(&fixture);
    assert_eq!(fixture.storage.write_metrics(Vec::new()).await.unwrap(), fixture.now());
    fixture.clock.advance(1.hour());
    let row = mark(first, 1);
    assert_eq!(fixture.storage.write_metrics(vec![row]).await.unwrap(), fixture.now());
}

pub async fn a_minute_that_is_written_again_is_replaced(fixture: Fixture) {
    let first = hour(&fixture);
    let rows = |count| {
        vec![
            mark(first, 1),
            ran(first, "it's \"odd\" {é} 🦀", "W", 1, count),
            ran(first, "it's \"odd\" {é} 🦀", "W", 2, 100),
        ]
    };
    write(&fixture, rows(1)).await;
    write(&fixture, rows(3)).await;
    assert_eq!(jobs(&fixture, first, 1.minutes()).await[0], Some(103.0), "two processes add up");
}

pub async fn only_what_is_asked_for_is_read(fixture: Fixture) {
    let first = hour(&fixture);
    write(
        &fixture,
        vec![
            mark(first, 1),
            ran(first, "a", "V", 1, 1),
            ran(first, "a", "W", 1, 2),
            ran(first, "b", "W", 1, 4),
            looked(first, "a", 7),
            ran(first + 2.minutes(), "a", "V", 1, 8),
        ],
    )
    .await;
    let query = SeriesQuery::new(Metric::Jobs, first, first + 2.minutes(), 1.minutes());
    let ask = async |query: SeriesQuery| {
        let found = fixture.storage.read_metrics(query.range(), WITHIN).await.unwrap();
        assert_eq!(found.now, fixture.now());
        let told = found.rows.iter().map(|row| format!("{}/{}", row.key.queue, row.key.worker));
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    };
    assert_eq!(ask(query.clone()).await, ["/", "a/V", "a/W", "b/W"]);
    assert_eq!(ask(query.clone().queue("a")).await, ["/", "a/V", "a/W"]);
    assert_eq!(ask(query.clone().queue("a").worker("W")).await, ["/", "a/W"]);
    assert_eq!(ask(SeriesQuery { metric: Metric::Depth, ..query }).await, ["/", "a/"]);
}

pub async fn packing_changes_no_number(fixture: Fixture) {
    let first = hour(&fixture);
    let seat = lead(&fixture).await;
    let mut rows = Vec::new();
    for minute in 0..90 {
        rows.push(mark(first + minute.minutes(), 1));
        rows.push(ran(first + minute.minutes(), "a", "W", 1, minute % 7));
        rows.push(ran(first + minute.minutes(), "a", "W", 2, 1));
        rows.push(looked(first + minute.minutes(), "a", minute));
    }
    write(&fixture, rows).await;
    let fine = jobs(&fixture, first, 1.minutes()).await;
    let depth = series(&fixture, first, Metric::Depth, 10.minutes()).await;
    assert_eq!((fine[3], fine.len()), (Some(4.0), 120));
    let fresh = jobs(&fixture, first, 1.hour()).await;

    fixture.clock.advance(2.hours());
    let mut packed = 0;
    loop {
        let round = pack(&fixture, &seat).await;
        if round.fresh == 0 {
            break;
        }
        packed += round.fresh;
        assert_eq!(jobs(&fixture, first, 1.minutes()).await, fine, "in each round");
        assert_eq!(series(&fixture, first, Metric::Depth, 10.minutes()).await, depth);
        assert_eq!(jobs(&fixture, first, 1.hour()).await, fresh, "by hours too");
    }
    assert_eq!(packed, 360);
    let days = SeriesQuery::new(Metric::Jobs, first, first + 1.days(), 1.days());
    let found = fixture.storage.read_metrics(days.range(), WITHIN).await.unwrap();
    let days = days.answer(&found.rows, found.now).lines.remove(0).values;
    let sum = |values: &[Option<f64>]| values.iter().flatten().sum::<f64>();
    assert_eq!(sum(&days), sum(&fine), "and by days");
}

pub async fn what_comes_late_is_packed_with_the_rest(fixture: Fixture) {
    let first = hour(&fixture);
    let seat = lead(&fixture).await;
    write(&fixture, vec![ran(first + 5.minutes(), "a", "W", 1, 3)]).await;
    fixture.clock.advance(1.days());
    assert_eq!(pack(&fixture, &seat).await.fresh, 1);
    write(&fixture, vec![ran(first + 5.minutes(), "a", "W", 2, 4)]).await;
    assert_eq!(pack(&fixture, &seat).await.fresh, 1);
    assert_eq!(jobs(&fixture, first, 1.minutes()).await[5], Some(7.0));
}

pub async fn minutes_that_may_still_be_written_are_not_packed(fixture: Fixture) {
    let first = hour(&fixture);
    let seat = lead(&fixture).await;
    write(&fixture, vec![ran(first, "a", "W", 1, 1)]).await;
    fixture.clock.advance(5.minutes());
    assert_eq!(pack(&fixture, &seat).await, Packed::default());
    fixture.clock.advance(2.minutes());
    assert_eq!(pack(&fixture, &seat).await.fresh, 1);
}

pub async fn old_numbers_are_forgotten_tier_by_tier(fixture: Fixture) {
    let first = hour(&fixture);
    let seat = lead(&fixture).await;
    write(&fixture, vec![ran(first, "a", "W", 1, 5)]).await;
    fixture.clock.advance(1.hour());
    assert_eq!(pack(&fixture, &seat).await, Packed { fresh: 1, forgotten: 0 });
    let ask = async |step: Duration| {
        let query = SeriesQuery::new(Metric::Jobs, first, first + 1.days(), step);
        let found = fixture.storage.read_metrics(query.range(), WITHIN).await.unwrap();
        found.rows.len()
    };
    for (span, rows) in [(8.days(), [0, 1, 1]), (92.days(), [0, 0, 1]), (300.days(), [0, 0, 0])] {
        fixture.clock.advance(span);
        let seat = lead(&fixture).await;
        assert_eq!(pack(&fixture, &seat).await.forgotten, 1, "{span:?}");
        let found = [ask(2.minutes()).await, ask(1.hour()).await, ask(1.days()).await];
        assert_eq!(found, rows, "{span:?}");
    }
}

pub async fn a_deposed_leader_packs_nothing(fixture: Fixture) {
    let first = hour(&fixture);
    let seat = lead(&fixture).await;
    write(&fixture, vec![ran(first, "a", "W", 1, 1)]).await;
    fixture.clock.advance(1.hour());
    let other = Seat { term: seat.term + 1, ..seat };
    assert_eq!(pack(&fixture, &other).await, Packed::default());
}

pub async fn a_summary_is_by_queue_and_worker(fixture: Fixture) {
    let first = hour(&fixture);
    let mut failed = Runs::default();
    failed.note(RunEnd::Failed, 1.seconds(), 30.milliseconds());
    write(
        &fixture,
        vec![
            ran(first, "a", "V", 1, 3),
            ran(first + 1.minutes(), "b", "V", 1, 1),
            row(first + 1.minutes(), "a", "W", 1, Slot::Runs(failed)),
        ],
    )
    .await;
    let query = SummaryQuery::new(first, first + 1.hour());
    let ask = async |query: SummaryQuery| {
        let found = fixture.storage.read_metrics(query.range(), WITHIN).await.unwrap();
        query.answer(&found.rows)
    };
    let all = ask(query.clone()).await;
    let names: Vec<_> = all.iter().map(|it| (it.queue.as_deref(), it.worker.as_deref())).collect();
    let [a, b, v, w] = [Some("a"), Some("b"), Some("V"), Some("W")];
    assert_eq!(names, [(a, v), (a, w), (b, v)]);
    let workers = ask(query.by(Group::Worker)).await;
    let rates: Vec<_> = workers.iter().map(|it| (it.total(), it.failure_rate())).collect();
    assert_eq!(rates, [(4, Some(0.0)), (1, Some(1.0))]);
    assert_eq!(workers[1].run_time().unwrap().max, 30.milliseconds());
}

pub async fn queues_are_looked_at_with_all_that_they_have(fixture: Fixture) {
    let gauges = fixture.storage.gauge_queues(100, WITHIN).await.unwrap();
    assert!(gauges.is_empty());
    let (_hand, _) = fixture.running(job()).await;
    fixture.enroll("default").await;
    fixture.insert((0..3).map(|_| job())).await;
    fixture.insert([job().queue("other").schedule_in(1.hour())]).await;
    fixture.clock.advance(90.seconds());
    let gauges = fixture.storage.gauge_queues(2, WITHIN).await.unwrap();
    assert_eq!(gauges.keys().collect::<Vec<_>>(), ["default", "other"]);
    let default = &gauges["default"];
    assert_eq!((default.available.max, default.quality), (2, Quality::Capped));
    assert_eq!((default.executing.max, default.limit.max), (1, 20), "of two producers");
    assert_eq!((default.oldest.max, default.samples), (90_000, 1));
    let other = &gauges["other"];
    assert_eq!((other.scheduled.max, other.available.max, other.limit.max), (1, 0, 0));
    assert_eq!(other.quality, Quality::Exact);
}

/// The hour in which the clock stands.
fn hour(fixture: &Fixture) -> Timestamp {
    Tier::Minutes.place(fixture.now()).0
}

fn row(at: Timestamp, queue: &str, worker: &str, source: u128, slot: Slot) -> MetricRow {
    let (queue, worker) = (queue.to_owned(), worker.to_owned());
    let source = Uuid::from_u128(source);
    let key = MetricKey { tier: Tier::Fresh, at, queue, worker, source };
    MetricRow { key, cells: Cells::one(slot).encode() }
}

fn mark(at: Timestamp, source: u128) -> MetricRow {
    row(at, "", "", source, Slot::Mark)
}

fn ran(at: Timestamp, queue: &str, worker: &str, source: u128, count: u64) -> MetricRow {
    let mut runs = Runs::default();
    (0..count).for_each(|_| runs.note(RunEnd::Completed, 1.seconds(), 20.milliseconds()));
    row(at, queue, worker, source, Slot::Runs(runs))
}

fn looked(at: Timestamp, queue: &str, available: u64) -> MetricRow {
    let gauge = Gauge { available: available.into(), ..Gauge::empty() };
    row(at, queue, "", 1, Slot::Gauge(gauge))
}

async fn write(fixture: &Fixture, rows: Vec<MetricRow>) {
    fixture.storage.write_metrics(rows).await.unwrap();
}

async fn pack(fixture: &Fixture, seat: &Seat) -> Packed {
    let pack = Pack { seat: seat.clone(), keep: KEEP };
    fixture.storage.pack_metrics(pack).await.unwrap()
}

async fn lead(fixture: &Fixture) -> Seat {
    let candidate = Candidate {
        seat: "kerrera".into(),
        holder: Uuid::new_v4(),
        node: "node-1".into(),
        ttl: 7.days(),
    };
    let lease = fixture.storage.lead(candidate.clone(), None).await.unwrap();
    candidate.seat(lease.term.expect("a free seat"))
}

/// Over two hours.
async fn series(
    fixture: &Fixture,
    first: Timestamp,
    metric: Metric,
    step: Duration,
) -> Vec<Option<f64>> {
    let query = SeriesQuery::new(metric, first, first + 2.hours(), step);
    let found = fixture.storage.read_metrics(query.range(), WITHIN).await.unwrap();
    query.answer(&found.rows, found.now).lines.remove(0).values
}

async fn jobs(fixture: &Fixture, first: Timestamp, step: Duration) -> Vec<Option<f64>> {
    series(fixture, first, Metric::Jobs, step).await
}
