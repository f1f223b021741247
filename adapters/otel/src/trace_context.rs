//! Traces that continue from insertion to run.

use kerrera::Job;
use kerrera::telemetry::Propagator;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde_json::{Map, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Carries the trace of an insertion to the run, as the W3C writes it: `traceparent` and `tracestate` in
/// the job's meta.
///
/// The program's `tracing` subscriber needs the layer of
/// [`tracing-opentelemetry`](https://docs.rs/tracing-opentelemetry). Jobs that follow from a run belong to
/// the trace of that run. A job whose meta has a `traceparent` when it is inserted keeps that one.
#[derive(Debug)]
pub struct TraceContext {
    form: TraceContextPropagator,
    relation: Relation,
}

#[derive(Clone, Copy, Debug)]
enum Relation {
    Continues,
    Links,
}

/// The key without which there is no trace.
const PARENT: &str = "traceparent";

impl TraceContext {
    /// Lets a run be a part of the trace in which its job was inserted.
    pub fn new() -> TraceContext {
        TraceContext { form: TraceContextPropagator::new(), relation: Relation::Continues }
    }

    /// Lets a run be a trace of its own, with a link to the span in which its job was inserted: for
    /// jobs that run long after, or often.
    pub fn linked() -> TraceContext {
        TraceContext { relation: Relation::Links, ..TraceContext::new() }
    }
}

impl Default for TraceContext {
    fn default() -> TraceContext {
        TraceContext::new()
    }
}

impl Propagator for TraceContext {
    fn inject(&self, meta: &mut Map<String, Value>) {
        if meta.contains_key(PARENT) {
            return;
        }
        let span = Span::current().context();
        // Some trace without tracing's spans.
        let here = if span.span().span_context().is_valid() { span } else { Context::current() };
        self.form.inject_context(&here, &mut Writer(meta));
    }

    fn begin(&self, job: &Job, span: &Span) {
        // Most jobs of a program that does not trace have none; then their meta is not decoded.
        if !job.meta.as_str().contains(PARENT) {
            return;
        }
        let Ok(meta) = job.meta.decode::<Map<String, Value>>() else { return };
        let inserted = self.form.extract_with_context(&Context::new(), &Reader(&meta));
        let origin = inserted.span().span_context().clone();
        if !origin.is_valid() {
            return;
        }
        match self.relation {
            // Without the layer there is no trace to continue.
            Relation::Continues => _ = span.set_parent(inserted),
            Relation::Links => span.add_link(origin),
        }
    }
}

struct Writer<'m>(&'m mut Map<String, Value>);

impl Injector for Writer<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value.into());
        }
    }
}

struct Reader<'m>(&'m Map<String, Value>);

impl Extractor for Reader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}
