//! What can be allowed.

use std::fmt;
use std::str::FromStr;

/// Makes the enumeration, its names and the list of all from one table.
macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that can be allowed or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Permission { $($(#[$doc])* $variant,)* }

        impl Permission {
            /// All of them.
            pub const ALL: &'static [Permission] = &[$(Permission::$variant,)*];

            /// Its name, as `jobs:retry`.
            pub fn as_str(self) -> &'static str {
                match self { $(Permission::$variant => $name,)* }
            }
        }
    };
}

permissions! {
    /// To see jobs, without what is private in them.
    JobsView = "jobs:view",
    /// To see what is private in a job, one at a time; it is written down.
    JobsReveal = "jobs:reveal",
    /// To insert jobs, and to duplicate them.
    JobsInsert = "jobs:insert",
    /// To change jobs.
    JobsUpdate = "jobs:update",
    /// To cancel jobs, running ones too.
    JobsCancel = "jobs:cancel",
    /// To try jobs again that have ended or wait to be tried again.
    JobsRetry = "jobs:retry",
    /// To make scheduled jobs run now.
    JobsRun = "jobs:run",
    /// To put jobs off.
    JobsSnooze = "jobs:snooze",
    /// To give jobs up for good.
    JobsDiscard = "jobs:discard",
    /// To delete jobs.
    JobsDelete = "jobs:delete",
    /// To take many jobs out at once, as a file.
    JobsExport = "jobs:export",
    /// To see what is done to many jobs at once.
    OperationsView = "operations:view",
    /// To do to many jobs at once what one may do to one, and to stop that.
    OperationsManage = "operations:manage",
    /// To see queues.
    QueuesView = "queues:view",
    /// To pause and resume queues.
    QueuesPause = "queues:pause",
    /// To start and stop queues.
    QueuesStop = "queues:stop",
    /// To change how many jobs of a queue run at once.
    QueuesScale = "queues:scale",
    /// To see workers, and how they do.
    WorkersView = "workers:view",
    /// To see nodes.
    NodesView = "nodes:view",
    /// To pause and resume everything on one node.
    NodesControl = "nodes:control",
    /// To see the crontab.
    CronsView = "crons:view",
    /// To add entries to the crontab.
    CronsInsert = "crons:insert",
    /// To change entries of the crontab.
    CronsUpdate = "crons:update",
    /// To remove entries from the crontab.
    CronsDelete = "crons:delete",
    /// To pause and resume entries of the crontab.
    CronsPause = "crons:pause",
    /// To run entries of the crontab now.
    CronsRun = "crons:run",
    /// To see throughput, durations and depths.
    MetricsView = "metrics:view",
    /// To see who did what.
    AuditView = "audit:view",
}

impl Permission {
    /// Whether it only lets one see.
    pub fn is_view(self) -> bool {
        self.as_str().ends_with(":view")
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(name: &str) -> Result<Permission, String> {
        let found = Permission::ALL.iter().find(|permission| permission.as_str() == name);
        found.copied().ok_or_else(|| {
            format!("there is no permission {name:?}; there are {}", Permissions::all())
        })
    }
}

/// A set of permissions.
///
/// ```
/// use kerrera_web::{Permission, Permissions, Role};
///
/// let some = Role::Viewer.permissions().with(Permission::JobsRetry);
/// assert!(some.contains(Permission::JobsRetry) && !some.contains(Permission::JobsDelete));
/// assert!(Permissions::none().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    /// No permission.
    pub const fn none() -> Permissions {
        Permissions(0)
    }

    /// Every permission.
    pub fn all() -> Permissions {
        Permission::ALL.iter().copied().collect()
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Permissions {
        Permissions(self.0 | 1 << permission as u32)
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Permissions {
        Permissions(self.0 & !(1 << permission as u32))
    }

    /// Whether one is among them.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u32 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Permissions {
        permissions.into_iter().fold(Permissions::none(), Permissions::with)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Permission::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

/// Permissions that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Sees everything but what is private and who did what.
    Viewer,
    /// Keeps things running: what a viewer has, and every action that loses nothing.
    Operator,
    /// May do everything.
    Admin,
}

impl Role {
    /// What is in it.
    pub fn permissions(self) -> Permissions {
        let viewer =
            |permission: &Permission| permission.is_view() && *permission != Permission::AuditView;
        let operator = |permission: &Permission| {
            use Permission as P;
            viewer(permission)
                || matches!(
                    permission,
                    P::JobsCancel
                        | P::JobsRetry
                        | P::JobsRun
                        | P::JobsSnooze
                        | P::OperationsManage
                        | P::AuditView
                        | P::QueuesPause
                        | P::QueuesScale
                        | P::NodesControl
                        | P::CronsPause
                        | P::CronsRun
                )
        };
        let all = Permission::ALL.iter().copied();
        match self {
            Role::Viewer => all.filter(viewer).collect(),
            Role::Operator => all.filter(operator).collect(),
            Role::Admin => all.collect(),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Role, String> {
        match name {
            "viewer" => Ok(Role::Viewer),
            "operator" => Ok(Role::Operator),
            "admin" => Ok(Role::Admin),
            _ => Err(format!("there is no role {name:?}; there are viewer, operator and admin")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        assert!("jobs:burn".parse::<Permission>().unwrap_err().contains("jobs:cancel"));
        assert!(Permission::ALL.len() <= u64::BITS as usize);
    }

    #[test]
    fn roles_grow() {
        let [viewer, operator, admin] =
            [Role::Viewer, Role::Operator, Role::Admin].map(Role::permissions);
        assert!(viewer.iter().all(|permission| operator.contains(permission)));
        assert!(operator.iter().all(|permission| admin.contains(permission)));
        assert_eq!(admin, Permissions::all());
        assert!(viewer.iter().all(Permission::is_view));
        for private in [Permission::JobsReveal, Permission::JobsExport, Permission::AuditView] {
            assert!(!viewer.contains(private), "{private}");
        }
    }
}
