"""Pages of other origins: what browsers are told on the wire, whoever makes the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backend import ok
from support.configuration import FULL, SCOPED
from support.raw import Response
from support.rig import Pair, Rig
from support.sigv4 import Request

APP = "https://app.example"
ORIGIN = ("Origin", APP)
RULES = {
    "origins": [APP, "https://*.example.org"],
    "methods": ["GET", "HEAD", "PUT", "DELETE"],
    "headers": ["range", "authorization", "x-amz-*", "content-type"],
    "expose": ["x-amz-meta-colour"],
    "max_age": 77,
}
#: What no backend may say for us.
FOREIGN = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "canary"),
    ("Access-Control-Max-Age", "1"),
    ("Vary", "Accept-Encoding"),
)


@pytest.fixture(scope="module")
def rig(folder: Path) -> Iterator[Rig]:
    with Rig(folder / "cors", stock=24, entry={"cors": RULES}) as running:
        yield running


@pytest.fixture
def shared(rig: Rig) -> Iterator[Pair]:
    pair = rig.take()
    yield pair
    pair.backend.close()


def preflight(pair: Pair, *fields: tuple[str, str], bucket: str | None = None) -> Response:
    target = f"/{pair.bucket if bucket is None else bucket}/k"
    request = Request("OPTIONS", target, pair.gateway.authority, list(fields))
    with pair.connect() as connection:
        return connection.request(request)


def check(response: Response, origin: str = APP) -> None:
    """One permission, ours, and one Vary."""
    assert response.get_all("access-control-allow-origin") == [origin]
    assert response.get_all("access-control-allow-credentials") == []
    assert response.get_all("vary") == ["Origin"]
    (exposed,) = response.get_all("access-control-expose-headers")
    assert {"ETag", "Content-Range", "x-amz-meta-colour"} <= set(exposed.split(", "))
    assert "canary" not in exposed


@pytest.mark.rule("SEM-25", "L2")
def test_a_preflight_is_answered_without_a_credential_and_without_the_backend(shared: Pair) -> None:
    asked = [ORIGIN, ("Access-Control-Request-Method", "PUT")]
    asked += [("Access-Control-Request-Headers", "content-type,x-amz-date,authorization")]
    response = preflight(shared, *asked)
    assert (response.status, response.body, response.get("content-length")) == (200, b"", "0")
    assert response.get_all("access-control-allow-origin") == [APP]
    assert response.get("access-control-allow-methods") == "GET, HEAD, PUT, DELETE"
    assert response.get("access-control-allow-headers") == "content-type, x-amz-date, authorization"
    assert response.get("access-control-max-age") == "77"
    (vary,) = response.get_all("vary")
    assert "Origin" in vary.split(", ")
    assert shared.backend.connections == []


@pytest.mark.rule("SEM-25")
def test_refused_preflights_do_not_tell_buckets_apart(shared: Pair, pair: Pair) -> None:
    asked = (ORIGIN, ("Access-Control-Request-Method", "GET"))
    stranger = (("Origin", "https://other.example"), asked[1])
    answers = [
        preflight(pair, *asked),  # a bucket without rules
        preflight(pair, *asked, bucket="no-such-bucket"),
        preflight(shared, *stranger),
        preflight(shared, *stranger, bucket="no-such-bucket"),
    ]
    for response in answers:
        assert (response.status, response.code) == (403, "AccessForbidden")
        assert response.get("access-control-allow-origin") is None
        own = {"x-amz-request-id", "date", "content-length"}
        kept = [field for field in response.fields if field[0] not in own]
        assert kept == [field for field in answers[0].fields if field[0] not in own]


def test_relayed_answers_carry_our_fields_and_none_of_the_backends(shared: Pair) -> None:
    shared.backend.serve(ok(b"0123456789", *FOREIGN))
    response = shared.ask("GET", "/k", ORIGIN)
    assert (response.status, response.body) == (200, b"0123456789")
    check(response)
    assert response.get("access-control-max-age") is None
    check(shared.ask("HEAD", "/k", ("Origin", "https://a.example.org")), "https://a.example.org")
    for fields in ((), (("Origin", "https://other.example"),)):
        response = shared.ask("GET", "/k", *fields)
        assert response.status == 200
        assert response.get_all("vary") == ["Origin"]
        assert not [name for name, _ in response.fields if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("status", "request_fields", "fields"),
    [
        ("206 Partial Content", (("Range", "bytes=0-2"),), (("Content-Range", "bytes 0-2/9"),)),
        ("304 Not Modified", (("If-None-Match", '"x"'),), ()),
        ("404 Not Found", (), ()),
        ("412 Precondition Failed", (("If-Match", '"x"'),), ()),
        ("416 Range Not Satisfiable", (("Range", "bytes=99-"),), (("Content-Range", "bytes */9"),)),
        ("503 Service Unavailable", (), ()),
        ("500 Internal Server Error", (), ()),
    ],
)
def test_answers_of_every_status(
    shared: Pair,
    status: str,
    request_fields: tuple[tuple[str, str], ...],
    fields: tuple[tuple[str, str], ...],
) -> None:
    code = int(status[:3])
    shared.backend.serve(ok(b"" if code == 304 else b"012", *fields, *FOREIGN, status=status))
    response = shared.ask("GET", "/k", ORIGIN, *request_fields)
    assert response.status == code
    check(response)


def test_answers_made_here_and_translated_ones(shared: Pair) -> None:
    check(shared.ask("GET", "?location", ORIGIN))
    check(shared.ask("HEAD", "", ORIGIN))
    page = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    shared.backend.serve(ok(page, *FOREIGN))
    check(shared.ask("GET", "?list-type=2", ORIGIN))
    check(shared.ask("PUT", "/k", ORIGIN, body=b"x"))


def test_refusals_carry_the_fields_too(shared: Pair) -> None:
    for response, code in [
        (shared.ask("GET", "/k", ORIGIN, credentials=None), "AccessDenied"),
        (shared.ask("GET", "/k", ORIGIN, credentials=SCOPED), "AccessDenied"),
        (shared.ask("GET", "/k?frobnicate", ORIGIN), "NotImplemented"),
        (shared.ask("PUT", "/k", ORIGIN, ("x-amz-frobnicate", "1"), body=b""), "NotImplemented"),
    ]:
        assert response.code == code
        check(response)
    assert shared.backend.connections == []


def test_a_backend_that_is_gone_is_reported_to_the_page(shared: Pair) -> None:
    shared.backend.close()
    response = shared.ask("GET", "/k", ORIGIN)
    assert response.status in (502, 503)
    check(response)


def test_permissions_end_with_their_request(shared: Pair, pair: Pair) -> None:
    """One connection, alternating between origins: nothing is left over from the last request."""
    shared.backend.serve(ok(b"body"))
    with shared.connect() as connection:
        check(connection.request(shared.request("GET", "/k", ORIGIN)))
        plain = connection.request(shared.request("GET", "/k"))
        assert plain.get("access-control-allow-origin") is None
        check(connection.request(shared.request("GET", "/k", ORIGIN)))
        listed = connection.request(
            Request("GET", "/", shared.gateway.authority, [ORIGIN], credentials=FULL)
        )
        assert listed.status == 200
        assert listed.get("access-control-allow-origin") is None
        assert listed.get("vary") is None
        check(connection.request(shared.request("GET", "/k", ORIGIN)))
        connection.send(b"GET / HTTP/1.1\r\n\r\n")
        refused = connection.read()
        assert refused.status == 400
        assert refused.get("vary") is None
