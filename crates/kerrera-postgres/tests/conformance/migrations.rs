//! Bringing databases to shape.

use kerrera_core::storage::{Jobs, Operations};
use kerrera_core::{Clock, Limits, NewJob};
use kerrera_postgres::migrate::Migrations;
use kerrera_postgres::{Config, Postgres};
use serde_json::json;
use testkit::postgres::Database;

use crate::fixture::{ELIXIR, PYTHON, open};

const LATEST: u32 = Migrations::LATEST;

#[tokio::test]
async fn an_empty_database_gets_obans_tables() {
    let database = Database::empty();
    let postgres = storage(&database, "public");
    let steps = postgres.migrations().up(None).await.unwrap();
    let versions: Vec<u32> = steps.iter().map(|step| step.version).collect();
    assert_eq!(versions, (1..=LATEST).collect::<Vec<_>>());
    assert_eq!(postgres.migrations().up(None).await.unwrap(), []);

    let elixirs = Database::empty();
    elixirs.psql(ELIXIR);
    let columns = "select column_name, data_type, udt_name, is_nullable, column_default \
                   from information_schema.columns where table_name = 'oban_jobs' \
                   and column_name <> 'tags' order by column_name";
    assert_eq!(database.psql(columns), elixirs.psql(columns));
    let checks = "select conname from pg_constraint where conrelid = 'oban_jobs'::regclass \
                  order by conname";
    assert_eq!(database.psql(checks), elixirs.psql(checks));
    let labels = "select enumlabel from pg_enum order by enumsortorder";
    assert_eq!(database.psql(labels), elixirs.psql(labels));
    let comment = "select obj_description('oban_jobs'::regclass)";
    assert_eq!(database.psql(comment), "14");
    let unlogged = "select relpersistence from pg_class where relname = 'oban_peers'";
    assert_eq!(database.psql(unlogged), "u");
    let options =
        database.psql("select reloptions::text from pg_class where relname = 'oban_jobs'");
    assert!(options.contains("autovacuum_vacuum_scale_factor=0.02"), "{options}");
}

#[tokio::test]
async fn a_plan_is_what_is_run() {
    let database = Database::empty();
    let postgres = storage(&database, "jobs");
    let plan = postgres.migrations().plan().await.unwrap();
    assert_eq!(everything(&database), "", "a plan changes nothing");

    for step in &plan {
        database.psql(&step.to_string());
    }
    assert_eq!(postgres.migrations().plan().await.unwrap(), []);
    postgres.open(false).await.unwrap();

    let other = Database::empty();
    let run = storage(&other, "jobs").migrations().up(None).await.unwrap();
    assert_eq!(run, plan);
    assert_eq!(everything(&other), everything(&database));
}

#[tokio::test]
async fn going_down_takes_back_what_going_up_made() {
    let database = Database::empty();
    let postgres = storage(&database, "public");
    let migrations = postgres.migrations();
    let mut shapes = Vec::new();
    for version in 0..=LATEST {
        migrations.up(Some(version)).await.unwrap();
        shapes.push(everything(&database));
    }
    for version in (0..LATEST).rev() {
        let steps = migrations.down(version).await.unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!(everything(&database), shapes[version as usize], "down to {version}");
    }
    migrations.up(None).await.unwrap();
    assert_eq!(everything(&database), shapes[LATEST as usize]);
    migrations.down(0).await.unwrap();
    assert_eq!(everything(&database), "");
}

#[tokio::test]
async fn eight_nodes_can_migrate_at_once() {
    let database = Database::empty();
    let mut nodes = Vec::new();
    for _ in 0..8 {
        let postgres = storage(&database, "jobs");
        nodes.push(tokio::spawn(async move { postgres.open(true).await }));
    }
    for node in nodes {
        node.await.unwrap().unwrap();
    }
    let record = database.psql("select version, origin from jobs.kerrera_schema");
    assert_eq!(record, format!("{LATEST}|kerrera"));
}

#[tokio::test]
async fn a_newer_schema_is_refused_before_any_write() {
    let database = Database::empty();
    storage(&database, "public").open(true).await.unwrap();
    database.psql("update kerrera_schema set version = 99; drop table kerrera_producers");
    let before = everything(&database);

    let postgres = storage(&database, "public");
    for error in [
        postgres.open(false).await.unwrap_err(),
        postgres.open(true).await.unwrap_err(),
        postgres.migrations().plan().await.unwrap_err(),
        postgres.migrations().up(None).await.unwrap_err(),
        postgres.migrations().down(0).await.unwrap_err(),
    ] {
        assert!(error.is_foreign_schema(), "{error:?}");
        assert!(error.to_string().contains("99"), "{error}");
    }
    assert_eq!(everything(&database), before);
    assert_eq!(database.psql("select version from kerrera_schema"), "99");
}

#[tokio::test]
async fn a_missing_migration_names_the_command_without_the_password() {
    let database = Database::empty();
    let url = database.url().replacen('@', ":se%20cret@", 1);
    let config = Config::from_url(&url).unwrap().schema("jobs").unwrap();
    let postgres = Postgres::new(config).unwrap();
    let error = postgres.open(false).await.unwrap_err();
    assert!(error.is_unmigrated(), "{error:?}");
    let command = format!("kerrera migrate --database-url '{}' --schema jobs", database.url());
    assert!(error.to_string().contains(&command), "{error}");
    assert!(!format!("{error} {error:?}").contains("se cret"), "{error}");

    // One of several.
    postgres.migrations().up(Some(1)).await.unwrap();
    let error = postgres.open(false).await.unwrap_err();
    assert!(error.is_unmigrated() && error.to_string().contains(&command), "{error:?}");
    let error = postgres.insert(vec![job()]).await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("open()"), "{error:?}");
}

#[tokio::test]
async fn tables_that_disappear_are_missed_with_the_command() {
    let database = Database::empty();
    let postgres = storage(&database, "public");
    postgres.open(true).await.unwrap();
    database.psql("drop table oban_jobs");
    let error = postgres.insert(vec![job()]).await.unwrap_err();
    assert!(error.is_unmigrated(), "{error:?}");
    assert!(error.to_string().contains("kerrera migrate --database-url"), "{error}");
}

#[tokio::test]
async fn nothing_that_another_oban_relies_on_is_changed() {
    for (origin, tables) in [("elixir", ELIXIR), ("python", PYTHON)] {
        let database = Database::empty();
        database.psql(tables);
        database.psql("insert into oban_jobs (worker) values ('Theirs')");
        let before = everything(&database);
        let postgres = storage(&database, "public");
        postgres.open(true).await.unwrap();

        let added = everything(&database);
        let added: Vec<&str> = added.lines().filter(|line| !before.contains(line)).collect();
        assert!(added.iter().all(|line| line.contains("kerrera_")), "{added:#?}");
        let record = "select version, origin from kerrera_schema";
        assert_eq!(database.psql(record), format!("{LATEST}|{origin}"));

        postgres.migrations().down(0).await.unwrap();
        assert_eq!(everything(&database), before, "and it is left as it was");
        assert_eq!(database.psql("select count(*) from oban_jobs"), "1");
    }
}

#[tokio::test]
async fn what_an_elixir_schema_lacks_is_added() {
    let database = Database::empty();
    // Of migration 11, on a database whose large index was lost.
    database.psql(&ELIXIR.replace("'available', 'suspended', ", "'available', "));
    database.psql(
        "drop index oban_jobs_state_queue_priority_scheduled_at_id_index;
         alter table oban_jobs drop constraint non_negative_priority,
             add constraint priority_range check (priority between 0 and 3) not valid;
         comment on table oban_jobs is null",
    );
    let postgres = storage(&database, "public");
    postgres.open(true).await.unwrap();

    let labels = "select enumlabel from pg_enum order by enumsortorder limit 3";
    assert_eq!(database.psql(labels), "available\nsuspended\nscheduled");
    let ours = "select count(*) from pg_indexes where indexname like 'kerrera_jobs_%'";
    assert_eq!(database.psql(ours), "3");
    postgres.insert(vec![job()]).await.unwrap();
    assert_eq!(postgres.counts().await.unwrap()[0].jobs, 1);
}

#[tokio::test]
async fn a_schema_that_is_too_old_says_what_to_run() {
    let without_peers = format!("{ELIXIR} drop table oban_peers;");
    let without_meta = format!("{ELIXIR} alter table oban_jobs drop column meta;");
    for tables in [without_peers, without_meta] {
        let database = Database::empty();
        database.psql(&tables);
        let before = everything(&database);
        for migrate in [false, true] {
            let error = storage(&database, "public").open(migrate).await.unwrap_err();
            assert!(error.is_foreign_schema(), "{error:?}");
            assert!(error.to_string().contains("Oban.Migration.up(version: 14)"), "{error}");
        }
        assert_eq!(everything(&database), before);
    }
}

#[tokio::test]
async fn a_table_that_is_not_obans_is_refused() {
    for table in [
        "create table oban_jobs (id bigint, name text)".to_owned(),
        format!("{ELIXIR} alter table oban_jobs alter state drop default, alter state type text;"),
        format!(
            "{ELIXIR} alter table oban_jobs alter errors drop default, alter errors type text;"
        ),
    ] {
        let database = Database::empty();
        database.psql(&table);
        let error = storage(&database, "public").open(true).await.unwrap_err();
        assert!(error.is_foreign_schema(), "{error:?}");
        assert!(error.to_string().contains("another schema"), "{error}");
    }
}

#[tokio::test]
async fn a_table_that_pro_manages_is_left_untouched() {
    let database = Database::empty();
    database.psql(ELIXIR);
    database.psql(
        "comment on table oban_jobs is '∞';
         drop index oban_jobs_state_queue_priority_scheduled_at_id_index",
    );
    let jobs = "select indexname from pg_indexes where tablename = 'oban_jobs'";
    let before = database.psql(jobs);
    let postgres = storage(&database, "public");
    postgres.open(true).await.unwrap();
    assert_eq!(database.psql(jobs), before);
    postgres.insert(vec![job()]).await.unwrap();
}

#[tokio::test]
async fn a_role_without_rights_is_told_so() {
    let database = Database::empty();
    let role = format!("poor_{}", fastrand::u64(..));
    database.psql(&format!("create role {role} login"));
    let url = database.url().replacen("kerrera@", &format!("{role}@"), 1);
    let postgres = open(&url, "jobs", &Clock::database()).await.unwrap_err();
    assert!(postgres.is_unmigrated(), "{postgres:?}");

    let config = Config::from_url(&url).unwrap().schema("jobs").unwrap();
    let error = Postgres::new(config).unwrap().open(true).await.unwrap_err();
    assert!(error.is_access_denied(), "{error:?}");
    assert_eq!(everything(&database), "");
    database.psql(&format!("drop role {role}"));
}

fn storage(database: &Database, schema: &str) -> Postgres {
    let config = Config::from_url(&database.url()).unwrap().schema(schema).unwrap();
    Postgres::new(config).unwrap()
}

fn job() -> kerrera_core::ValidJob {
    NewJob::of("Worker", json!({})).validate(&Limits::default()).unwrap()
}

/// The tables, columns, constraints, indexes and types of a database, a line each.
fn everything(database: &Database) -> String {
    database.psql(
        "select 'relation', c.relkind, c.relpersistence, c.relname, obj_description(c.oid),
             pg_get_indexdef(c.oid), c.reloptions::text
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'jobs')
         union all
         select 'column', '', '', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
             a.attnotnull::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
         from pg_attribute a
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
         where n.nspname in ('public', 'jobs') and c.relkind = 'r' and not a.attisdropped
         union all
         select 'constraint', '', '', conrelid::regclass::text, conname, pg_get_constraintdef(c.oid),
             ''
         from pg_constraint c join pg_namespace n on n.oid = c.connamespace
         where n.nspname in ('public', 'jobs')
         union all
         select 'label', '', '', t.typname, e.enumlabel, e.enumsortorder::text, ''
         from pg_enum e join pg_type t on t.oid = e.enumtypid
         order by 1, 2, 3, 4, 5, 6",
    )
}
