//! `kerrera web`.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use kerrera::Timestamp;
use kerrera_demo::signals::Signals;
use kerrera_web::Role;
use kerrera_web::standalone::{
    Server, Standalone, TokensFile, TrustedHeader, UsersFile, ask_health,
};

use crate::arguments::web::{
    ServeArguments, TokensCommand, UsersCommand, WebArguments, WebCommand,
};
use crate::arguments::{Arguments, DatabaseArguments};
use crate::database;

pub(crate) async fn run(arguments: WebArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        None => serve(arguments.serve).await?,
        Some(WebCommand::Users { command }) => users(command)?,
        Some(WebCommand::Tokens { command }) => tokens(command)?,
        Some(WebCommand::Healthcheck { bind }) => healthcheck(bind).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(arguments: ServeArguments) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let server = standalone(arguments).await?.start().await?;
    announce(&server)?;
    server.serve(async move { signals.next().await }).await;
    Ok(())
}

async fn standalone(arguments: ServeArguments) -> anyhow::Result<Standalone> {
    let mut standalone = Standalone::new()
        .bind(arguments.bind)
        .trusted_proxies(arguments.trusted_proxies)
        .hosts(arguments.hosts)
        .base_path(&arguments.base_path)
        .behind_tls_proxy(arguments.behind_tls_proxy)
        .read_only(arguments.read_only)
        .read_only_queues(arguments.read_only_queues);
    if let Some(path) = &arguments.users {
        standalone = standalone.users(UsersFile::open(path)?);
    }
    if let Some(path) = &arguments.tokens {
        standalone = standalone.tokens(TokensFile::open(path)?);
    }
    if let Some(name) = &arguments.trusted_header {
        let header = TrustedHeader::new(name, arguments.trusted_role)?;
        standalone = standalone.trusted_header(header);
    }
    if let Some(name) = &arguments.environment {
        standalone = standalone.environment(name);
    }
    for link in &arguments.job_links {
        let wrong = |why: &str| Arguments::command().error(ErrorKind::ValueValidation, why);
        let (name, address) = link.split_once('=').ok_or_else(|| {
            wrong("--job-link takes NAME=URL, as in Logs=https://logs.example/?q={id}")
        })?;
        let linked = standalone.job_link(name, address);
        standalone = linked.map_err(|why| wrong(&why.to_string()))?;
    }
    if arguments.insecure_no_auth {
        standalone = standalone.dangerously_public();
    }
    standalone
        .check()
        .map_err(|why| Arguments::command().error(ErrorKind::ArgumentConflict, why))?;
    let mut databases = Vec::new();
    for named in &arguments.instances {
        databases.push(instance(named)?);
    }
    if databases.is_empty() || arguments.database.database_url.is_some() {
        databases.insert(0, ("main".to_owned(), arguments.database));
    }
    for (name, database) in databases {
        let client = match arguments.read_only {
            true => database::connect_to_read(&database).await,
            false => database::connect(&database).await,
        };
        let client = client.with_context(|| format!("the database {name:?} cannot be shown"));
        standalone = standalone.instance(&name, client?);
    }
    Ok(standalone)
}

/// Reads `NAME=URL`. What was typed is not repeated: it may hold a password.
fn instance(named: &str) -> Result<(String, DatabaseArguments), clap::Error> {
    match named.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() && !name.contains(':') => {
            let url = Some(url.to_owned());
            let database = DatabaseArguments { database_url: url, schema: None, config: None };
            Ok((name.to_owned(), database))
        }
        _ => {
            let message = "--instance takes NAME=URL, as in eu=postgres://eu.internal/app";
            Err(Arguments::command().error(ErrorKind::ValueValidation, message))
        }
    }
}

/// Says where it is, and how one gets in.
fn announce(server: &Server) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{}", server.url())?;
    if let Some(secret) = server.secret() {
        writeln!(output, "The token for this run: {}", secret.reveal())?;
    } else if server.is_public() {
        writeln!(output, "Everybody who reaches it may do everything.")?;
    }
    output.flush()
}

fn users(command: UsersCommand) -> anyhow::Result<()> {
    match command {
        UsersCommand::Add { name, role, file } => {
            UsersFile::add(&file, &name, role, &password()?)?;
            added(&name, role, &file)
        }
        UsersCommand::Remove { name, file } => {
            UsersFile::remove(&file, &name)?;
            Ok(writeln!(io::stdout(), "removed {name}")?)
        }
        UsersCommand::List { file } => {
            let mut output = io::stdout();
            for (name, role) in UsersFile::open(file)?.list() {
                writeln!(output, "{name}  {role}")?;
            }
            Ok(())
        }
    }
}

fn added(name: &str, role: Role, file: &Path) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{name} is {role} in {}", file.display())?)
}

/// A password, typed twice without being shown, or the first line of what is piped in.
fn password() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().take(64 * 1024).read_to_string(&mut text)?;
        return Ok(text.lines().next().unwrap_or_default().to_owned());
    }
    let first = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Once more: ")? != first {
        bail!("the two passwords differ: nothing was changed");
    }
    Ok(first)
}

fn tokens(command: TokensCommand) -> anyhow::Result<()> {
    match command {
        TokensCommand::Add { name, scope, expires, never_expires, file } => {
            let expiry = (!never_expires).then(|| Timestamp::now() + expires);
            let secret = TokensFile::add(&file, &name, &scope, expiry)?;
            Ok(writeln!(io::stdout(), "{}", secret.reveal())?)
        }
        TokensCommand::Remove { name, file } => {
            TokensFile::remove(&file, &name)?;
            Ok(writeln!(io::stdout(), "removed {name}")?)
        }
        TokensCommand::List { file } => {
            let mut output = io::stdout();
            for (name, scope, expiry) in TokensFile::open(file)?.list() {
                match expiry {
                    Some(expiry) => writeln!(output, "{name}  {scope}  until {expiry}")?,
                    None => writeln!(output, "{name}  {scope}  for ever")?,
                }
            }
            Ok(())
        }
    }
}

async fn healthcheck(bind: SocketAddr) -> anyhow::Result<()> {
    let asked = ask_health(bind).await;
    asked.with_context(|| format!("the dashboard on {bind} does not answer"))
}
