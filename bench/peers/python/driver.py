"""What every program of Python has in common: its arguments, its clock and its one line of JSON.

The rules are those of ../rust/driver.
"""

import argparse
import asyncio
import importlib.metadata
import json
import math
import os
import re
import resource
import sys
import time
from pathlib import Path

import uvloop

INSERTERS = 32
LOAD = 1_000
ASK = 0.003


def main(name, connect):
    """Reads the arguments and does what they ask of the peer, which `connect` gives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--what", choices=["load", "drain", "insert", "latency"], required=True)
    options = parser.parse_args()
    report = {
        "version": importlib.metadata.version(name),
        "jobs": options.jobs,
        "concurrency": options.concurrency,
        **uvloop.run(measure(connect, options)),
    }
    print(json.dumps(report), flush=True)
    # What still runs has been measured; nobody waits for it.
    os._exit(0)


async def measure(connect, options):
    peer = await connect(options)
    what = {"load": load, "drain": drain, "insert": insert, "latency": latency}[options.what]
    return {"settings": peer.settings, **await what(peer, options.jobs)}


async def load(peer, jobs):
    for first in range(0, jobs, LOAD):
        await peer.load(range(first, min(first + LOAD, jobs)))
    return {}


async def drain(peer, jobs):
    expect("waiting before the drain", await peer.waiting(), jobs)
    done = 0
    all_done = asyncio.Event()

    def handled():
        nonlocal done
        done += 1
        if done == jobs:
            all_done.set()

    usage = used()
    begun = time.perf_counter()
    await peer.work(handled)
    await all_done.wait()
    handlers = time.perf_counter() - begun
    # What the answer says was so when the question was put: the question costs no peer anything.
    while True:
        took = time.perf_counter() - begun
        if not await peer.is_unfinished():
            break
        await asyncio.sleep(ASK)
    spent = since(usage, jobs)
    expect("handled", done, jobs)
    expect("finished in the database", await peer.finished(), jobs)
    return {**rate(jobs, took), "handlers_seconds": handlers, **spent}


async def insert(peer, jobs):
    async def inserter(numbers):
        for n in numbers:
            await peer.insert(n)

    # Connections are opened before the clock starts.
    await asyncio.gather(*(inserter([jobs + n]) for n in range(INSERTERS)))
    shares = [range(jobs * n // INSERTERS, jobs * (n + 1) // INSERTERS) for n in range(INSERTERS)]
    usage = used()
    begun = time.perf_counter()
    await asyncio.gather(*(inserter(share) for share in shares))
    took = time.perf_counter() - begun
    spent = since(usage, jobs)
    expect("waiting after the inserts", await peer.waiting(), jobs + INSERTERS)
    return {**rate(jobs, took), **spent}


async def latency(peer, jobs):
    started = None

    def handled():
        started.set_result(time.perf_counter())

    async def start(n):
        nonlocal started
        started = asyncio.get_running_loop().create_future()
        inserted = time.perf_counter()
        await peer.insert(n)
        return await asyncio.wait_for(started, 20) - inserted

    await peer.work(handled)
    # The listeners get their time, and the first jobs open connections.
    await asyncio.sleep(1)
    for n in range(5):
        await start(jobs + n)
    usage = used()
    begun = time.perf_counter()
    waits = []
    for n in range(jobs):
        await asyncio.sleep((10 + n * 7 % 23) / 1e3)
        waits.append(await start(n))
    took = time.perf_counter() - begun
    spent = since(usage, jobs)
    waits.sort()

    def at(share):
        return waits[max(math.ceil(len(waits) * share), 1) - 1] * 1e3

    return {**rate(jobs, took), "p50_ms": at(0.5), "p99_ms": at(0.99), **spent}


def rate(jobs, seconds):
    return {"seconds": seconds, "jobs_per_second": jobs / seconds}


def used():
    try:
        # Forgets the peak of memory so far. Where that is not allowed, the peak is the process's.
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF)


def since(usage, jobs):
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - usage.ru_utime - usage.ru_stime
    status = Path("/proc/self/status").read_text()
    kilobytes = int(re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)[1])
    return {"cpu_us_per_job": cpu * 1e6 / jobs, "peak_rss_mb": kilobytes * 1024 / 1e6}


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{found} jobs are {what}, where {expected} should be")
