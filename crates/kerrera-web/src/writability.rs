//! Whether a database can be changed at all, which every page tells.

use std::sync::Arc;
use std::time::Duration;

use kerrera::Client;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::access::ReadOnly;

/// After this long it is asked again: a standby may have been promoted.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// And after this long if the database did not say.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);

/// For how long it is asked.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a database last said, for all who ask.
#[derive(Clone, Default)]
pub(crate) struct Writability(Arc<Mutex<Option<Known>>>);

#[derive(Clone, Copy)]
struct Known {
    is_writable: bool,
    until: Instant,
}

impl Writability {
    /// Why nothing can be changed in this database, if so. If it does not say, that is as it was; at
    /// first, that it can be.
    pub(crate) async fn why_read_only(&self, client: &Client) -> Option<ReadOnly> {
        let mut known = self.0.lock().await;
        let known = match *known {
            Some(known) if Instant::now() < known.until => known,
            before => {
                let said = timeout(PATIENCE, client.reader(PATIENCE).is_writable()).await;
                let (is_writable, good_for) = match said {
                    Ok(Ok(is_writable)) => (is_writable, KNOWN_FOR),
                    _ => (before.is_none_or(|before| before.is_writable), UNKNOWN_FOR),
                };
                *known.insert(Known { is_writable, until: Instant::now() + good_for })
            }
        };
        (!known.is_writable).then_some(ReadOnly::Database)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use kerrera::sqlite::SqliteOptions;
    use kerrera::{Database, NewJob};
    use serde_json::json;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{DangerouslyPublic, Dashboard};

    #[tokio::test]
    async fn a_database_that_cannot_be_written_is_told_of_on_every_page_and_refuses_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db");
        let writer = Client::connect(format!("sqlite:{}", path.display())).await.unwrap();
        writer.insert(NewJob::of("Mail", json!({}))).await.unwrap();
        let reader = SqliteOptions::file(&path).read_only(true).open().unwrap();
        let reader = Client::connect(Database::from(reader)).await.unwrap();
        assert!(reader.insert(NewJob::of("Mail", json!({}))).await.is_err());

        let dashboard = Dashboard::new(DangerouslyPublic::everything()).instance("main", reader);
        let router = dashboard.router::<()>();
        let ask = |request: axum::http::request::Builder, body: &'static str| {
            let request = request.header("sec-fetch-site", "same-origin");
            let request = request.header("content-type", "application/json");
            let answer = router.clone().oneshot(request.body(Body::from(body)).unwrap());
            async move {
                let answer = answer.await.unwrap();
                let status = answer.status();
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                (status, String::from_utf8_lossy(&body).into_owned())
            }
        };
        for page in ["/i/main", "/i/main/jobs", "/i/main/jobs/1", "/i/main/queues", "/i/main/crons"]
        {
            let (status, body) = ask(Request::get(page), "").await;
            assert_eq!(status, StatusCode::OK, "{page}");
            assert!(body.contains("Read-only: the database allows no writes"), "{page}: {body}");
        }
        let (_, features) = ask(Request::get("/api/v1/i/main/features"), "").await;
        assert!(features.contains("\"read_only\":\"database\""), "{features}");
        for (path, body) in [
            ("/api/v1/i/main/jobs/1/cancel", "{}"),
            ("/api/v1/i/main/jobs/1/reveal", "{}"),
            ("/api/v1/i/main/jobs", r#"{"worker": "Mail"}"#),
        ] {
            let (status, said) = ask(Request::post(path), body).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            assert!(said.contains("\"read_only\""), "{path}: {said}");
        }
        let told = writer.audit(kerrera::audit::AuditQuery::new()).await.unwrap();
        assert!(told.is_empty(), "a refusal is not written down either: {told:?}");
    }
}
