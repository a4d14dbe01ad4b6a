"""Every cap and deadline, with the reason for its value.

The defaults come from ``security model`` in the documentation; an operator may
change those in :class:`Limits` and :class:`Timeouts` (tables ``[limits]`` and
``[timeouts]``). The constants below them are S3's own and cannot be changed.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BUCKET_DOCUMENT_MAX",
    "CHUNK_MIN",
    "CLOCK_SKEW",
    "COMPLETE_BODY_MAX",
    "COPY_MAX",
    "DELETE_BODY_MAX",
    "DELETE_MAX_KEYS",
    "DOCUMENT_MAX",
    "ERROR_BODY_MAX",
    "JOBS_MAX",
    "KEY_MAX",
    "LIST_BODY_MAX",
    "LIST_MAX_KEYS",
    "METADATA_MAX",
    "PART_NUMBER_MAX",
    "PRESIGN_MAX",
    "TRANSFERS_MAX",
    "UPLOAD_ID_MAX",
    "Limits",
    "Timeouts",
]

#: Longest object key in bytes of UTF-8 (S3: "Naming Amazon S3 objects").
KEY_MAX = 1024
#: Entries of one listing page (S3: ListObjectsV2, MaxKeys).
LIST_MAX_KEYS = 1000
#: Bytes of a backend's listing that are read before giving up on it: a thousand keys of 1 KiB, each
#: byte percent-encoded, are 3 MiB, and what stands beside a key is below 1 KiB.
LIST_BODY_MAX = 8 * 1024**2
#: User metadata of one object, names and values together, in bytes (S3: "User-defined metadata").
METADATA_MAX = 2048
#: Least bytes of a chunk of aws-chunked that another one follows (S3: "Transferring Payload in
#: Multiple Chunks"; a smaller one is InvalidChunkSizeError).
CHUNK_MIN = 8192
#: Seconds between the signed date and our clock (S3: "RequestTimeTooSkewed").
CLOCK_SKEW = 900
#: Longest life of a presigned URL in seconds (S3: "Authenticating requests: query parameters").
PRESIGN_MAX = 604_800
#: Parts of one upload (S3: "Amazon S3 multipart upload limits").
PART_NUMBER_MAX = 10_000
#: Longest upload id of a backend in bytes; AWS's have 128, those of others some hundreds. Sealed,
#: it must fit into a target of 8 KiB beside the longest key.
UPLOAD_ID_MAX = 2048
#: Bytes of a document that configures a bucket or object, tags or lifecycle rules; S3's largest is
#: a replication configuration (S3: "Replication configuration", 2 MB).
DOCUMENT_MAX = 2 * 1024**2
#: Objects of one DeleteObjects (S3: DeleteObjects, Object).
DELETE_MAX_KEYS = 1000
#: Bytes of its document, and of the store's answer: a thousand keys of 1 KiB, twice over.
DELETE_BODY_MAX = 2 * 1024**2
#: Bytes of the document that says where a bucket is to be made; it has one short element.
BUCKET_DOCUMENT_MAX = 16_384
#: Bytes of the document of CompleteMultipartUpload: ten thousand parts with a checksum each.
COMPLETE_BODY_MAX = 4 * 1024**2
#: Jobs of one worker that are under way: completions and copies, each a task and a connection.
JOBS_MAX = 1024
#: Copies from store to store of one worker that move bytes; the others wait their turn.
TRANSFERS_MAX = 32
#: Largest object that one copy makes (S3: CopyObject).
COPY_MAX = 5 * 1024**3
#: Bytes of a backend's error document that are read before giving up on it.
ERROR_BODY_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and counts, and the life of a URL. All sizes are in bytes."""

    #: Request head. A sealed token is about 2 KiB, a key 1 KiB, metadata 2 KiB; nginx allows
    #: 32 KiB in all.
    head_bytes: int = 32_768
    #: Header lines of one head (Apache, hyper: 100).
    head_fields: int = 100
    #: Request target (nginx: 8 KiB).
    target_bytes: int = 8_192
    #: Object size taken in one PUT: S3 allows 5 GiB.
    object_bytes: int = 5 * 1024**3
    #: Body that is read and thrown away so that a connection can be kept after an early answer.
    discard_bytes: int = 65_536
    #: Requests on one connection before it is closed (nginx: keepalive_requests 1000).
    requests_per_connection: int = 10_000
    #: Open client connections of one worker.
    connections: int = 8_192
    #: Open client connections from one address.
    connections_per_peer: int = 512
    #: Connections to one backend, busy and idle together.
    backend_connections: int = 256
    #: Idle connections kept to one backend.
    backend_idle: int = 128
    #: Largest X-Amz-Expires of a presigned URL in seconds: S3's own maximum.
    max_presign_seconds: int = PRESIGN_MAX


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds, each for a whole phase, never for one read."""

    #: First byte of a request head to its last (slowloris).
    head: float = 10.0
    #: TLS handshake with a client.
    handshake: float = 5.0
    #: Idle connection between two requests.
    keep_alive: float = 60.0
    #: A body that makes no progress at all, in either direction.
    stall: float = 30.0
    #: Window over which a body must keep up ``rate``.
    rate_window: float = 20.0
    #: Slowest acceptable body, in bytes per second over ``rate_window``.
    rate: float = 1024.0
    #: TCP and TLS connect to a backend.
    connect: float = 3.0
    #: Request sent to the first byte of the backend's answer.
    first_byte: float = 60.0
    #: A long operation (CompleteMultipartUpload, a copy) of whose backend nothing is heard.
    job: float = 900.0
    #: Idle connection to a backend; below what backends themselves allow.
    backend_idle: float = 15.0
    #: Age at which a backend connection is retired (new addresses get used).
    backend_age: float = 600.0
    #: Time that running requests get when the process is asked to stop.
    drain: float = 30.0
