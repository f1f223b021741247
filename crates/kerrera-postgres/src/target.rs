//! Which server, as whom, and how secured: what a URL and the `PG*` variables say.
//!
//! The driver has a reader of URLs, too, but one that refuses what libpq calls `sslmode=verify-full`
//! and that repeats parts of a URL in its errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio_postgres::Config as DriverConfig;

use crate::tls::Tls;

/// Which server, as whom, and how secured.
#[derive(Clone)]
pub(crate) struct Target {
    /// All that is the same for every host.
    common: DriverConfig,
    hosts: Vec<Host>,
    shuffled: bool,
    pub(crate) tls: Tls,
}

/// One server to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    place: Place,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tcp(String),
    Socket(PathBuf),
}

type Environment<'a> = &'a dyn Fn(&str) -> Result<Option<String>>;

/// Options by name.
type Options = BTreeMap<String, String>;

/// Which variable stands in for which option.
const VARIABLES: [(&str, &str); 12] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("application_name", "PGAPPNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("options", "PGOPTIONS"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// The options that the driver reads by itself, under its names.
const DRIVERS: [&str; 14] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "sslnegotiation",
];

/// libpq's options that change nothing here.
const HARMLESS: [&str; 4] =
    ["client_encoding", "fallback_application_name", "gssencmode", "sslcompression"];

/// Where Debian and its kin keep the socket; libpq's own default there.
const SOCKETS: &str = "/var/run/postgresql";

impl Target {
    /// Unless a URL says otherwise.
    const APPLICATION_NAME: &'static str = "kerrera";
    const CONNECT_TIMEOUT: &'static str = "10";
    /// A peer that is gone without a word is noticed after 15 seconds.
    const KEEPALIVES: [(&'static str, &'static str); 4] = [
        ("keepalives_idle", "5"),
        ("keepalives_interval", "5"),
        ("keepalives_retries", "2"),
        ("tcp_user_timeout", "15"),
    ];

    pub(crate) fn from_url(url: &str, environment: Environment<'_>) -> Result<Target> {
        Target::from_options(read_url(url)?, environment)
    }

    pub(crate) fn from_env(environment: Environment<'_>) -> Result<Target> {
        Target::from_options(Options::new(), environment)
    }

    fn from_options(mut options: Options, environment: Environment<'_>) -> Result<Target> {
        for (option, variable) in VARIABLES {
            if !options.contains_key(option)
                && let Some(value) = environment(variable)?
            {
                options.insert(option.to_owned(), value);
            }
        }
        let hosts = hosts(options.remove("host"), options.remove("port").unwrap_or_default())?;
        let shuffled = match options.remove("load_balance_hosts").as_deref() {
            None | Some("disable") => false,
            Some("random") => true,
            Some(_) => return Err(wrong_value("load_balance_hosts", "disable or random")),
        };
        let (mode, roots) = (options.remove("sslmode"), options.remove("sslrootcert"));
        let direct = options.get("sslnegotiation").is_some_and(|value| value == "direct");
        let tls = Tls::new(mode.as_deref(), roots, direct)?;
        options.retain(|name, _| !HARMLESS.contains(&name.as_str()));
        if let Some(count) = options.remove("keepalives_count") {
            options.insert("keepalives_retries".to_owned(), count);
        }
        if let Some(limit) = options.remove("tcp_user_timeout") {
            let milliseconds: u64 =
                limit.parse().map_err(|_| wrong_value("tcp_user_timeout", "a number"))?;
            let seconds = milliseconds.div_ceil(1000).to_string();
            options.insert("tcp_user_timeout".to_owned(), seconds);
        }
        let defaults = Target::KEEPALIVES.into_iter().chain([
            ("application_name", Target::APPLICATION_NAME),
            ("connect_timeout", Target::CONNECT_TIMEOUT),
        ]);
        for (name, value) in defaults {
            options.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        Ok(Target { common: driver_config(&options)?, hosts, shuffled, tls })
    }

    /// The servers in the order in which they are to be tried.
    pub(crate) fn hosts(&self) -> Vec<Host> {
        let mut hosts = self.hosts.clone();
        if self.shuffled {
            fastrand::shuffle(&mut hosts);
        }
        hosts
    }

    /// What the driver needs for one of the hosts, with more options for the server.
    pub(crate) fn driver_config(&self, host: &Host, options: &str) -> DriverConfig {
        let mut config = self.common.clone();
        match &host.place {
            Place::Tcp(name) => config.host(name),
            Place::Socket(folder) => config.host_path(folder),
        };
        config.port(host.port);
        // Sockets have no TLS.
        let tls = matches!(host.place, Place::Tcp(_));
        config.ssl_mode(if tls { self.tls.driver_mode() } else { Tls::NONE });
        let options = match self.common.get_options() {
            Some(own) => format!("{own} {options}"),
            None => options.to_owned(),
        };
        if !options.is_empty() {
            config.options(options);
        }
        config
    }

    /// Asks the server for one more setting, whatever the session is for.
    pub(crate) fn add_option(&mut self, option: &str) {
        let options = match self.common.get_options() {
            Some(own) => format!("{own} {option}"),
            None => option.to_owned(),
        };
        self.common.options(options);
    }

    /// How long it may take to reach one host.
    pub(crate) fn connect_timeout(&self) -> Duration {
        // Zero is libpq's word for no limit; there is always one here.
        let limit = self.common.get_connect_timeout().copied().filter(|limit| !limit.is_zero());
        limit.unwrap_or(Duration::from_secs(10))
    }

    /// Who logs in where, for messages.
    pub(crate) fn login(&self) -> String {
        let user = self
            .common
            .get_user()
            .map_or("the current user".to_owned(), |user| format!("the user {user:?}"));
        match self.common.get_dbname() {
            Some(database) => format!("{user} to the database {database:?}"),
            None => user,
        }
    }

    /// The URL without the password.
    pub(crate) fn location(&self) -> String {
        /// What must not stand for itself in a URL.
        const SPECIAL: &AsciiSet =
            &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        let encoded = |text: &str| utf8_percent_encode(text, SPECIAL).to_string();

        let mut url = "postgres://".to_owned();
        if let Some(user) = self.common.get_user() {
            url.push_str(&encoded(user));
            url.push('@');
        }
        let hosts = self.hosts.iter().map(|host| match &host.place {
            Place::Tcp(name) if name.contains(':') => format!("[{name}]:{}", host.port),
            Place::Tcp(name) => format!("{}:{}", encoded(name), host.port),
            Place::Socket(folder) => {
                format!("{}:{}", encoded(&folder.to_string_lossy()), host.port)
            }
        });
        url.push_str(&hosts.collect::<Vec<_>>().join(","));
        if let Some(database) = self.common.get_dbname() {
            url.push('/');
            url.push_str(&encoded(database));
        }
        let tls = self.tls.options().into_iter();
        let tls = tls.map(|(name, value)| format!("{name}={}", encoded(&value)));
        let tls = tls.collect::<Vec<_>>().join("&");
        if !tls.is_empty() {
            url.push('?');
            url.push_str(&tls);
        }
        url
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Tcp(name) => write!(f, "PostgreSQL at {name}, port {}", self.port),
            Place::Socket(folder) => {
                write!(f, "PostgreSQL at the socket {}/.s.PGSQL.{}", folder.display(), self.port)
            }
        }
    }
}

/// Takes a URL apart. No part of it is ever shown: a password that was not encoded can make any part
/// of it look like another.
fn read_url(url: &str) -> Result<Options> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or_else(|| wrong_url("it does not begin with postgres://"))?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };

    let mut options = Options::new();
    if let Some(login) = login {
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        options.insert("user".to_owned(), decoded(user)?);
        if let Some(password) = password {
            options.insert("password".to_owned(), decoded(password)?);
        }
    }
    if !hosts.is_empty() {
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
                Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
                None => host.split_once(':').unwrap_or((host, "")),
            };
            names.push(decoded(name)?);
            ports.push(port);
        }
        options.insert("host".to_owned(), names.join(","));
        if ports.iter().any(|port| !port.is_empty()) {
            options.insert("port".to_owned(), ports.join(","));
        }
    }
    if !database.is_empty() {
        options.insert("dbname".to_owned(), decoded(database)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| wrong_url("an option has no value"))?;
        options.insert(decoded(name)?, decoded(value)?);
    }
    options.retain(|_, value| !value.is_empty());
    Ok(options)
}

fn decoded(text: &str) -> Result<String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| wrong_url("it is not UTF-8"))
}

fn hosts(names: Option<String>, ports: String) -> Result<Vec<Host>> {
    let names = names.unwrap_or_else(|| {
        let socket = cfg!(unix) && Path::new(SOCKETS).is_dir();
        if socket { SOCKETS } else { "localhost" }.to_owned()
    });
    let names: Vec<&str> = names.split(',').collect();
    let ports: Vec<&str> = ports.split(',').collect();
    if ports.len() > 1 && ports.len() != names.len() {
        return Err(wrong_url("it has not as many ports as hosts"));
    }
    let hosts = names.iter().enumerate().map(|(at, name)| {
        let port = match ports.get(at).or(ports.first()).map(|port| port.trim()) {
            None | Some("") => 5432,
            Some(port) => port.parse().map_err(|_| wrong_value("port", "between 1 and 65535"))?,
        };
        let place = match name.trim() {
            folder if cfg!(unix) && folder.starts_with('/') => Place::Socket(folder.into()),
            "" => return Err(wrong_url("a host has no name")),
            name => Place::Tcp(name.to_owned()),
        };
        Ok(Host { place, port })
    });
    hosts.collect()
}

/// Has the driver read its own options, each as it would stand in a line of `name='value'`.
fn driver_config(options: &Options) -> Result<DriverConfig> {
    let mut line = String::new();
    for (name, value) in options {
        let Some(name) = DRIVERS.iter().find(|known| *known == name) else {
            // It may be a part of a password.
            let libpq = name.starts_with("ssl") || name.starts_with("krb") || name == "service";
            let name = if libpq { format!("the option {name}") } else { "an option".to_owned() };
            return Err(wrong_url(&format!("{name} is not known here")));
        };
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        let pair = format!("{name}='{value}' ");
        pair.parse::<DriverConfig>().map_err(|_| wrong_value(name, "of another form"))?;
        line.push_str(&pair);
    }
    line.parse().map_err(|_| wrong_url("its options contradict each other"))
}

fn wrong_url(reason: &str) -> Error {
    let message = format!(
        "the database URL cannot be read: {reason}; write postgres://user@host:5432/database, and \
         in a password %40 for @, %2F for /, %3A for :, %3F for ?, %23 for #, %25 for %"
    );
    Error::new(Kind::Config, message)
}

fn wrong_value(name: &str, right: &str) -> Error {
    let message = format!("the database's option {name} must be {right}: check the URL and PG*");
    Error::new(Kind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, variables: &[(&str, &str)]) -> Result<Target> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        Target::from_url(url, &environment)
    }

    fn tcp(name: &str, port: u16) -> Host {
        Host { place: Place::Tcp(name.to_owned()), port }
    }

    #[test]
    fn a_url_says_where_and_as_whom() {
        let url = "postgres://app:p%40ss%2Fword@db.internal:6432/jobs?connect_timeout=3";
        let target = target(url, &[]).unwrap();
        assert_eq!(target.hosts, [tcp("db.internal", 6432)]);
        assert_eq!(target.common.get_user(), Some("app"));
        assert_eq!(target.common.get_password(), Some("p@ss/word".as_bytes()));
        assert_eq!(target.common.get_dbname(), Some("jobs"));
        assert_eq!(target.connect_timeout(), Duration::from_secs(3));
        assert_eq!(target.location(), "postgres://app@db.internal:6432/jobs");
    }

    #[test]
    fn what_a_url_leaves_out_is_taken_from_the_environment() {
        let variables = [
            ("PGHOST", "elsewhere"),
            ("PGPORT", "7000"),
            ("PGUSER", "someone"),
            ("PGPASSWORD", "it's \\ secret"),
            ("PGDATABASE", "db"),
            ("PGSSLMODE", "verify-full"),
        ];
        let filled = target("postgres://", &variables).unwrap();
        assert_eq!(filled.hosts, [tcp("elsewhere", 7000)]);
        assert_eq!(filled.common.get_password(), Some("it's \\ secret".as_bytes()));
        assert_eq!(filled.location(), "postgres://someone@elsewhere:7000/db?sslmode=verify-full");

        let own = target("postgres://app@here/own", &variables).unwrap();
        assert_eq!(own.hosts, [tcp("here", 7000)], "as libpq has it");
        assert_eq!(own.common.get_user(), Some("app"));
        assert_eq!(own.common.get_dbname(), Some("own"));
    }

    #[test]
    fn a_path_is_a_socket() {
        for url in ["postgres://app@%2Frun%2Fpg:5433/db", "postgres:///db?host=/run/pg&port=5433"] {
            let host = Host { place: Place::Socket("/run/pg".into()), port: 5433 };
            assert_eq!(target(url, &[]).unwrap().hosts, [host], "{url}");
        }
    }

    #[test]
    fn there_can_be_several_hosts() {
        let hosts = target("postgres://a:1,[::1],b:3/db", &[]).unwrap().hosts;
        assert_eq!(hosts, [tcp("a", 1), tcp("::1", 5432), tcp("b", 3)]);
    }

    #[test]
    fn no_message_repeats_what_may_be_a_password() {
        for url in [
            "postgres://app:sec/ret@host/db",
            "postgres://app:sec?ret@host/db",
            "postgres://app:sec?ret=secret@host/db",
            "postgres://app:secret@host:port/db",
            "postgres://app:secret@host/db?sslmode=secret",
            "mysql://app:secret@host/db",
        ] {
            let error = target(url, &[]).err().unwrap();
            assert!(error.is_config());
            assert!(!format!("{error} {error:?}").contains("ret@"), "{error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
