//! The dashboard as a server of its own, with a login of its own.
//!
//! For those who have no application to mount it in, or none in Rust. It is closed unless it is opened
//! in so many words: without any way to log in it listens on this machine only and makes a token for one
//! run, and it does not listen for other machines without a login and an encrypted way to it.
//!
//! ```no_run
//! use kerrera::Client;
//! use kerrera_web::standalone::{Standalone, UsersFile};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("postgres://app@db.internal/app").await?;
//! let server = Standalone::new()
//!     .instance("main", client)
//!     .users(UsersFile::open("/etc/kerrera/users")?)
//!     .start()
//!     .await?;
//! println!("{}", server.url());
//! server.serve(std::future::pending()).await;
//! # Ok(()) }
//! ```

mod address;
mod door;
mod exposure;
mod file;
mod gate;
mod journal;
mod login;
mod secret;
mod server;
mod sessions;
mod throttle;
mod tokens;
mod users;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use kerrera::Client;

pub use address::TrustedHeader;
pub use exposure::Exposed;
pub use secret::Secret;
pub use server::{Server, ask_health};
pub use tokens::TokensFile;
pub use users::UsersFile;

use crate::access::{DangerouslyPublic, Permissions};
use crate::dashboard::{Dashboard, JobLink};
use exposure::{Exposure, Opening};
use gate::Gate;

/// Where it listens if nobody says otherwise.
pub const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4120);

/// A server that is being put together.
#[must_use = "nothing is served until it is started"]
pub struct Standalone {
    instances: Vec<(String, Client)>,
    address: SocketAddr,
    users: Option<UsersFile>,
    tokens: Option<TokensFile>,
    header: Option<TrustedHeader>,
    proxies: Vec<ipnet::IpNet>,
    hosts: Vec<String>,
    base_path: String,
    environment: Option<String>,
    job_links: Vec<(String, String)>,
    read_only_queues: Vec<String>,
    read_only: bool,
    behind_tls_proxy: bool,
    no_auth: bool,
}

impl Default for Standalone {
    fn default() -> Standalone {
        Standalone::new()
    }
}

impl Standalone {
    /// One that listens on [`ADDRESS`].
    pub fn new() -> Standalone {
        Standalone {
            instances: Vec::new(),
            address: ADDRESS,
            users: None,
            tokens: None,
            header: None,
            proxies: Vec::new(),
            hosts: Vec::new(),
            base_path: String::new(),
            environment: None,
            job_links: Vec::new(),
            read_only_queues: Vec::new(),
            read_only: false,
            behind_tls_proxy: false,
            no_auth: false,
        }
    }

    /// Shows this database, under a name that stands in every address.
    pub fn instance(mut self, name: &str, client: Client) -> Standalone {
        self.instances.push((name.to_owned(), client));
        self
    }

    /// Where it listens. Port 0 is any that is free.
    pub fn bind(self, address: SocketAddr) -> Standalone {
        Standalone { address, ..self }
    }

    /// Lets in whom this file names, by their password.
    pub fn users(self, users: UsersFile) -> Standalone {
        Standalone { users: Some(users), ..self }
    }

    /// Lets in programs with a token of this file, to the API only.
    pub fn tokens(self, tokens: TokensFile) -> Standalone {
        Standalone { tokens: Some(tokens), ..self }
    }

    /// Lets in whom a proxy names that has let them in.
    pub fn trusted_header(self, header: TrustedHeader) -> Standalone {
        Standalone { header: Some(header), ..self }
    }

    /// The networks of the proxies in front of it: only they can say for whom they speak.
    pub fn trusted_proxies(
        mut self,
        networks: impl IntoIterator<Item = ipnet::IpNet>,
    ) -> Standalone {
        self.proxies.extend(networks);
        self
    }

    /// Answers to requests for these hosts, beside this machine's own names and the address on which it
    /// listens; with a port if it is not the usual one.
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Standalone {
        self.hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Lies below this path, whether or not a proxy takes it off.
    pub fn base_path(self, path: &str) -> Standalone {
        let path = path.trim_matches('/');
        let base_path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Standalone { base_path, ..self }
    }

    /// A word on every page that says where one is: `production`, `staging`.
    pub fn environment(self, name: &str) -> Standalone {
        Standalone { environment: Some(name.to_owned()), ..self }
    }

    /// A link on every job's page, as with [`Dashboard::job_link`].
    ///
    /// # Errors
    ///
    /// If the address does not begin with `https://` or `http://`.
    pub fn job_link(mut self, name: &str, address: &str) -> Result<Standalone, Error> {
        if !JobLink::is_address(address) {
            return Err(Error::Invalid(format!(
                "the link {name:?} goes to {address:?}: an address begins with https:// or http://"
            )));
        }
        self.job_links.push((name.to_owned(), address.to_owned()));
        Ok(self)
    }

    /// Serves no action at all.
    pub fn read_only(self, read_only: bool) -> Standalone {
        Standalone { read_only, ..self }
    }

    /// Lets nobody change anything in these queues, as with [`Dashboard::read_only_queues`].
    pub fn read_only_queues<Q: Into<String>>(
        mut self,
        queues: impl IntoIterator<Item = Q>,
    ) -> Standalone {
        self.read_only_queues.extend(queues.into_iter().map(Into::into));
        self
    }

    /// Says that a proxy in front of it speaks TLS with browsers. It may then listen for other
    /// machines, and its cookies go through TLS only.
    pub fn behind_tls_proxy(self, is_there: bool) -> Standalone {
        Standalone { behind_tls_proxy: is_there, ..self }
    }

    /// Lets everybody who reaches it do everything, or, if it is read-only, see everything.
    pub fn dangerously_public(self) -> Standalone {
        Standalone { no_auth: true, ..self }
    }

    /// Says whether it would open to those whom nobody let in; [`Standalone::start`] asks as well.
    ///
    /// # Errors
    ///
    /// When it would, with what to say instead.
    pub fn check(&self) -> Result<(), Exposed> {
        self.exposure().decide().map(drop)
    }

    /// Listens; what comes in is answered by [`Server::serve`].
    ///
    /// # Errors
    ///
    /// When it would be open to those whom nobody let in, when it has no database to show, and when
    /// the address cannot be listened on.
    pub async fn start(self) -> Result<Server, Error> {
        let opening = self.exposure().decide().map_err(Error::Exposed)?;
        if self.instances.is_empty() {
            return Err(Error::NoDatabase);
        }
        let listener = tokio::net::TcpListener::bind(self.address).await;
        let listener = listener.map_err(|error| Error::Listen(self.address, error))?;
        let address = listener.local_addr().map_err(|error| Error::Listen(self.address, error))?;
        let secret = match opening {
            Opening::OneToken => Some(Secret::random().map_err(Error::NoRandomness)?),
            Opening::Configured | Opening::Public => None,
        };

        let dashboard = |dashboard: Dashboard| {
            let dashboard = dashboard
                .read_only(self.read_only)
                .read_only_queues(self.read_only_queues.iter().cloned())
                .tls_only(self.behind_tls_proxy)
                .hosts(exposure::hosts(address, &self.hosts))
                .base_path(&self.base_path);
            let dashboard = match &self.environment {
                Some(name) => dashboard.environment(name),
                None => dashboard,
            };
            let links = self.job_links.iter();
            let dashboard =
                links.fold(dashboard, |dashboard, (name, to)| dashboard.job_link(name, to));
            self.instances.iter().fold(dashboard, |dashboard, (name, client)| {
                dashboard.instance(name, client.clone())
            })
        };
        let (router, live) = if opening == Opening::Public {
            let open = dashboard(Dashboard::new(DangerouslyPublic::only(Permissions::all())));
            let live = open.live_updates();
            (open.router(), live)
        } else {
            // Who serves no action writes nothing at all.
            let clients = self.instances.iter().filter(|_| !self.read_only);
            let journal =
                journal::Journal::new(clients.map(|(_, client)| client.clone()).collect());
            let ways = gate::Ways {
                secret: secret.as_ref().map(Secret::digest),
                users: self.users.clone(),
                tokens: self.tokens.clone(),
                header: self.header.clone(),
                proxies: self.proxies.clone(),
                base: self.base_path.clone(),
                cookie: sessions::Cookie::new(self.behind_tls_proxy, address.port()),
            };
            let gate = Gate::new(ways, journal);
            let doors = login::doors(&gate);
            let routed = dashboard(Dashboard::new(door::Door::new(&gate)).with_sign_out());
            let live = routed.live_updates();
            (door::guarded(routed.router_with(doors), gate), live)
        };
        let public = opening == Opening::Public;
        Ok(Server::new(listener, address, self.base_path, secret, public, router, live))
    }

    fn exposure(&self) -> Exposure {
        Exposure {
            is_loopback: self.address.ip().is_loopback(),
            people: self.users.is_some() || self.header.is_some(),
            programs: self.tokens.is_some(),
            header_without_proxies: self.header.is_some() && self.proxies.is_empty(),
            behind_tls_proxy: self.behind_tls_proxy,
            has_hosts: !self.hosts.is_empty(),
            no_auth: self.no_auth,
        }
    }
}

impl fmt::Debug for Standalone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.instances.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Standalone")
            .field("address", &self.address)
            .field("instances", &names)
            .finish_non_exhaustive()
    }
}

/// Why it does not serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It would be open to those whom nobody let in.
    Exposed(Exposed),
    /// There is nothing to show.
    NoDatabase,
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// A file of users or tokens cannot be read or written.
    File(PathBuf, io::Error),
    /// A line of such a file makes no sense; lines count from 1.
    Line(PathBuf, usize, String),
    /// What was given makes no sense.
    Invalid(String),
    /// The system gives no random numbers.
    NoRandomness(getrandom::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Exposed(why) => why.fmt(f),
            Error::NoDatabase => f.write_str("there is no database to show: name one"),
            Error::Listen(address, error) => {
                write!(f, "{address} cannot be listened on: {error}")?;
                match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        f.write_str("; something listens there already: choose another port")
                    }
                    _ => Ok(()),
                }
            }
            Error::File(path, error) => write!(f, "{}: {error}", path.display()),
            Error::Line(path, line, why) => write!(f, "{}, line {line}: {why}", path.display()),
            Error::Invalid(why) => f.write_str(why),
            Error::NoRandomness(error) => write!(f, "the system gives no random numbers: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Listen(_, error) | Error::File(_, error) => Some(error),
            Error::NoRandomness(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
