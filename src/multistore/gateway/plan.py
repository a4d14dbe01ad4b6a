"""Plans: what a runtime must do next. No I/O here, ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from multistore.gateway.ports import Calls
    from multistore.types import Origin
    from multistore.wire import ChunkedDecoder, HeaderSet, RequestHead, ResponseHead, Signer

__all__ = [
    "EMPTY_SHA256",
    "SIGNED_CHUNKS",
    "SIGNED_CHUNKS_TRAILER",
    "UNSIGNED_CHUNKS_TRAILER",
    "UNSIGNED_PAYLOAD",
    "Answer",
    "Check",
    "Collect",
    "Fields",
    "Forward",
    "Framing",
    "Gather",
    "Job",
    "Plan",
    "Respond",
    "Translate",
]

#: Header fields, names in lower case.
Fields = tuple[tuple[bytes, bytes], ...]

#: What a signature says of a body that is not bound by it, and of one without bytes
#: ("Authenticating Requests (AWS Signature Version 4)").
UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
#: The same of one in aws-chunked framing, by what is signed and what follows it.
SIGNED_CHUNKS = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY_SHA256 = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Respond:
    """Answer here, without a backend.

    ``fields`` are without framing and request id: the runtime adds both, leaves
    the body out for HEAD (Content-Length stays), and closes afterwards if ``close``.
    """

    __slots__ = ("body", "close", "fields", "status")

    def __init__(
        self, status: int, fields: Fields = (), body: bytes = b"", *, close: bool = False
    ) -> None:
        self.status = status
        self.fields = fields
        self.body = body
        self.close = close


class Answer:
    """What becomes of a backend's response. Backends derive their own.

    With ``relay`` a 200 is relayed without asking: fields that ``keep`` allows, then
    those of ``extra`` that the backend did not send. For any other status, and for
    all of them without ``relay``, ``on_head`` decides.
    """

    __slots__ = ("extra", "keep", "relay")

    def __init__(self, keep: HeaderSet, extra: Fields = (), *, relay: bool = True) -> None:
        self.keep = keep
        self.extra = extra
        self.relay = relay

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        """None relays after all. ``Respond`` drops the backend's body."""
        raise NotImplementedError


class Framing:
    """Frames a body as aws-chunked on its way out: ``trailers`` are the names of what follows it
    and the bytes of each value, or None for no such section; ``signed``: every chunk, and what
    follows, under the signature of the head."""

    __slots__ = ("signed", "trailers")

    def __init__(self, trailers: Iterable[tuple[bytes, int]] | None, signed: bool) -> None:
        self.trailers = None if trailers is None else tuple(trailers)
        self.signed = signed


class Forward:
    """Relay to a backend: a recipe, rendered and signed once per attempt.

    ``wire.write_request_head`` gets ``method``, ``target`` (encoded, canonical),
    ``host``, ``head`` filtered by ``keep``, ``add``, ``length``, ``payload`` and
    ``signer``. ``length`` is the body's length in bytes, without any framing, -1 for no body
    and no Content-Length. ``decoder`` takes the client's framing off, ``framing`` puts ours
    on; without both the client's body is relayed untouched, unless ``body`` is a small one of ours
    that goes out instead. ``check`` is set when promises
    about the body are to be held *here*: it sees every byte, then the trailers. The last
    bytes are held back until all of these are content (law 6), and the trailers become
    ``extra`` of the answer. ``replayable``: a second attempt cannot do harm (GET, HEAD; see
    the retry law). ``answer`` says what becomes of the response.
    """

    __slots__ = (
        "add",
        "answer",
        "body",
        "check",
        "decoder",
        "framing",
        "head",
        "host",
        "keep",
        "length",
        "method",
        "origin",
        "payload",
        "replayable",
        "signer",
        "target",
    )

    def __init__(
        self,
        origin: Origin,
        method: str,
        target: bytes,
        host: bytes,
        head: RequestHead | None,
        keep: HeaderSet,
        add: Fields,
        length: int,
        payload: bytes,
        signer: Signer | None,
        answer: Answer,
        *,
        body: bytes | None = None,
        check: Check | None = None,
        decoder: ChunkedDecoder | None = None,
        framing: Framing | None = None,
        replayable: bool = False,
    ) -> None:
        self.origin = origin
        self.method = method
        self.target = target
        self.host = host
        self.head = head
        self.keep = keep
        self.add = add
        self.length = length
        self.payload = payload
        self.signer = signer
        self.answer = answer
        self.body = body
        self.check = check
        self.decoder = decoder
        self.framing = framing
        self.replayable = replayable


class Collect:
    """Read the client's body whole, then ask for the next plan.

    The body has a length, of which whoever makes this plan has seen that it is small. ``check``
    holds it to what was promised of it before ``finish`` sees it.
    """

    __slots__ = ("check", "finish")

    def __init__(self, check: Check | None, finish: Callable[[bytes], Plan]) -> None:
        self.check = check
        self.finish = finish


class Job:
    """What takes several backend calls, or may take long: a coroutine that makes them through
    ``calls``.

    It goes on when its client leaves, and is never tried again. With a ``key``, who asks for the
    same while it runs joins it and gets its answer (SEM-28). ``patient``: a client that waits
    gets a 200 and blanks meanwhile, so that an error after that is a document in a 200 (SEM-19).
    """

    __slots__ = ("key", "patient", "run")

    def __init__(
        self,
        run: Callable[[Calls], Awaitable[Respond]],
        *,
        key: bytes | None = None,
        patient: bool = False,
    ) -> None:
        self.run = run
        self.key = key
        self.patient = patient


Plan = Respond | Forward | Collect | Job


class Translate(Protocol):
    """A body that is rewritten as it flows; its length is not known beforehand.

    ``feed`` and ``finish`` return bytes for the client. Either may raise
    ``S3Error``: after the head has gone out that is a fault (law 7).
    """

    status: int
    fields: Fields

    def feed(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


class Check(Protocol):
    """Sees every byte of a body as it passes. ``finish`` raises ``S3Error`` for a body that must
    not be stored."""

    def update(self, data: bytes | memoryview) -> None: ...
    def finish(self) -> None: ...


class Gather(Protocol):
    """A small body that is read whole (at most ``limit`` bytes, the rest is dropped) before
    the next plan is known. For HEAD, 204 and 304 the body is empty."""

    limit: int

    def finish(self, body: bytes) -> Plan: ...
