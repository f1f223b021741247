//! Gauges for Prometheus, of all instances that whoever asks may watch.

use std::fmt::Write as _;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::access::{Entry, Permission};
use crate::dashboard::App;
use crate::refusal::{Format, Refusal};
use crate::service::{Gauges, QueueGauges, Service};

/// A gauge: its name, what it means, and what it is.
type Gauge<T> = (&'static str, &'static str, fn(&T) -> f64);

const QUEUES: [Gauge<QueueGauges>; 4] = [
    (
        "kerrera_queue_oldest_available_seconds",
        "For how long the oldest available job has waited.",
        |queue| queue.oldest_seconds,
    ),
    ("kerrera_queue_producers", "Producers that work a queue.", |queue| queue.producers as f64),
    ("kerrera_queue_paused_producers", "Producers that work a queue and claim nothing.", |queue| {
        queue.paused as f64
    }),
    (
        "kerrera_queue_limit",
        "How many jobs of a queue run at once at most, on all nodes together.",
        |queue| queue.limit as f64,
    ),
];

const INSTANCES: [Gauge<Gauges>; 2] = [
    ("kerrera_nodes", "Nodes that work queues.", |gauges| gauges.nodes as f64),
    ("kerrera_has_leader", "1 if a node leads, else 0.", |gauges| {
        f64::from(u8::from(gauges.has_leader))
    }),
];

/// Serves them; they need `metrics:view`.
pub(crate) async fn serve(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let mut refusal = Refusal::NotFound;
    let mut watched = Vec::new();
    for instance in app.instances.iter() {
        refusal = match app.access.enter(&parts, &instance.name).await {
            Ok(Entry::Viewer(viewer)) => match viewer.may(Permission::MetricsView) {
                Ok(()) => {
                    let service = Service::new(instance.client.clone(), &instance.name, viewer);
                    watched.push(service);
                    continue;
                }
                Err(denied) => Refusal::Denied(denied),
            },
            Ok(Entry::Forbidden) => Refusal::Forbidden,
            Ok(Entry::Redirect(_) | Entry::Unknown) => Refusal::Unknown,
            Err(error) => {
                tracing::error!(%error, "nobody is let into the dashboard");
                Refusal::NobodyKnown
            }
        };
    }
    if watched.is_empty() {
        return refusal.bare(&app, &parts, Format::Json);
    }
    let mut measured = Vec::new();
    for service in &watched {
        match service.gauges().await {
            Ok(gauges) => measured.push((service.instance(), gauges)),
            Err(error) => return Refusal::from(error).bare(&app, &parts, Format::Json),
        }
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], written(&measured)).into_response()
}

/// The text that Prometheus reads: all of one name together.
fn written(measured: &[(&str, Gauges)]) -> String {
    let mut text = Text(String::new());
    let queues = || {
        measured.iter().flat_map(|(instance, gauges)| {
            let instance = escaped(instance);
            gauges.queues.iter().map(move |(name, queue)| {
                (format!("instance=\"{instance}\",queue=\"{}\"", escaped(name)), queue)
            })
        })
    };
    text.begin("kerrera_jobs", "Jobs by queue and state; above ten thousand of one, about.");
    for (labels, queue) in queues() {
        for (state, jobs) in &queue.jobs {
            let labels = format!("{labels},state=\"{}\"", state.as_str());
            text.add("kerrera_jobs", &labels, jobs.value as f64);
        }
    }
    for (name, help, value) in QUEUES {
        text.begin(name, help);
        for (labels, queue) in queues() {
            text.add(name, &labels, value(queue));
        }
    }
    for (name, help, value) in INSTANCES {
        text.begin(name, help);
        for (instance, gauges) in measured {
            text.add(name, &format!("instance=\"{}\"", escaped(instance)), value(gauges));
        }
    }
    text.0
}

/// Writing to a string cannot fail.
struct Text(String);

impl Text {
    fn begin(&mut self, name: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    fn add(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }
}

/// A label's value, as the format has it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_cannot_forge_a_line() {
        let mut gauges = Gauges::default();
        gauges.queues.entry("a\"} 1\nkerrera_nodes 9\\".to_owned()).or_default().limit = 7;
        let text = written(&[("main", gauges)]);
        let expected = "kerrera_queue_limit{instance=\"main\",\
                        queue=\"a\\\"} 1\\nkerrera_nodes 9\\\\\"} 7\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("kerrera_nodes{instance=\"main\"} 0\n"), "{text}");
    }
}
