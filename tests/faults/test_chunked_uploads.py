"""Uploads in chunks that go wrong: whatever happens, and wherever, the store never sees a whole
body that does not hold (L6), the client is told S3's error, and the next request works."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.backend import BackendConnection, answer
from support.configuration import FULL
from support.gateway import Gateway
from support.processes import resident_kib, wait_until
from support.raw import Truncated
from support.rig import Pair, Rig, Stand
from support.sigv4 import Request
from support.uploads import (
    MODES,
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    checksum,
    encode_http,
    streaming,
)

#: More than one read of the gateway, and one that is there with its head.
LARGE = random.Random(1).randbytes(900_000)
SMALL = random.Random(2).randbytes(20_000)
CHUNK = 8192


@pytest.fixture(scope="module", params=["auto", "signed", "trailer"])
def stand_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Stand]:
    name = request.param
    stand = Stand(
        lambda number: Rig(folder / f"faults-{name}-{number}", stock=60, options={"payload": name})
    )
    yield stand
    stand.stop()


@pytest.fixture
def framed(stand_of: Stand) -> Iterator[Pair]:
    pair = stand_of.take()
    yield pair
    pair.backend.close()


def flip(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


@dataclass(frozen=True)
class Fault:
    """``spoil`` gets the frames; the codes are those that S3 gives for it, by mode."""

    spoil: Callable[[bytes], bytes]
    codes: set[str]
    modes: tuple[str, ...] = MODES
    decoded: int = 0  # more than there is


def _signature(index: int) -> Callable[[bytes], bytes]:
    """Changes the signature of a chunk; 0 is the first, -1 the last."""

    def spoil(body: bytes) -> bytes:
        found = [match.end() for match in re.finditer(b";chunk-signature=", body)]
        return flip(body, found[index] + 63)

    return spoil


def _without_last_chunk(body: bytes) -> bytes:
    return body[: body.rindex(b"\r\n0") + 2]


def _resize(change: int) -> Callable[[bytes], bytes]:
    """The last chunk of data says another size than it has."""

    def spoil(body: bytes) -> bytes:
        sizes = list(re.finditer(rb"(?:^|\r\n)([0-9a-f]+)(?=[;\r])", body))
        match = next(m for m in reversed(sizes) if int(m[1], 16) > 1)
        return body[: match.start(1)] + b"%x" % (int(match[1], 16) + change) + body[match.end(1) :]

    return spoil


_BOTH = (SIGNED_TRAILER, UNSIGNED_TRAILER)
_SIGNED = (SIGNED, SIGNED_TRAILER)

FAULTS = {
    "first signature": Fault(_signature(0), {"SignatureDoesNotMatch"}, _SIGNED),
    "middle signature": Fault(_signature(1), {"SignatureDoesNotMatch"}, _SIGNED),
    "last data signature": Fault(_signature(-2), {"SignatureDoesNotMatch"}, _SIGNED),
    "last signature": Fault(_signature(-1), {"SignatureDoesNotMatch"}, _SIGNED),
    "trailer signature": Fault(
        lambda body: flip(body, len(body) - 10), {"SignatureDoesNotMatch"}, (SIGNED_TRAILER,)
    ),
    "trailer value": Fault(
        lambda body: re.sub(rb"crc32:.", b"crc32:/", body),
        {"BadDigest", "SignatureDoesNotMatch"},
        _BOTH,
    ),
    "trailer name": Fault(
        lambda body: body.replace(b"\r\nx-amz-checksum-crc32:", b"\r\nx-amz-checksum-crc3c:"),
        {"MalformedTrailerError"},
        _BOTH,
    ),
    "no trailer": Fault(
        lambda body: re.sub(rb"x-amz-checksum-crc32:[^\r]*\r\n", b"", body),
        {"MalformedTrailerError", "SignatureDoesNotMatch"},
        _BOTH,
    ),
    "two trailers": Fault(
        lambda body: re.sub(rb"(x-amz-checksum-crc32:[^\r]*\r\n)", rb"\1\1", body),
        {"MalformedTrailerError"},
        _BOTH,
    ),
    "last chunk missing": Fault(_without_last_chunk, {"IncompleteBody"}),
    "decoded length too large": Fault(bytes, {"IncompleteBody"}, decoded=1),
    "decoded length too small": Fault(bytes, {"IncompleteBody"}, decoded=-1),
    "size below the data": Fault(_resize(-1), {"IncompleteBody", "SignatureDoesNotMatch"}),
    "size above the data": Fault(_resize(1), {"IncompleteBody", "SignatureDoesNotMatch"}),
    "bytes behind the end": Fault(lambda body: body + b"x", {"IncompleteBody"}),
    "no frames at all": Fault(lambda body: b"z" * len(body), {"IncompleteBody"}),
    "small chunk": Fault(
        lambda body: b"2\r\nab\r\n" + body,
        {"InvalidChunkSizeError", "IncompleteBody"},
        (UNSIGNED_TRAILER,),
    ),
}


def nothing_whole(pair: Pair) -> None:
    assert not any(request.whole for request in pair.backend.requests if request.length)


def works(pair: Pair) -> None:
    """The next request, on a fresh connection."""
    pair.backend.serve(_store)
    assert pair.ask("PUT", "/next", body=b"next").status == 200


def _store(connection: BackendConnection) -> None:
    while True:
        connection.read_request()
        connection.send(answer(b"", ("ETag", '"a"')))


@pytest.mark.rule("L6", "L7", "R03", "SEM-11")
@pytest.mark.parametrize("te", [None, (CHUNK + 100, 7)])
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", FAULTS)
def test_frames_that_do_not_hold(
    framed: Pair, name: str, data: bytes, te: tuple[int, ...] | None
) -> None:
    fault = FAULTS[name]
    for mode in fault.modes:
        decoded = len(data) + fault.decoded if fault.decoded else None
        head, body = streaming(
            framed.request("PUT", "/k"),
            *(data, mode),
            chunk=CHUNK,
            te=te,
            decoded=decoded,
            spoil=fault.spoil,
        )
        with framed.connect() as connection:
            try:
                connection.send(head + body)
            except (BrokenPipeError, ConnectionResetError):
                pass
            response = connection.read("PUT")
            assert response.status in (400, 403), (mode, response)
            assert response.code in fault.codes, mode
        nothing_whole(framed)
        if data is SMALL:
            assert framed.backend.connections == []
    works(framed)


@pytest.mark.rule("L6", "F09")
@pytest.mark.parametrize("how", ["reset", "half_close"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("te", [None, (70_000,)])
def test_a_client_that_leaves_anywhere(
    framed: Pair, mode: str, how: str, te: tuple[int, ...] | None
) -> None:
    head, body = streaming(framed.request("PUT", "/k"), LARGE, mode, te=te)
    offsets = (0, 1, 90, 262_144, 600_000, len(body) - 150, len(body) - 20, len(body) - 1)
    for at in offsets:
        with framed.connect() as connection:
            connection.send(head + body[:at])
            getattr(connection, how)()
            if how == "half_close":
                # Cut off, or told: never a success.
                try:
                    assert connection.read("PUT").status != 200
                except Truncated:
                    pass
    # (A connection on which nothing was asked stays for others.)
    wait_until(
        lambda: all(peer.ended for peer in framed.backend.connections if peer.requests),
        timeout=5,
        what="the backend's connections end",
    )
    nothing_whole(framed)
    works(framed)


@pytest.mark.rule("L6", "F06")
@pytest.mark.parametrize("mode", MODES)
def test_a_backend_that_leaves_anywhere(framed: Pair, mode: str) -> None:
    for at in (0, 1, 100_000, 800_000, 899_990):

        def script(connection: BackendConnection, at: int = at) -> None:
            connection.read_head()
            connection.read_body(at, keep=False)
            connection.reset()

        framed.backend.serve(script)
        head, body = streaming(framed.request("PUT", "/k"), LARGE, mode)
        with framed.connect() as connection:
            try:
                connection.send(head + body)
            except (BrokenPipeError, ConnectionResetError):
                pass
            response = connection.read("PUT")
            assert response.status in (502, 503), (at, response)
    works(framed)


@pytest.mark.rule("L6", "F06")
@pytest.mark.parametrize("mode", MODES)
def test_a_success_before_the_last_byte_is_a_fault(framed: Pair, mode: str) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.send(answer(b"", ("ETag", '"a"')))
        connection.wait_end()

    framed.backend.serve(script)
    head, body = streaming(framed.request("PUT", "/k"), LARGE, mode)
    with framed.connect() as connection:
        connection.send(head + body[:300_000])
        response = connection.read("PUT")
        assert (response.status, response.code) == (502, "BadGateway")
    nothing_whole(framed)
    works(framed)


@pytest.mark.rule("L6", "F06")
@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_before_the_last_byte_is_passed_on(framed: Pair, mode: str) -> None:
    document = b"<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>"

    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.send(answer(document, status="412 Precondition Failed"))
        connection.wait_end()

    framed.backend.serve(script)
    head, body = streaming(framed.request("PUT", "/k"), LARGE, mode)
    with framed.connect() as connection:
        connection.send(head + body[:300_000])
        response = connection.read("PUT")
        assert (response.status, response.code) == (412, "PreconditionFailed")
    works(framed)


@pytest.mark.rule("L6", "SEM-11")
@pytest.mark.parametrize("mode", _BOTH)
def test_the_last_byte_waits_for_the_trailer(framed: Pair, mode: str) -> None:
    """Every byte of data has come, and held so far: the store must not take it for whole yet."""
    head, body = streaming(framed.request("PUT", "/k"), LARGE, mode)
    end = body.rindex(b"\r\n0") + 2
    with framed.connect() as connection:
        connection.send(head + body[:end])
        wait_until(
            # (All but the last chunk, if ours are signed: its signature goes before it.)
            lambda: framed.backend.requests and len(framed.backend.requests[0].body) > 840_000,
            timeout=5,
            what="the data is at the backend",
        )
        assert connection.silent(0.2)
        nothing_whole(framed)
        connection.send(body[end:])
        response = connection.read("PUT")
        assert response.get("x-amz-checksum-crc32") == checksum(LARGE)
    assert framed.backend.requests[0].whole


@pytest.mark.rule("L8", "F05")
def test_a_store_that_does_not_read_stops_the_client(framed: Pair) -> None:
    """What was decoded does not pile up: here one chunk of 4 GiB."""

    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.pause(60)

    framed.backend.serve(script)
    pid = framed.gateway.process.pid
    assert framed.ask("HEAD", "").status == 200
    before = resident_kib(pid)
    decoded = ("x-amz-decoded-content-length", str(4 << 30))
    trailer = ("x-amz-trailer", "x-amz-checksum-crc32")
    request = framed.request("PUT", "/k", decoded, trailer, payload=UNSIGNED_TRAILER)
    request.length = (4 << 30) + 100
    with framed.connect() as connection:
        connection.send(request.head + b"100000000\r\n")
        connection.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 1 << 30:
                sent += connection.sock.send(b"x" * 65_536)
        except TimeoutError:
            pass  # the gateway reads no more
        assert sent < 64 << 20
        assert resident_kib(pid) - before < 8 * 1024
        connection.reset()


@pytest.mark.rule("SEM-11", "L8")
def test_frames_of_nothing_that_never_come(hasty: Pair) -> None:
    """A body of no data is read before there is a connection; not for ever."""
    request = hasty.request("PUT", "/k", ("x-amz-decoded-content-length", "0"), payload=SIGNED)
    for length in (100, 86):
        request.length = length
        with hasty.connect() as connection:
            connection.send(request.head + b"0;chunk-signature=")
            response = connection.read("PUT")
            assert (response.status, response.code) == (400, "RequestTimeout")
    assert hasty.backend.connections == []


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    "broken",
    [b"zz\r\nab\r\n0\r\n\r\n", b"-1\r\n", b"4\r\nabcdX\n0\r\n\r\n", b"ffffffffffffffff1\r\n"],
)
@pytest.mark.parametrize("payload", [UNSIGNED_TRAILER, "UNSIGNED-PAYLOAD"])
def test_transfer_coding_that_is_none(pair: Pair, broken: bytes, payload: str) -> None:
    fields = [("Transfer-Encoding", "chunked"), ("x-amz-decoded-content-length", "4")]
    request = pair.request("PUT", "/k", *fields, payload=payload, length=None)
    with pair.connect() as connection:
        connection.send(request.head + broken)
        response = connection.read("PUT")
        assert response.status == 400 and response.closes
    nothing_whole(pair)


@pytest.mark.rule("L4", "L6")
@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b"5;a=b\r\nhello\r\n0\r\n\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\r\nhello\r\n0\r\n\r\n",
        b"\r\n5\r\nhello\r\n0\r\n\r\n",
        b"2\r\nhe\r\n3;a\r\nllo\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0;a=b\r\n\r\n",
        b"1000000000000005\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_sizes_that_are_more_than_a_number(pair: Pair, body: bytes, bytewise: bool) -> None:
    """Chunk extensions: what one reader of a line reads over, another one takes for data."""
    fields = [("Transfer-Encoding", "chunked"), ("x-amz-decoded-content-length", "5")]
    request = pair.request("PUT", "/k", *fields, payload="UNSIGNED-PAYLOAD", length=None)
    with pair.connect() as connection:
        connection.send(request.head)
        if bytewise:
            connection.send_bytewise(body)
        else:
            connection.send(body)
        response = connection.read("PUT")
        assert (response.status, response.code) == (400, "BadRequest") and response.closes
    nothing_whole(pair)


@pytest.mark.rule("L4")
@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"00A\r\n0123456789\r\n1\r\n;\r\n0\r\n\r\n", b"0123456789;"),
        (b"c\r\n0;a=b\r\n\r\n 0 \r\n00\r\nX-A: b;c\r\n\r\n", b"0;a=b\r\n\r\n 0 "),
    ],
)
def test_sizes_as_they_may_be_written(pair: Pair, body: bytes, data: bytes, bytewise: bool) -> None:
    length = ("x-amz-decoded-content-length", str(len(data)))
    fields = [("Transfer-Encoding", "chunked"), length]
    request = pair.request("PUT", "/k", *fields, payload="UNSIGNED-PAYLOAD", length=None)
    with pair.connect() as connection:
        connection.send(request.head)
        if bytewise:
            connection.send_bytewise(body)
        else:
            connection.send(body)
        assert connection.read("PUT").status == 200
    assert pair.backend.requests[0].body == data


@pytest.mark.rule("L6", "SEM-10")
@pytest.mark.parametrize("body", [b"abc", b"abcde", b""])
@pytest.mark.parametrize("size", [0, 300_000])
def test_a_chunked_body_of_another_length(pair: Pair, body: bytes, size: int) -> None:
    """UNSIGNED-PAYLOAD in Transfer-Encoding: chunked: only the length is promised."""
    data = b"x" * size + body
    decoded = ("x-amz-decoded-content-length", str(size + 4))
    request = pair.request(
        *("PUT", "/k", ("Transfer-Encoding", "chunked"), decoded),
        payload="UNSIGNED-PAYLOAD",
        length=None,
    )
    with pair.connect() as connection:
        connection.send(request.head + encode_http(data))
        response = connection.read("PUT")
        assert (response.status, response.code) == (400, "IncompleteBody")
    nothing_whole(pair)


@pytest.mark.rule("R01", "R03")
@pytest.mark.rule("SEM-12", partial=True)
def test_what_a_real_store_keeps(gateway: Gateway) -> None:
    """R01 and R03 against SeaweedFS, which keeps the coding of framed uploads, and some of the
    broken ones, when it is asked directly."""
    data = b"plain bytes"
    encoded = ("Content-Encoding", "aws-chunked")

    def ask(method: str, target: str, *fields: tuple[str, str]) -> Request:
        return Request(method, target, gateway.authority, list(fields), credentials=FULL)

    target = "/team/framed"
    with gateway.connect() as connection:
        for mode in MODES:
            connection.send(b"".join(streaming(ask("PUT", target, encoded), data, mode)))
            assert connection.read("PUT").status == 200
            for method in ("HEAD", "GET"):
                response = connection.request(ask(method, target))
                assert response.get("content-encoding") is None
                assert int(response.get("content-length") or 0) == len(data)
            assert response.body == data
    for name in ("size below the data", "size above the data", "last chunk missing"):
        head, body = streaming(
            ask("PUT", "/team/broken"), data, UNSIGNED_TRAILER, spoil=FAULTS[name].spoil
        )
        with gateway.connect() as connection:
            connection.send(head + body)
            assert connection.read("PUT").code == "IncompleteBody"
    head, body = streaming(ask("PUT", "/team/broken"), data, UNSIGNED_TRAILER, decoded=12)
    with gateway.connect() as connection:
        connection.send(head + body)
        assert connection.read("PUT").code == "IncompleteBody"
        assert connection.request(ask("HEAD", "/team/broken")).status == 404
