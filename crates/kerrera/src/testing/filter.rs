//! Which enqueued jobs are meant.

use std::fmt;
use std::time::Duration;

use kerrera_core::{Job, State, Timestamp, Worker};
use serde::Serialize;
use serde_json::Value;

/// In the args or the meta of a [`Filter`]: any value, as long as the key is there.
///
/// No job can hold this text, since it begins with NUL.
pub const ANY: &str = "\0any";

/// Which enqueued jobs are meant; what is not said may be anything.
///
/// The macros of [`testing`](super) make it of `key: value` pairs, where each key is a method here;
/// `worker` takes a type or a name, and `args` and `meta` are written as JSON.
#[derive(Clone, Debug)]
pub struct Filter {
    worker: Option<String>,
    queue: Option<String>,
    state: Option<State>,
    args: Option<Value>,
    meta: Option<Value>,
    tags: Vec<String>,
    priority: Option<u8>,
    scheduled: Option<When>,
    delta: Duration,
    timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
enum When {
    At(Timestamp),
    In(Duration),
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            worker: None,
            queue: None,
            state: None,
            args: None,
            meta: None,
            tags: Vec::new(),
            priority: None,
            scheduled: None,
            delta: Duration::from_secs(1),
            timeout: Duration::ZERO,
        }
    }
}

impl Filter {
    /// Every job.
    pub fn new() -> Filter {
        Filter::default()
    }

    /// Jobs of this worker.
    #[must_use]
    pub fn worker<W: Worker>(self) -> Filter {
        self.named(W::NAME)
    }

    /// Jobs of the worker of this name.
    #[must_use]
    pub fn named(mut self, worker: impl Into<String>) -> Filter {
        self.worker = Some(worker.into());
        self
    }

    /// Jobs in this queue.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Filter {
        self.queue = Some(queue.into());
        self
    }

    /// Jobs in this state: `suspended`, `scheduled` or `available`.
    #[must_use]
    pub fn state(mut self, state: State) -> Filter {
        self.state = Some(state);
        self
    }

    /// Jobs whose args hold at least this, in objects within objects too. A list must be the same as
    /// a whole; [`ANY`] stands for any value.
    #[must_use]
    pub fn args(mut self, args: impl Serialize) -> Filter {
        self.args = Some(json(args));
        self
    }

    /// Jobs whose meta holds at least this; as for [`args`](Filter::args).
    #[must_use]
    pub fn meta(mut self, meta: impl Serialize) -> Filter {
        self.meta = Some(json(meta));
        self
    }

    /// Jobs that have all of these tags, and perhaps others.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Filter {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Jobs of this priority.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Filter {
        self.priority = Some(priority);
        self
    }

    /// Jobs that may run at this time, give or take the [delta](Filter::delta).
    #[must_use]
    pub fn scheduled_at(mut self, time: impl Into<Timestamp>) -> Filter {
        self.scheduled = Some(When::At(time.into()));
        self
    }

    /// Jobs that may run once this long from now has passed, by the storage's clock, give or take
    /// the [delta](Filter::delta).
    #[must_use]
    pub fn scheduled_in(mut self, wait: Duration) -> Filter {
        self.scheduled = Some(When::In(wait));
        self
    }

    /// How far a time may be from the one that was said; a second by default.
    #[must_use]
    pub fn delta(mut self, delta: Duration) -> Filter {
        self.delta = delta;
        self
    }

    /// How long an assertion waits for the job to come; not at all by default. One that there is
    /// none waits so long for it not to come.
    ///
    /// It looks every ten milliseconds of tokio's time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Filter {
        self.timeout = timeout;
        self
    }

    pub(super) fn patience(&self) -> Duration {
        self.timeout
    }

    /// Whether a job is meant, if it is that time now.
    pub(super) fn fits(&self, job: &Job, now: Timestamp) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        same(self.worker.as_ref(), &job.worker)
            && same(self.queue.as_ref(), &job.queue)
            && same(self.state.as_ref(), &job.state)
            && self.priority.is_none_or(|priority| i32::from(priority) == job.priority)
            && self.tags.iter().all(|tag| job.tags.contains(tag))
            && self.scheduled.is_none_or(|when| self.is_near(when, job.scheduled_at, now))
            && self.args.as_ref().is_none_or(|part| holds(&job.args.decode(), part))
            && self.meta.as_ref().is_none_or(|part| holds(&job.meta.decode(), part))
    }

    fn is_near(&self, when: When, found: Timestamp, now: Timestamp) -> bool {
        let wanted = match when {
            When::At(time) => time,
            When::In(wait) => now + wait,
        };
        wanted.since(found) <= self.delta && found.since(wanted) <= self.delta
    }
}

impl fmt::Display for Filter {
    /// One line for each thing that was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        lines.extend(self.worker.as_ref().map(|worker| format!("worker: {worker}")));
        lines.extend(self.queue.as_ref().map(|queue| format!("queue: {queue}")));
        lines.extend(self.state.map(|state| format!("state: {state}")));
        lines.extend(self.args.as_ref().map(|args| format!("args: {}", shown(args))));
        lines.extend(self.meta.as_ref().map(|meta| format!("meta: {}", shown(meta))));
        lines.extend((!self.tags.is_empty()).then(|| format!("tags: {}", self.tags.join(", "))));
        lines.extend(self.priority.map(|priority| format!("priority: {priority}")));
        lines.extend(self.scheduled.map(|when| match when {
            When::At(time) => format!("scheduled_at: {time} ± {:?}", self.delta),
            When::In(wait) => format!("scheduled_in: {wait:?} ± {:?}", self.delta),
        }));
        if lines.is_empty() {
            lines.push("any job".to_owned());
        }
        f.write_str(&lines.join("\n"))
    }
}

/// What cannot be written as JSON is in no job.
fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| format!("\0{error}").into())
}

fn holds(whole: &Result<Value, serde_json::Error>, part: &Value) -> bool {
    whole.as_ref().is_ok_and(|whole| contains(whole, part))
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (_, Value::String(text)) if text == ANY => true,
        (whole, part) => whole == part,
    }
}

fn shown(value: &Value) -> String {
    let any = Value::from(ANY).to_string();
    value.to_string().replace(&any, "ANY")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn args_are_compared_as_far_as_they_are_said() {
        let whole = json!({"user": {"id": 7, "name": "ada"}, "ids": [1, 2], "none": null});
        for part in [
            json!({}),
            json!({"user": {"id": 7}}),
            json!({"user": ANY, "none": ANY}),
            json!({"user": {"id": ANY, "name": "ada"}}),
            json!({"ids": [1, 2], "none": null}),
        ] {
            assert!(contains(&whole, &part), "{part}");
        }
        for part in [
            json!({"user": {"id": 8}}),
            json!({"user": {"id": "7"}}),
            json!({"ids": [1]}),
            json!({"ids": [2, 1]}),
            json!({"other": ANY}),
            json!({"other": null}),
            json!({"user": 7}),
            json!([]),
        ] {
            assert!(!contains(&whole, &part), "{part}");
        }
    }

    #[test]
    fn times_may_be_a_second_off_or_as_much_as_is_said() {
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut job = Job::blank(1);
        job.scheduled_at = noon;
        let off = |micros: u64| Duration::from_micros(micros);
        let at = |time| Filter::new().scheduled_at(time);
        for near in [noon, noon + off(1_000_000), noon - off(1_000_000)] {
            assert!(at(near).fits(&job, Timestamp::MIN), "{near}");
        }
        for far in [noon + off(1_000_001), noon - off(1_000_001)] {
            assert!(!at(far).fits(&job, Timestamp::MIN), "{far}");
            assert!(at(far).delta(off(1_000_001)).fits(&job, Timestamp::MIN), "{far}");
        }
        let wait = off(60_000_000);
        assert!(Filter::new().scheduled_in(wait).fits(&job, noon - wait));
        assert!(!Filter::new().scheduled_in(wait).fits(&job, noon));
    }

    #[test]
    fn a_filter_is_told_line_by_line() {
        let filter = Filter::new()
            .named("Welcome")
            .queue("mailers")
            .args(json!({"id": ANY}))
            .tags(["a", "b"])
            .scheduled_in(Duration::from_secs(60));
        let text = "worker: Welcome\nqueue: mailers\nargs: {\"id\":ANY}\ntags: a, b\n\
                    scheduled_in: 60s ± 1s";
        assert_eq!(filter.to_string(), text);
        assert_eq!(Filter::new().to_string(), "any job");
    }
}
