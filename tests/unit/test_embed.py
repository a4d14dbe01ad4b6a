"""The stable interface: what other tools rely on, and what it must not drag in."""

import asyncio
import calendar
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from multistore import embed
from multistore.embed import (
    Checksum,
    ChunkedEncoder,
    ListEntry,
    ListPage,
    RequestHead,
    S3Error,
    SigningKey,
    Verified,
    Verifier,
    match,
    new_checksum,
    open_chunked,
    parse_request_target,
    presign,
    read_list,
    sign,
    write_list,
)

DATE = "20150830T123600Z"
NOW = float(calendar.timegm((2015, 8, 30, 12, 36, 0)))
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
KEYS: dict[str, str] = {"access_key_id": "AKEXAMPLE", "secret_access_key": "secret"}
HOST = (b"host", b"s3.example")


def lookup(access_key_id: str, session_token: str | None) -> str | None:
    known = {("AKEXAMPLE", None): "secret", ("AKTEMPORARY", "token"): "secret"}
    return known.get((access_key_id, session_token))


def header_signed(
    target: bytes = b"/b/k",
    payload: str = EMPTY,
    extra: tuple[tuple[bytes, bytes], ...] = (),
    method: str = "GET",
    **changes: str,
) -> RequestHead:
    fields = [HOST, (b"x-amz-date", DATE.encode()), *extra]
    fields.append((b"x-amz-content-sha256", payload.encode()))
    options: dict[str, Any] = {"amz_date": DATE, "region": "us-east-1", **KEYS, **changes}
    value = sign(method, target, fields, payload=payload, **options)
    return RequestHead(method, target, 11, [*fields, (b"authorization", value)])


def presigned(
    target: bytes = b"/b/k", expires: int = 60, method: str = "GET", **changes: Any
) -> RequestHead:
    options: dict[str, Any] = {"amz_date": DATE, "region": "us-east-1", **KEYS, **changes}
    url = presign(method, target, "s3.example", expires=expires, **options)
    return RequestHead(method, url, 11, [HOST])


def verify(head: RequestHead, now: float = NOW, **options: Any) -> Verified | None:
    return Verifier(lookup, **options).verify(head, parse_request_target(head.target), now)


def refused(head: RequestHead, now: float = NOW, **options: Any) -> str:
    with pytest.raises(S3Error) as caught:
        verify(head, now, **options)
    return caught.value.code


# --- what it costs to import ----------------------------------------------------------------------

HEAVY = ["asyncio", "ssl", "socket", "uvloop", "pydantic", "httptools", "cryptography", "click"]


@pytest.mark.parametrize("pure", ["", "1"])
def test_importing_it_loads_nothing_heavy(pure: str) -> None:
    code = f"import sys, multistore.embed; print([m for m in {HEAVY} if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "MULTISTORE_PURE": pure}
    if not pure and embed.RequestHead.__module__.startswith("multistore.wire._pure"):
        pytest.skip("the native kernel was not chosen in this run")
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_every_name_is_there() -> None:
    for name in embed.__all__:
        assert getattr(embed, name) is not None


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.rule("SEM-1", "SEM-2")
@pytest.mark.parametrize(
    ("target", "host", "bucket", "key"),
    [
        (b"/b/a%20k?x=1", None, "b", b"a k"),
        (b"/b/k", b"s3.example:9000", "b", b"k"),
        (b"/k/l", b"b.s3.example:9000", "b", b"k/l"),
        (b"/k", b"B.c.S3.Example.", "b.c", b"k"),
        (b"/b/k", b"other.example", "b", b"k"),
        (b"/b/k", b"xs3.example", "b", b"k"),
    ],
)
def test_targets(target: bytes, host: bytes | None, bucket: str, key: bytes) -> None:
    parsed = parse_request_target(target, host, ["S3.example:9000"])
    assert (parsed.bucket, parsed.key) == (bucket, key)


def test_operations() -> None:
    for method, raw, name in [
        ("GET", b"/b/k", "GetObject"),
        ("GET", b"/b?list-type=2", "ListObjectsV2"),
        ("PUT", b"/b/k", "PutObject"),
        ("GET", b"/", "ListBuckets"),
    ]:
        head = RequestHead(method, raw, 11, [HOST])
        assert match(head, parse_request_target(raw)).name == name


# --- signatures -----------------------------------------------------------------------------------


def test_header_signature() -> None:
    assert verify(header_signed()) == Verified("AKEXAMPLE", "us-east-1", EMPTY.encode(), False, 0.0)
    head = header_signed(b"/b/k?x-id=PutObject", "UNSIGNED-PAYLOAD", method="PUT")
    signed = verify(head)
    assert signed is not None and signed.payload == b"UNSIGNED-PAYLOAD"


def test_cached_keys_change_nothing() -> None:
    secrets = {"AKEXAMPLE": "secret"}
    verifier = Verifier(lambda key, _: secrets.get(key))
    head = header_signed()
    target = parse_request_target(head.target)
    assert verifier.verify(head, target, NOW) == verifier.verify(head, target, NOW)
    secrets["AKEXAMPLE"] = "rotated"
    with pytest.raises(S3Error) as caught:
        verifier.verify(head, target, NOW)
    assert caught.value.code == "SignatureDoesNotMatch"
    del secrets["AKEXAMPLE"]
    with pytest.raises(S3Error) as caught:
        verifier.verify(head, target, NOW)
    assert caught.value.code == "InvalidAccessKeyId"


def test_presigned_url() -> None:
    signed = verify(presigned())
    assert signed == Verified("AKEXAMPLE", "us-east-1", b"UNSIGNED-PAYLOAD", True, NOW + 60)


@pytest.mark.rule("SEM-3")
def test_session_tokens_sit_where_the_credential_sits() -> None:
    temporary = {"access_key_id": "AKTEMPORARY"}
    token = ((b"x-amz-security-token", b"token"),)
    assert verify(header_signed(extra=token, **temporary)) is not None
    assert verify(presigned(session_token="token", **temporary)) is not None
    assert refused(header_signed(**temporary)) == "InvalidAccessKeyId"
    assert refused(presigned(session_token="other", **temporary)) == "InvalidAccessKeyId"
    assert refused(RequestHead("GET", b"/b/k", 11, [HOST, *token])) == "InvalidRequest"
    elsewhere = RequestHead("GET", presigned(**temporary).target, 11, [HOST, *token])
    assert refused(elsewhere) == "InvalidRequest"


@pytest.mark.rule("SEM-3")
def test_no_credential() -> None:
    assert verify(RequestHead("GET", b"/b/k?x=1", 11, [HOST])) is None


@pytest.mark.rule("SEM-27", "S1")
@pytest.mark.parametrize(
    ("offset", "header", "url"),
    [
        (-901, "RequestTimeTooSkewed", "AccessDenied"),
        (-900, None, None),
        (0, None, None),
        (900, None, None),
        (901, "RequestTimeTooSkewed", None),
        (3599, "RequestTimeTooSkewed", None),
        (3600, "RequestTimeTooSkewed", "AccessDenied"),
    ],
)
def test_clock(offset: float, header: str | None, url: str | None) -> None:
    for head, code in [(header_signed(), header), (presigned(expires=3600), url)]:
        if code is None:
            assert verify(head, NOW + offset) is not None
        else:
            assert refused(head, NOW + offset) == code


def test_faults_of_headers() -> None:
    assert refused(header_signed(secret_access_key="other")) == "SignatureDoesNotMatch"
    assert refused(header_signed(access_key_id="AKOTHER")) == "InvalidAccessKeyId"
    assert refused(header_signed(service="sts")) == "AuthorizationHeaderMalformed"
    assert refused(header_signed(), regions=["eu-west-1"]) == "AuthorizationHeaderMalformed"
    assert verify(header_signed(), regions=["us-east-1"]) is not None
    assert refused(header_signed(payload="STREAMING-OTHER")) == "InvalidArgument"
    assert refused(header_signed(amz_date="20150829T123600Z")) == "AuthorizationHeaderMalformed"
    assert refused(RequestHead("GET", b"/", 11, [HOST, (b"authorization", b"Bearer x")])) == (
        "InvalidRequest"
    )


@pytest.mark.rule("SEM-6")
def test_a_body_needs_its_hash() -> None:
    def without(length: bytes) -> RequestHead:
        fields = [HOST, (b"x-amz-date", DATE.encode())]
        value = sign("PUT", b"/b/k", fields, amz_date=DATE, region="r", payload=EMPTY, **KEYS)
        more = [(b"authorization", value), (b"content-length", length)]
        return RequestHead("PUT", b"/b/k", 11, [*fields, *more])

    signed = verify(without(b"0"))
    assert signed is not None and signed.payload == EMPTY.encode()
    assert refused(without(b"5")) == "InvalidRequest"


@pytest.mark.rule("SEM-3", "SEM-4", "S10")
def test_faults_of_urls() -> None:
    url = presigned().target

    def changed(old: bytes, new: bytes) -> RequestHead:
        assert old in url
        return RequestHead("GET", url.replace(old, new), 11, [HOST])

    malformed = "AuthorizationQueryParametersError"
    for name in (b"Algorithm", b"Credential", b"Date", b"Expires", b"SignedHeaders", b"Signature"):
        assert refused(changed(b"X-Amz-" + name + b"=", b"x=")) == malformed
        assert refused(changed(b"X-Amz-" + name + b"=", b"x-amz-" + name + b"=")) == malformed
        again = b"X-Amz-%b=1&X-Amz-%b=" % (name, name)
        assert refused(changed(b"X-Amz-" + name + b"=", again)) == malformed
    for expires in (b"0", b"604801", b"-1", b"+1", b"1_0", b"", b"%D9%A3", b"6" * 20):
        assert refused(changed(b"Expires=60", b"Expires=" + expires)) == malformed
    assert refused(changed(b"HMAC-SHA256", b"ECDSA-P256-SHA256")) == "NotImplemented"
    assert refused(changed(b"HMAC-SHA256", b"HMAC-SHA1")) == malformed
    assert refused(changed(b"s3%2Faws4", b"sts%2Faws4")) == malformed
    assert refused(changed(b"Credential=", b"Credential=a%2CSignature=b%2F")) == malformed
    assert refused(changed(b"Expires=60", b"Expires=61")) == "SignatureDoesNotMatch"
    assert refused(changed(b"/b/k", b"/b/l")) == "SignatureDoesNotMatch"
    assert refused(changed(b"Signature=", b"Signature=0")) == malformed

    both = RequestHead("GET", url, 11, [HOST, (b"authorization", b"AWS4-HMAC-SHA256 x")])
    assert refused(both) == "InvalidArgument"
    old = RequestHead("GET", b"/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", 11, [HOST])
    assert refused(old) == "InvalidRequest"
    unsigned = RequestHead("GET", url, 11, [HOST, (b"x-amz-meta-a", b"1")])
    assert refused(unsigned) == "AccessDenied"


# --- checksums ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("md5", "25f9e794323b453885f5181f1b624d0b"),
        ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        (
            "sha512",
            "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
            "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
        ),
    ],
)
def test_checksums(algorithm: str, digest: str) -> None:
    checksum: Checksum = new_checksum(algorithm)
    for piece in (b"1234", bytearray(b"5678"), memoryview(b"9")):
        checksum.update(piece)
    assert (checksum.name, checksum.digest_size) == (algorithm, len(digest) // 2)
    assert checksum.digest().hex() == digest
    with pytest.raises(ValueError):
        new_checksum(algorithm.upper())


# --- bodies in aws-chunked ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["SIGNED", "SIGNED-TRAILER", "UNSIGNED-TRAILER"])
def test_a_body_goes_out_and_comes_in(mode: str) -> None:
    payload = {
        "SIGNED": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "SIGNED-TRAILER": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "UNSIGNED-TRAILER": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }[mode]
    trailers = [(b"x-amz-checksum-crc32", 8)] if "TRAILER" in mode else None
    extra = [(b"x-amz-decoded-content-length", b"100000")]
    extra += [(b"x-amz-trailer", b" X-Amz-Checksum-CRC32")] if trailers else []
    head = header_signed(payload=payload, extra=tuple(extra), method="PUT")
    signed = verify(head)
    assert signed is not None and signed.payload == payload.encode()

    options: dict[str, Any] = {}
    if mode != "UNSIGNED-TRAILER":
        options["key"] = SigningKey("secret", DATE[:8], "us-east-1", "s3")
        options["amz_date"] = DATE.encode()
        options["scope"] = b"20150830/us-east-1/s3/aws4_request"
        options["seed"] = (head.get(b"authorization") or b"")[-64:]
    encoder = ChunkedEncoder(100_000, trailers, **options)
    body = b"".join(encoder.feed(b"x" * 100_000))
    body += encoder.finish([b"DUoRhQ=="] if trailers else [])
    assert len(body) == encoder.content_length

    decoder = open_chunked(head, "secret")
    assert b"".join(decoder.feed(body)) == b"x" * 100_000
    decoder.close()
    assert decoder.trailers == ({b"x-amz-checksum-crc32": b"DUoRhQ=="} if trailers else {})
    if options:
        with pytest.raises(S3Error) as caught:
            open_chunked(head, "other").feed(body)
        assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("code", "payload", "fields"),
    [
        ("MissingContentLength", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ()),
        ("InvalidArgument", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ("5", "5")),
        ("InvalidArgument", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ("-5",)),
        ("InvalidArgument", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ("1_0",)),
        ("InvalidArgument", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ("9" * 19,)),
        ("InvalidRequest", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ("5",)),
        ("NotImplemented", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", ("5",)),
        ("NotImplemented", "UNSIGNED-PAYLOAD", ("5",)),
    ],
)
def test_heads_without_a_readable_body(code: str, payload: str, fields: tuple[str, ...]) -> None:
    extra = [(b"x-amz-decoded-content-length", value.encode()) for value in fields]
    head = header_signed(payload=payload, extra=(*extra, (b"x-amz-trailer", b"a")), method="PUT")
    with pytest.raises(S3Error) as caught:
        open_chunked(head, "secret")
    assert caught.value.code == code


# --- lists ----------------------------------------------------------------------------------------

PAGE = ListPage(
    bucket="b",
    prefix=b"a&b/",
    delimiter=b"/",
    max_keys=3,
    entries=(
        ListEntry("a&b/é+ <".encode(), 5, '"x"', "2015-08-30T12:36:00.000Z"),
        ListEntry(b"a&b//%41", 2**40, '"y-2"', "2015-08-30T12:36:00.000Z", "GLACIER"),
    ),
    common_prefixes=(b"a&b/c d/",),
    truncated=True,
    next=b"to&ken",
)


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize("url", [True, False])
@pytest.mark.parametrize("version", [1, 2])
def test_lists_read_back(version: int, url: bool) -> None:
    page = ListPage(**{n: getattr(PAGE, n) for n in PAGE.__slots__} | {"version": version})
    document = write_list(page, url=url)
    assert read_list(document) == page
    assert (b"<KeyCount>3</KeyCount>" in document) == (version == 2)
    assert read_list(write_list(ListPage("b"), url=url)) == ListPage("b")


@pytest.mark.rule("SEM-21")
def test_keys_that_xml_cannot_hold() -> None:
    key = bytes(range(1, 0x80))
    page = ListPage("b", entries=(ListEntry(key, 0, "", ""),))
    for url in (True, False):
        assert read_list(write_list(page, url=url)).entries[0].key == key
    assert b"%2B" in write_list(page) and b"&" not in write_list(page).replace(b"&quot;", b"")


def test_what_is_no_list() -> None:
    for document in (b"", b"<Error><Code>x</Code></Error>", b"<ListBucketResult/>", b"<a>"):
        with pytest.raises(S3Error) as caught:
            read_list(document)
        assert caught.value.code == "MalformedXML"
    for number in (b"-1", b"1e3", b"", b"9" * 20):
        with pytest.raises(S3Error):
            read_list(b"<ListBucketResult><MaxKeys>%b</MaxKeys></ListBucketResult>" % number)


# --- the example ----------------------------------------------------------------------------------

EXAMPLE = Path(__file__).parents[2] / "examples" / "asgi_presign_guard.py"


def ask(head: RequestHead, clock: float = NOW) -> tuple[int, bytes, dict[str, Any]]:
    """One request through the example, as an ASGI server would send it."""
    spec = importlib.util.spec_from_file_location("asgi_presign_guard", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sent: list[dict[str, Any]] = []
    seen: dict[str, Any] = {}

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope["s3"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError("the guard reads no body")

    path, _, query = head.target.partition(b"?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": head.method,
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "headers": head.items(),
    }
    guard = module.PresignGuard(inner, {"AKEXAMPLE": "secret"}, clock=lambda: clock)
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], sent[1]["body"], seen


def test_example_lets_signed_requests_through() -> None:
    for head in (presigned(b"/b/a%20k"), header_signed(b"/b/a%20k")):
        status, body, seen = ask(head)
        assert (status, body) == (200, b"hello")
        assert (seen["bucket"], seen["key"], seen["operation"]) == ("b", b"a k", "GetObject")
        assert seen["access_key_id"] == "AKEXAMPLE"


def test_example_refuses_the_rest() -> None:
    for head, clock, status, code in [
        (RequestHead("GET", b"/b/k", 11, [HOST]), NOW, 403, b"AccessDenied"),
        (presigned(), NOW + 60, 403, b"AccessDenied"),
        (presigned(secret_access_key="x"), NOW, 403, b"SignatureDoesNotMatch"),
        (presigned(b"/b/k?nonsense"), NOW, 501, b"NotImplemented"),
        (RequestHead("GET", b"/b/%zz", 11, [HOST]), NOW, 400, b"InvalidURI"),
    ]:
        got, body, seen = ask(head, clock)
        assert (got, seen) == (status, {})
        assert b"<Code>" + code + b"</Code>" in body
    assert ask(RequestHead("HEAD", b"/b/k", 11, [HOST]))[:2] == (403, b"")
