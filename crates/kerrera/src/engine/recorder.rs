//! What this node has counted in each minute, and when that is written.
//!
//! A minute is written whole again and again until it is over, so that a write of which nobody knows
//! whether it was done can be done again. Minutes are the database's: each answer tells its time.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use kerrera_core::metrics::{Cells, Gauge, MetricKey, MetricRow, OTHER, RunEnd, Runs, Slot, Tier};
use kerrera_core::{Timestamp, Uuid};

#[derive(Debug)]
pub(crate) struct Recorder {
    /// How many pairs of a queue and a worker are kept apart.
    most: usize,
    interval: Duration,
    /// Under which name rows are written: another one when the clock was put back.
    source: Uuid,
    /// What the database's clock showed, and when.
    clock: Option<(Instant, Timestamp)>,
    next: Instant,
    /// The place of each queue and worker that was met.
    places: HashMap<String, HashMap<String, usize>>,
    names: Vec<(String, String)>,
    /// Where the last run was counted; the next is probably its like.
    last: usize,
    is_folding: bool,
    current: Minute,
    /// Those that are over and not written to the end.
    ended: Vec<Minute>,
}

/// What was counted in a minute.
#[derive(Debug, Default)]
struct Minute {
    /// When it began; not known before the database has told its time.
    at: Option<Timestamp>,
    is_marked: bool,
    /// By the place of their queue and worker.
    runs: Vec<Option<Box<Counted>>>,
    gauges: BTreeMap<String, (Gauge, bool)>,
}

#[derive(Debug, Default)]
struct Counted {
    runs: Runs,
    /// How many of them are written.
    written: u64,
}

/// What is to be written at once.
#[derive(Debug, Default)]
pub(crate) struct Flush {
    pub(crate) rows: Vec<MetricRow>,
    /// How many runs each place had, by minute.
    totals: Vec<(Timestamp, usize, u64)>,
    marks: Vec<Timestamp>,
    gauges: Vec<(Timestamp, String, u64)>,
}

impl Recorder {
    const MINUTE: Duration = Duration::from_secs(60);
    /// After this the rows of a minute are no longer written: others may be putting them together.
    const LATE: Duration = Duration::from_secs(4 * 60);

    /// `phase`, between 0 and 1, keeps nodes from writing all at once.
    pub(crate) fn new(now: Instant, interval: Duration, phase: f64, most: usize) -> Recorder {
        Recorder {
            most,
            interval,
            source: Uuid::new_v4(),
            clock: None,
            next: now + interval.mul_f64(phase),
            places: HashMap::new(),
            names: Vec::new(),
            last: usize::MAX,
            is_folding: false,
            current: Minute::default(),
            ended: Vec::new(),
        }
    }

    /// Counts a run. True if it is the first that is counted to others for want of room.
    pub(crate) fn note(
        &mut self,
        queue: &str,
        worker: &str,
        end: RunEnd,
        waited: Duration,
        ran: Duration,
    ) -> bool {
        let is_like = |(other, of): &(String, String)| other == queue && of == worker;
        let was_folding = self.is_folding;
        let place = match self.names.get(self.last).is_some_and(is_like) {
            true => self.last,
            false => self.place(queue, worker),
        };
        self.last = place;
        if self.current.runs.len() <= place {
            self.current.runs.resize_with(place + 1, || None);
        }
        if let Some(counted) = self.current.runs.get_mut(place) {
            counted.get_or_insert_default().runs.note(end, waited, ran);
        }
        self.is_folding && !was_folding
    }

    /// Takes in how full queues are.
    pub(crate) fn looked(&mut self, gauges: BTreeMap<String, Gauge>) {
        for (queue, gauge) in gauges {
            let known = self.current.gauges.entry(queue);
            known
                .and_modify(|(known, is_written)| {
                    known.add(&gauge);
                    *is_written = false;
                })
                .or_insert((gauge, false));
        }
    }

    /// When there is something to do: a minute is over, or it is time to write.
    pub(crate) fn wakes_at(&self, now: Instant) -> Instant {
        let Some(time) = self.time(now) else { return self.next };
        let gone = Duration::from_micros(time.as_micros().unsigned_abs() % 60_000_000);
        self.next.min(now + (Recorder::MINUTE - gone))
    }

    /// When queues are to be looked at: in the middle of the next minute or of this one.
    pub(crate) fn looks_at(&self, now: Instant) -> Instant {
        let Some(time) = self.time(now) else { return now + Duration::from_secs(1) };
        let half = Recorder::MINUTE / 2;
        let gone = Duration::from_micros(time.as_micros().unsigned_abs() % 60_000_000);
        now + if gone < half { half - gone } else { Recorder::MINUTE - gone + half }
    }

    /// Whether it is time to write.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    /// Begins another minute if one is over.
    pub(crate) fn roll(&mut self, now: Instant) {
        let Some(time) = self.time(now) else { return };
        let (at, _) = Tier::Fresh.place(time);
        match self.current.at {
            None => self.current.at = Some(at),
            Some(current) if current == at => {}
            Some(current) => {
                if at < current {
                    // Rows of that time may be there: they are not ours to replace any more.
                    self.source = Uuid::new_v4();
                }
                let fresh = Minute { at: Some(at), ..Minute::default() };
                self.ended.push(std::mem::replace(&mut self.current, fresh));
            }
        }
        let is_late = |minute: &Minute| {
            minute.at.is_none_or(|at| at > time || time.since(at) > Recorder::LATE)
        };
        self.ended.retain(|minute| !is_late(minute) && !minute.is_written());
    }

    /// What is to be written now; `None` if there is nothing. The first asks only for the time.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Flush> {
        self.roll(now);
        self.next = now + self.interval;
        let mut flush = Flush::default();
        for minute in self.ended.iter().chain([&self.current]) {
            let Some(at) = minute.at else { continue };
            let mut add = |queue: &str, worker: &str, slot| {
                let (queue, worker) = (queue.to_owned(), worker.to_owned());
                let key = MetricKey { tier: Tier::Fresh, at, queue, worker, source: self.source };
                flush.rows.push(MetricRow { key, cells: Cells::one(slot).encode() });
            };
            if !minute.is_marked {
                add("", "", Slot::Mark);
                flush.marks.push(at);
            }
            for (place, counted) in minute.unwritten() {
                let Some((queue, worker)) = self.names.get(place) else { continue };
                add(queue, worker, Slot::Runs(counted.runs));
                flush.totals.push((at, place, counted.runs.total()));
            }
            for (queue, (gauge, is_written)) in &minute.gauges {
                if !is_written {
                    add(queue, "", Slot::Gauge(*gauge));
                    flush.gauges.push((at, queue.clone(), gauge.samples));
                }
            }
        }
        (self.clock.is_none() || !flush.rows.is_empty()).then_some(flush)
    }

    /// It was written, and the database told its time.
    pub(crate) fn written(&mut self, now: Instant, flush: &Flush, told: Timestamp) {
        for minute in self.ended.iter_mut().chain([&mut self.current]) {
            let Some(at) = minute.at else { continue };
            minute.is_marked |= flush.marks.contains(&at);
            for (_, place, total) in flush.totals.iter().filter(|(of, ..)| *of == at) {
                if let Some(Some(counted)) = minute.runs.get_mut(*place) {
                    counted.written = *total;
                }
            }
            for (_, queue, samples) in flush.gauges.iter().filter(|(of, ..)| *of == at) {
                if let Some((gauge, is_written)) = minute.gauges.get_mut(queue) {
                    *is_written = gauge.samples == *samples;
                }
            }
        }
        let is_first = self.clock.replace((now, told)).is_none();
        self.roll(now);
        if is_first {
            // It can be seen at once that this node is there.
            self.next = now;
        }
    }

    /// Whether some workers are not kept apart.
    #[cfg(test)]
    fn is_folding(&self) -> bool {
        self.is_folding
    }

    fn place(&mut self, queue: &str, worker: &str) -> usize {
        if let Some(place) = self.find(queue, worker) {
            return place;
        }
        if self.names.len() < self.most {
            return self.add(queue, worker);
        }
        self.is_folding = true;
        self.find(queue, OTHER).unwrap_or_else(|| self.add(queue, OTHER))
    }

    fn find(&self, queue: &str, worker: &str) -> Option<usize> {
        self.places.get(queue)?.get(worker).copied()
    }

    fn add(&mut self, queue: &str, worker: &str) -> usize {
        let place = self.names.len();
        self.names.push((queue.to_owned(), worker.to_owned()));
        self.places.entry(queue.to_owned()).or_default().insert(worker.to_owned(), place);
        place
    }

    /// The database's time, by our watch.
    fn time(&self, now: Instant) -> Option<Timestamp> {
        let (then, told) = self.clock?;
        Some(told + now.saturating_duration_since(then))
    }
}

impl Minute {
    fn unwritten(&self) -> impl Iterator<Item = (usize, &Counted)> {
        let counted = self.runs.iter().enumerate();
        let counted = counted.filter_map(|(place, counted)| Some((place, counted.as_deref()?)));
        counted.filter(|(_, counted)| counted.runs.total() != counted.written)
    }

    fn is_written(&self) -> bool {
        self.is_marked
            && self.unwritten().next().is_none()
            && self.gauges.values().all(|(_, is_written)| *is_written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    struct Stage {
        recorder: Recorder,
        now: Instant,
        time: Timestamp,
    }

    impl Stage {
        fn at(time: &str, most: usize) -> Stage {
            let (now, time) = (Instant::now(), time.parse().unwrap());
            let mut stage = Stage { recorder: Recorder::new(now, INTERVAL, 0.5, most), now, time };
            assert_eq!(stage.recorder.wakes_at(now), now + INTERVAL / 2);
            let flush = stage.recorder.take(now).expect("the time is asked for");
            assert!(flush.rows.is_empty());
            stage.answer(&flush);
            stage
        }

        fn pass(&mut self, span: Duration) {
            self.now += span;
            self.time = self.time + span;
        }

        fn answer(&mut self, flush: &Flush) {
            self.recorder.written(self.now, flush, self.time);
        }

        fn note(&mut self, queue: &str, worker: &str) -> bool {
            let none = Duration::ZERO;
            self.recorder.note(queue, worker, RunEnd::Completed, none, none)
        }

        /// Queue and worker of each row, the time within the hour, and how many runs it has.
        fn take(&mut self) -> (Option<Flush>, Vec<String>) {
            let flush = self.recorder.take(self.now);
            let rows = flush.iter().flat_map(|flush| &flush.rows).map(|row| {
                let MetricKey { at, queue, worker, .. } = &row.key;
                let runs = match Cells::decode(&row.cells).unwrap().iter().next() {
                    Some((0, Slot::Runs(runs))) => runs.total().to_string(),
                    Some((0, Slot::Gauge(gauge))) => format!("gauge {}", gauge.samples),
                    _ => "mark".to_owned(),
                };
                format!("{} {queue}/{worker} {runs}", &at.to_string()[14..16])
            });
            let rows = rows.collect();
            (flush, rows)
        }

        fn write(&mut self) -> Vec<String> {
            let (flush, rows) = self.take();
            if let Some(flush) = flush {
                self.answer(&flush);
            }
            rows
        }
    }

    #[test]
    fn what_was_counted_is_written_whole_until_the_minute_is_over() {
        let mut stage = Stage::at("2026-03-04T15:16:17Z", 10);
        assert!(!stage.note("a", "W"));
        assert_eq!(stage.write(), ["16 / mark", "16 a/W 1"]);
        assert_eq!(stage.write(), [""; 0], "nothing new");
        stage.pass(INTERVAL);
        stage.note("a", "W");
        stage.note("b", "W");
        assert_eq!(stage.write(), ["16 a/W 2", "16 b/W 1"]);

        stage.note("b", "W");
        stage.pass(INTERVAL * 4);
        assert_eq!(stage.write(), ["16 b/W 2", "17 / mark"]);
        stage.note("b", "W");
        assert_eq!(stage.write(), ["17 b/W 1"]);
    }

    #[test]
    fn a_write_that_failed_is_done_again_and_not_for_ever() {
        let mut stage = Stage::at("2026-03-04T15:16:17Z", 10);
        stage.note("a", "W");
        let _lost = stage.take();
        stage.pass(Recorder::MINUTE * 2);
        assert_eq!(stage.take().1, ["16 / mark", "16 a/W 1", "18 / mark"]);
        stage.pass(Recorder::MINUTE * 2);
        assert_eq!(stage.write(), ["18 / mark", "20 / mark"]);
    }

    #[test]
    fn what_is_counted_during_a_write_is_in_the_next() {
        let mut stage = Stage::at("2026-03-04T15:16:17Z", 10);
        stage.note("a", "W");
        let (flush, _) = stage.take();
        stage.note("a", "W");
        stage.answer(&flush.unwrap());
        assert_eq!(stage.write(), ["16 a/W 2"]);
    }

    #[test]
    fn too_many_workers_are_counted_together_and_that_is_said_once() {
        let mut stage = Stage::at("2026-03-04T15:16:17Z", 2);
        let said: Vec<bool> = ["V", "W", "X", "Y", "V"].map(|it| stage.note("a", it)).to_vec();
        assert_eq!(said, [false, false, true, false, false]);
        assert!(stage.recorder.is_folding());
        assert_eq!(stage.write(), ["16 / mark", "16 a/V 2", "16 a/W 1", "16 a/(other) 2"]);
    }

    #[test]
    fn a_clock_that_is_put_back_replaces_nothing() {
        let mut stage = Stage::at("2026-03-04T15:16:17Z", 10);
        stage.note("a", "W");
        let before = stage.take().0.unwrap();
        stage.answer(&before);
        stage.time = "2026-03-04T15:10:00Z".parse().unwrap();
        stage.answer(&Flush::default());
        stage.note("a", "W");
        let after = stage.take().0.unwrap();
        assert_eq!(after.rows[1].key.at, stage.time);
        assert_ne!(after.rows[1].key.source, before.rows[1].key.source);
    }

    #[test]
    fn queues_are_looked_at_in_the_middle_of_a_minute_and_told_once() {
        let mut stage = Stage::at("2026-03-04T15:16:17Z", 10);
        let seconds = Duration::from_secs;
        assert_eq!(stage.recorder.looks_at(stage.now), stage.now + seconds(13));
        stage.pass(seconds(13));
        assert_eq!(stage.recorder.looks_at(stage.now), stage.now + seconds(60));
        stage.recorder.looked(BTreeMap::from([("a".to_owned(), Gauge::empty())]));
        assert_eq!(stage.write(), ["16 / mark", "16 a/ gauge 1"]);
        assert_eq!(stage.write(), [""; 0]);
        stage.recorder.looked(BTreeMap::from([("a".to_owned(), Gauge::empty())]));
        assert_eq!(stage.write(), ["16 a/ gauge 2"]);
    }

    #[test]
    fn it_wakes_when_a_minute_is_over_though_nothing_is_to_be_written() {
        let mut stage = Stage::at("2026-03-04T15:16:55Z", 10);
        stage.write();
        assert_eq!(stage.recorder.wakes_at(stage.now), stage.now + Duration::from_secs(5));
        stage.note("a", "W");
        stage.pass(Duration::from_secs(5));
        stage.recorder.roll(stage.now);
        stage.note("a", "W");
        assert!(!stage.recorder.is_due(stage.now));
        stage.pass(Duration::from_secs(5));
        assert!(stage.recorder.is_due(stage.now));
        assert_eq!(stage.write(), ["16 a/W 1", "17 / mark", "17 a/W 1"]);
    }
}
