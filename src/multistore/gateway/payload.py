"""The body of an upload: what it is held to, and how it goes out.

One function for every operation whose body is the bytes of an object, or of a part of one. What
comes in: a signed hash, ``UNSIGNED-PAYLOAD``, or a ``STREAMING-`` mode of aws-chunked, whose frames
never reach the store (SEM-12). What goes out is said by the backend's ``PayloadPolicy`` (D1).

Source: "Authenticating Requests (AWS Signature Version 4)" and "Checking object integrity", Amazon
S3 API reference and User Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.chunked_upload import open_chunked, read_decoded_length
from multistore.gateway.integrity import BodyCheck, read_hash, read_promises
from multistore.gateway.plan import (
    EMPTY_SHA256,
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED_CHUNKS_TRAILER,
    UNSIGNED_PAYLOAD,
    Framing,
)

if TYPE_CHECKING:
    from multistore.gateway.plan import Fields
    from multistore.gateway.request import GatewayRequest
    from multistore.wire import ChunkedDecoder

__all__ = [
    "CHUNKED_OPERATIONS",
    "Payload",
    "PayloadPolicy",
    "content_length",
    "plan_payload",
]

#: Operations whose body may be framed as aws-chunked.
CHUNKED_OPERATIONS = frozenset(("PutObject", "UploadPart"))


class PayloadPolicy:
    """What a backend is told of a body.

    ``hash``: the client's own SHA-256, where it gave one. ``trailer``: a checksum that came behind
    the body goes behind it again. ``signed``: what has no hash is sent in signed chunks, and so is
    what has a trailer. ``verifies``: the store compares what our signed head says with the body,
    which then may pass unread (law 6); with ``checksums`` also digests beside it, as AWS does. All
    of them False: ``UNSIGNED-PAYLOAD``, the only thing that can be said without a signature.
    """

    __slots__ = ("checksums", "hash", "signed", "trailer", "verifies")

    def __init__(
        self,
        *,
        hash: bool = True,
        trailer: bool = False,
        signed: bool = False,
        verifies: bool = False,
        checksums: bool = False,
    ) -> None:
        self.checksums = checksums
        self.hash = hash
        self.trailer = trailer
        self.signed = signed
        self.verifies = verifies

    @classmethod
    def of(cls, name: str, *, aws: bool, signs: bool, verifies: bool | None) -> PayloadPolicy:
        """The policy for an option ``payload``: ``auto``, ``unsigned``, ``signed`` or ``trailer``.
        Of AWS it is known that it takes trailers, and that it verifies unless ``verifies`` says
        otherwise. Without a signature the store is bound to nothing (law 6).

        Raises: ValueError for another name.
        """
        if name not in ("auto", "unsigned", "signed", "trailer"):
            raise ValueError(f"no such payload policy: {name}")
        if not signs:
            return cls()
        if verifies is None:
            verifies = aws
        if name == "unsigned":
            return cls(hash=False, verifies=verifies, checksums=aws)
        signed = name == "signed"
        return cls(
            trailer=signed or name == "trailer" or aws,
            signed=signed,
            verifies=verifies,
            checksums=aws,
        )


class Payload:
    """One upload's body, for ``plan.Forward``: ``length``, ``payload``, ``check``, ``decoder`` and
    ``framing`` are as there.

    ``add`` are fields that the framing needs. ``shown`` is the checksum that the answer may repeat
    (SEM-20). ``bare``: nothing may be said about a checksum, since it came behind the body and the
    store takes none there; what was verified here is stored without it.
    """

    __slots__ = ("add", "bare", "check", "decoder", "framing", "length", "payload", "shown")

    def __init__(
        self,
        length: int,
        payload: bytes,
        *,
        check: BodyCheck | None = None,
        decoder: ChunkedDecoder | None = None,
        framing: Framing | None = None,
        shown: Fields = (),
        bare: bool = False,
    ) -> None:
        self.length = length
        self.payload = payload
        self.check = check
        self.decoder = decoder
        self.framing = framing
        self.shown = shown
        self.bare = bare
        self.add: Fields = ()
        if framing is not None:
            self.add = ((b"x-amz-decoded-content-length", str(length).encode()),)
            if framing.trailers:
                names = b",".join([name for name, _ in framing.trailers])
                self.add += ((b"x-amz-trailer", names),)


def plan_payload(request: GatewayRequest, policy: PayloadPolicy) -> Payload:
    """How the body of ``request``, which has passed authorisation, gets to the backend.

    A body of no bytes is judged at once, before the backend sees a head (SEM-11).

    Raises: MissingContentLength; as ``chunked_upload.open_chunked`` and
    ``integrity.read_promises``; XAmzContentSHA256Mismatch and BadDigest for the empty body.
    """
    head, stated = request.head, request.payload
    decoder = None
    if request.signing_key is not None:
        assert request.authorization is not None
        decoder = open_chunked(head, request.authorization, request.signing_key)
    length = content_length(request)
    trailing = stated in (SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER)
    promises, shown = read_promises(head, trailer=trailing)
    behind = [promise for promise in promises if promise.digest is None]
    literal = decoder is None and stated != UNSIGNED_PAYLOAD
    if literal:
        promises += read_hash(stated)

    payload, framing = UNSIGNED_PAYLOAD, None
    if behind and policy.trailer:
        framing = Framing([(p.header.encode(), p.encoded_size) for p in behind], policy.signed)
        payload = SIGNED_CHUNKS_TRAILER if policy.signed else UNSIGNED_CHUNKS_TRAILER
    elif literal and policy.hash:
        payload = stated
    elif policy.signed:
        payload = EMPTY_SHA256
        if length > 0:
            payload, framing = SIGNED_CHUNKS, Framing(None, True)

    check = BodyCheck(promises) if promises else None
    if check is not None and decoder is None:
        if length == 0 and not head.chunked:
            check.finish()
            check = None
        elif policy.verifies and payload == stated and (literal or policy.checksums):
            check = None
    return Payload(
        length,
        payload,
        check=check,
        decoder=decoder,
        framing=framing,
        shown=tuple(shown),
        bare=bool(behind) and framing is None,
    )


def content_length(request: GatewayRequest) -> int:
    """Bytes of the body as it is to be stored.

    Raises: MissingContentLength for a body whose length nobody knows beforehand (SEM-10);
    InvalidArgument for a number that is none; InvalidRequest for one that contradicts
    Content-Length; NotImplemented for a streaming mode that nobody signed.
    """
    head = request.head
    if request.signing_key is not None:
        return read_decoded_length(head)
    if (head.get(b"x-amz-content-sha256") or b"").startswith(b"STREAMING-"):
        raise S3Error("NotImplemented", "A streaming payload needs a signature.")
    if head.chunked:
        return read_decoded_length(head)
    length = head.content_length
    if length < 0:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    stated = head.get(b"x-amz-decoded-content-length")
    if stated is not None and read_decoded_length(head) != length:
        raise S3Error("InvalidRequest", "x-amz-decoded-content-length is not Content-Length.")
    return length
