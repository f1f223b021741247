//! What an engine with both of them tells the outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use kerrera::prelude::*;
use kerrera_otel::{Metrics, TraceContext};
use opentelemetry::trace::{SpanId, Status, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Serialize, Deserialize, Worker)]
#[worker(max_attempts = 1)]
struct Step {
    then: Then,
}

#[derive(Serialize, Deserialize)]
enum Then {
    Done,
    Next,
    Fail,
}

impl Perform for Step {
    async fn perform(&self, _: &Context) -> JobResult {
        match self.then {
            Then::Done => done(),
            Then::Next => done().then(Step { then: Then::Fail }),
            Then::Fail => Err("it broke".into()),
        }
    }
}

/// Waits until nothing is left to do.
async fn all_done(kerrera: Kerrera) {
    loop {
        let counts = kerrera.counts().await.unwrap();
        if counts.iter().all(|count| count.state.is_final()) {
            break;
        }
        tokio::time::sleep(5.milliseconds()).await;
    }
    kerrera.shutdown().await;
}

#[tokio::test]
async fn prometheus_is_told_what_became_of_every_run() {
    let page = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().unwrap();
    let builder = Kerrera::builder("sqlite::memory:").queue("default", 5).worker::<Step>();
    let kerrera = builder.subscribe(Metrics::new()).start().await.unwrap();
    for then in [Then::Done, Then::Next, Then::Fail] {
        kerrera.insert(Step { then }).await.unwrap();
    }
    all_done(kerrera).await;
    let page = page.render();
    let labels = "queue=\"default\",worker=\"Step\"";
    for expected in [
        "# HELP kerrera_jobs_finished_total Runs that ended, by what came of them.".to_owned(),
        format!("kerrera_jobs_started_total{{{labels}}} 4"),
        format!("kerrera_jobs_finished_total{{{labels},state=\"success\"}} 2"),
        format!("kerrera_jobs_finished_total{{{labels},state=\"discard\"}} 2"),
        format!("kerrera_job_duration_seconds_count{{{labels}}} 4"),
        format!("kerrera_job_queue_time_seconds_count{{{labels}}} 4"),
        "kerrera_jobs_inserted_total 3".to_owned(),
        "kerrera_database_seconds_count{call=\"ack\"}".to_owned(),
        "kerrera_database_seconds_count{call=\"claim\"}".to_owned(),
    ] {
        assert!(page.contains(&expected), "no {expected} in\n{page}");
    }
}

/// Where all spans of this process go.
fn spans() -> InMemorySpanExporter {
    static SPANS: OnceLock<InMemorySpanExporter> = OnceLock::new();
    let spans = SPANS.get_or_init(|| {
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .unwrap();
        spans
    });
    spans.clone()
}

/// Inserts within a span of this name, runs the job and what follows, and gives back that span and
/// those of all runs in this process.
async fn traced(propagator: TraceContext, name: &'static str) -> (SpanData, Vec<SpanData>) {
    let spans = spans();
    let builder = Kerrera::builder("sqlite::memory:").queue("default", 5).worker::<Step>();
    let kerrera = builder.propagator(propagator).start().await.unwrap();
    let request = tracing::info_span!("request", otel.name = name);
    kerrera.insert(Step { then: Then::Next }).instrument(request).await.unwrap();
    all_done(kerrera).await;
    let all = spans.get_finished_spans().unwrap();
    let request = all.iter().find(|span| span.name == name).unwrap().clone();
    (request, all.into_iter().filter(|span| span.name == "job").collect())
}

#[tokio::test]
async fn a_run_continues_the_trace_of_its_insertion_and_so_does_what_follows() {
    let (request, runs) = traced(TraceContext::new(), "continued").await;
    let of = |parent: &SpanData| {
        let parent = &parent.span_context;
        let run = runs.iter().find(|run| run.parent_span_id == parent.span_id()).unwrap();
        assert_eq!(run.span_context.trace_id(), parent.trace_id());
        run
    };
    let first = of(&request);
    assert_eq!(first.status, Status::Unset);
    assert_eq!(of(first).status, Status::error(""), "the follow-up fails");
}

#[tokio::test]
async fn the_trace_of_a_cron_job_begins_where_it_is_inserted() {
    let spans = spans();
    let builder = Kerrera::builder("sqlite::memory:").queue("default", 5).worker::<Step>();
    let builder = builder.cron("@reboot", Step { then: Then::Done });
    let kerrera = builder.propagator(TraceContext::new()).start().await.unwrap();
    while kerrera.counts().await.unwrap().is_empty() {
        tokio::time::sleep(5.milliseconds()).await;
    }
    all_done(kerrera).await;
    let all = spans.get_finished_spans().unwrap();
    let cron = all.iter().find(|span| span.name == "cron").unwrap().span_context.clone();
    let run = all.iter().find(|span| span.parent_span_id == cron.span_id()).unwrap();
    assert_eq!((run.name.as_ref(), run.span_context.trace_id()), ("job", cron.trace_id()));
}

#[tokio::test]
async fn a_run_can_be_a_trace_of_its_own_with_a_link() {
    let (request, runs) = traced(TraceContext::linked(), "linked").await;
    let origin = request.span_context.span_id();
    let links =
        |run: &&SpanData| run.links.iter().any(|link| link.span_context.span_id() == origin);
    let run = runs.iter().find(links).unwrap();
    assert_ne!(run.span_context.trace_id(), request.span_context.trace_id());
    assert_eq!(run.parent_span_id, SpanId::INVALID);
}
