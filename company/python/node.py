"""A node of Oban for Python, which writes what happens to it, a line each.

    python node.py '{"dsn": …, "prefix": …, "node": …, "queues": {…}, …}'

What it is told beyond the DSN goes to Oban as it is.
"""

import asyncio
import json
import logging
import signal
import sys

from oban import Oban, telemetry

import workers  # noqa: F401


def say(*words) -> None:
    print(*words, flush=True)


def follow() -> None:
    def job(name: str, meta: dict) -> None:
        job = meta["job"]
        match name:
            case "oban.job.start":
                say("start", job.id, job.attempt)
            case "oban.job.stop":
                say("stop", job.id, meta["state"])
            case _:
                say("exception", job.id, meta["state"], meta["error_type"])

    telemetry.attach("jobs", [f"oban.job.{end}" for end in ("start", "stop", "exception")], job)
    telemetry.attach("stage", ["oban.stager.stage.stop"], lambda _name, _meta: say("staged"))
    telemetry.attach(
        "leader",
        ["oban.leader.election.stop"],
        lambda _name, meta: say("leader", str(meta["leader"]).lower()),
    )
    telemetry.attach(
        "lifeline",
        ["oban.lifeline.rescue.stop"],
        lambda _name, meta: say("rescued", meta["rescued_count"]),
    )
    telemetry.attach(
        "acks",
        ["oban.producer.ack.stop"],
        lambda _name, meta: say("acked", meta["count"], meta["queue"]),
    )


async def main(settings: dict) -> None:
    follow()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    pool = await Oban.create_pool(settings.pop("dsn"))
    oban = Oban(pool=pool, **settings)
    # Before the start, so that each hint is written before what it causes.
    for channel in ("insert", "signal", "leader"):
        await oban._notifier.listen(
            channel, lambda channel, payload: say("heard", channel, json.dumps(payload)), wait=False
        )
    async with oban:
        while oban._notifier._listen_events:
            await asyncio.sleep(0.01)
        say("ready")
        await stopped.wait()
    await pool.close()
    say("stopped")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(main(json.loads(sys.argv[1])))
