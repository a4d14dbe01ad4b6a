"""Jobs of one worker: how many there may be, and who joins which."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from multistore.errors import S3Error
from multistore.gateway.plan import Job, Respond
from multistore.limits import JOBS_MAX, Timeouts
from multistore.server.jobs import Jobs

DONE = Respond(200, (), b"done")


@pytest.mark.rule("L8")
def test_too_many_jobs() -> None:
    """A new one is refused, who joins one is not, and one that is over makes room."""
    begun: list[None] = []
    told: list[object] = []

    async def scenario() -> None:
        jobs = Jobs(cast(Any, None), Timeouts())
        go, last = asyncio.Event(), asyncio.Event()

        def make(key: bytes | None, until: asyncio.Event) -> Job:
            async def run(_: object) -> Respond:
                begun.append(None)
                await until.wait()
                return DONE

            return Job(run, key=key, patient=True)

        jobs.run(make(b"first", go), told.append)
        for _ in range(JOBS_MAX - 1):
            jobs.run(make(None, last), lambda _: None)
        for key in (None, b"another"):
            with pytest.raises(S3Error) as caught:
                jobs.run(make(key, go), told.append)
            assert caught.value.code == "SlowDown"
        jobs.run(make(b"first", go), told.append)
        await asyncio.sleep(0)
        assert len(begun) == len(jobs) == JOBS_MAX
        go.set()
        while len(jobs) == JOBS_MAX:
            await asyncio.sleep(0)
        assert told == [DONE, DONE]
        jobs.run(make(b"first", go), told.append)
        assert len(jobs) == JOBS_MAX
        last.set()
        while jobs:
            await asyncio.sleep(0)
        assert told == [DONE, DONE, DONE]

    asyncio.run(scenario())
