"""aws-chunked as real clients write it: the captured uploads, and encoders of their SDKs."""

import base64
import hashlib
import io
import zlib
from types import ModuleType
from typing import Any

import httptools
import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha256Checksum

from captured import REGION, SECRET, Captured, captured
from multistore.errors import S3Error

STREAMING = [r for r in captured() if (r.facts["payload"] or "").startswith("STREAMING-")]
WHOLE = [r for r in STREAMING if not r.facts["body_truncated"]]
SIGNED_AND_CUT = [
    r for r in STREAMING if r.facts["body_truncated"] and "-AWS4-" in r.facts["payload"]
]


def header(request: Captured, name: bytes) -> bytes | None:
    values = {field.lower(): value.strip() for field, value in request.fields}
    return values.get(name)


def decoder_of(kernel: ModuleType, request: Captured) -> Any:
    """As a server makes one from a request whose head it has verified."""
    mode = request.facts["payload"]
    options: dict[str, Any] = {}
    if mode.startswith("STREAMING-AWS4-"):
        authorization = kernel.parse_authorization(header(request, b"authorization"))
        options = {
            "key": kernel.SigningKey(SECRET, authorization.date, REGION, "s3"),
            "amz_date": header(request, b"x-amz-date"),
            "scope": authorization.credential.partition(b"/")[2],
            "seed": authorization.signature,
        }
    names = None
    if mode.endswith("-TRAILER"):
        names = [name.strip().lower() for name in request.facts["trailer"].encode().split(b",")]
    return kernel.ChunkedDecoder(int(request.facts["decoded_length"]), names, **options)


class Collector:
    """The body inside HTTP's own chunks."""

    def __init__(self) -> None:
        self.body = b""

    def on_body(self, data: bytes) -> None:
        self.body += data


def content_of(request: Captured) -> bytes:
    if request.facts["te"] != "chunked":
        return request.body
    collector = Collector()
    httptools.HttpRequestParser(collector).feed_data(request.head + request.body)
    return collector.body


CHECKSUMS = {
    b"x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    b"x-amz-checksum-sha1": lambda data: hashlib.sha1(data).digest(),
    b"x-amz-checksum-sha256": lambda data: hashlib.sha256(data).digest(),
}


def test_there_are_captures_of_every_mode() -> None:
    assert {r.facts["payload"] for r in WHOLE} == {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }
    assert len(WHOLE) >= 25 and len(SIGNED_AND_CUT) >= 3


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize("request_", WHOLE, ids=[r.name for r in WHOLE])
def test_captured_uploads(kernel: ModuleType, request_: Captured) -> None:
    body = content_of(request_)
    for step in (len(body), 1, 7):
        decoder = decoder_of(kernel, request_)
        data = b"".join(
            b"".join(decoder.feed(body[at : at + step])) for at in range(0, len(body), step)
        )
        decoder.close()
        assert len(data) == int(request_.facts["decoded_length"])
        for name, value in decoder.trailers.items():
            if name in CHECKSUMS:
                assert base64.b64decode(value) == CHECKSUMS[name](data)
        assert list(decoder.trailers) == (
            [request_.facts["trailer"].encode()] * decoder.finished
            if request_.facts["trailer"]
            else []
        )


@pytest.mark.parametrize("request_", SIGNED_AND_CUT, ids=[r.name for r in SIGNED_AND_CUT])
def test_first_chunk_of_captured_uploads(kernel: ModuleType, request_: Captured) -> None:
    """The captures are cut; their data repeats, so that the first chunk can be made whole."""
    head, _, data = request_.body.partition(b"\r\n")
    size = int(head.partition(b";")[0], 16)
    whole = (data[:2] * size)[:size]
    assert whole.startswith(data)
    decoder = decoder_of(kernel, request_)
    assert b"".join(decoder.feed(head + b"\r\n" + whole + b"\r\n")) == whole
    decoder = decoder_of(kernel, request_)
    with pytest.raises(S3Error) as caught:
        decoder.feed(head + b"\r\n" + whole[:-1] + b"?")
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("checksum", [Crc32Checksum, Sha256Checksum])
@pytest.mark.parametrize("length", [0, 1, 8192, 2**20, 2**20 + 1])
def test_botocore_encodes(kernel: ModuleType, checksum: Any, length: int) -> None:
    data = bytes(length)
    name = b"x-amz-checksum-crc32" if checksum is Crc32Checksum else b"x-amz-checksum-sha256"
    body = AwsChunkedWrapper(
        io.BytesIO(data), checksum_cls=checksum, checksum_name=name.decode()
    ).read()
    decoder = kernel.ChunkedDecoder(length, [name])
    assert b"".join(decoder.feed(body)) == data
    decoder.close()
    value = base64.b64encode(CHECKSUMS[name](data))
    assert decoder.trailers == {name: value}
    # And what we write is what it writes.
    encoder = kernel.ChunkedEncoder(length, [(name, len(value))], chunk_size=2**20)
    assert b"".join(encoder.feed(data)) + encoder.finish([value]) == body
