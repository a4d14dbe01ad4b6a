"""A store in the state in which a capture found it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.raw import Response
from support.recorded import Recorded, texts, unquoted
from support.replay import Replay

__all__ = ["World"]

#: The smallest part that is not the last. Bytes.
PART = 5 << 20


class World:
    """The store behind ``gateway``, prepared for each request of one client in turn.

    Objects, buckets and uploads that the capture found and that its requests do not make are put
    there; what they are called now is learnt from the answers.
    """

    def __init__(self, store: Endpoint, gateway: Endpoint, records: Sequence[Recorded]) -> None:
        self.direct = s3_client(store)
        self.through = s3_client(gateway)
        #: Of uploads, ETags, checksums and tokens: what is recorded, and what it is now.
        self.names: dict[str, str] = {}
        self._made: set[str] = set()
        #: The parts that are there, by recorded upload id and number; data by recorded ETag.
        self._parts: dict[tuple[str, str], int] = {}
        self._data: dict[str, bytes] = {}
        #: Of objects, as the capture read them.
        self._sizes = {
            (each.bucket, each.key): each.size
            for each in records
            if each.reads_object and each.status in (200, 206)
        }

    def close(self) -> None:
        for name in self._made & self._buckets():
            self._empty(name, "")
            for upload in self.direct.list_multipart_uploads(Bucket=name).get("Uploads", ()):
                where = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                self.direct.abort_multipart_upload(Bucket=name, **where)
            self.direct.delete_bucket(Bucket=name)

    def _buckets(self) -> set[str]:
        return {entry["Name"] for entry in self.direct.list_buckets()["Buckets"]}

    def _empty(self, name: str, prefix: str) -> None:
        for entry in self.direct.list_objects_v2(Bucket=name, Prefix=prefix).get("Contents", ()):
            self.direct.delete_object(Bucket=name, Key=entry["Key"])

    def _object(
        self, name: str, key: str, size: int | None, *, default: int = 0, **headers: Any
    ) -> None:
        """Puts an object of that length unless there is one; without ``size`` any will do, and
        ``default`` is the length. Tags stay."""
        where = {"Bucket": name, "Key": key}
        tags = []
        try:
            if size in (None, self.direct.head_object(**where)["ContentLength"]):
                return
            tags = self.direct.get_object_tagging(**where)["TagSet"]
        except ClientError:
            pass
        self.direct.put_object(**where, Body=bytes(default if size is None else size), **headers)
        if tags:
            self.direct.put_object_tagging(**where, Tagging={"TagSet": tags})

    def arrange(self, recorded: Recorded) -> None:
        name, key, query = recorded.bucket, recorded.key, recorded.query
        if not name or recorded.status == 404:
            return
        self._made.add(name)
        creates = recorded.method == "PUT" and not key and not query
        if not (creates and recorded.status == 200) and name not in self._buckets():
            self.direct.create_bucket(Bucket=name)
        if source := recorded.request.get("x-amz-copy-source"):
            there, _, what = unquote(source).lstrip("/").partition("/")
            last = recorded.request.get("x-amz-copy-source-range", "-99").rpartition("-")[2]
            self._object(there, what, None, default=int(last) + 1)
        if upload := query.get("uploadId"):
            if upload not in self.names:
                made = self.through.create_multipart_upload(Bucket=name, Key=key)
                self.names[upload] = made["UploadId"]
            if recorded.method == "POST":
                self._complete(recorded, upload)
        elif key and recorded.method in ("GET", "HEAD") and recorded.status < 300:
            self._read(recorded)
        elif key and recorded.status == 412:
            self._object(name, key, None)
        elif not key and recorded.method == "GET" and "/ListBucketResult" in recorded.shape:
            self._listed(recorded)

    def _complete(self, recorded: Recorded, upload: str) -> None:
        """Uploads the parts that the capture leaves out."""
        left = self._sizes.get((recorded.bucket, recorded.key), 0)
        parts = re.findall("<Part>.*?</Part>", recorded.document, re.S)
        for index, part in enumerate(parts, 1):
            elements = dict(re.findall(r"<(\w+)>([^<]*)</", part))
            etag, number = unquoted(elements["ETag"]), elements["PartNumber"]
            if (upload, number) in self._parts:
                left -= self._parts[upload, number]
                continue
            data = self._data.get(etag) or bytes(PART if index < len(parts) else max(left, 1))
            left -= len(data)
            algorithm = next((name[8:] for name in elements if name.startswith("Checksum")), None)
            done = self.through.upload_part(
                Bucket=recorded.bucket,
                Key=recorded.key,
                UploadId=self.names[upload],
                PartNumber=int(number),
                Body=data,
                **({"ChecksumAlgorithm": algorithm} if algorithm else {}),
            )
            self.names[etag] = unquoted(done["ETag"])
            if algorithm:
                self.names[elements[f"Checksum{algorithm}"]] = done[f"Checksum{algorithm}"]

    def _read(self, recorded: Recorded) -> None:
        headers = recorded.headers
        about: dict[str, Any] = {}
        if recorded.reads_object:
            about["ContentType"] = headers.get("content-type", "")
            about["Metadata"] = {
                name.removeprefix("x-amz-meta-"): value
                for name, value in headers.items()
                if name.startswith("x-amz-meta-")
            }
            for algorithm in ("CRC32C", "CRC64NVME", "SHA1", "SHA256"):
                if f"x-amz-checksum-{algorithm.lower()}" in headers:
                    about["ChecksumAlgorithm"] = algorithm
        size = recorded.size if recorded.reads_object else None
        self._object(recorded.bucket, recorded.key, size, **about)
        if etag := headers.get("etag"):
            now = self.direct.head_object(Bucket=recorded.bucket, Key=recorded.key)
            self.names[unquoted(etag)] = unquoted(now["ETag"])

    def _listed(self, recorded: Recorded) -> None:
        encoded = recorded.query.get("encoding-type") == "url"
        prefix = recorded.query.get("prefix", "")
        keys = [unquote(key) if encoded else key for key in recorded.texts("Key")]
        below = re.findall("<CommonPrefixes><Prefix>([^<]*)<", recorded.body)
        if not keys and not below:
            self._empty(recorded.bucket, prefix)
        for key, size in zip(keys, recorded.texts("Size"), strict=True):
            self._object(recorded.bucket, key, int(size))
        for each in below:
            self._object(recorded.bucket, (unquote(each) if encoded else each) + "x", 1)
        if recorded.texts("IsTruncated") == ["true"]:
            self._object(recorded.bucket, prefix + "~", 1)

    def learn(self, recorded: Recorded, replay: Replay, answer: Response) -> None:
        if "partNumber" in recorded.query and answer.status == 200:
            part = recorded.query.get("uploadId", ""), recorded.query["partNumber"]
            self._parts[part] = len(replay.data)
            self._data[unquoted(recorded.headers.get("etag", ""))] = replay.data
        for name, old in recorded.headers.items():
            new = answer.get(name)
            if new and (name in ("etag", "x-amz-version-id") or "x-amz-checksum-" in name):
                self.names[unquoted(old)] = unquoted(new)
        for element in ("UploadId", "NextContinuationToken", "VersionId", "ETag"):
            new_texts = texts(answer.body.decode("latin-1"), element)
            for old, new in zip(recorded.texts(element), new_texts, strict=False):
                self.names[unquoted(old)] = unquoted(new)
