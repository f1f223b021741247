use std::time::Duration;

use super::queues::Queue;
use super::*;

fn toml(text: &str) -> Config {
    Config::from_toml(text).unwrap()
}

fn mistake(text: &str) -> String {
    let error = Config::from_toml(text).unwrap_err();
    assert!(error.is_config());
    error.to_string()
}

fn variables(pairs: &[(&str, &str)]) -> Result<Config> {
    environment::read(pairs.iter().map(|(name, value)| (name.into(), value.into())))
}

fn queue(limit: u32, paused: bool) -> Queue {
    Queue { limit, paused }
}

fn queues<const N: usize>(entries: [(&str, Queue); N]) -> Queues {
    Queues::These(entries.map(|(name, queue)| (name.to_owned(), queue)).into())
}

#[test]
fn every_field_of_tuning_and_limits_has_a_setting() {
    // A new field that is not listed here does not compile: give it a setting too.
    let Tuning {
        grace,
        cancel_grace,
        beat,
        ttl,
        look,
        refresh,
        stage_interval,
        stage_limit,
        ack_batch,
        ack_writers,
        claim_batch,
        prefetch,
        notify_interval,
    } = tuned(&[
        ("grace", "1s"),
        ("cancel_grace", "2s"),
        ("beat", "3s"),
        ("ttl", "4s"),
        ("look", "5s"),
        ("refresh", "12s"),
        ("stage_interval", "6s"),
        ("stage_limit", "7"),
        ("ack_batch", "8"),
        ("ack_writers", "9"),
        ("claim_batch", "10"),
        ("prefetch", "13s"),
        ("notify_interval", "11s"),
    ]);
    let times = [grace, cancel_grace, beat, ttl, look, stage_interval];
    assert_eq!(times.map(|time| time.as_secs()), [1, 2, 3, 4, 5, 6]);
    assert_eq!((stage_limit, ack_batch, ack_writers, claim_batch), (7, 8, 9, 10));
    assert_eq!([notify_interval, refresh, prefetch].map(|time| time.as_secs()), [11, 12, 13]);

    let names = ["args_bytes", "meta_bytes", "tags", "tag_chars"];
    let limits = names.iter().enumerate().fold(Config::default(), |config, (at, name)| {
        config.set(&format!("limits.{name}"), &at.to_string()).unwrap()
    });
    let mut changed = Limits::default();
    limits.limit(&mut changed);
    let Limits { args_bytes, meta_bytes, tags, tag_chars, .. } = changed.clone();
    assert_eq!((args_bytes, meta_bytes, tags, tag_chars), (0, 1, 2, 3));
    // It is another crate's, and can grow unseen.
    assert_eq!(format!("{changed:?}").matches(':').count(), names.len());
}

#[test]
fn the_documentation_lists_every_setting_and_its_default() {
    let text = include_str!("../../../../docs/configuration.md");
    let rows = text.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`'), cells[3].trim_matches('`'))
    });
    let names: Vec<&str> = rows.clone().map(|(name, _)| name).collect();
    let mut settings: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    settings.insert(3, queues::NAME);
    assert_eq!(names, settings);

    let defaults = rows.filter(|(name, _)| name.contains('.') && !name.starts_with("postgres."));
    let said = defaults
        .fold(Config::default(), |config, (name, default)| config.set(name, default).unwrap());
    let (mut tuning, mut limits) = (Tuning::default(), Limits::default());
    said.tune(&mut tuning);
    said.limit(&mut limits);
    assert_eq!(format!("{tuning:?}"), format!("{:?}", Tuning::default()));
    assert_eq!(limits, Limits::default());
}

#[test]
fn indexes_are_built_anew_when_a_schedule_is_set() {
    let reindexer = |config: &Config, code: Option<Reindexer>| {
        let mut reindexer = code;
        config.reindex(&mut reindexer);
        reindexer
    };
    let default = Reindexer::default;
    assert_eq!(reindexer(&toml("[reindexer]\ntimeout = '1m'"), None), None, "no schedule");
    let file = toml(
        "[reindexer]\nschedule = '30 4 * * SUN'\ntimezone = 'Asia/Seoul'\n\
         indexes = ['a', 'b']\ntimeout = '1m'",
    );
    let expected = default().schedule("30 4 * * SUN").timezone("Asia/Seoul").indexes(["a", "b"]);
    let expected = expected.timeout(Duration::from_secs(60));
    assert_eq!(reindexer(&file, None), Some(expected.clone()));
    assert_eq!(reindexer(&file, Some(default().all_indexes())), Some(expected.clone()));
    let environment = variables(&[
        ("KERRERA_REINDEXER_SCHEDULE", "30 4 * * SUN"),
        ("KERRERA_REINDEXER_TIMEZONE", "Asia/Seoul"),
        ("KERRERA_REINDEXER_INDEXES", "a, b"),
        ("KERRERA_REINDEXER_TIMEOUT", "60s"),
    ]);
    assert_eq!(reindexer(&environment.unwrap(), None), Some(expected));

    let all = toml("reindexer.indexes = 'all'");
    assert_eq!(reindexer(&all, Some(default())), Some(default().all_indexes()));
    let ours = toml("reindexer.indexes = 'ours'");
    assert_eq!(reindexer(&ours, Some(default().all_indexes())), Some(default()));
    for off in [toml("reindexer.schedule = false"), toml("reindexer.schedule = 'false'")] {
        assert_eq!(reindexer(&off, Some(default())), None);
    }
    for (text, hint) in [
        ("schedule = 'daily'", "\"daily\", and not a cron expression"),
        ("schedule = true", "cron expression"),
        ("timezone = 'Mars'", "Europe/Copenhagen"),
        ("indexes = ['a', 1]", "a list of names"),
        ("indexes = ''", "a list of names"),
    ] {
        let said = mistake(&format!("[reindexer]\n{text}"));
        assert!(said.contains("line 2: reindexer.") && said.contains(hint), "{said}");
    }
    assert!(mistake("node = ['a']").contains("not text"));
}

fn tuned(settings: &[(&str, &str)]) -> Tuning {
    let config = settings.iter().fold(Config::default(), |config, (name, value)| {
        config.set(&format!("tuning.{name}"), value).unwrap()
    });
    let mut tuning = Tuning::default();
    config.tune(&mut tuning);
    tuning
}

#[test]
fn a_file_and_the_environment_have_the_same_names() {
    let file = toml(
        "database_url = 'sqlite:jobs.db'\nnode = 'web-1'\nmigrate = true\n\
         [queues]\ndefault = 10\nmailers = { limit = 0x14, paused = true }\n\
         [tuning]\ngrace = '1m 30s'\nack_batch = 1_000\n\
         [limits]\nargs_bytes = 2048\n\
         [postgres]\nschema = 'jobs'\nhot_connections = 4\nstatement_timeout = '2d'\n\
         [sqlite]\nsynchronous = 'normal'\npatience = '250ms'\n",
    );
    let environment = variables(&[
        ("KERRERA_DATABASE_URL", "sqlite:jobs.db"),
        ("KERRERA_NODE", "web-1"),
        ("KERRERA_MIGRATE", "true"),
        ("KERRERA_QUEUES", "default:10, mailers:20:paused"),
        ("KERRERA_TUNING_GRACE", "90s"),
        ("KERRERA_TUNING_ACK_BATCH", "1000"),
        ("KERRERA_LIMITS_ARGS_BYTES", "2048"),
        ("KERRERA_POSTGRES_SCHEMA", "jobs"),
        ("KERRERA_POSTGRES_HOT_CONNECTIONS", "4"),
        ("KERRERA_POSTGRES_STATEMENT_TIMEOUT", "48h"),
        ("KERRERA_SQLITE_SYNCHRONOUS", "normal"),
        ("KERRERA_SQLITE_PATIENCE", "250ms"),
        ("KERRERA_POSTGRES_LISTEN_URL", ""),
        ("KERRERA_CONFIG", "kerrera.toml"),
        ("KERRERA_TEST_POSTGRES", "postgres://"),
        ("KERRERA_SERVICE_HOST", "10.0.0.1"),
        ("KERRERA_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("PATH", "/bin"),
    ]);
    for config in [file, environment.unwrap()] {
        assert_eq!(config.database_url(), Some("sqlite:jobs.db"));
        assert_eq!((config.node(), config.migrate()), (Some("web-1"), Some(true)));
        let expected = queues([("default", queue(10, false)), ("mailers", queue(20, true))]);
        assert_eq!(*config.queues(), expected);
        let (mut tuning, mut limits) = (Tuning::default(), Limits::default());
        config.tune(&mut tuning);
        config.limit(&mut limits);
        assert_eq!((tuning.grace, tuning.ack_batch), (Duration::from_secs(90), 1_000));
        assert_eq!(limits.args_bytes, 2_048);
        assert_eq!(config.text("postgres.schema"), Some("jobs"));
        assert_eq!(config.size("postgres.hot_connections"), Some(4));
        let timeout = config.time("postgres.statement_timeout");
        assert_eq!(timeout, Some(Duration::from_secs(2 * 86_400)));
        assert_eq!(config.text("sqlite.synchronous"), Some("normal"));
        assert_eq!(config.time("sqlite.patience"), Some(Duration::from_millis(250)));
        assert_eq!(config.text("postgres.listen_url"), None, "empty is not set");
    }
}

#[test]
fn what_is_stronger_takes_over_and_queues_are_merged_by_name() {
    let file = toml("node = 'a'\nmigrate = true\n[queues]\ndefault = 10\nmailers = 5\n");
    let environment =
        variables(&[("KERRERA_NODE", "b"), ("KERRERA_QUEUES", "mailers:20,media:1")]).unwrap();
    let both = file.clone().merge(environment.clone());
    assert_eq!((both.node(), both.migrate()), (Some("b"), Some(true)));
    let all = [("default", 10), ("mailers", 20), ("media", 1)];
    assert_eq!(*both.queues(), queues(all.map(|(name, limit)| (name, queue(limit, false)))));

    let none = variables(&[("KERRERA_QUEUES", "false")]).unwrap();
    assert_eq!(*file.clone().merge(none.clone()).queues(), Queues::None);
    assert_eq!(*none.merge(environment.clone()).queues(), environment.queues);
    assert_eq!(*toml("queues = false").queues(), Queues::None);
    assert_eq!(*file.clone().merge(Config::default()).queues(), file.queues);
}

#[test]
fn a_mistake_is_told_with_its_line_its_name_and_the_name_that_was_meant() {
    for (text, expected) in [
        ("\n\nnod = 'a'", "line 3: there is no setting \"nod\": did you mean \"node\"?"),
        (
            "[tuning]\ngrase = '1s'",
            "line 2: there is no setting \"tuning.grase\": did you mean \"tuning.grace\"?",
        ),
        (
            "schema = 'a'",
            "line 1: there is no setting \"schema\": did you mean \"postgres.schema\"?",
        ),
        (
            "prefix = 'a'",
            "line 1: there is no setting \"prefix\": did you mean \"postgres.schema\"?",
        ),
        ("dsn = 'a'", "line 1: there is no setting \"dsn\": did you mean \"database_url\"?"),
        ("queue = 1", "line 1: there is no setting \"queue\": did you mean \"queues\"?"),
        ("quark = 1", "line 1: there is no setting \"quark\""),
        (
            "[queues]\na = { limit = 1, pause = true }",
            "line 2: there is no setting of the queue \"a\" named \"pause\": did you mean \"paused\"?",
        ),
    ] {
        assert_eq!(mistake(text), expected);
    }
    let error = variables(&[("KERRERA_TUNING_GRASE", "1s")]).unwrap_err().to_string();
    assert!(error.contains("KERRERA_TUNING_GRASE is set"), "{error}");
    assert!(error.ends_with("did you mean KERRERA_TUNING_GRACE?"), "{error}");
    let error = variables(&[("KERRERA_SOMETHING", "1s")]).unwrap_err().to_string();
    assert!(error.ends_with("no such setting"), "{error}");
}

#[test]
fn a_value_of_another_kind_is_refused_with_what_it_should_be() {
    for (text, expected) in [
        ("node = 5", "line 1: node is \"5\", and not text"),
        ("migrate = 'yes'", "line 1: migrate is \"yes\", and not true or false"),
        ("migrate = [true]", "line 1: migrate is \"array\", and not true or false"),
        ("tuning = 5", "line 1: tuning is not a table: write [tuning] above its settings"),
        (
            "[tuning]\ngrace = 15",
            "line 2: tuning.grace is \"15\", and not a length of time: write it like \"500ms\", \
             \"15s\" or \"2h\"",
        ),
        (
            "[tuning]\ngrace = 'soon'",
            "line 2: tuning.grace is \"soon\", and not a length of time: write it like \"500ms\", \
             \"15s\" or \"2h\"",
        ),
        (
            "[tuning]\nack_batch = -1",
            "line 2: tuning.ack_batch is \"-1\", and not a whole number from 0 to 4294967295",
        ),
        (
            "[tuning]\nack_batch = '8'",
            "line 2: tuning.ack_batch is \"8\", and not a whole number from 0 to 4294967295",
        ),
        (
            "[sqlite]\nsynchronous = 'off'",
            "line 2: sqlite.synchronous is \"off\", and not \"full\" or \"normal\"",
        ),
        ("queues = true", "line 1: queues is not a table of queues, or false"),
        (
            "[queues]\ndefault = 0",
            "line 2: queues.default is \"0\", and not a limit: write a whole number, at least 1",
        ),
        (
            "[queues]\ndefault = 3.5",
            "line 2: queues.default is \"3.5\", and not a limit: write a whole number, at least 1",
        ),
        (
            "[queues]\ndefault = { paused = true }",
            "line 2: queues.default is not a limit, or a table with a limit: write { limit = 20, \
             paused = true }",
        ),
    ] {
        assert_eq!(mistake(text), expected);
    }
    for text in
        ["default", "default:", "default:x", "default:0", "a:1,,b:2", "a:1,a:2", "a:1:pause"]
    {
        let error = variables(&[("KERRERA_QUEUES", text)]).unwrap_err().to_string();
        assert!(error.starts_with("KERRERA_QUEUES: "), "{text}: {error}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    for text in ["node = 'a'\nnode = 'b'", "[queues]\na = 1\na = 2", "[tuning]\n[tuning]\n"] {
        let error = mistake(text);
        assert!(error.contains("duplicate key"), "{error}");
        assert!(error.starts_with("line "), "{error}");
    }
}

#[test]
fn no_message_holds_a_password() {
    const SECRET: &str = "postgres://app:hunter2@host/app";
    let texts = [
        format!("database_url = '{SECRET}'\ndatabase_url = '{SECRET}'"),
        format!("database_url = ['{SECRET}']"),
        format!("database_url = {{ a = '{SECRET}' }}"),
        format!("database_url = '{SECRET}"),
        format!("database_url = {SECRET}"),
        format!("migrate = '{SECRET}'"),
        format!("[tuning]\ngrace = '{SECRET}'"),
        format!("[queues]\na = '{SECRET}'"),
        format!("queues = '{SECRET}'"),
        "migrate = 'host=db password=hunter2'".to_owned(),
    ];
    for text in texts {
        let error = Config::from_toml(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let error = variables(&[("KERRERA_QUEUES", SECRET)]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    let config = Config::default().set("database_url", SECRET).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::from_file("/no/such/kerrera.toml").unwrap_err().to_string();
    assert!(error.starts_with("the settings in /no/such/kerrera.toml cannot be read"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kerrera.toml");
    std::fs::write(&path, "node = 'a'\nnodes = 1").unwrap();
    let error = Config::from_file(&path).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2: there is no", path.display())), "{error}");
}

#[cfg(feature = "postgres")]
#[test]
fn settings_of_postgresql_reach_it_and_say_where_they_are_wrong() {
    let config = toml(
        "database_url = 'postgres://app:hunter2@db/app'\n\
         [postgres]\nschema = 'jobs'\nlisten_url = 'postgres://app@direct/app'\n\
         hot_connections = 3\nstatement_timeout = '7s'",
    );
    let shown = format!("{:?}", config.postgres().unwrap());
    for expected in ["\"jobs\"", "direct", "hot_connections: 3", "7s"] {
        assert!(shown.contains(expected), "{shown}");
    }
    let wrong = config.clone().set("postgres.schema", "Jobs!").unwrap();
    let error = wrong.postgres().unwrap_err().to_string();
    assert!(error.contains("postgres.schema: ") && error.contains("Jobs!"), "{error}");
    let wrong = toml("database_url = 'postgres://app:hunter2@db:x/app'").postgres().unwrap_err();
    let error = wrong.to_string();
    assert!(error.starts_with("line 1: database_url: ") && !error.contains("hunter2"), "{error}");
    let error = Config::default().postgres().unwrap_err().to_string();
    assert!(error.contains("KERRERA_DATABASE_URL"), "{error}");
}

#[cfg(feature = "sqlite")]
#[test]
fn what_is_kept_over_time_is_read() {
    let text = "[metrics]\nenabled = false\nkeep_hours = '1d'\nevery = '1s'\nmost_workers = 7";
    let mut metrics = Metrics::default().keep_days(Duration::from_secs(9));
    toml(text).measure(&mut metrics);
    let day = Duration::from_secs(86_400);
    let expected = Metrics::off().every(Duration::from_secs(1)).keep_hours(day).most_workers(7);
    assert_eq!(metrics, expected.keep_days(Duration::from_secs(9)));
}

#[test]
fn settings_of_sqlite_reach_it() {
    let config = toml("database_url = 'sqlite:jobs.db'\n[sqlite]\nsynchronous = 'normal'\n");
    let shown = format!("{:?}", config.set("sqlite.patience", "5s").unwrap().sqlite().unwrap());
    assert!(shown.contains("Normal") && shown.contains("5s"), "{shown}");
}
