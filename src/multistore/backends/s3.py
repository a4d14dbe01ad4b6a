"""S3 and its relatives (AWS, SeaweedFS, MinIO, R2, Ceph) as a backend.

Plans only: each operation becomes one request of our own, signed with the backend's credential
in its headers (D1), and a recipe for the answer. Failures are judged in ``s3_errors``.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from typing import TYPE_CHECKING

from multistore.backends.s3_errors import Failure
from multistore.errors import S3Error
from multistore.gateway import outbound, render
from multistore.gateway.listing import Listing, ListingTranslator
from multistore.gateway.payload import PayloadPolicy, plan_payload
from multistore.gateway.plan import EMPTY_SHA256, Answer, Forward, Respond
from multistore.limits import ERROR_BODY_MAX
from multistore.types import Origin
from multistore.wire import percent_encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.gateway.plan import Fields, Gather, Plan, Translate
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest
    from multistore.wire import HeaderSet, ResponseHead, Signer

__all__ = ["S3Backend"]

_log = logging.getLogger("multistore.backend")

#: Query parameters of a read that the backend has to know, in canonical order.
_READ_PARAMS = (
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "versionId",
)

#: S3 at AWS ("Amazon S3 endpoints and quotas", AWS General Reference). ``bucket``: the name of one
#: in front; ``variant``: FIPS, accelerate, dualstack; ``region``: none for the global endpoint.
#: Other names below the domain (EC2 hosts, API Gateway, S3 websites) are not S3's API.
_AWS_ENDPOINT = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]*\.)?"
    r"s3(?P<variant>(?:-fips|-accelerate)?(?:\.dualstack)?)"
    r"(?:[.-](?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}))?"
    r"\.(?P<domain>amazonaws\.com(?:\.cn)?)"
)


class _Site:
    """Where a bucket is asked: the origin to connect to, the Host to name there, who signs."""

    __slots__ = ("host", "origin", "region", "signer")

    def __init__(self, origin: Origin, host: bytes, region: str, signer: Signer | None) -> None:
        self.origin = origin
        self.host = host
        self.region = region
        self.signer = signer


class S3Backend:
    """Implements ``gateway.ports.Backend`` for one bucket of one S3 store.

    ``origin`` is the endpoint without bucket; ``base_path`` a path in front of everything, b"" or
    beginning with ``/``, encoded. Without ``signer`` requests go out unsigned (public buckets).
    ``verifies_payload``: the store is known to compare a signed SHA-256 with the body; None means
    what is known of the endpoint, True for AWS. ``payload``: as in ``PayloadPolicy.of``.
    ``signer_for`` makes a signer for another region of the same credential; without it the region
    of an AWS bucket cannot be learnt (SEM-15). ``owner_id`` and ``owner_display_name`` are the
    owner that listings show.

    Raises: ValueError for a virtual-hosted bucket at an address, or an unknown ``payload``.
    """

    def __init__(
        self,
        origin: Origin,
        bucket_name: str,
        *,
        sealer: TokenSealer,
        region: str = "us-east-1",
        signer: Signer | None = None,
        signer_for: Callable[[str], Signer] | None = None,
        virtual_hosted: bool = False,
        verifies_payload: bool | None = None,
        payload: str = "auto",
        base_path: bytes = b"",
        owner_id: str = "",
        owner_display_name: str = "",
    ) -> None:
        self._endpoint = origin
        self._bucket_name = bucket_name
        self._sealer = sealer
        self._signer_for = signer_for
        self._virtual_hosted = virtual_hosted
        self._owner_id = owner_id
        self._owner_display_name = owner_display_name or owner_id
        aws, signs = _AWS_ENDPOINT.fullmatch(origin.host) is not None, signer is not None
        self._policy = PayloadPolicy.of(payload, aws=aws, signs=signs, verifies=verifies_payload)
        bucket = b"" if virtual_hosted else b"/" + percent_encode(bucket_name.encode())
        self._path = base_path.rstrip(b"/") + bucket
        self._objects = self._path + b"/"
        self._region_is_learnt = False
        #: Where requests go now; another object after the region was learnt.
        self.site = self._locate(origin, region, signer)
        self._plans = {
            "GetObject": self._read,
            "HeadObject": self._read,
            "PutObject": self._put,
            "DeleteObject": self._delete,
            "ListObjects": self._list,
            "ListObjectsV2": self._list,
        }

    def __repr__(self) -> str:
        return f"S3Backend({self._endpoint!r}, {self._bucket_name!r})"

    def _locate(self, origin: Origin, region: str, signer: Signer | None) -> _Site:
        host = origin.host
        if self._virtual_hosted:
            if _is_address(host):
                raise ValueError(f"a bucket cannot be a subdomain of the address {host}")
            host = f"{self._bucket_name}.{host}"
            origin = Origin(
                host, origin.port, tls=origin.tls, verify=origin.verify, ca_file=origin.ca_file
            )
        name = f"[{host}]" if ":" in host else host
        usual = origin.port == (443 if origin.tls else 80)
        host_field = name if usual else f"{name}:{origin.port}"
        return _Site(origin, host_field.encode(), region, signer)

    # --- plans

    def plan(self, request: GatewayRequest) -> Plan:
        """See ``gateway.ports.Backend``. Raises: S3Error."""
        return self._plan(request, False)

    def _plan(self, request: GatewayRequest, again: bool) -> Plan:
        operation = request.operation
        assert operation is not None
        make = self._plans.get(operation.name)
        if make is None:
            raise S3Error("NotImplemented", f"{operation.name} is not implemented for this bucket")
        return make(request, again)

    def read_whole(self, request: GatewayRequest, again: bool) -> Plan:
        """A GET or HEAD without its range, whose If-Range did not hold."""
        return self._read(request, again, whole=True)

    def _target(self, request: GatewayRequest, query: bytes) -> bytes:
        bucket, target = request.bucket, request.target
        assert bucket is not None and target is not None
        prefix = bucket.prefix
        path = self._objects + percent_encode(prefix + target.key if prefix else target.key, True)
        return path + b"?" + query if query else path

    def _read(self, request: GatewayRequest, again: bool, *, whole: bool = False) -> Plan:
        assert request.target is not None
        params = request.target.params
        query = _read_query(params) if params else b""
        part = bool(query) and "partNumber" in params
        keep, add, shown, if_range = outbound.read_fields(request.head, part=part)
        make = _Answer
        if whole:
            keep, add = outbound.READ_WHOLE, outbound.ADD
        elif if_range:
            make = _IfRangeAnswer
        answer = make(self, request, shown, again)
        return self._forward(request, self._target(request, query), keep, add, answer, True)

    def _put(self, request: GatewayRequest, again: bool) -> Plan:
        add = outbound.upload_fields(request.head)
        return self._upload(request, again, b"", (outbound.PUT, outbound.PUT_BARE), add)

    def _upload(
        self,
        request: GatewayRequest,
        again: bool,
        query: bytes,
        keep: tuple[HeaderSet, HeaderSet],
        add: Fields,
    ) -> Plan:
        """The bytes of an object. ``keep``: the fields kept, with and without its checksum."""
        body, site = plan_payload(request, self._policy), self.site
        return Forward(
            site.origin,
            "PUT",
            self._target(request, query),
            site.host,
            request.head,
            keep[body.bare],
            add + body.add,
            body.length,
            body.payload,
            site.signer,
            _PutAnswer(self, request, outbound.PUT_ANSWER, again, body.shown),
            check=body.check,
            decoder=body.decoder,
            framing=body.framing,
        )

    def _delete(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_delete(request.head)
        assert request.target is not None
        version = request.target.params.get("versionId")
        query = b"" if version is None else b"versionId=" + percent_encode(version)
        answer = _DeleteAnswer(self, request, outbound.DELETE_ANSWER, again)
        target = self._target(request, query)
        return self._forward(request, target, outbound.DELETE, outbound.ADD, answer, False)

    def _list(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_list(request.head)
        listing = Listing(request, self._sealer, self._owner_id, self._owner_display_name)
        if listing.max_keys == 0:
            return listing.empty()
        target = (self._path or b"/") + b"?" + listing.query()
        answer = _ListAnswer(self, request, again, listing)
        return self._forward(request, target, outbound.LIST, outbound.ADD, answer, True)

    def _forward(
        self,
        request: GatewayRequest,
        target: bytes,
        keep: HeaderSet,
        add: Fields,
        answer: _Answer,
        replayable: bool,
    ) -> Forward:
        """A request without a body."""
        head, site = request.head, self.site
        return Forward(
            site.origin,
            head.method,
            target,
            site.host,
            head,
            keep,
            add,
            -1,
            EMPTY_SHA256,
            site.signer,
            answer,
            replayable=replayable,
        )

    # --- the region of an AWS bucket

    def learn_region(self, region: str) -> bool:
        """Moves to ``region`` for all requests to come. True when that made a difference: within
        AWS, once, never to a name that is not the provider's own (SEM-15, F21). An endpoint that
        names a bucket or a variant is what the operator chose: it stays."""
        match = _AWS_ENDPOINT.fullmatch(self._endpoint.host)
        if match is None or match["bucket"] or match["variant"]:
            return False
        if not region or self._region_is_learnt:
            return False
        signer = self.site.signer
        if signer is not None:
            if self._signer_for is None:
                return False
            signer = self._signer_for(region)
        old = self._endpoint
        moved = Origin(
            f"s3.{region}.{match['domain']}",
            old.port,
            tls=old.tls,
            verify=old.verify,
            ca_file=old.ca_file,
        )
        self.site = self._locate(moved, region, signer)
        self._region_is_learnt = True
        return True

    # --- failures

    def fail(self, request: GatewayRequest, failure: Failure, again: bool, site: _Site) -> Plan:
        """What follows from a failed answer that came from ``site``."""
        where = f"{site.origin!r} bucket {self._bucket_name}"
        head_only = request.head.method == "HEAD"
        if failure.redirects:
            # Another request may have learnt the region while this one was under way.
            moved = site is not self.site or self.learn_region(failure.region)
            _log.warning(
                "%s: the bucket is in region %s, asked was %s [%s]",
                where,
                failure.region or "(not named)",
                failure.asked_region,
                request.request_id,
            )
            if moved and not again:
                assert request.operation is not None
                if request.operation.name != "PutObject":
                    return self._plan(request, True)
                # The client's body is gone; every SDK sends it again on 503.
                error = S3Error("ServiceUnavailable", "Please try again")
                return _render(error, request, head_only, ((b"retry-after", b"1"),))
        elif failure.ours or (head_only and failure.status in (400, 401, 403)):
            # (A HEAD has no code: whether the client or our credential was refused is not known.)
            _log.warning(
                "%s answered %d %s [%s]",
                where,
                failure.status,
                failure.code or "(no code)",
                request.request_id,
            )
        return _render(failure.error(), request, head_only, failure.fields)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _read_query(params: dict[str, bytes]) -> bytes:
    return b"&".join(
        name.encode() + b"=" + percent_encode(params[name])
        for name in _READ_PARAMS
        if name in params
    )


def _render(error: S3Error, request: GatewayRequest, head_only: bool, fields: Fields) -> Respond:
    resource = render.resource_of(request.head)
    answer = render.error(error, request.request_id, resource, head=head_only)
    answer.fields += fields
    return answer


# --- answers --------------------------------------------------------------------------------------


class _Answer(Answer):
    """GET and HEAD: the object is relayed, a part or nothing of it only to who asked for that.
    Failures are gathered, whatever the operation. ``site`` is where the request went."""

    __slots__ = ("again", "backend", "request", "site")

    def __init__(
        self,
        backend: S3Backend,
        request: GatewayRequest,
        keep: HeaderSet,
        again: bool,
        extra: Fields = (),
    ) -> None:
        self.keep = keep
        self.extra = extra
        self.relay = True
        self.backend = backend
        self.request = request
        self.again = again
        self.site = backend.site

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

    def failure(self, status: int, head: ResponseHead) -> Gather:
        return _Failed(self, Failure(status, head, self.site.region))

    def failed(self, failure: Failure) -> Plan:
        return self.backend.fail(self.request, failure, self.again, self.site)


class _Failed:
    """Implements ``plan.Gather`` for an error document."""

    __slots__ = ("answer", "failure", "limit")

    def __init__(self, answer: _Answer, failure: Failure) -> None:
        self.limit = ERROR_BODY_MAX
        self.answer = answer
        self.failure = failure

    def finish(self, body: bytes) -> Plan:
        if body:
            self.failure.read(body)
        try:
            return self.answer.failed(self.failure)
        except S3Error as error:
            request = self.answer.request
            return _render(error, request, request.head.method == "HEAD", ())


class _Stored(_Failed):
    """A 200 with a document: if that is an error, however long, nothing was stored (S3: CopyObject,
    "200 OK response that contains an error"). Anything else means nothing."""

    __slots__ = ("stored",)

    def __init__(self, answer: _Answer, failure: Failure, stored: Respond) -> None:
        super().__init__(answer, failure)
        self.stored = stored

    def finish(self, body: bytes) -> Plan:
        return super().finish(body) if b"<Error" in body else self.stored


class _IfRangeAnswer(_Answer):
    """Our If-Match stands for the client's If-Range: 412 leads to the whole object (R15)."""

    __slots__ = ()

    def failed(self, failure: Failure) -> Plan:
        if failure.status == 412:
            return self.backend.read_whole(self.request, self.again)
        return super().failed(failure)


class _PutAnswer(_Answer):
    """PUT answers 200, and its body means nothing to the client unless it is an error (S20)."""

    __slots__ = ()

    def __init__(
        self,
        backend: S3Backend,
        request: GatewayRequest,
        keep: HeaderSet,
        again: bool,
        extra: Fields,
    ) -> None:
        super().__init__(backend, request, keep, again, extra)
        self.relay = False

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status != 200:
            return self.failure(status, head)
        kept = [(name, value) for name, value in head.items() if name in self.keep]
        names = {name for name, _ in kept}
        kept += [item for item in self.extra if item[0] not in names]
        stored = Respond(200, tuple(kept))
        if head.chunked or head.content_length > 0:
            return _Stored(self, Failure(status, head, self.site.region), stored)
        return stored


class _DeleteAnswer(_Answer):
    """DELETE answers 204, also for a key that was not there (SEM-20)."""

    __slots__ = ()

    def __init__(
        self, backend: S3Backend, request: GatewayRequest, keep: HeaderSet, again: bool
    ) -> None:
        super().__init__(backend, request, keep, again)
        self.relay = False

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status == 204:
            return None
        if status in (200, 202):
            kept = [(name, value) for name, value in head.items() if name in self.keep]
            return Respond(204, tuple(kept))
        return self.failure(status, head)

    def failed(self, failure: Failure) -> Plan:
        conditional = self.request.head.get(b"if-match") is not None
        if failure.status == 404 and failure.code == "NoSuchKey" and not conditional:
            return Respond(204)
        return super().failed(failure)


class _ListAnswer(_Answer):
    __slots__ = ("listing",)

    def __init__(
        self, backend: S3Backend, request: GatewayRequest, again: bool, listing: Listing
    ) -> None:
        super().__init__(backend, request, outbound.NOTHING, again)
        self.relay = False
        self.listing = listing

    def on_head(self, status: int, head: ResponseHead) -> Respond | Translate | Gather | None:
        if status == 200:
            return ListingTranslator(self.listing)
        return self.failure(status, head)
