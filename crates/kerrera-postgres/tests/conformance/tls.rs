//! TLS, as libpq has it, with a real server and certificates of every kind.

use std::fs;

use kerrera_core::storage::Operations;
use kerrera_core::{Error, Result};
use kerrera_postgres::{Config, Postgres};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use testkit::postgres::{Cluster, ClusterOptions};

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

#[tokio::test]
async fn a_right_certificate_satisfies_every_mode() {
    let (authority, server) = (Authority::new(), Server::named("localhost"));
    let cluster = server.start(&authority, None);
    let root = authority.file(&cluster);
    for mode in MODES {
        let plain = mode == "disable";
        for options in [format!("sslmode={mode}"), format!("sslmode={mode}&sslrootcert={root}")] {
            let trusted = options.contains("sslrootcert") || !mode.starts_with("verify");
            let postgres = storage(&cluster, &options);
            let opened = reached(postgres.open(false).await);
            if trusted {
                opened.unwrap_or_else(|error| panic!("{options}: {error:?}"));
                assert_eq!(uses_tls(&cluster), !plain, "{options}");
            } else {
                // The operating system knows nothing of our authority.
                assert_refused(&opened.unwrap_err(), "UnknownIssuer");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_of_the_applications_own_has_the_same_certificates() {
    let (authority, server) = (Authority::new(), Server::named("localhost"));
    let cluster = server.start(&authority, None);
    let root = authority.file(&cluster);
    let config = |options: &str| Config::from_url(&url(&cluster, options)).unwrap();

    let client =
        config(&format!("sslmode=verify-full&sslrootcert={root}")).connect().await.unwrap();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let encrypted: bool = client.query_one(encrypted, &[]).await.unwrap().get(0);
    assert!(encrypted);
    let timeout = client.query_one("SHOW statement_timeout", &[]).await.unwrap();
    assert_eq!(timeout.get::<_, &str>(0), "0", "the storage's settings are its own");
    drop(client);

    let stranger = config("sslmode=verify-full").connect().await.map(drop);
    assert_refused(&stranger.unwrap_err(), "UnknownIssuer");
}

#[tokio::test]
async fn another_authority_is_refused_wherever_one_is_named() {
    let (authority, server) = (Authority::new(), Server::named("localhost"));
    let cluster = server.start(&authority, None);
    let stranger = Authority::new().file(&cluster);
    for mode in MODES {
        let postgres = storage(&cluster, &format!("sslmode={mode}&sslrootcert={stranger}"));
        let opened = reached(postgres.open(false).await);
        if matches!(mode, "disable" | "allow" | "prefer") {
            opened.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        } else {
            assert_refused(&opened.unwrap_err(), "invalid peer certificate");
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_satisfies_all_but_the_strictest() {
    let (authority, server) = (Authority::new(), Server::named("elsewhere.example"));
    let cluster = server.start(&authority, None);
    let root = authority.file(&cluster);
    for mode in MODES {
        let postgres = storage(&cluster, &format!("sslmode={mode}&sslrootcert={root}"));
        let opened = reached(postgres.open(false).await);
        if mode == "verify-full" {
            assert_refused(&opened.unwrap_err(), "elsewhere.example");
        } else {
            opened.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_wherever_one_is_checked() {
    let (authority, mut server) = (Authority::new(), Server::named("localhost"));
    server.params.not_after = date_time_ymd(2021, 1, 1);
    let cluster = server.start(&authority, None);
    let root = authority.file(&cluster);
    for mode in MODES {
        let postgres = storage(&cluster, &format!("sslmode={mode}&sslrootcert={root}"));
        let opened = reached(postgres.open(false).await);
        if matches!(mode, "disable" | "allow" | "prefer") {
            opened.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        } else {
            assert_refused(&opened.unwrap_err(), "expired");
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let cluster = Cluster::start(ClusterOptions::default()).unwrap();
    for mode in MODES {
        let opened = reached(storage(&cluster, &format!("sslmode={mode}")).open(false).await);
        if matches!(mode, "disable" | "allow" | "prefer") {
            opened.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        } else {
            assert_refused(&opened.unwrap_err(), "TLS");
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_no_tls_gets_none_where_that_is_allowed() {
    let (authority, server) = (Authority::new(), Server::named("localhost"));
    let cluster = server.start(&authority, Some("hostnossl all all 127.0.0.1/32 trust\n"));
    reached(storage(&cluster, "sslmode=prefer").open(false).await).unwrap();
    assert!(!uses_tls(&cluster));
    let error = storage(&cluster, "sslmode=require").open(false).await.unwrap_err();
    assert!(error.is_access_denied(), "{error:?}");
    assert!(error.to_string().contains("pg_hba.conf"), "{error}");
}

#[tokio::test]
async fn a_password_is_bound_to_the_channel() {
    let (authority, server) = (Authority::new(), Server::named("localhost"));
    let cluster = server.start(&authority, Some("hostssl all all 127.0.0.1/32 scram-sha-256\n"));
    cluster.psql("postgres", "alter role kerrera password 'secret'").unwrap();
    let root = authority.file(&cluster);
    let options = format!("sslmode=verify-full&sslrootcert={root}&channel_binding=require");
    let url = url(&cluster, &options).replacen("kerrera@", "kerrera:secret@", 1);
    let postgres = Postgres::new(Config::from_url(&url).unwrap()).unwrap();
    reached(postgres.open(false).await).unwrap();
}

fn storage(cluster: &Cluster, options: &str) -> Postgres {
    Postgres::new(Config::from_url(&url(cluster, options)).unwrap()).unwrap()
}

/// By name, so that there is one to compare.
fn url(cluster: &Cluster, options: &str) -> String {
    format!("{}?{options}", cluster.host_url("postgres").replace("127.0.0.1", "localhost"))
}

/// The database is empty: whoever is told that has been let in.
fn reached(opened: Result<()>) -> Result<()> {
    match opened {
        Err(error) if error.is_unmigrated() => Ok(()),
        other => other,
    }
}

fn assert_refused(error: &Error, word: &str) {
    assert!(error.is_access_denied(), "{error:?}");
    assert!(error.to_string().contains(word), "{word:?} is not in: {error}");
}

/// Whether the session of the storage that was opened last is encrypted.
fn uses_tls(cluster: &Cluster) -> bool {
    let newest = "select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid)
                  where a.application_name = 'kerrera' order by a.backend_start desc limit 1";
    cluster.psql("postgres", newest).unwrap() == "t"
}

/// One who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// The path of its certificate, beside the server's data.
    fn file(&self, cluster: &Cluster) -> String {
        let path = cluster.folder().join(format!("root-{}.crt", fastrand::u64(..)));
        fs::write(&path, self.0.pem()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// A server's certificate before it is signed.
struct Server {
    params: CertificateParams,
}

impl Server {
    fn named(name: &str) -> Server {
        Server { params: CertificateParams::new(vec![name.to_owned()]).unwrap() }
    }

    fn start(self, authority: &Authority, hba: Option<&str>) -> Cluster {
        let key = KeyPair::generate().unwrap();
        let certificate = self.params.signed_by(&key, &authority.0).unwrap();
        let options = ClusterOptions {
            conf: vec!["ssl = on".to_owned()],
            files: vec![
                ("server.crt".to_owned(), certificate.pem().into_bytes()),
                ("server.key".to_owned(), key.serialize_pem().into_bytes()),
            ],
            hba: hba.map(str::to_owned),
            ..ClusterOptions::default()
        };
        Cluster::start(options).unwrap()
    }
}
