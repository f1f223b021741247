//! How numbers are stored: fresh ones by minute and process, older ones together.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::cells::Cells;
use crate::time::Timestamp;

/// How finely time is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// A row for each minute of each process, which writes it again and again while the minute lasts.
    Fresh,
    /// A row for each hour, with its minutes.
    Minutes,
    /// A row for each day, with its hours.
    Hours,
    /// A row for each day.
    Days,
}

impl Tier {
    /// Those that the leader makes of the fresh ones.
    pub const PACKED: [Tier; 3] = [Tier::Minutes, Tier::Hours, Tier::Days];

    /// As it is stored.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The tier of this number.
    pub fn of(number: i64) -> Option<Tier> {
        let tiers = [Tier::Fresh, Tier::Minutes, Tier::Hours, Tier::Days];
        usize::try_from(number).ok().and_then(|at| tiers.get(at).copied())
    }

    /// How long each of the times lasts that it tells apart.
    pub fn unit(self) -> Duration {
        const MINUTE: u64 = 60;
        Duration::from_secs(match self {
            Tier::Fresh | Tier::Minutes => MINUTE,
            Tier::Hours => 60 * MINUTE,
            Tier::Days => 24 * 60 * MINUTE,
        })
    }

    /// How much time a row has.
    pub fn span(self) -> Duration {
        match self {
            Tier::Fresh => Tier::Minutes.unit(),
            Tier::Minutes => Tier::Hours.unit(),
            Tier::Hours | Tier::Days => Tier::Days.unit(),
        }
    }

    /// The row that has a time, and the offset of the time there.
    pub fn place(self, time: Timestamp) -> (Timestamp, u32) {
        let row = floor(time, self.span());
        let offset = time.since(row).as_secs() / self.unit().as_secs();
        (row, u32::try_from(offset).unwrap_or(u32::MAX))
    }

    /// The time at an offset of a row.
    pub fn time(self, row: Timestamp, offset: u32) -> Timestamp {
        row + self.unit() * offset
    }
}

/// The last whole step before a time, or that time itself.
pub(super) fn floor(time: Timestamp, step: Duration) -> Timestamp {
    let micros = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_micros(time.as_micros().div_euclid(micros) * micros)
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricKey {
    /// How finely it tells time apart.
    pub tier: Tier,
    /// When it begins.
    pub at: Timestamp,
    /// Which queue; empty where it says that a node was there to report.
    pub queue: String,
    /// Which worker; empty where it says how full the queue was.
    pub worker: String,
    /// Which process counted, if it is fresh; nil otherwise.
    pub source: Uuid,
}

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricRow {
    /// What it is about.
    pub key: MetricKey,
    /// What is known: [`Cells`] as bytes.
    pub cells: Vec<u8>,
}

/// Fresh rows on their way into those of the other tiers.
///
/// A storage takes the fresh rows away, adds the packed rows of these [keys](Packing::keys) that are
/// there, and writes what comes of it, all in one transaction: then nothing is counted twice, whoever
/// else does the same.
#[derive(Clone, Debug, Default)]
pub struct Packing(BTreeMap<MetricKey, Cells>);

impl Packing {
    /// What fresh rows come to in each tier. One that cannot be read is left out.
    pub fn of(fresh: &[MetricRow]) -> Packing {
        let mut packing = Packing::default();
        for MetricRow { key, cells } in fresh {
            let Some(cells) = Cells::decode(cells) else { continue };
            for (offset, slot) in cells.iter() {
                let time = key.tier.time(key.at, offset);
                for tier in Tier::PACKED {
                    let (at, offset) = tier.place(time);
                    let key = MetricKey { tier, at, source: Uuid::nil(), ..key.clone() };
                    packing.0.entry(key).or_default().add(offset, slot);
                }
            }
        }
        packing
    }

    /// The rows that are to be written, and of which those that are there are to be added first.
    pub fn keys(&self) -> impl Iterator<Item = &MetricKey> {
        self.0.keys()
    }

    /// Adds a row that is there.
    pub fn add(&mut self, row: &MetricRow) {
        let Some(known) = Cells::decode(&row.cells) else { return };
        let cells = self.0.entry(row.key.clone()).or_default();
        known.iter().for_each(|(offset, slot)| cells.add(offset, slot));
    }

    /// The rows to write.
    pub fn into_rows(self) -> Vec<MetricRow> {
        let rows = self.0.into_iter();
        rows.map(|(key, cells)| MetricRow { key, cells: cells.encode() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{RunEnd, Runs, Slot};

    #[test]
    fn a_time_is_found_in_every_tier() {
        let time: Timestamp = "2026-03-04T15:16:17Z".parse().unwrap();
        let expected = [
            (Tier::Fresh, "2026-03-04T15:16:00Z", 0),
            (Tier::Minutes, "2026-03-04T15:00:00Z", 16),
            (Tier::Hours, "2026-03-04T00:00:00Z", 15),
            (Tier::Days, "2026-03-04T00:00:00Z", 0),
        ];
        for (tier, row, offset) in expected {
            assert_eq!(tier.place(time), (row.parse().unwrap(), offset), "{tier:?}");
            assert_eq!(tier.time(row.parse().unwrap(), offset), floor(time, tier.unit()));
            assert_eq!(Tier::of(tier.number().into()), Some(tier));
        }
        assert_eq!(Tier::of(4), None);
    }

    #[test]
    fn packing_adds_up_what_processes_counted_and_what_was_packed_before() {
        let at: Timestamp = "2026-03-04T15:16:00Z".parse().unwrap();
        let row = |minutes: u64, source: u128, count: u64| {
            let mut runs = Runs::default();
            (0..count).for_each(|_| runs.note(RunEnd::Completed, Duration::ZERO, Duration::ZERO));
            let key = MetricKey {
                tier: Tier::Fresh,
                at: at + Duration::from_secs(60 * minutes),
                queue: "mail".into(),
                worker: "W".into(),
                source: Uuid::from_u128(source),
            };
            MetricRow { key, cells: Cells::one(Slot::Runs(runs)).encode() }
        };
        let packed = Packing::of(&[row(0, 1, 1), row(0, 2, 2), row(1, 1, 4)]).into_rows();
        let mut again = Packing::of(&[row(0, 3, 8), row(50, 3, 16)]);
        assert_eq!(again.keys().count(), 4, "two hours, and a day twice");
        packed.iter().for_each(|row| again.add(row));
        let counts = |row: &MetricRow| -> Vec<(u32, u64)> {
            let cells = Cells::decode(&row.cells).unwrap();
            let count = |(offset, slot): (u32, &Slot)| match slot {
                Slot::Runs(runs) => (offset, runs.count(RunEnd::Completed)),
                other => panic!("{other:?}"),
            };
            cells.iter().map(count).collect()
        };
        let rows = again.into_rows();
        let told: Vec<_> = rows.iter().map(|row| (row.key.tier, counts(row))).collect();
        let expected = [
            (Tier::Minutes, vec![(16, 11), (17, 4)]),
            (Tier::Minutes, vec![(6, 16)]),
            (Tier::Hours, vec![(15, 15), (16, 16)]),
            (Tier::Days, vec![(0, 31)]),
        ];
        assert_eq!(told, expected);
        assert!(rows.iter().all(|row| row.key.source.is_nil()));
    }
}
