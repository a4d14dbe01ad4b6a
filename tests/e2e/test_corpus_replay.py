"""The captured requests of forty clients, replayed through the gateway before a live store.

Each is signed anew (``support/replay.py``) and sent in the order of its capture; what the capture
found in the store is put there first (``support/world.py``). The answer is compared with the
recorded one, which the same kind of store gave without a gateway: status, error code, the names of
S3's header fields, the elements of the document. Where they may differ, ``EXEMPT`` says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from captured import CLIENTS, SECRET, captured_by
from support.clients import Endpoint
from support.configuration import EVERYTHING, bucket, credential
from support.gateway import Gateway
from support.raw import Response
from support.recorded import DOMAIN, Recorded, shape
from support.replay import Replay
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store
from support.world import World

KEY = Credentials("AKTESTBACKEND0000001", SECRET)


@pytest.fixture(scope="module")
def whole(store: Store, folder: Path) -> Iterator[Gateway]:
    """Every bucket of the store, under the names of the captures."""
    entry = {"bucket_operations": "forward"}
    text = bucket("*", store.endpoint, "{name}", entry=entry, payload="trailer")
    text += credential(KEY, "corpus", [("*", (), EVERYTHING)])
    with Gateway(folder / "whole", text, arguments=("--domain", DOMAIN)) as running:
        yield running


#: What neither side owes the other: framing and connections, ids, and the store's own headers.
OWN = re.compile(
    r"x-amz-(?!request-id$|id-2$).*|etag|last-modified|location|accept-ranges|cache-control|expires"
    r"|content-(?:type|range|encoding|disposition|language)"
)


@dataclass(frozen=True, slots=True)
class Exempt:
    """``requests`` and ``difference`` are patterns for the whole of a name and of a line."""

    requests: str
    difference: str
    reason: str


EXEMPT = (
    Exempt(
        r"boto3-v2/.*|.*-AWSAccessKeyId-.*",
        r"status \d+, now 400 InvalidRequest|status 200, now 400",
        "Signature Version 2 is refused, with a text that names Version 4 (SEM-4)",
    ),
    Exempt(
        r"curl-sigv4.*-PUT\.http",
        r"status 200, now 400 InvalidRequest",
        "a body without x-amz-content-sha256 is refused (SEM-6)",
    ),
    Exempt(
        r"curl-sigv4.*-PUT\.http",
        r"status 200, now 411 MissingContentLength",
        "plain chunks on a write, without a decoded length, are refused (SEM-10)",
    ),
    Exempt(
        r"boto3-presign-v4/007-POST\.http",
        r"status 204, now 501 NotImplemented",
        "POST with a form is not implemented",
    ),
    Exempt(
        r"s3cmd/\d+-PUT-acl\.http",
        r"status 200, now 501 NotImplemented",
        "an ACL as a document is not implemented",
    ),
    Exempt(
        r".*",
        r"header content-encoding: aws-chunked is gone",
        "the store keeps aws-chunked, which is no coding of the object; we do not (SEM-12)",
    ),
    Exempt(
        r".*",
        r"copy, header etag: .* is gone",
        "the store gives a copy's ETag in the head too; S3 gives it in the document alone",
    ),
    Exempt(
        r".*",
        r"header x-amz-bucket-region is new",
        "HeadBucket says the region, as S3 does (SEM-22)",
    ),
    Exempt(
        r"pyarrow.*-PUT\.http",
        r"header x-amz-checksum-crc64nvme is new",
        "a PUT is answered with the checksum that it gave (SEM-20); the store forgets an empty one",
    ),
    Exempt(
        r"js-minio.*-GET-uploads-.*",
        r"element /ListMultipartUploadsResult/(EncodingType|Delimiter) is gone"
        r"|element /ListMultipartUploadsResult/UploadIdMarker is new",
        "S3 leaves out what was not asked for, and always has the markers",
    ),
    Exempt(
        r"s3cmd/.*-GET-acl\.http",
        r"element .*/Grantee/Type is gone",
        "an attribute in S3's documents; the store writes it a second time, as an element",
    ),
    Exempt(
        r".*",
        r"header x-amz-tagging-(?!count).*: .* is gone",
        "the store shows tags in headers of its own",
    ),
)


def differences(recorded: Recorded, answer: Response) -> Iterator[str]:
    codes = [code.decode() for code in re.findall(b"<Code>([^<]*)</Code>", answer.body)]
    if answer.status != recorded.status:
        yield " ".join([f"status {recorded.status}, now {answer.status}", *codes])
        return
    if answer.status >= 400:
        if codes != recorded.texts("Code"):
            yield f"code {recorded.texts('Code')}, now {codes}"
        return
    then = {name for name in recorded.headers if OWN.fullmatch(name)}
    now = {name for name, _ in answer.fields if OWN.fullmatch(name)}
    if not recorded.reads_object:
        then.discard("accept-ranges")  # the store has it on every answer
    copy = "copy, " if "x-amz-copy-source" in recorded.request else ""
    for name in sorted(then - now):
        yield f"{copy}header {name}: {recorded.headers[name]} is gone"
    yield from (f"header {name} is new" for name in sorted(now - then))
    elements = shape(answer.body)
    yield from (f"element {path} is gone" for path in sorted(recorded.shape - elements))
    if recorded.body.endswith(">"):  # the capture cut long documents
        yield from (f"element {path} is new" for path in sorted(elements - recorded.shape))


def exempt(request: str, line: str) -> bool:
    return any(
        re.fullmatch(each.requests, request) and re.fullmatch(each.difference, line)
        for each in EXEMPT
    )


@pytest.mark.rule("SEM-16", "SEM-20", "L1")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_capture_is_answered_as_recorded(client: str, store: Store, whole: Gateway) -> None:
    found = []
    direct = Endpoint(store.endpoint, Credentials(STORE_KEY, STORE_SECRET))
    requests = captured_by(client)
    records = [Recorded(request) for request in requests]
    with closing(World(direct, Endpoint(whole.endpoint, KEY), records)) as world:
        for request, recorded in zip(requests, records, strict=True):
            world.arrange(recorded)
            replay = Replay(request, KEY, world.names)
            with whole.connect() as connection:
                connection.send(bytes(replay))
                answer = connection.read(replay.method)
            world.learn(recorded, replay, answer)
            found += [
                f"{request.name}: {line}"
                for line in differences(recorded, answer)
                if not exempt(request.name, line)
            ]
    assert found == []
