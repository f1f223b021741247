//! The lanes: each test of the repository runs in exactly one of them.

/// A part of the tests that is run, timed and reported by itself.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) tests: Tests,
    /// Whether its tests find a PostgreSQL server.
    pub(crate) postgres: bool,
    /// Whether its tests find a Python with Oban.
    pub(crate) python: bool,
}

/// Which tests a lane runs.
#[derive(Debug)]
pub(crate) enum Tests {
    /// Those that `cargo test --workspace` finds with these arguments.
    Workspace(&'static [&'static str]),
    /// The integration tests of this name, `tests/NAME.rs`, in every crate that has some.
    Target(&'static str),
    /// All tests of the crates in `adapters`, which are workspaces of their own.
    Adapters,
    /// The specs in `e2e`, which a browser runs.
    Browser,
}

/// A new lane is one more entry here.
pub(crate) const LANES: &[Lane] = &[
    Lane {
        name: "unit",
        about: "the tests inside libraries and programs; none needs PostgreSQL",
        tests: Tests::Workspace(&["--all-features", "--lib", "--bins"]),
        postgres: false,
        python: false,
    },
    Lane {
        name: "docs",
        about: "the examples in the documentation",
        tests: Tests::Workspace(&["--all-features", "--doc"]),
        postgres: true,
        python: false,
    },
    Lane {
        name: "macros",
        about: "tests/compile_fail.rs: the messages of likely mistakes",
        tests: Tests::Target("compile_fail"),
        postgres: false,
        python: false,
    },
    Lane {
        name: "conformance",
        about: "tests/conformance.rs: the same behaviour on every storage",
        tests: Tests::Target("conformance"),
        postgres: true,
        python: false,
    },
    Lane {
        name: "process",
        about: "tests/process.rs: real processes that are stopped and killed",
        tests: Tests::Target("process"),
        postgres: true,
        python: false,
    },
    Lane {
        name: "company",
        about: "tests/company.rs: beside Oban for Python on one database",
        tests: Tests::Target("company"),
        postgres: true,
        python: true,
    },
    Lane {
        name: "adapters",
        about: "the crates in adapters, each with dependencies of its own",
        tests: Tests::Adapters,
        postgres: true,
        python: false,
    },
    Lane {
        name: "e2e",
        about: "e2e/specs: the dashboard in a real browser",
        tests: Tests::Browser,
        postgres: false,
        python: false,
    },
];
