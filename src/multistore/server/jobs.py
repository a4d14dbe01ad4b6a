"""Jobs: what goes on when its client leaves, one task each. The cold path."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from multistore.errors import S3Error, bug_of
from multistore.gateway.ports import Answered
from multistore.server.faults import backend_fault
from multistore.server.fetch import Fetch

if TYPE_CHECKING:
    from multistore.gateway.plan import Forward, Job, Respond
    from multistore.limits import Timeouts
    from multistore.server.service import Service
    from multistore.wire import ResponseHead

__all__ = ["Jobs"]

_log = logging.getLogger("multistore.server")

#: Told what a job came to.
Waiter = Callable[["Respond | S3Error"], None]


class Jobs:
    """The jobs of one worker that are under way."""

    def __init__(self, service: Service, timeouts: Timeouts) -> None:
        self._calls = _Calls(service, timeouts)
        self._by_key: dict[bytes, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, job: Job, waiter: Waiter) -> None:
        """Begins ``job``, or joins the one of the same key; ``waiter`` is told later, never at
        once."""
        running = None if job.key is None else self._by_key.get(job.key)
        if running is None:
            running = _Running()
            if job.key is not None:
                self._by_key[job.key] = running
            task = asyncio.get_running_loop().create_task(self._carry_out(job, running))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        running.waiters.append(waiter)

    async def _carry_out(self, job: Job, running: _Running) -> None:
        result: Respond | S3Error
        try:
            result = await job.run(self._calls)
        except S3Error as error:
            result = error
        except Exception as error:
            _log.error("%s", bug_of(error))
            result = S3Error("InternalError", "We encountered an internal error. Please try again.")
        finally:
            if job.key is not None:
                del self._by_key[job.key]
        for waiter in running.waiters:
            waiter(result)

    async def stop(self) -> None:
        """Ends what is still under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Running:
    """Who waits for one job."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: list[Waiter] = []


class _Calls:
    """Implements ``gateway.ports.Calls``."""

    def __init__(self, service: Service, timeouts: Timeouts) -> None:
        self._service = service
        self._timeouts = timeouts

    async def fetch(self, plan: Forward, body: bytes = b"", *, limit: int) -> Answered:
        done = asyncio.Event()
        call = Fetch(self._service, plan, body, limit, done.set)
        await self._wait(call, done, call)
        return _answered(call, plan)

    async def transfer(
        self, source: Forward, target: Callable[[ResponseHead], Forward], *, limit: int
    ) -> Answered:
        opened = asyncio.Event()
        reading = Fetch(self._service, source, b"", limit, opened.set, opens=True)
        await self._wait(reading, opened, reading)
        answer = _answered(reading, source)
        if answer.status not in (200, 206):
            return answer
        try:
            if answer.head.content_length < 0:
                raise backend_fault("malformed")
            plan = target(answer.head)
            done = asyncio.Event()
            writing = Fetch(self._service, plan, b"", limit, done.set, source=reading)
            await self._wait(writing, done, reading)
            return _answered(writing, plan)
        finally:
            reading.cancel("closed")

    async def _wait(self, call: Fetch, done: asyncio.Event, moving: Fetch) -> None:
        """Until ``call`` is over: when it is answered, or when nothing has moved for too long."""
        call.start()
        try:
            while not done.is_set():
                before = moving.moved
                try:
                    await asyncio.wait_for(done.wait(), self._timeouts.job)
                except TimeoutError:
                    if moving.moved == before:
                        call.cancel("timeout")
        except BaseException:
            call.cancel("closed")
            raise


def _answered(call: Fetch, plan: Forward) -> Answered:
    if call.fault is not None or call.head is None:
        raise backend_fault(call.fault or "closed")
    return Answered(plan, call.head.status, call.head, call.answer)
