//! How far back one looks.

use std::time::Duration;

use kerrera::Timestamp;

/// How far back one looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
    /// A week.
    Week,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Window; 3] = [Window::Hour, Window::Day, Window::Week];

    /// As it stands in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Window::Hour => "1h",
            Window::Day => "1d",
            Window::Week => "7d",
        }
    }

    /// The one that is written so.
    pub fn named(name: &str) -> Option<Window> {
        Window::ALL.into_iter().find(|window| window.as_str() == name)
    }

    /// How long it is.
    pub fn span(self) -> Duration {
        Duration::from_secs(match self {
            Window::Hour => 3_600,
            Window::Day => 86_400,
            Window::Week => 7 * 86_400,
        })
    }

    /// Into what it is divided: 6, 24 or 28 steps.
    pub fn step(self) -> Duration {
        Duration::from_secs(match self {
            Window::Hour => 600,
            Window::Day => 3_600,
            Window::Week => 6 * 3_600,
        })
    }

    /// Counts by the instant of each, put together by steps, the oldest first; the last step is the one
    /// that is not over.
    pub(super) fn steps(
        self,
        counts: &[(Timestamp, u64)],
        now: Timestamp,
    ) -> Vec<(Timestamp, u64)> {
        let step = i64::try_from(self.step().as_micros()).unwrap_or(i64::MAX);
        let last = now.as_micros().div_euclid(step);
        let steps = i64::try_from(self.span().as_micros()).unwrap_or_default() / step;
        let of = |at: i64| {
            let within = counts.iter().filter(|(time, _)| time.as_micros().div_euclid(step) == at);
            (Timestamp::from_micros(at * step), within.map(|(_, count)| count).sum())
        };
        (last - steps + 1..=last).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_no_gaps_and_end_with_the_one_that_is_not_over() {
        let now: Timestamp = "2026-11-22T09:03:07Z".parse().unwrap();
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let counts = [
            (at("2026-11-21T09:00:00Z"), 100),
            (at("2026-11-22T08:00:00Z"), 1),
            (at("2026-11-22T08:50:00Z"), 2),
            (at("2026-11-22T09:00:00Z"), 4),
        ];
        let steps = Window::Day.steps(&counts, now);
        assert_eq!(steps.len(), 24);
        assert_eq!(steps[22..], [(at("2026-11-22T08:00:00Z"), 3), (at("2026-11-22T09:00:00Z"), 4)]);
        assert_eq!(steps.iter().map(|(_, count)| count).sum::<u64>(), 7);
        assert_eq!(Window::Hour.steps(&counts, now).len(), 6);
        assert_eq!(Window::Week.steps(&counts, now).len(), 28);
    }
}
