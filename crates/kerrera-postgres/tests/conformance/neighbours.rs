//! Beside Oban's own nodes, played here by their statements in our own words, each with a clock of its
//! own: they see our rows, and we see theirs.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::conformance::Fixture;
use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Beat, Candidate, Claim, Hint, Indexes, KeepRule, Operations, Producer, Prune,
    Reindex, Seat, Storage,
};
use kerrera_core::{ClaimToken, Clock, Job, JobId, Limits, NewJob, State, Timestamp, Units, Uuid};
use kerrera_postgres::{Config, Postgres};
use serde_json::json;
use testkit::postgres::Database;

use crate::fixture::{self, ELIXIR, PYTHON, client, clock, migrate, open};

/// A database with our storage, and neighbours beside it.
struct Town {
    database: Database,
    clock: Clock,
    kerrera: Arc<dyn Storage>,
}

impl Town {
    /// On tables that we made.
    async fn ours() -> Town {
        Town::on(fixture::migrated("public")).await
    }

    /// On tables that another Oban made.
    async fn theirs(tables: &str) -> Town {
        let database = Database::empty();
        database.psql(tables);
        migrate(&database.url(), "public");
        Town::on(database).await
    }

    async fn on(database: Database) -> Town {
        let clock = clock();
        let kerrera = Arc::new(open(&database.url(), "public", &clock).await.unwrap());
        Town { database, clock, kerrera }
    }

    /// Somebody whose clock differs by some seconds.
    fn neighbour(&self, node: &'static str, skew: i64) -> Neighbour<'_> {
        Neighbour { town: self, node, skew, leads: false }
    }

    async fn hand(&self) -> Hand<'_> {
        let uuid = Uuid::new_v4();
        let producer = Producer { uuid, node: "rust".into(), queue: "default".into(), limit: 10 };
        self.kerrera.enroll(vec![producer]).await.unwrap();
        Hand { town: self, uuid }
    }

    async fn insert(&self, job: NewJob) -> JobId {
        let job = job.validate(&Limits::default()).unwrap();
        self.kerrera.insert(vec![job]).await.unwrap().remove(0).into_job().id
    }

    async fn job(&self, id: JobId) -> Job {
        self.kerrera.job(id).await.unwrap().unwrap()
    }

    async fn stand(&self, node: &str, name: &str) -> bool {
        let led = self.kerrera.stand(node.into(), Arc::from([name.to_owned()])).await.unwrap();
        led == [name]
    }

    async fn seat(&self) -> Seat {
        let candidate = Candidate {
            seat: "kerrera".into(),
            holder: Uuid::new_v4(),
            node: "rust".into(),
            ttl: 1_000.days(),
        };
        let term = self.kerrera.lead(candidate.clone(), None).await.unwrap().term.unwrap();
        candidate.seat(term)
    }
}

/// A producer of ours.
struct Hand<'a> {
    town: &'a Town,
    uuid: Uuid,
}

impl Hand<'_> {
    /// A job that runs here.
    async fn running(&self) -> (Job, ClaimToken) {
        let id = self.town.insert(NewJob::of("W", json!({}))).await;
        let claim = Claim {
            queue: "default".into(),
            producer: self.uuid,
            node: "rust".into(),
            token: ClaimToken::random(),
            limit: 1,
            excluded: Arc::new([]),
            floor: None,
        };
        let token = claim.token;
        let job = self.town.kerrera.claim(claim).await.unwrap().remove(0);
        assert_eq!(job.id, id);
        (job, token)
    }

    async fn beat(&self, running: &[(JobId, ClaimToken)]) -> kerrera_core::storage::Pulse {
        let running = running.to_vec();
        let beat = Beat { producer: self.uuid, paused: false, limit: 10, running };
        self.town.kerrera.beat(vec![beat]).await.unwrap()
    }

    async fn complete(&self, job: &Job, token: ClaimToken) -> Acked {
        let ack = Ack {
            id: job.id,
            token,
            outcome: decide(job.position(), Event::Completed).unwrap(),
            failure: None,
            meta: None,
            then: Vec::new(),
            began: job.attempted_at,
        };
        self.town.kerrera.ack(vec![ack]).await.unwrap().remove(0)
    }
}

/// A node of Oban's.
struct Neighbour<'a> {
    town: &'a Town,
    node: &'static str,
    /// By how many seconds its clock is ahead.
    skew: i64,
    leads: bool,
}

impl Neighbour<'_> {
    fn now(&self) -> String {
        let now = self.town.clock.shows().unwrap().as_micros() + self.skew * 1_000_000;
        format!("'{}'::timestamp", Timestamp::from_micros(now).to_string().trim_end_matches('Z'))
    }

    fn psql(&self, sql: &str) -> String {
        self.town.database.psql(sql)
    }

    /// An election of Elixir's nodes, as they hold it since 2.23.1.
    fn elect(&mut self, name: &str) -> bool {
        let (now, node) = (self.now(), self.node);
        let renew = format!("WHERE oban_peers.node = '{node}'");
        self.election(
            name,
            &now,
            node,
            &format!("DO UPDATE SET expires_at = {now} + interval '30 seconds' {renew}"),
        )
    }

    /// An election of Elixir's nodes, as they held it until 2.23.0.
    fn elect_as_before(&mut self, name: &str) -> bool {
        let (now, node) = (self.now(), self.node);
        let conflict = match self.leads {
            true => format!("DO UPDATE SET expires_at = {now} + interval '30 seconds'"),
            false => "DO NOTHING".to_owned(),
        };
        self.election(name, &now, node, &conflict)
    }

    fn election(&mut self, name: &str, now: &str, node: &str, conflict: &str) -> bool {
        let rows = self.psql(&format!(
            "BEGIN;
            DELETE FROM oban_peers WHERE name = '{name}' AND expires_at < {now};
            INSERT INTO oban_peers (name, node, started_at, expires_at)
            VALUES ('{name}', '{node}', {now}, {now} + interval '30 seconds')
            ON CONFLICT (name) {conflict}
            RETURNING 'elected';
            COMMIT;"
        ));
        self.leads = rows.contains("elected");
        self.leads
    }

    /// An election of Python's nodes.
    fn elect_in_python(&mut self, name: &str) -> bool {
        let (now, node) = (self.now(), self.node);
        let conflict = match self.leads {
            true => {
                "DO UPDATE SET expires_at = excluded.expires_at WHERE oban_leaders.node = excluded.node"
            }
            false => "DO NOTHING",
        };
        let rows = self.psql(&format!(
            "BEGIN;
            DELETE FROM oban_leaders WHERE expires_at < {now};
            INSERT INTO oban_leaders (name, node, elected_at, expires_at)
            VALUES ('{name}', '{node}', {now}, {now} + interval '30 seconds')
            ON CONFLICT (name) {conflict}
            RETURNING 'elected';
            COMMIT;"
        ));
        self.leads = rows.contains("elected");
        self.leads
    }

    fn resign(&self, name: &str) {
        let node = self.node;
        self.psql(&format!(
            "BEGIN;
            DELETE FROM oban_peers WHERE name = '{name}' AND node = '{node}';
            SELECT pg_notify('public.oban_leader', '{{\"down\": \"{name}\"}}');
            COMMIT;"
        ));
    }

    /// Frees what has run for longer than so many seconds; how many.
    fn lifeline(&self, age: u32) -> usize {
        let now = self.now();
        let freed = self.psql(&format!(
            "UPDATE oban_jobs SET state = 'available'
            WHERE state = 'executing' AND attempted_at < {now} - interval '{age} seconds'
                AND attempt < max_attempts
            RETURNING 'freed';
            UPDATE oban_jobs SET state = 'discarded', discarded_at = {now}
            WHERE state = 'executing' AND attempted_at < {now} - interval '{age} seconds'
                AND attempt >= max_attempts
            RETURNING 'freed';"
        ));
        freed.lines().filter(|line| *line == "freed").count()
    }

    /// Takes an available job.
    fn fetch(&self) {
        let (now, node) = (self.now(), self.node);
        self.psql(&format!(
            "WITH subset AS (
                SELECT id FROM oban_jobs WHERE state = 'available' AND queue = 'default'
                ORDER BY priority, scheduled_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            UPDATE oban_jobs AS j
            SET state = 'executing', attempted_at = {now}, attempt = j.attempt + 1,
                attempted_by = ARRAY['{node}', 'b6b1c4c9-4e7b-4d87-9d6e-0f3a3a1f6d11']
            FROM subset AS s WHERE j.id = s.id AND j.attempt < j.max_attempts"
        ));
    }

    /// Deletes what ended longer than so many seconds ago; completed jobs by when they were due.
    fn prune(&self, age: u32) -> usize {
        let before = format!("{} - interval '{age} seconds'", self.now());
        let gone = self.psql(&format!(
            "DELETE FROM oban_jobs WHERE id IN (
                SELECT id FROM oban_jobs
                WHERE (state = 'completed' AND scheduled_at < {before})
                    OR (state = 'cancelled' AND cancelled_at < {before})
                    OR (state = 'discarded' AND discarded_at < {before})
                LIMIT 10000
            ) RETURNING 'gone'"
        ));
        gone.lines().filter(|line| *line == "gone").count()
    }
}

#[tokio::test]
async fn an_elixir_node_does_not_lead_while_we_do() {
    let town = Town::ours().await;
    let mut elixir = town.neighbour("elixir", 0);
    assert!(town.stand("rust", "Oban").await);
    for _ in 0..5 {
        town.clock.advance(15.seconds());
        assert!(!elixir.elect("Oban"));
        assert!(town.stand("rust", "Oban").await, "renewed in time");
    }
    assert!(elixir.elect("Other"), "under another name there is another leader");

    town.clock.advance(31.seconds());
    assert!(elixir.elect("Oban"), "we died, and thirty seconds are over");
    assert!(!town.stand("rust", "Oban").await);
}

#[tokio::test]
async fn we_do_not_lead_while_an_elixir_node_does() {
    let town = Town::ours().await;
    for newer in [true, false] {
        let mut elixir = town.neighbour("elixir", 0);
        let mut elect =
            || if newer { elixir.elect("Oban") } else { elixir.elect_as_before("Oban") };
        assert!(elect());
        for _ in 0..5 {
            town.clock.advance(15.seconds());
            assert!(!town.stand("rust", "Oban").await);
            assert!(elect(), "renewed in time");
        }
        town.clock.advance(31.seconds());
        assert!(town.stand("rust", "Oban").await, "it died, and thirty seconds are over");
        town.kerrera.step_down("rust".into(), Arc::from(["Oban".to_owned()])).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_elixir_node_that_slept_believes_that_it_leads_beside_us() {
    let town = Town::ours().await;
    let mut elixir = town.neighbour("elixir", 0);
    assert!(elixir.elect_as_before("Oban"));
    town.clock.advance(31.seconds());
    assert!(town.stand("rust", "Oban").await);
    // It renews a row that is not its own: the mistake that 2.23.1 mended. The row stays ours.
    assert!(elixir.elect_as_before("Oban"));
    assert!(town.stand("rust", "Oban").await);
    let mut newer = town.neighbour("newer", 0);
    assert!(!newer.elect("Oban"));
}

#[tokio::test]
async fn a_node_that_steps_down_lets_the_neighbours_lead_at_once() {
    let town = Town::ours().await;
    let names: Arc<[String]> = Arc::from(["Oban".to_owned()]);
    assert!(town.stand("rust", "Oban").await);
    let mut listener = town.kerrera.listen().await.unwrap();
    town.kerrera.step_down("rust".into(), names).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Leaderless, "the neighbours hear it as we do");
    let mut elixir = town.neighbour("elixir", 0);
    assert!(elixir.elect("Oban"));

    elixir.resign("Oban");
    assert_eq!(listener.next().await.unwrap(), Hint::Leaderless);
    assert!(town.stand("rust", "Oban").await);
}

#[tokio::test]
async fn a_leader_of_our_own_says_that_it_goes_in_words_that_neighbours_pass_over() {
    let town = Town::ours().await;
    let seat = town.seat().await;
    let mut listener = town.kerrera.listen().await.unwrap();
    town.kerrera.resign(seat).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Leaderless);
}

#[tokio::test]
async fn a_python_node_and_we_exclude_each_other() {
    let town = Town::theirs(PYTHON).await;
    let mut python = town.neighbour("python", 0);
    assert!(python.elect_in_python("oban"));
    assert!(!town.stand("rust", "oban").await);
    town.clock.advance(31.seconds());
    assert!(town.stand("rust", "oban").await);
    assert!(!python.elect_in_python("oban"));
    town.clock.advance(15.seconds());
    assert!(town.stand("rust", "oban").await);
    town.clock.advance(31.seconds());
    assert!(python.elect_in_python("oban"));
}

#[tokio::test]
async fn a_job_that_runs_for_long_is_not_freed_by_a_neighbour() {
    for (tables, node, age) in [(ELIXIR, "elixir", 3_600), (PYTHON, "python", 300)] {
        let town = Town::theirs(tables).await;
        let neighbour = town.neighbour(node, 5);
        let hand = town.hand().await;
        let (job, token) = hand.running().await;
        for _ in 0..=age / 60 {
            town.clock.advance(1.minute());
            town.kerrera.refresh(vec![(job.id, token)]).await.unwrap();
            assert_eq!(neighbour.lifeline(age), 0);
        }
        assert!(town.job(job.id).await.attempted_at > job.attempted_at);
        assert_eq!(hand.complete(&job, token).await, Acked::Written);
        assert_eq!(town.job(job.id).await.attempted_at, job.attempted_at, "the true start is back");

        let (job, _) = hand.running().await;
        town.clock.advance(1.days());
        assert_eq!(neighbour.lifeline(age), 1, "as it would be without");
        assert_eq!(town.job(job.id).await.state, State::Available);
    }
}

#[tokio::test]
async fn without_a_neighbour_no_start_is_touched() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(1.hour());
    // Our own candidacy is no neighbour.
    assert!(town.stand("rust", "Oban").await);
    town.kerrera.refresh(vec![(job.id, token)]).await.unwrap();
    assert_eq!(town.job(job.id).await.attempted_at, job.attempted_at);

    town.neighbour("elixir", 0).elect("Other");
    town.kerrera.refresh(vec![(job.id, token)]).await.unwrap();
    assert_eq!(town.job(job.id).await.attempted_at, town.clock.shows());
}

#[tokio::test]
async fn only_jobs_that_still_run_here_are_refreshed() {
    let town = Town::theirs(PYTHON).await;
    let hand = town.hand().await;
    let (done, token) = hand.running().await;
    hand.complete(&done, token).await;
    let (job, _) = hand.running().await;
    town.clock.advance(1.hour());
    let claims = vec![(done.id, token), (job.id, ClaimToken::random())];
    town.kerrera.refresh(claims).await.unwrap();
    assert_eq!(town.job(done.id).await.attempted_at, done.attempted_at);
    assert_eq!(town.job(job.id).await.attempted_at, job.attempted_at);
}

#[tokio::test]
async fn a_job_that_a_neighbour_freed_is_taken_back() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.hours());
    assert_eq!(town.neighbour("elixir", 0).lifeline(3_600), 1);

    let pulse = hand.beat(&[(job.id, token)]).await;
    assert!(pulse.gone.is_empty(), "{pulse:?}");
    assert_eq!(pulse.freed, [(job.id, token)]);
    let ours = town.kerrera.reclaim(pulse.freed).await.unwrap();
    assert_eq!(ours, [(job.id, token)]);
    let row = town.job(job.id).await;
    assert_eq!((row.state, row.attempt), (State::Executing, 1));
    assert_eq!(row.attempted_at, town.clock.shows(), "it is not freed again at once");
    assert!(hand.beat(&[(job.id, token)]).await.freed.is_empty());
    assert_eq!(hand.complete(&job, token).await, Acked::Written);
}

#[tokio::test]
async fn a_job_that_a_neighbour_freed_and_took_is_gone() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.hours());
    let elixir = town.neighbour("elixir", 0);
    elixir.lifeline(3_600);
    let pulse = hand.beat(&[(job.id, token)]).await;
    elixir.fetch();

    assert!(town.kerrera.reclaim(pulse.freed).await.unwrap().is_empty());
    assert_eq!(hand.beat(&[(job.id, token)]).await.gone, [(job.id, token)]);
    assert_eq!(hand.complete(&job, token).await, Acked::Lost);
    assert_eq!(town.job(job.id).await.attempted_by[0], "elixir");
}

#[tokio::test]
async fn what_our_own_rescue_freed_is_not_taken_back() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.database.psql("DELETE FROM kerrera_producers");
    let rescue = town.kerrera.rescue(Vec::new(), 10).await.unwrap();
    assert_eq!(rescue.jobs.len(), 1);

    let pulse = hand.beat(&[(job.id, token)]).await;
    assert_eq!(pulse.dead, [hand.uuid]);
    assert!(town.kerrera.reclaim(vec![(job.id, token)]).await.unwrap().is_empty());
    assert_eq!(town.job(job.id).await.state, State::Available);
}

#[tokio::test]
async fn a_neighbour_prunes_by_when_jobs_were_due_and_we_by_when_they_ended() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.minutes());
    hand.complete(&job, token).await;

    let minute = Some(1.minute());
    let rule = KeepRule { completed: minute, ..KeepRule::default() };
    let prune = Prune {
        seat: town.seat().await,
        rules: Arc::from([rule]),
        after: 0,
        upto: JobId::MAX,
        limit: 100,
    };
    assert_eq!(town.kerrera.prune(prune).await.unwrap().count(), 0);
    assert_eq!(town.neighbour("elixir", 0).prune(60), 1, "it has only just ended");
}

#[tokio::test]
async fn tables_of_neighbours_are_told_from_ours() {
    assert!(Town::ours().await.kerrera.owns_tables());
    for tables in [ELIXIR, PYTHON] {
        assert!(!Town::theirs(tables).await.kerrera.owns_tables());
    }
}

#[tokio::test]
async fn our_producers_are_shown_where_neighbours_look_for_them() {
    let town = Town::theirs(PYTHON).await;
    let count = || town.database.psql("SELECT count(*) FROM oban_producers WHERE name = 'kerrera'");
    town.database.psql(
        "INSERT INTO oban_producers (uuid, node, queue)
        VALUES ('b6b1c4c9-4e7b-4d87-9d6e-0f3a3a1f6d11', 'python', 'default')",
    );
    let hand = town.hand().await;
    let shown = "SELECT uuid, name, node, queue, meta FROM oban_producers WHERE name = 'kerrera'";
    let meta = r#"{"paused": false, "local_limit": 10}"#;
    assert_eq!(
        town.database.psql(shown),
        format!("{}|kerrera|rust|default|{meta}", hand.uuid),
        "before the first claim"
    );

    // Their leader deletes those that have not stirred for a minute.
    town.database.psql("DELETE FROM oban_producers WHERE name = 'kerrera'");
    assert!(hand.beat(&[]).await.dead.is_empty(), "nothing is decided by it");
    assert_eq!(count(), "1", "each beat writes it anew");
    town.clock.advance(5.seconds());
    hand.beat(&[]).await;
    let fresh = "SELECT p.updated_at = k.seen_at FROM oban_producers p
        JOIN kerrera_producers k ON k.uuid = p.uuid";
    assert_eq!(town.database.psql(fresh), "t");

    town.kerrera.retire(vec![hand.uuid]).await.unwrap();
    assert_eq!(count(), "0");
    assert_eq!(town.database.psql("SELECT node FROM oban_producers"), "python", "never theirs");
}

#[tokio::test]
async fn a_neighbours_table_that_refuses_us_holds_up_no_beat() {
    let town = Town::theirs(PYTHON).await;
    town.database.psql("ALTER TABLE oban_producers DROP COLUMN meta");
    let hand = town.hand().await;
    assert!(hand.beat(&[]).await.dead.is_empty());
    town.kerrera.retire(vec![hand.uuid]).await.unwrap();
}

#[tokio::test]
async fn every_queue_with_available_jobs_is_named_once() {
    let town = Town::ours().await;
    assert!(town.kerrera.waiting().await.unwrap().is_empty());
    for queue in ["b", "a", "it's \"c\"", "a"] {
        town.insert(NewJob::of("W", json!({})).queue(queue)).await;
    }
    town.insert(NewJob::of("W", json!({})).queue("later").schedule_in(1.hour())).await;
    let waiting = town.kerrera.waiting().await.unwrap();
    assert_eq!(waiting.iter().map(|queue| &**queue).collect::<Vec<_>>(), ["a", "b", "it's \"c\""]);
}

#[tokio::test]
async fn indexes_are_built_anew_and_leftovers_removed() {
    let town = Town::ours().await;
    let names =
        "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text)
        FROM pg_index WHERE indrelid = 'oban_jobs'::regclass";
    let before = town.database.psql(names);
    let files = "SELECT string_agg(relfilenode::text, ' ' ORDER BY relname) FROM pg_class
        WHERE relname LIKE 'kerrera_jobs_%'";
    let old = town.database.psql(files);
    town.database.psql(
        "CREATE INDEX kerrera_jobs_due_index_ccnew ON oban_jobs (id);
        UPDATE pg_index SET indisvalid = false
        WHERE indexrelid = 'kerrera_jobs_due_index_ccnew'::regclass;
        CREATE INDEX mine ON oban_jobs (worker)",
    );

    let reindexed = town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap();
    let ours =
        ["kerrera_jobs_available_index", "kerrera_jobs_due_index", "kerrera_jobs_executing_index"];
    assert_eq!(reindexed.rebuilt, ours);
    assert_eq!(reindexed.dropped, ["kerrera_jobs_due_index_ccnew"]);
    assert_eq!((reindexed.failed, reindexed.idle), (Vec::new(), None));
    assert_ne!(town.database.psql(files), old);

    let reindexed = town.kerrera.reindex(anew(Indexes::All)).await.unwrap();
    assert_eq!(reindexed.rebuilt.len(), 4, "{reindexed:?}");
    town.database.psql("DROP INDEX mine");
    assert_eq!(town.database.psql(names), before);
}

#[tokio::test]
async fn an_index_that_cannot_be_built_does_not_keep_the_others() {
    let town = Town::ours().await;
    // Building it fails: the function divides by what is in the row.
    town.insert(NewJob::of("W", json!({}))).await;
    town.database.psql(
        "CREATE FUNCTION fragile(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE INDEX kerrera_jobs_a_index ON oban_jobs (fragile(id));
        CREATE INDEX kerrera_jobs_b_index ON oban_jobs (fragile(id));
        CREATE OR REPLACE FUNCTION fragile(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
        AS 'SELECT 1 / ($1 - $1)'",
    );
    let reindexed = town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap();
    let failed: Vec<&str> = reindexed.failed.iter().map(|(name, _)| &**name).collect();
    assert_eq!(failed, ["kerrera_jobs_a_index", "kerrera_jobs_b_index"]);
    assert!(reindexed.failed[0].1.contains("division by zero"), "{:?}", reindexed.failed);
    assert_eq!(reindexed.rebuilt.len(), 3);

    assert_eq!(reindexed.dropped.len(), 2, "what the failures left behind: {reindexed:?}");
}

#[tokio::test]
async fn a_table_that_is_locked_is_left_for_another_time_and_holds_up_no_claim() {
    let town = Town::ours().await;
    let holder = client(&town.database.url(), "public").await;
    holder.batch_execute("BEGIN; LOCK TABLE oban_jobs IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
    let kerrera = Arc::clone(&town.kerrera);
    let reindexed =
        tokio::spawn(async move { kerrera.reindex(anew(Indexes::Ours)).await.unwrap() });
    let reindexed = tokio::time::timeout(Duration::from_secs(60), reindexed).await.unwrap();
    let reindexed = reindexed.unwrap();
    assert_eq!((reindexed.rebuilt.len(), reindexed.failed.len()), (0, 3), "{reindexed:?}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap().rebuilt.len(), 3);
}

#[tokio::test]
async fn one_process_at_a_time_reindexes() {
    let town = Town::ours().await;
    let other = client(&town.database.url(), "public").await;
    let lock = "SELECT pg_advisory_lock(1265791593, hashtext('public'))";
    other.batch_execute(lock).await.unwrap();
    let reindexed = town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap();
    assert!(reindexed.idle.is_some() && reindexed.rebuilt.is_empty(), "{reindexed:?}");
}

fn anew(indexes: Indexes) -> Reindex {
    Reindex { indexes, timeout: Duration::from_secs(60) }
}

/// A schema with a name of its own has its own elections and its own jobs.
#[tokio::test]
async fn another_schema_is_another_town() {
    let fixture: Fixture = fixture::other_schema().await;
    let names: Arc<[String]> = Arc::from(["Oban".to_owned()]);
    let led = fixture.storage.stand("rust".into(), Arc::clone(&names)).await.unwrap();
    assert_eq!(led, ["Oban"]);
    fixture.storage.refresh(vec![(1, ClaimToken::random())]).await.unwrap();
    fixture.storage.step_down("rust".into(), names).await.unwrap();
    assert!(fixture.storage.waiting().await.unwrap().is_empty());
    assert_eq!(fixture.storage.reindex(anew(Indexes::Ours)).await.unwrap().rebuilt.len(), 3);
}

/// The settings of a storage that is made anew see the tables that are there by then.
#[tokio::test]
async fn a_storage_without_a_table_of_elections_stands_in_none() {
    let database = Database::empty();
    database.psql(PYTHON);
    database.psql("DROP TABLE oban_leaders; DROP TABLE oban_producers");
    migrate(&database.url(), "public");
    let postgres = Postgres::new(Config::from_url(&database.url()).unwrap()).unwrap();
    postgres.open(false).await.unwrap();
    let storage: Arc<dyn Storage> = Arc::new(postgres);
    let names: Arc<[String]> = Arc::from(["oban".to_owned()]);
    assert!(storage.stand("rust".into(), names).await.unwrap().is_empty());
}
