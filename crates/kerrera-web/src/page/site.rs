//! A dashboard to be asked by tests, with a node behind it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kerrera::{Client, Kerrera};
use tower::ServiceExt as _;

use crate::access::{Access, AccessError, Actor, Grant, Scope};
use crate::dashboard::Dashboard;

/// A dashboard at the root.
pub(crate) struct Site {
    router: Router,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) body: String,
}

impl Site {
    pub(crate) fn new(client: Client) -> Site {
        Site::of(Dashboard::new(ByHeader).instance("main", client))
    }

    /// With options of its own.
    pub(crate) fn of(dashboard: Dashboard) -> Site {
        Site { router: dashboard.router() }
    }

    /// A page within the instance, as somebody with all permissions sees it.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as("all", "en", path).await
    }

    pub(crate) async fn get_as(&self, may: &str, language: &str, path: &str) -> Answer {
        let request = Request::get(format!("/i/main{path}"));
        let request = request.header("x-may", may).header(header::ACCEPT_LANGUAGE, language);
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_as("all", path, form).await
    }

    pub(crate) async fn post_as(&self, may: &str, path: &str, form: &str) -> Answer {
        self.post_in("en", may, path, form).await
    }

    pub(crate) async fn post_in(
        &self,
        language: &str,
        may: &str,
        path: &str,
        form: &str,
    ) -> Answer {
        let request = Request::post(format!("/i/main{path}")).header("x-may", may);
        let request = request.header(header::ACCEPT_LANGUAGE, language);
        let request = request
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let location = response.headers().get(header::LOCATION);
        let location = location.map_or("", |value| value.to_str().unwrap()).to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, location, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> &Answer {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        assert!(self.body.contains(text), "{text:?} is not in {}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) -> &Answer {
        assert!(!self.body.contains(text), "{text:?} is in {}", self.body);
        self
    }

    /// It leads to this path of the instance.
    #[track_caller]
    pub(crate) fn leads_to(&self, path: &str) -> &Answer {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        assert_eq!(self.location, format!("/i/main{path}"));
        self
    }
}

/// A database that a node named `web-1` works the queues `mail` and `hidden` of.
pub(crate) async fn node() -> Kerrera {
    let node =
        Kerrera::builder("sqlite::memory:").node("web-1").queue("mail", 3).queue("hidden", 1);
    node.start().await.unwrap()
}

/// Lets in whom the header `x-may` names; hides what is called hidden.
pub(crate) struct ByHeader;

impl Access for ByHeader {
    type User = Arc<str>;

    async fn user(&self, request: &Parts) -> Result<Option<Arc<str>>, AccessError> {
        let may = request.headers.get("x-may").and_then(|value| value.to_str().ok());
        Ok(may.map(Arc::from))
    }

    fn grant(&self, user: Option<&Arc<str>>, _: &str) -> Grant {
        match user.map_or("", |user| user) {
            "all" | "everything" => Grant::All,
            list => Grant::Only(list.split(',').filter_map(|name| name.parse().ok()).collect()),
        }
    }

    fn actor(&self, _: &Arc<str>) -> Actor {
        Actor::new("7", "ada")
    }

    fn can_see(&self, user: Option<&Arc<str>>, scope: Scope<'_>) -> bool {
        user.is_some_and(|user| &**user == "everything")
            || !matches!(
                scope,
                Scope::Queue("hidden") | Scope::Worker("Hidden") | Scope::Cron("hidden")
            )
    }
}
