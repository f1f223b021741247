//! `kerrera migrate`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use kerrera::{Client, Config as Settings};
use kerrera_postgres::migrate::{Migrations, Step};
use kerrera_postgres::{Config, Postgres};

use crate::arguments::MigrateArguments;
use crate::database::{self, Kind};
use crate::settings;

pub(crate) async fn run(arguments: MigrateArguments) -> anyhow::Result<ExitCode> {
    let config = settings::of(&arguments.database)?;
    match database::kind(&config)? {
        Kind::Postgres => in_postgres(config.postgres()?, arguments).await?,
        Kind::Sqlite => in_sqlite(config, arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn in_postgres(config: Config, arguments: MigrateArguments) -> anyhow::Result<()> {
    let MigrateArguments { plan, to, down, yes, .. } = arguments;
    let location = config.location();
    let postgres = Postgres::new(config)?;
    let migrations = postgres.migrations();
    let newest = Migrations::LATEST;
    if let Some(number) = to.or(down).filter(|number| *number > newest) {
        bail!("there is no migration {number}: the newest is {newest}");
    }

    let mut output = io::stdout();
    if plan {
        for step in migrations.plan().await? {
            if step.version <= to.unwrap_or(newest) {
                writeln!(output, "{step}")?;
            }
        }
        return Ok(());
    }
    if let Some(down) = down {
        if !yes {
            let jobs = if down == 0 { ", and remove all jobs" } else { "" };
            bail!(
                "this would take back the migrations after {down} in {location}{jobs}: add --yes if \
                 that is what you want"
            );
        }
        writeln!(output, "{location}")?;
        return Ok(tell(&migrations.down(down).await?, "took back")?);
    }
    writeln!(output, "{location}")?;
    Ok(tell(&migrations.up(to).await?, "ran")?)
}

fn tell(steps: &[Step], did: &str) -> io::Result<()> {
    let mut output = io::stdout();
    for Step { version, title, .. } in steps {
        writeln!(output, "  {did} migration {version}: {title}")?;
    }
    if steps.is_empty() {
        writeln!(output, "  nothing to do")?;
    }
    Ok(())
}

async fn in_sqlite(config: Settings, arguments: MigrateArguments) -> anyhow::Result<()> {
    if arguments.plan || arguments.to.is_some() || arguments.down.is_some() {
        bail!("--plan, --to and --down are for PostgreSQL: an SQLite file is migrated when opened");
    }
    let client = Client::connect(config).await?;
    writeln!(io::stdout(), "{}\n  up to date", client.location())?;
    Ok(())
}
