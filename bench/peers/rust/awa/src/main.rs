//! awa, on its queue storage.
//!
//! A queue whose jobs have no deadline takes its "zero-deadline hot path" (`QueueStorageConfig::
//! lease_claim_receipts`): compact batches for claims and completions.

use std::sync::Arc;
use std::time::Duration;

use awa::{
    Client, InsertOpts, InsertParams, JobArgs, JobResult, QueueConfig, QueueStorage,
    QueueStorageConfig, insert_with, migrations,
};
use driver::{Arguments, Handled, Peer, Result, What};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

fn main() -> Result<()> {
    driver::main::<Awa>()
}

const QUEUE: &str = "default";
const CLAIM_BATCH: usize = 512;
/// A permit is held until the durable ack, so that what runs at once is bounded by it.
const CLAIMERS: u16 = 1;

#[derive(Clone)]
struct Awa {
    pool: PgPool,
}

#[derive(Deserialize, JobArgs, Serialize)]
struct Nothing {
    n: u64,
}

fn options() -> InsertOpts {
    InsertOpts { queue: QUEUE.to_owned(), ..InsertOpts::default() }
}

impl Awa {
    async fn ask(&self, question: &'static str) -> Result<u64> {
        let (answer,): (i64,) = sqlx::query_as(question).fetch_one(&self.pool).await?;
        Ok(u64::try_from(answer)?)
    }

    /// What is finished, wherever its ring has it by now; its own exact count takes seconds.
    async fn recorded(&self) -> Result<u64> {
        self.ask(
            "SELECT ((SELECT coalesce(sum(completed_count), 0) FROM awa.receipt_completion_batches)
                   + (SELECT count(*) FROM awa.done_entries)
                   + (SELECT coalesce(sum(pruned_completed_count), 0)
                        FROM awa.queue_terminal_rollups))::bigint",
        )
        .await
    }
}

impl Peer for Awa {
    type Workers = Client;

    async fn connect(arguments: &Arguments) -> Result<Awa> {
        let pool =
            PgPoolOptions::new().max_connections(32).connect(&arguments.database_url).await?;
        migrations::run(&pool).await?;
        if arguments.what == What::Insert {
            // The first worker that starts puts the queue storage in force; inserts go elsewhere before.
            let client = Client::builder(pool.clone()).queue("other", QueueConfig::default());
            let client =
                client.register::<Nothing, _, _>(|_, _| async { Ok(JobResult::Completed) });
            let client = client.build()?;
            client.start().await?;
            client.shutdown(Duration::from_secs(5)).await;
        }
        Ok(Awa { pool })
    }

    fn settings(&self, arguments: &Arguments) -> String {
        match arguments.what {
            What::Insert => "insert_with, 32 connections".to_owned(),
            _ => format!("claim_batch_size {CLAIM_BATCH}, claimers {CLAIMERS}, no deadline"),
        }
    }

    async fn load(&self, first: u64, count: u64) -> Result<()> {
        let job = |n| -> Result<InsertParams> {
            let args = serde_json::to_value(Nothing { n })?;
            Ok(InsertParams { kind: Nothing::kind().to_owned(), args, opts: options() })
        };
        let jobs = (first..first + count).map(job).collect::<Result<Vec<_>>>()?;
        let storage = QueueStorage::new(QueueStorageConfig::default())?;
        storage.enqueue_params_copy(&self.pool, &jobs).await?;
        Ok(())
    }

    async fn insert(&self, n: u64) -> Result<()> {
        insert_with(&self.pool, &Nothing { n }, options()).await?;
        Ok(())
    }

    async fn work(&self, arguments: &Arguments, handled: Arc<Handled>) -> Result<Client> {
        let queue = QueueConfig {
            max_workers: u32::try_from(arguments.concurrency)?,
            claim_batch_size: CLAIM_BATCH,
            claimers: CLAIMERS,
            deadline_duration: Duration::ZERO,
            ..QueueConfig::default()
        };
        let client = Client::builder(self.pool.clone())
            .queue(QUEUE, queue)
            .register::<Nothing, _, _>(move |_, _| {
                let handled = handled.clone();
                async move {
                    handled.one();
                    Ok(JobResult::Completed)
                }
            })
            .build()?;
        client.start().await?;
        Ok(client)
    }

    async fn is_unfinished(&self) -> Result<bool> {
        // Only `jobs` are in the database, and no other is inserted.
        Ok(self.recorded().await? < self.ask("SELECT count(*) FROM awa.ready_entries").await?)
    }

    async fn finished(&self) -> Result<Option<u64>> {
        Ok(Some(self.recorded().await?))
    }

    async fn waiting(&self) -> Result<u64> {
        self.ask("SELECT count(*) FROM awa.ready_entries").await
    }
}
