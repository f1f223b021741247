//! What goes over the wire, as Oban's nodes would see it and send it.

use std::future::poll_fn;
use std::time::Duration;

use kerrera_core::cron::{Cron, Timezone};
use kerrera_core::storage::{Action, Crons, Hint, Listener, Order, Queues, Signal, Signals, Until};
use kerrera_core::{Clock, Limits, NewJob};
use kerrera_postgres::Postgres;
use testkit::postgres::Database;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls, Notification};

use crate::fixture::{PYTHON, migrate, migrated, open};

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
