//! What can be typed after `kerrera web`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use kerrera_web::Role;

use super::{DatabaseArguments, span};

/// Serves the dashboard and the JSON API.
///
/// Without --users, --tokens or --trusted-header it listens on this machine only, and prints a token to
/// log in with, which holds until it ends. For other machines it listens only with a login, and behind a
/// proxy that speaks TLS.
#[derive(Args, Debug)]
#[command(after_help = WEB_EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct WebArguments {
    #[command(subcommand)]
    pub(crate) command: Option<WebCommand>,
    #[command(flatten)]
    pub(crate) serve: ServeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Another database, under a name; may be given several times
    #[arg(long = "instance", value_name = "NAME=URL")]
    pub(crate) instances: Vec<String>,
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", env = "KERRERA_WEB_BIND", default_value_t = kerrera_web::standalone::ADDRESS)]
    pub(crate) bind: SocketAddr,
    /// Lets in whom this file names: see `kerrera web users`
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Lets programs use the API with tokens of this file: see `kerrera web tokens`
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// Lets in whom a proxy names in this header; needs --trusted-proxies
    #[arg(long, value_name = "NAME", requires = "trusted_proxies")]
    pub(crate) trusted_header: Option<String>,
    /// What those may do whom the proxy names and --users does not
    #[arg(long, value_name = "ROLE", default_value_t = Role::Viewer, requires = "trusted_header")]
    pub(crate) trusted_role: Role,
    /// The networks of the proxies in front: 10.0.0.0/8,192.0.2.7/32
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// A name under which it is reached, beside localhost; may be given several times
    #[arg(long = "host", value_name = "HOST", value_delimiter = ',')]
    pub(crate) hosts: Vec<String>,
    /// Says that a proxy in front speaks TLS with browsers
    #[arg(long)]
    pub(crate) behind_tls_proxy: bool,
    /// Serves no action at all, and opens the databases such that they cannot be written
    #[arg(long)]
    pub(crate) read_only: bool,
    /// A queue in which nothing is changed, nor put into it; may be given several times
    #[arg(long = "read-only-queue", value_name = "QUEUE", value_delimiter = ',')]
    pub(crate) read_only_queues: Vec<String>,
    /// A word on every page that says where one is: production, staging
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// A link on every job's page to what else is known of it, with {id}, {worker}, {queue}, {trace_id} or
    /// {meta.NAME} in it; may be given several times
    #[arg(long = "job-link", value_name = "NAME=URL")]
    pub(crate) job_links: Vec<String>,
    /// The path below which it lies
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub(crate) base_path: String,
    /// Lets everybody who reaches it do everything
    #[arg(long)]
    pub(crate) insecure_no_auth: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebCommand {
    /// Keeps the file of those who log in with a password
    Users {
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Keeps the file of programs' tokens for the API
    Tokens {
        #[command(subcommand)]
        command: TokensCommand,
    },
    /// Asks a server on this machine whether it answers: exit status 0 if so, else 1
    Healthcheck {
        /// Where it listens
        #[arg(long, value_name = "ADDRESS", env = "KERRERA_WEB_BIND", default_value_t = kerrera_web::standalone::ADDRESS)]
        bind: SocketAddr,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Adds somebody, or gives them another role and password
    ///
    /// The password is asked for, or read from standard input.
    Add {
        /// Who
        name: String,
        /// What they may do: viewer, operator, admin
        #[arg(long, value_name = "ROLE", default_value_t = Role::Viewer)]
        role: Role,
        /// The file, which is made if it is not there
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Removes somebody; who is logged in under that name no longer is
    Remove {
        /// Who
        name: String,
        /// The file
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Shows who there is
    List {
        /// The file
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Makes a token and prints it, this once
    Add {
        /// For which program
        name: String,
        /// What it may do: a role, or permissions with commas between, as in jobs:view,jobs:retry
        #[arg(long, value_name = "SCOPE", default_value = "viewer")]
        scope: String,
        /// For how long it holds, as in 90d or 12h
        #[arg(long, value_name = "TIME", value_parser = span, default_value = "90d")]
        expires: Duration,
        /// It holds for ever
        #[arg(long, conflicts_with = "expires")]
        never_expires: bool,
        /// The file, which is made if it is not there
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Removes a token; it no longer holds
    Remove {
        /// Of which program
        name: String,
        /// The file
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Shows which there are; not the tokens themselves, which are nowhere
    List {
        /// The file
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

const WEB_EXAMPLES: &str = "\
Examples:
  kerrera web --database-url sqlite:jobs.db
  kerrera web users add ada --role operator --file users
  DATABASE_URL=postgres://app@db.internal/app kerrera web --users users --bind 0.0.0.0:4120 \\
      --behind-tls-proxy --host jobs.example.com
  kerrera web tokens add ci --scope jobs:view,queues:view --expires 90d --file tokens
  kerrera web --instance eu=postgres://eu.internal/app --instance us=postgres://us.internal/app

Exit status: 0 when a signal ended it in good order, 1 when not, 2 when what was typed makes no sense.";
