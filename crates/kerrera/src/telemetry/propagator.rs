//! What travels with a job from its insertion to its run.

use kerrera_core::Job;
use serde_json::{Map, Value};

/// Carries something through a job's meta from where it is inserted to where it runs: a trace, a
/// tenant, a request's number.
///
/// The crate `kerrera-otel` has one for W3C trace contexts.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::telemetry::Propagator;
/// use serde_json::{Map, Value, json};
///
/// struct Release;
///
/// impl Propagator for Release {
///     fn inject(&self, meta: &mut Map<String, Value>) {
///         meta.insert("release".into(), json!("2026-11-22"));
///     }
/// }
///
/// # #[tokio::main] async fn main() -> kerrera::Result<()> {
/// let client = Client::connect("sqlite::memory:").await?.with_propagator(Release);
/// let inserted = client.insert(NewJob::of("Mailer", json!({}))).await?;
/// assert_eq!(inserted.job().meta.get("release"), Some(json!("2026-11-22")));
/// # Ok(()) }
/// ```
pub trait Propagator: Send + Sync + 'static {
    /// Adds to the meta of a job that is being inserted.
    ///
    /// Called where the insertion is called, and so within the caller's span; for the jobs that
    /// follow from a run, within the span of that run; for those that the cron loop inserts, within a
    /// span `cron` of its own, with the meta of the entry. Costs the decoding and encoding of the meta.
    fn inject(&self, meta: &mut Map<String, Value>);

    /// Sees a job and the span that its run is going to be in, before that is entered.
    ///
    /// A panic here is caught, and the job runs.
    fn begin(&self, job: &Job, span: &tracing::Span) {
        let _ = (job, span);
    }
}
