"""Every cap at its value, one below and one above (``multistore.limits``)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.rig import Pair
from support.sigv4 import Request

HEAD, FIELDS, TARGET = 32_768, 100, 8_192


def with_target(pair: Pair, size: int) -> Request:
    # x-id is ignored, whatever its value (SEM-7).
    target = f"/{pair.bucket}/k?x-id="
    return pair.request("GET", "/k?x-id=" + "a" * (size - len(target)))


def with_fields(pair: Pair, count: int) -> Request:
    bare = len(pair.request().fields())
    return pair.request("GET", "/k", *[(f"X-Pad-{n}", "v") for n in range(count - bare)])


def with_head(pair: Pair, size: int) -> Request:
    left = size - len(pair.request("GET", "/k").head)
    return pair.request("GET", "/k", ("X-Pad", "a" * (left - len("X-Pad: \r\n"))))


@pytest.mark.rule("L8")
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize(
    ("make", "limit"), [(with_target, TARGET), (with_fields, FIELDS), (with_head, HEAD)]
)
def test_a_head_at_its_limits(
    pair: Pair, make: Callable[[Pair, int], Request], limit: int, off: int
) -> None:
    request = make(pair, limit + off)
    with pair.connect() as connection:
        response = connection.request(request)
        if off <= 0:
            assert (response.status, response.body) == (200, b"hello")
            assert connection.request(pair.request()).status == 200
        else:
            assert response.status in (400, 414, 431)
            assert response.closes
            connection.end()
    assert len(pair.backend.connections) == (1 if off <= 0 else 0)


@pytest.mark.rule("L8")
@pytest.mark.parametrize(
    "start",
    [b"GET /" + b"a" * 70_000, b"A" * 70_000, b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000],
    ids=["target", "method", "value"],
)
def test_an_endless_head_is_refused_before_its_end(pair: Pair, start: bytes) -> None:
    with pair.connect() as connection:
        try:
            connection.send_pieces(start[i : i + 4096] for i in range(0, len(start), 4096))
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.read()
        assert response.status in (400, 414, 431)
        assert response.closes


@pytest.mark.rule("L8")
def test_an_endless_run_of_fields_is_refused(pair: Pair) -> None:
    with pair.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 200)
        response = connection.read()
        assert response.status in (400, 431)
        assert response.closes


def test_a_key_too_long(pair: Pair) -> None:
    response = pair.ask("GET", "/" + "k" * 1025)
    assert (response.status, response.code) == (400, "KeyTooLongError")
    assert pair.backend.connections == []


def test_a_long_key_counts_its_bytes_not_its_escapes(pair: Pair) -> None:
    # 500 characters, 1000 bytes, 3000 in the target.
    assert pair.ask("GET", "/" + "%C3%A9" * 500).status == 200
    response = pair.ask("GET", "/" + "%C3%A9" * 513)
    assert (response.status, response.code) == (400, "KeyTooLongError")


@pytest.mark.rule("S21")
@pytest.mark.parametrize(("size", "status"), [(1900, 200), (2100, 400)])
def test_metadata_is_capped_as_s3_caps_it(pair: Pair, size: int, status: int) -> None:
    # S3 is not exact about whether the prefix of a name counts; both sides of it are.
    headers = [(f"x-amz-meta-{n}", "v" * (size // 4)) for n in range(4)]
    response = pair.ask("PUT", "/k", *headers, body=b"x")
    assert response.status == status
    if status == 400:
        assert response.code == "MetadataTooLarge"
        assert pair.backend.connections == []


@pytest.mark.rule("S16")
def test_an_upload_too_large_is_refused_at_its_head(pair: Pair) -> None:
    request = pair.request("PUT", "/k", length=5 * 1024**3 + 1, payload="UNSIGNED-PAYLOAD")
    with pair.connect() as connection:
        connection.send(request.head)
        response = connection.read("PUT")
        assert (response.status, response.code) == (400, "EntityTooLarge")
        assert response.closes
    assert pair.backend.connections == []
