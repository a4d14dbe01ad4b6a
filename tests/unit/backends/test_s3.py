from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes

import pytest

from multistore.backends.s3 import S3Backend
from multistore.config.sealer import TokenSealer
from multistore.errors import S3Error
from multistore.gateway.plan import EMPTY_SHA256, UNSIGNED_PAYLOAD, Forward
from multistore.gateway.request import GatewayRequest
from multistore.types import Bucket, Origin, Scope
from multistore.wire import RequestHead, Signer
from support.drive import Answer, drive, make_identity, make_request
from support.memory_store import LEAKS, MemoryStore, Recorded
from support.sigv4 import Request
from unit.gateway.world import FULL, HOST, NOW, World, code_of, credential, date

SEALER = TokenSealer(b"the secret of these tests")
ACCESS_KEY, SECRET_KEY = "BACKENDACCESSKEY", "the backend's secret key"
SOMEBODY = make_identity(actions=("get_object", "put_object", "list_bucket"))
PREFIX = b"tenants/acme/"
STORED = b"backend-bucket"

Fields = tuple[tuple[bytes, bytes], ...]


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    with MemoryStore(STORED.decode(), credentials={ACCESS_KEY: SECRET_KEY}) as running:
        yield running


@pytest.fixture
def bucket(store: MemoryStore) -> Bucket:
    return make_bucket(store.port)


def make_bucket(port: int, **options: object) -> Bucket:
    options.setdefault("signer", Signer(ACCESS_KEY, SECRET_KEY, "us-east-1"))
    origin = Origin("127.0.0.1", port, tls=False)
    backend = S3Backend(origin, STORED.decode(), sealer=SEALER, owner_id="us", **options)  # type: ignore[arg-type]
    return Bucket("bucket", backend, prefix=PREFIX)


def ask(
    bucket: Bucket,
    method: str,
    key: bytes = b"key",
    fields: Fields = (),
    body: bytes = b"",
    query: bytes = b"",
    payload: bytes = UNSIGNED_PAYLOAD,
) -> Answer:
    target = b"/bucket/" + quote(key, safe="/").encode() + query
    if method == "PUT":
        fields = (*fields, (b"content-length", b"%d" % len(body)))
    request = make_request(bucket, method, target, fields, identity=SOMEBODY, payload=payload)
    return drive(bucket.backend.plan(request), body, method=method)


def assert_no_leak(answer: Answer) -> None:
    shown = answer.body + b"\n".join(name + b": " + value for name, value in answer.fields)
    for leak in (*LEAKS, STORED, b"acme", b"StringToSign", ACCESS_KEY.encode(), b"seaweed"):
        assert leak not in shown


def only(store: MemoryStore) -> Recorded:
    assert len(store.requests) == 1
    return store.requests[0]


# --- objects


KEYS = [
    b"plain/file.bin",
    b"by_country/country_iso=ETH/ETH.pmtiles",
    b"spaces in/every segment.txt",
    b"specials !('):@+,;$&.bin",
    b"report*.pdf",
    b"100%.txt",
    b"tilde~hash#pipe|.bin",
    b"brackets[1]{2}.bin",
    b"literal-%3D-triplet.txt",
    b"dir/",
    b"p//x",
    b"/p-lead",
    b"a/../b",
    b"./x",
    b"control\x01\x02\x7f",
    b"back\\slash",
    b"query?x=1&y=2",
    "unicode/caf\u00e9/na\u00efve.txt".encode(),
    "cafe\u0301".encode(),
    "\U0001f40d".encode(),
    b"k" * 1011,
]


@pytest.mark.rule("R43", "R45", "S25")
@pytest.mark.parametrize("key", KEYS, ids=lambda key: quote(key)[:40])
def test_a_key_is_stored_and_read_byte_for_byte(
    store: MemoryStore, bucket: Bucket, key: bytes
) -> None:
    assert ask(bucket, "PUT", key, body=key).status == 200
    assert list(store.buckets[STORED.decode()]) == [PREFIX + key]
    assert ask(bucket, "GET", key).body == key
    assert ask(bucket, "HEAD", key).get(b"etag") == f'"{hashlib.md5(key).hexdigest()}"'.encode()
    assert ask(bucket, "DELETE", key).status == 204
    assert store.buckets[STORED.decode()] == {}
    assert {unquote_to_bytes(request.path) for request in store.requests} == {
        b"/backend-bucket/" + PREFIX + key
    }


@pytest.mark.rule("S21", "R41", "SEM-16", "SEM-20")
def test_metadata_survives(store: MemoryStore, bucket: Bucket) -> None:
    body = b"the object"
    digest = base64.b64encode(hashlib.sha256(body).digest())
    kept: Fields = (
        (b"cache-control", b"max-age=60"),
        (b"content-disposition", b"attachment"),
        (b"content-encoding", b"gzip"),
        (b"content-language", b"de"),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"expires", b"Thu, 26 Nov 2026 00:00:00 GMT"),
        (b"x-amz-meta-word", b"=?UTF-8?B?Y2Fmw6k=?="),
        (b"x-amz-meta-raw_name", "caf\u00e9".encode()),
        (b"x-amz-server-side-encryption", b"AES256"),
        (b"x-amz-storage-class", b"STANDARD_IA"),
        (b"x-amz-website-redirect-location", b"/other"),
    )
    checksum = (b"x-amz-checksum-sha256", digest)
    put = ask(bucket, "PUT", fields=(*kept, checksum, (b"x-amz-acl", b"private")), body=body)
    assert put.status == 200
    assert put.get(b"x-amz-checksum-sha256") == digest
    assert put.get(b"etag") == f'"{hashlib.md5(body).hexdigest()}"'.encode()
    assert put.get(b"x-amz-server-side-encryption") == b"AES256"
    assert only(store).get("x-amz-acl") is None
    for method in "GET", "HEAD":
        answer = ask(bucket, method)
        assert {field for field in answer.fields if field in kept} == set(kept)
        assert answer.get(b"x-amz-checksum-sha256") is None
        assert_no_leak(answer)
        asked = ask(bucket, method, fields=((b"x-amz-checksum-mode", b"ENABLED"),))
        assert asked.get(b"x-amz-checksum-sha256") == digest


@pytest.mark.rule("SEM-20")
def test_deleting_what_is_not_there_succeeds(bucket: Bucket) -> None:
    answer = ask(bucket, "DELETE")
    assert (answer.status, answer.body) == (204, b"")


# --- what goes out


@pytest.mark.rule("SEM-13", "SEM-3", "L4")
def test_our_signature_replaces_the_clients(store: MemoryStore, bucket: Bucket) -> None:
    fields: Fields = (
        (b"authorization", b"AWS4-HMAC-SHA256 Credential=client"),
        (b"x-amz-date", b"20200101T000000Z"),
        (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
        (b"x-amz-security-token", b"client token"),
        (b"range", b"bytes=0-0"),
        (b"if-none-match", b'"x"'),
        (b"connection", b"keep-alive"),
        (b"cookie", b"session"),
        (b"accept-encoding", b"br"),
    )
    store.put(STORED.decode(), PREFIX + b"key", b"0123")
    assert ask(bucket, "GET", fields=fields).body == b"0"
    sent = only(store)
    authorization = sent.get("authorization") or b""
    assert b"Credential=BACKENDACCESSKEY/20261125/us-east-1/s3/aws4_request" in authorization
    assert b"SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date," in authorization
    assert sent.names() == {
        "host",
        "accept-encoding",
        "authorization",
        "if-none-match",
        "range",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
    }


@pytest.mark.rule("L6")
def test_the_payload_hash_is_passed_on_and_held_to_where_the_store_is_not_trusted(
    store: MemoryStore,
) -> None:
    body = b"promised"
    digest = hashlib.sha256(body).hexdigest().encode()
    fields = ((b"content-length", b"8"),)
    for options, held in (
        ({}, True),
        ({"verifies_payload": True}, False),
        ({"verifies_payload": False}, True),
        ({"verifies_payload": True, "signer": None}, True),
    ):
        bucket = make_bucket(store.port, **options)
        request = make_request(
            bucket, "PUT", b"/bucket/key", fields, identity=SOMEBODY, payload=digest
        )
        plan = bucket.backend.plan(request)
        assert isinstance(plan, Forward)
        assert (plan.payload, plan.check is not None, plan.length) == (digest, held, 8)
        assert not plan.replayable
    assert ask(make_bucket(store.port), "PUT", body=body, payload=digest).status == 200
    assert only(store).get("x-amz-content-sha256") == digest


def empty_without_field() -> RequestHead:
    """curl 7.88: the hash of no bytes is signed, its field is not sent (SEM-6)."""
    name = "x-amz-content-sha256"
    signed = Request("PUT", "/bucket/key", HOST, credentials=FULL, date=date(), unsigned=(name,))
    fields = [(n.encode(), v.encode()) for n, v in signed.fields() if n != name]
    return RequestHead("PUT", b"/bucket/key", 11, fields)


@pytest.mark.rule("L1", "L6", "SEM-6")
@pytest.mark.parametrize("verifies", [True, False])
def test_what_was_signed_of_a_body_is_what_the_store_is_told(
    store: MemoryStore, verifies: bool
) -> None:
    """From the client's head to the store's object, through every phase."""
    body = b"promised"
    digest = hashlib.sha256(body).hexdigest()
    bucket = make_bucket(store.port, verifies_payload=verifies)
    scope = Scope("bucket", (), frozenset({"put_object"}))
    world = World([bucket], [credential(FULL, [scope])])
    for payload, told in (
        (digest, digest),
        (digest.upper(), digest),
        ("UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD"),
    ):
        plan = world.ask("PUT", "/bucket/key", credentials=FULL, body=body, payload=payload)
        assert drive(plan, body, method="PUT").status == 200
        assert store.requests[-1].get("x-amz-content-sha256") == told.encode()
    stored = store.buckets[STORED.decode()]
    assert [entry.body for entry in stored.values()] == [body]

    request = GatewayRequest(empty_without_field(), "192.0.2.1", False, "ID", NOW)
    assert drive(world.engine.decide(request), method="PUT").status == 200
    assert store.requests[-1].get("x-amz-content-sha256") == EMPTY_SHA256
    assert [entry.body for entry in stored.values()] == [b""]

    lie = world.ask("PUT", "/bucket/key", credentials=FULL, body=b"", payload=digest.upper())
    assert (lie.status, code_of(lie)) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    ("host", "verifies"),
    [
        ("s3.amazonaws.com", True),
        ("s3.us-east-1.amazonaws.com", True),
        ("s3-us-west-2.amazonaws.com", True),
        ("s3.us-gov-west-1.amazonaws.com", True),
        ("s3.cn-north-1.amazonaws.com.cn", True),
        ("s3.dualstack.eu-central-1.amazonaws.com", True),
        ("s3-fips.us-east-2.amazonaws.com", True),
        ("s3-fips.dualstack.us-east-2.amazonaws.com", True),
        ("s3-accelerate.amazonaws.com", True),
        ("s3-accelerate.dualstack.amazonaws.com", True),
        ("my.bucket.s3.eu-west-1.amazonaws.com", True),
        ("bucket.s3.cn-northwest-1.amazonaws.com.cn", True),
        ("bucket.s3-accelerate.amazonaws.com", True),
        # Anybody's hosts below the same domain, and what only looks like it.
        ("ec2-203-0-113-9.compute-1.amazonaws.com", False),
        ("ec2-203-0-113-9.eu-west-1.compute.amazonaws.com", False),
        ("s3.ec2-203-0-113-9.compute-1.amazonaws.com", False),
        ("a1b2c3.execute-api.us-east-1.amazonaws.com", False),
        ("s3.a1b2c3.execute-api.us-east-1.amazonaws.com", False),
        ("bucket.s3-website-us-east-1.amazonaws.com", False),
        ("s3-website.eu-central-1.amazonaws.com", False),
        ("evils3.us-east-1.amazonaws.com", False),
        ("amazonaws.com", False),
        ("amazonaws.com.evil.test", False),
        ("s3.us-east-1.amazonaws.com.evil.test", False),
        ("s3.us-east-1.evilamazonaws.com", False),
        ("evilamazonaws.com", False),
    ],
)
def test_aws_is_known_to_verify(host: str, verifies: bool) -> None:
    signer = Signer(ACCESS_KEY, SECRET_KEY, "us-east-1")
    digest = b"a" * 64
    backend = S3Backend(Origin(host, 443, tls=True), "b", sealer=SEALER, signer=signer)
    bucket = Bucket("bucket", backend)
    request = make_request(
        *(bucket, "PUT", b"/bucket/k", ((b"content-length", b"8"),)),
        identity=SOMEBODY,
        payload=digest,
    )
    plan = backend.plan(request)
    assert isinstance(plan, Forward)
    assert (plan.check is None) == verifies


def test_an_upload_without_a_length_is_refused(bucket: Bucket) -> None:
    request = make_request(bucket, "PUT", b"/bucket/key", identity=SOMEBODY)
    with pytest.raises(S3Error) as caught:
        bucket.backend.plan(request)
    assert (caught.value.code, caught.value.status) == ("MissingContentLength", 411)


def test_an_anonymous_backend_gets_no_signature() -> None:
    with MemoryStore(STORED.decode()) as store:
        store.put(STORED.decode(), PREFIX + b"key", b"public")
        bucket = make_bucket(store.port, signer=None)
        assert ask(bucket, "GET").body == b"public"
        assert only(store).names() == {"host", "accept-encoding", "user-agent"}


@pytest.mark.parametrize(
    ("options", "host", "path"),
    [
        ({}, b"store.test:9000", b"/backend-bucket/k%20y"),
        ({"base_path": b"/s3/"}, b"store.test:9000", b"/s3/backend-bucket/k%20y"),
        ({"virtual_hosted": True}, b"backend-bucket.store.test:9000", b"/k%20y"),
        (
            {"virtual_hosted": True, "base_path": b"/s3"},
            b"backend-bucket.store.test:9000",
            b"/s3/k%20y",
        ),
    ],
)
def test_addressing(options: dict[str, object], host: bytes, path: bytes) -> None:
    origin = Origin("store.test", 9000, tls=False)
    backend = S3Backend(origin, STORED.decode(), sealer=SEALER, **options)  # type: ignore[arg-type]
    bucket = Bucket("bucket", backend)
    plan = backend.plan(make_request(bucket, "GET", b"/bucket/k%20y", identity=SOMEBODY))
    assert isinstance(plan, Forward)
    assert (plan.host, plan.target) == (host, path)
    assert f"{plan.origin.host}:{plan.origin.port}".encode() == host
    page = backend.plan(make_request(bucket, "GET", b"/bucket", identity=SOMEBODY))
    assert isinstance(page, Forward)
    start = path.removesuffix(b"k%20y").removesuffix(b"/") or b"/"
    assert page.target.partition(b"?")[0] == start


@pytest.mark.parametrize(
    ("host", "port", "tls", "expected"),
    [
        ("s3.test", 443, True, b"s3.test"),
        ("s3.test", 443, False, b"s3.test:443"),
        ("s3.test", 80, False, b"s3.test"),
        ("::1", 8333, False, b"[::1]:8333"),
    ],
)
def test_host_names_the_port_only_when_it_is_unusual(
    host: str, port: int, tls: bool, expected: bytes
) -> None:
    backend = S3Backend(Origin(host, port, tls=tls), "b", sealer=SEALER)
    bucket = Bucket("bucket", backend)
    plan = backend.plan(make_request(bucket, "GET", b"/bucket/k", identity=SOMEBODY))
    assert isinstance(plan, Forward)
    assert plan.host == expected


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_bucket_is_no_subdomain_of_an_address(host: str) -> None:
    with pytest.raises(ValueError, match="subdomain"):
        S3Backend(Origin(host, 80, tls=False), "b", sealer=SEALER, virtual_hosted=True)


def test_the_query_of_a_read_is_canonical(store: MemoryStore, bucket: Bucket) -> None:
    store.put(STORED.decode(), PREFIX + b"key", b"", content_type="text/plain")
    query = b"?x-id=GetObject&response-content-type=text%2Fcsv;+a&nocache=1&partNumber=1"
    answer = ask(bucket, "GET", query=query + b"&versionId=a/b%2B")
    assert answer.get(b"content-type") == b"text/csv; a"
    assert only(store).target.partition("?")[2] == (
        "partNumber=1&response-content-type=text%2Fcsv%3B%20a&versionId=a%2Fb%2B"
    )


def test_a_deletion_names_its_version(store: MemoryStore, bucket: Bucket) -> None:
    assert ask(bucket, "DELETE", query=b"?versionId=v%2B1&x-id=DeleteObject").status == 204
    assert only(store).target.endswith("/tenants/acme/key?versionId=v%2B1")


def test_what_is_not_built_is_named(bucket: Bucket) -> None:
    request = make_request(bucket, "GET", b"/bucket/key?torrent", identity=SOMEBODY)
    with pytest.raises(S3Error, match="GetObjectTorrent") as caught:
        bucket.backend.plan(request)
    assert caught.value.status == 501


# --- conditions and ranges


@pytest.mark.rule("R13", "SEM-17")
def test_a_malformed_range_gives_the_whole_object(store: MemoryStore, bucket: Bucket) -> None:
    store.put(STORED.decode(), PREFIX + b"key", b"0123456789")
    for value in (b"bytes=33-10", b"bytes=abc", b"items=0-3", b"bytes=0-1,4-5"):
        answer = ask(bucket, "GET", fields=((b"range", value),))
        assert (answer.status, answer.body) == (200, b"0123456789")
        assert answer.get(b"content-range") is None
    answer = ask(bucket, "GET", fields=((b"range", b"bytes=-3"),))
    assert (answer.status, answer.body) == (206, b"789")
    assert answer.get(b"content-range") == b"bytes 7-9/10"


@pytest.mark.rule("SEM-17")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unsatisfiable_range_keeps_its_code_and_size(
    store: MemoryStore, bucket: Bucket, method: str
) -> None:
    store.put(STORED.decode(), PREFIX + b"key", b"0123456789")
    answer = ask(bucket, method, fields=((b"range", b"bytes=10-"),))
    assert answer.status == 416
    assert answer.get(b"content-range") == b"bytes */10"
    assert (b"<Code>InvalidRange</Code>" in answer.body) is (method == "GET")
    assert_no_leak(answer)


@pytest.mark.rule("R15", "SEM-17")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_range_is_honoured(store: MemoryStore, bucket: Bucket, method: str) -> None:
    tag = store.put(STORED.decode(), PREFIX + b"key", b"0123456789").etag.encode()
    ranged = (b"range", b"bytes=2-3")
    fresh = ask(bucket, method, fields=(ranged, (b"if-range", tag)))
    assert (fresh.status, fresh.get(b"content-range")) == (206, b"bytes 2-3/10")
    stale = ask(bucket, method, fields=(ranged, (b"if-range", b'"stale"')))
    assert (stale.status, stale.attempts) == (200, 2)
    assert stale.get(b"content-range") is None
    assert stale.body == (b"0123456789" if method == "GET" else b"")
    dated = ask(bucket, method, fields=(ranged, (b"if-range", b"Wed, 25 Nov 2026 12:00:00 GMT")))
    assert (dated.status, dated.attempts) == (200, 1)
    both = ask(bucket, method, fields=(ranged, (b"if-range", tag), (b"if-match", b'"stale"')))
    assert both.status == 412


@pytest.mark.rule("R15", "R19")
def test_if_range_does_not_stand_above_if_none_match(store: MemoryStore, bucket: Bucket) -> None:
    tag = store.put(STORED.decode(), PREFIX + b"key", b"0123456789").etag.encode()
    fields = ((b"range", b"bytes=2-3"), (b"if-range", b'"stale"'), (b"if-none-match", tag))
    assert ask(bucket, "GET", fields=fields).status == 304


@pytest.mark.rule("R19", "SEM-17")
def test_conditions_are_the_stores(store: MemoryStore, bucket: Bucket) -> None:
    tag = store.put(STORED.decode(), PREFIX + b"key", b"0").etag.encode()
    date = ask(bucket, "GET").get(b"last-modified")
    assert date is not None
    old = b"Wed, 25 Nov 2020 12:00:00 GMT"
    for fields, status in (
        (((b"if-modified-since", date),), 304),
        (((b"if-unmodified-since", date),), 200),
        (((b"if-modified-since", date), (b"if-none-match", b'"stale"')), 200),
        (((b"if-match", tag), (b"if-unmodified-since", old)), 200),
        (((b"if-unmodified-since", old),), 412),
        (((b"if-none-match", tag),), 304),
    ):
        answer = ask(bucket, "GET", fields=fields)
        assert answer.status == status
        if status == 304:
            assert answer.get(b"etag") == tag
            assert answer.get(b"last-modified") == date


def test_conditional_writes_are_the_stores(store: MemoryStore, bucket: Bucket) -> None:
    assert ask(bucket, "PUT", fields=((b"if-none-match", b"*"),), body=b"1").status == 200
    lost = ask(bucket, "PUT", fields=((b"if-none-match", b"*"),), body=b"2")
    assert lost.status == 412
    assert b"<Code>PreconditionFailed</Code>" in lost.body
    assert ask(bucket, "DELETE", fields=((b"if-match", b'"other"'),)).status == 412
    tag = f'"{hashlib.md5(b"1").hexdigest()}"'.encode()
    assert ask(bucket, "DELETE", fields=((b"if-match", tag),)).status == 204
    gone = ask(bucket, "DELETE", fields=((b"if-match", tag),))
    assert gone.status == 404
    assert b"<Code>NoSuchKey</Code>" in gone.body
