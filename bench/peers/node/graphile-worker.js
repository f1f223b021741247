// graphile-worker: a local queue and batched completions, as its page "Performance" has them
// (https://worker.graphile.org/docs/performance#batching).

import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { Pool } from "pg";

import { main } from "./driver.js";

await main("graphile-worker", async ({ url, concurrency, what }) => {
  const pool = new Pool({ connectionString: url, max: 32 });
  pool.on("error", (error) => console.error(error));
  pool.on("connect", (client) => client.on("error", (error) => console.error(error)));
  const utils = await makeWorkerUtils({ pgPool: pool });
  await utils.migrate();
  const one = async (sql) => Object.values((await pool.query(sql)).rows[0])[0];
  const localQueue = 500;
  const batchDelay = 0;
  // A batch of completions makes no job start earlier.
  const batching = what === "drain";
  return {
    settings:
      what === "insert"
        ? "addJob, 32 connections"
        : `localQueue ${localQueue}` +
          (batching ? `, completeJobBatchDelay ${batchDelay}` : ", refetchDelay off") +
          ", jit off",
    load: (first, count) =>
      pool.query(
        `SELECT FROM graphile_worker.add_jobs(ARRAY(
           SELECT json_populate_record(NULL::graphile_worker.job_spec,
                    json_build_object('identifier', 'nothing', 'payload', json_build_object('n', n)))
           FROM generate_series($1::int, $2::int) AS n))`,
        [first, first + count - 1],
      ),
    insert: (n) => utils.addJob("nothing", { n }),
    work: (handled) =>
      run({
        pgPool: pool,
        noHandleSignals: true,
        taskList: { nothing: () => handled() },
        preset: {
          worker: {
            concurrentJobs: concurrency,
            localQueue: { size: localQueue },
            ...(batching && {
              completeJobBatchDelay: batchDelay,
              failJobBatchDelay: batchDelay,
            }),
          },
        },
        logger: new Logger(() => () => {}),
      }),
    isUnfinished: () => one("SELECT EXISTS (SELECT FROM graphile_worker._private_jobs)"),
    finished: async () => undefined,
    waiting: async () => Number(await one("SELECT count(*) FROM graphile_worker._private_jobs")),
  };
});
