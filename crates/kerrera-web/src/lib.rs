//! The dashboard of [Kerrera](https://docs.rs/kerrera)'s background jobs: what is wrong, where, and what a
//! button will do.
//!
//! It is a router, to be mounted behind the application's own login. Nobody is let in unless an
//! [`Access`] says so: there is no way to make one without.
//!
//! ```
//! use axum::Router;
//! use kerrera::Client;
//! use kerrera_web::{Access, AccessError, Actor, Dashboard, Grant, Role};
//! use axum::http::request::Parts;
//!
//! /// Whom the application's login has put into the request.
//! #[derive(Clone)]
//! struct Employee { name: String, is_operator: bool }
//!
//! struct Employees;
//!
//! impl Access for Employees {
//!     type User = Employee;
//!
//!     async fn user(&self, request: &Parts) -> Result<Option<Employee>, AccessError> {
//!         Ok(request.extensions.get::<Employee>().cloned())
//!     }
//!
//!     fn grant(&self, user: Option<&Employee>, _instance: &str) -> Grant {
//!         match user {
//!             None => Grant::Redirect("/login".to_owned()),
//!             Some(employee) if employee.is_operator => Grant::Only(Role::Operator.permissions()),
//!             Some(_) => Grant::Only(Role::Viewer.permissions()),
//!         }
//!     }
//!
//!     fn actor(&self, user: &Employee) -> Actor {
//!         Actor::new(&user.name, &user.name)
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> kerrera::Result<()> {
//! let client = Client::connect("sqlite::memory:").await?;
//! let dashboard = Dashboard::new(Employees).instance("main", client);
//! let app: Router = Router::new().nest("/jobs", dashboard.router());
//! # let _ = app;
//! # Ok(()) }
//! ```
//!
//! # What is where
//!
//! - [`Dashboard`]: what is mounted, and its options.
//! - [`Access`]: who may do what. [`Permission`], [`Permissions`], [`Role`], [`Scope`].
//! - [`service`]: what pages, the JSON API and the command line ask and do; every permission is checked
//!   there, and whatever is private is taken out there.
//! - `standalone`, with the feature of that name: a server and a login of its own, for those who have no
//!   application to mount it in.

mod access;
mod api;
mod assets;
mod dashboard;
mod export;
mod guard;
mod language;
mod links;
mod live;
mod page;
mod preferences;
mod refusal;
mod routes;
pub mod service;
#[cfg(feature = "standalone")]
pub mod standalone;
mod text;
mod view;
mod visit;
mod writability;

pub use access::{
    Access, AccessError, Actor, DangerouslyPublic, Grant, Permission, Permissions, Role, Scope,
};
pub use dashboard::Dashboard;
pub use live::LiveUpdates;

/// The examples of the guide are compiled with those of the crate.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/dashboard.md")]
struct Guide;
