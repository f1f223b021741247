//! What is known of each of some minutes, hours or days, in a few bytes.
//!
//! ```text
//! version kind (offset payload)*
//! ```
//!
//! Version and kind are a byte each; everything else is a number in groups of seven bits, the lowest
//! first, with the eighth set where more follow. Runs are the counts in the order of [`RunEnd::ALL`] and
//! two histograms, waiting and running: how many buckets are not empty, for each the distance from the
//! one before and its count, then the sum and the longest in microseconds. A gauge is the number of
//! samples, then sum and greatest of each value, then its quality.

use std::collections::BTreeMap;

use super::RunEnd;
use super::histogram::{BUCKETS, Histogram};
use crate::state::State;
use crate::storage::Enrolled;
use crate::tally::{OldestJob, Quality, QueueTally};

const VERSION: u8 = 1;

/// What became of the runs of a worker in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    counts: [u64; RunEnd::ALL.len()],
    /// How long jobs could have been claimed before they were.
    pub wait: Histogram,
    /// How long they ran.
    pub run: Histogram,
}

impl Runs {
    /// Adds a run.
    pub fn note(&mut self, end: RunEnd, waited: std::time::Duration, ran: std::time::Duration) {
        self.counts[end as usize] += 1;
        self.wait.note(waited);
        self.run.note(ran);
    }

    /// How many ended so.
    pub fn count(&self, end: RunEnd) -> u64 {
        self.counts[end as usize]
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Runs) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.wait.add(&other.wait);
        self.run.add(&other.run);
    }
}

/// A value that was looked at now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauged {
    pub(super) sum: u64,
    /// The greatest that was seen.
    pub max: u64,
}

impl Gauged {
    fn add(&mut self, other: Gauged) {
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }
}

impl From<u64> for Gauged {
    fn from(value: u64) -> Gauged {
        Gauged { sum: value, max: value }
    }
}

/// How full a queue was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gauge {
    /// How often it was looked at.
    pub samples: u64,
    /// Jobs that wait to be claimed.
    pub available: Gauged,
    /// Jobs that wait for their time.
    pub scheduled: Gauged,
    /// Jobs that failed and wait for their next attempt.
    pub retryable: Gauged,
    /// Jobs that run.
    pub executing: Gauged,
    /// How long the oldest available job has been waiting, in milliseconds.
    pub oldest: Gauged,
    /// How many jobs all nodes together may run at once.
    pub limit: Gauged,
    /// How well the numbers of jobs are known.
    pub quality: Quality,
}

impl Gauge {
    /// A queue that was looked at once, and had nothing.
    pub fn empty() -> Gauge {
        let none = Gauged::default();
        Gauge {
            samples: 1,
            available: none,
            scheduled: none,
            retryable: none,
            executing: none,
            oldest: none,
            limit: none,
            quality: Quality::Exact,
        }
    }

    /// How full queues are, by name.
    pub fn of_queues(
        producers: &[Enrolled],
        tallies: &[QueueTally],
        oldest: &[OldestJob],
    ) -> BTreeMap<String, Gauge> {
        let mut gauges: BTreeMap<String, Gauge> = BTreeMap::new();
        for producer in producers {
            let gauge = gauges.entry(producer.queue.clone()).or_insert_with(Gauge::empty);
            gauge.limit = gauge.limit.max.saturating_add(producer.limit.into()).into();
        }
        for tally in tallies {
            let gauge = gauges.entry(tally.queue.clone()).or_insert_with(Gauge::empty);
            let place = match tally.state {
                State::Available => &mut gauge.available,
                State::Scheduled => &mut gauge.scheduled,
                State::Retryable => &mut gauge.retryable,
                State::Executing => &mut gauge.executing,
                _ => continue,
            };
            *place = tally.jobs.value.into();
            gauge.quality = gauge.quality.max(tally.jobs.quality);
        }
        for oldest in oldest {
            let gauge = gauges.entry(oldest.queue.clone()).or_insert_with(Gauge::empty);
            gauge.oldest = u64::try_from(oldest.age.as_millis()).unwrap_or(u64::MAX).into();
        }
        gauges
    }

    /// What a value was on average.
    pub fn mean(&self, value: Gauged) -> f64 {
        if self.samples == 0 { 0.0 } else { value.sum as f64 / self.samples as f64 }
    }

    /// Adds what was seen at another time.
    pub fn add(&mut self, other: &Gauge) {
        self.samples = self.samples.saturating_add(other.samples);
        for (value, more) in self.values_mut().into_iter().zip(other.values()) {
            value.add(more);
        }
        self.quality = self.quality.max(other.quality);
    }

    fn values(&self) -> [Gauged; 6] {
        let Gauge { available, scheduled, retryable, executing, oldest, limit, .. } = *self;
        [available, scheduled, retryable, executing, oldest, limit]
    }

    fn values_mut(&mut self) -> [&mut Gauged; 6] {
        let Gauge { available, scheduled, retryable, executing, oldest, limit, .. } = self;
        [available, scheduled, retryable, executing, oldest, limit]
    }
}

/// What is known of a minute, an hour or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most are runs")]
pub enum Slot {
    /// That a node was there to report.
    Mark,
    /// What became of runs.
    Runs(Runs),
    /// How full a queue was.
    Gauge(Gauge),
}

impl Slot {
    /// Adds another of its kind.
    pub fn add(&mut self, other: &Slot) {
        match (self, other) {
            (Slot::Runs(runs), Slot::Runs(more)) => runs.add(more),
            (Slot::Gauge(gauge), Slot::Gauge(more)) => gauge.add(more),
            _ => {}
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Slot::Mark => 0,
            Slot::Runs(_) => 1,
            Slot::Gauge(_) => 2,
        }
    }
}

/// What is known of several minutes, hours or days, by their distance from the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells(BTreeMap<u32, Slot>);

impl Cells {
    /// Of one alone.
    pub fn one(slot: Slot) -> Cells {
        Cells(BTreeMap::from([(0, slot)]))
    }

    /// Adds to what is known of one.
    pub fn add(&mut self, offset: u32, slot: &Slot) {
        self.0.entry(offset).and_modify(|known| known.add(slot)).or_insert(*slot);
    }

    /// Each that something is known of.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.0.iter().map(|(offset, slot)| (*offset, slot))
    }

    /// The bytes in which they are stored.
    pub fn encode(&self) -> Vec<u8> {
        let kind = self.0.values().next().map_or(0, Slot::kind);
        let mut out = vec![VERSION, kind];
        for (offset, slot) in self.0.iter().filter(|(_, slot)| slot.kind() == kind) {
            put(&mut out, u64::from(*offset));
            match slot {
                Slot::Mark => {}
                Slot::Runs(Runs { counts, wait, run }) => {
                    counts.iter().for_each(|count| put(&mut out, *count));
                    put_histogram(&mut out, wait);
                    put_histogram(&mut out, run);
                }
                Slot::Gauge(gauge) => {
                    put(&mut out, gauge.samples);
                    for Gauged { sum, max } in gauge.values() {
                        put(&mut out, sum);
                        put(&mut out, max);
                    }
                    put(&mut out, gauge.quality as u64);
                }
            }
        }
        out
    }

    /// Reads what was stored; `None` if this version cannot.
    pub fn decode(bytes: &[u8]) -> Option<Cells> {
        let mut cells = Cells::default();
        each(bytes, |offset, slot| cells.add(offset, slot))?;
        Some(cells)
    }
}

/// Reads what was stored one after the other; `None` if this version cannot read it to its end.
pub(super) fn each(bytes: &[u8], mut take: impl FnMut(u32, &Slot)) -> Option<()> {
    let (&[VERSION, kind], mut rest) = bytes.split_first_chunk::<2>()? else { return None };
    while !rest.is_empty() {
        let offset = u32::try_from(get(&mut rest)?).ok()?;
        let slot = match kind {
            0 => Slot::Mark,
            1 => {
                let mut runs = Runs::default();
                for count in &mut runs.counts {
                    *count = get(&mut rest)?;
                }
                runs.wait = get_histogram(&mut rest)?;
                runs.run = get_histogram(&mut rest)?;
                Slot::Runs(runs)
            }
            2 => {
                let mut gauge = Gauge { samples: get(&mut rest)?, ..Gauge::empty() };
                for value in gauge.values_mut() {
                    *value = Gauged { sum: get(&mut rest)?, max: get(&mut rest)? };
                }
                gauge.quality = match get(&mut rest)? {
                    0 => Quality::Exact,
                    1 => Quality::Capped,
                    _ => Quality::Estimated,
                };
                Slot::Gauge(gauge)
            }
            _ => return None,
        };
        take(offset, &slot);
    }
    Some(())
}

fn put_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    let filled = histogram.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
    put(out, filled.clone().count() as u64);
    let mut last = 0;
    for (at, count) in filled {
        put(out, (at - last) as u64);
        put(out, *count);
        last = at;
    }
    put(out, histogram.sum);
    put(out, histogram.max);
}

fn get_histogram(rest: &mut &[u8]) -> Option<Histogram> {
    let mut histogram = Histogram::default();
    let mut at = 0_usize;
    for _ in 0..get(rest)?.min(BUCKETS as u64) {
        at = at.checked_add(usize::try_from(get(rest)?).ok()?)?;
        *histogram.buckets.get_mut(at)? = get(rest)?;
    }
    (histogram.sum, histogram.max) = (get(rest)?, get(rest)?);
    Some(histogram)
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn get(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn runs(seed: u64) -> Slot {
        let mut runs = Runs::default();
        for n in 0..seed * 3 {
            let end = RunEnd::ALL[(n % 7) as usize];
            runs.note(end, Duration::from_millis(n * 97), Duration::from_micros(seed * n * n));
        }
        Slot::Runs(runs)
    }

    #[test]
    fn what_is_stored_comes_back() {
        let mut gauge = Gauge { available: 7.into(), quality: Quality::Capped, ..Gauge::empty() };
        gauge.add(&Gauge { available: u64::MAX.into(), ..Gauge::empty() });
        for slots in
            [vec![], vec![Slot::Mark; 3], vec![Slot::Gauge(gauge)], vec![runs(1), runs(900)]]
        {
            let mut cells = Cells::default();
            for (n, slot) in slots.iter().enumerate() {
                cells.add(n as u32 * 59, slot);
            }
            assert_eq!(Cells::decode(&cells.encode()), Some(cells));
        }
    }

    #[test]
    fn a_minute_of_one_worker_takes_a_few_bytes() {
        let mut runs = Runs::default();
        for n in 0..60_000 {
            let took = Duration::from_micros(300 + n % 4_000);
            runs.note(RunEnd::Completed, took, took);
        }
        let bytes = Cells::one(Slot::Runs(runs)).encode().len();
        assert!(bytes < 64, "{bytes}");
    }

    #[test]
    fn what_cannot_be_read_is_no_accident() {
        let whole = Cells::one(runs(50)).encode();
        for end in 3..whole.len() {
            assert_eq!(Cells::decode(&whole[..end]), None, "{end}");
        }
        for odd in [&[][..], &[1], &[2, 1], &[1, 9, 0], &[1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]]
        {
            assert_eq!(Cells::decode(odd), None, "{odd:?}");
        }
    }
}
