"""Jobs: what goes on when its client leaves, one task each. The cold path."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from multistore.errors import S3Error, bug_of
from multistore.gateway.ports import Answered
from multistore.limits import JOBS_MAX, TRANSFERS_MAX
from multistore.server.faults import backend_fault, internal_error
from multistore.server.fetch import Fetch

if TYPE_CHECKING:
    from multistore.gateway.plan import Forward, Job, Respond
    from multistore.limits import Timeouts
    from multistore.server.service import Service
    from multistore.wire import ResponseHead

__all__ = ["Jobs", "Running"]

_log = logging.getLogger("multistore.server")

#: Told what a job came to.
Waiter = Callable[["Respond | S3Error"], None]


class Jobs:
    """The jobs of one worker that are under way."""

    def __init__(self, service: Service, timeouts: Timeouts) -> None:
        self._calls = _Calls(service, timeouts)
        self._by_key: dict[bytes, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, job: Job, waiter: Waiter) -> Running:
        """Begins ``job``, or joins the one of the same key; ``waiter`` is told later, never at
        once.

        Raises: SlowDown when too many are under way.
        """
        running = None if job.key is None else self._by_key.get(job.key)
        if running is None:
            if len(self._tasks) >= JOBS_MAX:
                raise S3Error("SlowDown", "Please reduce your request rate.")
            running = Running()
            if job.key is not None:
                self._by_key[job.key] = running
            task = asyncio.get_running_loop().create_task(self._carry_out(job, running))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        running.waiters.append(waiter)
        return running

    async def _carry_out(self, job: Job, running: Running) -> None:
        result: Respond | S3Error
        try:
            result = await job.run(self._calls)
        except S3Error as error:
            result = error
        except Exception as error:
            _log.error("%s", bug_of(error))
            result = internal_error()
        finally:
            if job.key is not None:
                del self._by_key[job.key]
        for waiter in list(running.waiters):
            waiter(result)

    async def stop(self) -> None:
        """Ends what is still under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Running:
    """A job that is under way, and who waits for it."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: list[Waiter] = []

    def leave(self, waiter: Waiter) -> None:
        """``waiter`` is not told any more."""
        if waiter in self.waiters:
            self.waiters.remove(waiter)


class _Calls:
    """Implements ``gateway.ports.Calls``."""

    def __init__(self, service: Service, timeouts: Timeouts) -> None:
        self._service = service
        self._timeouts = timeouts
        # A transfer holds one connection while it waits for another one.
        self._transfers = asyncio.Semaphore(TRANSFERS_MAX)

    async def fetch(self, plan: Forward, body: bytes = b"", *, limit: int) -> Answered:
        done = asyncio.Event()
        call = Fetch(self._service, plan, body, limit, done.set)
        await self._wait(call, done, call)
        return _answered(call, plan)

    async def transfer(
        self, source: Forward, target: Callable[[ResponseHead], Forward], *, limit: int
    ) -> Answered:
        async with self._transfers:
            return await self._transfer(source, target, limit)

    async def _transfer(
        self, source: Forward, target: Callable[[ResponseHead], Forward], limit: int
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
        try:
            call.start()
            while not done.is_set():
                before, connected = moving.moved, call.connected
                limit = self._timeouts.job if connected else self._timeouts.connect
                try:
                    await asyncio.wait_for(done.wait(), limit)
                except TimeoutError:
                    if not connected and not call.connected:
                        call.cancel("exhausted")
                    elif connected and moving.moved == before:
                        call.cancel("timeout")
        except BaseException:
            call.cancel("closed")
            raise


def _answered(call: Fetch, plan: Forward) -> Answered:
    if call.error is not None:
        raise call.error
    if call.fault is not None or call.head is None:
        raise backend_fault(call.fault or "closed")
    return Answered(plan, call.head.status, call.head, call.answer)
