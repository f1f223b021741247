// BullMQ on Redis: several Workers in one process share the concurrency. What is finished, Redis says.

import { Queue, Worker } from "bullmq";

import { main, numbers } from "./driver.js";

const WORKERS = 4;

await main("bullmq", async ({ url, concurrency, what }) => {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const queue = new Queue("nothing", { connection });
  await queue.waitUntilReady();
  const workers = what === "latency" ? 1 : Math.min(WORKERS, concurrency);
  return {
    settings: what === "insert" ? "add" : `${workers} Workers`,
    load: (first, count) =>
      queue.addBulk(numbers(first, count).map((n) => ({ name: "nothing", data: { n } }))),
    insert: (n) => queue.add("nothing", { n }),
    work: (handled) =>
      Promise.all(
        numbers(0, workers).map((n) => {
          const share = Math.floor((concurrency + n) / workers);
          return new Worker("nothing", async () => handled(), {
            connection,
            concurrency: share,
          }).waitUntilReady();
        }),
      ),
    isUnfinished: async () => {
      const { waiting, active } = await queue.getJobCounts("waiting", "active");
      return waiting + active > 0;
    },
    finished: () => queue.getJobCountByTypes("completed"),
    waiting: () => queue.getJobCountByTypes("waiting"),
  };
});
