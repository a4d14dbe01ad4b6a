"""Presigned URLs: nothing about one may be changed, and none outlives its time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from multistore.errors import S3Error
from multistore.gateway import presigned as presigned_module
from multistore.gateway.authorize import expand
from multistore.gateway.identity import Authenticator
from multistore.gateway.operation import OPERATIONS
from multistore.gateway.plan import UNSIGNED_PAYLOAD
from multistore.gateway.presigned import unhoist
from multistore.gateway.request import GatewayRequest
from multistore.gateway.sigv4 import QUERY_FAULT
from multistore.types import ANONYMOUS, Bucket, Scope
from multistore.wire import RequestHead, parse_target
from support.sigv4 import Credentials, presigned_target
from unit.gateway.world import (
    FULL,
    HOST,
    NOBODY,
    NOW,
    CountingBackend,
    Store,
    World,
    code_of,
    credential,
    date,
    head_of,
    operation_of,
    text_of,
)

WRONG = Credentials(FULL.access_key_id, "wrong-secret-wrong-secret-wrong-secret-1")
DIGEST = hashlib.sha256(b"data").hexdigest()
PAYLOAD = "x-amz-content-sha256"


def url(target: str = "/b/k", method: str = "GET", age: float = 0.0, **options: Any) -> str:
    """A target presigned ``age`` seconds ago."""
    options = {"credentials": FULL, "date": date(-age), **options}
    return presigned_target(method, target, HOST, **options)


def authenticator(**options: Any) -> Authenticator:
    regions = options.pop("regions", frozenset())
    return Authenticator(Store([credential(FULL, (), **options)]), "us-east-1", regions)


def resolve(
    target: str,
    *fields: tuple[str, str],
    method: str = "GET",
    host: str = HOST,
    who: Authenticator | None = None,
) -> GatewayRequest:
    """The request as authentication left it: it has passed."""
    head = head_of(method, target, *fields, host=host)
    request = GatewayRequest(head, "192.0.2.1", True, "RID", NOW)
    request.identity = (who or authenticator()).authenticate(request, parse_target(head.target))
    assert request.identity is not ANONYMOUS
    return request


def refusal(target: str, *fields: tuple[str, str], **options: Any) -> S3Error:
    with pytest.raises(S3Error) as caught:
        resolve(target, *fields, **options)
    return caught.value


# --- what holds -----------------------------------------------------------------------------------


@pytest.mark.rule("SEM-2", "R21")
@pytest.mark.parametrize(
    "target",
    [
        "/b/k",
        "/b//p//x",
        "/b/a%20b",
        "/b/a%2Fb",
        "/b/%C3%A9+~",
        "/b/k?response-content-type=text%2Fhtml",
        "/b?list-type=2&prefix=a%2Fb%2B&delimiter=%2F",
        "/b?uploads",
        "/",
    ],
)
def test_targets_are_verified_as_sent(target: str) -> None:
    request = resolve(url(target))
    assert request.identity is not None
    assert request.identity.principal == FULL.access_key_id.lower()
    assert request.payload is UNSIGNED_PAYLOAD


def test_a_url_again_and_again() -> None:
    who = authenticator()
    for _ in range(3):  # the second time with the cached key
        assert resolve(url(), who=who)
    assert refusal(url(credentials=WRONG), who=who).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("field", ["range", "if-none-match", "user-agent", "accept", "cookie"])
def test_what_says_nothing_of_the_object_needs_no_signature(field: str) -> None:
    """Browsers and video players add what they like."""
    assert resolve(url(), (field, "bytes=0-1"))


@pytest.mark.rule("L5")
def test_signed_fields_are_asked_for() -> None:
    signed = [("x-amz-meta-a", "1"), ("content-type", "text/plain")]
    target = url(method="PUT", headers=signed)
    assert resolve(target, *signed, method="PUT")
    for index in range(len(signed)):
        less = signed[:index] + signed[index + 1 :]
        assert refusal(target, *less, method="PUT").code == "SignatureDoesNotMatch"
        other = [(name, "x") if n == index else (name, v) for n, (name, v) in enumerate(signed)]
        assert refusal(target, *other, method="PUT").code == "SignatureDoesNotMatch"


# --- what does not --------------------------------------------------------------------------------


def changed(value: str) -> str:
    """Another value of the same length: one more in its last digit or letter."""
    return value[:-1] + ("0" if value[-1] != "0" else "1")


@pytest.mark.rule("L1", "L5", "SEM-2")
@pytest.mark.parametrize("name", re.findall(r"[?&]([^=]+)=", url("/b/k?versionId=v1")))
def test_no_parameter_can_be_changed(name: str) -> None:
    target = url("/b/k?versionId=v1")
    (value,) = re.findall(f"{name}=([^&]*)", target)
    forged = target.replace(f"{name}={value}", f"{name}={changed(value)}")
    assert refusal(forged).code in (
        "SignatureDoesNotMatch",
        "AccessDenied",
        "InvalidAccessKeyId",
        QUERY_FAULT,
    )
    assert refusal(target.replace(f"{name}={value}", "")).code in (
        "SignatureDoesNotMatch",
        QUERY_FAULT,
    )


@pytest.mark.rule("L1", "L5")
def test_nor_what_else_is_asked() -> None:
    target = url("/b/k?versionId=v1")
    path, _, query = target.partition("?")
    for other in (f"{target}&acl", f"{target}&x=1", f"/b/l?{query}", f"/c/k?{query}"):
        assert refusal(other).code == "SignatureDoesNotMatch"
    assert path == "/b/k"
    # HEAD by the URL of a GET, and the other way round; a longer life; another host.
    assert refusal(target, method="HEAD").code == "SignatureDoesNotMatch"
    assert refusal(url(method="HEAD")).code == "SignatureDoesNotMatch"
    longer = target.replace("Expires=300", "Expires=604800")
    assert refusal(longer).code == "SignatureDoesNotMatch"
    assert refusal(target, host="other.test").code == "SignatureDoesNotMatch"


#: Everything that a client of S3 may say in ``x-amz-*`` fields of an upload, and more.
FIELDS = [
    "x-amz-acl",
    "x-amz-bypass-governance-retention",
    "x-amz-checksum-crc32",
    "x-amz-content-sha512",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-grant-full-control",
    "x-amz-meta-a",
    "x-amz-object-lock-mode",
    "x-amz-request-payer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-trailer",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
]


@pytest.mark.rule("L5", "S12")
@pytest.mark.parametrize("name", FIELDS)
def test_nothing_can_be_added_to_a_url(name: str) -> None:
    """versitygw 57747021, seaweedfs 88ac2d043: tags, grants and copy sources of the bearer's."""
    error = refusal(url(method="PUT"), (name, "v"), method="PUT")
    assert (error.status, error.code) == (403, "AccessDenied")
    assert dict(error.fields)["HeadersNotSigned"] == name


@pytest.mark.rule("L5")
def test_host_is_signed() -> None:
    unsigned = url().replace("SignedHeaders=host", "SignedHeaders=range")
    error = refusal(unsigned, ("range", "bytes=0-1"))
    assert (error.code, dict(error.fields)["HeadersNotSigned"]) == ("AccessDenied", "host")


@pytest.mark.rule("SEM-3")
@pytest.mark.parametrize(
    "names",
    ["", "host%3B", "%3Bhost", "host%3Bhost", "Host", "host%3Baccept", "host%2Crange", "host;;a"],
)
def test_malformed_lists_of_signed_headers(names: str) -> None:
    """seaweedfs 689b5b61b: empty names."""
    forged = url().replace("SignedHeaders=host", f"SignedHeaders={names}")
    error = refusal(forged, ("accept", "x"))
    assert (error.status, error.code) == (400, QUERY_FAULT)


@pytest.mark.rule("SEM-3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Credential", "AK"),
        ("Credential", "AK%2F20260101%2Fus-east-1%2Fs3"),
        ("Credential", "%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"),
        ("Credential", "AK%2F20260101%2Fus-east-1%2Fs3%2Faws4_request%2CSignature%3D1"),
        ("Signature", "0"),
        ("Signature", "%00" * 64),
        ("Signature", "A" * 64),
    ],
)
def test_malformed_credentials_are_faults_of_the_query(name: str, value: str) -> None:
    forged = re.sub(f"X-Amz-{name}=[^&]*", f"X-Amz-{name}={value}", url())
    error = refusal(forged)
    assert (error.status, error.code) == (400, QUERY_FAULT)


@pytest.mark.rule("SEM-5")
def test_scopes() -> None:
    ours = authenticator(regions=frozenset({"us-east-1"}))
    assert resolve(url(), who=ours)
    elsewhere = Credentials(FULL.access_key_id, FULL.secret_access_key, "eu-1")
    assert resolve(url(credentials=elsewhere))
    error = refusal(url(credentials=elsewhere), who=ours)
    assert (error.code, dict(error.fields)["Region"]) == (QUERY_FAULT, "us-east-1")
    assert refusal(url().replace("%2Fs3%2F", "%2Fsts%2F")).code == QUERY_FAULT
    another_day = url().replace(f"%2F{date()[:8]}%2F", "%2F20260101%2F")
    assert refusal(another_day).code == QUERY_FAULT


@pytest.mark.rule("L12", "S13")
def test_an_unknown_key_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong secret and an unknown key both derive one key and verify once."""
    done: list[str] = []
    derive, verify = presigned_module.SigningKey, presigned_module.verify_presigned

    def counted(name: str, call: Any) -> Any:
        return lambda *a: (done.append(name), call(*a))[1]

    monkeypatch.setattr(presigned_module, "SigningKey", counted("derive", derive))
    monkeypatch.setattr(presigned_module, "verify_presigned", counted("verify", verify))
    assert refusal(url(credentials=WRONG)).code == "SignatureDoesNotMatch"
    wrong = list(done)
    done.clear()
    assert refusal(url(credentials=NOBODY)).code == "InvalidAccessKeyId"
    assert done == wrong == ["derive", "verify"]


@pytest.mark.rule("SEM-5")
def test_keys_are_cached_only_after_a_signature_held() -> None:
    who = authenticator()
    scope = re.findall("Credential=([^&]*)", url())[0].replace("%2F", "/").encode()
    refusal(url(credentials=WRONG), who=who)
    assert who._keys.get(scope, FULL.secret_access_key) is None
    resolve(url(), who=who)
    assert who._keys.get(scope, FULL.secret_access_key) is not None


@pytest.mark.parametrize(
    ("options", "code"),
    [({"enabled": False}, "InvalidAccessKeyId"), ({"expires_at": NOW}, "ExpiredToken")],
)
def test_a_key_that_is_no_more_says_so_only_to_its_holder(
    options: dict[str, Any], code: str
) -> None:
    assert refusal(url(), who=authenticator(**options)).code == code
    forged = refusal(url(credentials=WRONG), who=authenticator(**options))
    assert forged.code == "SignatureDoesNotMatch"


@pytest.mark.rule("SEM-3")
def test_session_tokens() -> None:
    """In the query, beside the credential, as in the header form; no long-lived key has one."""
    with_token = "/b/k?X-Amz-Security-Token=t"
    error = refusal(url(with_token))
    assert (error.status, error.code) == (400, "InvalidToken")
    assert refusal(url(with_token, credentials=WRONG)).code == "SignatureDoesNotMatch"
    assert refusal(url() + "&X-Amz-Security-Token=t").code == "SignatureDoesNotMatch"
    assert refusal(url(), ("x-amz-security-token", "t")).code == "InvalidRequest"


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.rule("SEM-27", "R47", "S1")
@pytest.mark.parametrize(
    ("age", "expires", "ok"),
    [
        (0, "1", True),
        (1, "1", False),
        (299, "300", True),
        (300, "300", False),
        (360, "300", False),
        (3600, "7200", True),
        (604_799, "604800", True),
        (604_800, "604800", False),
        (-900, "60", True),
        (-901, "60", False),
        (-3600, "7200", False),
    ],
)
def test_a_url_lives_by_its_own_expiry(age: float, expires: str, ok: bool) -> None:
    target = url(age=age, expires=expires)
    if ok:
        assert resolve(target)
        return
    error = refusal(target)
    assert (error.status, error.code) == (403, "AccessDenied")
    fields = dict(error.fields)
    assert fields.pop("ServerTime") == "2026-05-28T20:26:40Z"
    if age < 0:
        assert (error.message, fields) == ("Request is not valid yet", {})
    else:
        assert error.message == "Request has expired"
        assert fields["X-Amz-Expires"] == expires
        assert re.fullmatch(r"2026-05-\d\dT\d\d:\d\d:\d\dZ", fields["Expires"])


@pytest.mark.rule("R47")
@pytest.mark.parametrize(
    "expires",
    ["", "0", "-1", "%2B1", "1.5", "1_0", "604801", "9" * 8, "9" * 400, "undefined", "%D9%A3"],
)
def test_malformed_expiries(expires: str) -> None:
    error = refusal(url(expires=expires))
    assert (error.status, error.code) == (400, QUERY_FAULT)


@pytest.mark.rule("R47")
@pytest.mark.parametrize("stamp", ["", "20260528", "2026-05-28T20:26:40Z", "20260528T202640", "x"])
def test_malformed_dates(stamp: str) -> None:
    error = refusal(re.sub("X-Amz-Date=[^&]*", f"X-Amz-Date={stamp}", url()))
    assert (error.status, error.code) == (400, QUERY_FAULT)
    assert "X-Amz-Date" in error.message


@pytest.mark.rule("R47")
def test_the_longest_life_is_configured() -> None:
    who = Authenticator(Store([credential(FULL, ())]), "us-east-1", frozenset(), 60)
    assert resolve(url(expires="60"), who=who)
    error = refusal(url(expires="61"), who=who)
    assert (error.code, error.message) == (
        QUERY_FAULT,
        "X-Amz-Expires must be between 1 and 60 seconds.",
    )


# --- the body -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [DIGEST, DIGEST.upper()])
def test_a_hash_that_is_signed_is_what_the_body_is_held_to(given: str) -> None:
    signed = url(method="PUT", headers=[(PAYLOAD, given)], payload=given)
    assert resolve(signed, (PAYLOAD, given), method="PUT").payload == DIGEST.encode()
    assert refusal(signed, method="PUT").code == "SignatureDoesNotMatch"
    assert refusal(signed, (PAYLOAD, "0" * 64), method="PUT").code == "SignatureDoesNotMatch"
    # In the query, where SDKs hoist it.
    hoisted = url(f"/b/k?X-Amz-Content-Sha256={given}", "PUT", payload=given)
    assert resolve(hoisted, method="PUT").payload == DIGEST.encode()


def test_a_hash_that_is_not_signed_is_no_hash() -> None:
    assert refusal(url(method="PUT"), (PAYLOAD, DIGEST), method="PUT").status == 403
    unsigned = (PAYLOAD, "UNSIGNED-PAYLOAD")
    assert resolve(url(method="PUT"), unsigned, method="PUT").payload is UNSIGNED_PAYLOAD


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "mode",
    ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x", "0" * 63],
)
def test_no_streaming_mode_is_presigned(mode: str) -> None:
    """D7. MinIO's CVE-2026-41145 was a streaming mode beside a credential in the query."""
    signed = url(method="PUT", headers=[(PAYLOAD, mode)], payload=mode)
    assert refusal(signed, (PAYLOAD, mode), method="PUT").code == "InvalidRequest"
    hoisted = url(f"/b/k?X-Amz-Content-Sha256={mode}", "PUT", payload=mode)
    assert refusal(hoisted, method="PUT").code == "InvalidRequest"


def test_a_payload_under_another_name() -> None:
    """It would be signed as a parameter, and hold nothing of the body."""
    signed = url(f"/b/k?{PAYLOAD}={DIGEST}", method="PUT")
    error = refusal(signed, method="PUT")
    assert error.code == "InvalidRequest" and "X-Amz-Content-Sha256" in error.message


def test_what_names_its_objects_in_an_unsigned_body_is_not_presigned() -> None:
    """D7: such a URL would delete whatever its bearer likes."""
    backend = CountingBackend()
    world = World([Bucket("b", backend)], [credential(FULL, [Scope("*", (), expand(["*"]))])])
    plan = world.ask("POST", url("/b?delete", "POST"))
    assert (plan.status, code_of(plan)) == (400, "InvalidRequest")
    assert "DeleteObjects" in text_of(plan, "Message")
    assert backend.requests == []
    assert {"DeleteObjects"} == presigned_module._BODY_IS_SIGNED & {row.name for row in OPERATIONS}


# --- header fields in the query -------------------------------------------------------------------


def world(*actions: str, anonymous: bool = False) -> tuple[World, CountingBackend]:
    backend = CountingBackend()
    scopes = [Scope("b", (), expand(actions))]
    return World([Bucket("b", backend, anonymous=anonymous)], [credential(FULL, scopes)]), backend


def query(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


#: What the SDK for JavaScript presigns for a PutObject without a body, and what S3 makes of it.
JAVASCRIPT = [
    ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
    ("x-amz-checksum-crc32", "AAAAAA=="),
    ("x-amz-meta-colour", "blue and green"),
    ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ("x-id", "PutObject"),
]


@pytest.mark.rule("L5", "SEM-7")
def test_hoisted_fields_are_read_as_fields() -> None:
    gateway, backend = world("put_object")
    plan = gateway.ask("PUT", url(f"/b/k?{query(JAVASCRIPT)}", "PUT"))
    assert plan.status == 200
    (request,) = backend.requests
    fields = dict(request.head.items())
    assert fields[b"x-amz-meta-colour"] == b"blue and green"
    assert not [name for name in fields if b"checksum" in name or b"sha256" in name]


@pytest.mark.rule("L5", "L2", "S12")
@pytest.mark.parametrize(
    ("name", "value", "action"),
    [
        ("x-amz-acl", "public-read", "put_object_acl"),
        ("X-Amz-Tagging", "a=b", "put_object_tagging"),
        ("x-amz-object-lock-mode", "GOVERNANCE", "put_object_retention"),
        ("x-amz-server-side-encryption-customer-key", "k", "put_object_sse_customer_key"),
    ],
)
def test_hoisted_fields_need_their_actions(name: str, value: str, action: str) -> None:
    target = url(f"/b/k?{query([(name, value)])}", "PUT")
    gateway, backend = world("put_object")
    assert (code_of(gateway.ask("PUT", target)), backend.requests) == ("AccessDenied", [])
    gateway, backend = world("put_object", action)
    assert gateway.ask("PUT", target).status == 200
    assert backend.requests[0].head.get(name.lower().encode()) == value.encode()


@pytest.mark.rule("L5", "L3")
def test_a_hoisted_copy_source_is_a_copy() -> None:
    gateway, backend = world("*")
    target = url("/b/k?x-amz-copy-source=b%2Fother", "PUT")
    _, request = gateway.decide("PUT", target)
    assert request.operation is not None and request.operation.name == "CopyObject"
    assert request.source is not None and request.source.key == b"other"
    backend.requests.clear()
    expected = url("/b/k?x-amz-expected-bucket-owner=somebody")
    assert code_of(gateway.ask("GET", expected)) == "AccessDenied"
    assert backend.requests == []


@pytest.mark.rule("SEM-3", "L1")
@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        ([("x-amz-meta-a", "1"), ("x-amz-meta-a", "1")], []),
        ([("x-amz-meta-a", "1"), ("X-Amz-Meta-A", "1")], []),
        ([("x-amz-meta-a", "1")], [("x-amz-meta-a", "1")]),
        ([("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")], [(PAYLOAD, "UNSIGNED-PAYLOAD")]),
    ],
)
def test_a_field_is_given_once(pairs: list[tuple[str, str]], fields: list[Any]) -> None:
    gateway, backend = world("*")
    target = url(f"/b/k?{query(pairs)}", "PUT", headers=fields)
    plan = gateway.ask("PUT", target, *fields)
    assert (plan.status, code_of(plan), backend.requests) == (400, "InvalidArgument", [])


@pytest.mark.rule("L4")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-meta-a", "1\r\nx-amz-acl: public-read"),
        ("x-amz-meta-a", "\0"),
        ("x-amz-meta-a: 1\r\nx-amz-acl", "public-read"),
        ("x-amz-meta-a b", "1"),
        ("x-amz-acl\u00e9", "1"),
    ],
)
def test_a_hoisted_field_is_one_field(name: str, value: str) -> None:
    gateway, backend = world("*")
    target = url(f"/b/k?{quote(name, safe='')}={quote(value, safe='')}", "PUT")
    plan = gateway.ask("PUT", target)
    assert (plan.status, backend.requests) == (400, [])


@pytest.mark.rule("SEM-7", "SEM-9")
def test_without_a_signature_nothing_is_hoisted() -> None:
    head = head_of("PUT", "/b/k?x-amz-meta-a=1")
    assert unhoist(head, parse_target(head.target)) is head
    gateway, backend = world("*", anonymous=True)
    plan = gateway.ask("PUT", "/b/k?x-amz-meta-a=1", credentials=FULL)
    assert (plan.status, code_of(plan)) == (501, "NotImplemented")
    assert gateway.ask("GET", "/b/k?x-amz-checksum-mode=ENABLED").status == 200
    assert backend.requests[0].head.get(b"x-amz-checksum-mode") is None
    assert operation_of("GET", url()).name == "GetObject"


def test_unhoist_leaves_the_rest_of_the_head() -> None:
    fields = [(b"host", HOST.encode()), (b"content-length", b"3"), (b"content-type", b"a/b")]
    target = url("/b/k?x-amz-storage-class=STANDARD_IA", "PUT").encode()
    head = RequestHead("PUT", target, 11, fields)
    meant = unhoist(head, parse_target(target))
    assert meant.items() == [*fields, (b"x-amz-storage-class", b"STANDARD_IA")]
    assert (meant.method, meant.target, meant.content_length) == ("PUT", target, 3)


# --- what the answer says -------------------------------------------------------------------------


@pytest.mark.rule("SEM-9", "R47")
def test_an_expired_url_in_xml() -> None:
    gateway, _ = world("get_object")
    plan = gateway.ask("GET", url(age=61, expires="60"))
    assert (plan.status, code_of(plan)) == (403, "AccessDenied")
    assert text_of(plan, "Message") == "Request has expired"
    assert text_of(plan, "Expires") == "2026-05-28T20:26:39Z"
    assert text_of(plan, "ServerTime") == "2026-05-28T20:26:40Z"
    assert text_of(plan, "Resource") == "/b/k"
    assert b"X-Amz-Signature" not in plan.body
    assert dict(plan.fields)[b"cache-control"] == b"no-store"


@pytest.mark.rule("SEM-9")
def test_overrides_are_for_those_who_signed_them() -> None:
    gateway, backend = world("get_object", anonymous=True)
    override = "response-content-type=text%2Fhtml"
    assert gateway.ask("GET", f"/b/k?{override}").status == 400
    assert gateway.ask("GET", url(f"/b/k?{override}")).status == 200
    assert code_of(gateway.ask("GET", f"{url()}&{override}")) == "SignatureDoesNotMatch"
    assert len(backend.requests) == 1
