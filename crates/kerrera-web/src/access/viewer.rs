//! Somebody who has come in, for as long as one request lasts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::request::Parts;

use super::{Access, AccessError, Actor, Grant, Permission, Permissions, Scope};

/// Somebody who asks or does something: what they may do, what they know of, and under which name it
/// is written down.
#[derive(Clone)]
pub struct Viewer {
    permissions: Permissions,
    actor: Actor,
    /// What they know of; everything, if nothing is said.
    sees: Option<Sees>,
    read_only: Option<ReadOnly>,
    frozen: Arc<[String]>,
}

type Sees = Arc<dyn Fn(Scope<'_>) -> bool + Send + Sync>;

/// Why nothing can be changed, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadOnly {
    /// The dashboard was started so.
    Process,
    /// The database allows no writes: it is a replica, or was set so.
    Database,
    /// It is of a queue in which nothing is changed.
    Queue,
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// They do not have this permission.
    Missing(Permission),
    /// Nobody can change anything here.
    ReadOnly(ReadOnly),
}

impl Viewer {
    /// Somebody with these permissions, who sees everything.
    pub fn new(actor: Actor, permissions: Permissions) -> Viewer {
        Viewer { permissions, actor, sees: None, read_only: None, frozen: Arc::default() }
    }

    /// The same, but only what this allows is visible to them.
    #[must_use]
    pub fn seeing(self, sees: impl Fn(Scope<'_>) -> bool + Send + Sync + 'static) -> Viewer {
        Viewer { sees: Some(Arc::new(sees)), ..self }
    }

    /// The same, but nothing can be changed.
    #[must_use]
    pub fn read_only(self, why: Option<ReadOnly>) -> Viewer {
        Viewer { read_only: why.or(self.read_only), ..self }
    }

    /// The same, but nothing can be changed in these queues, nor put into them.
    #[must_use]
    pub fn read_only_queues(self, queues: impl Into<Arc<[String]>>) -> Viewer {
        Viewer { frozen: queues.into(), ..self }
    }

    /// The same, as far as something of this queue is concerned.
    pub(crate) fn within(&self, queue: &str) -> Viewer {
        let why = self.freezes(queue).then_some(ReadOnly::Queue);
        Viewer { read_only: self.read_only.or(why), ..self.clone() }
    }

    /// Under which name what they do is written down.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What they may do.
    pub fn permissions(&self) -> Permissions {
        match self.read_only {
            None => self.permissions,
            Some(_) => self.permissions.iter().filter(|permission| permission.is_view()).collect(),
        }
    }

    /// Why nothing can be changed, if so.
    pub fn why_read_only(&self) -> Option<ReadOnly> {
        self.read_only
    }

    /// Whether they may do this.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn may(&self, permission: Permission) -> Result<(), Denied> {
        if !self.permissions.contains(permission) {
            return Err(Denied::Missing(permission));
        }
        match self.read_only {
            Some(why) if !permission.is_view() => Err(Denied::ReadOnly(why)),
            _ => Ok(()),
        }
    }

    /// Whether they may do this to something of a queue.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn may_within(&self, permission: Permission, queue: &str) -> Result<(), Denied> {
        self.may(permission)?;
        match self.freezes(queue) && !permission.is_view() {
            true => Err(Denied::ReadOnly(ReadOnly::Queue)),
            false => Ok(()),
        }
    }

    /// The queues that they know of in which nothing can be changed.
    pub fn frozen_queues(&self) -> impl Iterator<Item = &str> {
        let names = self.frozen.iter().map(String::as_str);
        names.filter(|name| self.sees(Scope::Queue(name)))
    }

    /// Whether nothing can be changed in this queue.
    pub(crate) fn freezes(&self, queue: &str) -> bool {
        self.frozen.iter().any(|name| name == queue)
    }

    /// Whether there are queues in which nothing can be changed, known to them or not.
    pub(crate) fn freezes_any(&self) -> bool {
        !self.frozen.is_empty()
    }

    /// Whether they have this permission, though nothing can be changed perhaps.
    pub(crate) fn has(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Whether they know of this.
    pub fn sees(&self, scope: Scope<'_>) -> bool {
        self.sees.as_ref().is_none_or(|sees| sees(scope))
    }

    /// Whether nothing at all is hidden from them.
    pub(crate) fn sees_everything(&self) -> bool {
        self.sees.is_none()
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer")
            .field("actor", &self.actor)
            .field("permissions", &self.permissions)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// What the door says to a request.
pub(crate) enum Entry {
    /// Come in.
    Viewer(Viewer),
    /// Log in there.
    Redirect(String),
    /// Not known.
    Unknown,
    /// Known, and not allowed.
    Forbidden,
}

/// An [`Access`] of which the user's type is forgotten.
pub(crate) trait AnyAccess: Send + Sync {
    fn enter<'a>(
        &'a self,
        request: &'a Parts,
        instance: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Entry, AccessError>> + Send + 'a>>;
}

/// Forgets the user's type.
pub(crate) fn erase(access: impl Access) -> Arc<dyn AnyAccess> {
    Arc::new(Erased(Arc::new(access)))
}

struct Erased<A>(Arc<A>);

impl<A: Access> AnyAccess for Erased<A> {
    fn enter<'a>(
        &'a self,
        request: &'a Parts,
        instance: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Entry, AccessError>> + Send + 'a>> {
        Box::pin(async move {
            let user = self.0.user(request).await?;
            let actor = user.as_ref().map(|user| self.0.actor(user));
            let permissions = match (self.0.grant(user.as_ref(), instance), &actor) {
                (Grant::Forbidden, None) => return Ok(Entry::Unknown),
                (Grant::Forbidden, Some(_)) => return Ok(Entry::Forbidden),
                (Grant::Redirect(to), _) => return Ok(Entry::Redirect(to)),
                (Grant::Only(permissions), _) => permissions,
                (Grant::All, _) => Permissions::all(),
            };
            let actor = actor.unwrap_or_else(|| Actor::new("anonymous", "anonymous"));
            let access = self.0.clone();
            let viewer = Viewer::new(actor, permissions);
            Ok(Entry::Viewer(viewer.seeing(move |scope| access.can_see(user.as_ref(), scope))))
        })
    }
}
