//! The storage, on real servers.

mod differential;
mod fixture;

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
