//! What nodes of Oban for Elixir and Python say, and whether anything is heard at all.

use kerrera::Connectivity;
use kerrera::postgres::{Config, Postgres};
use kerrera::prelude::*;

use crate::control::{Gate, Wait, limit, node, paused, until, wait};
use crate::on_both;
use crate::proxy::{Proxy, address};
use crate::scene::{Scene, fast, insert};

/// {"action":"pause","ident":"any","queue":"default"}, packed by Python's gzip.
const PACKED_PAUSE: &str =
    "H4sIAAAAAAACA6tWSkwuyczPU7JSKkgsLU5V0lHKTEnNKwHyE/MqgbzC0tTSVCAvJTUtsTSnRKkWAGZjqwgyAAAA";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_of_elixir_and_python_are_obeyed_and_kept() {
    let scene = Scene::on_postgres().await;
    let gate = Gate::open();
    let (one, two) = (node(&scene, "web.1", &gate).await, node(&scene, "web.2", &gate).await);
    until("they are heard", async || {
        [&one, &two].iter().all(|node| node.connectivity() == Connectivity::Clustered)
    })
    .await;
    let resume = r#"{"action":"resume","ident":"any","queue":"default"}"#;
    for pause in [
        r#"{"action":"pause","ident":"any","queue":"default"}"#.to_owned(),
        r#"{"action": "pause", "queue": "default"}"#.to_owned(),
        PACKED_PAUSE.to_owned(),
        format!("Z:{PACKED_PAUSE}"),
        r#"{"action":"pause","ident":"any","queue":"*"}"#.to_owned(),
    ] {
        signal(&scene, &pause).await;
        for node in [&one, &two] {
            until("both are paused", async || paused(node, "default")).await;
        }
        // One queue follows after the other.
        let all = pause.contains('*');
        until("the other is too, if all are meant", async || paused(&one, "other") == all).await;
        signal(&scene, resume).await;
        for node in [&one, &two] {
            until("both are resumed", async || !paused(node, "default")).await;
        }
    }
    // As if it had been ordered here.
    signal(&scene, r#"{"action":"scale","ident":"any","limit":5,"queue":"default"}"#).await;
    until("it is scaled", async || limit(&one, "default") == 5).await;
    let orders = one.queue_orders().await.unwrap();
    assert!(orders.iter().all(|order| order.is_signal), "{orders:?}");
    one.shutdown().await;
    let again = node(&scene, "web.1", &gate).await;
    assert_eq!((limit(&again, "default"), paused(&again, "other")), (5, true));
    again.shutdown().await;
    two.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_for_one_node_is_for_that_one() {
    let scene = Scene::on_postgres().await;
    let gate = Gate::open();
    let one = node(&scene, "web.1", &gate).await;
    let builder = scene.builder().node("web.2").instance("MyApp.Oban").state(gate.clone());
    let two = builder.queue("default", 2).start().await.unwrap();
    let scaled = |ident: &str, limit: u32| {
        format!(r#"{{"action":"scale","ident":"{ident}","limit":{limit},"queue":"default"}}"#)
    };
    for (at, ident) in ["Oban.web.2", "Kerrera.web.2", "MyApp.Oban.web.2"].into_iter().enumerate() {
        let wished = 5 + u32::try_from(at).unwrap();
        for other in ["Oban.web.3", "Other.web.2", "web.2", "Oban"] {
            signal(&scene, &scaled(other, 99)).await;
        }
        signal(&scene, &scaled(ident, wished)).await;
        until("it is scaled", async || limit(&two, "default") == wished).await;
        assert_eq!(limit(&one, "default"), 2);
    }
    // A configured name is no other node's.
    signal(&scene, &scaled("MyApp.Oban.web.1", 99)).await;
    signal(&scene, &scaled("Oban.web.1", 3)).await;
    until("it is scaled", async || limit(&one, "default") == 3).await;
    assert_eq!(limit(&two, "default"), 7);
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_start_and_stop_queues() {
    let scene = Scene::on_postgres().await;
    let kerrera = node(&scene, "web.1", &Gate::open()).await;
    let id = insert(&kerrera, wait().queue("media")).await;
    let start = r#"{"action":"start","ident":"any","limit":10,"queue":"media","paused":true}"#;
    signal(&scene, start).await;
    until("it is worked", async || kerrera.check_queue("media").is_some()).await;
    let check = kerrera.check_queue("media").unwrap();
    assert_eq!((check.limit, check.paused), (10, true));
    signal(&scene, r#"{"action":"scale","limit":4,"queue":"media","paused":false}"#).await;
    scene.reaches(id, State::Completed).await;
    assert_eq!(limit(&kerrera, "media"), 4);
    signal(&scene, r#"{"action":"stop","ident":"Oban.web.1","queue":"media"}"#).await;
    until("it is worked no more", async || kerrera.check_queue("media").is_none()).await;
    assert_eq!(kerrera.check_all_queues().len(), 2, "the others stay");
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_channels_is_passed_over() {
    let scene = Scene::on_postgres().await;
    let kerrera = node(&scene, "web.1", &Gate::open()).await;
    for garbage in ["", "hello", "Z:garbage", "H4sIgarbage", r#"{"action":"fly"}"#, "[1]"] {
        for channel in ["insert", "signal", "leader", "sonar", "gossip"] {
            scene.raw(&format!("select pg_notify('public.oban_{channel}', '{garbage}')")).await;
        }
    }
    signal(&scene, r#"{"action":"pause","queue":"default"}"#).await;
    until("it is heard all the same", async || paused(&kerrera, "default")).await;
    assert!(kerrera.health().is_healthy(), "{:?}", kerrera.health());
    kerrera.shutdown().await;
}

/// What was said while nobody listened is lost, if it is no order of ours; what is said afterwards is
/// not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_its_connection_listens_again_and_looks_at_everything() {
    let scene = Scene::on_postgres().await;
    // Neither a poll nor a sign of life is the cause of what follows.
    let builder = scene.builder().tune(|t| t.stage_interval = 1.hour()).node("web.1");
    let builder = builder.state(Gate::open()).queue("default", 2).queue("other", 1);
    let kerrera = builder.worker::<Wait>().start().await.unwrap();
    until("it is heard", async || kerrera.connectivity() == Connectivity::Solitary).await;
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where application_name = 'kerrera' and datname = current_database()";
    scene
        .raw(&format!(
            "insert into kerrera_queues (queue, node, setting, paused, source, at)
             values ('other', '*', 'paused', true, 'kerrera', now()); {cut}"
        ))
        .await;
    until("what was missed is found", async || paused(&kerrera, "other")).await;
    signal(&scene, r#"{"action":"pause","queue":"default"}"#).await;
    until("it listens again", async || paused(&kerrera, "default")).await;
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_elixir_is_company() {
    let scene = Scene::on_postgres().await;
    let kerrera = node(&scene, "web.1", &Gate::open()).await;
    assert!(matches!(kerrera.connectivity(), Connectivity::Unknown | Connectivity::Solitary));
    until("it hears itself", async || kerrera.connectivity() == Connectivity::Solitary).await;
    scene.raw(r#"select pg_notify('public.oban_sonar', '{"node":"app@host","ping":true}')"#).await;
    until("it has company", async || kerrera.connectivity() == Connectivity::Clustered).await;
    assert_eq!(kerrera.health().connectivity, Connectivity::Clustered);
    kerrera.shutdown().await;
}

/// Behind a pooler no notification comes through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nothing_is_isolated_and_does_its_work() {
    let scene = Scene::on_postgres().await;
    let direct = scene.postgres_url().unwrap();
    let pooler = Proxy::pooler(address(&direct)).await;
    let storage = Postgres::new(Config::from_url(&pooler.url(&direct)).unwrap()).unwrap();
    let builder = Kerrera::builder(storage).tune(fast).node("web.1").state(Gate::open());
    let builder = builder.queue("default", 2).worker::<Wait>();
    let kerrera = builder.start().await.unwrap();
    until("it is isolated", async || kerrera.connectivity() == Connectivity::Isolated).await;
    assert!(kerrera.health().is_healthy(), "that is no illness: {:?}", kerrera.health());

    let client = scene.client().await;
    client.queue("default").pause().await.unwrap();
    until("a pause is found", async || paused(&kerrera, "default")).await;
    let id = insert(&client, wait()).await;
    client.queue("default").resume().await.unwrap();
    scene.reaches(id, State::Completed).await;
    client.queue("media").start(1).await.unwrap();
    until("a start is found", async || kerrera.check_queue("media").is_some()).await;
    let id = insert(&client, wait().queue("media")).await;
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_are_told_when_a_pause_ends_by_itself() {
    let scene = Scene::on_postgres().await;
    let gate = Gate::open();
    let (one, two) = (node(&scene, "web.1", &gate).await, node(&scene, "web.2", &gate).await);
    let mut neighbour = Neighbour::beside(&scene).await;
    let client = scene.client().await;
    let word = |action: &str, queue: &str| {
        format!(r#"{{"action":"{action}","ident":"any","queue":"{queue}"}}"#)
    };
    client.queue("default").pause_for(300.milliseconds()).await.unwrap();
    assert_eq!(neighbour.hears().await, word("pause", "default"));
    assert_eq!(neighbour.hears().await, word("resume", "default"));
    for node in [&one, &two] {
        until("it goes on", async || !paused(node, "default")).await;
    }

    client.queues().pause().await.unwrap();
    client.queue("default").pause_for(100.milliseconds()).await.unwrap();
    let row = async || client.queue_orders().await.unwrap().len();
    until("it has ended", async || row().await == 1).await;
    // The nodes have seen to it when they have removed the row.
    until("that is settled", async || !scene.storage.orders().await.unwrap().ended).await;
    client.queues().resume().await.unwrap();
    assert_eq!(neighbour.hears().await, word("pause", "*"), "and nothing in between");
    assert_eq!(neighbour.hears().await, word("pause", "default"));
    assert_eq!(neighbour.hears().await, word("resume", "*"), "no other word of its end");

    // One that ends while no node runs is seen to by the next.
    one.shutdown().await;
    two.shutdown().await;
    client.queue("other").node("web.9").pause_for(1.milliseconds()).await.unwrap();
    until("it has ended", async || scene.storage.orders().await.unwrap().ended).await;
    let late = node(&scene, "web.3", &gate).await;
    let there = |action: &str| word(action, "other").replace("any", "Oban.web.9");
    assert_eq!(neighbour.hears().await, there("pause"));
    assert_eq!(neighbour.hears().await, there("resume"));
    late.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_are_told_queue_by_queue_what_they_know_no_word_for() {
    let scene = Scene::on_postgres().await;
    let gate = Gate::open();
    let (one, two) = (node(&scene, "web.1", &gate).await, node(&scene, "web.2", &gate).await);
    let mut neighbour = Neighbour::beside(&scene).await;
    insert(&one, NewJob::of("MyApp.Mailer", serde_json::json!({})).queue("elixir")).await;
    one.queues().scale(7).await.unwrap();
    for queue in ["default", "elixir", "other"] {
        let scale = format!(r#"{{"action":"scale","ident":"any","limit":7,"queue":"{queue}"}}"#);
        assert_eq!(neighbour.hears().await, scale);
    }
    for node in [&one, &two] {
        until("they are scaled", async || limit(node, "other") == 7).await;
    }
    two.queues().stop().await.unwrap();
    for queue in ["default", "elixir", "other"] {
        let stop = format!(r#"{{"action":"stop","ident":"any","queue":"{queue}"}}"#);
        assert_eq!(neighbour.hears().await, stop);
    }
    for node in [&one, &two] {
        until("nothing is worked", async || node.check_all_queues().is_empty()).await;
    }
    let orders = one.queue_orders().await.unwrap();
    let is_ours = |order: &kerrera::Standing| order.queue.is_none() && !order.is_signal;
    assert!(orders.len() == 2 && orders.iter().all(is_ours), "no node takes them for signals");
    one.shutdown().await;
    two.shutdown().await;
}

/// What a node of Elixir's or Python's hears.
struct Neighbour {
    signals: tokio::sync::mpsc::UnboundedReceiver<String>,
    _client: tokio_postgres::Client,
}

impl Neighbour {
    async fn beside(scene: &Scene) -> Neighbour {
        let url = scene.postgres_url().unwrap();
        let (client, mut connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        let (sender, signals) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) =
                std::future::poll_fn(|cx| connection.poll_message(cx)).await
            {
                if let tokio_postgres::AsyncMessage::Notification(notification) = message {
                    let _ = sender.send(notification.payload().to_owned());
                }
            }
        });
        client.batch_execute("LISTEN \"public.oban_signal\"").await.unwrap();
        Neighbour { signals, _client: client }
    }

    async fn hears(&mut self) -> String {
        tokio::time::timeout(20.seconds(), self.signals.recv()).await.unwrap().unwrap()
    }
}

async fn what_can_be_heard_is_told(scene: Scene) {
    let kerrera = node(&scene, "web.1", &Gate::open()).await;
    let expected = match scene.postgres_url() {
        Some(_) => Connectivity::Solitary,
        None => Connectivity::Embedded,
    };
    until("it is known", async || kerrera.health().connectivity == expected).await;
    kerrera.shutdown().await;
}

async fn signal(scene: &Scene, payload: &str) {
    scene.raw(&format!("select pg_notify('public.oban_signal', '{payload}')")).await;
}

on_both!(what_can_be_heard_is_told);
