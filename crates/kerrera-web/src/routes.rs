//! Every address, with what one must be allowed to use it.
//!
//! A route is made by `page` or `action`, which take a permission: there is no way to forget it. What a
//! handler gets is a [`Visit`], which only the check before it can make.

use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::handler::Handler;
use axum::http::{Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{self, MethodRouter};

use crate::access::{Entry, Permission};
use crate::dashboard::App;
use crate::refusal::{Format, Refusal};
use crate::visit::Visit;
use crate::{assets, page, preferences};

/// All addresses: those within an instance with what they need, and the few outside of any.
pub(crate) fn all(app: &App) -> Routes {
    let mut routes = Routes { app: app.clone(), router: Router::new(), table: Vec::new() };
    page::add(&mut routes);
    routes
}

/// Addresses being gathered.
pub(crate) struct Routes {
    app: App,
    router: Router<App>,
    table: Vec<Route>,
}

/// One address, as tests walk them.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) needs: Permission,
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

    /// Them as a router, with those outside of any instance.
    pub(crate) fn into_router(self) -> Router<App> {
        self.router
            .route("/", routing::get(page::entrance))
            .route("/preferences", routing::post(preferences::set))
            .route("/assets/{version}/{file}", routing::get(assets::serve))
            .route("/healthz", routing::get(|| async { "ok\n" }))
    }

    #[cfg(test)]
    pub(crate) fn table(&self) -> &[Route] {
        &self.table
    }

    fn add(
        &mut self,
        method: Method,
        path: &'static str,
        needs: Permission,
        route: MethodRouter<App>,
        format: Format,
    ) {
        self.table.push(Route { method, path, needs });
        let app = self.app.clone();
        let route = route.layer(middleware::from_fn(
            move |parameters: RawPathParams, request: Request, next: Next| {
                let app = app.clone();
                async move {
                    let instance = parameters.iter().find(|(name, _)| *name == "instance");
                    let instance = instance.map_or("", |(_, value)| value).to_owned();
                    admit(app, &instance, needs, format, request, next).await
                }
            },
        ));
        let router = std::mem::take(&mut self.router);
        let path = format!("/i/{{instance}}{path}");
        self.router = router.route(&path, route);
    }
}

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
        Entry::Viewer(viewer) => viewer.read_only(app.why_read_only()),
        Entry::Redirect(to) if format == Format::Html => return Redirect::to(&to).into_response(),
        Entry::Redirect(_) | Entry::Unknown => {
            return Refusal::Unknown.bare(&app, &parts, format);
        }
        Entry::Forbidden => return Refusal::Forbidden.bare(&app, &parts, format),
    };
    let Some(instance) = app.instance(instance).cloned() else {
        return Refusal::NotFound.bare(&app, &parts, format);
    };
    let visit = Visit::new(&app, instance, viewer, &parts);
    if let Err(denied) = visit.viewer().may(needs) {
        return Refusal::Denied(denied).within(&visit, format);
    }
    let seen = parts.headers.get(header::IF_NONE_MATCH).cloned();
    parts.extensions.insert(visit.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return refusal.clone().within(&visit, format);
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
