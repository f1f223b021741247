//! What is told.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use serde_json::Value;

use crate::arguments::Where;

/// What a measurement came to: named values, in the order in which they were noted.
#[derive(Debug, Default)]
pub struct Report {
    values: Vec<(String, Value)>,
    wrong: Option<String>,
}

impl Report {
    /// An empty one of this measurement.
    pub fn of(measurement: &str) -> Report {
        let mut report = Report::default();
        report.note("bench", measurement);
        report.note("kerrera_version", env!("CARGO_PKG_VERSION"));
        report
    }

    /// Notes a value.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.values.retain(|(noted, _)| noted != name);
        self.values.push((name.to_owned(), value.into()));
    }

    /// Notes a value with no more digits than mean anything, if there is one.
    pub fn note_number(&mut self, name: &str, value: Option<f64>) {
        let rounded = value.map(|value| match value.abs() {
            large if large >= 1_000.0 => value.round(),
            _ => (value * 1_000.0).round() / 1_000.0,
        });
        self.note(name, rounded.map_or(Value::Null, Value::from));
    }

    /// Notes what [`Ground::facts`](crate::ground::Ground::facts) tells, and what was in the way.
    pub fn note_ground(&mut self, facts: Value, place: &Where) {
        if let Value::Object(facts) = facts {
            facts.into_iter().for_each(|(name, value)| self.note(&name, value));
        }
        self.note("set", place.settings.clone());
        self.note("cores", std::thread::available_parallelism().map_or(0, NonZero::get));
        self.note("retained", place.retained);
    }

    /// Notes jobs a second: the median of the rounds, and each.
    pub fn note_rates(&mut self, jobs: u64, rounds: &[Duration]) {
        let rate = |took: &Duration| (jobs as f64 / took.as_secs_f64().max(1e-9)).round();
        let rates: Vec<f64> = rounds.iter().map(rate).collect();
        self.note_number("seconds", median(rounds.iter().map(Duration::as_secs_f64)));
        self.note_number("jobs_per_second", median(rates.iter().copied()));
        self.note("rounds", rates);
    }

    /// Notes whether every job finished once, and what is wrong if not.
    pub fn note_verified(&mut self, wrong: Option<String>) {
        self.note("verified", wrong.is_none());
        if let Some(wrong) = &wrong {
            self.note("wrong", wrong.clone());
        }
        self.wrong = wrong;
    }

    /// Why it counts for nothing, if so.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// All of it, as one object.
    pub fn json(&self) -> Value {
        Value::Object(self.values.iter().cloned().collect())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.values {
            let name = name.replace('_', " ");
            match value {
                Value::Null => {}
                Value::String(text) => writeln!(f, "{name:<34}{text}")?,
                // One a line reads better, and a list of samples is for programs.
                Value::Array(values) if values.iter().any(Value::is_object) => {}
                Value::Object(parts) => {
                    let parts: Vec<String> =
                        parts.iter().map(|(name, value)| format!("{name} {value}")).collect();
                    writeln!(f, "{name:<34}{}", parts.join(", "))?;
                }
                value => writeln!(f, "{name:<34}{value}")?,
            }
        }
        Ok(())
    }
}

/// The one in the middle, or between the two in the middle; none of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_report_that_is_wrong_says_so() {
        let mut report = Report::of("drain");
        report.note_rates(100, &[Duration::from_secs(1), Duration::from_secs(2)]);
        assert_eq!(report.json()["jobs_per_second"], 75.0);
        report.note_verified(Some("one is missing".to_owned()));
        assert_eq!(report.wrong(), Some("one is missing"));
        assert_eq!(report.json()["verified"], false);
    }
}
