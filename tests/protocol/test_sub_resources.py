"""Every sub-resource, by every method, for every kind of caller: S3's answer, or the right error
and not one call to the backend (laws 2 and 3)."""

from __future__ import annotations

import pytest

from support.backend import BackendConnection, answer
from support.configuration import FULL, READER, SCOPED
from support.rig import Pair
from support.sigv4 import Credentials

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")

WRONG = Credentials(FULL.access_key_id, "w" * 40)

#: What goes with a request for the store to carry out; S3's document, or none.
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
RETENTION = b"<Retention><Mode>GOVERNANCE</Mode></Retention>"
HOLD = b"<LegalHold><Status>ON</Status></LegalHold>"
RESTORE = b"<RestoreRequest><Days>1</Days></RestoreRequest>"
BATCH = b"<Delete><Object><Key>k</Key></Object></Delete>"
DELETED = b"<DeleteResult><Deleted><Key>canary-prefix/k</Key></Deleted></DeleteResult>"
ACL = b"<AccessControlPolicy><Owner><ID>o</ID></Owner></AccessControlPolicy>"
INITIATED = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"

#: Sub-resource and method of an object -> what the store is sent, what it answers, our status.
OBJECT = {
    ("acl", "GET"): (b"", ACL, 200),
    ("acl", "PUT"): (b"", b"", 200),
    ("attributes", "GET"): (b"", b"<GetObjectAttributesResponse/>", 200),
    ("legal-hold", "GET"): (b"", HOLD, 200),
    ("legal-hold", "PUT"): (HOLD, b"", 200),
    ("restore", "POST"): (RESTORE, b"", 200),
    ("retention", "GET"): (b"", RETENTION, 200),
    ("retention", "PUT"): (RETENTION, b"", 200),
    ("tagging", "GET"): (b"", TAGS, 200),
    ("tagging", "PUT"): (TAGS, b"", 200),
    ("tagging", "DELETE"): (b"", b"", 204),
    ("uploads", "POST"): (b"", INITIATED, 200),
}

#: What is said of the bucket without asking the store.
SAID_OF_A_BUCKET = {
    "accelerate": "<AccelerateConfiguration ",
    "acl": "<AccessControlPolicy ",
    "cors": "NoSuchCORSConfiguration",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "logging": "<BucketLoggingStatus ",
    "notification": "<NotificationConfiguration ",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "ownershipControls": "OwnershipControlsNotFoundError",
    "policy": "NoSuchBucketPolicy",
    "policyStatus": "NoSuchBucketPolicy",
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "replication": "ReplicationConfigurationNotFoundError",
    "requestPayment": "<Payer>BucketOwner</Payer>",
    "tagging": "NoSuchTagSet",
    "versioning": "<VersioningConfiguration ",
    "website": "NoSuchWebsiteConfiguration",
}

#: Changes of a bucket's configuration, which may be others' too.
CHANGES = {
    ("accelerate", "PUT"),
    ("acl", "PUT"),
    *((name, "PUT") for name in ("cors", "encryption", "lifecycle", "logging", "notification")),
    *((name, "PUT") for name in ("object-lock", "ownershipControls", "policy", "replication")),
    *((name, "PUT") for name in ("publicAccessBlock", "requestPayment", "tagging", "versioning")),
    ("website", "PUT"),
    *((name, "DELETE") for name in ("cors", "encryption", "lifecycle", "ownershipControls")),
    *((name, "DELETE") for name in ("policy", "publicAccessBlock", "replication", "tagging")),
    ("website", "DELETE"),
    # Lists of configurations by id; a single one needs the id.
    *((name, "GET") for name in ("analytics", "intelligent-tiering", "inventory", "metrics")),
}

#: Lists of what is in the bucket: sent to the store, whose answer is translated.
LISTS = {
    "uploads": b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
    b"</ListMultipartUploadsResult>",
    "versions": b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
}

SUBRESOURCES = sorted(
    {name for name, _ in (*OBJECT, *CHANGES)}
    | {*SAID_OF_A_BUCKET, *LISTS}
    | {"abac", "annotation", "delete", "metadataConfiguration", "metadataTable", "renameObject"}
    | {"select", "session", "torrent"}
)


def expect(level: str, name: str, method: str) -> tuple[int, str, bytes, bytes | None]:
    """For a caller who may do everything: status, what the answer holds, body to send, and the
    store's answer; None when the store must not be asked."""
    if level == "object" and (name, method) in OBJECT:
        body, told, status = OBJECT[name, method]
        return status, "", body, told
    if level == "bucket":
        if method == "GET" and name in LISTS:
            return 200, "", b"", LISTS[name]
        if method == "GET" and name in SAID_OF_A_BUCKET:
            said = SAID_OF_A_BUCKET[name]
            return (200 if said.startswith("<") else 404), said, b"", None
        if (name, method) == ("delete", "POST"):
            return 200, "<Deleted><Key>k</Key>", BATCH, DELETED
        if (name, method) in CHANGES:
            return 403, "bucket_operations", b"", None
    return 501, "NotImplemented", b"", None


def store(told: dict[str, bytes]):  # type: ignore[no-untyped-def]
    """Answers each request by what its query asks for; DELETE with 204."""

    def script(connection: BackendConnection) -> None:
        while True:
            request = connection.read_request()
            status = "204 No Content" if request.method == "DELETE" else "200 OK"
            query = request.target.partition("?")[2]
            body = next((told[name] for name in told if f"{name}=" in f"&{query}"), b"")
            length = None if status[:3] == "204" else -1
            connection.send(answer(b"" if length is None else body, status=status, length=length))

    return script


@pytest.mark.rule("L2", "L3", "S14", "SEM-7")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", ["object", "bucket"])
def test_who_may_do_everything_gets_s3s_answer(pair: Pair, level: str, method: str) -> None:
    key = "/k" if level == "object" else ""
    told = {name: expect(level, name, method)[3] or b"" for name in SUBRESOURCES}
    pair.backend.serve(store(told))
    with pair.connect() as connection:
        for name in SUBRESOURCES:
            for form in (name, f"{name}="):
                status, holds, body, asked = expect(level, name, method)
                before = len(pair.backend.requests)
                request = pair.request(method, f"{key}?{form}", body=body)
                response = connection.request(request)
                assert response.status == status, (name, response)
                if method != "HEAD":
                    assert holds.encode() in response.body, (name, response.body)
                    assert b"canary" not in response.body
                assert len(pair.backend.requests) - before == (0 if asked is None else 1), name
                if asked is not None:
                    sent = pair.backend.requests[-1]
                    assert sent.method == method
                    assert f"{name}=" in sent.target.partition("?")[2]
                    # (Of a batch the store gets a document of ours.)
                    assert name == "delete" or sent.length == len(body)


@pytest.mark.rule("L2", "L3", "S10", "R49")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", ["object", "bucket"])
@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (None, "AccessDenied"),
        (WRONG, "SignatureDoesNotMatch"),
        (SCOPED, "AccessDenied"),
        (READER, "AccessDenied"),
    ],
    ids=["anonymous", "wrong secret", "out of scope", "reader"],
)
def test_nobody_else_does(
    pair: Pair, level: str, method: str, credentials: Credentials | None, code: str
) -> None:
    """What is not built says so to whoever signed rightly; what is said of every bucket is said
    to whoever has a scope on it."""
    key = "/k" if level == "object" else ""
    with pair.connect() as connection:
        for name in SUBRESOURCES:
            status, holds, body, _ = expect(level, name, method)
            request = pair.request(method, f"{key}?{name}", credentials=credentials, body=body)
            response = connection.request(request)
            said = level == "bucket" and method == "GET" and name in SAID_OF_A_BUCKET
            wanted = [(403, code)]
            if status == 501:
                # A sub-resource without a row is refused before the signature is looked at.
                wanted = [(501, "NotImplemented")] + (wanted if credentials is WRONG else [])
            elif name == "delete" and credentials is SCOPED and status == 200:
                # Its objects are authorised one by one.
                assert response.status == 200 and b"<Code>AccessDenied</Code>" in response.body
                continue
            elif said and credentials in (SCOPED, READER):
                assert (response.status, holds.encode() in response.body) == (status, True), name
                continue
            if method == "HEAD":
                assert response.status in [refused for refused, _ in wanted], name
            else:
                assert (response.status, response.code) in wanted, (name, response.body)
    assert pair.backend.connections == []


@pytest.mark.rule("L3", "S14")
@pytest.mark.parametrize(
    ("method", "target", "field", "status"),
    [
        ("POST", "/k?uploads", ("x-amz-frobnicate", "1"), 501),
        ("PUT", "/k?tagging", ("x-amz-storage-class", "GLACIER"), 501),
        ("PUT", "/k?acl", ("x-amz-meta-a", "1"), 501),
        ("GET", "/k?attributes", ("x-amz-frobnicate", "1"), 501),
        ("GET", "?versions", ("x-amz-frobnicate", "1"), 501),
        ("GET", "?uploads", ("x-amz-frobnicate", "1"), 501),
        ("GET", "?versioning", ("x-amz-frobnicate", "1"), 501),
        ("DELETE", "/k?tagging", ("if-unmodified-since", "Thu, 01 Jan 2026 00:00:00 GMT"), 501),
    ],
)
def test_a_field_that_means_nothing_there_is_refused(
    pair: Pair, method: str, target: str, field: tuple[str, str], status: int
) -> None:
    response = pair.ask(method, target, field, body=TAGS if method == "PUT" else b"")
    assert (response.status, response.code) == (status, "NotImplemented")
    assert pair.backend.connections == []


@pytest.mark.rule("L6", "L3")
@pytest.mark.parametrize(
    ("target", "method", "body", "code"),
    [
        ("/k?tagging", "PUT", b"<Tagging><TagSet></Tagging>", "MalformedXML"),
        ("/k?tagging", "PUT", b"<Tagging>", "MalformedXML"),
        ("/k?tagging", "PUT", b"<Retention/>", "MalformedXML"),
        ("/k?tagging", "PUT", b"not XML at all", "MalformedXML"),
        ("/k?tagging", "PUT", b"", "MissingRequestBodyError"),
        ("/k?restore", "POST", b"<RestoreRequest><Type>SELECT</Type></RestoreRequest>", None),
        (
            "/k?restore",
            "POST",
            b"<RestoreRequest><OutputLocation><S3><BucketName>b</BucketName></S3>"
            b"</OutputLocation></RestoreRequest>",
            None,
        ),
        ("/k?acl", "PUT", ACL, None),
    ],
)
def test_the_store_never_has_a_document_that_may_not_be(
    pair: Pair, target: str, method: str, body: bytes, code: str | None
) -> None:
    response = pair.ask(method, target, body=body)
    assert response.code == (code or "NotImplemented")
    assert response.status == (400 if code else 501)
    assert not any(request.whole for request in pair.backend.requests)


@pytest.mark.rule("L6")
def test_a_document_of_another_hash_never_arrives(pair: Pair) -> None:
    response = pair.ask("PUT", "/k?tagging", body=TAGS, payload="0" * 64)
    assert (response.status, response.code) == (400, "XAmzContentSHA256Mismatch")
    response = pair.ask("PUT", "/k?tagging", ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="), body=TAGS)
    assert (response.status, response.code) == (400, "BadDigest")
    assert not any(request.whole for request in pair.backend.requests)


@pytest.mark.rule("L6")
def test_a_document_has_a_length_and_a_bound(pair: Pair) -> None:
    request = pair.request("PUT", "/k?tagging", length=3 << 20, payload="UNSIGNED-PAYLOAD")
    with pair.connect() as connection:
        connection.send(request.head)
        response = connection.read("PUT")
        assert (response.status, response.code) == (400, "MaxMessageLengthExceeded")
    assert pair.backend.connections == []


@pytest.mark.rule("R35", "L3")
@pytest.mark.parametrize("number", ["0", "10001", "-1", "abc", "9" * 20, "", "1_0", "+1"])
def test_a_part_that_has_no_number_is_none(pair: Pair, number: str) -> None:
    response = pair.ask("PUT", f"/k?partNumber={number}&uploadId=u", body=b"x")
    assert (response.status, response.code) == (400, "InvalidArgument")
    response = pair.ask("PUT", f"/k?partNumber={number}", body=b"x")
    assert (response.status, response.code) == (501, "NotImplemented")
    assert pair.backend.connections == []
