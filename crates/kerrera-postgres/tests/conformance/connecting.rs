//! Databases that cannot be reached, and ones that do not let everybody in.

use kerrera_core::storage::{Jobs as _, Operations, Reading as _};
use kerrera_core::{Error, Limits, NewJob, Result};
use kerrera_postgres::{Config, Postgres};
use testkit::postgres::{Cluster, ClusterOptions, Database};

use crate::fixture::migrated;

#[tokio::test]
async fn an_unreachable_server_is_named_with_its_port() {
    // Whoever asked for it has given it back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(&format!("postgres://app:secret@127.0.0.1:{port}/db")).await.unwrap_err();
    assert!(error.is_unreachable() && error.is_transient(), "{error:?}");
    assert_says(&error, &["127.0.0.1", &port.to_string()]);

    let error = connect("postgres://app:secret@no-such-host.invalid/db").await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert_says(&error, &["no-such-host.invalid", "5432"]);

    let error = connect("postgres://app:secret@%2Fno%2Fsuch%2Ffolder/db").await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert_says(&error, &["/no/such/folder/.s.PGSQL.5432"]);
}

#[tokio::test]
async fn the_first_host_that_answers_is_taken() {
    let database = Database::empty();
    let (login, rest) =
        database.url().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(&format!("{login}@127.0.0.1:{port},{rest}")).await.unwrap_err();
    assert!(error.is_unmigrated(), "it got as far as the tables: {error:?}");
}

#[tokio::test]
async fn a_database_that_is_opened_to_be_read_only_is_read_and_never_written() {
    let database = migrated("public");
    let config = Config::from_url(&database.url()).unwrap();
    let writer = Postgres::new(config.clone()).unwrap();
    let reader = Postgres::new(config.clone().read_only()).unwrap();
    for storage in [&writer, &reader] {
        storage.open(false).await.unwrap();
    }
    let second = std::time::Duration::from_secs(5);
    assert!(writer.is_writable(second).await.unwrap());
    assert!(!reader.is_writable(second).await.unwrap());
    let job = || NewJob::of("W", serde_json::json!({})).validate(&Limits::default()).unwrap();
    let error = reader.insert(vec![job()]).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    writer.insert(vec![job()]).await.unwrap();
    let all = kerrera_core::JobQuery::new().validate().unwrap();
    assert_eq!(reader.count(all).await.unwrap(), 1, "it sees what others write");

    // So is one that a role may only read, or that is set so for everybody.
    let client = config.connect().await.unwrap();
    let role = format!("reader_of_{}", database.name());
    let grants =
        format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}");
    client.batch_execute(&grants).await.unwrap();
    let url = database.url().replacen("kerrera@", &format!("{role}@"), 1);
    let may_read = Postgres::new(Config::from_url(&url).unwrap()).unwrap();
    may_read.open(false).await.unwrap();
    assert!(!may_read.is_writable(second).await.unwrap());
    client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    let set = "SET default_transaction_read_only = on";
    client.batch_execute(&format!("ALTER DATABASE {} {set}", database.name())).await.unwrap();
    let set_so = Postgres::new(config).unwrap();
    set_so.open(false).await.unwrap();
    assert!(!set_so.is_writable(second).await.unwrap());
}

#[tokio::test]
async fn a_missing_database_is_named() {
    let database = Database::empty();
    let url = database.url().replace(database.name(), "no_such_db");
    let error = connect(&url).await.unwrap_err();
    assert!(error.is_config(), "{error:?}");
    assert_says(&error, &["no_such_db", "create it"]);
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_says_why() {
    let rules = "host refused all 127.0.0.1/32 reject\n\
                 host all all 127.0.0.1/32 scram-sha-256\n\
                 local all all scram-sha-256\n";
    let options = ClusterOptions { hba: Some(rules.to_owned()), ..ClusterOptions::default() };
    let cluster = Cluster::start(options).unwrap();
    cluster.psql("postgres", "create role app login password 'right'").unwrap();
    let url = |password: &str, database: &str| {
        cluster.host_url(database).replacen("kerrera@", &format!("app{password}@"), 1)
    };

    let error = connect(&url(":wr%40ng", "postgres")).await.unwrap_err();
    assert!(error.is_access_denied(), "{error:?}");
    assert_says(&error, &["password", "\"app\"", &cluster.port().to_string()]);
    let error = connect(&url("", "postgres")).await.unwrap_err();
    assert!(error.is_access_denied(), "{error:?}");
    assert_says(&error, &["PGPASSWORD", "\"app\""]);
    let error = connect(&url(":right", "refused")).await.unwrap_err();
    assert!(error.is_access_denied(), "{error:?}");
    assert_says(&error, &["pg_hba.conf", "\"app\""]);

    let error = connect(&url(":right", "postgres")).await.unwrap_err();
    assert!(error.is_unmigrated(), "let in over TCP: {error:?}");
    let socket = cluster.socket_url("postgres").replacen("kerrera@", "app:right@", 1);
    for mode in ["", "?sslmode=verify-full"] {
        let error = connect(&format!("{socket}{mode}")).await.unwrap_err();
        assert!(error.is_unmigrated(), "let in over the socket, which has no TLS: {error:?}");
    }
}

#[tokio::test]
async fn a_server_with_no_connection_left_is_an_outage() {
    let conf = ["max_connections = 4", "superuser_reserved_connections = 0", "max_wal_senders = 0"];
    let conf = conf.map(str::to_owned).to_vec();
    let cluster = Cluster::start(ClusterOptions { conf, ..ClusterOptions::default() }).unwrap();
    let mut crowd = Vec::new();
    for _ in 0..4 {
        crowd.push(crate::fixture::client(&cluster.host_url("postgres"), "public").await);
    }
    let error = connect(&cluster.host_url("postgres")).await.unwrap_err();
    assert!(error.is_unreachable() && error.is_transient(), "{error:?}");
    assert_says(&error, &["max_connections"]);
    drop(crowd);
}

async fn connect(url: &str) -> Result<()> {
    Postgres::new(Config::from_url(url)?)?.open(false).await
}

/// What a person needs to know, and never the password.
fn assert_says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    for secret in ["secret", "wr@ng", "wr%40ng", "right"] {
        assert!(!format!("{text} {error:?}").contains(secret), "{secret:?} is in: {error:?}");
    }
}
