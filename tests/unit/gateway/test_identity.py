"""Who asks: every way of being wrong, and nobody taken for anonymous who is not."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.errors import S3Error
from multistore.gateway import identity as identity_module
from multistore.gateway.identity import Authenticator
from multistore.gateway.request import GatewayRequest
from multistore.gateway.sigv4 import KeyCache, read_amz_date
from multistore.types import ANONYMOUS, Credential, Identity
from multistore.wire import ORDINARY, RequestHead, SigningKey, parse_target, scan_request
from support.sigv4 import EMPTY_SHA256, Credentials, Request, presigned_target
from unit.gateway.world import FULL, HOST, NOBODY, NOW, Store, credential, date, head_of

CORPUS = Path(__file__).parents[2] / "corpus"
WRONG = Credentials(FULL.access_key_id, "wrong-secret-wrong-secret-wrong-secret-1")


def authenticator(
    *entries: Credential, region: str = "us-east-1", regions: frozenset[str] = frozenset()
) -> Authenticator:
    return Authenticator(Store(entries or (credential(FULL, ()),)), region, regions)


def request_of(signed: Request | RequestHead) -> GatewayRequest:
    if isinstance(signed, Request):
        fields = [
            (name.encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in signed.fields()
        ]
        signed = RequestHead(signed.method, signed.target.encode(), 11, fields)
    return GatewayRequest(signed, "192.0.2.1", True, "RID", NOW)


def request(method: str = "GET", target: str = "/b/k", **options: Any) -> Request:
    options.setdefault("credentials", FULL)
    options.setdefault("date", date())
    return Request(method, target, HOST, options.pop("headers", []), **options)


def resolve(signed: Request | RequestHead, who: Authenticator | None = None) -> Identity:
    asked = request_of(signed)
    return (who or authenticator()).authenticate(asked, parse_target(asked.head.target))


def refusal(signed: Request | RequestHead, who: Authenticator | None = None) -> S3Error:
    with pytest.raises(S3Error) as caught:
        resolve(signed, who)
    return caught.value


# --- who ------------------------------------------------------------------------------------------


def test_nobody() -> None:
    assert resolve(request(credentials=None)) is ANONYMOUS


@pytest.mark.rule("SEM-9")
@pytest.mark.parametrize("name", ["x-amz-checksum-mode", "x-amz-date", "x-amz-content-sha256"])
def test_what_an_anonymous_request_may_carry(name: str) -> None:
    assert resolve(request(credentials=None, headers=[(name, "x")])) is ANONYMOUS


def test_a_key_holder_again_and_again() -> None:
    who = authenticator()
    for _ in range(3):  # the second time with the cached key
        assert resolve(request(), who).principal == FULL.access_key_id.lower()


@pytest.mark.rule("SEM-2", "R43", "R21")
@pytest.mark.parametrize(
    "target",
    [
        "/b/k",
        "/b//p//x",
        "/b/a%20b",
        "/b/%C3%A9",
        "/b/a%2Fb",
        "/b/a~b",
        "/b?list-type=2&prefix=a%2Fb%2B&delimiter=%2F",
        "/b?uploads",
        "/",
    ],
)
def test_targets_are_verified_as_sent(target: str) -> None:
    assert resolve(request(target=target)) is not ANONYMOUS


@pytest.mark.rule("L12", "S13")
def test_a_wrong_secret() -> None:
    error = refusal(request(credentials=WRONG))
    assert (error.status, error.code) == (403, "SignatureDoesNotMatch")


def test_an_unknown_key() -> None:
    error = refusal(request(credentials=NOBODY))
    assert (error.status, error.code) == (403, "InvalidAccessKeyId")


@pytest.mark.rule("L12")
def test_an_unknown_key_costs_the_same_work() -> None:
    """A wrong secret and an unknown key both derive one key and verify once."""
    # The same source, interpreted: compiled, its calls cannot be watched.
    source = Path(identity_module.__file__).with_name("identity.py")
    spec = importlib.util.spec_from_file_location("interpreted_identity", source)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    done: list[str] = []
    derive, verify = module.SigningKey, module.verify
    module.SigningKey = lambda *a: (done.append("derive"), derive(*a))[1]
    module.verify = lambda *a: (done.append("verify"), verify(*a))[1]

    def work(credentials: Credentials) -> list[str]:
        done.clear()
        who = module.Authenticator(Store((credential(FULL, ()),)), "us-east-1", frozenset())
        refusal(request(credentials=credentials), who)
        return list(done)

    assert work(WRONG) == work(NOBODY) == ["derive", "verify"]


def test_a_disabled_key_says_so_only_to_its_holder() -> None:
    who = authenticator(credential(FULL, (), enabled=False))
    assert refusal(request(), who).code == "InvalidAccessKeyId"
    assert refusal(request(credentials=WRONG), who).code == "SignatureDoesNotMatch"


def test_an_expired_key_says_so_only_to_its_holder() -> None:
    who = authenticator(credential(FULL, (), expires_at=NOW))
    assert refusal(request(), who).code == "ExpiredToken"
    assert refusal(request(credentials=WRONG), who).code == "SignatureDoesNotMatch"
    assert resolve(request(), authenticator(credential(FULL, (), expires_at=NOW + 1)))


def test_a_key_that_expires_while_it_is_cached() -> None:
    entry = credential(FULL, ())
    who = authenticator(entry)
    resolve(request(), who)
    entry.enabled = False
    assert refusal(request(), who).code == "InvalidAccessKeyId"


@pytest.mark.rule("SEM-3")
def test_a_session_token_with_a_long_lived_key() -> None:
    token = [("x-amz-security-token", "token")]
    error = refusal(request(headers=token))
    assert (error.status, error.code) == (400, "InvalidToken")
    assert refusal(request(headers=token, credentials=WRONG)).code == "SignatureDoesNotMatch"
    assert refusal(request(headers=token, credentials=None)).code == "InvalidRequest"


@pytest.mark.rule("L5", "S12")
@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-meta-a", "x-amz-tagging", "content-md5"])
def test_what_carries_meaning_is_signed(name: str) -> None:
    unsigned = request("PUT", headers=[(name, "v")], unsigned=(name,))
    assert refusal(unsigned).code == "AccessDenied"
    assert resolve(request("PUT", headers=[(name, "v")])) is not ANONYMOUS


@pytest.mark.rule("L5")
def test_the_signature_covers_method_target_host_and_headers() -> None:
    signed = request(headers=[("x-amz-meta-a", "1")])
    fields = dict(signed.fields())
    changes: list[tuple[str, str, dict[str, str]]] = [
        ("PUT", "/b/k", {}),
        ("GET", "/b/l", {}),
        ("GET", "/b/k?versionId=1", {}),
        ("GET", "/b/k", {"Host": "other.test"}),
        ("GET", "/b/k", {"x-amz-meta-a": "2"}),
        ("GET", "/b/k", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
        ("GET", "/b/k", {"x-amz-date": date(1)}),
    ]
    for method, target, changed in changes:
        altered = [(name, changed.get(name, value)) for name, value in fields.items()]
        encoded = [(name.encode(), value.encode()) for name, value in altered]
        head = RequestHead(method, target.encode(), 11, encoded)
        assert refusal(head).code == "SignatureDoesNotMatch"


# --- schemes that are not carried out -------------------------------------------------------------


@pytest.mark.rule("SEM-4", "S10", "S13")
@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("AWS AKFULL00000000000001:c2ln", {"InvalidRequest"}),
        ("AWS4-ECDSA-P256-SHA256 Credential=a, SignedHeaders=b, Signature=c", {"NotImplemented"}),
        ("Basic dTpw", {"InvalidRequest"}),
        ("Bearer t", {"InvalidRequest"}),
        ("AWS4-HMAC-SHA256", {"AuthorizationHeaderMalformed", "InvalidRequest"}),
        ("", {"AuthorizationHeaderMalformed", "InvalidRequest"}),
        ("AWS4-HMAC-SHA256 Credential=a", {"AuthorizationHeaderMalformed"}),
    ],
)
def test_other_schemes_are_refused(value: str, codes: set[str]) -> None:
    error = refusal(head_of("GET", "/b/k", ("authorization", value)))
    assert error.code in codes
    if value.startswith("AWS "):
        assert "Config(signature_version='s3v4')" in error.message


PRESIGNED = presigned_target("GET", "/b/k", HOST, FULL, date=date())


@pytest.mark.rule("SEM-3", "S10")
@pytest.mark.parametrize("name", re.findall("X-Amz-[A-Za-z]+", PRESIGNED))
def test_half_a_presigned_url_is_refused(name: str) -> None:
    for query in (f"{name}=1", f"{name.lower()}=1", f"{name.upper()}=1", name):
        error = refusal(head_of("GET", f"/b/k?{query}"))
        assert (error.status, error.code) == (400, "AuthorizationQueryParametersError")
    without = re.sub(f"&?{name}=[^&]*", "", PRESIGNED)
    assert refusal(head_of("GET", without)).code == "AuthorizationQueryParametersError"
    twice = f"{PRESIGNED}&{name}=1"
    assert refusal(head_of("GET", twice)).code == "AuthorizationQueryParametersError"
    lower = PRESIGNED.replace(name, name.lower())
    assert refusal(head_of("GET", lower)).code == "AuthorizationQueryParametersError"


@pytest.mark.rule("SEM-3")
@pytest.mark.parametrize(
    ("algorithm", "code"),
    [
        ("AWS4-ECDSA-P256-SHA256", "NotImplemented"),
        ("AWS4-HMAC-SHA1", "AuthorizationQueryParametersError"),
        ("", "AuthorizationQueryParametersError"),
    ],
)
def test_other_algorithms_in_a_query(algorithm: str, code: str) -> None:
    target = PRESIGNED.replace("AWS4-HMAC-SHA256", algorithm)
    assert refusal(head_of("GET", target)).code == code


@pytest.mark.rule("SEM-4", "S10")
@pytest.mark.parametrize(
    "query",
    [
        "AWSAccessKeyId=a&Signature=b&Expires=1",
        "AWSAccessKeyId=a",
        "Signature=b",
        "awsaccesskeyid=a",
        "SIGNATURE=b",
        "Expires=1",
    ],
)
def test_signature_version_2_in_a_query(query: str) -> None:
    error = refusal(head_of("GET", f"/b/k?{query}"))
    assert (error.status, error.code) == (400, "InvalidRequest")
    assert "AWS4-HMAC-SHA256" in error.message
    assert "Config(signature_version='s3v4')" in error.message


@pytest.mark.rule("SEM-3")
@pytest.mark.parametrize("query", ["X-Amz-Signature=1", "Signature=1", "x-amz-security-token=1"])
def test_one_credential_source_only(query: str) -> None:
    error = refusal(request(target=f"/b/k?{query}"))
    assert (error.status, error.code) == (400, "InvalidArgument")
    error = refusal(request(target=f"/b/k?{query}", credentials=WRONG))
    assert error.code == "InvalidArgument"


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.rule("SEM-27", "S1")
@pytest.mark.parametrize(
    ("offset", "ok"), [(0, True), (-900, True), (900, True), (-901, False), (901, False)]
)
def test_the_skew_is_fifteen_minutes(offset: int, ok: bool) -> None:
    signed = request(date=date(offset))
    if ok:
        assert resolve(signed) is not ANONYMOUS
    else:
        error = refusal(signed)
        assert (error.status, error.code) == (403, "RequestTimeTooSkewed")
        assert dict(error.fields)["RequestTime"] == date(offset)


@pytest.mark.rule("S1")
def test_the_date_that_was_read_last_is_compared_with_the_clock_again() -> None:
    who = authenticator()
    resolve(request(), who)
    asked = request_of(request())
    asked.now = NOW + 901
    with pytest.raises(S3Error) as caught:
        who.authenticate(asked, parse_target(b"/b/k"))
    assert caught.value.code == "RequestTimeTooSkewed"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"20260101",
        b"20260101T000000",
        b"20260101T000000z",
        b"20260101t000000Z",
        b"20260101T00000Z",
        b"20260101T0000000Z",
        b"20260132T000000Z",
        b"20261301T000000Z",
        b"20260101T240000Z",
        b"20260101T006000Z",
        b"00000101T000000Z",
        b"2026-1-1T000000Z",
        b"+0260101T000000Z",
        b"2_260101T000000Z",
        b" 0260101T000000Z",
        b"20260101 000000Z",
        b"\xd9\xa1260101T00000Z",
        b"Thu, 01 Jan 2026 00:00:00 GMT",
    ],
)
def test_malformed_dates(value: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        read_amz_date(value)
    assert caught.value.code == "AccessDenied"


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))
def test_dates_are_read_exactly(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert read_amz_date(moment.strftime("%Y%m%dT%H%M%SZ").encode()) == moment.timestamp()


def test_a_date_field_does_not_replace_x_amz_date() -> None:
    fields = [field for field in request().fields() if field[0] != "x-amz-date"]
    fields.append(("date", "Thu, 28 May 2026 20:26:40 GMT"))
    encoded = [(n.encode(), v.replace(";x-amz-date", "").encode()) for n, v in fields]
    assert refusal(RequestHead("GET", b"/b/k", 11, encoded)).code == "AccessDenied"


def test_the_day_of_the_scope_is_the_day_of_the_date() -> None:
    fields = [
        (name, value.replace(date()[:8], "20260101") if name == "Authorization" else value)
        for name, value in request().fields()
    ]
    head = RequestHead("GET", b"/b/k", 11, [(n.encode(), v.encode()) for n, v in fields])
    assert refusal(head).code == "AuthorizationHeaderMalformed"


# --- region and service ---------------------------------------------------------------------------


@pytest.mark.rule("SEM-5")
@pytest.mark.parametrize("region", ["us-east-1", "auto", "garage", "eu_west.1", "r" * 64])
def test_any_well_formed_region(region: str) -> None:
    keys = Credentials(FULL.access_key_id, FULL.secret_access_key, region)
    assert resolve(request(credentials=keys)) is not ANONYMOUS


@pytest.mark.rule("SEM-5")
@pytest.mark.parametrize("region", ["", "r" * 65, "a b", "é", "<x>"])
def test_a_malformed_region(region: str) -> None:
    keys = Credentials(FULL.access_key_id, FULL.secret_access_key, region)
    assert refusal(request(credentials=keys)).code == "AuthorizationHeaderMalformed"


@pytest.mark.rule("SEM-5")
def test_configured_regions() -> None:
    who = authenticator(region="eu-1", regions=frozenset({"eu-1", "eu-2"}))
    for region, ok in (("eu-1", True), ("eu-2", True), ("us-east-1", False)):
        keys = Credentials(FULL.access_key_id, FULL.secret_access_key, region)
        if ok:
            assert resolve(request(credentials=keys), who) is not ANONYMOUS
        else:
            error = refusal(request(credentials=keys), who)
            assert (error.status, error.code) == (400, "AuthorizationHeaderMalformed")
            assert dict(error.fields) == {"Region": "eu-1"}


def test_another_service() -> None:
    fields = [(n, v.replace("/s3/", "/sts/")) for n, v in request().fields()]
    head = RequestHead("GET", b"/b/k", 11, [(n.encode(), v.encode()) for n, v in fields])
    assert refusal(head).code == "AuthorizationHeaderMalformed"


# --- payload --------------------------------------------------------------------------------------


def payload_of(signed: Request) -> bytes:
    asked = request_of(signed)
    authenticator().authenticate(asked, parse_target(asked.head.target))
    return asked.payload


def test_the_verified_payload() -> None:
    digest = hashlib.sha256(b"data").hexdigest()
    assert payload_of(request("PUT", body=b"data")) == digest.encode()
    assert payload_of(request("PUT", body=b"data", payload=digest.upper())) == digest.encode()
    unsigned = request("PUT", body=b"data", payload="UNSIGNED-PAYLOAD")
    assert payload_of(unsigned) == b"UNSIGNED-PAYLOAD"
    assert payload_of(request()) == EMPTY_SHA256.encode()
    assert payload_of(request(credentials=None)) == b"UNSIGNED-PAYLOAD"


def without_payload_field(signed: Request) -> RequestHead:
    """curl 7.88: the hash is signed, its field is not sent."""
    fields = []
    for name, value in signed.fields():
        if name != "x-amz-content-sha256":
            fields.append((name.encode(), value.encode()))
    return RequestHead(signed.method, signed.target.encode(), 11, fields)


@pytest.mark.rule("SEM-6", "S11")
def test_without_the_payload_field() -> None:
    unlisted = ("x-amz-content-sha256",)
    head = without_payload_field(request(unsigned=unlisted))
    assert resolve(head) is not ANONYMOUS
    head = without_payload_field(request("PUT", unsigned=unlisted))
    assert resolve(head) is not ANONYMOUS
    error = refusal(without_payload_field(request("PUT", body=b"data", unsigned=unlisted)))
    assert (error.status, error.code) == (400, "InvalidRequest")


STREAMING = [
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
]


@pytest.mark.rule("L3")
@pytest.mark.parametrize("mode", STREAMING)
def test_a_streaming_mode_hands_its_signature_on(mode: str) -> None:
    """The first chunk is signed over the signature of the head, with the same key."""

    def authenticated(signed: Request) -> GatewayRequest:
        asked = request_of(signed)
        authenticator().authenticate(asked, parse_target(asked.head.target))
        return asked

    asked = authenticated(request("PUT", body=b"0\r\n\r\n", payload=mode))
    assert asked.payload == mode.encode()
    assert asked.authorization is not None and asked.signing_key is not None
    assert asked.authorization.signature in (asked.head.get(b"authorization") or b"")
    plain = authenticated(request("PUT", body=b"x"))
    assert plain.authorization is None and plain.signing_key is None
    wrong = request_of(request("PUT", body=b"0\r\n\r\n", payload=mode, credentials=WRONG))
    assert refusal(wrong.head).code == "SignatureDoesNotMatch"
    assert wrong.authorization is None and wrong.signing_key is None


@pytest.mark.rule("L3")
@pytest.mark.parametrize("end", ["", "-TRAILER"])
def test_sigv4a_chunks_are_named_after_their_signature_held(end: str) -> None:
    mode = f"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD{end}"
    error = refusal(request("PUT", body=b"0\r\n\r\n", payload=mode))
    assert (error.status, error.code) == (501, "NotImplemented")
    assert mode in error.message
    wrong = request("PUT", body=b"0\r\n\r\n", payload=mode, credentials=WRONG)
    assert refusal(wrong).code == "SignatureDoesNotMatch"


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "value",
    [
        "STREAMING-UNSIGNED-PAYLOAD",
        "STREAMING-",
        "streaming-unsigned-payload-trailer",
        "unsigned-payload",
        "UNSIGNED-PAYLOAD2",
        "g" * 64,
        "a" * 63,
        "a" * 65,
        "a" * 31 + " " + "a" * 32,
    ],
)
def test_anything_else_is_no_payload(value: str) -> None:
    error = refusal(request("PUT", body=b"x", payload=value))
    assert (error.status, error.code) == (400, "InvalidArgument")


# --- cached keys ----------------------------------------------------------------------------------


def key_of(secret: str) -> SigningKey:
    return SigningKey(secret, "20260101", "us-east-1", "s3")


@pytest.mark.rule("SEM-5")
def test_a_cached_key_is_bound_to_its_secret() -> None:
    cache = KeyCache()
    key = key_of("one")
    cache.put(b"scope", "one", key)
    assert cache.get(b"scope", "one") is key
    assert cache.get(b"scope", "two") is None
    assert cache.get(b"other", "one") is None


@pytest.mark.rule("SEM-5")
def test_a_rotated_secret_is_in_force_at_once() -> None:
    entry = credential(FULL, ())
    who = authenticator(entry)
    resolve(request(), who)
    entry.secret_access_key = WRONG.secret_access_key
    assert refusal(request(), who).code == "SignatureDoesNotMatch"
    assert resolve(request(credentials=WRONG), who) is not ANONYMOUS


@pytest.mark.rule("SEM-5")
def test_nothing_is_cached_for_a_signature_that_did_not_hold() -> None:
    """Otherwise a caller without a secret could fill the cache, or time it."""
    store: dict[bytes, str] = {}

    class Watching(KeyCache):
        def put(self, scope: bytes, secret: str, key: SigningKey) -> None:
            store[scope] = secret

    who = authenticator()
    who._keys = Watching()
    refusal(request(credentials=WRONG), who)
    refusal(request(credentials=NOBODY), who)
    assert store == {}
    resolve(request(), who)
    assert list(store.values()) == [FULL.secret_access_key]


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = KeyCache(4)
    key = key_of("s")
    cache.put(b"used", "s", key)
    for number in range(100):
        cache.put(b"%d" % number, "s", key)
        assert cache.get(b"used", "s") is key
    held = [n for n in range(100) if cache.get(b"%d" % n, "s") is not None]
    assert 99 in held
    assert 0 not in held
    assert len(held) <= 8


# --- captured requests ----------------------------------------------------------------------------

CAPTURED = Credentials("AKTESTBACKEND0000001", "testBackendSecret000000000000000000000001")


@pytest.mark.rule("SEM-2", "L1")
def test_captured_requests_of_real_clients() -> None:
    """Each is verified, or refused for the one thing that is not built."""
    who = authenticator(credential(CAPTURED, ()))
    verified = presigned = 0
    for index in sorted(CORPUS.glob("*/index.json")):
        for entry in json.loads(index.read_bytes()):
            verdict, head, _, reason = scan_request((index.parent / entry["file"]).read_bytes())
            if verdict != ORDINARY or head is None:
                assert entry["te"], (index, entry["file"], reason)
                continue
            asked = request_of(head)
            target = parse_target(head.target)
            stamp = head.get(b"x-amz-date") or target.params.get("X-Amz-Date")
            asked.now = read_amz_date(stamp) if stamp else NOW
            try:
                identity: Identity | None = who.authenticate(asked, target)
                code = ""
            except S3Error as error:
                identity, code = None, error.code
            place = (index.parent.name, entry["file"], code)
            auth, payload = entry["auth"] or "", head.get(b"x-amz-content-sha256") or b""
            if auth.startswith("header AWS4-HMAC-SHA256"):
                if not payload and head.content_length > 0:
                    assert code == "InvalidRequest", place
                else:
                    assert identity is not None and identity is not ANONYMOUS, place
                    verified += 1
            elif "X-Amz-Signature=" in entry["target"]:
                assert identity is not None and identity is not ANONYMOUS, place
                presigned += 1
            elif head.get(b"authorization") is not None or "Signature=" in entry["target"]:
                assert code in ("InvalidRequest", "NotImplemented"), place
            else:
                assert identity is ANONYMOUS, place
    assert verified > 400
    assert presigned >= 16
