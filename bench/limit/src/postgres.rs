//! The bare side on PostgreSQL.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, stream};
use kerrera_bench::Spread;
use kerrera_bench::ground::{QUEUE, WORKER, connect};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Statement};

use crate::pair::{Way, attempted_by};

/// Claims and completes until there is nothing left; each connection by itself.
pub(crate) async fn drain(url: &str, way: Way) -> anyhow::Result<Duration> {
    let mut hands = Vec::new();
    for _ in 0..way.connections {
        let client = connect(url).await?;
        let claim = client.prepare(include_str!("sql/postgres/claim.sql")).await?;
        let complete = client.prepare(include_str!("sql/postgres/complete.sql")).await?;
        hands.push((client, claim, complete));
    }
    let limit = i64::try_from(way.batch)?;
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (client, claim, complete) in hands {
        let [node, producer] = attempted_by();
        tasks.spawn(async move {
            loop {
                let rows = client.query(&claim, &[&node, &producer, &QUEUE, &limit]).await?;
                if rows.is_empty() {
                    return Ok::<(), anyhow::Error>(());
                }
                let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
                client.execute(&complete, &[&ids]).await?;
            }
        });
    }
    all(tasks).await?;
    Ok(begun.elapsed())
}

/// Inserts arrays, and has the rows given back.
pub(crate) async fn insert_rows(url: &str, way: Way, jobs: u64) -> anyhow::Result<Duration> {
    let mut hands = Vec::new();
    for _ in 0..way.connections {
        let client = connect(url).await?;
        let insert = client.prepare(include_str!("sql/postgres/insert_rows.sql")).await?;
        hands.push((client, insert));
    }
    let next = Batches::of(jobs, way.batch);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (client, insert) in hands {
        let next = next.clone();
        tasks.spawn(async move {
            while let Some((first, end)) = next.take() {
                let args: Vec<String> = (first..end).map(|n| format!("{{\"n\":{n}}}")).collect();
                let rows = client.query(&insert, &[&QUEUE, &WORKER, &args]).await?;
                ensure!(rows.len() as u64 == end - first, "{} rows came back", rows.len());
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    all(tasks).await?;
    Ok(begun.elapsed())
}

/// Copies in binary.
pub(crate) async fn insert_copy(url: &str, way: Way, jobs: u64) -> anyhow::Result<Duration> {
    let mut hands = Vec::new();
    for _ in 0..way.connections {
        hands.push(connect(url).await?);
    }
    let next = Batches::of(jobs, way.batch);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for client in hands {
        let next = next.clone();
        tasks.spawn(async move {
            while let Some((first, end)) = next.take() {
                let sink = client.copy_in(include_str!("sql/postgres/copy.sql")).await?;
                let types = [Type::TEXT, Type::TEXT, Type::JSONB];
                let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
                for n in first..end {
                    writer.as_mut().write(&[&QUEUE, &WORKER, &json!({ "n": n })]).await?;
                }
                writer.finish().await?;
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    all(tasks).await?;
    Ok(begun.elapsed())
}

/// Inserts one by one, on each connection.
pub(crate) async fn insert_each(url: &str, way: Way, jobs: u64) -> anyhow::Result<Duration> {
    let mut hands = Vec::new();
    for _ in 0..way.connections {
        let client = connect(url).await?;
        let insert = client.prepare(include_str!("sql/postgres/insert_one.sql")).await?;
        hands.push((client, insert));
    }
    let next = Batches::of(jobs, 1);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (client, insert) in hands {
        let next = next.clone();
        tasks.spawn(async move {
            while let Some((n, _)) = next.take() {
                client.query_one(&insert, &[&QUEUE, &WORKER, &json!({ "n": n })]).await?;
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    all(tasks).await?;
    Ok(begun.elapsed())
}

/// Has many callers insert one by one, and writes what they want in one statement whenever the one
/// before it is done; each is given its own number.
pub(crate) async fn insert_together(
    url: &str,
    way: Way,
    jobs: u64,
    callers: u64,
) -> anyhow::Result<Duration> {
    type Wish = (String, oneshot::Sender<i64>);
    let mut desks = Vec::new();
    let mut writers = JoinSet::new();
    for _ in 0..way.connections {
        let client = connect(url).await?;
        let insert = client.prepare(include_str!("sql/postgres/insert_ids.sql")).await?;
        let (desk, mut wishes) = mpsc::channel::<Wish>(1_000);
        desks.push(desk);
        writers.spawn(async move {
            let mut wanted = Vec::new();
            while wishes.recv_many(&mut wanted, 1_000).await > 0 {
                let (args, callers): (Vec<String>, Vec<_>) = wanted.drain(..).unzip();
                let rows = client.query(&insert, &[&QUEUE, &WORKER, &args]).await?;
                for (row, caller) in rows.iter().zip(callers) {
                    // Who has gone does not want to know.
                    let _ = caller.send(row.get(0));
                }
                // Who was answered may have the next at hand.
                tokio::task::yield_now().await;
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    let next = Batches::of(jobs, 1);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let next = next.clone();
        let desk = desks[caller as usize % desks.len()].clone();
        tasks.spawn(async move {
            while let Some((n, _)) = next.take() {
                let (answer, id) = oneshot::channel();
                desk.send((format!("{{\"n\":{n}}}"), answer)).await?;
                id.await?;
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    drop(desks);
    all(tasks).await?;
    let took = begun.elapsed();
    all(writers).await?;
    Ok(took)
}

/// What the least takes that tells somebody of a job.
#[derive(Default)]
pub(crate) struct Latency {
    /// From before the notification of a job that is there to the answer of the claim.
    pub(crate) notify_and_claim: Spread,
    /// From before the insertion that notifies as well.
    pub(crate) insert_notify_and_claim: Spread,
}

/// Tells through one connection, hears and claims through another, one job after the other.
pub(crate) async fn latency(url: &str, jobs: u64) -> anyhow::Result<Latency> {
    let teller = connect(url).await?;
    let insert = teller.prepare(include_str!("sql/postgres/insert_one.sql")).await?;
    let tell = teller.prepare("SELECT pg_notify('kerrera_bench', '')").await?;
    let both = teller.prepare(include_str!("sql/postgres/insert_and_notify.sql")).await?;
    let mut hearer = Hearer::connect(url).await?;
    let mut latency = Latency::default();
    for n in 0..jobs {
        // As far apart as those of `kerrera bench latency`.
        let rest = || tokio::time::sleep(Duration::from_millis(10 + n * 7 % 23));
        let args = json!({ "n": n });
        let job: [&(dyn ToSql + Sync); 3] = [&QUEUE, &WORKER, &args];
        rest().await;
        teller.query_one(&insert, &job).await?;
        rest().await;
        let begun = Instant::now();
        // The answer is not waited for before the other connection is listened to.
        let (told, heard) = tokio::join!(teller.execute(&tell, &[]), hearer.claim());
        told?;
        latency.notify_and_claim.add((heard? - begun).as_micros().try_into()?);
        rest().await;
        let begun = Instant::now();
        let (told, heard) = tokio::join!(teller.execute(&both, &job), hearer.claim());
        told?;
        latency.insert_notify_and_claim.add((heard? - begun).as_micros().try_into()?);
    }
    Ok(latency)
}

/// A connection that listens, and claims one job when it hears something.
struct Hearer {
    client: Client,
    claim: Statement,
    attempted_by: [String; 2],
    heard: mpsc::UnboundedReceiver<()>,
}

impl Hearer {
    async fn connect(url: &str) -> anyhow::Result<Hearer> {
        let (client, mut connection) = url
            .parse::<tokio_postgres::Config>()?
            .connect(tokio_postgres::NoTls)
            .await
            .context("connecting without TLS")?;
        let (sender, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut messages = pin!(stream::poll_fn(move |cx| connection.poll_message(cx)));
            while let Some(Ok(message)) = messages.next().await {
                if matches!(message, AsyncMessage::Notification(_)) && sender.send(()).is_err() {
                    break;
                }
            }
        });
        client.batch_execute("LISTEN kerrera_bench").await?;
        let claim = client.prepare(include_str!("sql/postgres/claim.sql")).await?;
        Ok(Hearer { client, claim, attempted_by: attempted_by(), heard })
    }

    /// Waits until it hears something, claims, and gives back when that was answered.
    async fn claim(&mut self) -> anyhow::Result<Instant> {
        self.heard.recv().await.context("the listening connection ended")?;
        let [node, producer] = &self.attempted_by;
        let rows = self.client.query(&self.claim, &[node, producer, &QUEUE, &1_i64]).await?;
        let answered = Instant::now();
        ensure!(rows.len() == 1, "heard of a job that is not there");
        Ok(answered)
    }
}

/// The numbers that are left to be inserted, for all connections.
#[derive(Clone)]
struct Batches {
    next: Arc<AtomicU64>,
    end: u64,
    batch: u64,
}

impl Batches {
    fn of(jobs: u64, batch: u64) -> Batches {
        Batches { next: Arc::default(), end: jobs, batch }
    }

    fn take(&self) -> Option<(u64, u64)> {
        let first = self.next.fetch_add(self.batch, Ordering::Relaxed);
        (first < self.end).then(|| (first, self.end.min(first + self.batch)))
    }
}

async fn all(mut tasks: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
