"""procrastinate, on uvloop."""

import asyncio

from procrastinate import App, PsycopgConnector

from driver import main

HANDLED = []


class Peer:
    def __init__(self, options, app, task):
        self.app = app
        self.task = task
        self.concurrency = options.concurrency
        inserting = options.what == "insert"
        self.settings = "defer_async, 32 connections" if inserting else "32 connections"

    async def load(self, numbers):
        await self.task.batch_defer_async(*({"n": n} for n in numbers))

    async def insert(self, n):
        await self.task.defer_async(n=n)

    async def work(self, handled):
        HANDLED.append(handled)
        worker = self.app.run_worker_async(
            concurrency=self.concurrency, install_signal_handlers=False
        )
        self.worker = asyncio.create_task(worker)

    async def one(self, question):
        return (await self.app.connector.execute_query_one_async(f"{question} AS answer"))["answer"]

    async def is_unfinished(self):
        unfinished = "EXISTS (SELECT FROM procrastinate_jobs WHERE status <> 'succeeded')"
        return await self.one(f"SELECT {unfinished}")

    async def count(self, status):
        return await self.one(
            f"SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status = '{status}')"
        )

    async def finished(self):
        return await self.count("succeeded")

    async def waiting(self):
        return await self.count("todo")


async def connect(options):
    connector = PsycopgConnector(conninfo=options.database_url, min_size=1, max_size=32)
    app = App(connector=connector)

    @app.task(name="nothing")
    async def nothing(n):
        HANDLED[0]()

    await app.open_async()
    if not await app.check_connection_async():
        await app.schema_manager.apply_schema_async()
    return Peer(options, app, nothing)


main("procrastinate", connect)
