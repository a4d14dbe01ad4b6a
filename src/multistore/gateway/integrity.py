"""What a client promises about the bytes of an upload, and whether they keep it (law 6).

The signed SHA-256 (``x-amz-content-sha256``), Content-MD5 (RFC 1864), and one checksum of S3's
(S3: "Checking object integrity"): ``x-amz-checksum-*``, or its name in ``x-amz-trailer`` and its
value behind the body. All describe the decoded body. What S3 answers to each fault, its sentences
included, is known from tests that others run against AWS too.
"""

from __future__ import annotations

import binascii
import hashlib
from typing import TYPE_CHECKING, Protocol

from multistore.errors import S3Error
from multistore.gateway.chunked_upload import read_trailer_names
from multistore.gateway.plan import UNSIGNED_PAYLOAD
from multistore.wire import Crc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from multistore.wire import RequestHead

__all__ = [
    "CHECKSUM_ELEMENTS",
    "BodyCheck",
    "Checksum",
    "Promise",
    "new_checksum",
    "read_hash",
    "read_md5",
    "read_promises",
]

_CHECKSUM = b"x-amz-checksum-"

#: Checksums that are computed here, with the bytes of their values.
_SIZES = {
    "crc32": 4,
    "crc32c": 4,
    "crc64nvme": 8,
    "md5": 16,
    "sha1": 20,
    "sha256": 32,
    "sha512": 64,
}
_CRCS = ("crc32", "crc32c", "crc64nvme")
#: What they are called in documents.
CHECKSUM_ELEMENTS = tuple(["Checksum" + name.upper() for name in _SIZES])
#: S3 has these too. A promise that nobody here could hold is refused, not passed on (law 6); SDKs
#: send them only when told to.
_NOT_COMPUTED = ("xxhash3", "xxhash64", "xxhash128")

#: Fields of that prefix, and one beside it, that name an algorithm or a type and are no checksum.
_ALGORITHMS = (b"x-amz-sdk-checksum-algorithm", b"x-amz-checksum-algorithm")
_TYPE = b"x-amz-checksum-type"

_SINGLE = "Expecting a single x-amz-checksum- header"


class Checksum(Protocol):
    """A running checksum, with the shape of ``hashlib``'s objects."""

    @property
    def name(self) -> str: ...
    @property
    def digest_size(self) -> int: ...
    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


def new_checksum(algorithm: str) -> Checksum:
    """A checksum of S3's: ``crc32``, ``crc32c``, ``crc64nvme``, ``md5``, ``sha1``, ``sha256`` or
    ``sha512``. What S3 writes in ``x-amz-checksum-*`` is the base64 of its digest.

    Raises: ValueError for another name.
    Source: "Checking object integrity", Amazon S3 User Guide.
    """
    if algorithm in _CRCS:
        return Crc(algorithm)
    if algorithm not in _SIZES:
        raise ValueError(f"no checksum of S3: {algorithm}")
    return hashlib.new(algorithm, usedforsecurity=False)


class Promise:
    """``digest`` is what ``algorithm`` must give, None as long as it is to follow the body;
    ``header`` is where it was said."""

    __slots__ = ("algorithm", "digest", "header")

    def __init__(self, header: str, algorithm: str, digest: bytes | None) -> None:
        self.header = header
        self.algorithm = algorithm
        self.digest = digest

    @property
    def encoded_size(self) -> int:
        """Bytes of the value that says it: base64 (RFC 4648 4)."""
        return (_SIZES[self.algorithm] + 2) // 3 * 4


class BodyCheck:
    """Holds a body to its promises as it passes: ``update`` with every byte, ``read_trailer`` with
    the fields behind it if it has any, ``finish``."""

    __slots__ = ("_checksums", "_promises", "_updates")

    def __init__(self, promises: Iterable[Promise]) -> None:
        # The signed hash is judged first, as by S3: it says whether the request is the client's.
        self._promises = sorted(promises, key=lambda p: p.header != "x-amz-content-sha256")
        # One pass each, however often an algorithm is named.
        self._checksums = {p.algorithm: new_checksum(p.algorithm) for p in self._promises}
        self._updates = tuple([checksum.update for checksum in self._checksums.values()])

    @property
    def trailers(self) -> tuple[bytes, ...]:
        """Names of the fields that are still to follow the body."""
        return tuple([p.header.encode() for p in self._promises if p.digest is None])

    def update(self, data: bytes | memoryview) -> None:
        for update in self._updates:
            update(data)

    def read_trailer(self, fields: Mapping[bytes, bytes]) -> None:
        """Takes the fields behind the body, names in lower case, without the signature of the
        trailer: those of ``trailers``, no fewer, no more.

        Raises: MalformedTrailerError, InvalidRequest for a value that is none.
        """
        if set(self.trailers) != set(fields):
            raise _malformed_trailer()
        for promise in self._promises:
            if promise.digest is None:
                value = fields[promise.header.encode()]
                promise.digest = _decode(value, _SIZES[promise.algorithm])
                if promise.digest is None:
                    raise _invalid(f"Value for {promise.header} trailing header is invalid.")

    def finish(self) -> None:
        """Raises: XAmzContentSHA256Mismatch or BadDigest for a promise that was not kept,
        MalformedTrailerError for one whose value never came."""
        for promise in self._promises:
            if promise.digest is None:
                raise _malformed_trailer()
            computed = self._checksums[promise.algorithm].digest()
            if computed != promise.digest:
                raise _broken(promise, promise.digest, computed)


def read_md5(head: RequestHead) -> list[Promise]:
    """What Content-MD5 promises, if it is there. Raises: InvalidDigest."""
    value = head.get(b"content-md5")
    if value is None:
        return []
    digest = _decode(value, 16)
    if digest is None:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
    return [Promise("Content-MD5", "md5", digest)]


def read_hash(payload: bytes) -> list[Promise]:
    """What a verified signature promises: a SHA-256 in hex, or nothing (``UNSIGNED-PAYLOAD``)."""
    if payload == UNSIGNED_PAYLOAD:
        return []
    return [Promise("x-amz-content-sha256", "sha256", bytes.fromhex(payload.decode()))]


def read_promises(
    head: RequestHead, *, trailer: bool = False
) -> tuple[list[Promise], list[tuple[bytes, bytes]]]:
    """What the fields of ``head`` promise about the body beside its signature: the promises, all
    to be held here, and the checksum field that the answer may repeat once they are (SEM-20).

    ``trailer``: the body is framed so that fields can follow it (``x-amz-content-sha256`` is a
    ``STREAMING-…-TRAILER``). A promise of ``x-amz-trailer`` has no digest yet; its field is not
    among those returned.

    For requests whose checksum fields describe the body: not CreateMultipartUpload,
    CompleteMultipartUpload and CopyObject, where they speak of the object.

    Raises: InvalidDigest; InvalidRequest for values that are none, more than one checksum, or
    fields that contradict each other; MalformedTrailerError for a trailer that cannot be;
    NotImplemented for a checksum that S3 has and the gateway does not.
    """
    promises = read_md5(head)
    shown: list[tuple[bytes, bytes]] = []
    stated = [
        item
        for item in head.items()
        if item[0].startswith(_CHECKSUM) and item[0] not in (*_ALGORITHMS, _TYPE)
    ]
    algorithms = [_algorithm(name) for name, _ in stated]
    if None in algorithms:
        raise _invalid("The algorithm type you specified in x-amz-checksum- header is invalid.")
    announced = _announced(head)
    if len(stated) > 1 or len(announced) > 1:
        raise _invalid(f"{_SINGLE}. Multiple checksum Types are not allowed.")
    if stated and announced:
        raise _invalid(_SINGLE)
    if announced and not trailer:
        raise _malformed_trailer()

    algorithm = None
    for (name, value), algorithm in zip(stated, algorithms, strict=True):
        assert algorithm is not None
        digest = _decode(value, _SIZES[algorithm])
        if digest is None:
            raise _invalid(f"Value for {name.decode()} header is invalid.")
        promises.append(Promise(name.decode(), algorithm, digest))
        shown.append((name, value))
    for algorithm in announced:
        promises.append(Promise(f"x-amz-checksum-{algorithm}", algorithm, None))
    _check_declarations(head, algorithm)
    return promises, shown


def _algorithm(name: bytes) -> str | None:
    """The algorithm of a checksum field, None if S3 has no such field.

    Raises: NotImplemented.
    """
    algorithm = name[len(_CHECKSUM) :].decode("ascii", "replace")
    if not name.startswith(_CHECKSUM) or algorithm not in (*_SIZES, *_NOT_COMPUTED):
        return None
    if algorithm in _NOT_COMPUTED:
        field = name.decode()
        raise S3Error(
            "NotImplemented",
            f"A header you provided implies functionality that is not implemented: {field}",
            fields=(("Header", field),),
        )
    return algorithm


def _announced(head: RequestHead) -> list[str]:
    """The algorithms of ``x-amz-trailer``, a list of field names.

    Raises: InvalidRequest for a field that is no checksum, NotImplemented.
    """
    found = []
    for name in read_trailer_names(head):
        algorithm = _algorithm(name)
        if algorithm is None:
            raise _invalid("The value specified in the x-amz-trailer header is not supported")
        found.append(algorithm)
    return found


def _check_declarations(head: RequestHead, algorithm: str | None) -> None:
    """What a request says about its checksum besides must agree with it. One PUT is one checksum
    over all of its bytes: of the types, only FULL_OBJECT describes that."""
    for field in _ALGORITHMS:
        for value in head.get_all(field):
            if algorithm is None:
                raise _invalid(
                    f"{field.decode()} specified, but no corresponding x-amz-checksum-* or "
                    "x-amz-trailer headers were found."
                )
            if value.lower() != algorithm.encode():
                raise _invalid(f"Value for {field.decode()} header is invalid.")
    for value in head.get_all(_TYPE):
        if algorithm is None or value != b"FULL_OBJECT":
            raise _invalid(f"Value for {_TYPE.decode()} header is invalid.")


def _decode(value: bytes, size: int) -> bytes | None:
    try:
        decoded = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return None
    return decoded if len(decoded) == size else None


def _invalid(message: str) -> S3Error:
    return S3Error("InvalidRequest", message)


def _malformed_trailer() -> S3Error:
    return S3Error(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    )


def _broken(promise: Promise, promised: bytes, computed: bytes) -> S3Error:
    if promise.header == "x-amz-content-sha256":
        return S3Error(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed",
            fields=(
                ("ClientComputedContentSHA256", promised.hex()),
                ("S3ComputedContentSHA256", computed.hex()),
            ),
        )
    if promise.header == "Content-MD5":
        message = "The Content-MD5 you specified did not match what we received."
    else:
        name = promise.algorithm.upper()
        message = f"The {name} you specified did not match the calculated checksum."
    return S3Error(
        "BadDigest",
        message,
        fields=(
            ("ExpectedDigest", binascii.b2a_base64(promised, newline=False).decode()),
            ("CalculatedDigest", binascii.b2a_base64(computed, newline=False).decode()),
        ),
    )
