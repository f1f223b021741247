//! `kerrera bench`.

use std::process::ExitCode;

use kerrera_bench::Arguments;

use crate::password;

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(url) = arguments.database_url() {
        password::warn_of(url);
    }
    Ok(match kerrera_bench::run(arguments).await? {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
