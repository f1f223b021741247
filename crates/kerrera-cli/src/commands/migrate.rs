//! `kerrera migrate`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use kerrera::Client;
use kerrera_postgres::migrate::{Migrations, Step};
use kerrera_postgres::{Config, Postgres};

use crate::arguments::MigrateArguments;
use crate::password;

pub(crate) async fn run(arguments: MigrateArguments) -> anyhow::Result<ExitCode> {
    password::warn_of(&arguments.database_url);
    match arguments.database_url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => in_postgres(arguments).await?,
        Some("sqlite") => in_sqlite(arguments).await?,
        _ => bail!(
            "the database URL begins with neither \"sqlite:\" nor \"postgres:\": write \
             sqlite:jobs.db or postgres://user@host/database"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

async fn in_postgres(arguments: MigrateArguments) -> anyhow::Result<()> {
    let MigrateArguments { database_url, schema, plan, to, down, yes } = arguments;
    let config = Config::from_url(&database_url)?.schema(schema)?;
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

async fn in_sqlite(arguments: MigrateArguments) -> anyhow::Result<()> {
    if arguments.plan || arguments.to.is_some() || arguments.down.is_some() {
        bail!("--plan, --to and --down are for PostgreSQL: an SQLite file is migrated when opened");
    }
    let client = Client::connect(arguments.database_url).await?;
    writeln!(io::stdout(), "{}\n  up to date", client.location())?;
    Ok(())
}
