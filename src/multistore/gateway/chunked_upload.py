"""What the head of an upload says about an aws-chunked body.

Source: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks (Chunked Upload)" and "... Including Trailing Headers", Amazon S3 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.plan import SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER
from multistore.wire import ChunkedDecoder

if TYPE_CHECKING:
    from multistore.wire import Authorization, RequestHead, SigningKey

__all__ = ["open_chunked", "read_decoded_length", "read_trailer_names"]


def open_chunked(
    head: RequestHead, authorization: Authorization, key: SigningKey
) -> ChunkedDecoder:
    """The decoder for the body of a request whose signature held under ``key``.

    The payload mode alone says that there is one, ``Content-Encoding`` says nothing: restic sends
    none.

    Raises: NotImplemented for a mode that is none of the three; as ``read_decoded_length`` and
    ``read_trailer_names``.
    """
    mode = head.get(b"x-amz-content-sha256") or b""
    if mode not in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER):
        shown = mode.decode("ascii", "replace")
        raise S3Error("NotImplemented", f"The payload mode {shown} is not implemented.")
    length = read_decoded_length(head)
    names = tuple(dict.fromkeys(read_trailer_names(head)))
    if mode == SIGNED_CHUNKS and names:
        raise S3Error(
            "InvalidRequest", f"x-amz-trailer needs the payload mode {mode.decode()}-TRAILER."
        )
    if mode == UNSIGNED_CHUNKS_TRAILER:
        return ChunkedDecoder(length, names)
    return ChunkedDecoder(
        length,
        None if mode == SIGNED_CHUNKS else names,
        key=key,
        amz_date=head.get(b"x-amz-date") or b"",
        scope=authorization.credential.partition(b"/")[2],
        seed=authorization.signature,
    )


def read_decoded_length(head: RequestHead) -> int:
    """``x-amz-decoded-content-length``, in bytes.

    Raises: MissingContentLength without one; InvalidArgument for what is no number of bytes.
    """
    values = head.get_all(b"x-amz-decoded-content-length")
    if not values:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    # ASCII digits only: `int` alone would take signs, blanks and underscores.
    if len(values) > 1 or not values[0].isdigit() or len(values[0]) > 18:
        raise S3Error(
            "InvalidArgument", "x-amz-decoded-content-length must be one number of bytes."
        )
    return int(values[0])


def read_trailer_names(head: RequestHead) -> tuple[bytes, ...]:
    """The names in ``x-amz-trailer``, in lower case, as often as they are there. Which of them S3
    knows is not judged here."""
    names = b",".join(head.get_all(b"x-amz-trailer")).lower().split(b",")
    return tuple([name.strip(b" \t") for name in names if name.strip(b" \t")])
