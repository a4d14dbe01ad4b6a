"""What a body costs that comes in frames: beside the same body as UNSIGNED-PAYLOAD, which passes
unread, and one SHA-256 over it."""

from __future__ import annotations

import base64
import hashlib
import struct
import time
import uuid
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import PER_GB, Bench, Case, Sample
from workload import REGION, USER_AGENT, Key

from multistore import wire
from multistore.gateway.integrity import new_checksum

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 16 << 20
PLAIN = Case("put-16m-c4", "PUT", "16m", 4)


@dataclass(frozen=True, slots=True)
class PayloadCase:
    """``algorithm`` of the trailer, or None for signed chunks. ``must`` is an upper bound of the
    ratio to the plain upload, to which one SHA-256 is added for signed chunks."""

    name: str
    chunk: int
    algorithm: str | None
    must: float


CASES = (
    PayloadCase("put-signed-8k", 8192, None, 1.25),
    PayloadCase("put-signed-64k", 65_536, None, 1.25),
    PayloadCase("put-trailer-crc32", 1 << 20, "crc32", 1.10),
    PayloadCase("put-trailer-crc32c", 1 << 20, "crc32c", 1.10),
    PayloadCase("put-trailer-crc64nvme", 1 << 20, "crc64nvme", 1.10),
)


def write_upload(folder: Path, case: PayloadCase, host: str, key: Key) -> None:
    """One request, and the body that its signature goes with."""
    data = bytes(range(256)) * (SIZE // 256)
    amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    if case.algorithm is not None:
        payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    fields = [
        ("host", host),
        ("x-amz-content-sha256", payload),
        ("x-amz-date", amz_date),
        ("x-amz-decoded-content-length", str(SIZE)),
    ]
    trailers: dict[bytes, bytes] = {}
    if case.algorithm is not None:
        checksum = new_checksum(case.algorithm)
        checksum.update(data)
        name = f"x-amz-checksum-{case.algorithm}"
        trailers[name.encode()] = base64.b64encode(checksum.digest())
        fields.append(("x-amz-trailer", name))
    target = "/bench/dataset/part-00000/16m"
    authorization = wire.sign(
        "PUT",
        target.encode(),
        [(name.encode(), value.encode()) for name, value in fields],
        access_key_id=key.id,
        secret_access_key=key.secret,
        amz_date=amz_date,
        region=REGION,
        payload=payload,
    ).decode()
    announced = [(name, len(value)) for name, value in trailers.items()] if trailers else None
    signing: dict[str, Any] = {}
    if case.algorithm is None:
        signing = {
            "key": wire.SigningKey(key.secret, amz_date[:8], REGION, "s3"),
            "amz_date": amz_date.encode(),
            "scope": f"{amz_date[:8]}/{REGION}/s3/aws4_request".encode(),
            "seed": authorization.rpartition("Signature=")[2].encode(),
        }
    encoder = wire.ChunkedEncoder(SIZE, announced, chunk_size=case.chunk, **signing)
    body = b"".join([*encoder.feed(data), encoder.finish(list(trailers.values()))])
    (folder / "framed").write_bytes(body)
    lines = [f"PUT {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    lines += [f"User-Agent: {USER_AGENT}", f"Authorization: {authorization}"]
    lines += [f"amz-sdk-invocation-id: {uuid.uuid4()}", f"Content-Length: {len(body)}", "", ""]
    head = "\r\n".join(lines).encode()
    (folder / "requests").write_bytes(struct.pack("<I", len(head)) + head)


def sha256_cost() -> float:
    """CPU seconds of one SHA-256, per GB."""
    data = bytes(SIZE)
    start = time.process_time_ns()
    for _ in range(4):
        hashlib.sha256(data).digest()
    return (time.process_time_ns() - start) / (4 * SIZE)


def compare_payload(bench: Bench, case: PayloadCase, rounds: int, seconds: float) -> dict[str, Any]:
    """All rounds of one case; the two kinds of upload take turns at the gateway."""
    framed: list[Sample] = []
    plain: list[Sample] = []
    hashed: list[float] = []
    for number in range(rounds + 1):
        write_upload(bench.folder, case, f"127.0.0.1:{bench.gateway.port}", bench.client)
        ours = bench.sample(PLAIN, bench.gateway, seconds, prepared=True)
        theirs = bench.sample(PLAIN, bench.gateway, seconds)
        if number:  # the first is for pools, caches, allocator
            framed.append(ours)
            plain.append(theirs)
            hashed.append(sha256_cost() if case.algorithm is None else 0.0)
    ratios = [a.cost / (b.cost + c) for a, b, c in zip(framed, plain, hashed, strict=True)]
    return {
        "case": case.name,
        "unit": PER_GB,
        "must": case.must,
        "ratio": median(ratios),
        "ratios": ratios,
        "cost": median(sample.cost for sample in framed),
        "plain": median(sample.cost for sample in plain),
        "sha256": median(hashed),
    }
