"""S3 and its relatives (AWS, SeaweedFS, MinIO, R2, Ceph) as a backend.

Plans only: each operation becomes one request of our own, signed with the backend's credential
in its headers (D1), and a recipe for the answer. Failures are judged in ``s3_errors``.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from multistore.backends import s3_jobs
from multistore.backends.s3_answers import (
    AclAnswer,
    DeleteAnswer,
    IfRangeAnswer,
    InitiatedAnswer,
    ListAnswer,
    S3Answer,
    Site,
    WriteAnswer,
    respond_error,
)
from multistore.backends.s3_endpoint import host_field, in_region, is_aws, of_bucket
from multistore.backends.s3_operations import SIMPLE
from multistore.errors import S3Error
from multistore.gateway import multipart, outbound
from multistore.gateway.document import DocumentCheck, check_length, check_of
from multistore.gateway.listing import Listing, ListingTranslator
from multistore.gateway.outbound import read_fields
from multistore.gateway.payload import PayloadPolicy, plan_payload
from multistore.gateway.plan import EMPTY_SHA256, Forward
from multistore.gateway.versions import VersionListing, VersionTranslator
from multistore.limits import DOCUMENT_MAX
from multistore.wire import percent_encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.backends.s3_errors import Failure
    from multistore.backends.s3_operations import Simple
    from multistore.gateway.copy import CopySource
    from multistore.gateway.plan import Fields, Plan, Respond, Translate
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Origin
    from multistore.wire import HeaderSet, Signer

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

_PART_KNOWN = outbound.known(outbound.PART | outbound.FRAMING)
_LIST_PARTS_KNOWN = outbound.known(outbound.LIST_PARTS)


class S3Backend:
    """Implements ``gateway.ports.Backend`` for one bucket of one S3 store.

    ``origin`` is the endpoint without bucket; ``base_path`` a path in front of everything, b"" or
    beginning with ``/``, encoded. Without ``signer`` requests go out unsigned (public buckets).
    ``verifies_payload``: the store is known to compare a signed SHA-256 with the body; None means
    what is known of the endpoint, True for AWS. ``payload``: as in ``PayloadPolicy.of``.
    ``signer_for`` makes a signer for another region of the same credential; without it the region
    of an AWS bucket cannot be learnt (SEM-15). ``owner_id`` and ``owner_display_name`` are the
    owner that documents show, ``gateway_region`` the region that HeadBucket tells. Backends with
    the same ``store_id`` have endpoint and credential in common.

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
        gateway_region: str = "us-east-1",
        store_id: bytes | None = None,
    ) -> None:
        self._endpoint = origin
        self._bucket_name = bucket_name
        self._sealer = sealer
        self._signer_for = signer_for
        self._virtual_hosted = virtual_hosted
        #: Id and display name.
        self.owner = owner_id, owner_display_name or owner_id
        self._gateway_region = gateway_region
        self.store_id = store_id
        aws, signs = is_aws(origin.host), signer is not None
        self._policy = PayloadPolicy.of(payload, aws=aws, signs=signs, verifies=verifies_payload)
        bucket = b"" if virtual_hosted else b"/" + percent_encode(bucket_name.encode())
        self._path = base_path.rstrip(b"/") + bucket
        self._objects = self._path + b"/"
        self._region_is_learnt = False
        #: Where requests go now; another object after the region was learnt.
        self.site = self._locate(origin, region, signer)
        self._plans: dict[str, Callable[[GatewayRequest, bool], Plan]] = {
            "PutObject": self._put,
            "DeleteObject": self._delete,
            "ListObjects": self._list,
            "ListObjectsV2": self._list,
            "ListObjectVersions": self._list_versions,
            "CreateMultipartUpload": self._create_upload,
            "UploadPart": self._upload_part,
            "ListParts": self._list_parts,
            "ListMultipartUploads": self._list_uploads,
            "CompleteMultipartUpload": partial(s3_jobs.complete_upload, self),
            "DeleteObjects": partial(s3_jobs.delete_objects, self),
            "CopyObject": partial(s3_jobs.copy_object, self),
            "UploadPartCopy": partial(s3_jobs.copy_part, self),
        }

    def __repr__(self) -> str:
        return f"S3Backend({self._endpoint!r}, {self._bucket_name!r})"

    def _locate(self, origin: Origin, region: str, signer: Signer | None) -> Site:
        if self._virtual_hosted:
            origin = of_bucket(origin, self._bucket_name)
        return Site(origin, host_field(origin), region, signer)

    # --- plans

    def plan(self, request: GatewayRequest) -> Plan:
        """See ``gateway.ports.Backend``. Raises: S3Error."""
        return self._plan(request, False)

    def _plan(self, request: GatewayRequest, again: bool) -> Plan:
        operation = request.operation
        assert operation is not None
        name = operation.name
        if name == "GetObject" or name == "HeadObject":  # fast path: most requests
            return self._read(request, again)
        make = self._plans.get(name)
        if make is not None:
            return make(request, again)
        row = SIMPLE.get(name)
        if row is None:
            raise S3Error("NotImplemented", f"{operation.name} is not implemented for this bucket")
        return self._simple(request, again, row)

    def read_whole(self, request: GatewayRequest, again: bool) -> Plan:
        """A GET or HEAD without its range, whose If-Range did not hold."""
        return self._read(request, again, True)

    def object_target(self, request: GatewayRequest, query: bytes) -> bytes:
        """The object's path at the store, and ``query``."""
        bucket, target = request.bucket, request.target
        assert bucket is not None and target is not None
        prefix = bucket.prefix
        path = self._objects + percent_encode(prefix + target.key if prefix else target.key, True)
        return path + b"?" + query if query else path

    def _read(self, request: GatewayRequest, again: bool, whole: bool = False) -> Plan:
        target = request.target
        assert target is not None
        params = target.params
        query = _read_query(params) if params else b""
        part = bool(query) and "partNumber" in params
        keep, add, shown, if_range = read_fields(request.head, part)
        if whole:
            keep, add = outbound.READ_WHOLE, outbound.ADD
        if if_range and not whole:
            answer: S3Answer = IfRangeAnswer(self, self.site, request, shown, again)
        else:
            answer = S3Answer(self, self.site, request, shown, again)
        return self._forward(request, self.object_target(request, query), keep, add, answer, True)

    def _put(self, request: GatewayRequest, again: bool) -> Plan:
        add = outbound.upload_fields(request.head)
        return self._upload(request, again, b"", (outbound.PUT, outbound.PUT_BARE), add)

    def _upload_part(self, request: GatewayRequest, again: bool) -> Plan:
        assert request.target is not None
        outbound.check_write(request.head, _PART_KNOWN)
        number = int(request.target.params["partNumber"])
        query = b"partNumber=%d&uploadId=%b" % (number, percent_encode(self.upload_id(request)))
        keep = (outbound.PART, outbound.PART_BARE)
        return self._upload(request, again, query, keep, outbound.ADD)

    def _upload(
        self,
        request: GatewayRequest,
        again: bool,
        query: bytes,
        keep: tuple[HeaderSet, HeaderSet],
        add: Fields,
    ) -> Plan:
        """The bytes of an object, or of a part of one. ``keep``: the fields kept, with and without
        its checksum."""
        body, site = plan_payload(request, self._policy), self.site
        return Forward(
            site.origin,
            "PUT",
            self.object_target(request, query),
            site.host,
            request.head,
            keep[body.bare],
            add + body.add,
            body.length,
            body.payload,
            site.signer,
            WriteAnswer(self, site, request, outbound.PUT_ANSWER, again, body.shown),
            check=body.check,
            decoder=body.decoder,
            framing=body.framing,
        )

    def _delete(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_delete(request.head)
        assert request.target is not None
        version = request.target.params.get("versionId")
        query = b"" if version is None else b"versionId=" + percent_encode(version)
        answer = DeleteAnswer(self, self.site, request, outbound.DELETE_ANSWER, again)
        target = self.object_target(request, query)
        return self._forward(request, target, outbound.DELETE, outbound.ADD, answer, False)

    def _simple(self, request: GatewayRequest, again: bool, row: Simple) -> Plan:
        """One request and one answer, as the table says."""
        operation, bucket, target = request.operation, request.bucket, request.target
        assert operation is not None and bucket is not None and target is not None
        if row.names_buckets and bucket.name != self._bucket_name:
            raise S3Error(
                "NotImplemented",
                f"{operation.name} names buckets: it is implemented only for a bucket that has the "
                "same name at its store.",
            )
        head, site = request.head, self.site
        params = {name: target.params[name] for name in operation.params if name in target.params}
        if "uploadId" in params:
            params["uploadId"] = self.upload_id(request)
        query = _query(params)
        if operation.reads:
            outbound.check_read(head, row.known)
            make = AclAnswer if row.acl else S3Answer
            answer = make(self, site, request, row.shown, again)
            if operation.name == "HeadBucket":
                answer.extra = ((b"x-amz-bucket-region", self._gateway_region.encode()),)
        else:
            outbound.check_write(head, row.known)
            if row.acl and (head.content_length > 0 or head.chunked):
                raise S3Error(
                    "NotImplemented",
                    "An ACL as a document is not implemented: give x-amz-acl or x-amz-grant-*.",
                )
            location = b"/" + percent_encode(bucket.name.encode())
            answer = WriteAnswer(
                *(self, site, request, row.shown, again),
                ((b"location", location),) if operation.name == "CreateBucket" else (),
                status=row.status,
                accepted=row.accepted,
            )
        where = self.object_target(request, query) if target.key else self.bucket_target(query)
        plan = self._forward(request, where, row.keep, outbound.ADD, answer, operation.reads)
        if head.method in ("PUT", "POST"):
            plan.length = 0
        if row.document is not None:
            check_length(head.content_length, DOCUMENT_MAX, optional=row.document.optional)
            plan.length = head.content_length
            plan.payload = request.payload
            promises = check_of(head, request.payload)
            if plan.length:
                plan.check = DocumentCheck(row.document, promises)
        return plan

    # --- multipart uploads

    def upload_id(self, request: GatewayRequest) -> bytes:
        """The store's id of the upload that ``request`` names. Raises: NoSuchUpload."""
        bucket, target = request.bucket, request.target
        assert bucket is not None and target is not None
        sealed = target.params["uploadId"]
        return multipart.open_upload_id(self._sealer, bucket.name, target.key, sealed)

    def _create_upload(self, request: GatewayRequest, again: bool) -> Plan:
        add = outbound.upload_fields(request.head)
        answer = InitiatedAnswer(self, self.site, request, outbound.CREATE_UPLOAD_ANSWER, again)
        target = self.object_target(request, b"uploads=")
        plan = self._forward(request, target, outbound.PUT, add, answer, False)
        plan.length = 0
        return plan

    def initiated(self, request: GatewayRequest, body: bytes, fields: Fields) -> Respond:
        """The answer to CreateMultipartUpload for the store's document. Raises: BadGateway."""
        bucket, target = request.bucket, request.target
        assert bucket is not None and target is not None
        return multipart.initiated(body, self._sealer, bucket, target.key, fields)

    # --- copies: s3_jobs

    def shares_store(self, other: object) -> bool:
        """Whether one credential sees the buckets of both, so that the store can copy."""
        return (
            isinstance(other, S3Backend)
            and self.store_id is not None
            and other.store_id == self.store_id
        )

    def name_of(self, source: CopySource) -> bytes:
        """What ``x-amz-copy-source`` calls an object of this bucket at the store."""
        key = source.bucket.prefix + source.key
        name = percent_encode(b"/%b/%b" % (self._bucket_name.encode(), key), True)
        return name + b"?versionId=" + percent_encode(source.version) if source.version else name

    def open_copy(self, source: CopySource, fields: Fields) -> Forward:
        """A GET of what is to be copied elsewhere."""
        site = self.site
        path = self._objects + percent_encode(source.bucket.prefix + source.key, True)
        if source.version:
            path += b"?versionId=" + percent_encode(source.version)
        return Forward(
            *(site.origin, "GET", path, site.host, None, outbound.NOTHING),
            *((*outbound.ADD, *fields), -1, EMPTY_SHA256, site.signer),
            s3_jobs.UNUSED,
            replayable=True,
        )

    # --- lists

    def _list(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_list(request.head)
        listing = Listing(request, self._sealer, *self.owner)
        if listing.max_keys == 0:
            return listing.empty()
        target = self.bucket_target(listing.query())
        return self._list_as(request, again, target, lambda _: ListingTranslator(listing))

    def _list_versions(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_list(request.head)
        asked = VersionListing(request, self._sealer, *self.owner)
        if asked.max_keys == 0:
            return asked.empty()
        target = self.bucket_target(asked.query())
        return self._list_as(request, again, target, lambda _: VersionTranslator(asked))

    def _list_uploads(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_list(request.head)
        asked = multipart.UploadListing(request, self._sealer, *self.owner)
        if asked.max_keys == 0:
            return asked.empty()
        target = self.bucket_target(asked.query())
        return self._list_as(request, again, target, lambda _: multipart.UploadTranslator(asked))

    def _list_parts(self, request: GatewayRequest, again: bool) -> Plan:
        outbound.check_read(request.head, _LIST_PARTS_KNOWN)
        asked = multipart.PartListing(request, self._sealer, *self.owner)
        make = partial(multipart.PartTranslator, asked)
        shown = outbound.LIST_PARTS_ANSWER
        answer = ListAnswer(self, self.site, request, shown, again, make)
        target = self.object_target(request, asked.query())
        return self._forward(request, target, outbound.LIST_PARTS, outbound.ADD, answer, True)

    def _list_as(
        self,
        request: GatewayRequest,
        again: bool,
        target: bytes,
        make: Callable[[Fields], Translate],
    ) -> Plan:
        answer = ListAnswer(self, self.site, request, outbound.NOTHING, again, make)
        return self._forward(request, target, outbound.LIST, outbound.ADD, answer, True)

    def bucket_target(self, query: bytes) -> bytes:
        """The bucket's path at the store, and ``query``."""
        path = self._path or b"/"
        return path + b"?" + query if query else path

    def _forward(
        self,
        request: GatewayRequest,
        target: bytes,
        keep: HeaderSet,
        add: Fields,
        answer: S3Answer,
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
        if not region or self._region_is_learnt:
            return False
        moved = in_region(self._endpoint, region)
        if moved is None:
            return False
        signer = self.site.signer
        if signer is not None:
            if self._signer_for is None:
                return False
            signer = self._signer_for(region)
        self.site = self._locate(moved, region, signer)
        self._region_is_learnt = True
        return True

    # --- failures

    def fail(self, request: GatewayRequest, failure: Failure, again: bool, site: Site) -> Plan:
        """What follows from a failed answer that came from ``site``. Raises: S3Error."""
        bucket = request.bucket
        assert bucket is not None
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
            if moved:
                head = request.head
                if not again and head.content_length <= 0 and not head.chunked:
                    return self._plan(request, True)
                # The client's body is gone; every SDK sends it again on 503.
                error = S3Error("ServiceUnavailable", "Please try again")
                return respond_error(error, request, ((b"retry-after", b"1"),))
        elif failure.code == "NoSuchBucket" and bucket.forwards_operations:
            # There, a client may create it and delete it.
            raise S3Error(
                "NoSuchBucket",
                "The specified bucket does not exist",
                fields=(("BucketName", bucket.name),),
            )
        elif failure.ours or (head_only and failure.status in (400, 401, 403)):
            # (A HEAD has no code: whether the client or our credential was refused is not known.)
            _log.warning(
                "%s answered %d %s [%s]",
                where,
                failure.status,
                failure.code or "(no code)",
                request.request_id,
            )
        return respond_error(failure.error(), request, failure.fields)


def _read_query(params: dict[str, bytes]) -> bytes:
    return b"&".join(
        name.encode() + b"=" + percent_encode(params[name])
        for name in _READ_PARAMS
        if name in params
    )


def _query(params: dict[str, bytes]) -> bytes:
    """Canonical: encoded, and sorted by name."""
    return b"&".join(name.encode() + b"=" + percent_encode(params[name]) for name in sorted(params))
