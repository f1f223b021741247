use kerrera::sqlite::Sqlite;
use kerrera::{Client, Connections, Kerrera, LoopCard, NodeCard, Release, Uuid};
use kerrera_core::storage::Directory as _;

use crate::page::site::Site;

fn card(node: &str) -> NodeCard {
    let mut card = NodeCard::default();
    card.node = node.to_owned();
    card.version = "0.1.0".to_owned();
    card.release = Some(Release::new("shop", "4.2.0"));
    card.host = "mars".to_owned();
    card.pid = 4711;
    card.connectivity = "isolated".to_owned();
    card
}

#[tokio::test]
async fn a_node_tells_of_which_release_it_is_and_how_it_does() {
    let storage = Sqlite::in_memory().unwrap();
    let client = Client::connect(storage.clone()).await.unwrap();
    let mut ill = card("web-1");
    let seconds = std::time::Duration::from_secs;
    let failure = Some("no space left <b>on device</b>".to_owned());
    ill.loops = vec![
        LoopCard::new("stager", seconds(1), None),
        LoopCard::new("archivist", seconds(125), failure),
        LoopCard::new("producer.hidden", seconds(1), None),
    ];
    ill.connections = vec![Connections::new("claims", 4, 3)];
    ill.workers = vec!["SendMail".to_owned(), "Hidden".to_owned()];
    let met = [("mail", "Stranger"), ("hidden", "Secret"), ("mail", "Hidden")];
    ill.unknown_workers = met.map(|(queue, worker)| (queue.to_owned(), worker.to_owned())).to_vec();
    storage.announce(Uuid::new_v4(), ill).await.unwrap();
    let site = Site::new(client);
    site.get("/nodes").await.shows("shop 4.2.0, Kerrera 0.1.0").shows("something fails");
    let page = site.get("/nodes/web-1").await;
    page.shows("shop 4.2.0").shows("mars").shows("process 4711").shows("it polls");
    page.shows("no space left &lt;b&gt;on device").shows("2 min").shows("stager");
    page.shows("claims").shows("/i/main/workers/Stranger");
    page.hides("producer.hidden").hides("Secret").hides("workers/Hidden");
    let stager = page.body.find("loop-stager").unwrap();
    assert!(page.body.find("loop-archivist").unwrap() < stager, "what fails comes first");
    let page = site.get_as("all", "ko", "/nodes/web-1").await;
    page.shows("릴리스").shows("폴링으로 동작").shows("실행할 수 없어 남겨 둔 작업");
    site.get_as("everything", "en", "/nodes/web-1").await.shows("producer.hidden").shows("Secret");
}

#[tokio::test]
async fn a_node_that_went_silent_is_there_although_nothing_runs_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let dead = Sqlite::open(&path).unwrap();
    Client::connect(dead.clone()).await.unwrap();
    dead.announce(Uuid::new_v4(), card("web-9")).await.unwrap();
    dead.close().await.unwrap();
    drop(dead);
    let site = Site::new(Client::connect(Sqlite::open(&path).unwrap()).await.unwrap());
    // What needs attention leads there.
    site.get("").await.shows("/i/main/nodes/web-9");
    site.get("/nodes").await.shows("not heard of").shows("No node runs, so no job will.");
    let page = site.get("/nodes/web-9").await;
    page.shows("It ended without a word, or cannot reach the database.").shows("Last heard of");
}

#[tokio::test]
async fn what_a_node_works_is_hidden_if_the_queue_is() {
    let storage = Sqlite::in_memory().unwrap();
    let engine = Kerrera::builder(storage.clone()).node("web-2").queue("hidden", 1);
    let engine = engine.start().await.unwrap();
    storage.announce(Uuid::new_v4(), card("web-2")).await.unwrap();
    storage.announce(Uuid::new_v4(), card("inserts-only")).await.unwrap();
    let site = Site::new(engine.client().clone());
    // It leads perhaps, and then it is no secret that it is there; but never what it works.
    site.get("/nodes").await.shows("inserts-only").hides("queues/hidden");
    let page = site.get_as("everything", "en", "/nodes/web-2").await;
    page.shows("queues/hidden").shows("alive");
    engine.shutdown().await;
}
