"""Does one thing through Oban for Python, and writes what it gives back as JSON.

    python client.py '{"dsn": …, "prefix": …}' VERB '{…}'
"""

import asyncio
import json
import sys

from oban import Job, Oban

FIELDS = ["id", "state", "queue", "worker", "attempt", "max_attempts", "priority"]
FIELDS += ["args", "meta", "errors", "tags", "attempted_by"]


def shown(job: Job | None) -> dict | None:
    return job and {field: getattr(job, field) for field in FIELDS}


async def do(oban: Oban, verb: str, words):
    match verb:
        case "enqueue":
            return [shown(job) for job in await oban.enqueue_many(Job(**job) for job in words)]
        case "get":
            return shown(await oban.get_job(words))
        case "cancel" | "retry" | "delete":
            return await getattr(oban, f"{verb}_many_jobs")(words)
        case "update":
            return shown(await oban.update_job(words["id"], words["changes"]))
        case "pause" | "resume" | "stop":
            return await getattr(oban, f"{verb}_queue")(words.pop("queue"), **words)
        case "start" | "scale":
            return await getattr(oban, f"{verb}_queue")(**words)
        case "pause_all" | "resume_all":
            return await getattr(oban, f"{verb}_queues")(**words)
        case _:
            raise ValueError(f"unknown verb {verb!r}")


async def main(settings: dict, verb: str, words) -> None:
    pool = await Oban.create_pool(settings.pop("dsn"))
    async with Oban(pool=pool, leadership=False, **settings) as oban:
        result = await do(oban, verb, words)
    await pool.close()
    print("result", json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
