"""The wire kernel, one step of a request each, native beside pure.

A step's two kernels form a group; the number in brackets is the ratio to the faster one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from multistore import wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Benchmark = Callable[..., Any]

ACCESS_KEY, SECRET_KEY = "BENCH0123456789ABCDE", "kernel-benchmark-secret-of-forty-bytes-x"
REGION, DATE, AMZ_DATE = "us-east-1", "20251125", "20251125T120000Z"
EMPTY_SHA256 = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
TARGET = b"/bench/dataset/year%3D2025/part-00042.parquet?x-id=GetObject"
SIGNED = [
    (b"host", b"s3.example.com"),
    (b"x-amz-checksum-mode", b"ENABLED"),
    (b"x-amz-content-sha256", EMPTY_SHA256),
    (b"x-amz-date", AMZ_DATE.encode()),
]
#: What boto3 sends beside that, about 700 bytes in all.
UNSIGNED = [
    (b"Accept-Encoding", b"identity"),
    (
        b"User-Agent",
        b"Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.1.0-30-amd64 md/arch#x86_64 "
        b"lang/python#3.11.2 md/pyimpl#CPython m/Z,b,D,N cfg/retry-mode#legacy Botocore/1.40.61",
    ),
    (b"amz-sdk-invocation-id", b"7a1ff2f0-0f5c-4a3e-9a0f-0a8f0f0c9d11"),
    (b"amz-sdk-request", b"attempt=1"),
]
ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"x-amz-id-2: mJ6jQ2b1pXk0c3VhGmTn3m8Yx2Qd7v5o1Rr9sT4uWzLkA0bCdEfGhIjKlMnOpQrS\r\n"
    b"x-amz-request-id: 5F3QZ8W1X9V2K7TA\r\n"
    b"Date: Tue, 25 Nov 2025 12:00:00 GMT\r\n"
    b"Last-Modified: Mon, 24 Nov 2025 08:30:00 GMT\r\n"
    b'ETag: "9b2cf535f27731c974343645a3985328"\r\n'
    b"Accept-Ranges: bytes\r\n"
    b"Content-Type: binary/octet-stream\r\n"
    b"Server: AmazonS3\r\n"
    b"Content-Length: 1024\r\n\r\n"
)
PAGE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>store</Name>'
    + b"".join(
        b"<Contents><Key>dataset/year=2025/part-%05d.parquet</Key>"
        b"<LastModified>2025-11-24T08:30:00.000Z</LastModified>"
        b"<ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>1048576</Size>"
        b"<StorageClass>STANDARD</StorageClass></Contents>" % i
        for i in range(1000)
    )
    + b"</ListBucketResult>"
)


@pytest.fixture(params=["native", "pure"])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"multistore.wire._{request.param}")


@pytest.fixture(scope="module")
def raw() -> bytes:
    """The head of a signed GET."""
    authorization = wire.sign(
        "GET",
        TARGET,
        SIGNED,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        amz_date=AMZ_DATE,
        region=REGION,
        payload=EMPTY_SHA256.decode(),
    )
    fields = [*SIGNED, *UNSIGNED, (b"Authorization", authorization)]
    lines = [b"GET " + TARGET + b" HTTP/1.1", *(name + b": " + value for name, value in fields)]
    return b"\r\n".join([*lines, b"", b""])


def request_head(kernel: ModuleType, raw: bytes) -> Any:
    verdict, head, consumed, reason = kernel.scan_request(raw)
    assert (verdict, consumed) == (kernel.ORDINARY, len(raw)), reason
    return head


@pytest.mark.benchmark(group="scan_request")
def test_scan_request(benchmark: Benchmark, kernel: ModuleType, raw: bytes) -> None:
    verdict, *_ = benchmark(kernel.scan_request, raw)
    assert verdict == kernel.ORDINARY


@pytest.mark.benchmark(group="scan_response")
def test_scan_response(benchmark: Benchmark, kernel: ModuleType) -> None:
    verdict, *_ = benchmark(kernel.scan_response, ANSWER, "GET")
    assert verdict == kernel.ORDINARY


@pytest.mark.benchmark(group="parse_target")
def test_parse_target(benchmark: Benchmark, kernel: ModuleType) -> None:
    target = benchmark(kernel.parse_target, TARGET)
    assert (target.bucket, target.key) == ("bench", b"dataset/year=2025/part-00042.parquet")


@pytest.mark.benchmark(group="authenticate: parse, check and verify Authorization, key cached")
def test_authenticate(benchmark: Benchmark, kernel: ModuleType, raw: bytes) -> None:
    head = request_head(kernel, raw)
    target = kernel.parse_target(TARGET)
    key = kernel.SigningKey(SECRET_KEY, DATE, REGION, "s3")

    def authenticate() -> Any:
        authorization = kernel.parse_authorization(head.get(b"authorization"))
        kernel.check_signed_headers(head, authorization)
        return kernel.verify(head, target, authorization, key, AMZ_DATE.encode(), EMPTY_SHA256)

    assert benchmark(authenticate) is True


@pytest.mark.benchmark(group="SigningKey")
def test_derive_key(benchmark: Benchmark, kernel: ModuleType) -> None:
    key = benchmark(kernel.SigningKey, SECRET_KEY, DATE, REGION, "s3")
    assert len(key.sign(b"")) == 64


@pytest.mark.benchmark(group="write_request_head, signed")
def test_write_request_head(benchmark: Benchmark, kernel: ModuleType, raw: bytes) -> None:
    written = benchmark(
        kernel.write_request_head,
        "GET",
        b"/store/dataset/year%3D2025/part-00042.parquet",
        b"127.0.0.1:9000",
        request_head(kernel, raw),
        kernel.HeaderSet([b"range", b"if-match", b"if-none-match"], [b"x-amz-"]),
        [(b"accept-encoding", b"identity")],
        -1,
        EMPTY_SHA256,
        kernel.Signer("STORE123456789ABCDEF", SECRET_KEY, REGION),
        AMZ_DATE.encode(),
    )
    assert b"Credential=STORE123456789ABCDEF/20251125/us-east-1/s3/aws4_request" in written


@pytest.mark.benchmark(group="write_response_head")
def test_write_response_head(benchmark: Benchmark, kernel: ModuleType) -> None:
    _, head, _, _ = kernel.scan_response(ANSWER, "GET")
    names = [b"last-modified", b"etag", b"accept-ranges", b"content-type", b"date"]
    written = benchmark(
        kernel.write_response_head,
        200,
        head,
        kernel.HeaderSet(names, [b"x-amz-meta-"]),
        [(b"content-length", b"1024"), (b"x-amz-request-id", b"0123456789ABCDEF")],
    )
    assert written.startswith(b"HTTP/1.1 200 ") and b"AmazonS3" not in written


@pytest.mark.benchmark(group="XmlReader: a listing of 1000 keys")
def test_read_listing(benchmark: Benchmark, kernel: ModuleType) -> None:
    def read() -> int:
        reader = kernel.XmlReader()
        events = sum(len(reader.feed(PAGE[at : at + 65536])) for at in range(0, len(PAGE), 65536))
        reader.close()
        return events

    assert benchmark(read) == 1000 * 7 + 3


@pytest.mark.benchmark(group="xml_escape: nothing to do")
def test_escape_nothing(benchmark: Benchmark, kernel: ModuleType) -> None:
    key = b"dataset/year=2025/part-00042.parquet"
    assert benchmark(kernel.xml_escape, key) == key


@pytest.mark.benchmark(group="percent_encode: a key")
def test_percent_encode(benchmark: Benchmark, kernel: ModuleType) -> None:
    encoded = benchmark(kernel.percent_encode, b"dataset/year=2025/part 42.parquet", True)
    assert encoded == b"dataset/year%3D2025/part%2042.parquet"
