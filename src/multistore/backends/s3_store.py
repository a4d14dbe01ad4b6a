"""A whole S3 store: buckets that come and go there, and the list of them (D17).

What is asked of one of its buckets goes out as for any other (``backends.s3``); here is what has
to do with the bucket as such. Whether it exists only the store knows, so what the store says of
that is the client's to hear, under the client's name.

Operations: "CreateBucket", "DeleteBucket", "HeadBucket", "ListBuckets" in the Amazon S3 API
reference.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from multistore.backends.s3 import S3Backend
from multistore.backends.s3_answers import respond_error
from multistore.backends.s3_errors import Failure
from multistore.errors import S3Error
from multistore.gateway import outbound, render
from multistore.gateway.bucket_document import read_buckets, read_location, write_location
from multistore.gateway.document import check_length, check_of
from multistore.gateway.plan import EMPTY_SHA256, Answer, Collect, Forward, Respond
from multistore.limits import BUCKET_DOCUMENT_MAX, ERROR_BODY_MAX, LIST_BODY_MAX
from multistore.wire import HeaderSet, percent_encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multistore.gateway.plan import Gather, Plan, Translate
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Origin
    from multistore.wire import ResponseHead

__all__ = ["S3Store"]

_log = logging.getLogger("multistore.backend")

#: What goes on to the store. ``x-amz-acl: private`` is what every bucket is, and dropped (SEM-14).
_CREATE_PRIVATE = HeaderSet(
    (b"x-amz-bucket-object-lock-enabled", b"x-amz-object-ownership"), (b"x-amz-grant-",)
)
_CREATE = _CREATE_PRIVATE | HeaderSet((b"x-amz-acl",))
#: Those, and what speaks of a body that ends here.
_CREATE_KNOWN = _CREATE | HeaderSet((b"x-amz-sdk-checksum-algorithm",), (b"x-amz-checksum-",))

#: What a store says of a bucket as such, under its own name for it. (Of an ordinary entry's bucket
#: the last two would be between the gateway and its store: ``s3_errors``.)
_CODES: dict[str, str] = {
    "BucketAlreadyExists": "The requested bucket name is not available.",
    "BucketAlreadyOwnedByYou": "The bucket that you tried to create exists, and you own it.",
    "BucketNotEmpty": "The bucket that you tried to delete is not empty.",
    "InvalidBucketName": "The specified bucket is not valid.",
    "NoSuchBucket": "The specified bucket does not exist",
}

#: Buckets of one store that are listed; S3's largest quota for an account is ten times that.
_BUCKETS_MAX = 100_000


class S3Store:
    """Makes the backends of a store's buckets, and asks for their list.

    ``our_region`` is what clients call the place of all buckets, ``regions`` are further names for
    it. ``options`` are those of ``S3Backend`` but for the bucket; its ``region`` is where buckets
    are made.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        our_region: str = "us-east-1",
        regions: frozenset[str] = frozenset(),
        **options: Any,
    ) -> None:
        self.our_region = our_region
        self.regions = regions | {our_region}
        self.region: str = options.get("region", "us-east-1")
        self._origin = origin
        self._options = options
        # What is asked of no bucket is asked at the endpoint itself.
        self._root = StoreBucket(self, origin, "", **{**options, "virtual_hosted": False})

    def bucket(self, name: str) -> StoreBucket:
        """The backend of the store's bucket ``name``, which need not exist."""
        return StoreBucket(self, self._origin, name, **self._options)

    def list_buckets(
        self, request: GatewayRequest, found: Callable[[Sequence[tuple[str, str]]], Plan]
    ) -> Plan:
        """Asks for all buckets, page by page if the store has pages; ``found`` gets their names
        and dates of creation and gives the next plan."""
        known: list[tuple[str, str]] = []

        def ask(token: bytes) -> Plan:
            def read(body: bytes) -> Plan:
                buckets, following = read_buckets(body)
                known.extend(buckets)
                if not following:
                    return found(known)
                if following == token or len(known) > _BUCKETS_MAX:
                    raise S3Error("BadGateway", "The backend's list of buckets does not end")
                return ask(following)

            query = b"continuation-token=" + percent_encode(token) if token else b""
            return self._root.ask(request, "GET", _Listed(self._root, request, read), query)

        return ask(b"")


class StoreBucket(S3Backend):
    """Implements ``gateway.ports.Backend`` for one bucket of a store, also while there is none of
    that name."""

    def __init__(self, store: S3Store, origin: Origin, name: str, **options: Any) -> None:
        super().__init__(origin, name, **options)
        self._store = store
        bucket = b"" if options.get("virtual_hosted") else b"/" + percent_encode(name.encode())
        self._resource = (options.get("base_path", b"").rstrip(b"/") + bucket) or b"/"

    def plan(self, request: GatewayRequest) -> Plan:
        """See ``gateway.ports.Backend``. Raises: S3Error."""
        return self._plan_bucket(request, False) or super().plan(request)

    def _plan_bucket(self, request: GatewayRequest, again: bool) -> Plan | None:
        """The plan for an operation on the bucket as such; None for any other."""
        operation, bucket = request.operation, request.bucket
        assert operation is not None and bucket is not None
        if operation.name == "CreateBucket":
            return self._create(request)
        if operation.name == "DeleteBucket":
            method, done = "DELETE", Respond(204)
        elif operation.name == "HeadBucket":
            region = self._store.our_region.encode()
            method, done = "HEAD", Respond(200, ((b"x-amz-bucket-region", region),))
        elif operation.name == "GetBucketLocation":
            # Where it is we know; that it is there the store must say.
            method, done = "HEAD", render.bucket_location(self._store.our_region)
        else:
            return None
        outbound.check_list(request.head)
        return self.ask(request, method, _Done(self, request, done, again))

    def ask(
        self,
        request: GatewayRequest,
        method: str,
        answer: _StoreAnswer,
        query: bytes = b"",
        *,
        keep: HeaderSet = outbound.NOTHING,
        body: bytes | None = None,
    ) -> Forward:
        """A request for the bucket as such. ``body``: None for none, b"" for an empty one."""
        site = self.site
        return Forward(
            site.origin,
            method,
            self._resource + b"?" + query if query else self._resource,
            site.host,
            request.head,
            keep,
            outbound.ADD,
            -1 if body is None else len(body),
            hashlib.sha256(body).hexdigest().encode() if body else EMPTY_SHA256,
            site.signer,
            answer,
            body=body or None,
            replayable=method in ("GET", "HEAD"),
        )

    # --- CreateBucket

    def _create(self, request: GatewayRequest) -> Plan:
        head = request.head
        outbound.check_fields(head, _CREATE_KNOWN)
        if head.chunked or head.content_length > 0:
            check_length(head.content_length, BUCKET_DOCUMENT_MAX)
        check = check_of(head, request.payload)

        def finish(body: bytes) -> Plan:
            return self._create_in(request, read_location(body))

        if head.content_length <= 0:
            if check is not None:
                check.finish()
            return finish(b"")
        return Collect(check, finish)

    def _create_in(self, request: GatewayRequest, location: str) -> Plan:
        """``location`` is what the client calls the place; all it may mean is ours."""
        store, bucket = self._store, request.bucket
        assert bucket is not None
        if location and location not in store.regions:
            raise S3Error(
                "IllegalLocationConstraintException",
                f"The {location} location constraint is incompatible for the region specific"
                " endpoint this request was sent to.",
            )
        done = Respond(200, ((b"location", b"/" + bucket.name.encode()),))
        keep = _CREATE_PRIVATE if request.head.get(b"x-amz-acl") == b"private" else _CREATE
        answer = _Done(self, request, done, True)
        return self.ask(request, "PUT", answer, keep=keep, body=write_location(store.region))

    # --- failures

    def fail(self, request: GatewayRequest, failure: Failure, again: bool, site: Any) -> Plan:
        """What the store says of the bucket itself is told; the rest as ``S3Backend`` does."""
        operation, bucket = request.operation, request.bucket
        assert operation is not None
        if bucket is None:
            if 400 <= failure.status < 500 and failure.status != 429:
                # Nobody's fault but ours: the client named nothing at the store.
                where = f"{site.origin!r}: {failure.status} {failure.code or '(no code)'}"
                _log.warning("%s: buckets cannot be listed [%s]", where, request.request_id)
                raise S3Error("BadGateway", "The gateway could not use its backend to list buckets")
            return respond_error(failure.error(), request, failure.fields)
        code = failure.code
        if not code and failure.status == 404 and operation.name in _REPLANNED:
            code = "NoSuchBucket"  # to a HEAD, which says no more
        if code in _CODES:
            raise S3Error(code, _CODES[code], fields=(("BucketName", bucket.name),))
        moves = failure.redirects and not again and operation.name in _REPLANNED
        if moves and (site is not self.site or self.learn_region(failure.region)):
            plan = self._plan_bucket(request, True)
            assert plan is not None
            return plan
        return super().fail(request, failure, again or operation.name in _REPLANNED, site)


#: Operations on a bucket as such that may be asked again where the bucket was found to be.
_REPLANNED = frozenset(("DeleteBucket", "GetBucketLocation", "HeadBucket"))


# --- answers --------------------------------------------------------------------------------------


class _StoreAnswer(Answer):
    """Failures are gathered; what a success means others say."""

    __slots__ = ("again", "backend", "request", "site")

    def __init__(self, backend: StoreBucket, request: GatewayRequest, again: bool) -> None:
        super().__init__(outbound.NOTHING, relay=False)
        self.backend = backend
        self.request = request
        self.again = again
        self.site = backend.site

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status in (200, 204):
            return self.succeeded()
        return _Failed(self, Failure(status, head, self.site.region))

    def succeeded(self) -> Respond | Gather:
        raise NotImplementedError


class _Done(_StoreAnswer):
    __slots__ = ("done",)

    def __init__(
        self, backend: StoreBucket, request: GatewayRequest, done: Respond, again: bool
    ) -> None:
        super().__init__(backend, request, again)
        self.done = done

    def succeeded(self) -> Respond | Gather:
        return self.done


class _Listed(_StoreAnswer):
    __slots__ = ("read",)

    def __init__(
        self, backend: StoreBucket, request: GatewayRequest, read: Callable[[bytes], Plan]
    ) -> None:
        super().__init__(backend, request, True)
        self.read = read

    def succeeded(self) -> Respond | Gather:
        return _Document(self.read)


class _Document:
    """Implements ``plan.Gather`` for a list of buckets. A longer one is cut, and so no document."""

    __slots__ = ("finish", "limit")

    def __init__(self, read: Callable[[bytes], Plan]) -> None:
        self.limit = LIST_BODY_MAX
        self.finish = read


class _Failed:
    """Implements ``plan.Gather`` for an error document."""

    __slots__ = ("answer", "failure", "limit")

    def __init__(self, answer: _StoreAnswer, failure: Failure) -> None:
        self.limit = ERROR_BODY_MAX
        self.answer = answer
        self.failure = failure

    def finish(self, body: bytes) -> Plan:
        if body:
            self.failure.read(body)
        answer = self.answer
        return answer.backend.fail(answer.request, self.failure, answer.again, answer.site)
