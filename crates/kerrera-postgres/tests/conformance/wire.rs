//! What goes over the wire, as Oban's nodes would see it and send it.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use kerrera_core::cron::{Cron, Timezone};
use kerrera_core::executor::{Call, Dialect, Executor};
use kerrera_core::storage::{
    Action, Crons, Hint, Inserted, Jobs, Listener, Neighbours, Order, Queues, Signal, Signals,
    Until,
};
use kerrera_core::{Clock, Limits, NewJob};
use kerrera_postgres::Postgres;
use serde_json::json;
use testkit::oban::{Ear, Elixir, Form};
use testkit::postgres::Database;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls, Notification};

use crate::fixture::{PYTHON, client, migrate, migrated, open};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_is_sent_is_what_oban_reads() {
    let (database, postgres) = opened().await;
    let mut wire = Wire::tapped(&database).await;

    postgres.notify(vec!["alpha".into()]).await.unwrap();
    wire.carries("oban_insert", r#"{"queue":"alpha"}"#).await;
    postgres.ping("web.1".into()).unwrap().await.unwrap();
    wire.carries("oban_sonar", r#"{"node":"web.1","ping":true}"#).await;

    let there = |order: Order| Order { node: Some("web.1".into()), ..order };
    let all = |action| Order { queue: None, ..order(action) };
    let start = |paused| Action::Start { limit: 10, paused };
    let sent = [
        (order(Action::Pause), r#"{"action":"pause","ident":"any","queue":"alpha"}"#),
        (there(order(Action::Pause)), r#"{"action":"pause","ident":"Oban.web.1","queue":"alpha"}"#),
        (
            Order {
                until: Some(Until::In(PATIENCE)),
                by: Some("ada".into()),
                ..all(Action::Pause)
            },
            r#"{"action":"pause","ident":"any","queue":"*"}"#,
        ),
        (all(Action::Resume), r#"{"action":"resume","ident":"any","queue":"*"}"#),
        (
            Order { instance: "MyApp.Oban".into(), ..there(order(Action::Scale { limit: 5 })) },
            r#"{"action":"scale","ident":"MyApp.Oban.web.1","limit":5,"queue":"alpha"}"#,
        ),
        (order(start(false)), r#"{"action":"start","ident":"any","limit":10,"queue":"alpha"}"#),
        (
            order(start(true)),
            r#"{"action":"start","ident":"any","limit":10,"paused":true,"queue":"alpha"}"#,
        ),
        (order(Action::Stop), r#"{"action":"stop","ident":"any","queue":"alpha"}"#),
    ];
    for (order, payload) in sent {
        postgres.order(order).await.unwrap();
        wire.carries("kerrera_queues", payload).await;
        wire.carries("oban_signal", payload).await;
    }
    // What Oban knows no signal for.
    postgres.order(all(Action::Reset)).await.unwrap();
    wire.carries("kerrera_queues", "").await;
    postgres.notify(vec!["end".into()]).await.unwrap();
    wire.carries("oban_insert", r#"{"queue":"end"}"#).await;
}

#[tokio::test]
async fn orders_for_all_queues_that_oban_does_not_know_name_each_that_is_known() {
    let database = Database::empty();
    database.psql(PYTHON);
    migrate(&database.url(), "public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let mut wire = Wire::tapped(&database).await;
    let all = |action| Order { queue: None, ..order(action) };
    postgres.order(all(Action::Stop)).await.unwrap();
    wire.carries("kerrera_queues", "").await;

    database.psql(
        "INSERT INTO oban_producers (uuid, name, node, queue)
        VALUES (gen_random_uuid(), 'oban', 'python', 'theirs');
        INSERT INTO oban_jobs (worker, queue, state)
        VALUES ('W', 'waits', 'available'), ('W', 'waits', 'available'), ('W', 'it''s \"q\"', 'available'),
            ('W', 'ended', 'completed'), ('W', 'runs', 'executing')",
    );
    postgres.order(order(Action::Pause)).await.unwrap();
    wire.next().await;
    wire.next().await;
    let known = ["alpha", r#"it's \"q\""#, "runs", "theirs", "waits"];
    postgres.order(all(Action::Scale { limit: 5 })).await.unwrap();
    for queue in known {
        let payload = format!(r#"{{"action":"scale","ident":"any","limit":5,"queue":"{queue}"}}"#);
        wire.carries("kerrera_queues", &payload).await;
        wire.carries("oban_signal", &payload).await;
    }
    let there = Order { node: Some("web.1".into()), ..all(Action::Stop) };
    postgres.order(there).await.unwrap();
    for queue in known {
        let payload = format!(r#"{{"action":"stop","ident":"Oban.web.1","queue":"{queue}"}}"#);
        wire.carries("kerrera_queues", &payload).await;
        wire.carries("oban_signal", &payload).await;
    }
    let kept = postgres.orders().await.unwrap().standing;
    assert_eq!(kept.iter().filter(|order| order.queue.is_some()).count(), 1, "{kept:?}");
}

#[tokio::test]
async fn changes_of_the_crontab_are_told_on_a_channel_of_our_own() {
    let (database, postgres) = opened().await;
    let mut wire = Wire::tapped(&database).await;
    let mut listener = postgres.listen().await.unwrap();
    let cron = Cron::new("@daily", NewJob::of("W", serde_json::json!({}))).name("it");
    let entry = cron.validate(&Limits::default(), &Timezone::utc()).unwrap();
    postgres.declare_crons(vec![entry.clone()]).await.unwrap();
    wire.carries("kerrera_crons", "").await;
    assert_eq!(next(&mut listener).await, Hint::Crontab);
    // Nothing is new.
    postgres.declare_crons(vec![entry.clone()]).await.unwrap();
    for paused in [true, false] {
        assert!(postgres.pause_cron("it".into(), paused).await.unwrap());
        wire.carries("kerrera_crons", "").await;
    }
    assert!(postgres.edit_cron(entry).await.unwrap());
    wire.carries("kerrera_crons", "").await;
    assert!(postgres.remove_cron("it".into()).await.unwrap());
    wire.carries("kerrera_crons", "").await;
    assert!(!postgres.remove_cron("it".into()).await.unwrap(), "there is none to tell of");
    postgres.notify(vec!["end".into()]).await.unwrap();
    wire.carries("oban_insert", r#"{"queue":"end"}"#).await;
}

#[tokio::test]
async fn long_payloads_are_packed_and_never_marked() {
    let (database, postgres) = opened().await;
    let mut wire = Wire::tapped(&database).await;
    let mut listener = postgres.listen().await.unwrap();
    // As long as a name can be, and longer than 512 bytes as JSON.
    let queue = "\u{1}🦀".repeat(63);
    postgres.notify(vec![queue.as_str().into()]).await.unwrap();
    let payload = wire.next().await.payload().to_owned();
    assert!(payload.starts_with("H4sI") && payload.len() < 8_000, "{payload}");
    assert_eq!(next(&mut listener).await, Hint::Work(queue.clone()));

    postgres.order(Order { queue: Some(queue.into()), ..order(Action::Pause) }).await.unwrap();
    for channel in ["kerrera_queues", "oban_signal"] {
        let message = wire.next().await;
        assert_eq!(message.channel(), format!("public.{channel}"));
        assert!(message.payload().starts_with("H4sI"), "{}", message.payload());
    }
    assert_eq!(next(&mut listener).await, Hint::Ordered);
}

/// An unknown key, or a number that is none, would bring down a queue of an Elixir node, or all of them;
/// a payload in a form that it cannot read ends the listening of one in Python.
#[tokio::test]
async fn nothing_that_we_say_brings_a_neighbour_down() {
    let (database, postgres) = opened().await;
    let mut wire = Wire::tapped(&database).await;
    // Short and long ones, as long as names can be.
    let names = ["alpha".to_owned(), "it's \"odd\" \\ é".to_owned(), "🦀".repeat(127)];
    for name in &names {
        let queue = || Some(Arc::<str>::from(name.as_str()));
        postgres.notify(vec![name.as_str().into()]).await.unwrap();
        let actions = [
            Action::Pause,
            Action::Resume,
            Action::Scale { limit: 1 },
            Action::Scale { limit: u32::try_from(i32::MAX).unwrap() },
            Action::Start { limit: 5, paused: false },
            Action::Start { limit: 5, paused: true },
            Action::Stop,
            Action::Reset,
        ];
        for action in actions {
            for node in [None, Some("web.1".into())] {
                for queue in [queue(), None] {
                    if queue.is_none() && matches!(action, Action::Start { .. }) {
                        continue;
                    }
                    let (reason, by) = (Some("r".repeat(500)), Some("ada".to_owned()));
                    let until = matches!(action, Action::Pause).then_some(Until::In(PATIENCE));
                    let order = order(action.clone());
                    let order = Order { queue, node: node.clone(), reason, by, until, ..order };
                    postgres.order(order).await.unwrap();
                }
            }
        }
        let mut client = client(&database.url(), "public").await;
        let mut transaction = client.transaction().await.unwrap();
        let job = NewJob::of("W", json!({})).queue(name).validate(&Limits::default()).unwrap();
        let plan = postgres.plan_insert(&[job], false);
        transaction.run(Call::<Vec<Inserted>>::new(Dialect::Postgres, plan, Ok)).await.unwrap();
        transaction.commit().await.unwrap();
    }
    postgres.stop_jobs(vec![1, 2_147_483_648, i64::MAX]).await.unwrap();
    postgres.ping("web.1".into()).unwrap().await.unwrap();
    let instance: Arc<[String]> = Arc::from(["MyApp.Oban".to_owned()]);
    postgres.stand("web.1".into(), instance.clone()).await.unwrap();
    postgres.step_down("web.1".into(), instance).await.unwrap();
    postgres.notify(vec!["end".into()]).await.unwrap();

    let (mut heard, mut signals) = (0, 0);
    loop {
        let message = wire.next().await;
        let (channel, payload) = (message.channel(), message.payload());
        let Some(channel) = channel.strip_prefix("public.oban_") else { continue };
        for ear in Ear::ALL {
            ear.hears(channel, payload).unwrap_or_else(|dies| panic!("{ear:?}: {dies}"));
        }
        // A database packs nothing: a name that is told by a transaction is plain, however long.
        assert!(!payload.starts_with("Z:") && payload.len() < 1_100, "{payload}");
        heard += usize::from(channel == "insert");
        signals += usize::from(channel == "signal");
        if payload == r#"{"queue":"end"}"# {
            break;
        }
    }
    assert_eq!(heard, 2 * names.len() + 1);
    // For each name: seven for its queue, pause and resume for all, and two scales and a stop for each
    // queue that is known by then; to all nodes and to one; and pkill.
    assert_eq!(signals, names.len() * 2 * (7 + 2) + 3 * 2 * (1 + 2 + 3) + 3);
}

#[tokio::test]
async fn every_message_in_every_form_is_heard() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    let elixir = Elixir::on(&database, "app@host").instance("MyApp.Oban");
    let ident = elixir.ident();
    let own = format!(r#"{{"action":"pause","ident":"{ident}","queue":"alpha"}}"#);
    let long = "q".repeat(127);
    let messages = [
        ("insert", format!(r#"{{"queue":"{long}"}}"#), Hint::Work(long.clone())),
        ("insert", r#"{"queue": "alpha", "later": 1}"#.to_owned(), Hint::Work("alpha".to_owned())),
        (
            "signal",
            r#"{"action":"pkill","job_id":4294967296}"#.to_owned(),
            Hint::Stop(4_294_967_296),
        ),
        ("signal", own, signal(Some(&ident), Some("alpha"), Action::Pause)),
        (
            "signal",
            r#"{"action":"resume","ident":"any","queue":"*"}"#.to_owned(),
            signal(None, None, Action::Resume),
        ),
        (
            "signal",
            r#"{"action":"scale","limit":5,"queue":"alpha"}"#.to_owned(),
            signal(None, Some("alpha"), Action::Scale { limit: 5 }),
        ),
        (
            "signal",
            r#"{"action":"start","ident":"any","limit":5,"queue":"alpha"}"#.to_owned(),
            signal(None, Some("alpha"), Action::Start { limit: 5, paused: false }),
        ),
        (
            "signal",
            r#"{"action":"stop","queue":"alpha"}"#.to_owned(),
            signal(None, Some("alpha"), Action::Stop),
        ),
        ("leader", r#"{"down":"Oban"}"#.to_owned(), Hint::Leaderless),
        ("leader", r#"{"action":"resign","node":"a","name":"Oban"}"#.to_owned(), Hint::Leaderless),
        (
            "sonar",
            r#"{"node":"app@host","ping":true}"#.to_owned(),
            Hint::Ping("app@host".to_owned()),
        ),
    ];
    for form in Form::ALL {
        for (channel, message, hint) in &messages {
            elixir.says(channel, message, form);
            assert_eq!(next(&mut listener).await, *hint, "{form:?}: {message}");
        }
    }
    elixir.ping();
    assert_eq!(next(&mut listener).await, Hint::Ping("app@host".to_owned()));
}

#[tokio::test]
async fn every_form_of_a_signal_is_heard() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    // {"action":"pause","ident":"any","queue":"alpha"}, packed by Python's gzip.
    let packed =
        "H4sIAAAAAAACA6tWSkwuyczPU7JSKkgsLU5V0lHKTEnNKwHyE/MqgbzC0tTSVBAvpyAjUakWADNi59wwAAAA";
    let plain = r#"{"action":"pause","ident":"any","queue":"alpha"}"#;
    for payload in [plain.to_owned(), packed.to_owned(), format!("Z:{packed}")] {
        database.psql(&format!("select pg_notify('public.oban_signal', '{payload}')"));
        assert_eq!(next(&mut listener).await, signal(None, Some("alpha"), Action::Pause));
    }
    let others = [
        (r#"{"action":"resume","queue":"*"}"#, signal(None, None, Action::Resume)),
        (
            r#"{"action":"stop","ident":"MyApp.Oban.web.1","queue":"alpha"}"#,
            signal(Some("MyApp.Oban.web.1"), Some("alpha"), Action::Stop),
        ),
    ];
    for (payload, hint) in others {
        database.psql(&format!("select pg_notify('public.oban_signal', '{payload}')"));
        assert_eq!(next(&mut listener).await, hint);
    }
    database.psql(r#"select pg_notify('public.oban_sonar', '{"node":"app@host","ping":true}')"#);
    assert_eq!(next(&mut listener).await, Hint::Ping("app@host".to_owned()));
}

#[tokio::test]
async fn an_order_of_ours_is_not_taken_for_a_signal_of_others() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    postgres.order(order(Action::Pause)).await.unwrap();
    postgres.order(order(Action::Resume)).await.unwrap();
    database.psql(r#"select pg_notify('public.oban_signal', '{"action":"pause","queue":"a"}')"#);
    assert_eq!(next(&mut listener).await, Hint::Ordered);
    assert_eq!(next(&mut listener).await, Hint::Ordered);
    assert_eq!(next(&mut listener).await, signal(None, Some("a"), Action::Pause));
}

#[tokio::test]
async fn an_order_that_is_refused_is_told_to_nobody() {
    let (database, postgres) = opened().await;
    let mut wire = Wire::tapped(&database).await;
    database.psql("alter table kerrera_queues add constraint never check (queue <> 'alpha')");
    postgres.order(order(Action::Pause)).await.unwrap_err();
    postgres.notify(vec!["end".into()]).await.unwrap();
    wire.carries("oban_insert", r#"{"queue":"end"}"#).await;
}

fn order(action: Action) -> Order {
    Order {
        queue: Some("alpha".into()),
        node: None,
        action,
        until: None,
        reason: None,
        by: None,
        instance: "Oban".into(),
    }
}

fn signal(ident: Option<&str>, queue: Option<&str>, action: Action) -> Hint {
    let (ident, queue) = (ident.map(str::to_owned), queue.map(str::to_owned));
    Hint::Signal(Signal { ident, queue, action })
}

async fn opened() -> (Database, Postgres) {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    (database, postgres)
}

async fn next(listener: &mut Box<dyn Listener>) -> Hint {
    tokio::time::timeout(PATIENCE, listener.next()).await.expect("a hint").unwrap()
}

/// A bare connection that listens, as another implementation would.
struct Wire {
    messages: mpsc::UnboundedReceiver<Notification>,
    _client: tokio_postgres::Client,
}

impl Wire {
    async fn tapped(database: &Database) -> Wire {
        let (client, mut connection) =
            tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
        let (sender, messages) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(notification) = message {
                    let _ = sender.send(notification);
                }
            }
        });
        let channels = ["oban_insert", "oban_signal", "oban_leader", "oban_sonar", "oban_gossip"];
        for channel in channels.into_iter().chain(["kerrera_queues", "kerrera_crons"]) {
            client.batch_execute(&format!("LISTEN \"public.{channel}\"")).await.unwrap();
        }
        Wire { messages, _client: client }
    }

    async fn next(&mut self) -> Notification {
        tokio::time::timeout(PATIENCE, self.messages.recv()).await.expect("a message").unwrap()
    }

    #[track_caller]
    fn carries(&mut self, channel: &str, payload: &str) -> impl Future<Output = ()> {
        let expected = (format!("public.{channel}"), payload.to_owned());
        async move {
            let message = self.next().await;
            assert_eq!((message.channel().to_owned(), message.payload().to_owned()), expected);
        }
    }
}
