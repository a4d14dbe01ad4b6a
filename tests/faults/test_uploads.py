"""An upload commits only when whole (L6), and its answer arrives whenever it comes (F06)."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from awscrt import checksums

from support.backend import BackendConnection, answer
from support.configuration import FULL
from support.gateway import Gateway
from support.processes import wait_until
from support.raw import Truncated
from support.rig import Pair
from support.sigv4 import EMPTY_SHA256, Request


class Watch:
    """A script that takes an upload and remembers how it ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.started = threading.Event()

    def __call__(self, connection: BackendConnection) -> None:
        connection.read_head()
        self.started.set()
        try:
            connection.read_body(keep=False)
        except BaseException:
            self.ended.append(connection.ended or "")
            raise
        connection.send(answer(b"", ("ETag", '"a"')))
        self.ended.append(connection.wait_end())


@pytest.mark.rule("L6", "F09")
@pytest.mark.parametrize("how", ["reset", "half_close"])
@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", None])
def test_a_client_that_leaves_commits_nothing(pair: Pair, how: str, payload: str | None) -> None:
    watch = Watch()
    pair.backend.serve(watch)
    body = os.urandom(1_000_000)
    request = pair.request("PUT", "/k", body=body, payload=payload)
    connection = pair.connect()
    connection.send(request.head + body[:600_000])
    assert watch.started.wait(5)
    getattr(connection, how)()
    wait_until(lambda: watch.ended, timeout=5, what="the backend's connection ends")
    connection.sock.close()
    # A clean end could be taken for the end of the body by a careless store.
    assert watch.ended == ["reset"]
    assert not pair.backend.requests[0].whole
    time.sleep(0.1)
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("L6", "S11")
@pytest.mark.parametrize("size", [5, 60_000, 2_000_000])
@pytest.mark.parametrize("wrong", ["hash", "HASH", "first byte", "last byte"])
def test_a_body_that_is_not_what_was_signed(pair: Pair, size: int, wrong: str) -> None:
    watch = Watch()
    pair.backend.serve(watch)
    body = bytearray(os.urandom(size))
    payload = hashlib.sha256(body).hexdigest()
    if wrong == "hash":
        payload = "ab" * 32
    elif wrong == "HASH":
        payload = "AB" * 32
    else:
        body[0 if wrong == "first byte" else -1] ^= 1
    with pair.connect() as connection:
        request = pair.request("PUT", "/k", body=bytes(body), payload=payload)
        try:
            connection.send(request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.read("PUT")
        assert (response.status, response.code) == (400, "XAmzContentSHA256Mismatch")
    for got in pair.backend.requests:
        assert not got.whole
    if watch.started.is_set():
        wait_until(lambda: watch.ended, timeout=5, what="the backend's connection ends")
        assert watch.ended == ["reset"]


@pytest.mark.rule("L6", "SEM-20")
@pytest.mark.parametrize("payload", ["UNSIGNED-PAYLOAD", None])
@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("Content-MD5", lambda body: hashlib.md5(body).digest()),
        ("x-amz-checksum-crc32", lambda body: zlib.crc32(body).to_bytes(4, "big")),
        ("x-amz-checksum-crc32c", lambda body: checksums.crc32c(body).to_bytes(4, "big")),
        ("x-amz-checksum-crc64nvme", lambda body: checksums.crc64nvme(body).to_bytes(8, "big")),
        ("x-amz-checksum-md5", lambda body: hashlib.md5(body).digest()),
        ("x-amz-checksum-sha1", lambda body: hashlib.sha1(body).digest()),
        ("x-amz-checksum-sha256", lambda body: hashlib.sha256(body).digest()),
        ("x-amz-checksum-sha512", lambda body: hashlib.sha512(body).digest()),
    ],
)
def test_a_promised_checksum_is_held_here(
    pair: Pair, name: str, right: Callable[[bytes], bytes], payload: str | None
) -> None:
    """The store behind checks nothing: what it would have to believe never gets there whole."""
    body = os.urandom(300_000)
    digest = base64.b64encode(right(body)).decode()
    wrong = base64.b64encode(right(body + b"x")).decode()
    for value, status in ((wrong, 400), (digest, 200)):
        watch = Watch()
        pair.backend.serve(watch)
        request = pair.request("PUT", "/k", (name, value), body=body, payload=payload)
        with pair.connect() as connection:
            response = connection.request(request)
            assert response.status == status
            assert status == 200 or response.code == "BadDigest"
        if status == 200 and name.startswith("x-"):
            assert response.get(name) == digest
    # By connection: two threads of the backend may read their heads in either order.
    requests = [request for peer in pair.backend.connections for request in peer.requests]
    # (Of the refused one the store may see nothing at all: the reset overtakes its head.)
    assert [request.whole for request in requests] in ([False, True], [True])


@pytest.mark.rule("L6", "L3")
@pytest.mark.parametrize(
    ("field", "status", "code"),
    [
        # What cannot be held here costs the store nothing.
        (("x-amz-checksum-xxhash64", "AAAAAAAAAAA="), 501, "NotImplemented"),
        (("x-amz-checksum-foo", "AAAAAA=="), 400, "InvalidRequest"),
        (("x-amz-sdk-checksum-algorithm", "CRC64NVME"), 400, "InvalidRequest"),
    ],
)
def test_a_checksum_that_nobody_could_hold(
    pair: Pair, field: tuple[str, str], status: int, code: str
) -> None:
    response = pair.ask("PUT", "/k", field, body=b"hello")
    assert (response.status, response.code) == (status, code)
    assert pair.backend.requests == []


@pytest.mark.rule("L6")
def test_an_empty_body_is_checked_too(pair: Pair) -> None:
    response = pair.ask("PUT", "/k", payload="ab" * 32)
    assert (response.status, response.code) == (400, "XAmzContentSHA256Mismatch")
    assert pair.backend.requests == []


@pytest.mark.rule("L6", "S11")
@pytest.mark.parametrize("value", ["", "abc", "AB" * 31, "g" * 64, "UNSIGNED", "STREAMING-FOO"])
def test_only_known_payload_modes_pass(pair: Pair, value: str) -> None:
    payload = value or "UNSIGNED-PAYLOA"
    response = pair.ask("PUT", "/k", payload=payload, body=b"x")
    assert response.status in (400, 501)
    assert pair.backend.requests == []


@pytest.mark.rule("L3", "L6")
@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 400),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 400),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 200),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 501),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", 501),
    ],
)
def test_frames_are_never_stored_as_they_come(pair: Pair, mode: str, status: int) -> None:
    """Nor are chunks without a signature where the mode says that they have one."""
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    decoded = ("x-amz-decoded-content-length", "5")
    with pair.connect() as connection:
        request = pair.request("PUT", "/k", decoded, body=chunks, payload=mode)
        assert connection.request(request).status == status
    assert [bytes(got.body) for got in pair.backend.requests] == [b"hello"] * (status == 200)


@pytest.mark.rule("L6")
@pytest.mark.parametrize("size", [5, 2_000_000])
@pytest.mark.parametrize("payload", [None, "UNSIGNED-PAYLOAD"])
def test_an_honest_body_passes(pair: Pair, size: int, payload: str | None) -> None:
    body = os.urandom(size)
    assert pair.ask("PUT", "/k", body=body, payload=payload).status == 200
    (request,) = pair.backend.requests
    assert bytes(request.body) == body
    expected = payload or hashlib.sha256(body).hexdigest()
    assert request.get("x-amz-content-sha256") == expected


@pytest.mark.rule("L6")
def test_the_hash_of_nothing_does_not_vouch_for_something(pair: Pair) -> None:
    response = pair.ask("PUT", "/k", body=b"hello", payload=EMPTY_SHA256)
    assert (response.status, response.code) == (400, "XAmzContentSHA256Mismatch")
    assert not any(request.whole for request in pair.backend.requests)


def early(status: str, code: str, *, after: int = 0, close: bool = False) -> object:
    document = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()

    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.read_body(after, keep=False)
        connection.send(answer(document, ("Content-Type", "application/xml"), status=status))
        if close:
            connection.pause(0.05)
        else:
            connection.wait_end()

    return script


def buffer_max(name: str) -> int:
    """Largest socket buffer that the kernel makes by itself (tcp(7)), in bytes."""
    return int(Path("/proc/sys/net/ipv4", name).read_text("ascii").split()[2])


@pytest.mark.rule("F06")
@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("after", [0, 100_000])
def test_an_answer_before_the_upload_ends_is_passed_on(pair: Pair, after: int, close: bool) -> None:
    script = early("412 Precondition Failed", "PreconditionFailed", after=after, close=close)
    pair.backend.serve(script)  # type: ignore[arg-type]
    request = pair.request("PUT", "/k", length=1 << 30, payload="UNSIGNED-PAYLOAD")
    # What the system's buffers of both connections hold, and 256 KiB for the gateway's own.
    room = 2 * (buffer_max("tcp_rmem") + buffer_max("tcp_wmem")) + after + 262_144
    with pair.connect() as connection:
        connection.send(request.head)
        sent = 0
        try:
            # A gigabyte was promised; a gateway that read on would keep us here.
            while sent <= room and connection.silent(0):
                connection.send(b"x" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            pass
        response = connection.read("PUT")
        assert (response.status, response.code) == (412, "PreconditionFailed")
        assert response.closes
    assert sent <= room
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("F06")
def test_an_early_answer_to_a_client_that_waits(pair: Pair) -> None:
    script = early("412 Precondition Failed", "PreconditionFailed")
    pair.backend.serve(script)  # type: ignore[arg-type]
    request = pair.request("PUT", "/k", length=1_000_000, payload="UNSIGNED-PAYLOAD")
    with pair.connect() as connection:
        connection.send(request.head + b"x" * 1000)
        assert connection.read("PUT").status == 412


@pytest.mark.rule("L6", "F06")
def test_a_success_before_the_last_byte_is_a_fault(pair: Pair) -> None:
    pair.backend.serve(early("200 OK", "None"))  # type: ignore[arg-type]
    request = pair.request("PUT", "/k", length=1_000_000, payload="UNSIGNED-PAYLOAD")
    with pair.connect() as connection:
        connection.send(request.head + b"x" * 1000)
        try:
            response = connection.read("PUT")
        except Truncated:
            pass  # cut off: not a success either
        else:
            assert response.status in (500, 502, 503)


@pytest.mark.rule("F08")
def test_a_backend_that_never_says_continue(pair: Pair) -> None:
    # The default script answers only after the body, and never sends 100.
    body = os.urandom(500_000)
    start = time.monotonic()
    assert pair.ask("PUT", "/k", body=body).status == 200
    assert time.monotonic() - start < 3
    assert bytes(pair.backend.requests[0].body) == body


@pytest.mark.rule("L6", "F06")
def test_a_backend_that_dies_in_an_upload(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.read_body(100_000, keep=False)
        connection.reset()

    pair.backend.serve(script)
    with pair.connect() as connection:
        try:
            connection.send(pair.request("PUT", "/k", body=os.urandom(3_000_000)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.read("PUT")
        assert response.status in (502, 503)
    assert len(pair.backend.connections) == 1


@pytest.mark.rule("F40")
def test_two_uploads_to_one_key_do_not_mix(gateway: Gateway) -> None:
    good, bad = os.urandom(3_000_000), os.urandom(3_000_000)

    def put(body: bytes) -> Request:
        return Request(
            "PUT", "/private-uploads/two", gateway.authority, body=body, credentials=FULL
        )

    with gateway.connect() as one, gateway.connect() as other:
        whole, broken = put(good), put(bad)
        one.send(whole.head + good[:1_000_000])
        other.send(broken.head + bad[:2_900_000])
        other.reset()
        one.send(good[1_000_000:])
        assert one.read("PUT").status == 200
        get = Request("GET", "/private-uploads/two", gateway.authority, credentials=FULL)
        assert one.request(get).body == good


@pytest.mark.rule("L6", "F09")
def test_a_broken_upload_leaves_no_object(gateway: Gateway) -> None:
    body = os.urandom(2_000_000)
    target = "/team/never-there"
    request = Request("PUT", target, gateway.authority, body=body, credentials=FULL)
    with gateway.connect() as connection:
        connection.send(request.head + body[:-1])
        time.sleep(0.2)
        connection.reset()
    head = Request("HEAD", target, gateway.authority, credentials=FULL)
    with gateway.connect() as connection:
        for _ in range(5):
            assert connection.request(head).status == 404
            time.sleep(0.05)
