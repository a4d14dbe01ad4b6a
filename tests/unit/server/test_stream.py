"""The contract of server/stream.pxd, held over plain TCP and over TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct

import pytest
import trustme
import uvloop

from multistore.server.stream_fd import Listener, Poller
from multistore.server.stream_uv import UvStream

MIB = 1 << 20


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(params=["tcp", "tls"])
def server_context(request, authority):
    if request.param == "tcp":
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


class Bench:
    """A listener whose connections are probes, and plain sockets as their peers."""

    def __init__(self, probe, context, authority):
        self.loop = asyncio.get_running_loop()
        self.probe = probe
        self.context = context
        self.authority = authority
        self.probes = []
        self.socks = []

    async def start(self):
        def owner():
            self.probes.append(self.probe.Probe())
            return self.probes[-1]

        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        self.port = sock.getsockname()[1]
        self.poller = Poller(self.loop)
        if self.context is None:
            self.listener = Listener(self.poller, sock, owner)
        else:
            self.listener = await self.loop.create_server(
                lambda: UvStream(owner(), self.loop), sock=sock, ssl=self.context
            )

    async def connect(self):
        """A peer's socket, and the probe at the other end of it."""
        known = len(self.probes)

        def dial():
            sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            if self.context is not None:
                context = ssl.create_default_context()
                self.authority.configure_trust(context)
                sock = context.wrap_socket(
                    sock, server_hostname="localhost", suppress_ragged_eofs=False
                )
            return sock

        sock = await asyncio.to_thread(dial)
        self.socks.append(sock)
        await self.until(lambda: len(self.probes) > known and "ready" in self.probes[-1].names())
        return sock, self.probes[-1]

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.002)


def run(probe, context, authority, scenario):
    async def main():
        bench = Bench(probe, context, authority)
        await bench.start()
        try:
            await scenario(bench)
        finally:
            bench.listener.close()
            for end in bench.probes:
                end.abort()
            for sock in bench.socks:
                sock.close()
            await asyncio.sleep(0.05)
            bench.poller.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def read_all(sock):
    got = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return got, "reset"
        except ssl.SSLError as error:
            return got, type(error).__name__
        if not piece:
            return got, "eof"
        got += piece


@pytest.fixture
def scenario(probe, server_context, authority):
    return lambda body: run(probe, server_context, authority, body)


def test_pieces_leave_in_order_as_one_write(scenario):
    async def body(bench):
        sock, end = await bench.connect()
        assert end.write(b"head", b"-", b"body") is False
        end.close()
        assert (await asyncio.to_thread(read_all, sock))[0] == b"head-body"

    scenario(body)


def test_what_is_not_consumed_comes_again_together_with_more(scenario):
    async def body(bench):
        sock, end = await bench.connect()
        end.consume = lambda data: 3 if len(data) >= 5 else 0
        sock.sendall(b"ab")
        await bench.until(lambda: ("data", b"") in end.events)
        sock.sendall(b"cde")
        await bench.until(lambda: end.received() == b"abc")
        end.consume = len
        sock.sendall(b"f")
        await bench.until(lambda: end.received() == b"abcdef")

    scenario(body)


def test_a_paused_stream_keeps_bytes_and_delivers_them_after_resume(scenario):
    async def body(bench):
        sock, end = await bench.connect()

        def take_one(data):
            end.pause()
            return 1

        end.consume = take_one
        sock.sendall(b"xyz")
        await bench.until(lambda: end.received() == b"x")
        sock.sendall(b"later")
        await asyncio.sleep(0.05)
        assert end.received() == b"x"
        end.consume = len
        end.resume()
        await bench.until(lambda: end.received() == b"xyzlater")

    scenario(body)


@pytest.mark.rule("F13")
def test_relay_passes_exactly_n_bytes_below_the_owner(scenario):
    async def body(bench):
        left, source = await bench.connect()
        right, target = await bench.connect()
        source.relay(target, 5)
        await asyncio.to_thread(left.sendall, b"12345rest")
        await bench.until(lambda: source.received() == b"rest")
        assert await asyncio.to_thread(right.recv, 100) == b"12345"
        relayed = [value for name, value in source.events if name == "relayed"]
        assert sum(n for n, _ in relayed) == 5
        assert [done for _, done in relayed] == [False] * (len(relayed) - 1) + [True]

    scenario(body)


def test_relay_starts_with_the_tail(scenario):
    async def body(bench):
        left, source = await bench.connect()
        right, target = await bench.connect()

        def hold(data):
            source.pause()
            return 0

        source.consume = hold
        left.sendall(b"kept")
        await bench.until(lambda: "data" in source.names())
        source.relay(target, 8)
        left.sendall(b"more")
        got = b""
        while len(got) < 8:
            got += await asyncio.to_thread(right.recv, 100)
        assert got == b"keptmore"

    scenario(body)


@pytest.mark.rule("L8", "F14")
def test_a_full_target_stops_the_source(scenario):
    total = 64 * MIB

    async def body(bench):
        left, source = await bench.connect()
        right, target = await bench.connect()
        source.relay(target, total)
        payload = bytes(range(256)) * (MIB // 256)

        def send():
            for _ in range(total // MIB):
                left.sendall(payload)

        sender = asyncio.create_task(asyncio.to_thread(send))
        await asyncio.sleep(0.3)
        # Nobody reads: the kernel's buffers are full, and the source is not read any more.
        stuck = sum(value[0] for name, value in source.events if name == "relayed")
        await asyncio.sleep(0.2)
        assert sum(value[0] for name, value in source.events if name == "relayed") == stuck < total

        def drain():
            got = 0
            while got < total:
                piece = right.recv(MIB)
                for i in (0, len(piece) - 1):
                    assert piece[i] == (got + i) % 256
                got += len(piece)
            return got

        assert await asyncio.to_thread(drain) == total
        await sender
        await bench.until(lambda: source.events[-1][1] is not None and source.events[-1][1][1])

    scenario(body)


def test_a_stopped_relay_says_what_was_still_to_come(scenario):
    async def body(bench):
        left, source = await bench.connect()
        _, target = await bench.connect()
        source.relay(target, 10)
        left.sendall(b"123")
        await bench.until(lambda: "relayed" in source.names())
        assert source.stop_relay() == 7
        left.sendall(b"456")
        await bench.until(lambda: source.received() == b"456")

    scenario(body)


def test_room_is_announced_after_full(scenario):
    async def body(bench):
        sock, end = await bench.connect()
        while not end.write(b"x" * MIB):
            await asyncio.sleep(0)
        assert "room" not in end.names()
        reader = asyncio.create_task(asyncio.to_thread(read_all, sock))
        await bench.until(lambda: "room" in end.names())
        end.close()
        got, how = await reader
        assert how == "eof"
        assert len(got) % MIB == 0

    scenario(body)


@pytest.mark.rule("L7", "F01")
def test_abort_never_looks_like_an_end(scenario, server_context):
    async def body(bench):
        sock, end = await bench.connect()
        end.write(b"partial")
        await asyncio.sleep(0.05)
        end.abort()
        got, how = await asyncio.to_thread(read_all, sock)
        assert got in (b"partial", b"")  # a reset may overtake bytes
        # TLS: a missing close_notify is an error at the peer, however the TCP connection ended.
        assert how == "reset" or (server_context is not None and how == "SSLEOFError")
        await bench.until(lambda: end.names()[-1] == "lost")
        assert end.names().count("lost") == 1

    scenario(body)


@pytest.mark.rule("F11")
def test_after_the_peers_half_close_we_can_still_answer(scenario, server_context):
    if server_context is not None:
        pytest.skip("TLS has no half-close")

    async def body(bench):
        sock, end = await bench.connect()
        sock.sendall(b"question")
        sock.shutdown(socket.SHUT_WR)
        await bench.until(lambda: "eof" in end.names())
        end.write(b"answer")
        end.close()
        assert await asyncio.to_thread(read_all, sock) == (b"answer", "eof")

    scenario(body)


def test_our_half_close_leaves_reading_open(scenario, server_context):
    if server_context is not None:
        pytest.skip("TLS has no half-close")

    async def body(bench):
        sock, end = await bench.connect()
        end.write(b"answer")
        end.finish()
        assert await asyncio.to_thread(read_all, sock) == (b"answer", "eof")
        sock.sendall(b"still talking")
        await bench.until(lambda: end.received() == b"still talking")

    scenario(body)


@pytest.mark.rule("F10")
def test_a_peer_that_resets_is_lost(scenario):
    async def body(bench):
        sock, end = await bench.connect()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        async with asyncio.timeout(10):
            while end.names()[-1] != "lost":
                end.write(b"x" * 1000)
                await asyncio.sleep(0.005)
        end.write(b"into the void")  # taken and dropped

    scenario(body)


# --- many sockets at once: small writes wait for the end of the turn ------------------------------


def answers(end, *pieces, then=None):
    """Makes `end` answer whatever it gets, in the turn in which it gets it."""

    def consume(data):
        for piece in pieces:
            end.write(piece)
        if then is not None:
            then()
        return len(data)

    end.consume = consume


@pytest.mark.parametrize("way", ["close", "finish", "stay"])
def test_what_many_write_in_one_turn_leaves_in_order(scenario, server_context, way):
    if way == "finish" and server_context is not None:
        pytest.skip("TLS has no half-close")
    pieces = (b"small", b"er", b"B" * 20_000, b"tail", b"C" * 9_000, b"end")

    async def body(bench):
        pairs = [await bench.connect() for _ in range(6)]
        for _, end in pairs:
            answers(end, *pieces, then=None if way == "stay" else getattr(end, way))
        for sock, _ in pairs:
            sock.sendall(b"go")
        for sock, end in pairs:
            if way == "stay":
                await bench.until(lambda end=end: end.received() == b"go")
                end.close()
            assert await asyncio.to_thread(read_all, sock) == (b"".join(pieces), "eof")

    scenario(body)


def test_an_aborted_stream_harms_none_of_its_turn(scenario):
    async def body(bench):
        pairs = [await bench.connect() for _ in range(4)]
        for number, (_, end) in enumerate(pairs):
            answers(end, b"answer", then=end.abort if number == 1 else None)
        for sock, _ in pairs:
            sock.sendall(b"go")
        for number, (sock, end) in enumerate(pairs):
            if number == 1:
                _, how = await asyncio.to_thread(read_all, sock)
                assert how != "eof"
                continue
            assert await asyncio.to_thread(sock.recv, 100) == b"answer"
            assert end.names()[-1] != "lost"

    scenario(body)


def test_what_nobody_reads_any_more_stops_no_source(scenario, server_context):
    """The peer resets between a write that waits for the end of the turn and one that does not."""
    if server_context is not None:
        pytest.skip("the loop writes at once")
    full = []

    async def body(bench):
        pairs = [await bench.connect() for _ in range(4)]

        def make(sock, end):
            def consume(data):
                end.write(b"held")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
                full.append(end.write(b"B" * 20_000))
                return len(data)

            return consume

        for sock, end in pairs:
            end.consume = make(sock, end)
        for sock, _ in pairs:
            sock.sendall(b"go")
        for _, end in pairs:
            await bench.until(lambda end=end: "lost" in end.names())
        assert full == [False] * 4

    scenario(body)


def test_a_reader_that_is_slow_gets_everything_and_room_is_told(scenario):
    """Turn after turn with more than it reads, until the kernel has no room at a turn's end."""
    piece = bytes(range(256)) * 16

    async def body(bench):
        (slow, end), (other, ticking) = await bench.connect(), await bench.connect()
        wrote = 0
        full = False

        def consume(data):
            nonlocal wrote, full
            full = end.write(piece)
            wrote += len(piece)
            return len(data)

        end.consume = consume
        while not full:
            seen = len(ticking.events), len(end.events)
            other.sendall(b"t")
            slow.sendall(b"t")
            await bench.until(
                lambda seen=seen: len(ticking.events) > seen[0] and len(end.events) > seen[1]
            )
        assert "room" not in end.names()

        def read():
            got = b""
            while len(got) < wrote:
                got += slow.recv(1 << 20)
            return got

        assert await asyncio.to_thread(read) == piece * (wrote // len(piece))
        await bench.until(lambda: "room" in end.names())

    scenario(body)
