"""Targets, percent-coding, signatures and XML: both kernels give the same answer."""

from types import ModuleType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from captured import SECRET, captured
from kernels import answer, both, needs_native
from oracle.mutations import mutated

pytestmark = needs_native


def parsed(kernel: ModuleType, target: bytes, bucket: str | None = None) -> Any:
    result = answer(kernel.parse_target, target, bucket)
    if isinstance(result, tuple):
        return result
    names = ("path", "query", "bucket", "key", "params", "repeated")
    return [getattr(result, name) for name in names], list(result.params)


TARGETS = sorted({sample.start[1] for sample in captured()})


def test_captured_and_mutated_targets() -> None:
    for target in [*TARGETS, *mutated(TARGETS, 1200, seed=4)]:
        both(lambda kernel, t=target: parsed(kernel, t))
        both(lambda kernel, t=target: parsed(kernel, t, "bkt"))


PIECES = st.sampled_from(
    b"/|//|b|k|%2F|%2f|%|%4|%zz|+|?|&|=|a=1|%C3%A9|%FF|\xc3\xa9|#| |..|~|%00|%ED%A0%80|acl".split(
        b"|"
    )
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=12).map(b"".join), st.sampled_from([None, "", "bkt"]))
def test_generated_targets(tail: bytes, bucket: str | None) -> None:
    for target in (tail, b"/" + tail):
        both(lambda kernel, t=target: parsed(kernel, t, bucket))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.binary(max_size=40))
def test_percent_coding(data: bytes) -> None:
    for flag in (False, True):
        encoded = both(lambda kernel, f=flag: kernel.percent_encode(data, f))
        assert both(lambda kernel, e=encoded: kernel.percent_decode(e)) == data
        both(lambda kernel, f=flag: answer(kernel.percent_decode, data, f))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_percent_decoding(data: bytes) -> None:
    for flag in (False, True):
        both(lambda kernel, f=flag: answer(kernel.percent_decode, data, f))


# --- signatures -----------------------------------------------------------------------------------

AUTHORIZATIONS = sorted(
    {
        value.strip()
        for sample in captured()
        for name, value in sample.fields
        if name.lower() == b"authorization"
    }
)


def authorization(kernel: ModuleType, value: bytes) -> Any:
    result = answer(kernel.parse_authorization, value)
    if isinstance(result, tuple):
        return result
    names = ("credential", "access_key_id", "date", "region", "service")
    return [getattr(result, name) for name in (*names, "signed_headers", "signature")]


def test_authorizations() -> None:
    for value in [*AUTHORIZATIONS, *mutated(AUTHORIZATIONS, 1200, seed=5)]:
        both(lambda kernel, v=value: authorization(kernel, v))


def verdict(kernel: ModuleType, data: bytes) -> Any:
    """The whole way of a signed request, as far as it gets."""
    _, head, _, _ = kernel.scan_request(data)
    if head is None:
        return None
    target = answer(kernel.parse_target, head.target)
    value = head.get(b"authorization")
    if isinstance(target, tuple) or value is None:
        return target if isinstance(target, tuple) else None
    auth = answer(kernel.parse_authorization, value)
    if isinstance(auth, tuple):
        return auth
    key = kernel.SigningKey(SECRET, auth.date, auth.region, auth.service)
    amz_date = head.get(b"x-amz-date") or b""
    payload = head.get(b"x-amz-content-sha256") or b""
    return (
        answer(kernel.check_signed_headers, head, auth),
        kernel.verify(head, target, auth, key, amz_date, payload),
        kernel.verify_presigned(head, target, auth, key, amz_date),
    )


def test_signed_requests() -> None:
    samples = [sample.head for sample in captured()]
    verdicts = [both(lambda kernel, d=data: verdict(kernel, d)) for data in samples]
    assert sum(result is not None and result[:2] == (None, True) for result in verdicts) > 500
    for data in mutated(samples, 600, seed=6):
        both(lambda kernel, d=data: verdict(kernel, d))


SIGNED = st.lists(
    st.tuples(
        st.sampled_from([b"Range", b"x-amz-meta-a", b"X-Amz-Meta-A", b"content-type"]),
        st.sampled_from([b"", b"a", b" a  b\t", b"\xc3\xa9", b"b,c"]),
    ),
    max_size=4,
)
KEYS = {
    "access_key_id": "AK",
    "secret_access_key": "sécret",
    "amz_date": "20150830T123600Z",
    "region": "us-east-1",
}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=8).map(b"".join), SIGNED, st.sampled_from([None, "to/k="]))
def test_signing(tail: bytes, fields: list[tuple[bytes, bytes]], token: str | None) -> None:
    both(
        lambda kernel: kernel.sign(
            "GET", b"/" + tail, [(b"Host", b"h"), *fields], **KEYS, payload="UNSIGNED-PAYLOAD"
        )
    )
    both(
        lambda kernel: kernel.presign(
            "GET", b"/" + tail, "h", **KEYS, expires=60, session_token=token, headers=fields
        )
    )


# --- checksums ------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.binary(max_size=700), max_size=5), st.sampled_from(["crc32", "crc32c", "crc64nvme"])
)
def test_checksums(pieces: list[bytes], name: str) -> None:
    def digest(kernel: ModuleType) -> Any:
        crc = kernel.Crc(name)
        for piece in pieces:
            crc.update(piece)
        return crc.name, crc.digest_size, crc.digest()

    both(digest)


# --- XML ------------------------------------------------------------------------------------------

DOCUMENTS = sorted(
    {
        body.encode("utf-8", "surrogateescape")
        for sample in captured()
        if (body := sample.facts["resp_body"] or "").lstrip().startswith("<")
    }
    | {
        b'<?xml version="1.0" encoding="UTF-8"?>\n<a:r xmlns:a="x>">\r\n<k>x&#x1;&amp;\r\n'
        b"<![CDATA[<]]]]><!-- c --></k><e/><z b='1'><q></q></z></a:r>\n<!-- -->"
    },
    key=len,
)


def read(kernel: ModuleType, data: bytes, step: int, **caps: int) -> Any:
    def run() -> Any:
        reader = kernel.XmlReader(**caps)
        events = []
        for i in range(0, len(data), step):
            events += reader.feed(data[i : i + step])
        reader.close()
        return events

    return answer(run)


def read_both(data: bytes, **caps: int) -> None:
    expected = both(lambda kernel: read(kernel, data, len(data) or 1, **caps))
    for step in (1, 16):
        assert both(lambda kernel, s=step: read(kernel, data, s, **caps)) == expected


def test_captured_and_mutated_documents() -> None:
    small = [data for data in DOCUMENTS if len(data) < 700]
    assert len(small) > 10
    for data in [*small, *mutated(small, 300, seed=7), *mutated(small[:4], 200, seed=8)]:
        read_both(data)


XML_PIECES = st.sampled_from(
    b"<a>|</a>|<b/>|<b>|</b>|<c d='>'>|x| |\r|\r\n|&amp;|&#x1;|&#xD;|&#0;|&x;|&|<|>|]]>|]]|]|"
    b"<![CDATA[|<!--|-->|--|<?xml version='1.0'?>|\xef\xbb\xbf|\xc3\xa9|\xc3|<s:a>|</s:a>|"
    b"\x01|'|\"".split(b"|")
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(XML_PIECES, max_size=12).map(b"".join), st.booleans())
def test_generated_documents(data: bytes, wrap: bool) -> None:
    read_both(b"<a>" + data + b"</a>" if wrap else data, max_text=6, max_depth=3)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=30))
def test_escaping(data: bytes) -> None:
    both(lambda kernel: kernel.xml_escape(data))
