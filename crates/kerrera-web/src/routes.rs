//! Every address, with what one must be allowed to use it.
//!
//! A route is made by `page`, `action` or `data`, which take a permission: there is no way to forget it. What a
//! handler gets is a [`Visit`], which only the check before it can make.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::handler::Handler;
use axum::http::{Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{self, MethodRouter};
use axum::{Extension, Router};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::access::{Entry, Permission};
use crate::api::Document;
use crate::dashboard::App;
use crate::refusal::{Format, Problem, Refusal};
use crate::visit::Visit;
use crate::{api, assets, live, page, preferences};

/// All addresses: those within an instance with what they need, and the few outside of any.
pub(crate) fn all(app: &App) -> Routes {
    let mut routes = Routes {
        app: app.clone(),
        router: Router::new(),
        table: Vec::new(),
        document: Document::default(),
    };
    page::add(&mut routes);
    live::add(&mut routes);
    api::add(&mut routes);
    routes
}

/// Addresses being gathered.
pub(crate) struct Routes {
    app: App,
    router: Router<App>,
    table: Vec<Route>,
    document: Document,
}

/// One address, as tests walk them.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "it is for tests to read"))]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Without the instance, and all that is in front of it.
    pub(crate) path: String,
    pub(crate) needs: Permission,
    pub(crate) format: Format,
}

impl Routes {
    /// A page, which changes nothing.
    pub(crate) fn page<H, T>(&mut self, path: &'static str, needs: Permission, handler: H)
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::GET, path, needs, routing::get(handler), Format::Html);
    }

    /// What keeps pages fresh.
    pub(crate) fn stream<H, T>(&mut self, path: &'static str, needs: Permission, handler: H)
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.page(path, needs, handler);
    }

    /// A page that asks before something is done; not there at all if the dashboard serves no actions.
    pub(crate) fn question<H, T>(&mut self, path: &'static str, needs: Permission, handler: H)
    where
        H: Handler<T, App>,
        T: 'static,
    {
        if !self.app.options.read_only {
            self.page(path, needs, handler);
        }
    }

    /// What a form does; not there at all if the dashboard serves no actions.
    pub(crate) fn action<H, T>(&mut self, path: &'static str, needs: Permission, handler: H)
    where
        H: Handler<T, App>,
        T: 'static,
    {
        if !self.app.options.read_only {
            self.add(Method::POST, path, needs, routing::post(handler), Format::Html);
        }
    }

    /// An endpoint of the API, as `utoipa_axum::routes!` makes it of one handler: it gets its place, its
    /// permission, and its part of the OpenAPI document at once.
    pub(crate) fn data(
        &mut self,
        needs: Permission,
        (schemas, paths, route): UtoipaMethodRouter<App>,
    ) {
        for (path, item) in paths.paths {
            for (method, operation) in api::operations(item) {
                if self.app.options.read_only && !method.is_safe() {
                    continue;
                }
                self.document.add(&method, &path, needs, operation, &schemas);
                self.add(method, &path, needs, route.clone(), Format::Json);
            }
        }
    }

    /// Them as a router, with those outside of any instance.
    pub(crate) fn into_router(self) -> Router<App> {
        let document = Arc::new(self.document.finish());
        self.router
            .route(
                "/api/openapi.json",
                routing::get(api::serve_document).layer(Extension(document)),
            )
            .route("/", routing::get(page::entrance))
            .route("/preferences", routing::post(preferences::set))
            .route("/assets/{version}/{file}", routing::get(assets::serve))
            .route("/metrics", routing::get(api::serve_metrics))
            .route("/healthz", routing::get(|| async { "ok\n" }))
    }

    #[cfg(test)]
    pub(crate) fn table(&self) -> &[Route] {
        &self.table
    }

    fn add(
        &mut self,
        method: Method,
        path: &str,
        needs: Permission,
        route: MethodRouter<App>,
        format: Format,
    ) {
        self.table.push(Route { method, path: path.to_owned(), needs, format });
        let app = self.app.clone();
        let route = route.layer(middleware::from_fn(
            move |parameters: Parameters, request: Request, next: Next| {
                let app = app.clone();
                async move {
                    // An address that is no text is no instance's.
                    let instance = parameters.ok().and_then(|parameters| {
                        let instance = parameters.iter().find(|(name, _)| *name == "instance");
                        instance.map(|(_, value)| value.to_owned())
                    });
                    let instance = instance.unwrap_or_default();
                    admit(app, &instance, needs, format, request, next).await
                }
            },
        ));
        let router = std::mem::take(&mut self.router);
        let prefix = match format {
            Format::Html => "/i/{instance}",
            Format::Json => api::PREFIX,
        };
        let path = format!("{prefix}{path}");
        self.router = router.route(&path, route);
    }
}

type Parameters = Result<RawPathParams, RawPathParamsRejection>;

/// The door: who is it, what may they do, and is it this?
async fn admit(
    app: App,
    instance: &str,
    needs: Permission,
    format: Format,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let entry = match app.access.enter(&parts, instance).await {
        Ok(entry) => entry,
        Err(error) => {
            tracing::error!(%error, "nobody is let into the dashboard");
            return Refusal::NobodyKnown.bare(&app, &parts, format);
        }
    };
    let viewer = match entry {
        Entry::Viewer(viewer) => viewer,
        Entry::Redirect(to) if format == Format::Html => return Redirect::to(&to).into_response(),
        Entry::Redirect(_) | Entry::Unknown => {
            return Refusal::Unknown.bare(&app, &parts, format);
        }
        Entry::Forbidden => return Refusal::Forbidden.bare(&app, &parts, format),
    };
    let Some(instance) = app.instance(instance).cloned() else {
        return Refusal::NotFound.bare(&app, &parts, format);
    };
    let viewer = viewer
        .read_only(app.why_read_only(&instance).await)
        .read_only_queues(app.options.read_only_queues.clone());
    let visit = Visit::new(&app, instance, viewer, format, &parts);
    if let Err(denied) = visit.viewer().may(needs) {
        if !parts.method.is_safe() {
            visit.service().refused(denied, parts.uri.path()).await;
        }
        return Refusal::Denied(denied).within(&visit, format);
    }
    let seen = parts.headers.get(header::IF_NONE_MATCH).cloned();
    parts.extensions.insert(visit.clone());
    let changes = !parts.method.is_safe();
    let response = next.run(Request::from_parts(parts, body)).await;
    if changes {
        // Whoever changed something is to see it, on the very next page.
        visit.shared().forget();
    }
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return refusal.clone().within(&visit, format);
    }
    let status = response.status();
    if format == Format::Json && status.is_client_error() {
        // Of the router itself: another method, mostly.
        let mut problem = Problem::bare(status, visit.request_id()).into_response();
        if let Some(allowed) = response.headers().get(header::ALLOW) {
            problem.headers_mut().insert(header::ALLOW, allowed.clone());
        }
        return problem;
    }
    match (seen, response.headers().get(header::ETAG)) {
        (Some(seen), Some(now)) if seen == *now => {
            let mut unchanged = axum::http::StatusCode::NOT_MODIFIED.into_response();
            unchanged.headers_mut().insert(header::ETAG, now.clone());
            unchanged
        }
        _ => response,
    }
}

#[cfg(test)]
mod tests;
