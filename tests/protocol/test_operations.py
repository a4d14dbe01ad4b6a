"""A sub-resource is never mistaken for the plain object operation (L3, S14, S15)."""

from __future__ import annotations

import pytest

from support.backend import ok
from support.configuration import READER, SCOPED
from support.rig import Pair

PAGE = (
    b'<?xml version="1.0"?><ListBucketResult><Name>b</Name><Prefix></Prefix>'
    b"<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
    b"</ListBucketResult>"
)


@pytest.mark.rule("L3", "S14")
@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("POST", "/k?select&select-type=2", "SelectObjectContent"),
        ("GET", "/k?torrent", "GetObjectTorrent"),
        ("PUT", "/k?renameObject", "RenameObject"),
        ("GET", "/k?annotation", "ListObjectAnnotations"),
    ],
)
def test_what_is_not_built_is_named(pair: Pair, method: str, target: str, name: str) -> None:
    response = pair.ask(method, target, body=b"<x/>" if method in ("PUT", "POST") else b"")
    assert (response.status, response.code) == (501, "NotImplemented")
    assert name.encode() in response.body
    assert pair.backend.connections == []


@pytest.mark.rule("S15")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
@pytest.mark.parametrize("key", ["", "/", "//"])
def test_writes_to_a_bucket_are_no_writes_to_an_empty_key(
    pair: Pair, method: str, key: str
) -> None:
    response = pair.ask(method, key, body=b"x" if method != "DELETE" else b"")
    if key == "//":
        # A key of one slash is a key (SEM-1); it is the whole bucket that must be safe.
        assert all(b"canary-prefix/ " not in got.raw for got in pair.backend.requests)
    else:
        assert response.status in (400, 403, 405, 409, 501)
        assert pair.backend.connections == []


@pytest.mark.rule("L3")
def test_a_copy_is_never_an_upload(pair: Pair) -> None:
    copy = ("x-amz-copy-source", f"/{pair.bucket}/other")
    pair.ask("PUT", "/k", copy)
    (sent,) = pair.backend.requests
    assert sent.get("x-amz-copy-source") and sent.length == 0


@pytest.mark.rule("SEM-7")
@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", "x-id=GetObject", 200),
        ("PUT", "x-id=PutObject", 200),
        ("DELETE", "x-id=DeleteObject", 204),
        ("GET", "cachebuster=1", 200),
        ("HEAD", "cachebuster=1", 200),
        ("PUT", "cachebuster=1", 501),
        ("DELETE", "cachebuster=1", 501),
        ("GET", "unknown", 501),
        ("GET", "unknown=", 501),
        ("PUT", "unknown", 501),
        ("GET", "partNumber=1&partNumber=2", 400),
        ("GET", "versionId=a&versionId=b", 400),
        ("GET", "partNumber=0", 400),
        ("GET", "partNumber=10001", 400),
        ("GET", "partNumber=-1", 400),
        ("GET", "partNumber=1_0", 400),
        ("GET", "partNumber=+1", 400),
        ("GET", "partNumber=%D9%A1", 400),
        ("GET", "partNumber=1", 200),
    ],
)
def test_query_parameters(pair: Pair, method: str, query: str, status: int) -> None:
    body = b"x" if method == "PUT" else b""
    response = pair.ask(method, "/k?" + query, body=body)
    assert response.status == status
    assert len(pair.backend.requests) == (1 if status in (200, 204) else 0)
    for request in pair.backend.requests:
        assert "cachebuster" not in request.target


@pytest.mark.rule("SEM-21", "SEM-7", "S2")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("list-type=2&prefix=allowed/&prefix=", 400),
        ("prefix=&prefix=allowed/", 400),
        ("list-type=2&max-keys=0", 200),
        ("list-type=2&max-keys=1001", 200),
        ("list-type=2&max-keys=-1", 400),
        ("list-type=2&max-keys=0x10", 400),
        ("list-type=2&max-keys=1_0", 400),
        ("list-type=2&max-keys=abc", 400),
        ("list-type=2&max-keys=%D9%A1", 400),
        ("list-type=1", 400),
        ("list-type=2&encoding-type=gzip", 400),
        ("list-type=2&continuation-token=forged", 400),
        ("list-type=2&unknown", 501),
        ("list-type=2&prefix%00=x", 200),
        ("list-type=2&prefix[]=", 501),
    ],
)
def test_list_parameters(pair: Pair, query: str, status: int) -> None:
    pair.backend.serve(ok(PAGE, ("Content-Type", "application/xml")))
    response = pair.ask("GET", "?" + query)
    assert response.status == status, response
    if status != 200:
        assert pair.backend.connections == []


@pytest.mark.rule("SEM-21", "S3")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("list-type=2&prefix=allowed/", 200),
        ("list-type=2&prefix=allowed%2Fx", 200),
        ("list-type=2&prefix=allowed", 403),
        ("list-type=2&prefix=allowe", 403),
        ("list-type=2&prefix=", 403),
        ("list-type=2", 403),
        ("", 403),
        ("list-type=2&prefix=allowed-too/", 403),
        ("list-type=2&prefix=%2Fallowed/", 403),
        ("list-type=2&Prefix=allowed/", 403),
        ("list-type=2&%70refix=allowed/", 200),
    ],
)
def test_a_scope_bounds_what_is_listed(pair: Pair, query: str, status: int) -> None:
    pair.backend.serve(ok(PAGE, ("Content-Type", "application/xml")))
    response = pair.ask("GET", "?" + query, credentials=SCOPED)
    assert response.status == status, response
    if status != 200:
        assert pair.backend.connections == []


@pytest.mark.rule("SEM-22")
def test_the_location_of_a_bucket_is_answered_here(pair: Pair) -> None:
    for credentials in (READER, SCOPED):
        response = pair.ask("GET", "?location", credentials=credentials)
        assert response.status == 200
        assert b"LocationConstraint" in response.body
    assert pair.ask("GET", "?location", credentials=None).status == 403
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-22")
def test_the_head_of_a_bucket_names_its_region(pair: Pair) -> None:
    response = pair.ask("HEAD", "")
    assert response.status == 200
    assert response.get("x-amz-bucket-region") == "us-east-1"


@pytest.mark.rule("SEM-20", "S23")
def test_list_buckets_shows_what_the_caller_may_use(pair: Pair) -> None:
    with pair.connect() as connection:
        request = pair.request("GET", "", credentials=READER)
        request.target = "/"
        response = connection.request(request)
        assert response.status == 200
        assert f"<Name>{pair.bucket}</Name>".encode() in response.body
        request.credentials = None
        response = connection.request(request)
        # No bucket of this gateway is public.
        assert response.status == 200
        assert b"<Bucket>" not in response.body
    assert pair.backend.connections == []


@pytest.mark.parametrize("name", ["response-content-type", "response-cache-control"])
def test_overrides_reach_the_backend(pair: Pair, name: str) -> None:
    pair.backend.serve(ok(b"hello", ("Content-Type", "text/html")))
    assert pair.ask("GET", f"/k?{name}=text%2Fplain").status == 200
    assert f"{name}=text%2Fplain" in pair.backend.requests[0].target


@pytest.mark.rule("SEM-1")
@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/a%2Fb", "a/b"),
        ("/a//b", "a//b"),
        ("//a", "/a"),
        ("/a+b", "a%2Bb"),
        ("/a%2Bb", "a%2Bb"),
        ("/a%20b", "a%20b"),
        ("/a%252Fb", "a%252Fb"),
        ("/dir/", "dir/"),
        ("/%c3%a9", "%C3%A9"),
        ("/e%CC%81", "e%CC%81"),
        ("/a'(b)*!", "a%27%28b%29%2A%21"),
        ("/~-._", "~-._"),
        ("/a%5Cb", "a%5Cb"),
        ("/a;x=1,b@c:d$e&f", "a%3Bx%3D1%2Cb%40c%3Ad%24e%26f"),
        ("/%E2%80%AE", "%E2%80%AE"),
    ],
)
def test_keys_are_decoded_once_and_encoded_once(pair: Pair, target: str, key: str) -> None:
    assert pair.ask("GET", target).status == 200
    expected = f"/{pair.backend_bucket}/canary-prefix/{key}"
    assert pair.backend.requests[0].target == expected


@pytest.mark.rule("SEM-1")
def test_slashes_before_the_bucket_do_not_count(pair: Pair) -> None:
    request = pair.request("GET", "/k")
    request.target = "//" + request.target
    with pair.connect() as connection:
        assert connection.request(request).status == 200
    assert pair.backend.requests[0].target.endswith("canary-prefix/k")


@pytest.mark.rule("L3", "S25")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "key",
    [
        "/..",
        "/.",
        "/a/../b",
        "/a/./b",
        "/allowed/..%2f..%2fx",
        "/%2e%2e/x",
        "/a/..",
        "/a%00b",
        "/a%0Ab",
        "/a%0D%0AHost:%20x",
        "/a%7Fb",
        "/%01",
        "/%ff",
        "/%C0%AF",
        "/%ED%A0%80",
        "/%zz",
        "/%",
        "/%2",
    ],
)
def test_keys_that_a_backend_would_fold_are_refused(pair: Pair, method: str, key: str) -> None:
    response = pair.ask(method, key, body=b"x" if method == "PUT" else b"")
    assert response.status == 400, response
    assert response.code
    assert pair.backend.connections == []


@pytest.mark.rule("L1")
@pytest.mark.parametrize(
    ("key", "inside"),
    [
        ("/allowed/x", True),
        ("/allowed/", True),
        ("/allowed%2Fx", True),
        ("/%61llowed/x", True),
        ("/allowed//x", True),
        ("/allowed", False),
        ("/allowed-too/x", False),
        ("/allowed%252Fx", False),
        ("/Allowed/x", False),
        ("/allowed%5Cx", False),
        ("//allowed/x", False),
        ("/x/allowed/", False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_scope_is_a_boundary(pair: Pair, method: str, key: str, inside: bool) -> None:
    body = b"x" if method == "PUT" else b""
    response = pair.ask(method, key, credentials=SCOPED, body=body)
    assert response.status == ((204 if method == "DELETE" else 200) if inside else 403)
    assert len(pair.backend.requests) == (1 if inside else 0)
