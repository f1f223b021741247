//! How much time is shortened, so that hours of waiting fit into a minute.
//!
//! **For the demonstration only.** An application leaves the back-off to the worker's default and
//! names its waits in earnest: `snooze(300.seconds())`, `schedule_in(1.day())`.

use std::time::Duration;

use kerrera::Job;
use kerrera::backoff::exponential_with_jitter;

/// By how much the waits between attempts are divided: 300 seconds become 2.
const SHORTENED: u32 = 150;

/// How long a day is: a little less than the second after which due jobs are looked for again.
pub(crate) const DAY: Duration = Duration::from_millis(800);

/// A wait, as long as the demonstration has time for.
pub(crate) fn shortened(wait: Duration) -> Duration {
    wait / SHORTENED
}

/// The usual back-off, shortened: 17 seconds become 113 milliseconds.
pub(crate) fn backoff(job: &Job) -> Duration {
    shortened(exponential_with_jitter(job.attempt, job.max_attempts))
}
