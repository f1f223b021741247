//! What there is, and what one may do.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::json::Json;
use crate::access::{Permission, ReadOnly};
use crate::routes::Routes;
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::QueuesView, routes!(features));
}

/// What this server is, and what the caller may do.
#[derive(Serialize, ToSchema)]
struct Features {
    /// The version of the server.
    version: &'static str,
    /// The instance that was asked.
    instance: String,
    /// Where one is, if whoever runs it says so: `production`, `staging`.
    environment: Option<String>,
    /// The caller's name, as the audit has it.
    actor: String,
    /// What the caller may do.
    permissions: Vec<&'static str>,
    /// Why nothing can be changed, if so.
    read_only: Option<WhyReadOnly>,
    /// Queues in which nothing can be changed, whatever one may do elsewhere.
    read_only_queues: Vec<String>,
}

/// Why nothing can be changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhyReadOnly {
    /// The server was started so.
    Process,
    /// The database allows no writes.
    Database,
    /// The server was started so for the queue.
    Queue,
}

/// What this server is, and what the caller may do
#[utoipa::path(get, path = "/features", tag = "features", responses((status = 200, body = Features)))]
async fn features(visit: Visit) -> Json<Features> {
    let viewer = visit.viewer();
    Json(Features {
        version: env!("CARGO_PKG_VERSION"),
        instance: visit.service().instance().to_owned(),
        environment: visit.app().options.environment.clone(),
        actor: viewer.actor().name.clone(),
        permissions: viewer.permissions().iter().map(Permission::as_str).collect(),
        read_only: viewer.why_read_only().map(|why| match why {
            ReadOnly::Process => WhyReadOnly::Process,
            ReadOnly::Database => WhyReadOnly::Database,
            ReadOnly::Queue => WhyReadOnly::Queue,
        }),
        read_only_queues: viewer.frozen_queues().map(str::to_owned).collect(),
    })
}
