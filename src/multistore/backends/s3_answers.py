"""What becomes of an S3 store's answers, by kind of operation.

Each answer knows what it belongs to and where the request went, so that a failure can lead to
another plan: the same request at the bucket's region, or without its range. Failures are judged
in ``s3_errors`` and, where they concern the store, by the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.backends.s3_errors import Failure
from multistore.errors import S3Error
from multistore.gateway import acl, render
from multistore.gateway.plan import Answer, Respond
from multistore.limits import ERROR_BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.backends.s3 import S3Backend
    from multistore.gateway.plan import Fields, Gather, Plan, Translate
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Origin
    from multistore.wire import HeaderSet, ResponseHead, Signer

__all__ = [
    "AclAnswer",
    "DeleteAnswer",
    "IfRangeAnswer",
    "InitiatedAnswer",
    "ListAnswer",
    "S3Answer",
    "Site",
    "WriteAnswer",
    "respond_error",
]


class Site:
    """Where a bucket is asked: the origin to connect to, the Host to name there, who signs."""

    __slots__ = ("host", "origin", "region", "signer")

    def __init__(self, origin: Origin, host: bytes, region: str, signer: Signer | None) -> None:
        self.origin = origin
        self.host = host
        self.region = region
        self.signer = signer


def respond_error(error: S3Error, request: GatewayRequest, fields: Fields = ()) -> Respond:
    """The answer to ``request`` for ``error``, with ``fields`` of the store's answer."""
    resource = render.resource_of(request.head)
    head_only = request.head.method == "HEAD"
    answer = render.error(error, request.request_id, resource, head=head_only)
    answer.fields += fields
    return answer


class S3Answer(Answer):
    """GET and HEAD: the object is relayed, a part or nothing of it only to who asked for that.
    Failures are gathered, whatever the operation. ``site`` is where the request went; ``again``
    says that it went out a second time already."""

    __slots__ = ("again", "backend", "request", "site")

    def __init__(
        self,
        backend: S3Backend,
        site: Site,
        request: GatewayRequest,
        keep: HeaderSet,
        again: bool,
        extra: Fields = (),
    ) -> None:
        self.keep = keep
        self.extra = extra
        self.relay = True
        self.backend = backend
        self.site = site
        self.request = request
        self.again = again

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if (status == 206 and self._wants_part()) or (status == 304 and self._has_conditions()):
            return None
        return self.failure(status, head)

    def _wants_part(self) -> bool:
        target = self.request.target
        assert target is not None
        return self.request.head.get(b"range") is not None or "partNumber" in target.params

    def _has_conditions(self) -> bool:
        head = self.request.head
        return head.get(b"if-none-match") is not None or head.get(b"if-modified-since") is not None

    def kept(self, head: ResponseHead) -> Fields:
        """The fields of ``head`` that the client may see."""
        return tuple([(name, value) for name, value in head.items() if name in self.keep])

    def failure(self, status: int, head: ResponseHead) -> Gather:
        return Failed(self, Failure(status, head, self.site.region))

    def failed(self, failure: Failure) -> Plan:
        return self.backend.fail(self.request, failure, self.again, self.site)


class Failed:
    """Implements ``plan.Gather`` for an error document."""

    __slots__ = ("answer", "failure", "limit")

    def __init__(self, answer: S3Answer, failure: Failure) -> None:
        self.limit = ERROR_BODY_MAX
        self.answer = answer
        self.failure = failure

    def finish(self, body: bytes) -> Plan:
        if body:
            self.failure.read(body)
        try:
            return self.answer.failed(self.failure)
        except S3Error as error:
            return respond_error(error, self.answer.request)


class Stored(Failed):
    """A success with a body that means nothing to the client unless it is an error in disguise
    (S3: "200 OK response that contains an error")."""

    __slots__ = ("stored",)

    def __init__(self, answer: S3Answer, failure: Failure, stored: Respond) -> None:
        super().__init__(answer, failure)
        self.stored = stored

    def finish(self, body: bytes) -> Plan:
        return super().finish(body) if b"<Error" in body else self.stored


class Read(Failed):
    """A small document that is read whole and written anew, by ``write``."""

    __slots__ = ("write",)

    def __init__(
        self, answer: S3Answer, failure: Failure, write: Callable[[bytes], Respond]
    ) -> None:
        super().__init__(answer, failure)
        self.write = write

    def finish(self, body: bytes) -> Plan:
        if b"<Error" in body:
            return super().finish(body)
        try:
            return self.write(body)
        except S3Error as error:
            return respond_error(error, self.answer.request)


class IfRangeAnswer(S3Answer):
    """Our If-Match stands for the client's If-Range: 412 leads to the whole object (R15)."""

    __slots__ = ()

    def failed(self, failure: Failure) -> Plan:
        if failure.status == 412:
            return self.backend.read_whole(self.request, self.again)
        return super().failed(failure)


class AskedAnswer(S3Answer):
    """One that is asked about a 200 too."""

    __slots__ = ()

    def __init__(
        self,
        backend: S3Backend,
        site: Site,
        request: GatewayRequest,
        keep: HeaderSet,
        again: bool,
        extra: Fields = (),
    ) -> None:
        super().__init__(backend, site, request, keep, again, extra)
        self.relay = False


class WriteAnswer(AskedAnswer):
    """A change: of the answer only status and fields are told, its body means nothing to the
    client unless it is an error (S20). ``status`` is what S3 answers; with ``accepted`` the
    store's own 200 or 202 is told."""

    __slots__ = ("accepted", "status")

    def __init__(
        self,
        backend: S3Backend,
        site: Site,
        request: GatewayRequest,
        keep: HeaderSet,
        again: bool,
        extra: Fields = (),
        *,
        status: int = 200,
        accepted: bool = False,
    ) -> None:
        super().__init__(backend, site, request, keep, again, extra)
        self.status = status
        self.accepted = accepted

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status not in (200, self.status) and not (self.accepted and status == 202):
            return self.failure(status, head)
        kept = self.kept(head)
        if self.extra:
            names = {name for name, _ in kept}
            kept += tuple([item for item in self.extra if item[0] not in names])
        stored = Respond(status if self.accepted else self.status, kept)
        if status != 204 and (head.chunked or head.content_length > 0):
            return Stored(self, Failure(status, head, self.site.region), stored)
        return stored


class DeleteAnswer(AskedAnswer):
    """DELETE of an object answers 204, also for a key that was not there (SEM-20)."""

    __slots__ = ()

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status == 204:
            return None
        if status in (200, 202):
            return Respond(204, self.kept(head))
        return self.failure(status, head)

    def failed(self, failure: Failure) -> Plan:
        conditional = self.request.head.get(b"if-match") is not None
        if failure.status == 404 and failure.code == "NoSuchKey" and not conditional:
            return Respond(204)
        return super().failed(failure)


class ListAnswer(AskedAnswer):
    """A document that is rewritten as it flows, by what ``make`` makes of the fields that the
    client may see."""

    __slots__ = ("make",)

    def __init__(
        self,
        backend: S3Backend,
        site: Site,
        request: GatewayRequest,
        keep: HeaderSet,
        again: bool,
        make: Callable[[Fields], Translate],
    ) -> None:
        super().__init__(backend, site, request, keep, again)
        self.make = make

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status == 200:
            return self.make(self.kept(head))
        return self.failure(status, head)


class InitiatedAnswer(AskedAnswer):
    """CreateMultipartUpload: the store's upload id is sealed for the client."""

    __slots__ = ()

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status != 200:
            return self.failure(status, head)
        kept = self.kept(head)
        return Read(
            self,
            Failure(status, head, self.site.region),
            lambda body: self.backend.initiated(self.request, body, kept),
        )


class AclAnswer(AskedAnswer):
    """An ACL, with our owner in it."""

    __slots__ = ()

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status != 200:
            return self.failure(status, head)
        kept = [field for field in self.kept(head) if field[0] != b"content-type"]
        fields = (*kept, *render.CONTENT_TYPE)
        owner_id, owner_display_name = self.backend.owner
        return Read(
            self,
            Failure(status, head, self.site.region),
            lambda body: Respond(200, fields, acl.translate(body, owner_id, owner_display_name)),
        )
