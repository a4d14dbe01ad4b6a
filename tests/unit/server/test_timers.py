"""Deadlines of server/timers: late by one tick at most, never early, cheap to move."""

from __future__ import annotations

import asyncio

import uvloop

from multistore.server.timers import Wheel


def run(scenario):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(scenario())


def fired(owner):
    return owner.names().count("deadline")


def test_fires_once_not_before_its_time(probe):
    async def scenario():
        loop = asyncio.get_running_loop()
        wheel, owner = Wheel(loop), probe.Probe()
        start = loop.time()
        probe.set_deadline(wheel, owner, 250)
        while not fired(owner):
            await asyncio.sleep(0.01)
        assert loop.time() - start >= 0.24
        await asyncio.sleep(0.3)
        assert fired(owner) == 1
        wheel.stop()

    run(scenario)


def test_can_be_cleared_dropped_and_moved_both_ways(probe):
    async def scenario():
        wheel = Wheel(asyncio.get_running_loop())
        cleared, dropped, later, sooner = (probe.Probe() for _ in range(4))
        for owner in (cleared, dropped, later):
            probe.set_deadline(wheel, owner, 100)
        probe.set_deadline(wheel, sooner, 60_000)
        probe.set_deadline(wheel, cleared, 0)
        probe.drop_deadline(wheel, dropped)
        probe.set_deadline(wheel, later, 60_000)
        probe.set_deadline(wheel, sooner, 100)
        await asyncio.sleep(0.5)
        assert [fired(owner) for owner in (cleared, dropped, later, sooner)] == [0, 0, 0, 1]
        wheel.stop()

    run(scenario)


def test_a_deadline_beyond_the_wheel_waits_its_turn(probe):
    async def scenario():
        wheel, owner = Wheel(asyncio.get_running_loop()), probe.Probe()
        probe.set_deadline(wheel, owner, 1_000_000)
        await asyncio.sleep(0.25)
        assert fired(owner) == 0
        probe.set_deadline(wheel, owner, 50)
        await asyncio.sleep(0.4)
        assert fired(owner) == 1
        wheel.stop()

    run(scenario)
