"""Oban for Python, on uvloop as its own command runs it."""

import psycopg
from oban import Oban, worker
from oban.schema import install

from driver import main

HANDLED = []


@worker(queue="default")
class Nothing:
    async def process(self, _job):
        HANDLED[0]()


class Peer:
    def __init__(self, options, pool):
        self.pool = pool
        self.limit = options.concurrency
        self.inserts = Oban(pool=pool, name="inserts")
        inserting = options.what == "insert"
        self.settings = "enqueue, 32 connections" if inserting else "defaults, 32 connections"

    async def load(self, numbers):
        await self.inserts.enqueue_many(Nothing.new({"n": n}) for n in numbers)

    async def insert(self, n):
        await self.inserts.enqueue(Nothing.new({"n": n}))

    async def work(self, handled):
        HANDLED.append(handled)
        self.oban = Oban(pool=self.pool, queues={"default": self.limit})
        await self.oban.start()

    async def one(self, question):
        async with self.pool.connection() as connection:
            answer = await connection.execute(question)
            return (await answer.fetchone())[0]

    async def is_unfinished(self):
        return await self.one("SELECT EXISTS (SELECT FROM oban_jobs WHERE state <> 'completed')")

    async def finished(self):
        return await self.one("SELECT count(*) FROM oban_jobs WHERE state = 'completed'")

    async def waiting(self):
        return await self.one("SELECT count(*) FROM oban_jobs WHERE state = 'available'")


async def connect(options):
    pool = await Oban.create_pool(options.database_url, min_size=1, max_size=32)
    async with await psycopg.AsyncConnection.connect(options.database_url) as connection:
        there = await connection.execute("SELECT to_regclass('oban_jobs') IS NOT NULL")
        there = (await there.fetchone())[0]
    if not there:
        await install(pool)
    return Peer(options, pool)


main("oban", connect)
