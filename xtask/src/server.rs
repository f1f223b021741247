//! The throw-away server that the tests of a run share.

use std::process::{Command, ExitCode};

use testkit::postgres::{Cluster, ClusterOptions, Programs, SERVER_VARIABLE};

use crate::{cargo, debian};

/// Starts the server; installs PostgreSQL where that is ours to do.
pub(crate) fn start() -> Result<Cluster, String> {
    if let Err(message) = Programs::find() {
        if !debian::can_install_postgresql() {
            return Err(message);
        }
        debian::install_postgresql()?;
    }
    Cluster::start(ClusterOptions::default())
}

/// What the variable holds: the server's URL, to which tests add a database.
pub(crate) fn url(cluster: &Cluster) -> String {
    cluster.host_url("").trim_end_matches('/').to_owned()
}

/// Which PostgreSQL it is, as `15.14`.
pub(crate) fn version(cluster: &Cluster) -> Result<String, String> {
    let version = cluster.psql("postgres", "show server_version")?;
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

/// `cargo xtask postgres -- COMMAND…`: runs a command while there is a server for tests.
pub(crate) fn run_command(words: &[String]) -> Result<ExitCode, String> {
    let [program, arguments @ ..] = words else {
        return Err("which command? cargo xtask postgres -- COMMAND...".to_owned());
    };
    let cluster = start()?;
    let mut command = Command::new(program);
    cargo::forget_package(&mut command);
    let status = command
        .args(arguments)
        .env(SERVER_VARIABLE, url(&cluster))
        .status()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
