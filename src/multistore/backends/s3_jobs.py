"""What takes a body first, or long, or several calls at S3 stores: DeleteObjects,
CompleteMultipartUpload, and copies within a store and between stores.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from multistore.backends.s3_answers import AskedAnswer, Failed, Site, respond_error
from multistore.backends.s3_errors import Failure, explain
from multistore.errors import S3Error
from multistore.gateway import complete, copy, delete, outbound
from multistore.gateway.document import check_of
from multistore.gateway.job_key import job_key
from multistore.gateway.plan import (
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    Answer,
    Forward,
    Job,
    Respond,
)
from multistore.gateway.render import CONTENT_TYPE
from multistore.limits import COPY_MAX, ERROR_BODY_MAX, LIST_BODY_MAX
from multistore.wire import HeaderSet, percent_encode

if TYPE_CHECKING:
    from multistore.backends.s3 import S3Backend
    from multistore.gateway.copy import CopySource
    from multistore.gateway.delete import Deletion
    from multistore.gateway.plan import Fields, Gather, Plan, Translate
    from multistore.gateway.ports import Answered, Calls
    from multistore.gateway.request import GatewayRequest
    from multistore.wire import RequestHead, ResponseHead

__all__ = ["complete_upload", "copy_object", "copy_part", "delete_objects"]

_CUSTOMER_KEY = b"x-amz-server-side-encryption-customer-"
_SOURCE_KEY = b"x-amz-copy-source-server-side-encryption-customer-"

#: How the body is to be checked, which is done here; what goes out has a digest of its own.
_ABOUT_BODY = HeaderSet((b"x-amz-sdk-checksum-algorithm",), (b"x-amz-checksum-",))

_DELETE = HeaderSet((b"x-amz-bypass-governance-retention", b"x-amz-request-payer"))
_DELETE_KNOWN = outbound.known(_DELETE | _ABOUT_BODY)

#: The checksums describe the object.
_COMPLETE = HeaderSet(
    (b"if-match", b"if-none-match", b"x-amz-mp-object-size", b"x-amz-request-payer"),
    (b"x-amz-checksum-", _CUSTOMER_KEY),
)
_COMPLETE_KNOWN = outbound.known(_COMPLETE)

#: What only copies have. The source itself is written anew, and its owner compared here.
_CONDITIONS = (
    b"x-amz-copy-source-if-match",
    b"x-amz-copy-source-if-modified-since",
    b"x-amz-copy-source-if-none-match",
    b"x-amz-copy-source-if-unmodified-since",
)
_HANDLED = (b"x-amz-copy-source", b"x-amz-source-expected-bucket-owner")
_COPY = outbound.PUT | HeaderSet(
    (*_CONDITIONS, b"x-amz-metadata-directive", b"x-amz-tagging-directive"), (_SOURCE_KEY,)
)
_COPY_KNOWN = outbound.known(_COPY | HeaderSet((*_HANDLED, b"x-amz-acl")))
_COPY_PART = HeaderSet(
    (*_CONDITIONS, b"x-amz-copy-source-range", b"x-amz-request-payer"),
    (_CUSTOMER_KEY, _SOURCE_KEY),
)
_COPY_PART_KNOWN = outbound.known(_COPY_PART | HeaderSet(_HANDLED))

#: What the copy of an object keeps of it, unless the client says otherwise.
_DESCRIPTION = HeaderSet(
    (
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-type",
        b"expires",
    ),
    (b"x-amz-meta-",),
)
#: Of the client's fields, what a copy between stores has beside a description.
_TO_OTHER = HeaderSet(
    (
        b"if-match",
        b"if-none-match",
        b"x-amz-object-lock-legal-hold",
        b"x-amz-object-lock-mode",
        b"x-amz-object-lock-retain-until-date",
        b"x-amz-request-payer",
        b"x-amz-server-side-encryption",
        b"x-amz-server-side-encryption-aws-kms-key-id",
        b"x-amz-server-side-encryption-bucket-key-enabled",
        b"x-amz-server-side-encryption-context",
        b"x-amz-storage-class",
        b"x-amz-tagging",
        b"x-amz-website-redirect-location",
    ),
    (b"x-amz-grant-", _CUSTOMER_KEY),
)
_PART_TO_OTHER = HeaderSet((b"x-amz-request-payer",), (_CUSTOMER_KEY,))

#: What the answers of all of them may show.
_SHOWN = HeaderSet(
    (
        b"x-amz-copy-source-version-id",
        b"x-amz-expiration",
        b"x-amz-request-charged",
        b"x-amz-server-side-encryption",
        b"x-amz-server-side-encryption-bucket-key-enabled",
        b"x-amz-server-side-encryption-customer-algorithm",
        b"x-amz-version-id",
    )
)


#: Of plans that a job makes: it judges the answer itself.
UNUSED = Answer(outbound.NOTHING, relay=False)


def _shown(head: ResponseHead) -> Fields:
    return tuple([(name, value) for name, value in head.items() if name in _SHOWN])


# --- DeleteObjects --------------------------------------------------------------------------------


def delete_objects(backend: S3Backend, request: GatewayRequest, again: bool) -> Plan:
    """Raises: S3Error."""
    bucket, head = request.bucket, request.head
    assert bucket is not None
    outbound.check_write(head, _DELETE_KNOWN)
    check = check_of(head, request.payload)

    def send(deletion: Deletion) -> Plan:
        body = delete.document(deletion.allowed(), bucket.prefix)
        site = backend.site
        return Forward(
            site.origin,
            "POST",
            backend.bucket_target(b"delete="),
            site.host,
            head,
            _DELETE,
            (*outbound.ADD, *delete.digest_fields(body)),
            len(body),
            hashlib.sha256(body).hexdigest().encode(),
            site.signer,
            _Deleted(backend, request, deletion),
            body=body,
        )

    return delete.collect(request, check, send)


class _Deleted(AskedAnswer):
    """The store's report."""

    __slots__ = ("deletion",)

    def __init__(self, backend: S3Backend, request: GatewayRequest, deletion: Deletion) -> None:
        super().__init__(backend, backend.site, request, _SHOWN, True)
        self.deletion = deletion

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status != 200:
            return self.failure(status, head)
        return _Report(self, Failure(status, head, self.site.region), self.kept(head))


class _Report(Failed):
    """Implements ``plan.Gather`` for a ``DeleteResult``."""

    __slots__ = ("fields",)

    def __init__(self, answer: _Deleted, failure: Failure, fields: Fields) -> None:
        super().__init__(answer, failure)
        self.limit = LIST_BODY_MAX
        self.fields = fields

    def finish(self, body: bytes) -> Plan:
        answer = cast("_Deleted", self.answer)
        bucket = answer.request.bucket
        assert bucket is not None
        try:
            done = delete.read_result(body, bucket.prefix, explain)
        except S3Error:
            return super().finish(body)
        return answer.deletion.answer(done, self.fields)


# --- jobs -----------------------------------------------------------------------------------------


def _failed(backend: S3Backend, request: GatewayRequest, answered: Answered, site: Site) -> Respond:
    """The client's answer for one of ``site`` that is none of success."""
    failure = Failure(answered.status, answered.head, site.region)
    failure.read(answered.body[:ERROR_BODY_MAX])
    if answered.status == 200 and failure.code:
        return respond_error(explain(failure.code.encode()), request)
    try:
        # (As if for the second time: a plan for another region would be of no use here.)
        return cast("Respond", backend.fail(request, failure, True, site))
    except S3Error as error:
        return respond_error(error, request)


def complete_upload(backend: S3Backend, request: GatewayRequest, again: bool) -> Plan:
    """Raises: S3Error."""
    head, target = request.head, request.target
    assert target is not None
    outbound.check_write(head, _COMPLETE_KNOWN)
    query = b"uploadId=" + percent_encode(backend.upload_id(request))

    def send(document: bytes) -> Plan:
        async def run(calls: Calls) -> Respond:
            site = backend.site
            plan = Forward(
                site.origin,
                "POST",
                backend.object_target(request, query),
                site.host,
                head,
                _COMPLETE,
                (*outbound.ADD, *CONTENT_TYPE),
                len(document),
                hashlib.sha256(document).hexdigest().encode(),
                site.signer,
                UNUSED,
            )
            answered = await calls.fetch(plan, document, limit=ERROR_BODY_MAX)
            if answered.status == 200:
                try:
                    return complete.respond(request, answered.body, _shown(answered.head))
                except S3Error:
                    pass  # an error in a 200 (SEM-19)
            return _failed(backend, request, answered, site)

        return Job(run, key=job_key(request, document), patient=True)

    return complete.collect(request, send)


def copy_object(backend: S3Backend, request: GatewayRequest, again: bool) -> Plan:
    """Raises: S3Error."""
    head, source = request.head, request.source
    assert source is not None
    add = outbound.upload_fields(head, _COPY_KNOWN)
    tagging = head.get(b"x-amz-tagging-directive")
    _check_directives(head.get(b"x-amz-metadata-directive"), tagging)
    if tagging is None and not copy.may_copy_tags(request):
        # S3 copies tags for whoever may read them there and write them here.
        add += ((b"x-amz-tagging-directive", b"REPLACE"),)
    return _copy(backend, request, source, b"", "CopyObjectResult", _COPY, add)


def copy_part(backend: S3Backend, request: GatewayRequest, again: bool) -> Plan:
    """Raises: S3Error."""
    head, source, target = request.head, request.source, request.target
    assert source is not None and target is not None
    outbound.check_write(head, _COPY_PART_KNOWN)
    copy.read_range(head)
    number = int(target.params["partNumber"])
    query = b"partNumber=%d&uploadId=%b" % (number, percent_encode(backend.upload_id(request)))
    return _copy(backend, request, source, query, "CopyPartResult", _COPY_PART, outbound.ADD)


def _check_directives(*values: bytes | None) -> None:
    for value in values:
        if value not in (None, b"COPY", b"REPLACE"):
            raise S3Error("InvalidArgument", "A directive of a copy is COPY or REPLACE.")


def _copy(
    backend: S3Backend,
    request: GatewayRequest,
    source: CopySource,
    query: bytes,
    root: str,
    keep: HeaderSet,
    add: Fields,
) -> Job:
    """``root`` is the element of the result. Where one credential sees both ends, the store
    copies; else the bytes pass through here."""
    other = source.bucket.backend
    run = _within if backend.shares_store(other) else _between

    async def carry_out(calls: Calls) -> Respond:
        return await run(calls, backend, request, source, query, root, keep, add)

    return Job(carry_out, key=job_key(request), patient=True)


async def _within(
    calls: Calls,
    backend: S3Backend,
    request: GatewayRequest,
    source: CopySource,
    query: bytes,
    root: str,
    keep: HeaderSet,
    add: Fields,
) -> Respond:
    site = backend.site
    name = cast("S3Backend", source.bucket.backend).name_of(source)
    plan = Forward(
        site.origin,
        "PUT",
        backend.object_target(request, query),
        site.host,
        request.head,
        keep,
        (*add, (b"x-amz-copy-source", name)),
        0,
        EMPTY_SHA256,
        site.signer,
        UNUSED,
    )
    answered = await calls.fetch(plan, limit=ERROR_BODY_MAX)
    if answered.status == 200:
        try:
            texts = copy.result(answered.body, root)
        except S3Error:
            pass  # an error in a 200 (SEM-19)
        else:
            return copy.respond(root, texts, _shown(answered.head), request.now)
    return _failed(backend, request, answered, site)


async def _between(
    calls: Calls,
    backend: S3Backend,
    request: GatewayRequest,
    source: CopySource,
    query: bytes,
    root: str,
    keep: HeaderSet,
    add: Fields,
) -> Respond:
    """The bytes of one answer become the body of the other request, whole or not at all: the
    target is told their number before the first one."""
    head = request.head
    reading = cast("S3Backend", source.bucket.backend).open_copy(source, _source_fields(head))
    asked = copy.read_range(head)
    as_part = root == "CopyPartResult"
    if head.get(b"x-amz-checksum-algorithm") is not None:
        raise S3Error("NotImplemented", "A copy between stores gets no further checksum.")
    origin_fields: list[tuple[bytes, bytes]] = []

    def target(opened: ResponseHead) -> Forward:
        if opened.content_length > COPY_MAX:
            raise S3Error(
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy "
                f"source: {COPY_MAX}",
            )
        _check_part(asked, opened)
        kept, fields = _PART_TO_OTHER, add
        if not as_part:
            kept, fields = _TO_OTHER, _description(request, add, opened)
        version = opened.get(b"x-amz-version-id")
        if version is not None:
            origin_fields.append((b"x-amz-copy-source-version-id", version))
        site = backend.site
        return Forward(
            site.origin,
            "PUT",
            backend.object_target(request, query),
            site.host,
            head,
            kept,
            fields,
            opened.content_length,
            UNSIGNED_PAYLOAD,
            site.signer,
            UNUSED,
        )

    answered = await calls.transfer(reading, target, limit=ERROR_BODY_MAX)
    if answered.plan is reading:
        return _unread(request, source, answered)
    if answered.status != 200:
        return _failed(backend, request, answered, backend.site)
    texts = {"ETag": answered.head.get(b"etag") or b""}
    shown = (*_shown(answered.head), *origin_fields)
    return copy.respond(root, texts, shown, request.now)


def _check_part(asked: bytes | None, opened: ResponseHead) -> None:
    """The source must give exactly what was asked of it, the whole or a range: stores may ignore a
    range, or cut it at the end.

    Raises: InvalidRange, BadGateway.
    """
    if opened.status != (200 if asked is None else 206):
        raise S3Error("BadGateway", "The source of the copy did not give what was asked")
    if asked is None:
        return
    given = (opened.get(b"content-range") or b"").removeprefix(b"bytes ").partition(b"/")[0]
    if given != asked.removeprefix(b"bytes="):
        raise S3Error("InvalidRange", "The requested range is not satisfiable")


def _source_fields(head: RequestHead) -> Fields:
    """What the reading of the source says for the client's fields about it."""
    fields: list[tuple[bytes, bytes]] = []
    for name, value in head.items():
        if name == b"x-amz-copy-source-range":
            fields.append((b"range", value))
        elif name in _CONDITIONS:
            fields.append((name.removeprefix(b"x-amz-copy-source-"), value))
        elif name.startswith(_SOURCE_KEY):
            fields.append((name.replace(b"copy-source-", b"", 1), value))
    return tuple(fields)


def _description(request: GatewayRequest, add: Fields, opened: ResponseHead) -> Fields:
    """The fields of the copy that ``_TO_OTHER`` does not keep: what it says of itself is what the
    source does, unless the client replaces it. ``add`` is what an upload with this head adds."""
    head = request.head
    if head.get(b"x-amz-metadata-directive") == b"REPLACE":
        described = [item for item in head.items() if item[0] in _DESCRIPTION]
    else:
        described = [item for item in opened.items() if item[0] in _DESCRIPTION]
        add = tuple([item for item in add if item[0] != b"content-encoding"])
    add = tuple([item for item in add if item[0] != b"x-amz-tagging-directive"])
    tags = opened.get(b"x-amz-tagging-count") or b"0"
    replaced = head.get(b"x-amz-tagging-directive") == b"REPLACE" or not copy.may_copy_tags(request)
    if tags != b"0" and not replaced:
        raise S3Error(
            "NotImplemented",
            "Tags are not copied between stores; give them in x-amz-tagging with "
            "x-amz-tagging-directive: REPLACE.",
        )
    added = {name for name, _ in add}
    return (*add, *(item for item in described if item[0] not in added))


def _unread(request: GatewayRequest, source: CopySource, answered: Answered) -> Respond:
    """The source could not be read. A condition on it that fails is 412, whichever it was."""
    if answered.status in (304, 412):
        error = S3Error(
            "PreconditionFailed", "At least one of the preconditions you specified did not hold."
        )
        return respond_error(error, request)
    other = cast("S3Backend", source.bucket.backend)
    return _failed(other, request, answered, other.site)
