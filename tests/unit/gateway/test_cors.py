"""Rules for pages of other origins: which fits, and what browsers are told."""

from __future__ import annotations

from typing import Any

import pytest

from multistore.errors import S3Error
from multistore.gateway.cors import EXPOSED, VARY, Cors, CorsRule, answer_fields, preflight
from multistore.gateway.operation import OPERATIONS
from multistore.types import Bucket, Scope
from unit.gateway.world import FULL, CountingBackend, World, code_of, credential, head_of

APP = "https://app.example"


def answered(
    rule: CorsRule, origin: str | None = APP, method: str = "GET"
) -> dict[bytes, bytes] | None:
    """The fields of an answer, None for those that every origin gets."""
    given = () if origin is None else (("origin", origin),)
    fields = Cors([rule]).fields(head_of(method, "/b/k", *given))
    return None if fields == VARY else dict(fields)


def asked(
    *rules: CorsRule, origin: str = APP, method: str = "GET", headers: str | None = None
) -> dict[bytes, bytes]:
    """The fields of a preflight's answer. Raises: S3Error."""
    fields = [("origin", origin), ("access-control-request-method", method)]
    if headers is not None:
        fields.append(("access-control-request-headers", headers))
    bucket = Bucket("b", CountingBackend(), cors=Cors(rules))
    answer = preflight(bucket, head_of("OPTIONS", "/b/k", *fields))
    assert (answer.status, answer.body) == (200, b"")
    return dict(answer.fields)


@pytest.mark.parametrize(
    ("pattern", "origin", "fits"),
    [
        ("https://app.example", "https://app.example", True),
        ("https://app.example", "http://app.example", False),
        ("https://app.example", "https://app.example:8443", False),
        ("https://app.example", "https://app.example.evil.test", False),
        ("https://app.example", "https://appxexample", False),
        ("https://*.example.org", "https://a.example.org", True),
        ("https://*.example.org", "https://a.b-c.example.org", True),
        ("https://*.example.org", "https://example.org", False),
        ("https://*.example.org", "https://.example.org", False),
        ("https://*.example.org", "https://a.example.org.evil.test", False),
        ("https://*.example.org", "https://evil.test/.example.org", False),
        ("https://*.example.org", "https://evil.test?.example.org", False),
        ("https://*.example.org", "https://user@evil.test#.example.org", False),
        ("https://*.example.org", "http://a.example.org", False),
        ("http://localhost:*", "http://localhost:5173", True),
        ("http://localhost:*", "http://localhost", False),
        ("http://localhost:*", "http://localhost:1.evil.test/", False),
        ("https://*", "https://[2001:db8::1]:8443", True),
        ("https://app.example", "null", False),
        ("https://app.example", "", False),
    ],
)
def test_origins(pattern: str, origin: str, fits: bool) -> None:
    fields = answered(CorsRule([pattern]), origin)
    if not fits:
        assert fields is None
        with pytest.raises(S3Error):
            asked(CorsRule([pattern]), origin=origin)
        return
    assert fields is not None
    assert fields[b"access-control-allow-origin"] == origin.encode()
    assert fields[b"vary"] == b"Origin"
    assert asked(CorsRule([pattern]), origin=origin)[b"access-control-allow-origin"] == (
        origin.encode()
    )


def test_any_origin_is_answered_with_a_star_and_never_with_credentials() -> None:
    for credentials in (False, True):
        rule = CorsRule(["*"], credentials=credentials)
        for fields in (answered(rule), answered(rule, "null"), asked(rule)):
            assert fields is not None
            assert fields[b"access-control-allow-origin"] == b"*"
            assert b"access-control-allow-credentials" not in fields
    # Named beside the star, an origin is answered by its name.
    both = CorsRule(["*", APP], credentials=True)
    for fields in (answered(both), asked(both)):
        assert fields is not None
        assert fields[b"access-control-allow-origin"] == APP.encode()
        assert fields[b"access-control-allow-credentials"] == b"true"
    other = answered(both, "https://other.example")
    assert other is not None
    assert other[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in other


def test_credentials_are_not_the_default() -> None:
    fields = answered(CorsRule([APP]))
    assert fields is not None
    assert b"access-control-allow-credentials" not in fields
    assert b"access-control-allow-credentials" not in asked(CorsRule([APP]))


def test_a_method_that_no_rule_allows_is_told_nothing() -> None:
    rule = CorsRule([APP], methods=["GET"])
    assert answered(rule, method="GET") is not None
    for method in ("HEAD", "PUT", "DELETE", "POST"):
        assert answered(rule, method=method) is None
        with pytest.raises(S3Error) as caught:
            asked(rule, method=method)
        assert caught.value.code == "AccessForbidden"


def test_the_first_rule_that_fits_holds() -> None:
    rules = (
        CorsRule([APP], methods=["PUT"], max_age=1),
        CorsRule(["*"], methods=["GET"], max_age=2),
        CorsRule([APP], methods=["GET"], max_age=3),
    )
    assert asked(*rules, method="PUT")[b"access-control-max-age"] == b"1"
    got = asked(*rules, method="GET")
    assert got[b"access-control-max-age"] == b"2"
    assert got[b"access-control-allow-origin"] == b"*"
    fields = dict(Cors(rules).fields(head_of("GET", "/b/k", ("origin", APP))))
    assert fields[b"access-control-allow-origin"] == b"*"
    # A rule whose headers do not fit leaves room for the next.
    narrow = CorsRule([APP], headers=["range"])
    wide = CorsRule([APP], headers=["x-amz-*"], max_age=9)
    assert asked(narrow, wide, headers="x-amz-date")[b"access-control-max-age"] == b"9"


@pytest.mark.parametrize(
    ("allowed", "requested", "repeated"),
    [
        (["*"], "Authorization, X-Amz-Date,range", b"authorization, x-amz-date, range"),
        (["X-AMZ-*", "Range"], "x-amz-meta-a,RANGE", b"x-amz-meta-a, range"),
        (["*-md5"], "content-md5", b"content-md5"),
        (["range"], None, None),
        (["range"], " ,, ", None),
        ([], None, None),
    ],
)
def test_requested_headers_are_allowed_by_name(
    allowed: list[str], requested: str | None, repeated: bytes | None
) -> None:
    fields = asked(CorsRule([APP], headers=allowed), headers=requested)
    assert fields.get(b"access-control-allow-headers") == repeated


@pytest.mark.parametrize(
    ("allowed", "requested"),
    [
        (["range"], "range, authorization"),
        (["x-amz-*"], "my-x-amz-date"),
        (["x-amz-*"], "x-amz"),
        ([], "range"),
        (["*"], "a b"),
        (["*"], "a;b"),
        (["*"], "r\xe4nge"),
        (["x.amz"], "x-amz"),
    ],
)
def test_other_requested_headers_are_not(allowed: list[str], requested: str) -> None:
    with pytest.raises(S3Error) as caught:
        asked(CorsRule([APP], headers=allowed), headers=requested)
    assert caught.value.code == "AccessForbidden"


def test_requested_headers_on_several_lines_all_count() -> None:
    bucket = Bucket("b", CountingBackend(), cors=Cors([CorsRule([APP], headers=["range"])]))
    lines = [("origin", APP), ("access-control-request-method", "GET")]
    lines += [("access-control-request-headers", n) for n in ("range", "authorization")]
    with pytest.raises(S3Error):
        preflight(bucket, head_of("OPTIONS", "/b/k", *lines))


def test_what_a_preflight_says() -> None:
    rule = CorsRule([APP], methods=["DELETE", "GET", "PUT"], max_age=30)
    assert asked(rule, method="PUT", headers="content-type") == {
        b"access-control-allow-origin": APP.encode(),
        b"access-control-allow-methods": b"GET, PUT, DELETE",
        b"access-control-allow-headers": b"content-type",
        b"access-control-max-age": b"30",
        b"vary": b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


def test_ranges_and_validators_are_exposed_and_what_the_rule_adds() -> None:
    fields = answered(CorsRule([APP], expose=["x-amz-meta-owner", "ETag", "*"]))
    assert fields is not None
    exposed = fields[b"access-control-expose-headers"].decode().split(", ")
    assert exposed == [*EXPOSED, "x-amz-meta-owner", "*"]
    assert {"ETag", "Content-Range", "Accept-Ranges", "x-amz-request-id"} <= set(exposed)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (("origin", APP),),
        (("access-control-request-method", "GET"),),
        (("origin", APP), ("access-control-request-method", "PATCH")),
        (("origin", APP), ("access-control-request-method", "get")),
        (("origin", ""), ("access-control-request-method", "GET")),
    ],
)
def test_an_options_that_is_no_preflight_is_a_bad_request(fields: Any) -> None:
    bucket = Bucket("b", CountingBackend(), cors=Cors([CorsRule(["*"])]))
    with pytest.raises(S3Error) as caught:
        preflight(bucket, head_of("OPTIONS", "/b/k", *fields))
    assert (caught.value.code, caught.value.status) == ("BadRequest", 400)


def test_no_operation_is_asked_for_with_options() -> None:
    # Else the engine would hide it.
    assert not [row for row in OPERATIONS if row.method == "OPTIONS"]


def world(**options: Any) -> tuple[World, CountingBackend]:
    backend = CountingBackend()
    rules = Cors([CorsRule([APP], methods=["GET", "PUT"])])
    buckets = [
        Bucket("open", backend, anonymous=True, cors=rules),
        Bucket("closed", backend, cors=rules),
        Bucket("plain", backend),
    ]
    scopes = [Scope("*", (), frozenset(("get_object", "put_object")))]
    return World(buckets, [credential(FULL, scopes)], **options), backend


PREFLIGHT = (("origin", APP), ("access-control-request-method", "PUT"))


@pytest.mark.rule("SEM-25")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_preflight_needs_no_credential_and_no_backend(method: str) -> None:
    here, backend = world()
    ask = (("origin", APP), ("access-control-request-method", method))
    for target in ("/open/k", "/closed/k", "/closed/", "/closed?list-type=2&acl&uploads"):
        answer = here.ask("OPTIONS", target, *ask)
        assert answer.status == (200 if method == "PUT" else 403)
    assert backend.requests == []


@pytest.mark.rule("SEM-25", "SEM-22")
def test_unknown_and_private_buckets_are_told_alike() -> None:
    here, backend = world()
    told = set()
    for bucket, fields in [
        ("plain", PREFLIGHT),
        ("missing", PREFLIGHT),
        ("", PREFLIGHT),
        # Rules that are for somebody else.
        ("closed", (("origin", "https://other.example"), PREFLIGHT[1])),
        ("missing", (("origin", "https://other.example"), PREFLIGHT[1])),
    ]:
        plan, request = here.decide("OPTIONS", f"/{bucket}", *fields)
        assert code_of(plan) == "AccessForbidden"
        told.add((plan.status, plan.fields, plan.body.replace(bucket.encode() or b"/", b"")))
        assert request.cors == (VARY if bucket else None)
    assert len({(status, fields) for status, fields, _ in told}) == 1
    # Refusals of what needs a credential, too.
    seen = {
        (plan.status, plan.fields, request.cors)
        for bucket in ("plain", "missing", "closed")
        for plan, request in [here.decide("GET", f"/{bucket}/k")]
    }
    assert len(seen) == 1
    assert backend.requests == []


def test_every_answer_of_a_bucket_with_rules_carries_them() -> None:
    here, _ = world()
    origin = ("origin", APP)
    for method, target, credentials in [
        ("GET", "/open/k", None),  # from the backend
        ("GET", "/closed/k", FULL),
        ("GET", "/closed/k", None),  # refused by access
        ("GET", "/open/k?X-Amz-Signature=7", None),  # by authentication
        ("GET", "/open/k?frobnicate", None),  # by the table of operations
        ("PUT", "/open/k", None),
        ("GET", "/open/%00", None),  # by the rules for keys
    ]:
        _, request = here.decide(method, target, origin, credentials=credentials)
        assert request.cors is not None, target
        assert dict(request.cors)[b"access-control-allow-origin"] == APP.encode(), target
        _, request = here.decide(method, target, credentials=credentials)
        assert request.cors == VARY, target
        other = ("origin", "https://other.example")
        _, request = here.decide(method, target, other, credentials=credentials)
        assert request.cors == VARY, target


def test_a_bucket_without_rules_says_nothing_of_them() -> None:
    here, _ = world()
    for origin in ((), (("origin", APP),)):
        plan, request = here.decide("GET", "/plain/k", *origin, credentials=FULL)
        assert plan.status == 200
        assert request.cors is None
    assert answer_fields(None, head_of("GET", "/x/k", ("origin", APP))) == VARY


def test_a_bucket_in_the_host_name() -> None:
    here, _ = world(domains=("s3.test",))
    plan = here.ask("OPTIONS", "/k", *PREFLIGHT, host="closed.s3.test")
    assert plan.status == 200
    assert here.ask("OPTIONS", "/closed/k", *PREFLIGHT, host="plain.s3.test").status == 403
    _, request = here.decide("GET", "/k", ("origin", APP), host="closed.s3.test")
    assert request.cors is not None
    assert dict(request.cors)[b"access-control-allow-origin"] == APP.encode()
