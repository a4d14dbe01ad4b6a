"""Every payload mode in, by every one out: what the backend gets, and what the client is told."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.backend import BackendRequest
from support.configuration import FULL
from support.rig import BACKEND_KEY, BACKEND_SECRET, Pair, Rig, Stand
from support.sigv4 import EMPTY_SHA256, Credentials, Request, verifies
from support.uploads import (
    CHECKSUMS,
    MODES,
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    checksum,
    encode_http,
    read_chunked,
    streaming,
)

BACKEND = Credentials(BACKEND_KEY, BACKEND_SECRET)
UNSIGNED = "UNSIGNED-PAYLOAD"
POLICIES = ("auto", "unsigned", "signed", "trailer")
SIZES = (0, 1, 8192, 65_536, 65_537, 700_001)


@pytest.fixture(scope="module")
def pairs(folder: Path) -> Iterator[Callable[[str], Pair]]:
    """One gateway for each policy, made when it is asked for."""
    stands = {
        policy: Stand(
            lambda number, policy=policy: Rig(
                folder / f"payload-{policy}-{number}", stock=40, options={"payload": policy}
            )
        )
        for policy in POLICIES
    }
    used: list[Pair] = []

    def take(policy: str) -> Pair:
        used.append(stands[policy].take())
        return used[-1]

    yield take
    for pair in used:
        pair.backend.close()
    for stand in stands.values():
        stand.stop()


def put(pair: Pair, head: bytes, body: bytes) -> tuple[int, str]:
    """Status, and the code of an error."""
    with pair.connect() as connection:
        connection.send(head + body)
        response = connection.read("PUT")
        return response.status, response.code if response.status != 200 else ""


def received(request: BackendRequest) -> tuple[bytes, dict[str, str]]:
    """The body that the store keeps, and the trailers, of a request that a strict store takes."""
    assert request.whole
    assert verifies(request.method, request.target, request.fields, BACKEND)
    payload = request.get("x-amz-content-sha256") or ""
    # The modes alone say that there is framing; stores are known to keep the coding otherwise.
    assert "aws-chunked" not in (request.get("content-encoding") or "")
    assert request.get("transfer-encoding") is None
    if not payload.startswith("STREAMING-"):
        assert request.get("x-amz-decoded-content-length") is None
        assert request.get("x-amz-trailer") is None
        if payload != UNSIGNED:
            assert hashlib.sha256(request.body).hexdigest() == payload
        return bytes(request.body), {}
    chunks, trailers = read_chunked(request, BACKEND)
    assert all(len(chunk) >= 8192 for chunk in chunks[:-1])
    return b"".join(chunks), trailers


def told(policy: str, mode: str, size: int) -> str:
    """What the store is told of a body that came in ``mode``."""
    if mode in ("hash", "HASH"):
        return UNSIGNED if policy == "unsigned" else "hash"
    if mode.endswith("-TRAILER") and policy == "trailer":
        return UNSIGNED_TRAILER
    if policy == "signed":
        if mode.endswith("-TRAILER"):
            return SIGNED_TRAILER
        return SIGNED if size else EMPTY_SHA256
    return UNSIGNED


@pytest.mark.rule("L6", "SEM-20")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("te", [False, True])
@pytest.mark.parametrize("mode", ["hash", "HASH", UNSIGNED, *MODES])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_mode_in_by_every_policy_out(
    pairs: Callable[[str], Pair], policy: str, mode: str, te: bool
) -> None:
    pair = pairs(policy)
    for size in SIZES:
        data = random.Random(size).randbytes(size)
        cuts = (5, 70_000, 3) if te else None
        if mode in MODES:
            asked = pair.request("PUT", "/k", ("x-amz-sdk-checksum-algorithm", "CRC32"))
            if mode == SIGNED:
                asked.headers = [("x-amz-checksum-crc32", checksum(data))]
            head, body = streaming(asked, data, mode, te=cuts)
        elif te and not size:
            continue
        else:
            digest = hashlib.sha256(data).hexdigest()
            payload = {"hash": digest, "HASH": digest.upper()}.get(mode, mode)
            fields = [("x-amz-decoded-content-length", str(size)), ("Transfer-Encoding", "chunked")]
            asked = pair.request(
                *("PUT", "/k", *(fields if te else ())),
                payload=payload,
                length=None if te else size,
            )
            head, body = asked.head, encode_http(data, cuts) if cuts else data
        with pair.connect() as connection:
            connection.send(head + body)
            response = connection.read("PUT")
            assert response.status == 200, (size, response)
            # The connection goes on: everything was read to its end.
            assert not response.closes
            assert connection.request(pair.request("HEAD", "/k")).status == 200
        if mode in MODES:
            assert response.get("x-amz-checksum-crc32") == checksum(data)
        request = pair.backend.requests[-2]
        expected = told(policy, mode, size)
        if expected == "hash":
            expected = hashlib.sha256(data).hexdigest()
        assert request.get("x-amz-content-sha256") == expected
        stored, trailers = received(request)
        assert stored == data
        if expected.endswith("-TRAILER"):
            assert trailers == {"x-amz-checksum-crc32": checksum(data)}
        # What is said of a checksum is said where it is: an algorithm alone is 400 at AWS.
        said = {name for name, _ in request.fields if "checksum" in name}
        if mode == SIGNED:
            assert said == {"x-amz-checksum-crc32"}
        else:
            assert said == ({"x-amz-sdk-checksum-algorithm"} if trailers else set())


@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("algorithm", CHECKSUMS)
@pytest.mark.parametrize("policy", ["auto", "signed", "trailer"])
def test_every_checksum_travels_on(
    pairs: Callable[[str], Pair], policy: str, algorithm: str
) -> None:
    pair = pairs(policy)
    data = random.Random(1).randbytes(100_000)
    name, value = f"x-amz-checksum-{algorithm}", checksum(data, algorithm)
    for mode in (UNSIGNED_TRAILER, SIGNED_TRAILER):
        head, body = streaming(pair.request("PUT", "/k"), data, mode, trailer=(name, value))
        with pair.connect() as connection:
            connection.send(head + body)
            response = connection.read("PUT")
        assert (response.status, response.get(name)) == (200, value)
        stored, trailers = received(pair.backend.requests[-1])
        assert stored == data
        assert trailers == ({} if policy == "auto" else {name: value})
        wrong = (name, checksum(data + b"x", algorithm))
        spoilt = streaming(pair.request("PUT", "/k"), data, mode, trailer=wrong)
        assert put(pair, *spoilt) == (400, "BadDigest")
        # Of the spoilt one the store saw no end, if it saw anything.
        assert sum(got.whole for got in pair.backend.requests) == (mode == SIGNED_TRAILER) + 1


@pytest.mark.rule("R01")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize(
    ("coding", "kept"),
    [
        ("aws-chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("AWS-Chunked, br , gzip", "br,gzip"),
        ("gzip", "gzip"),
        (None, None),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_aws_chunked_is_no_coding_of_the_object(
    pairs: Callable[[str], Pair], policy: str, coding: str | None, kept: str | None
) -> None:
    pair = pairs(policy)
    for mode in MODES:
        fields = () if coding is None else (("Content-Encoding", coding),)
        assert put(pair, *streaming(pair.request("PUT", "/k", *fields), b"data", mode))[0] == 200
        assert pair.backend.requests[-1].get("content-encoding") == kept
        assert received(pair.backend.requests[-1])[0] == b"data"


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("te", [None, (), (1, 90, 3)])
@pytest.mark.parametrize("policy", ["auto", "signed"])
def test_frames_cut_at_every_byte(
    pairs: Callable[[str], Pair], policy: str, mode: str, te: tuple[int, ...] | None
) -> None:
    pair = pairs(policy)
    data = random.Random(3).randbytes(8192 + 40)
    head, body = streaming(
        pair.request("PUT", "/k"), data, mode, te=te, chunk=8192, size="%X", line_end=b"\r\n"
    )
    # Everywhere around the frames; within the data of the first chunk, now and then.
    cuts = [at for at in range(len(body)) if at < 200 or at % 1000 == 0 or at > 8150]
    with pair.connect() as connection:
        for at in cuts[::7]:
            connection.send_pieces([head, body[:at], body[at:]])
            response = connection.read("PUT")
            assert response.status == 200, (at, response)
            assert received(pair.backend.requests[-1])[0] == data
        connection.send(head)
        connection.send_pieces(body[at : at + 113] for at in range(0, len(body), 113))
        assert connection.read("PUT").status == 200
    assert all(received(request)[0] == data for request in pair.backend.requests)


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize("mode", [SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_trailers_of_minio_go(pair: Pair, mode: str) -> None:
    """They end in LF, and an empty line follows that is not the end."""
    head, body = streaming(pair.request("PUT", "/k"), b"data", mode, line_end=b"\n")
    assert put(pair, head, body)[0] == 200
    assert received(pair.backend.requests[-1])[0] == b"data"


@pytest.mark.rule("SEM-11")
def test_one_chunk_may_be_the_whole_body(pair: Pair) -> None:
    data = random.Random(4).randbytes(5_000_000)
    for mode in MODES:
        head, body = streaming(pair.request("PUT", "/k"), data, mode, chunk=len(data))
        assert put(pair, head, body)[0] == 200
        assert received(pair.backend.requests[-1])[0] == data


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize("te", [None, (3,)])
@pytest.mark.parametrize("mode", MODES)
def test_a_small_body_is_verified_before_the_store_hears_of_it(
    pair: Pair, mode: str, te: tuple[int, ...] | None
) -> None:
    def spoil(body: bytes) -> bytes:
        return body.replace(b"data", b"dato")

    request = pair.request("PUT", "/k", ("x-amz-checksum-crc32", checksum(b"data")))
    if mode != SIGNED:
        request = pair.request("PUT", "/k")
    head, body = streaming(request, b"data", mode, te=te, spoil=spoil)
    status, code = put(pair, head, body)
    assert status in (400, 403)
    assert code == ("BadDigest" if mode == UNSIGNED_TRAILER else "SignatureDoesNotMatch")
    digest = hashlib.sha256(b"data").hexdigest()
    lie = pair.request("PUT", "/k", body=b"dato", payload=digest)
    assert put(pair, lie.head, b"dato") == (400, "XAmzContentSHA256Mismatch")
    # No bytes at all where frames should be.
    for length in ("0", "4"):
        decoded = ("x-amz-decoded-content-length", length)
        nothing = pair.request("PUT", "/k", decoded, payload=SIGNED, length=0)
        assert put(pair, nothing.head, b"") == (400, "IncompleteBody")
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize("mode", MODES)
def test_a_small_body_leaves_with_its_head_in_one_write(pair: Pair, mode: str) -> None:
    seen: list[bytes] = []

    def script(connection: object) -> None:
        data = connection.sock.recv(65_536)  # type: ignore[attr-defined]
        seen.append(data)
        connection.send(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n')  # type: ignore[attr-defined]
        connection.wait_end()  # type: ignore[attr-defined]

    pair.backend.serve(script)  # type: ignore[arg-type]
    assert put(pair, *streaming(pair.request("PUT", "/k"), b"d" * 3000, mode))[0] == 200
    assert seen[0].partition(b"\r\n\r\n")[2] == b"d" * 3000


@pytest.mark.rule("SEM-10")
@pytest.mark.parametrize("payload", [UNSIGNED, hashlib.sha256(b"data").hexdigest(), *MODES])
def test_a_chunked_body_needs_a_decoded_length(pair: Pair, payload: str) -> None:
    chunked = ("Transfer-Encoding", "chunked")
    request = pair.request("PUT", "/k", chunked, payload=payload, length=None)
    assert put(pair, request.head, encode_http(b"data")) == (411, "MissingContentLength")
    assert pair.backend.requests == []


@pytest.mark.rule("SEM-10")
@pytest.mark.parametrize("mode", [UNSIGNED, *MODES])
@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_the_client_is_asked_to_continue(pair: Pair, mode: str, size: int) -> None:
    data = b"x" * size
    request = pair.request("PUT", "/k", ("Expect", "100-continue"))
    with pair.connect() as connection:
        for te in (None, ()):
            if mode in MODES:
                head, body = streaming(request, data, mode, te=te)
            elif te is None and size:
                head = pair.request(
                    "PUT", "/k", ("Expect", "100-continue"), payload=mode, body=data
                ).head
                body = data
            else:
                continue
            connection.send(head)
            assert connection.read_interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.send(body)
            assert connection.read("PUT").status == 200
            assert received(pair.backend.requests[-1])[0] == data


@pytest.mark.rule("L3")
def test_streaming_is_for_uploads(pair: Pair) -> None:
    for method, target in (("GET", "/k"), ("DELETE", "/k"), ("HEAD", "/k"), ("GET", "/")):
        for mode in MODES:
            decoded = ("x-amz-decoded-content-length", "0")
            request = pair.request(method, target, decoded, payload=mode, length=None)
            with pair.connect() as connection:
                assert connection.request(request).status == 501
    assert pair.backend.requests == []


@pytest.mark.rule("L6")
def test_a_length_that_contradicts_itself(pair: Pair) -> None:
    request = pair.request("PUT", "/k", ("x-amz-decoded-content-length", "5"), body=b"data")
    assert put(pair, request.head, b"data") == (400, "InvalidRequest")
    for value in ("", "-1", "1e3", "0x4", "4,4", " ", "9" * 19):
        decoded = ("x-amz-decoded-content-length", value)
        request = pair.request("PUT", "/k", decoded, payload=SIGNED, length=4)
        assert put(pair, request.head, b"data")[1] in ("InvalidArgument", "EntityTooLarge")
    assert pair.backend.requests == []


@pytest.mark.rule("L1", "L6")
def test_a_request_behind_a_chunked_body_is_never_read(pair: Pair) -> None:
    """The parser of chunks does not say where a body ends within a read: nothing may be taken for a
    request that could be part of it."""
    head, body = streaming(pair.request("PUT", "/k"), b"data", UNSIGNED_TRAILER, te=())
    with pair.connect() as connection:
        connection.send(head + body + bytes(pair.request("GET", "/other")))
        response = connection.read("PUT")
        assert response.status == 200 and response.closes
        assert connection.end() in ("fin", "reset")
    assert [request.method for request in pair.backend.requests] == ["PUT"]


@pytest.mark.rule("L3", "SEM-9")
def test_nobody_streams_without_a_signature(pair: Pair) -> None:
    fields = [("x-amz-content-sha256", UNSIGNED_TRAILER), ("x-amz-decoded-content-length", "4")]
    request = Request("PUT", f"/{pair.bucket}/k", pair.gateway.authority, fields, body=b"data")
    assert put(pair, request.head, b"data")[0] == 403
    presigned = pair.request("PUT", "/k", credentials=FULL, payload=UNSIGNED, body=b"data")
    assert put(pair, presigned.head, b"data")[0] == 200
    assert len(pair.backend.requests) == 1
