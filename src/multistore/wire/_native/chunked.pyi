"""aws-chunked: the part of the contract of both kernels that reads and writes upload bodies."""

from collections.abc import Iterable
from typing import Self, final

from multistore.wire import SigningKey

@final
class ChunkedDecoder:
    """Reads the body of an upload in aws-chunked framing, however it is cut, and verifies it.

    ``decoded_length`` is ``x-amz-decoded-content-length``. ``trailers`` are the lower-case names of
    ``x-amz-trailer``, each of which must come once; None for a mode without trailers
    (``STREAMING-AWS4-HMAC-SHA256-PAYLOAD``). Chunks are signed when there is a ``key``: that of the
    request's scope; then ``amz_date`` is the request's, ``scope`` is
    ``DATE/REGION/SERVICE/aws4_request``, and ``seed`` the signature of its head, 64 hex digits.
    A chunk that another one follows has ``min_chunk`` bytes or more; S3 asks for 8192.

    Data comes out as it comes in: the last bytes of a signed chunk only once its signature held,
    those before them at once, since a chunk may be as large as the body. So nothing that was read
    is good before ``close`` said so: whoever passes data on keeps its end back until then (law 6).

    Memory does not depend on the body: 2 KiB. A chunk header holds 1 to 16 hex digits and, when
    signed, ``;chunk-signature=`` and 64 bytes; no other extension is read. A trailer section has at
    most 1024 bytes. Its lines end in CRLF, or in LF alone followed by an empty line that is not the
    end (minio-go).

    Source: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
    Chunks (Chunked Upload)" and "... Including Trailing Headers", Amazon S3 API reference.
    """

    def __new__(
        cls,
        decoded_length: int,
        trailers: Iterable[bytes] | None = None,
        *,
        key: SigningKey | None = None,
        amz_date: bytes = b"",
        scope: bytes = b"",
        seed: bytes = b"",
        min_chunk: int = 8192,
    ) -> Self:
        """Raises: ValueError for a length outside 0 to 2**62, or a seed of another size."""
    @property
    def decoded(self) -> int:
        """Bytes of data that came out so far."""
    @property
    def finished(self) -> bool:
        """Whether the body may end here. What follows nevertheless is refused by ``feed``."""
    @property
    def trailers(self) -> dict[bytes, bytes]:
        """The trailers read so far, names in lower case, values without surrounding blanks; all of
        them once ``finished``. ``x-amz-trailer-signature`` is not among them."""
    def feed(self, data: bytes) -> list[memoryview]:
        """The data in these bytes of the body, as views of ``data``.

        Raises, and again at every later call: IncompleteBody for what is not the framing, is more
        or less than the decoded length, or stands behind the end; InvalidChunkSizeError with
        ``Chunk`` and ``BadChunkSize``; SignatureDoesNotMatch for a chunk or the trailer;
        MalformedTrailerError for trailers that are malformed, too long, or not those declared.
        """
    def close(self) -> None:
        """The body ends. Raises: IncompleteBody unless ``finished``; what ``feed`` raised."""

@final
class ChunkedEncoder:
    """Writes a body in aws-chunked framing: ``STREAMING-UNSIGNED-PAYLOAD-TRAILER``, or with a
    ``key`` (the other arguments as in ``ChunkedDecoder``) ``STREAMING-AWS4-HMAC-SHA256-PAYLOAD``
    and its ``-TRAILER`` form.

    ``trailers`` names them and says how many bytes each value will have: then the length of the
    whole is known before any of it. None means no trailer section; unsigned, that is the same as an
    empty one. All chunks but the last have ``chunk_size`` bytes, 8192 (SEM-12) to 2**30. Unsigned
    data is never copied; a signed chunk that comes in pieces is gathered first, for its signature
    stands before it.
    """

    def __new__(
        cls,
        decoded_length: int,
        trailers: Iterable[tuple[bytes, int]] | None = None,
        *,
        chunk_size: int = 65536,
        key: SigningKey | None = None,
        amz_date: bytes = b"",
        scope: bytes = b"",
        seed: bytes = b"",
    ) -> Self:
        """Raises: ValueError for sizes out of range, or a seed of another size; InternalError for a
        name that is no token."""
    @property
    def content_length(self) -> int:
        """Bytes of the whole body as framed: the value of Content-Length."""
    def feed(self, data: bytes) -> list[bytes | memoryview]:
        """What is to be sent once ``data`` has come, in this order.

        Raises: InternalError for more data than the body was to have.
        """
    def finish(self, values: Iterable[bytes] = ()) -> bytes:
        """The last chunk and the trailers, whose ``values`` come in the order of their names. Until
        this is sent, no server takes the body for whole.

        Raises: InternalError for less data, or other values, than were announced, and when called
        again.
        """
