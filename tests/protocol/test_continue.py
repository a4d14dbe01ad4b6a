"""``Expect: 100-continue`` in all the forms that clients send it (RFC 9110 10.1.1)."""

from __future__ import annotations

import time

import pytest

from support.backend import BackendConnection, answer, ok
from support.rig import Pair
from support.sigv4 import Credentials

EXPECT = ("Expect", "100-continue")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.rule("R57", "F07")
@pytest.mark.parametrize("payload", [None, "UNSIGNED-PAYLOAD"])
def test_the_body_is_asked_for_at_once_and_once(pair: Pair, payload: str | None) -> None:
    request = pair.request("PUT", "/k", EXPECT, body=b"hello", payload=payload)
    with pair.connect() as connection:
        connection.send(request.head)
        start = time.monotonic()
        assert connection.read_interim() == CONTINUE
        assert time.monotonic() - start < 0.9
        connection.send(request.body)
        assert connection.read("PUT").status == 200
        assert connection.request(pair.request("GET")).status == 200
    assert bytes(pair.backend.requests[0].body) == b"hello"


@pytest.mark.rule("R05", "SEM-10")
def test_an_empty_body_leaves_the_connection_in_step(pair: Pair) -> None:
    pair.backend.serve(ok(b"hello"))
    with pair.connect() as connection:
        connection.send(pair.request("PUT", "/k", EXPECT, length=0))
        # There is nothing to ask for. A 100 after the answer would be taken for the next one.
        assert connection.peek(12) == b"HTTP/1.1 200"
        assert connection.read("PUT").status == 200
        assert connection.silent(0.4)
        full = pair.request("PUT", "/k", EXPECT, body=b"hello")
        connection.send(full.head)
        assert connection.read_interim() == CONTINUE
        connection.send(full.body)
        assert connection.read("PUT").status == 200
        assert connection.request(pair.request("GET")).body == b"hello"


@pytest.mark.rule("SEM-10")
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_request_without_a_body_is_simply_answered(pair: Pair, method: str) -> None:
    with pair.connect() as connection:
        assert connection.request(pair.request(method, "/k", EXPECT)).status in (200, 204)
        assert connection.silent(0.1)


@pytest.mark.rule("SEM-10")
def test_a_client_that_does_not_wait_gets_one_answer(pair: Pair) -> None:
    with pair.connect() as connection:
        for _ in range(3):
            # Head and body in one segment: an interim answer would come too late.
            request = pair.request("PUT", "/k", EXPECT, body=b"hello")
            assert connection.request(request).status == 200
    assert [bytes(request.body) for request in pair.backend.requests] == [b"hello"] * 3


@pytest.mark.rule("SEM-10")
def test_http_1_0_is_not_asked(pair: Pair) -> None:
    request = pair.request("PUT", "/k", EXPECT, body=b"hello", version="HTTP/1.0")
    with pair.connect() as connection:
        connection.send(request.head)
        assert connection.silent(0.3)
        connection.send(request.body)
        assert connection.read("PUT").status == 200


@pytest.mark.rule("F07", "L2")
@pytest.mark.parametrize("credentials", [None, Credentials("AKNOBODY000000000001", "x" * 40)])
def test_who_is_refused_is_not_asked_for_the_body(
    pair: Pair, credentials: Credentials | None
) -> None:
    request = pair.request("PUT", "/k", EXPECT, body=b"x" * 100_000, credentials=credentials)
    with pair.connect() as connection:
        connection.send(request.head)
        response = connection.read("PUT")
        assert response.status == 403
        # Whether the body still comes is the client's choice: only a close is unambiguous.
        assert response.closes
        assert connection.end() == "fin"
    assert pair.backend.connections == []


@pytest.mark.rule("F07")
def test_no_body_is_asked_for_when_the_backend_is_down(pair: Pair) -> None:
    pair.backend.close()
    request = pair.request("PUT", "/k", EXPECT, body=b"hello")
    with pair.connect() as connection:
        connection.send(request.head)
        response = connection.read("PUT")
        assert response.status in (502, 503)
        assert response.code in ("ServiceUnavailable", "BadGateway", "SlowDown")


@pytest.mark.rule("F07")
@pytest.mark.parametrize("expect", [True, False])
def test_interim_answers_of_the_backend_stay_there(pair: Pair, expect: bool) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.send(CONTINUE)
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        connection.read_body()
        connection.send(answer(b""))
        connection.wait_end()

    pair.backend.serve(script)
    headers = [EXPECT] if expect else []
    request = pair.request("PUT", "/k", *headers, body=b"hello")
    with pair.connect() as connection:
        connection.send(request.head)
        if expect:
            assert connection.read_interim() == CONTINUE
        connection.send(request.body)
        assert connection.read("PUT").status == 200
        assert connection.silent(0.1)


@pytest.mark.rule("L3")
@pytest.mark.parametrize("value", ["100-continue, other", "202-whatever", "100"])
def test_other_expectations_are_refused(pair: Pair, value: str) -> None:
    request = pair.request("PUT", "/k", ("Expect", value), body=b"hello")
    with pair.connect() as connection:
        connection.send(request.head)
        response = connection.read("PUT")
        assert response.status in (400, 417)
        assert response.closes
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-10")
def test_the_expectation_is_read_in_any_case_of_letters(pair: Pair) -> None:
    request = pair.request("PUT", "/k", ("expect", "100-Continue"), body=b"hello")
    with pair.connect() as connection:
        connection.send(request.head)
        assert connection.read_interim() == CONTINUE
        connection.send(request.body)
        assert connection.read("PUT").status == 200
