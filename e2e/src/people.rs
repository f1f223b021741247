//! Who looks at it: everybody whom the header `x-user` names.

use crate::Scene;
use axum::http::request::Parts;
use kerrera_web::{Access, AccessError, Actor, Grant, Role, Scope};

/// Lets in an administrator, a viewer, and somebody from whom a part is hidden.
pub(crate) struct People(pub(crate) Scene);

/// What is hidden from `narrow`.
pub(crate) const HIDDEN_QUEUE: &str = "payroll";

impl Access for People {
    type User = String;

    async fn user(&self, request: &Parts) -> Result<Option<String>, AccessError> {
        let name = request.headers.get("x-user").and_then(|name| name.to_str().ok());
        // A person who opens it by hand has no such header.
        Ok(Some(name.unwrap_or("admin").to_owned()))
    }

    fn grant(&self, user: Option<&String>, _: &str) -> Grant {
        match user.map(String::as_str) {
            Some("admin" | "narrow") => Grant::All,
            Some("operator") => Grant::Only(Role::Operator.permissions()),
            Some("viewer") => Grant::Only(Role::Viewer.permissions()),
            _ => Grant::Forbidden,
        }
    }

    fn actor(&self, user: &String) -> Actor {
        match self.0 {
            Scene::Hostile => Actor::new(user, format!("{user} {}", crate::seed::HOSTILE)),
            Scene::Shop => Actor::new("ada", "Ada Park"),
        }
    }

    fn can_see(&self, user: Option<&String>, scope: Scope<'_>) -> bool {
        user.is_none_or(|user| user != "narrow") || scope != Scope::Queue(HIDDEN_QUEUE)
    }
}
