// What every program of Node has in common: its arguments, its clock and its one line of JSON. The
// rules are those of ../rust/driver.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

const INSERTERS = 32;
const LOAD = 1_000;
const ASK = 3;

/** Reads the arguments and does what they ask of the peer, which `connect` gives. */
export async function main(name, connect) {
  const { values } = parseArgs({
    options: {
      "database-url": { type: "string" },
      jobs: { type: "string" },
      concurrency: { type: "string", default: "10" },
      what: { type: "string" },
    },
  });
  const options = {
    url: values["database-url"],
    jobs: Number(values.jobs),
    concurrency: Number(values.concurrency),
    what: values.what,
  };
  const peer = await connect(options);
  const measured = await { load, drain, insert, latency }[options.what](peer, options);
  const report = {
    version: JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version,
    jobs: options.jobs,
    concurrency: options.concurrency,
    settings: peer.settings,
    ...measured,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}

async function load(peer, { jobs }) {
  for (let first = 0; first < jobs; first += LOAD) {
    await peer.load(first, Math.min(LOAD, jobs - first));
  }
  return {};
}

async function drain(peer, options) {
  expect("waiting before the drain", await peer.waiting(), options.jobs);
  let done = 0;
  const all = Promise.withResolvers();
  const handled = (count = 1) => {
    done += count;
    if (done === options.jobs) all.resolve();
  };
  const usage = used();
  const begun = performance.now();
  await peer.work(handled);
  await all.promise;
  const handlers = performance.now() - begun;
  // What the answer says was so when the question was put: the question costs no peer anything.
  let took;
  do {
    took = performance.now() - begun;
  } while ((await peer.isUnfinished()) && ((await sleep(ASK)), true));
  const spent = since(usage, options.jobs);
  expect("handled", done, options.jobs);
  const finished = await peer.finished();
  if (finished !== undefined) expect("finished in the database", finished, options.jobs);
  return { ...rate(options.jobs, took), handlers_seconds: handlers / 1e3, ...spent };
}

async function insert(peer, { jobs }) {
  const inserter = async (first, end) => {
    for (let n = first; n < end; n += 1) await peer.insert(n);
  };
  const numbers = Array.from({ length: INSERTERS }, (_, n) => n);
  // Connections are opened before the clock starts.
  await Promise.all(numbers.map((n) => inserter(jobs + n, jobs + n + 1)));
  const share = (n) => Math.floor((jobs * n) / INSERTERS);
  const usage = used();
  const begun = performance.now();
  await Promise.all(numbers.map((n) => inserter(share(n), share(n + 1))));
  const took = performance.now() - begun;
  const spent = since(usage, jobs);
  expect("waiting after the inserts", await peer.waiting(), jobs + INSERTERS);
  return { ...rate(jobs, took), ...spent };
}

async function latency(peer, { jobs }) {
  let started;
  await peer.work(() => started.resolve(performance.now()));
  const start = async (n) => {
    started = Promise.withResolvers();
    const late = setTimeout(() => started.reject(new Error("a job did not start in 20 s")), 20_000);
    const inserted = performance.now();
    await peer.insert(n);
    const at = await started.promise;
    clearTimeout(late);
    return at - inserted;
  };
  // The listeners get their time, and the first jobs open connections.
  await sleep(1_000);
  for (let n = 0; n < 5; n += 1) await start(jobs + n);
  const usage = used();
  const begun = performance.now();
  const waits = [];
  for (let n = 0; n < jobs; n += 1) {
    await sleep(10 + ((n * 7) % 23));
    waits.push(await start(n));
  }
  const took = performance.now() - begun;
  const spent = since(usage, jobs);
  waits.sort((a, b) => a - b);
  const at = (part) => waits[Math.max(Math.ceil(waits.length * part), 1) - 1];
  return { ...rate(jobs, took), p50_ms: at(0.5), p99_ms: at(0.99), ...spent };
}

function rate(jobs, milliseconds) {
  return { seconds: milliseconds / 1e3, jobs_per_second: (jobs * 1e3) / milliseconds };
}

function used() {
  try {
    // Forgets the peak of memory so far. Where that is not allowed, the peak is the process's.
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {}
  return process.cpuUsage();
}

function since(usage, jobs) {
  const { user, system } = process.cpuUsage(usage);
  const status = readFileSync("/proc/self/status", "utf8");
  const kilobytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)[1]);
  return { cpu_us_per_job: (user + system) / jobs, peak_rss_mb: (kilobytes * 1024) / 1e6 };
}

function expect(what, found, expected) {
  if (found !== expected) {
    throw new Error(`${found} jobs are ${what}, where ${expected} should be`);
  }
}

export function numbers(first, count) {
  return Array.from({ length: count }, (_, index) => first + index);
}
