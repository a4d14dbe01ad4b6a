"""The requests that are played: shaped like boto3's, signed for the gateway."""

from __future__ import annotations

import secrets
import struct
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multistore import wire

if TYPE_CHECKING:
    from pathlib import Path

REGION = "us-east-1"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#: Different keys, so that nobody profits from having seen the request before.
REQUESTS = 256

USER_AGENT = (
    "Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.1.0-30-amd64 md/arch#x86_64 "
    "lang/python#3.11.2 md/pyimpl#CPython m/Z,b,D,N cfg/retry-mode#legacy Botocore/1.40.61"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An access key made for one run."""

    id: str
    secret: str

    @classmethod
    def random(cls, prefix: str) -> Key:
        return cls(prefix + secrets.token_hex(8).upper(), secrets.token_urlsafe(30))


def request_head(method: str, target: str, host: str, key: Key, length: int | None = None) -> bytes:
    """One head as boto3 sends it, about 700 bytes."""
    amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    payload = EMPTY_SHA256 if length is None else "UNSIGNED-PAYLOAD"
    signed = [("host", host), ("x-amz-content-sha256", payload), ("x-amz-date", amz_date)]
    if length is None:
        signed.append(("x-amz-checksum-mode", "ENABLED"))
    authorization = wire.sign(
        method,
        target.encode(),
        [(name.encode(), value.encode()) for name, value in signed],
        access_key_id=key.id,
        secret_access_key=key.secret,
        amz_date=amz_date,
        region=REGION,
        payload=payload,
    )
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    if length is None:
        lines.append("x-amz-checksum-mode: ENABLED")
    lines += [
        f"User-Agent: {USER_AGENT}",
        f"X-Amz-Date: {amz_date}",
        f"X-Amz-Content-SHA256: {payload}",
        f"Authorization: {authorization.decode()}",
        f"amz-sdk-invocation-id: {uuid.uuid4()}",
        "amz-sdk-request: attempt=1",
    ]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def write_requests(path: Path, method: str, size: str, host: str, key: Key, length: int) -> None:
    """A request file for loadgen: keys whose last segment is the object's size."""
    with path.open("wb") as file:
        for i in range(REQUESTS):
            head = request_head(
                method,
                f"/bench/dataset/part-{i:05}/{size}",
                host,
                key,
                length if method == "PUT" else None,
            )
            file.write(struct.pack("<I", len(head)) + head)
