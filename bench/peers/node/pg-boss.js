// pg-boss: batches whose jobs end each by itself, fetched without a pause while they are full
// (https://pgboss.io/api/workers), and LISTEN/NOTIFY for the latency.

import { PgBoss } from "pg-boss";
import { Pool } from "pg";

import { main, numbers } from "./driver.js";

const QUEUE = "nothing";

await main("pg-boss", async ({ url, concurrency, what }) => {
  const pool = new Pool({ connectionString: url, max: 2 });
  const notify = what === "latency";
  const boss = new PgBoss({ connectionString: url, max: 32, useListenNotify: notify });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  await boss.createQueue(QUEUE, { notify });
  const one = async (sql) => Object.values((await pool.query(sql)).rows[0])[0];
  // A batch is what runs at once: two workers share the concurrency.
  const localConcurrency = notify ? 1 : 2;
  const batchSize = Math.max(Math.floor(concurrency / localConcurrency), 1);
  return {
    settings:
      what === "insert"
        ? "send, 32 connections"
        : `${localConcurrency} workers of batchSize ${batchSize}, perJobResults, ` +
          (notify ? "useListenNotify" : "burstWhenBatchFull"),
    load: (first, count) =>
      boss.insert(
        QUEUE,
        numbers(first, count).map((n) => ({ data: { n } })),
      ),
    insert: (n) => boss.send(QUEUE, { n }),
    work: (handled) =>
      boss.work(
        QUEUE,
        {
          batchSize,
          localConcurrency,
          perJobResults: true,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: 0.5,
        },
        async (jobs) =>
          jobs.map((job) => {
            handled();
            return { id: job.id, status: "completed" };
          }),
      ),
    isUnfinished: () =>
      one("SELECT EXISTS (SELECT FROM pgboss.job WHERE name = 'nothing' AND state <> 'completed')"),
    finished: async () =>
      Number(await one("SELECT count(*) FROM pgboss.job WHERE state = 'completed'")),
    waiting: async () =>
      Number(
        await one("SELECT count(*) FROM pgboss.job WHERE name = 'nothing' AND state = 'created'"),
      ),
  };
});
