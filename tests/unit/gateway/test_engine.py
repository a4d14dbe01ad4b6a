"""Whole decisions: every way of asking × every operation, and what a refusal may show."""

from __future__ import annotations

import itertools
import logging
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.errors import S3Error
from multistore.gateway.authorize import expand
from multistore.gateway.plan import Respond
from multistore.types import ANONYMOUS, Bucket, Scope
from support.sigv4 import Credentials, Request, presigned_target
from unit.gateway.world import (
    FULL,
    HOST,
    NOBODY,
    READER,
    SCOPED,
    CountingBackend,
    World,
    code_of,
    credential,
    date,
    text_of,
)

S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"
WRONG = replace(FULL, secret_access_key="wrong-secret-wrong-secret-wrong-secret-1")
EXPIRED = Credentials("AKEXPIRED00000000001", "expired-secret-expired-secret-expired-01")


class Case:
    """A world with a public and a private bucket, and a backend that all of it leads to."""

    def __init__(self, **settings: Any) -> None:
        self.backend = CountingBackend()
        buckets = [
            Bucket("public", self.backend, anonymous=True),
            Bucket("private", self.backend),
            Bucket("other", self.backend),
        ]
        credentials = [
            credential(FULL, [Scope("*", (), expand(["*"]))]),
            credential(SCOPED, [Scope("private", (b"data/",), expand(["read", "write", "list"]))]),
            credential(READER, [Scope("private", (), expand(["get_object"]))]),
            credential(EXPIRED, [Scope("*", (), expand(["*"]))], expires_at=1.0),
        ]
        self.world = World(buckets, credentials, **settings)

    def ask(self, method: str, target: str, *fields: tuple[str, str], **options: Any) -> Any:
        return self.world.ask(method, target, *fields, **options)


@pytest.fixture
def case() -> Case:
    return Case()


# --- every way of asking × every operation --------------------------------------------------------

#: method, target, whether a backend is needed to answer it
OPERATIONS = {
    "ListBuckets": ("GET", "/", False),
    "HeadBucket": ("HEAD", "/{bucket}", False),
    "GetBucketLocation": ("GET", "/{bucket}?location", False),
    "ListObjects": ("GET", "/{bucket}?prefix=data/", True),
    "ListObjectsV2": ("GET", "/{bucket}?list-type=2&prefix=data/", True),
    "GetObject": ("GET", "/{bucket}/data/k", True),
    "GetObject of a version": ("GET", "/{bucket}/data/k?versionId=1", True),
    "HeadObject": ("HEAD", "/{bucket}/data/k", True),
    "PutObject": ("PUT", "/{bucket}/data/k", True),
    "DeleteObject": ("DELETE", "/{bucket}/data/k", True),
    "DeleteObject of a version": ("DELETE", "/{bucket}/data/k?versionId=1", True),
}

#: What each caller may do with the private bucket, beside what everybody may.
ALLOWED = {
    "nobody": {"ListBuckets"},
    "full": set(OPERATIONS),
    "scoped": set(OPERATIONS) - {"DeleteObject of a version"},
    "reader": {"ListBuckets", "HeadBucket", "GetBucketLocation", "GetObject"},
}
PUBLIC = {
    "ListBuckets",
    "HeadBucket",
    "GetBucketLocation",
    "ListObjects",
    "ListObjectsV2",
    "GetObject",
    "HeadObject",
}
CALLERS = {"nobody": None, "full": FULL, "scoped": SCOPED, "reader": READER}


@pytest.mark.rule("L2", "R49")
@pytest.mark.parametrize("bucket", ["private", "public"])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_callers_and_operations(case: Case, operation: str, caller: str, bucket: str) -> None:
    method, target, asks = OPERATIONS[operation]
    plan = case.ask(method, target.format(bucket=bucket), credentials=CALLERS[caller])
    ok = operation in (ALLOWED[caller] if bucket == "private" else PUBLIC) or caller == "full"
    assert (plan.status, len(case.backend.requests)) == ((200, int(asks)) if ok else (403, 0))
    if not ok and method != "HEAD":
        assert code_of(plan) == "AccessDenied"


#: Ways of presenting a credential that are refused: fields, credentials, query, codes.
BAD_CREDENTIALS: dict[str, tuple[list[tuple[str, str]], Any, str, set[str]]] = {
    "wrong secret": ([], WRONG, "", {"SignatureDoesNotMatch"}),
    "unknown key": ([], NOBODY, "", {"InvalidAccessKeyId"}),
    "expired key": ([], EXPIRED, "", {"ExpiredToken"}),
    "session token": ([("x-amz-security-token", "t")], FULL, "", {"InvalidToken"}),
    "bare session token": ([("x-amz-security-token", "t")], None, "", {"InvalidRequest"}),
    "SigV2": ([("authorization", "AWS AK:c2ln")], None, "", {"InvalidRequest"}),
    "SigV2 query": ([], None, "AWSAccessKeyId=a&Signature=b&Expires=1", {"InvalidRequest"}),
    "SigV4A": (
        [("authorization", "AWS4-ECDSA-P256-SHA256 Credential=a")],
        None,
        "",
        {"NotImplemented"},
    ),
    "Basic": ([("authorization", "Basic dTpw")], None, "", {"InvalidRequest"}),
    "half a query": ([], None, "X-Amz-Signature=1", {"AuthorizationQueryParametersError"}),
    "header and query": ([], FULL, "X-Amz-Signature=1", {"InvalidArgument"}),
}


@pytest.mark.rule("L2", "L12", "S10", "SEM-3")
@pytest.mark.parametrize("bucket", ["private", "public", "missing"])
@pytest.mark.parametrize("way", BAD_CREDENTIALS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_bad_credential_is_worse_than_none(
    case: Case, operation: str, way: str, bucket: str
) -> None:
    """Also on public buckets, and for operations that answer here."""
    fields, credentials, query, codes = BAD_CREDENTIALS[way]
    method, target, _ = OPERATIONS[operation]
    target = target.format(bucket=bucket)
    if query:
        target += ("&" if "?" in target else "?") + query
    plan = case.ask(method, target, *fields, credentials=credentials)
    assert plan.status in (400, 403, 501)
    assert case.backend.requests == []
    if method != "HEAD":
        assert code_of(plan) in codes


@pytest.mark.rule("SEM-3", "S10", "L2", "R47")
@pytest.mark.parametrize("bucket", ["private", "public"])
@pytest.mark.parametrize("caller", ["full", "scoped", "reader"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_presigned_url_has_the_rights_of_its_signer(
    case: Case, operation: str, caller: str, bucket: str
) -> None:
    method, target, asks = OPERATIONS[operation]
    keys = CALLERS[caller]
    assert keys is not None
    url = presigned_target(method, target.format(bucket=bucket), HOST, keys, date=date())
    plan = case.ask(method, url)
    ok = operation in (ALLOWED[caller] if bucket == "private" else PUBLIC) or caller == "full"
    assert (plan.status, len(case.backend.requests)) == ((200, int(asks)) if ok else (403, 0))


#: What was done to a URL, its signer, seconds since it was signed.
BAD_URLS: dict[str, tuple[Credentials, float]] = {
    "forged": (WRONG, 0),
    "of an unknown key": (NOBODY, 0),
    "of an expired key": (EXPIRED, 0),
    "expired": (FULL, 300),
    "from the future": (FULL, -901),
}


@pytest.mark.rule("SEM-3", "S10", "L2", "R47")
@pytest.mark.parametrize("bucket", ["public", "private", "missing"])
@pytest.mark.parametrize("way", BAD_URLS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_bad_presigned_url_is_worse_than_none(
    case: Case, operation: str, way: str, bucket: str
) -> None:
    """Also on public buckets, and for operations that answer here (s3proxy 7243dc36)."""
    method, target, _ = OPERATIONS[operation]
    keys, age = BAD_URLS[way]
    url = presigned_target(method, target.format(bucket=bucket), HOST, keys, date=date(-age))
    assert case.ask(method, url).status in (400, 403)
    assert case.backend.requests == []


@pytest.mark.rule("L3", "L2")
@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/public/k?torrent", "GetObjectTorrent"),
        ("PUT", "/public/k?renameObject", "RenameObject"),
        ("GET", "/private?abac", "GetBucketAbac"),
        ("POST", "/private/k?select", "SelectObjectContent"),
        ("GET", "/missing?session", "CreateSession"),
    ],
)
def test_what_is_not_built_is_named_after_authentication(
    case: Case, method: str, target: str, name: str
) -> None:
    for credentials in (None, FULL, SCOPED):
        plan = case.ask(method, target, credentials=credentials)
        assert (plan.status, code_of(plan)) == (501, "NotImplemented")
        assert name in text_of(plan, "Message")
    assert code_of(case.ask(method, target, credentials=WRONG)) == "SignatureDoesNotMatch"
    assert case.backend.requests == []


@pytest.mark.rule("L3")
def test_a_form_upload_is_never_anonymous(case: Case) -> None:
    fields = [("content-type", "multipart/form-data; boundary=x")]
    plan = case.ask("POST", "/public", *fields, body=b"--x--")
    assert (plan.status, code_of(plan)) == (501, "NotImplemented")
    assert "PostObject" in text_of(plan, "Message")
    assert case.backend.requests == []


def test_a_method_that_is_not_allowed(case: Case) -> None:
    plan = case.ask("POST", "/private/k", credentials=FULL)
    assert (plan.status, code_of(plan)) == (405, "MethodNotAllowed")
    assert dict(plan.fields)[b"allow"] == b"DELETE, GET, HEAD, PUT"


# --- refusals show nothing ------------------------------------------------------------------------


def without_request(plan: Respond) -> tuple[int, Any, bytes]:
    body = re.sub(rb"<Resource>[^<]*|<RequestId>[^<]*", b"", plan.body)
    return plan.status, plan.fields, body


@pytest.mark.rule("SEM-22", "S23", "R49", "L2")
@pytest.mark.parametrize("credentials", [None, SCOPED, READER, NOBODY, WRONG, EXPIRED])
@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"ListBuckets"}))
def test_existing_and_missing_look_the_same(
    case: Case, operation: str, credentials: Credentials | None
) -> None:
    method, target, _ = OPERATIONS[operation]
    there = case.ask(method, target.format(bucket="other"), credentials=credentials)
    missing = case.ask(method, target.format(bucket="missing"), credentials=credentials)
    invalid = case.ask(method, target.format(bucket="..."), credentials=credentials)
    assert there.status in (400, 403)
    assert without_request(there) == without_request(missing) == without_request(invalid)
    assert case.backend.requests == []


@pytest.mark.rule("SEM-22")
def test_whoever_could_use_it_learns_that_a_bucket_is_missing(case: Case) -> None:
    plan = case.ask("GET", "/missing/k", credentials=FULL)
    assert (plan.status, code_of(plan)) == (404, "NoSuchBucket")
    assert text_of(plan, "BucketName") == "missing"
    assert case.ask("HEAD", "/missing", credentials=FULL).status == 404


@pytest.mark.rule("R49")
def test_conditions_are_not_looked_at_before_rights(case: Case) -> None:
    plain = case.ask("GET", "/private/k")
    for field in ("if-match", "if-none-match", "if-modified-since", "range"):
        assert without_request(case.ask("GET", "/private/k", (field, "*"))) == without_request(
            plain
        )


def test_an_error_names_the_path_and_the_request(case: Case) -> None:
    plan = case.ask("GET", "/private/a%20b?x=1")
    assert text_of(plan, "Resource") == "/private/a%20b"
    assert text_of(plan, "RequestId") == "REQUEST-ID"


def test_a_target_that_cannot_be_read(case: Case) -> None:
    for target in ("/b/%zz", "/b/%ff", "/b/%C0%AF"):
        plan, request = case.world.decide("GET", target)
        assert (plan.status, code_of(plan)) == (400, "InvalidURI")
        assert request.target is None and request.operation is None


# --- keys, prefixes and spellings (security.md §2g) -----------------------------------------------

#: raw path below the bucket, and whether a scope on ``data/`` may read it; None: refused as a key
SPELLINGS = [
    ("data", False),
    ("data/", True),
    ("data/x", True),
    ("data-private/x", False),
    ("data.x", False),
    ("dat", False),
    ("Data/x", False),
    ("data\\x", False),
    ("data%2Fx", True),
    ("data%2fx", True),
    ("data%252Fx", False),
    ("data//x", True),
    ("data/./x", None),
    ("data/../x", None),
    ("data/..%2fx", None),
    ("data/%2e%2e/x", None),
    ("/data/x", False),
    ("./data/x", False),
    ("../private/data/x", False),
    ("data/%00", None),
    ("data/%E2%80%8B", True),
    ("data/%C3%A9", True),
    ("data/e%CC%81", True),
    ("data/%E2%80%AE", True),
    ("data/+", True),
    ("data/%2B", True),
    ("data/%20", True),
    ("data/*", True),
    ("data/%3F", True),
    ("data/%23", True),
    ("data/;x=1", True),
    ("data/" + "k" * 1019, True),
]


@pytest.mark.rule("L1", "L2", "SEM-1", "S25")
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize(("raw", "inside"), SPELLINGS)
def test_spellings_of_a_key(raw: str, inside: bool | None, method: str, style: str) -> None:
    case = Case(domains=("s3.test",))
    host, target = ("s3.test", f"/private/{raw}")
    if style == "virtual":
        host, target = ("private.s3.test", f"/{raw}")
    plan = case.ask(method, target, credentials=SCOPED, host=host)
    status = {True: 200, False: 403, None: 400}[inside]
    assert (plan.status, len(case.backend.requests)) == (status, int(inside is True))


def test_a_key_that_is_too_long(case: Case) -> None:
    plan = case.ask("GET", "/private/" + "k" * 1025, credentials=FULL)
    assert code_of(plan) == "KeyTooLongError"


@pytest.mark.rule("S2", "S3", "SEM-7")
@pytest.mark.parametrize("version", ["", "list-type=2&"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("prefix=data/", 200),
        ("prefix=data%2F", 200),
        ("prefix=data/x", 200),
        ("%70refix=data/", 200),
        ("prefix=data/&delimiter=a", 200),
        ("prefix=data/&cachebuster=1", 200),
        ("prefix=data", 403),
        ("prefix=", 403),
        ("", 403),
        ("Prefix=data/", 403),
        ("prefix%5B%5D=data/", 403),
        ("prefix=data-private/", 403),
        ("prefix=data%252F", 403),
        ("x=1;prefix=data/", 403),
        ("prefix=/data/", 403),
        ("prefix%00=data/", 403),
        ("prefix=data/&prefix=", 400),
        ("prefix=data/&prefix=data/", 400),
        ("prefix=data/&%70refix=secret/", 400),
    ],
)
def test_listings_stay_inside_the_scope(case: Case, version: str, query: str, status: int) -> None:
    plan = case.ask("GET", f"/private?{version}{query}", credentials=SCOPED)
    assert (plan.status, len(case.backend.requests)) == (status, int(status == 200))


@pytest.mark.rule("L1", "SEM-1")
@pytest.mark.parametrize(
    ("host", "target", "status"),
    [
        # the bucket of the Host and the bucket of the path are never mixed
        ("private.s3.test", "/public/k", 403),
        ("public.s3.test", "/private/k", 200),
        ("s3.test", "//public/k", 200),
        ("s3.test", "/public%2Fk", 403),
        ("elsewhere.test", "/public/k", 200),
        ("PUBLIC.S3.test:8080", "/k", 200),
        ("public.s3.test.", "/k", 200),
        ("s3.test", "/.sts", 403),
        ("s3.test", "/.well-known/jwks.json", 403),
    ],
)
def test_buckets_are_not_confused(host: str, target: str, status: int) -> None:
    case = Case(domains=("s3.test",))
    plan = case.ask("GET", target, host=host)
    assert plan.status == status


@pytest.mark.rule("SEM-2")
@pytest.mark.parametrize(
    "host",
    ["other.s3.test", "s3.test", "elsewhere.test", "private.s3.test:80", "PRIVATE.s3.test"],
)
def test_a_signature_for_one_host_is_none_for_another(host: str) -> None:
    """Not even for one that leads to the same bucket: verified is the Host as received."""
    case = Case(domains=("s3.test",))
    right = "private.s3.test"
    signed = Request("GET", "/k", right, credentials=FULL, date=date())
    fields = [field for field in signed.fields() if field[0] != "Host"]
    assert case.ask("GET", "/k", *fields, host=right).status == 200
    plan = case.ask("GET", "/k", *fields, host=host)
    assert (plan.status, code_of(plan)) == (403, "SignatureDoesNotMatch")
    assert len(case.backend.requests) == 1


# --- what reaches the backend ---------------------------------------------------------------------


def test_the_backend_gets_a_finished_request(case: Case) -> None:
    plan, request = case.world.decide("PUT", "/private/data/k", credentials=FULL, body=b"x")
    assert plan.body == b"from the backend"
    assert case.backend.requests == [request]
    assert request.identity is not None and request.identity.principal == FULL.access_key_id.lower()
    assert request.bucket is not None and request.bucket.name == "private"
    assert request.operation is not None and request.operation.name == "PutObject"
    assert request.target is not None and request.target.key == b"data/k"
    assert len(request.payload) == 64


def test_an_anonymous_request_is_finished_too(case: Case) -> None:
    _, request = case.world.decide("GET", "/public/k")
    assert request.identity is ANONYMOUS
    assert request.payload == b"UNSIGNED-PAYLOAD"


@pytest.mark.rule("L2")
def test_a_refused_request_is_not_marked_with_a_bucket(case: Case) -> None:
    _, request = case.world.decide("GET", "/private/k", credentials=SCOPED)
    assert request.bucket is None


@pytest.mark.rule("SEM-9")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_overrides_of_the_answer_need_a_signature(case: Case, method: str) -> None:
    target = "/public/k?response-content-type=text%2Fhtml"
    plan = case.ask(method, target)
    assert plan.status == 400
    if method == "GET":
        assert code_of(plan) == "InvalidRequest"
    assert case.backend.requests == []
    assert case.ask(method, target, credentials=READER if method == "GET" else FULL).status == 200


@pytest.mark.rule("SEM-9")
@pytest.mark.parametrize("credentials", [None, FULL])
def test_the_expected_owner_is_compared(case: Case, credentials: Credentials | None) -> None:
    name = "x-amz-expected-bucket-owner"
    for target in ("/public/k", "/public", "/public?location"):
        ok = case.ask("GET", target, (name, "owner-id"), credentials=credentials)
        other = case.ask("GET", target, (name, "somebody"), credentials=credentials)
        assert (ok.status, other.status, code_of(other)) == (200, 403, "AccessDenied")


# --- what is answered here ------------------------------------------------------------------------


@pytest.mark.rule("L3", "L5")
@pytest.mark.parametrize("operation", ["ListBuckets", "HeadBucket", "GetBucketLocation"])
def test_what_is_answered_here_ignores_no_header(case: Case, operation: str) -> None:
    method, target, _ = OPERATIONS[operation]
    target = target.format(bucket="private")
    plan = case.ask(method, target, ("x-amz-frobnicate", "7"), credentials=FULL)
    assert plan.status == 501
    if method == "GET":
        assert (code_of(plan), text_of(plan, "Header")) == ("NotImplemented", "x-amz-frobnicate")
    assert case.ask(method, target, ("x-amz-user-agent", "x"), credentials=FULL).status == 200


def listed(plan: Respond) -> list[str]:
    assert plan.status == 200
    document = ElementTree.fromstring(plan.body)
    return [entry.text or "" for entry in document.findall(f"{S3}Buckets/{S3}Bucket/{S3}Name")]


@pytest.mark.rule("SEM-20", "S23")
@pytest.mark.parametrize(
    ("credentials", "names"),
    [
        (None, ["public"]),
        (FULL, ["other", "private", "public"]),
        (SCOPED, ["private", "public"]),
    ],
)
def test_buckets_that_the_caller_may_use(
    case: Case, credentials: Credentials | None, names: list[str]
) -> None:
    plan = case.ask("GET", "/", credentials=credentials)
    assert listed(plan) == names
    assert case.backend.requests == []


@pytest.mark.rule("S23")
def test_buckets_of_a_role() -> None:
    backend = CountingBackend()
    buckets = [
        Bucket("a", backend, allowed_roles=frozenset({"deployer"})),
        Bucket("b", backend, allowed_roles=frozenset({"visitor"})),
    ]
    holder = credential(FULL, [Scope("*", (), expand(["*"]))], role="visitor")
    world = World(buckets, [holder])
    assert listed(world.ask("GET", "/", credentials=FULL)) == ["b"]
    refused = world.ask("GET", "/a/k", credentials=FULL)
    missing = world.ask("GET", "/c/k", credentials=FULL)
    assert without_request(refused) == without_request(missing)
    assert code_of(refused) == "AccessDenied"


def test_pages_of_buckets(case: Case) -> None:
    names, query = [], ""
    for _ in range(5):
        plan = case.ask("GET", f"/?max-buckets=1{query}", credentials=FULL)
        names += listed(plan)
        more = ElementTree.fromstring(plan.body).findtext(f"{S3}ContinuationToken")
        if more is None:
            break
        query = f"&continuation-token={quote(more)}"
    assert names == ["other", "private", "public"]


def test_filters_of_buckets(case: Case) -> None:
    assert listed(case.ask("GET", "/?prefix=p", credentials=FULL)) == ["private", "public"]
    assert listed(case.ask("GET", "/?bucket-region=us-east-1", credentials=None)) == ["public"]
    assert listed(case.ask("GET", "/?bucket-region=eu-1", credentials=FULL)) == []


@pytest.mark.parametrize("value", ["0", "10001", "-1", "x", "1e3", "", "%D9%A1", "1" * 30])
def test_max_buckets_is_a_number(case: Case, value: str) -> None:
    assert code_of(case.ask("GET", f"/?max-buckets={value}")) == "InvalidArgument"


@pytest.mark.rule("SEM-22")
def test_where_a_bucket_is() -> None:
    case = Case(region="eu-west-1")
    head = case.ask("HEAD", "/private", credentials=SCOPED)
    assert dict(head.fields)[b"x-amz-bucket-region"] == b"eu-west-1"
    plan = case.ask("GET", "/private?location", credentials=SCOPED)
    assert ElementTree.fromstring(plan.body).text == "eu-west-1"
    assert case.backend.requests == []


@pytest.mark.rule("SEM-17")
@pytest.mark.parametrize("target", ["/private/k", "/private", "/b/%zz", "/", "/private/k?acl"])
def test_errors_of_head_have_no_body(case: Case, target: str) -> None:
    plan = case.ask("HEAD", target)
    assert plan.status >= 400
    assert plan.body == b""


# --- bugs of ours ---------------------------------------------------------------------------------


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def plan(self, request: Any) -> Respond:
        raise self.error


@pytest.mark.rule("L10", "L12")
def test_a_bug_is_an_answer_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    world = World([Bucket("b", Broken(KeyError("canary-secret")), anonymous=True)], [])
    with caplog.at_level(logging.DEBUG, "multistore"):
        plan = world.ask("GET", "/b/k?versions-canary=canary-secret")
    assert (plan.status, code_of(plan)) == (500, "InternalError")
    assert b"canary-secret" not in plan.body
    (record,) = caplog.records
    text = logging.Formatter().format(record)
    assert "REQUEST-ID" in text and "KeyError" in text and "test_engine.py:" in text
    assert "canary-secret" not in text


def test_an_error_of_the_backend_module_is_passed_on() -> None:
    error = S3Error("InvalidArgument", "bad marker", fields=(("ArgumentName", "marker"),))
    world = World([Bucket("b", Broken(error), anonymous=True)], [])
    plan = world.ask("GET", "/b?marker=x")
    assert (plan.status, text_of(plan, "ArgumentName")) == (400, "marker")


@pytest.mark.rule("L2", "L3")
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"]),
    st.text(alphabet="abdkprefix/.%25F?&=+-_~;:@\\", max_size=30),
    st.sampled_from([None, SCOPED, NOBODY]),
)
def test_any_target_gets_a_plan(method: str, tail: str, credentials: Credentials | None) -> None:
    """Nothing raises, nothing outside the scope reaches the backend."""
    case = Case()
    plan = case.ask(method, f"/private/{tail}", credentials=credentials)
    assert isinstance(plan, Respond)
    assert plan.status != 500
    for request in case.backend.requests:
        assert credentials is SCOPED
        target = request.target
        assert target is not None
        assert (target.key or target.params.get("prefix", b"")).startswith(b"data/")


def test_every_caller_and_operation_was_named() -> None:
    """Keeps the tables above complete."""
    assert set(CALLERS) == set(ALLOWED)
    named = set(itertools.chain(*ALLOWED.values())) | PUBLIC
    assert named == set(OPERATIONS)
