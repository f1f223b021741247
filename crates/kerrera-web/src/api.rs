//! The JSON API, version 1: what pages show and do, for programs.
//!
//! Each endpoint is a handler that calls the same service as the pages, behind the same door. The OpenAPI
//! document is made of the handlers themselves: what is said about an endpoint stands above it, what it
//! gives back is the type that it gives back, and the permission is the one that its route asks for.
//!
//! - `json`: how things are read and written. `schema`: the few types that all share.
//! - `document`: the OpenAPI document. `prometheus`: gauges, at `/metrics`.
//! - One file a noun: its types, and its endpoints.

#![allow(unused_qualifications, reason = "the macro that describes handlers writes some")]

mod audit;
mod crons;
mod document;
mod errors;
mod features;
mod job_drafts;
mod job_export;
mod job_lists;
mod jobs;
mod json;
mod metrics;
mod nodes;
mod operations;
mod overview;
mod prometheus;
mod queues;
mod schema;
mod workers;

pub(crate) use document::{Document, operations, serve as serve_document};

pub(crate) use prometheus::serve as serve_metrics;
pub(crate) use schema::ProblemCode;

use crate::routes::Routes;

/// Below which path all lies, but for the instance's name.
pub(crate) const PREFIX: &str = "/api/v1/i/{instance}";

/// Whether this path within the router is one of the API: errors are told in JSON there.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Every endpoint.
pub(crate) fn add(routes: &mut Routes) {
    features::add(routes);
    overview::add(routes);
    job_lists::add(routes);
    job_drafts::add(routes);
    job_export::add(routes);
    jobs::add(routes);
    queues::add(routes);
    errors::add(routes);
    workers::add(routes);
    metrics::add(routes);
    nodes::add(routes);
    crons::add(routes);
    operations::add(routes);
    audit::add(routes);
}

#[cfg(test)]
mod tests;
