//! Who may do what.

mod permission;
mod viewer;

use std::fmt;
use std::future::Future;

use axum::http::request::Parts;

pub use permission::{Permission, Permissions, Role};
pub(crate) use viewer::{AnyAccess, Entry, erase};
pub use viewer::{Denied, ReadOnly, Viewer};

/// Who may do what in a dashboard; required to make one.
///
/// The application's own login has its say first, as a layer in front of the router; an `Access` reads
/// what that has found out, for instance from the request's extensions.
///
/// ```
/// use axum::http::request::Parts;
/// use kerrera_web::{Access, AccessError, Actor, Grant, Role, Scope};
///
/// struct ByHeader;
///
/// impl Access for ByHeader {
///     type User = String;
///
///     async fn user(&self, request: &Parts) -> Result<Option<String>, AccessError> {
///         let name = request.headers.get("x-user").and_then(|name| name.to_str().ok());
///         Ok(name.map(str::to_owned))
///     }
///
///     fn grant(&self, user: Option<&String>, _instance: &str) -> Grant {
///         user.map_or(Grant::Forbidden, |_| Grant::Only(Role::Viewer.permissions()))
///     }
///
///     fn actor(&self, user: &String) -> Actor {
///         Actor::new(user, user)
///     }
///
///     /// What is hidden is not there: not in lists, not in counts, not by its number.
///     fn can_see(&self, _user: Option<&String>, scope: Scope<'_>) -> bool {
///         scope != Scope::Queue("payroll")
///     }
/// }
/// ```
pub trait Access: Send + Sync + 'static {
    /// What is known of somebody who has come in.
    type User: Clone + Send + Sync + 'static;

    /// Who sends this request; nobody that is known if `None`.
    ///
    /// # Errors
    ///
    /// When it cannot be found out, say because a service of identities does not answer. Nobody is let
    /// in then, and the answer is 503.
    fn user(
        &self,
        request: &Parts,
    ) -> impl Future<Output = Result<Option<Self::User>, AccessError>> + Send;

    /// What they may do in an instance. Asked for every request.
    fn grant(&self, user: Option<&Self::User>, instance: &str) -> Grant;

    /// Under which name what they do is written down.
    fn actor(&self, user: &Self::User) -> Actor;

    /// Whether they know of this; what is hidden from them does not exist for them.
    fn can_see(&self, _user: Option<&Self::User>, _scope: Scope<'_>) -> bool {
        true
    }
}

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing: 403, or 401 for those who are not known.
    Forbidden,
    /// Nothing yet: a browser is sent there, to log in. To the API this is 401.
    Redirect(String),
    /// This.
    Only(Permissions),
    /// Everything.
    All,
}

/// Something that can be hidden from somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope<'a> {
    /// A queue and its jobs.
    Queue(&'a str),
    /// A worker and its jobs.
    Worker(&'a str),
    /// An entry of the crontab.
    Cron(&'a str),
}

/// Under which name actions are written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What never changes: a number, an address.
    pub id: String,
    /// What people call them.
    pub name: String,
}

impl Actor {
    /// Somebody of this id and name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Actor {
        Actor { id: id.into(), name: name.into() }
    }
}

/// Why it could not be found out who somebody is.
#[derive(Debug)]
pub struct AccessError(Box<dyn std::error::Error + Send + Sync>);

impl AccessError {
    /// For this reason; it is logged, and not shown.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AccessError {
        AccessError(reason.into())
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it could not be found out who this is: {}", self.0)
    }
}

impl std::error::Error for AccessError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// Lets everybody do everything, or what is given: for a machine that nobody else can reach.
///
/// What is done is written down as done by "anybody".
#[derive(Clone, Debug)]
pub struct DangerouslyPublic(Permissions);

impl DangerouslyPublic {
    /// Everybody may do everything.
    pub fn everything() -> DangerouslyPublic {
        DangerouslyPublic(Permissions::all())
    }

    /// Everybody may do this.
    pub fn only(permissions: Permissions) -> DangerouslyPublic {
        DangerouslyPublic(permissions)
    }
}

impl Access for DangerouslyPublic {
    type User = ();

    async fn user(&self, _: &Parts) -> Result<Option<()>, AccessError> {
        Ok(Some(()))
    }

    fn grant(&self, _: Option<&()>, _: &str) -> Grant {
        Grant::Only(self.0)
    }

    fn actor(&self, (): &()) -> Actor {
        Actor::new("anybody", "anybody")
    }
}
