//! Lines for programs without a tracing subscriber.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kerrera_core::{Job, Timestamp};
use serde_json::{Map, Value, json};

use super::{Event, Level, Subscriber, Topic};

/// Writes events as lines, for people or as JSON: what Oban's default logger is.
///
/// A program with a `tracing` subscriber needs none of it: the same events go there anyway. This one
/// is for programs that have none, and for logs whose form is Oban's.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::telemetry::{Logger, Topic};
///
/// let builder = Kerrera::builder("sqlite::memory:")
///     .subscribe(Logger::json().topics([Topic::Job, Topic::Rescue]));
/// # let _: kerrera::Builder = builder;
/// ```
///
/// A line of JSON has the keys `source` (always `kerrera`), `time`, `level` and `event`; for a run's
/// events `id`, `queue`, `worker`, `attempt`, `max_attempts` and `tags`; and the fields of the event,
/// such as `state`, `duration` and `queue_time`, lengths of time in microseconds. A queue that shuts
/// down without leaving jobs behind is not worth a line.
pub struct Logger {
    form: Form,
    level: Level,
    topics: Option<Vec<Topic>>,
    args: bool,
    output: Mutex<Box<dyn Write + Send>>,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Json,
    Human,
}

impl Logger {
    /// Writes each event as a JSON object, to standard error.
    pub fn json() -> Logger {
        Logger::of(Form::Json)
    }

    /// Writes each event as a line for people, to standard error.
    pub fn human() -> Logger {
        Logger::of(Form::Human)
    }

    /// Writes events of this level and worse ones; [`Level::Debug`] by default, which has every run
    /// and not every call to the database.
    #[must_use]
    pub fn level(mut self, level: Level) -> Logger {
        self.level = level;
        self
    }

    /// Writes events of these topics alone; of all by default.
    #[must_use]
    pub fn topics(mut self, topics: impl IntoIterator<Item = Topic>) -> Logger {
        self.topics = Some(topics.into_iter().collect());
        self
    }

    /// Writes the jobs' args and meta too, which may be private; not done by default.
    #[must_use]
    pub fn args(mut self, args: bool) -> Logger {
        self.args = args;
        self
    }

    /// Writes there instead of to standard error. What cannot be written is lost.
    #[must_use]
    pub fn to(mut self, output: impl Write + Send + 'static) -> Logger {
        self.output = Mutex::new(Box::new(output));
        self
    }

    fn of(form: Form) -> Logger {
        Logger {
            form,
            level: Level::Debug,
            topics: None,
            args: false,
            output: Mutex::new(Box::new(io::stderr())),
        }
    }

    fn wants(&self, event: &Event) -> bool {
        let says_nothing = match event {
            Event::QueueShutdown(shutdown) => shutdown.orphaned.is_empty(),
            _ => false,
        };
        let topics = self.topics.as_ref();
        !says_nothing
            && event.level() <= self.level
            && topics.is_none_or(|topics| topics.contains(&event.topic()))
    }

    fn fields(&self, event: &Event) -> Map<String, Value> {
        let mut fields = event.job().map_or_else(Map::new, |job| self.job(job));
        fields.extend(event.fields());
        fields
    }

    fn job(&self, job: &Job) -> Map<String, Value> {
        let mut fields = Map::from_iter([
            ("id".to_owned(), json!(job.id)),
            ("queue".to_owned(), json!(job.queue)),
            ("worker".to_owned(), json!(job.worker)),
            ("attempt".to_owned(), json!(job.attempt)),
            ("max_attempts".to_owned(), json!(job.max_attempts)),
            ("tags".to_owned(), json!(job.tags)),
        ]);
        if self.args {
            let shown = |json: &kerrera_core::Json| {
                json.decode::<Value>().unwrap_or_else(|_| json.as_str().into())
            };
            fields.insert("args".to_owned(), shown(&job.args));
            fields.insert("meta".to_owned(), shown(&job.meta));
        }
        fields
    }

    fn line(&self, event: &Event, time: Timestamp) -> String {
        let fields = self.fields(event);
        match self.form {
            Form::Json => {
                let mut line = json!({
                    "source": "kerrera",
                    "time": time,
                    "level": event.level().as_str(),
                    "event": event.name(),
                });
                if let Value::Object(line) = &mut line {
                    line.extend(event.words().map(|words| ("message".to_owned(), words.into())));
                    line.extend(fields);
                }
                format!("{line}\n")
            }
            Form::Human => human(event, time, &fields),
        }
    }
}

impl Subscriber for Logger {
    fn on_event(&self, event: &Event) {
        if self.wants(event) {
            let line = self.line(event, Timestamp::now());
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger")
            .field("form", &self.form)
            .field("level", &self.level)
            .field("topics", &self.topics)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

/// The fields that are lengths of time.
const TIMES: [&str; 4] = ["duration", "queue_time", "elapsed", "timeout"];

fn human(event: &Event, time: Timestamp, fields: &Map<String, Value>) -> String {
    let mut line = format!("{time} {:>5} {}", event.level().as_str().to_uppercase(), event.name());
    for (name, value) in fields {
        let _ = match value {
            Value::Null => continue,
            Value::Number(micros) if TIMES.contains(&name.as_str()) => {
                let time = Duration::from_micros(micros.as_u64().unwrap_or_default());
                write!(line, " {name}={time:?}")
            }
            // Quoted where it would not be one word, or could move a terminal's cursor.
            Value::String(text) if text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                write!(line, " {name}={text:?}")
            }
            Value::String(text) => write!(line, " {name}={text}"),
            value => write!(line, " {name}={value}"),
        };
    }
    if let Some(words) = event.words() {
        line.push(' ');
        line.push_str(words);
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kerrera_core::{Json, State};

    use super::*;
    use crate::telemetry::{Ending, FailureKind, JobException, JobStart, QueueShutdown, Stage};

    fn job() -> Arc<Job> {
        let mut job = Job::blank(7);
        (job.queue, job.worker) = ("mailers".into(), "Welcome".into());
        (job.attempt, job.max_attempts) = (2, 3);
        job.args = Json::from(json!({"password": "hunter2"}));
        Arc::new(job)
    }

    fn exception() -> Event {
        Event::from(JobException {
            job: job(),
            state: Ending::Failure,
            to: State::Retryable,
            duration: Duration::from_micros(1_500),
            queue_time: Duration::from_secs(2),
            kind: FailureKind::Error,
            error: "no such\nhost".into(),
        })
    }

    fn json_line(logger: &Logger, event: &Event) -> Value {
        serde_json::from_str(&logger.line(event, Timestamp::MIN)).unwrap()
    }

    #[test]
    fn a_line_of_json_has_obans_fields_and_no_args() {
        let line = json_line(&Logger::json(), &exception());
        let expected = json!({
            "source": "kerrera", "time": "1970-01-01T00:00:00.000000Z", "level": "warn",
            "event": "job.exception", "id": 7, "queue": "mailers", "worker": "Welcome",
            "attempt": 2, "max_attempts": 3, "tags": [], "state": "failure", "to": "retryable",
            "duration": 1_500, "queue_time": 2_000_000, "kind": "error", "error": "no such\nhost",
        });
        assert_eq!(line, expected);
        let line = json_line(&Logger::json().args(true), &exception());
        assert_eq!(line["args"], json!({"password": "hunter2"}));
        assert_eq!(line["meta"], json!({}));
    }

    #[test]
    fn a_line_for_people_is_one_line() {
        let line = Logger::human().line(&exception(), Timestamp::MIN);
        assert!(line.starts_with("1970-01-01T00:00:00.000000Z  WARN job.exception "), "{line}");
        assert!(line.contains(" duration=1.5ms ") && line.contains(" queue_time=2s "), "{line}");
        assert!(line.contains("error=\"no such\\nhost\"") && line.ends_with('\n'), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn levels_and_topics_choose_what_is_written() {
        let start = Event::from(JobStart { job: job(), queue_time: Duration::ZERO });
        let stage = Event::from(Stage { count: 1, duration: Duration::ZERO });
        let everything = Logger::json();
        assert!(everything.wants(&start) && everything.wants(&stage));
        let jobs = Logger::json().topics([Topic::Job]);
        assert!(jobs.wants(&start) && !jobs.wants(&stage));
        let trouble = Logger::json().level(Level::Warn);
        assert!(trouble.wants(&exception()) && !trouble.wants(&start));
    }

    #[test]
    fn a_queue_that_leaves_nothing_behind_is_not_worth_a_line() {
        let shutdown = |orphaned| {
            let (queue, elapsed) = ("default".into(), Duration::from_millis(3));
            Event::from(QueueShutdown { queue, elapsed, orphaned })
        };
        assert!(!Logger::json().wants(&shutdown(vec![])));
        assert!(Logger::json().wants(&shutdown(vec![7])));
        let line = json_line(&Logger::json(), &shutdown(vec![7]));
        assert_eq!((&line["orphaned"], &line["elapsed"]), (&json!([7]), &json!(3_000)));
    }

    #[test]
    fn lines_go_where_they_are_sent() {
        #[derive(Clone, Default)]
        struct Page(Arc<Mutex<Vec<u8>>>);
        impl Write for Page {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let page = Page::default();
        let logger = Logger::human().to(page.clone());
        logger.on_event(&exception());
        logger.on_event(&exception());
        let written = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 2);
    }
}
