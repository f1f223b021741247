//! How the gate stands in front of the dashboard.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

use super::gate::{Gate, Known, bearer};
use crate::access::{Access, AccessError, Actor, Grant};
use crate::links::escape;
use crate::refusal::Problem;

/// Lets in whom the gate knows, and sends others to the login.
pub(super) struct Door(Arc<Gate>);

/// Who stands before it.
#[derive(Clone)]
pub(super) enum Comer {
    Known(Known),
    /// With the page that they want to see.
    Stranger(String),
}

impl Door {
    pub(super) fn new(gate: &Arc<Gate>) -> Door {
        Door(gate.clone())
    }
}

impl Access for Door {
    type User = Comer;

    async fn user(&self, request: &Parts) -> Result<Option<Comer>, AccessError> {
        if let Some(known) = self.0.known(request).await {
            return Ok(Some(Comer::Known(known)));
        }
        if !self.0.has_login() {
            return Ok(None);
        }
        let may_return = request.method == Method::GET && bearer(&request.headers).is_none();
        let wanted = request.uri.path_and_query().filter(|_| may_return);
        Ok(wanted.map(|wanted| Comer::Stranger(format!("{}{wanted}", self.0.ways.base))))
    }

    fn grant(&self, user: Option<&Comer>, _: &str) -> Grant {
        match user {
            Some(Comer::Known(known)) => Grant::Only(known.permissions),
            // A proxy or a token would have to name them.
            None if !self.0.has_login() => Grant::Forbidden,
            Some(Comer::Stranger(wanted)) => {
                Grant::Redirect(format!("{}/login?return_to={}", self.0.ways.base, escape(wanted)))
            }
            None => Grant::Redirect(format!("{}/login", self.0.ways.base)),
        }
    }

    fn actor(&self, user: &Comer) -> Actor {
        match user {
            Comer::Known(known) => known.actor.clone(),
            Comer::Stranger(_) => Actor::new("nobody", "nobody"),
        }
    }
}

/// The router behind what holds for a server of its own: guessers of tokens are made to wait.
pub(super) fn guarded(router: Router, gate: Arc<Gate>) -> Router {
    router.layer(middleware::from_fn_with_state(gate, slow_down))
}

async fn slow_down(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if bearer(&parts.headers).is_some()
        && let Some(wait) = gate.wait(&parts)
    {
        let detail =
            "Too many tokens of this address were wrong. Wait as long as Retry-After says.";
        let (status, title) = (StatusCode::TOO_MANY_REQUESTS, "Too many failures");
        let problem = Problem::early(status, "too_many_failures", title, detail, None);
        let mut response = problem.into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        return response;
    }
    next.run(Request::from_parts(parts, body)).await
}
