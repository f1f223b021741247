//! The storage, on real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers as well"
)]

mod connecting;
mod cost;
mod differential;
mod fixture;
mod managing;
mod migrations;
mod neighbours;
mod plans;
mod proxy;
mod reindexing;
mod sessions;
mod signals;
mod tls;
mod unique;
mod wire;

mod default_schema {
    kerrera_core::conformance_tests!(crate::fixture::default_schema);
}

mod other_schema {
    kerrera_core::conformance_tests!(crate::fixture::other_schema);
}

mod tables_of_elixir {
    kerrera_core::conformance_tests!(crate::fixture::elixir);
}

mod tables_of_python {
    kerrera_core::conformance_tests!(crate::fixture::python);
}
