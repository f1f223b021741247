//! Settings from the environment.

use kerrera_core::nearest::nearest;
use std::ffi::OsString;

use kerrera_core::Result;
use kerrera_core::error::Kind;

use super::setting::SETTINGS;
use super::value::Origin;
use super::{Config, queues};

const PREFIX: &str = "KERRERA_";

/// How names begin that are not settings: the file of settings, for `kerrera` the program; what tests
/// need; and what Kubernetes says of a service that is called kerrera.
const OTHERS: [&str; 4] = ["KERRERA_CONFIG", "KERRERA_TEST_", "KERRERA_SERVICE_", "KERRERA_PORT"];

pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Config> {
    let mut config = Config::default();
    let mut ours: Vec<(String, OsString)> = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .filter(|(name, _)| !OTHERS.iter().any(|other| name.starts_with(other)))
        .collect();
    // So that of several mistakes the same one is told each time.
    ours.sort();
    for (variable, value) in ours {
        let value = value.into_string().map_err(|_| {
            let message = format!("the variable {variable} is not UTF-8");
            kerrera_core::Error::new(Kind::Config, message)
        })?;
        let names = SETTINGS.iter().map(|setting| setting.name).chain([queues::NAME]);
        let name = names.clone().find(|name| variable_of(name) == variable);
        let origin = Origin::Variable(variable.clone());
        match name {
            Some(name) => config.read_text(name, &value, origin)?,
            None => return Err(unknown(&variable, names)),
        }
    }
    Ok(config)
}

fn variable_of(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_uppercase())
}

fn unknown(variable: &str, names: impl Iterator<Item = &'static str>) -> kerrera_core::Error {
    // The beginning is the same for all of them, so that everything is a little alike.
    let nearest = nearest(variable, names.map(variable_of), 0.7);
    let hint = nearest.map_or_else(String::new, |name| format!(": did you mean {name}?"));
    let message = format!("the variable {variable} is set, and there is no such setting{hint}");
    kerrera_core::Error::new(Kind::Config, message)
}
