//! The storage, on real servers.

mod fixture;

mod default_schema {
    kerrera_core::conformance_tests!(crate::fixture::default_schema);
}

mod other_schema {
    kerrera_core::conformance_tests!(crate::fixture::other_schema);
}
