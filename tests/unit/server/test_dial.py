"""Connecting to backends: which address, for how long its name is believed, and whom TLS trusts."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import uvloop

from multistore.limits import Timeouts
from multistore.server.dial import RESOLVE_TTL, STAGGER, STALE_MAX, Dialer
from multistore.server.stream_fd import Poller
from multistore.types import Origin

HOST = "store.test"


class Network(asyncio.SelectorEventLoop):
    """A loop with a resolver, a clock and silent addresses of its own."""

    def __init__(self):
        super().__init__()
        self.answer = []  # addresses, or the error of a resolver that is down
        self.asked = 0
        self.ahead = 0.0
        self.silent = set()

    def time(self):
        return super().time() + self.ahead

    async def getaddrinfo(self, host, port, **options):
        assert (host, options) == (HOST, {"type": socket.SOCK_STREAM})
        self.asked += 1
        if isinstance(self.answer, OSError):
            raise self.answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in self.answer]

    async def sock_connect(self, sock, address):
        if address[0] in self.silent:
            await asyncio.sleep(3600)
        await super().sock_connect(sock, address)


class Bench:
    """A dialer, and one that listens on all of 127.0.0.1, 127.0.0.2, …."""

    def __init__(self, probe, connect):
        self.loop = asyncio.get_running_loop()
        self.probe = probe
        self.poller = Poller(self.loop)
        self.dialer = Dialer(self.loop, self.poller, Timeouts(connect=connect))
        self.server = socket.create_server(("0.0.0.0", 0))  # the backlog is all that is needed
        self.port = self.server.getsockname()[1]
        self.owners = []

    async def dial(self, origin=None):
        """The address that was connected to. Raises: what the dialer reports."""
        done = self.loop.create_future()
        owner = self.probe.Probe()
        self.dialer.dial(
            origin or Origin(HOST, self.port, tls=False), owner, lambda task: done.set_result(task)
        )
        task = await done
        assert owner.names() == ([] if task.exception() else ["ready"])
        task.result()
        self.owners.append(owner)
        sock, (_, port) = self.server.accept()
        with sock:
            assert port != self.port
            return sock.getsockname()[0]


def run(probe, scenario, *, connect=1.0, loop=Network):
    async def main():
        bench = Bench(probe, connect)
        try:
            await scenario(bench, bench.loop)
            assert asyncio.all_tasks() == {asyncio.current_task()}
        finally:
            for owner in bench.owners:
                owner.abort()
            await asyncio.sleep(0.01)
            bench.poller.close()
            bench.server.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@pytest.mark.rule("F16")
def test_a_silent_address_costs_its_head_start(probe):
    async def scenario(bench, net):
        net.answer = ["127.0.0.1", "127.0.0.2"]
        net.silent = {"127.0.0.1"}
        start = net.time()
        assert await bench.dial() == "127.0.0.2"
        assert STAGGER - 0.02 <= net.time() - start < STAGGER + 0.2

    run(probe, scenario)


@pytest.mark.rule("F16")
def test_an_address_that_refuses_costs_nothing(probe):
    async def scenario(bench, net):
        net.answer = ["127.0.0.1", "127.0.0.2"]
        bench.server.close()
        bench.server = socket.create_server(("127.0.0.2", bench.port))
        start = net.time()
        assert await bench.dial() == "127.0.0.2"
        assert net.time() - start < STAGGER

    run(probe, scenario)


@pytest.mark.rule("F16")
def test_when_no_address_answers_the_deadline_ends_it(probe):
    async def scenario(bench, net):
        net.answer = ["127.0.0.1", "127.0.0.2"]
        net.silent = {"127.0.0.1", "127.0.0.2"}
        with pytest.raises(TimeoutError):
            await bench.dial()

    run(probe, scenario, connect=0.4)


@pytest.mark.rule("F16")
def test_a_name_is_believed_for_a_while(probe):
    async def scenario(bench, net):
        net.answer = ["127.0.0.1", "127.0.0.2"]
        # One after the other: a name with several addresses is a cluster.
        assert [await bench.dial() for _ in range(4)] == ["127.0.0.1", "127.0.0.2"] * 2
        net.answer = ["127.0.0.3"]
        net.ahead += RESOLVE_TTL - 1
        assert await bench.dial() == "127.0.0.1"
        assert net.asked == 1
        net.ahead += 1
        assert await bench.dial() == "127.0.0.3"
        assert net.asked == 2

    run(probe, scenario)


@pytest.mark.rule("F16")
def test_an_old_answer_serves_while_the_resolver_is_down_but_not_for_ever(probe):
    async def scenario(bench, net):
        net.answer = ["127.0.0.1"]
        await bench.dial()
        net.answer = socket.gaierror(socket.EAI_AGAIN, "down")
        for ahead in (RESOLVE_TTL, STALE_MAX / 2, STALE_MAX - 1):
            net.ahead = ahead
            assert await bench.dial() == "127.0.0.1"
        assert net.asked == 4
        net.ahead = STALE_MAX
        with pytest.raises(socket.gaierror):
            await bench.dial()
        net.answer = ["127.0.0.2"]
        assert await bench.dial() == "127.0.0.2"

    run(probe, scenario)


@pytest.mark.rule("F16")
def test_a_name_that_does_not_exist_is_an_error_each_time(probe):
    async def scenario(bench, net):
        net.answer = socket.gaierror(socket.EAI_NONAME, "no such name")
        for _ in range(2):
            with pytest.raises(socket.gaierror):
                await bench.dial()
        assert net.asked == 2

    run(probe, scenario)


@pytest.mark.rule("F17")
@pytest.mark.parametrize(
    ("names", "options", "error"),
    [
        (["localhost"], {"trusted": True}, None),
        (["localhost"], {}, ssl.SSLCertVerificationError),
        (["other.test"], {"trusted": True}, ssl.SSLCertVerificationError),
        (["other.test"], {"verify": False}, None),
    ],
)
def test_tls_trusts_whom_it_is_told_to(probe, authority, names, options, error):
    """The system's authorities, or one file; names are compared; or nothing at all, if asked."""
    file = str(authority.file) if options.pop("trusted", False) else None

    async def scenario(bench, loop):
        server = await asyncio.start_server(
            lambda reader, writer: writer.close(),
            *("127.0.0.1", 0),
            ssl=authority.server_context(*names),
        )
        port = server.sockets[0].getsockname()[1]
        done = loop.create_future()
        owner = probe.Probe()
        origin = Origin("localhost", port, tls=True, ca_file=file, **options)
        bench.dialer.dial(origin, owner, lambda task: done.set_result(task))
        failure = (await done).exception()
        assert (failure is None) == ("ready" in owner.names()) == (error is None)
        assert error is None or isinstance(failure, error)
        if error is None:
            bench.owners.append(owner)
        server.close()
        await server.wait_closed()

    run(probe, scenario, loop=uvloop.new_event_loop)
