"""What a client promises about the bytes of an upload, and whether they keep it (law 6).

The signed SHA-256 (``x-amz-content-sha256``), Content-MD5 (RFC 1864) and ``x-amz-checksum-*``
(S3: "Checking object integrity"). All describe the decoded body. CRC32C and CRC64NVME are not
computed here yet: such a promise travels to the store, which checks it, and is not repeated to
the client as if we had.
"""

from __future__ import annotations

import binascii
import hashlib
import zlib
from typing import TYPE_CHECKING, Protocol

from multistore.errors import S3Error

if TYPE_CHECKING:
    from multistore.wire import RequestHead

__all__ = ["BodyCheck", "Promise", "read_promises"]

_CHECKSUM = b"x-amz-checksum-"

#: Checksums that S3 knows, with the bytes of their values.
_CHECKSUM_SIZES = {b"crc32": 4, b"crc32c": 4, b"crc64nvme": 8, b"sha1": 20, b"sha256": 32}
_COMPUTED = ("crc32", "sha1", "sha256")


class Promise:
    """``digest`` is what ``algorithm`` must give; ``header`` is where it was said."""

    __slots__ = ("algorithm", "digest", "header")

    def __init__(self, header: str, algorithm: str, digest: bytes) -> None:
        self.header = header
        self.algorithm = algorithm
        self.digest = digest


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _new(algorithm: str) -> _Hash:
    if algorithm == "crc32":
        return _Crc32()
    return hashlib.new(algorithm, usedforsecurity=False)


class BodyCheck:
    """Holds a body to its promises as it passes."""

    __slots__ = ("_hashes", "_promises")

    def __init__(self, promises: tuple[Promise, ...]) -> None:
        self._promises = promises
        # One pass each, however often an algorithm is named.
        self._hashes = {promise.algorithm: _new(promise.algorithm) for promise in promises}

    def update(self, data: bytes | memoryview) -> None:
        for running in self._hashes.values():
            running.update(data)

    def finish(self) -> None:
        """Raises: XAmzContentSHA256Mismatch or BadDigest for a promise that was not kept."""
        for promise in self._promises:
            computed = self._hashes[promise.algorithm].digest()
            if computed == promise.digest:
                continue
            if promise.header == "x-amz-content-sha256":
                raise S3Error(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed",
                    fields=(
                        ("ClientComputedContentSHA256", promise.digest.hex()),
                        ("S3ComputedContentSHA256", computed.hex()),
                    ),
                )
            raise S3Error(
                "BadDigest",
                f"The {promise.header} you specified did not match what we received",
                fields=(
                    ("ExpectedDigest", binascii.b2a_base64(promise.digest, newline=False).decode()),
                    (
                        "CalculatedDigest",
                        binascii.b2a_base64(computed, newline=False).decode(),
                    ),
                ),
            )


def read_promises(head: RequestHead) -> tuple[list[Promise], list[tuple[bytes, bytes]]]:
    """What the fields of ``head`` promise beside its signature: the promises that can be held
    here, and the checksum fields behind them.

    Raises: InvalidDigest, InvalidRequest for values that are none, or more than one checksum;
    NotImplemented for a checksum that S3 does not know.
    """
    promises: list[Promise] = []
    shown: list[tuple[bytes, bytes]] = []
    value = head.get(b"content-md5")
    if value is not None:
        digest = _decode(value, 16)
        if digest is None:
            raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
        promises.append(Promise("Content-MD5", "md5", digest))
    checksums = [item for item in head.items() if item[0].startswith(_CHECKSUM)]
    if len(checksums) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header.")
    for name, value in checksums:
        algorithm = name[len(_CHECKSUM) :]
        size = _CHECKSUM_SIZES.get(algorithm)
        field = name.decode("ascii", "replace")
        if size is None:
            raise S3Error(
                "NotImplemented",
                f"A header you provided implies functionality that is not implemented: {field}",
                fields=(("Header", field),),
            )
        digest = _decode(value, size)
        if digest is None:
            raise S3Error("InvalidRequest", f"Value for {field} header is invalid.")
        if algorithm.decode() in _COMPUTED:
            promises.append(Promise(field, algorithm.decode(), digest))
            shown.append((name, value))
    return promises, shown


def _decode(value: bytes, size: int) -> bytes | None:
    try:
        decoded = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return None
    return decoded if len(decoded) == size else None
