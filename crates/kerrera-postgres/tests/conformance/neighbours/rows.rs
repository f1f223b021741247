//! What our rows look like to neighbours: they suppose what their own insertions always write.

use kerrera_core::cron::{Cron, Occasion, Timezone};
use kerrera_core::executor::{Call, Dialect, Executor};
use kerrera_core::state::Event;
use kerrera_core::storage::{Ack, Acked, CronFiring, Inserted};
use kerrera_core::unique::until_finished;
use kerrera_core::{Limits, NewJob, State, Units, ValidJob};
use serde_json::json;
use testkit::oban::End;

use super::{Town, end};
use crate::fixture::{ELIXIR, PYTHON, client};

/// Numbers with a fraction in both, as our clock shows one; objects and lists, and never NULL.
const AMISS: &str =
    "SELECT count(*) FROM oban_jobs WHERE args IS NULL OR meta IS NULL OR tags IS NULL
        OR errors IS NULL OR jsonb_typeof(args) <> 'object' OR jsonb_typeof(meta) <> 'object'
        OR coalesce(jsonb_typeof(to_jsonb(errors)), '') <> 'array'
        OR to_char(inserted_at, 'US') <> '123456' OR scheduled_at IS NULL
        OR attempt NOT BETWEEN 0 AND max_attempts OR max_attempts > 32767";

#[tokio::test]
async fn every_row_that_we_write_has_what_neighbours_suppose() {
    for tables in [None, Some(ELIXIR), Some(PYTHON)] {
        let town = match tables {
            None => Town::ours().await,
            Some(tables) => Town::theirs(tables).await,
        };
        let scheduled = || NewJob::of("S", json!({})).schedule_in(1.hour());
        let plain = || NewJob::of("W", json!({})).queue("plain");
        let unique = |n: u32| NewJob::of("U", json!({"n": n})).unique(until_finished());
        // One, many, unique ones, and in somebody's transaction.
        town.insert(plain()).await;
        let many = [plain(), scheduled(), unique(1), unique(2)].map(valid);
        town.kerrera.insert(many.to_vec()).await.unwrap();
        let mut client = client(&town.database.url(), "public").await;
        let mut transaction = client.transaction().await.unwrap();
        let plan = town.kerrera.plan_insert(&[plain(), scheduled(), unique(3)].map(valid), false);
        let call: Call<Vec<Inserted>> = Call::new(Dialect::Postgres, plan, Ok);
        transaction.run(call).await.unwrap();
        transaction.commit().await.unwrap();
        // By the clock.
        let entry = Cron::new("* * * * *", plain()).name("nightly");
        let entry = entry.validate(&Limits::default(), &Timezone::utc()).unwrap();
        town.kerrera.declare_crons(vec![entry]).await.unwrap();
        town.clock.advance(1.minute());
        let firing = CronFiring {
            name: "nightly".into(),
            node: "rust".into(),
            occasion: Occasion::Due,
            meta: Default::default(),
        };
        assert_eq!(town.kerrera.fire_cron(firing).await.unwrap().unwrap().len(), 1);
        assert_eq!(town.database.psql("SELECT count(*) FROM oban_jobs"), "9");
        let states = "SELECT DISTINCT state, scheduled_at > inserted_at FROM oban_jobs ORDER BY 2";
        assert_eq!(town.database.psql(states), "available|f\nscheduled|t");
        assert_eq!(town.database.psql(AMISS), "0");

        // As what follows from a run, and after each way in which a run can end.
        town.database.psql("DELETE FROM oban_jobs");
        let hand = town.hand().await;
        let ends = [
            Event::Failed { retry_in: 1.minute() },
            Event::Snoozed { wait: 1.minute() },
            Event::Cancelled,
            Event::Discarded,
            Event::Completed,
        ];
        for event in ends {
            town.clock.set(crate::fixture::clock().shows().unwrap());
            let (job, token) = hand.runs(NewJob::of("W", json!({}))).await;
            town.clock.set(crate::fixture::clock().shows().unwrap());
            let then = vec![valid(plain())];
            let ack = Ack { then, ..end(&job, token, event) };
            assert_eq!(town.kerrera.ack(vec![ack]).await.unwrap(), [Acked::Written]);
            assert_eq!(town.database.psql(AMISS), "0", "{event:?}");
        }
    }
}

/// An Elixir node takes a job of ours, and each of its statements finds what it needs in the row: also
/// in one that we have run before.
#[tokio::test]
async fn a_neighbour_takes_and_ends_our_jobs_in_every_way() {
    for town in [Town::ours().await, Town::theirs(ELIXIR).await] {
        let hand = town.hand().await;
        for end in End::EACH {
            let (job, token) = hand.running().await;
            hand.ends(&job, token, Event::Failed { retry_in: 1.second() }).await;
            town.clock.advance(1.minute());
            let elixir = town.elixir("elixir");
            assert_eq!(elixir.stage(5_000), [job.id]);
            let taken = elixir.fetch("default", 1).remove(0);
            assert_eq!((taken.id, taken.attempt), (job.id, 2));
            elixir.ends(&taken, end);
            let row = town.job(job.id).await;
            assert_eq!(row.state.as_str(), end.state());
            let wrong = matches!(end, End::Retry(..) | End::Cancel(_) | End::Discard(_));
            assert_eq!(row.errors.len(), 1 + usize::from(wrong), "{end:?}");
            let snoozed = matches!(end, End::Snooze(_)).then(|| json!(1));
            assert_eq!(row.meta.get("snoozed"), snoozed, "{end:?}");
            assert_eq!(row.attempted_by.len(), 2, "our token is gone");
            if row.state == State::Scheduled || row.state == State::Retryable {
                elixir.cancel(job.id);
            }
        }
    }
}

/// Each side looks among the rows of both; nothing locks both out, so two that insert at one moment
/// may both insert. Neither makes the other believe that it has a conflict where there is none.
#[tokio::test]
async fn a_lock_of_ours_makes_no_elixir_node_believe_in_a_conflict() {
    let town = Town::theirs(ELIXIR).await;
    let mut client = client(&town.database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    let job = || valid(NewJob::of("U", json!({"n": 1})).unique(until_finished()));
    let plan = town.kerrera.plan_insert(&[job()], false);
    let call: Call<Vec<Inserted>> = Call::new(Dialect::Postgres, plan, Ok);
    transaction.run(call).await.unwrap();
    let elixir = town.elixir("elixir");
    // Every key that it could come upon, while ours are held.
    let free = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
        AND classid::bigint = 0 AND objid::bigint < (1 << 28)";
    assert_eq!(town.database.psql(free), "0");
    let theirs = elixir.insert_unique("U", r#"{"n": 1}"#);
    assert!(theirs.is_some(), "it cannot see ours yet, and is not kept from inserting");
    transaction.commit().await.unwrap();
    assert_eq!(elixir.insert_unique("U", r#"{"n": 1}"#), None, "now it sees one");
    let inserted = town.kerrera.insert(vec![job()]).await.unwrap().remove(0);
    assert!(inserted.is_conflict(), "and we see theirs and ours");
}

fn valid(job: NewJob) -> ValidJob {
    job.validate(&Limits::default()).unwrap()
}
