"""Hierarchical names in every document of an operation, and which operations there are.

The store answers with the documents that a test gives it, in its own names: what a client sees of
them is the client's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from multistore.backends.s3 import S3Backend
from multistore.config.path_mapping import PathMapping
from multistore.gateway import hierarchy
from multistore.gateway.authorize import expand
from multistore.gateway.bucket_answers import ANSWERED
from multistore.gateway.cors import VARY, Cors, CorsRule
from multistore.gateway.operation import BUCKET, OBJECT, OPERATIONS, SERVICE, Operation
from multistore.types import Bucket, Origin, Scope
from support.drive import Answer, drive
from support.listings import SEALER
from support.memory_model import Recorded
from support.memory_store import MemoryStore
from support.sigv4 import Credentials
from unit.gateway.world import FULL, NOBODY, READER, SCOPED, World, credential

MAPPING = PathMapping(2, ":", 1)
STORED = "backend-bucket"
APP = "https://app.example"


class Scripted(MemoryStore):
    """Answers requests with a query with what stands in ``script`` for the first parameter that
    is there; all others as the store does."""

    def __init__(self) -> None:
        super().__init__(STORED)
        self.script: dict[str, tuple[int, bytes]] = {}

    def _operate(self, request: Recorded) -> tuple[int, list[tuple[str, bytes]], bytes]:
        for name, (status, body) in self.script.items():
            if name in request.params:
                return status, [("content-type", b"application/xml")], body
        return super()._operate(request)


@pytest.fixture
def store() -> Iterator[Scripted]:
    with Scripted() as running:
        yield running


@pytest.fixture
def world(store: Scripted) -> World:
    origin = Origin("127.0.0.1", store.port, tls=False)
    backend = S3Backend(origin, STORED, sealer=SEALER, owner_id="us")

    def bucket(name: str, prefix: bytes, **options: Any) -> Bucket:
        shown_name, shown_prefix = MAPPING.shown(name)
        return Bucket(
            *(name, backend),
            prefix=prefix,
            shown_name=shown_name,
            shown_prefix=shown_prefix,
            **options,
        )

    buckets = [
        bucket("acme:maps", b"p1/", cors=Cors([CorsRule([APP], methods=["GET", "PUT"])])),
        bucket("acme:maps-old", b"p2/"),
        bucket("acme:open", b"p3/", anonymous=True, created="2020-01-01T00:00:00.000Z"),
        bucket("other:x", b"p4/"),
    ]
    credentials = [
        credential(FULL, [Scope("*", (), expand(["*"]))]),
        credential(SCOPED, [Scope("acme:maps", (b"dir",), expand(["*"]))]),
        credential(READER, [Scope("other:*", (), expand(["read", "list"]))]),
        credential(NOBODY, []),
    ]
    return World(buckets, credentials, names=MAPPING, domains=("s3.test",))


def ask(
    world: World,
    method: str,
    target: str,
    *fields: tuple[str, str],
    who: Credentials | None = FULL,
    **options: Any,
) -> Answer:
    plan = world.ask(method, target, *fields, credentials=who, **options)
    answer = drive(plan, options.get("body", b""), method=method)
    for leak in (b"p1/", b"acme:", STORED.encode(), b"backend"):
        assert leak not in answer.body
    return answer


def texts(answer: Answer, element: str) -> list[str]:
    assert answer.status == 200, answer.body
    return [
        unescape(found) for found in re.findall(rf"<{element}>(.*?)</{element}>", str_of(answer))
    ]


def str_of(answer: Answer) -> str:
    return answer.body.decode()


def error_of(answer: Answer) -> tuple[int, str]:
    found = re.search(r"<Code>(.*?)</Code>", str_of(answer))
    return answer.status, found[1] if found else ""


# --- uploads in parts -----------------------------------------------------------------------------

CREATED = (
    b"<InitiateMultipartUploadResult><Bucket>backend-bucket</Bucket><Key>p1/dir/f</Key>"
    b"<UploadId>u1</UploadId></InitiateMultipartUploadResult>"
)
PARTS = (
    b"<ListPartsResult><Bucket>backend-bucket</Bucket><Key>p1/dir/f</Key><UploadId>u1</UploadId>"
    b"<IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>e</ETag><Size>4</Size>"
    b"</Part></ListPartsResult>"
)


@pytest.mark.rule("S18", "S20", "SEM-2")
@pytest.mark.parametrize(
    ("path", "options"), [("/acme/maps", {}), ("/maps", {"host": "acme.s3.test"})]
)
def test_an_upload_in_parts(
    world: World, store: Scripted, path: str, options: dict[str, Any]
) -> None:
    store.script = {"uploads": (200, CREATED), "partNumber": (200, b""), "uploadId": (200, PARTS)}
    created = ask(world, "POST", f"{path}/dir/f%20%2B?uploads", **options)
    assert (texts(created, "Bucket"), texts(created, "Key")) == (["acme"], ["maps/dir/f +"])
    assert store.requests[-1].path == f"/{STORED}/p1/dir/f%20%2B"
    (upload,) = texts(created, "UploadId")
    part = f"{path}/dir/f%20%2B?partNumber=1&uploadId={upload}"
    assert ask(world, "PUT", part, body=b"data", **options).status == 200
    assert store.requests[-1].target == f"/{STORED}/p1/dir/f%20%2B?partNumber=1&uploadId=u1"
    listed = ask(world, "GET", f"{path}/dir/f%20%2B?uploadId={upload}", **options)
    assert (texts(listed, "Bucket"), texts(listed, "Key")) == (["acme"], ["maps/dir/f +"])
    assert (texts(listed, "UploadId"), texts(listed, "PartNumber")) == ([upload], ["1"])
    encoded = f"{path}/dir/f%20%2B?encoding-type=url&uploadId={upload}"
    assert texts(ask(world, "GET", encoded, **options), "Key") == ["maps/dir/f%20%2B"]
    store.script["uploadId"] = (204, b"")
    given_up = f"{path}/dir/f%20%2B?uploadId={upload}"
    assert ask(world, "DELETE", given_up, **options).status == 204


@pytest.mark.rule("S18", "L3")
@pytest.mark.parametrize("path", ["/acme/maps-old/dir/f", "/other/x/dir/f", "/acme/maps/f"])
def test_an_upload_is_of_its_bucket_and_key(world: World, store: Scripted, path: str) -> None:
    store.script = {"uploads": (200, CREATED)}
    (upload,) = texts(ask(world, "POST", "/acme/maps/dir/f?uploads"), "UploadId")
    before = len(store.requests)
    assert error_of(ask(world, "GET", f"{path}?uploadId={upload}")) == (404, "NoSuchUpload")
    assert len(store.requests) == before


def uploads(*entries: tuple[str, str], following: tuple[str, str] | None = None) -> bytes:
    text = "".join(
        f"<Upload><Key>p1/{key}</Key><UploadId>{upload}</UploadId></Upload>"
        for key, upload in entries
    )
    if following is not None:
        text += "<NextKeyMarker>p1/{}</NextKeyMarker><NextUploadIdMarker>{}</NextUploadIdMarker>"
        text = text.format(*following)
    return (
        "<ListMultipartUploadsResult><Bucket>backend-bucket</Bucket><Prefix>p1/</Prefix>"
        "<CommonPrefixes><Prefix>p1/dir/</Prefix></CommonPrefixes>"
        f"<IsTruncated>{str(following is not None).lower()}</IsTruncated>{text}"
        "</ListMultipartUploadsResult>"
    ).encode()


BASES = pytest.mark.parametrize("base", ["/acme?prefix=maps/&", "/acme/maps?"])


@pytest.mark.rule("SEM-21", "S18")
@BASES
def test_lists_of_uploads(world: World, store: Scripted, base: str) -> None:
    store.script = {"uploads": (200, uploads(("a", "u1"), ("b", "u2"), following=("b", "u2")))}
    page = ask(world, "GET", f"{base}uploads&delimiter=/&max-uploads=2")
    assert (texts(page, "Bucket"), texts(page, "Key")) == (["acme"], ["maps/a", "maps/b"])
    assert texts(page, "Prefix") == ["maps/", "maps/dir/"]
    assert (texts(page, "KeyMarker"), texts(page, "NextKeyMarker")) == ([""], ["maps/b"])
    assert texts(page, "NextUploadIdMarker") == texts(page, "UploadId")[1:]
    (marker,) = texts(page, "NextUploadIdMarker")
    store.script = {"uploads": (200, uploads(("c", "u3")))}
    following = f"key-marker=maps%2Fb&upload-id-marker={marker}"
    last = ask(world, "GET", f"{base}uploads&delimiter=/&{following}")
    asked = store.requests[-1].params
    assert (asked["key-marker"], asked["upload-id-marker"]) == (b"p1/b", b"u2")
    assert asked["prefix"] == b"p1/"
    assert (texts(last, "KeyMarker"), texts(last, "Key")) == (["maps/b"], ["maps/c"])
    assert texts(last, "UploadIdMarker") == [marker]


@pytest.mark.rule("SEM-21")
def test_an_upload_marker_after_all_of_the_bucket(world: World, store: Scripted) -> None:
    page = ask(world, "GET", "/acme?prefix=maps/&uploads&key-marker=open/k")
    assert (texts(page, "Key"), texts(page, "IsTruncated")) == ([], ["false"])
    assert not store.requests


# --- versions -------------------------------------------------------------------------------------


def versions(*entries: tuple[str, str], following: tuple[str, str] | None = None) -> bytes:
    text = "".join(
        f"<{tag}><Key>p1/{key}</Key><VersionId>v1</VersionId></{tag}>" for tag, key in entries
    )
    if following is not None:
        text += "<NextKeyMarker>p1/{}</NextKeyMarker><NextVersionIdMarker>{}</NextVersionIdMarker>"
        text = text.format(*following)
    return (
        "<ListVersionsResult><Name>backend-bucket</Name><Prefix>p1/</Prefix>"
        "<CommonPrefixes><Prefix>p1/dir/</Prefix></CommonPrefixes>"
        f"<IsTruncated>{str(following is not None).lower()}</IsTruncated>{text}"
        "</ListVersionsResult>"
    ).encode()


@pytest.mark.rule("SEM-21", "S18")
@BASES
def test_lists_of_versions(world: World, store: Scripted, base: str) -> None:
    document = versions(("Version", "a"), ("DeleteMarker", "b"), following=("b", "v1"))
    store.script = {"versions": (200, document)}
    page = ask(world, "GET", f"{base}versions&delimiter=/&encoding-type=url")
    assert (texts(page, "Name"), texts(page, "Key")) == (["acme"], ["maps/a", "maps/b"])
    assert texts(page, "Prefix") == ["maps/", "maps/dir/"]
    assert (texts(page, "KeyMarker"), texts(page, "NextKeyMarker")) == ([""], ["maps/b"])
    store.script = {"versions": (200, versions(("Version", "c")))}
    following = "key-marker=maps/b&version-id-marker=v1"
    last = ask(world, "GET", f"{base}versions&delimiter=/&{following}")
    asked = store.requests[-1].params
    assert (asked["key-marker"], asked["version-id-marker"]) == (b"p1/b", b"v1")
    assert (texts(last, "KeyMarker"), texts(last, "Key")) == (["maps/b"], ["maps/c"])


@pytest.mark.rule("SEM-21")
def test_version_markers_outside_the_bucket(world: World, store: Scripted) -> None:
    store.script = {"versions": (200, versions(("Version", "c")))}
    before = ask(world, "GET", "/acme?prefix=maps/&versions&key-marker=a&version-id-marker=v")
    assert texts(before, "Key") == ["maps/c"]
    assert store.requests[-1].params.keys() == {"max-keys", "prefix", "versions"}
    after = ask(world, "GET", "/acme?prefix=maps/&versions&key-marker=z&version-id-marker=v")
    assert texts(after, "Key") == []
    assert len(store.requests) == 1


@pytest.mark.rule("SEM-21", "S18")
@pytest.mark.parametrize("base", ["/acme?prefix=maps/dir&", "/acme/maps?prefix=dir&"])
@pytest.mark.parametrize(
    ("query", "begin", "element"),
    [("", "marker", "NextMarker"), ("versions&", "key-marker", "NextKeyMarker")],
)
def test_what_a_scope_hides_stays_hidden_in_markers(
    world: World, store: Scripted, base: str, query: str, begin: str, element: str
) -> None:
    """The next page begins after a key that the caller may not see."""
    for key in (b"dir-secret", b"dir/x"):
        store.put(STORED, b"p1/" + key)
    hidden = versions(("Version", "dir-secret"), following=("dir-secret", "v1"))
    store.script = {"versions": (200, hidden.replace(b"CommonPrefixes", b"Vendor"))}
    page = ask(world, "GET", f"{base}{query}max-keys=1", who=SCOPED)
    assert texts(page, "Key") == []
    assert "secret" not in str_of(page)
    (following,) = texts(page, element)
    assert following.startswith("maps/")
    store.script = {"versions": (200, versions(("Version", "dir/x")))}
    start = f"{begin}={quote(following, safe='')}"
    last = ask(world, "GET", f"{base}{query}{start}", who=SCOPED)
    assert store.requests[-1].params[begin] == b"p1/dir-secret"
    assert texts(last, "Key") == ["maps/dir/x"]


# --- sub-resources of objects ---------------------------------------------------------------------

TAGS = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"


@pytest.mark.rule("L1", "S18")
@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("GET", "tagging", b""),
        ("PUT", "tagging", TAGS),
        ("DELETE", "tagging", b""),
        ("GET", "acl", b""),
        ("GET", "retention", b""),
        ("PUT", "retention", b"<Retention></Retention>"),
        ("GET", "legal-hold", b""),
        ("PUT", "legal-hold", b"<LegalHold><Status>ON</Status></LegalHold>"),
        ("GET", "attributes", b""),
        ("POST", "restore", b"<RestoreRequest><Days>1</Days></RestoreRequest>"),
        ("GET", "versionId=v1", b""),
        ("DELETE", "versionId=v1", b""),
    ],
)
def test_sub_resources_of_an_object(
    world: World, store: Scripted, method: str, query: str, body: bytes
) -> None:
    status = 204 if method == "DELETE" else 200
    answer = (
        TAGS
        if query != "acl"
        else b"<AccessControlPolicy><Owner><ID>x</ID></Owner></AccessControlPolicy>"
    )
    store.script = {query.partition("=")[0]: (status, answer if status == 200 else b"")}
    fields = [("x-amz-object-attributes", "ETag")] if query == "attributes" else []
    assert ask(world, method, f"/acme/maps/dir/f?{query}", *fields, body=body).status == status
    asked = store.requests[-1]
    assert (asked.method, asked.path) == (method, f"/{STORED}/p1/dir/f")


# --- what clients ask of buckets ------------------------------------------------------------------


@pytest.mark.rule("SEM-22")
@pytest.mark.parametrize("path", ["/acme", "/acme/maps", "/acme/maps/"])
def test_what_clients_ask_when_they_start(world: World, store: Scripted, path: str) -> None:
    assert "<VersioningConfiguration" in str_of(ask(world, "GET", f"{path}?versioning"))
    assert "<Grantee" in str_of(ask(world, "GET", f"{path}?acl"))
    for query, code in (("policy", "NoSuchBucketPolicy"), ("tagging", "NoSuchTagSet")):
        answer = ask(world, "GET", f"{path}?{query}")
        assert error_of(answer) == (404, code)
        assert "<BucketName>acme</BucketName>" in str_of(answer)
    for who in (None, READER, NOBODY):
        assert error_of(ask(world, "GET", f"{path}?versioning", who=who))[0] == (
            # ``acme`` is there for everybody, since one of its buckets is public.
            200 if path == "/acme" and who is not None else 403
        )
    assert not store.requests


@pytest.mark.rule("SEM-22")
def test_public_is_what_one_of_them_is(world: World) -> None:
    assert "AllUsers" in str_of(ask(world, "GET", "/acme?acl"))
    assert "AllUsers" in str_of(ask(world, "GET", "/acme/open?acl"))
    assert "AllUsers" not in str_of(ask(world, "GET", "/acme/maps?acl"))
    assert "AllUsers" not in str_of(ask(world, "GET", "/other?acl"))


@pytest.mark.rule("SEM-22")
def test_creating_buckets(world: World, store: Scripted) -> None:
    made = ask(world, "PUT", "/acme")
    assert error_of(made) == (409, "BucketAlreadyOwnedByYou")
    assert "<BucketName>acme</BucketName>" in str_of(made)
    # The client means an object.
    assert error_of(ask(world, "PUT", "/acme/maps", body=b"data")) == (501, "NotImplemented")
    assert error_of(ask(world, "PUT", "/new")) == (403, "AccessDenied")
    assert error_of(ask(world, "PUT", "/acme", who=None)) == (403, "AccessDenied")
    assert error_of(ask(world, "PUT", "/other", who=SCOPED)) == (403, "AccessDenied")
    assert not store.requests


def test_the_expected_owner_above_the_buckets(world: World) -> None:
    ours, theirs = (("x-amz-expected-bucket-owner", owner) for owner in ("owner-id", "who"))
    assert ask(world, "HEAD", "/acme", ours).status == 200
    assert ask(world, "HEAD", "/acme", theirs).status == 403


def test_an_account_is_as_old_as_its_first_bucket(world: World) -> None:
    answer = ask(world, "GET", "/")
    assert texts(answer, "Name") == ["acme", "other"]
    assert texts(answer, "CreationDate") == [
        *("2020-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"),
    ]


# --- pages of other origins -----------------------------------------------------------------------


@pytest.mark.rule("SEM-25")
@pytest.mark.parametrize(
    ("target", "host", "allowed"),
    [
        ("/acme/maps/dir/f", "gateway.test", True),
        ("/acme/maps", "gateway.test", True),
        ("/acme?prefix=maps/dir/", "gateway.test", True),
        ("/maps/dir/f", "acme.s3.test", True),
        ("/?list-type=2&prefix=maps%2F", "acme.s3.test", True),
        ("/acme/maps-old/f", "gateway.test", False),
        ("/acme", "gateway.test", False),
        ("/acme:maps", "gateway.test", False),
        ("/acme:maps/dir/f", "gateway.test", False),
    ],
)
def test_the_rules_of_the_mapped_bucket_apply(
    world: World, store: Scripted, target: str, host: str, allowed: bool
) -> None:
    origin = ("origin", APP)
    preflight = world.ask(
        "OPTIONS", target, origin, ("access-control-request-method", "GET"), host=host
    )
    assert preflight.status == (200 if allowed else 403)
    plan, request = world.decide("GET", target, origin, credentials=None, host=host)
    assert plan.status == 403 or target == "/acme"
    fields = request.cors or ()
    assert ((b"access-control-allow-origin", APP.encode()) in fields) == allowed
    if not allowed and plan.status == 403:
        assert fields == VARY  # as for what is not there
    assert not store.requests


# --- the table ------------------------------------------------------------------------------------


def target_of(row: Operation) -> str:
    query = [row.subresource or "", *(f"{name}=1" for name in row.needs)]
    key = "/dir/f" if row.level == OBJECT else ""
    return f"/acme/maps{key}?" + "&".join(part for part in query if part)


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "row",
    [row for row in OPERATIONS if row.name not in hierarchy.OPERATIONS and row.level != SERVICE],
    ids=lambda row: row.name,
)
def test_every_other_operation_is_refused(world: World, store: Scripted, row: Operation) -> None:
    """By its name, whoever asks for it, and the store does not hear of it."""
    fields = []
    if row.header:
        value = "multipart/form-data; boundary=x" if row.name == "PostObject" else "/acme/maps/k"
        fields = [(row.header.decode(), value)]
    answer = ask(world, row.method, target_of(row), *fields)
    assert error_of(answer) == (501, "NotImplemented")
    assert f"The operation {row.name} is not" in str_of(answer)
    assert not store.requests


@pytest.mark.rule("L3")
def test_which_operations_are_carried_out() -> None:
    """Of those on buckets only what is answered here, and the lists; of those on objects all but
    those that name another key."""
    known = {row.name: row for row in OPERATIONS}
    on_buckets = {name for name in hierarchy.OPERATIONS if known[name].level == BUCKET}
    assert on_buckets - ANSWERED == {
        *("GetBucketLocation", "HeadBucket", "ListMultipartUploads", "ListObjectVersions"),
        *("ListObjects", "ListObjectsV2"),
    }
    assert "CreateBucket" not in on_buckets
    assert all(known[name].reads for name in on_buckets)
    assert all(known[name].implemented for name in hierarchy.OPERATIONS)
