"""Workers that do what their args say. Kerrera has them as well, under the same names."""

import asyncio

from oban import Cancel, Job, Snooze, worker


async def obey(job: Job):
    match job.args["act"]:
        case "done":
            return None
        case "fail":
            raise RuntimeError(f"broken by Python in attempt {job.attempt}")
        case "snooze":
            return Snooze(job.args.get("seconds", 0))
        case "cancel":
            return Cancel("unwanted by Python")
        case "tell":
            errors = [error["error"].strip().splitlines()[-1] for error in job.errors]
            print("told", job.id, job.attempt, job.meta.get("snoozed", 0), errors, flush=True)
            return None
        case "wait_once" if job.attempt > 1:
            return None
        case "wait" | "wait_once":
            for _ in range(int(job.args["seconds"] * 100)):
                if job.cancelled():
                    return Cancel("cancelled while it ran in Python")
                await asyncio.sleep(0.01)
            return None
        case act:
            raise ValueError(f"unknown act {act!r}")


@worker(queue="python", max_attempts=3)
class Obey:
    """Of Python alone."""

    async def process(self, job: Job):
        return await obey(job)

    def backoff(self, _job: Job) -> int:
        return 0


@worker(queue="both", max_attempts=5)
class Both:
    """Known to both sides."""

    async def process(self, job: Job):
        return await obey(job)

    def backoff(self, _job: Job) -> int:
        return 0
