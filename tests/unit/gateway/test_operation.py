"""The operation table: every S3 operation has a row, and nothing is taken for another row."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.errors import S3Error
from multistore.gateway.operation import (
    AUTH_PARAMS,
    BUCKET,
    OBJECT,
    OPERATIONS,
    SERVICE,
    SUBRESOURCES,
    not_implemented,
    required_actions,
)
from multistore.wire import ORDINARY, scan_request
from unit.gateway.world import head_of, operation_of

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
TARGETS = {SERVICE: "/", BUCKET: "/b", OBJECT: "/b/k"}
CORPUS = Path(__file__).parents[2] / "corpus"

#: What this version does not carry out (501).
NOT_BUILT = {
    "CreateBucketMetadataConfiguration",
    "CreateBucketMetadataTableConfiguration",
    "CreateSession",
    "DeleteBucketMetadataConfiguration",
    "DeleteBucketMetadataTableConfiguration",
    "DeleteObjectAnnotation",
    "GetBucketAbac",
    "GetBucketMetadataConfiguration",
    "GetBucketMetadataTableConfiguration",
    "GetObjectAnnotation",
    "GetObjectTorrent",
    "ListDirectoryBuckets",
    "ListObjectAnnotations",
    "PostObject",
    "PutBucketAbac",
    "PutObjectAnnotation",
    "RenameObject",
    "SelectObjectContent",
    "UpdateBucketMetadataAnnotationTableConfiguration",
    "UpdateBucketMetadataInventoryTableConfiguration",
    "UpdateBucketMetadataJournalTableConfiguration",
    "UpdateObjectEncryption",
    "WriteGetObjectResponse",
}

#: Deprecated names of S3 whose requests look like those of their successors.
SUPERSEDED = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}


def refusal(method: str, target: str, *fields: tuple[str, str]) -> S3Error:
    with pytest.raises(S3Error) as caught:
        operation_of(method, target, *fields)
    return caught.value


def outcome(method: str, target: str, *fields: tuple[str, str]) -> str:
    """Name of the row, or code of the refusal."""
    try:
        return operation_of(method, target, *fields).name
    except S3Error as error:
        return error.code


def model() -> Any:
    session = pytest.importorskip("botocore.session").get_session()
    return session.get_service_model("s3")


@pytest.mark.rule("L3")
def test_every_operation_that_an_sdk_knows_has_its_row() -> None:
    """botocore's model of S3 is the oracle: each of its requests, with nothing but what it
    requires, is matched to its own row."""
    s3 = model()
    wrong = {}
    for name in s3.operation_names:
        shape = s3.operation_model(name)
        target = shape.http["requestUri"].replace("{Bucket}", "b").replace("{Key+}", "k")
        fields = []
        members = shape.input_shape.members if shape.input_shape else {}
        required = shape.input_shape.required_members if shape.input_shape else []
        for member in required:
            place = members[member].serialization
            if place.get("location") == "querystring":
                target += f"{'&' if '?' in target else '?'}{place['name']}=1"
            elif place.get("location") == "header":
                fields.append((place["name"].lower(), "b/k"))
        if name == "ListDirectoryBuckets":
            target += "?max-directory-buckets=1"
        found = outcome(shape.http["method"], target, *fields)
        if found != SUPERSEDED.get(name, name):
            wrong[name] = found
    assert wrong == {}


@pytest.mark.rule("L3")
def test_every_parameter_that_an_sdk_sends_is_known_to_its_row() -> None:
    s3 = model()
    rows = {row.name: row for row in OPERATIONS}
    for name in set(s3.operation_names) - set(SUPERSEDED):
        shape = s3.operation_model(name)
        members = shape.input_shape.members if shape.input_shape else {}
        sent = {
            member.serialization["name"]
            for member in members.values()
            if member.serialization.get("location") == "querystring"
        }
        assert sent <= rows[name].params, name


def test_what_is_built() -> None:
    assert {row.name for row in OPERATIONS if not row.implemented} == NOT_BUILT


def test_names_are_unique_and_actions_are_snake_case() -> None:
    names = [row.name for row in OPERATIONS]
    assert len(names) == len(set(names))
    for row in OPERATIONS:
        assert row.action.replace("_", "").isalnum() and row.action == row.action.lower()
    actions = {row.name: row.action for row in OPERATIONS}
    assert (
        actions["GetBucketMetadataTableConfiguration"] == "get_bucket_metadata_table_configuration"
    )
    assert actions["ListObjects"] == actions["ListObjectsV2"] == "list_bucket"
    assert actions["DeleteObjects"] == "delete_object"


@pytest.mark.rule("L3")
def test_a_row_that_is_not_built_is_refused_by_name() -> None:
    error = not_implemented(operation_of("GET", "/b/k?torrent"))
    assert (error.status, error.code) == (501, "NotImplemented")
    assert "GetObjectTorrent" in error.message


@pytest.mark.rule("L3", "S14", "S15", "SEM-7")
@pytest.mark.parametrize("subresource", sorted(SUBRESOURCES))
@pytest.mark.parametrize("value", ["", "=", "=1"])
def test_a_subresource_is_never_taken_for_the_plain_operation(subresource: str, value: str) -> None:
    rows = {row.name: row for row in OPERATIONS}
    for (level, target), method in itertools.product(TARGETS.items(), METHODS):
        found = outcome(method, f"{target}?{subresource}{value}")
        if found in rows:
            row = rows[found]
            assert (row.subresource, row.method, row.level) == (subresource, method, level)
        else:
            wrong_value = subresource == "list-type" and (method, level) == ("GET", BUCKET)
            assert found == ("InvalidArgument" if wrong_value else "NotImplemented")


@pytest.mark.rule("SEM-7")
@pytest.mark.parametrize(("level", "method"), list(itertools.product(TARGETS, METHODS)))
def test_a_subresource_without_a_row_is_501(level: str, method: str) -> None:
    rows = {row.subresource for row in OPERATIONS if (row.level, row.method) == (level, method)}
    for subresource in SUBRESOURCES - rows:
        error = refusal(method, f"{TARGETS[level]}?{subresource}")
        assert (error.status, error.code) == (501, "NotImplemented")
        assert subresource in error.message


@pytest.mark.rule("S15")
@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "//", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b/", "ListObjects"),
        ("GET", "/b?list-type=2", "ListObjectsV2"),
        ("GET", "/b?delimiter=%2F&prefix=a&list-type=2", "ListObjectsV2"),
        ("HEAD", "/b", "HeadBucket"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b/", "CreateBucket"),
        ("DELETE", "/b", "DeleteBucket"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "//b/k", "GetObject"),
        ("GET", "/b//", "GetObject"),
        ("HEAD", "/b/k", "HeadObject"),
        ("PUT", "/b/k", "PutObject"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("GET", "/b/k?uploadId=x", "ListParts"),
        ("PUT", "/b/k?uploadId=x&partNumber=1", "UploadPart"),
        ("POST", "/b?delete=", "DeleteObjects"),
        ("POST", "/b/k?uploads=", "CreateMultipartUpload"),
        ("GET", "/b?uploads&delimiter=&prefix=", "ListMultipartUploads"),
        ("GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
        ("GET", "/b/k?acl&versionId=1", "GetObjectAcl"),
    ],
)
def test_the_right_row(method: str, target: str, name: str) -> None:
    assert operation_of(method, target).name == name


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    ("method", "target", "field", "name"),
    [
        ("PUT", "/b/k", ("x-amz-copy-source", "b/j"), "CopyObject"),
        ("PUT", "/b/k", ("x-amz-copy-source", ""), "CopyObject"),
        ("PUT", "/b/k?uploadId=x&partNumber=1", ("x-amz-copy-source", "b/j"), "UploadPartCopy"),
        ("POST", "/b", ("content-type", "multipart/form-data; boundary=x"), "PostObject"),
        ("POST", "/b", ("content-type", "Multipart/Form-Data"), "PostObject"),
        ("POST", "/WriteGetObjectResponse", ("x-amz-request-token", "x"), "WriteGetObjectResponse"),
        ("PUT", "/b/k?renameObject", ("x-amz-rename-source", "j"), "RenameObject"),
    ],
)
def test_rows_that_a_header_selects(
    method: str, target: str, field: tuple[str, str], name: str
) -> None:
    assert operation_of(method, target, field).name == name


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("POST", "/", "GET"),
        ("HEAD", "/", "GET"),
        ("POST", "/b", "DELETE, GET, HEAD, PUT"),
        ("POST", "/b/k", "DELETE, GET, HEAD, PUT"),
        ("OPTIONS", "/b/k", "DELETE, GET, HEAD, PUT"),
        ("POST", "/b/k?x-id=Nothing", "DELETE, GET, HEAD, PUT"),
    ],
)
def test_a_method_without_a_row_is_405_with_allow(method: str, target: str, allow: str) -> None:
    error = refusal(method, target)
    assert (error.status, error.code) == (405, "MethodNotAllowed")
    assert dict(error.fields)["Allow"] == allow


@pytest.mark.rule("SEM-7")
@pytest.mark.parametrize(
    "target", ["/b/k?acl&tagging", "/b?policy&list-type=2", "/b/k?uploadId=1&acl"]
)
def test_two_subresources_contradict_each_other(target: str) -> None:
    assert refusal("GET", target).code == "InvalidArgument"


@pytest.mark.rule("SEM-7", "S2")
@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/b?prefix=a&prefix=", 400),
        ("GET", "/b?prefix=a&%70refix=b", 400),
        ("GET", "/b?list-type=2&list-type=2", 400),
        ("GET", "/b/k?versionId=1&versionId=2", 400),
        ("GET", "/b/k?partNumber=1&partNumber=1", 400),
        ("DELETE", "/b/k?versionId=1&versionId=1", 400),
        ("GET", "/?prefix=a&prefix=b", 400),
        # unknown without a value: 501, whatever is asked
        ("GET", "/b/k?unheard-of", 501),
        ("GET", "/b/k?unheard-of=", 501),
        ("GET", "/b?prefix%00=", 501),
        ("HEAD", "/b?unheard-of", 501),
        ("PUT", "/b/k?ACL", 501),
        # unknown with a value: nothing on reads, 501 on writes
        ("GET", "/b/k?cachebuster=1", 0),
        ("GET", "/b/k?cachebuster=1&cachebuster=2", 0),
        ("GET", "/b?prefix%5B%5D=1", 0),
        ("GET", "/b?Prefix=x", 0),
        ("PUT", "/b/k?x=1", 501),
        ("PUT", "/b/k?versionId=1", 501),
        ("PUT", "/b/k?partNumber=1", 501),
        ("DELETE", "/b/k?partNumber=1", 501),
        ("PUT", "/b/k?x-amz-acl=public-read", 501),
        # x-id names the operation and means nothing
        ("PUT", "/b/k?x-id=PutObject", 0),
        ("GET", "/b/k?x-id", 0),
        ("DELETE", "/b/k?x-id=GetObject", 0),
        # values
        ("GET", "/b/k?versionId=", 400),
        ("GET", "/b?list-type=1", 400),
        ("GET", "/b?list-type=", 400),
    ],
)
def test_parameters(method: str, target: str, code: int) -> None:
    if code == 0:
        operation_of(method, target)
    else:
        assert refusal(method, target).status == code


@pytest.mark.rule("SEM-7")
@pytest.mark.rule("R35")
@pytest.mark.parametrize(
    "number", ["0", "10001", "-1", "+1", "abc", "1_0", "0x1", " 1", "١", "", "1" * 20, "1.0"]
)
@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/b/k?"), ("HEAD", "/b/k?"), ("PUT", "/b/k?uploadId=x&")]
)
def test_part_numbers_are_digits_from_1_to_10000(method: str, target: str, number: str) -> None:
    encoded = number.replace("+", "%2B").replace(" ", "%20").replace("١", "%D9%A1")
    assert refusal(method, f"{target}partNumber={encoded}").code == "InvalidArgument"


@pytest.mark.parametrize("number", ["1", "10000", "00001"])
def test_part_numbers_in_range(number: str) -> None:
    assert operation_of("GET", f"/b/k?partNumber={number}").name == "GetObject"


@pytest.mark.parametrize(
    ("method", "name", "action"),
    [
        ("GET", "GetObject", "get_object_version"),
        ("HEAD", "HeadObject", "get_object_version"),
        ("DELETE", "DeleteObject", "delete_object_version"),
    ],
)
def test_a_version_needs_an_action_of_its_own(method: str, name: str, action: str) -> None:
    row = operation_of(method, "/b/k?versionId=null")
    assert (row.name, row.action, row.implemented) == (name, action, True)
    assert operation_of(method, "/b/k").action != action


def test_every_row_that_takes_a_version_has_its_twin() -> None:
    """The same row in everything but the action, which is IAM's name for it (D3)."""
    for row in OPERATIONS:
        twin = row.versioned
        assert (twin is not None) == ("versionId" in row.params), row
        if twin is not None:
            same = [name for name in type(row).__slots__ if name not in ("action", "versioned")]
            assert [getattr(row, name) for name in same] == [getattr(twin, name) for name in same]
            assert twin.action != row.action and "_version" in twin.action
            assert twin.versioned is None


@pytest.mark.parametrize(
    ("method", "target", "action"),
    [
        ("GET", "/b/k?tagging&versionId=1", "get_object_version_tagging"),
        ("PUT", "/b/k?acl&versionId=1", "put_object_version_acl"),
        ("GET", "/b/k?attributes&versionId=1", "get_object_version_attributes"),
        ("DELETE", "/b/k?tagging&versionId=1", "delete_object_version_tagging"),
        ("GET", "/b/k?tagging", "get_object_tagging"),
        ("GET", "/b/k?annotation&annotationName=a&versionId=1", "get_object_version_annotation"),
    ],
)
def test_a_version_of_a_sub_resource_too(method: str, target: str, action: str) -> None:
    assert operation_of(method, target).action == action


@pytest.mark.rule("L3", "SEM-7")
@pytest.mark.parametrize("fields", [(), (("x-amz-copy-source", "b/j"),)])
def test_a_part_needs_its_number(fields: tuple[tuple[str, str], ...]) -> None:
    error = refusal("PUT", "/b/k?uploadId=x", *fields)
    assert (error.status, error.code) == (501, "NotImplemented")


@pytest.mark.rule("SEM-3")
@pytest.mark.parametrize("name", sorted(AUTH_PARAMS))
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_credentials_in_the_query_select_nothing(name: str, spell: Any) -> None:
    assert operation_of("PUT", f"/b/k?{spell(name)}=1&{spell(name)}=2").name == "PutObject"


@pytest.mark.rule("S14")
def test_captured_requests_that_name_their_operation() -> None:
    checked = 0
    for path in sorted(CORPUS.glob("*/*.http")):
        verdict, head, _, _ = scan_request(path.read_bytes())
        if verdict == ORDINARY and head is not None and b"x-id=" in head.target:
            fields = [(n.decode(), v.decode("latin-1")) for n, v in head.items() if n != b"host"]
            expected = head.target.partition(b"x-id=")[2].partition(b"&")[0].decode()
            assert outcome(head.method, head.target.decode(), *fields) == expected, path
            checked += 1
    assert checked > 20


@pytest.mark.rule("S14")
def test_captured_requests_without_a_query_are_plain() -> None:
    for path in sorted(CORPUS.glob("*/index.json")):
        for entry in json.loads(path.read_bytes()):
            method, target = entry["method"], entry["target"]
            if "?" not in target and method in ("GET", "HEAD") and entry["style"] == "path":
                segments = target.lstrip("/").split("/", 1)
                level = sum(map(bool, segments))
                names = {
                    "GET": ("ListBuckets", "ListObjects", "GetObject"),
                    "HEAD": ("MethodNotAllowed", "HeadBucket", "HeadObject"),
                }
                assert outcome(method, target) == names[method][level]


@pytest.mark.rule("SEM-14")
@pytest.mark.parametrize(
    ("field", "actions"),
    [
        (("x-amz-acl", "private"), ()),
        (("x-amz-acl", "public-read"), ("put_object_acl",)),
        (("x-amz-acl", ""), ("put_object_acl",)),
        (("x-amz-acl", "bucket-owner-full-control"), ("put_object_acl",)),
        (("x-amz-grant-read", "id=1"), ("put_object_acl",)),
        (("x-amz-grant-anything", "id=1"), ("put_object_acl",)),
        (("x-amz-tagging", "a=b"), ("put_object_tagging",)),
        (("x-amz-object-lock-mode", "GOVERNANCE"), ("put_object_retention",)),
        (("x-amz-object-lock-retain-until-date", "2030"), ("put_object_retention",)),
        (("x-amz-object-lock-legal-hold", "ON"), ("put_object_legal_hold",)),
        (("x-amz-bypass-governance-retention", "true"), ("bypass_governance_retention",)),
        (("x-amz-website-redirect-location", "/"), ("put_object_website_redirect",)),
        (
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("put_object_sse_customer_key",),
        ),
        (("x-amz-server-side-encryption-aws-kms-key-id", "k"), ("put_object_sse_kms_key",)),
        (("x-amz-server-side-encryption-context", "e30="), ("put_object_sse_kms_key",)),
        (("x-amz-server-side-encryption", "aws:kms"), ()),
        (("x-amz-storage-class", "STANDARD_IA"), ()),
        (("x-amz-meta-x-amz-acl", "public-read"), ()),
        (("cache-control", "no-store"), ()),
    ],
)
def test_what_headers_of_a_write_ask_for(field: tuple[str, str], actions: tuple[str, ...]) -> None:
    head = head_of("PUT", "/b/k", field)
    assert required_actions(head, operation_of("PUT", "/b/k")) == ("put_object", *actions)


@pytest.mark.rule("SEM-14")
def test_a_private_acl_does_not_hide_a_second_one() -> None:
    head = head_of("PUT", "/b/k", ("x-amz-acl", "private"), ("x-amz-acl", "public-read"))
    assert "put_object_acl" in required_actions(head, operation_of("PUT", "/b/k"))


def test_reads_ask_for_their_own_action_only() -> None:
    head = head_of("GET", "/b/k", ("x-amz-server-side-encryption-customer-key", "x"))
    assert required_actions(head, operation_of("GET", "/b/k")) == ("get_object",)


names = st.sampled_from([*sorted(SUBRESOURCES), "versionId", "partNumber", "prefix", "x", "x-id"])


@pytest.mark.rule("L3", "SEM-7")
@given(
    st.sampled_from(METHODS),
    st.sampled_from(list(TARGETS.values())),
    st.lists(st.tuples(names, st.sampled_from(["", "=", "=1", "=2"])), min_size=1, max_size=4),
)
def test_no_query_turns_into_a_plain_write(
    method: str, target: str, pairs: list[tuple[str, str]]
) -> None:
    """A write is only carried out when every parameter was understood."""
    query = "&".join(name + value for name, value in pairs)
    try:
        row = operation_of(method, f"{target}?{query}")
    except S3Error as error:
        refused = error.status
    else:
        refused = 0
    if refused:
        assert refused in (400, 405, 501)
        return
    assert row.method == method
    if row.implemented and not row.reads:
        assert {name for name, _ in pairs} <= row.params | {"x-id"}
    if row.implemented and row.reads:
        acted_on = [name for name, _ in pairs if name in row.params]
        assert len(acted_on) == len(set(acted_on))
        assert {name for name, _ in pairs if name in SUBRESOURCES} <= {row.subresource}
