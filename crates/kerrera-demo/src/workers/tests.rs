//! What becomes of jobs, in a time that jumps: the mail server and the database are real, and nothing
//! is waited for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use kerrera::prelude::*;
use kerrera::testing::{Drained, TestKit, TestKitBuilder, assert_enqueued, refute_enqueued};

use super::*;
use crate::app::App;
use crate::geocoder::{Geocoder, Trouble};
use crate::mailer::Mailer;
use crate::pace::shortened;
use crate::smtp_sink::{Mailbox, SmtpSink};
use crate::store::{NewUser, Refusal, Store};

const EMAIL: &str = "ada@example.org";

/// A kit with the workers, and a mail server with one mailbox.
async fn kit(mailbox: Mailbox, trouble: Trouble) -> (TestKit<App>, SmtpSink) {
    let (kit, sink) = builder(mailbox, trouble).await;
    (kit.build().await.unwrap(), sink)
}

async fn builder(mailbox: Mailbox, trouble: Trouble) -> (TestKitBuilder<App>, SmtpSink) {
    let mailboxes = HashMap::from([(EMAIL.to_owned(), mailbox)]);
    let sink = SmtpSink::start(mailboxes).await.unwrap();
    let app = App {
        store: Arc::new(Store::open("sqlite::memory:", 1).await.unwrap()),
        mailer: Mailer::new(sink.address()).unwrap(),
        geocoder: Geocoder::new([(BATCH, trouble)]),
        folder: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data")),
    };
    let kit = TestKit::builder().state(app).worker::<SendWelcomeEmail>().worker::<DataImport>();
    (kit, sink)
}

fn ada(request_id: &str, invitation: Option<&str>) -> NewUser {
    NewUser {
        name: "Ada".to_owned(),
        email: format!("{request_id}{EMAIL}"),
        request_id: request_id.to_owned(),
        invitation: invitation.map(str::to_owned),
    }
}

/// Makes Ada a user, without a job.
async fn user(store: &Store) -> i64 {
    let client = Client::connect(store.database()).await.unwrap();
    store.sign_up(&client, ada("", None), |_| Vec::new()).await.unwrap().unwrap()
}

#[test]
fn every_worker_tags_its_jobs() {
    let tags = [
        LogAnalytics::TAGS,
        BulkEmailSend::TAGS,
        DataImport::TAGS,
        SendWelcomeEmail::TAGS,
        DailyReport::TAGS,
    ];
    assert!(tags.iter().all(|tags| tags.contains(&TAG)), "{tags:?}");
}

#[tokio::test]
async fn a_welcome_is_sent_again_while_the_mailbox_is_busy() {
    let (kit, sink) = kit(Mailbox::BusyAtFirst(2), Trouble::None).await;
    let user_id = user(&kit.state().store).await;
    kit.insert(SendWelcomeEmail { user_id }).await.unwrap();

    let job = kit.run_next_due().await.unwrap().unwrap();
    assert_eq!(job.state, State::Retryable);
    assert!(job.errors[0].error.contains("451"), "{:?}", job.errors);
    assert!(job.scheduled_at > kit.now(), "it waits for its back-off");

    let ended = kit.run_until_idle().await.unwrap();
    assert_eq!(ended, Drained { failure: 1, success: 1, ..Drained::default() });
    let ledger = sink.ledger();
    assert_eq!((ledger.busy, ledger.delivered_with(SendWelcomeEmail::MESSAGE)), (2, 1));
    let greeted = kit.state().store.greeted_users(vec![user_id]).await.unwrap();
    assert_eq!(greeted.len(), 1);
}

#[tokio::test]
async fn a_welcome_is_given_up_after_three_attempts_and_at_once_if_nobody_is_there() {
    for (mailbox, expected) in [
        (Mailbox::Full, Drained { failure: 2, discard: 1, ..Drained::default() }),
        (Mailbox::Gone, Drained { cancelled: 1, ..Drained::default() }),
    ] {
        let (kit, _sink) = kit(mailbox, Trouble::None).await;
        let user_id = user(&kit.state().store).await;
        kit.insert(SendWelcomeEmail { user_id }).await.unwrap();
        assert_eq!(kit.run_until_idle().await.unwrap(), expected, "{mailbox:?}");
    }
    let (kit, sink) = kit(Mailbox::Fine, Trouble::None).await;
    let stranger = kit.perform_job(SendWelcomeEmail { user_id: 7 }).await.unwrap();
    assert_eq!(stranger.state, State::Cancelled);
    assert_eq!(stranger.error.as_deref(), Some("cancelled: the user is gone"));
    assert_eq!(sink.delivered(), 0);
}

#[tokio::test]
async fn a_welcome_arrives_once_however_often_its_node_dies() {
    let mut crashed = 0;
    for seed in 0..8 {
        let (kit, sink) = builder(Mailbox::Fine, Trouble::None).await;
        let kit = kit.faults(seed).build().await.unwrap();
        let user_id = user(&kit.state().store).await;
        kit.insert(SendWelcomeEmail { user_id }).await.unwrap();
        let ended = kit.run_until_idle().await.unwrap();
        assert_eq!((ended.success, sink.delivered()), (1, 1), "seed {seed}");
        crashed += ended.crashed;
    }
    assert!(crashed > 0);
}

fn import() -> DataImport {
    DataImport { file: "airports.csv".to_owned(), first_row: 0, rows: BATCH + 1 }
}

#[tokio::test]
async fn an_import_is_put_off_while_the_geocoder_is_away() {
    let (kit, _sink) = kit(Mailbox::Fine, Trouble::Away(2)).await;
    let id = kit.insert(import()).await.unwrap().job().id;
    for snoozed in 1..=2 {
        let job = kit.run_next_due().await.unwrap().unwrap();
        assert_eq!((job.snoozed(), job.attempt), (snoozed, 0), "it costs no attempt");
        assert_enqueued!(kit, worker: DataImport, scheduled_in: shortened(300.seconds()));
    }
    assert_eq!(kit.advance(shortened(299.seconds())).await.unwrap(), Drained::default());
    assert_eq!(kit.advance(1.second()).await.unwrap().success, 1);

    let job = kit.job(id).await.unwrap().unwrap();
    assert_eq!(job.meta.get("k_value"), Some((BATCH + 1).into()));
}

#[tokio::test]
async fn an_import_ends_as_the_geocoders_trouble_has_it() {
    for (trouble, expected) in [
        (Trouble::Nonsense(1), Drained { failure: 1, success: 1, ..Drained::default() }),
        (Trouble::Nonsense(u32::MAX), Drained { failure: 4, discard: 1, ..Drained::default() }),
        (Trouble::Refused, Drained { cancelled: 1, ..Drained::default() }),
        // Nobody waits for ever: two snoozes, and then it costs attempts.
        (
            Trouble::Away(u32::MAX),
            Drained { snoozed: 2, failure: 4, discard: 1, ..Drained::default() },
        ),
    ] {
        let (kit, _sink) = kit(Mailbox::Fine, trouble).await;
        kit.insert(import()).await.unwrap();
        assert_eq!(kit.run_until_idle().await.unwrap(), expected, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_sign_up_enqueues_the_welcome_and_one_that_is_refused_nothing() {
    let store = Store::open("sqlite::memory:", 1).await.unwrap();
    let client = Client::connect(store.database()).await.unwrap();
    let jobs = |user_id| vec![SendWelcomeEmail { user_id }.job()];
    let invitation = Some(crate::scenario::INVITATION);

    let user_id = store.sign_up(&client, ada("1", invitation), jobs).await.unwrap().unwrap();
    assert_enqueued!(client, worker: SendWelcomeEmail, queue: "mailers", args: {"user_id": user_id});
    assert_enqueued!(client, tags: [TAG], meta: {"request_id": "1"});

    let refused = store.sign_up(&client, ada("2", invitation), jobs).await.unwrap();
    assert_eq!(refused, Err(Refusal::InvitationUsedUp));
    refute_enqueued!(client, meta: {"request_id": "2"});
}
