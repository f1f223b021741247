//! One request that was let in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use kerrera::Timestamp;
use kerrera::audit::Via;

use crate::access::Viewer;
use crate::dashboard::{App, Instance};
use crate::guard::RequestId;
use crate::language::Language;
use crate::links::Links;
use crate::preferences::Preferences;
use crate::refusal::{Format, Refusal};
use crate::service::{Service, Shared};
use crate::text::Text;

/// A request that was let in: who asks, of which instance, and how they want to see it.
#[derive(Clone)]
pub(crate) struct Visit(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    app: App,
    service: Service,
    shared: Shared,
    links: Links,
    preferences: Preferences,
    wants_fragment: bool,
    query: String,
    now: Timestamp,
    request_id: Option<RequestId>,
}

impl Visit {
    pub(crate) fn new(
        app: &App,
        instance: Instance,
        viewer: Viewer,
        format: Format,
        parts: &Parts,
    ) -> Visit {
        let request_id = RequestId::of(parts);
        let service = Service::new(instance.client, &instance.name, viewer)
            .ruled_by(app.options.rules.clone())
            .allowing_to_edit_args(app.options.edits_args)
            .via(if format == Format::Json { Via::Api } else { Via::Html });
        // What is about to be changed is decided by what is there now, not by what was a second ago.
        let service = match parts.method.is_safe() {
            true => service.sharing(instance.shared.clone()),
            false => service,
        };
        let service = match &request_id {
            Some(id) => service.request(id.as_str()),
            None => service,
        };
        let links = Links::new(app.base_of(parts), &instance.name);
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Visit(Arc::new(Inner {
            app: app.clone(),
            service,
            shared: instance.shared,
            links,
            preferences: Preferences::of(parts),
            wants_fragment: parts.headers.contains_key("x-fragment"),
            query,
            now: Timestamp::now(),
            request_id,
        }))
    }

    /// The same, as far as something of this queue is concerned.
    pub(crate) fn within(&self, queue: &str) -> Visit {
        if !self.viewer().freezes(queue) {
            return self.clone();
        }
        let service = self.0.service.within(queue);
        Visit(Arc::new(Inner { service, ..Inner::clone(&self.0) }))
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    /// What can be asked and done.
    pub(crate) fn service(&self) -> &Service {
        &self.0.service
    }

    /// The answers that all share.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    pub(crate) fn viewer(&self) -> &Viewer {
        self.0.service.viewer()
    }

    pub(crate) fn links(&self) -> &Links {
        &self.0.links
    }

    pub(crate) fn preferences(&self) -> &Preferences {
        &self.0.preferences
    }

    pub(crate) fn language(&self) -> Language {
        self.0.preferences.language
    }

    /// What is said, in their language.
    pub(crate) fn text(&self) -> Text {
        Text::from(self.language())
    }

    /// Their name, if anybody in particular.
    pub(crate) fn shown_actor(&self) -> Option<&str> {
        Some(self.viewer().actor().name.as_str()).filter(|name| !name.is_empty())
    }

    /// Whether only what changes is wanted, and not the frame around it.
    pub(crate) fn wants_fragment(&self) -> bool {
        self.0.wants_fragment
    }

    /// What stands behind the question mark.
    pub(crate) fn query(&self) -> &str {
        &self.0.query
    }

    /// By what the log knows it.
    pub(crate) fn request_id(&self) -> Option<RequestId> {
        self.0.request_id.clone()
    }

    /// When it came in: one instant for the whole page.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.now
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visit, Response> {
        // Without it the route was not made by `Routes`, and nobody was asked who this is.
        let visit = parts.extensions.get::<Visit>().cloned();
        visit.ok_or_else(|| Refusal::Broken.into_response())
    }
}
