"""Operations that take long, or several calls: completions, copies, batch deletes, byte by byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backend import BackendConnection, Gone, Script, answer, ok
from support.configuration import WRITER
from support.processes import wait_until
from support.raw import Connection, Truncated
from support.rig import Pair, Rig, Stand

RESULT = (
    b'<?xml version="1.0"?>\n<CopyObjectResult><LastModified>2026-01-01T00:00:00.000Z'
    b"</LastModified><ETag>&quot;0&quot;</ETag></CopyObjectResult>"
)
ERROR = b"<Error><Code>%b</Code><Message>canary</Message><Key>canary-prefix/k</Key></Error>"
INITIATED = (
    b"<InitiateMultipartUploadResult><Bucket>canary</Bucket><Key>canary</Key>"
    b"<UploadId>canary-id</UploadId></InitiateMultipartUploadResult>"
)
COMPLETED = (
    b"<CompleteMultipartUploadResult><Location>http://canary/</Location><Bucket>canary</Bucket>"
    b"<Key>canary</Key><ETag>&quot;9-1&quot;</ETag></CompleteMultipartUploadResult>"
)
PARTS = (
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>"
    b"</CompleteMultipartUpload>"
)


def copied(pair: Pair, *headers: tuple[str, str], source: str = "") -> bytes:
    source = source or f"/{pair.bucket}/source"
    return bytes(pair.request("PUT", "/k", ("x-amz-copy-source", source), *headers))


def slowly(seconds: float, data: bytes) -> Script:
    """Answers each request after a while."""

    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.pause(seconds)
            connection.send(data)

    return script


# --- what waits, what joins, what goes on ---------------------------------------------------------


@pytest.mark.rule("SEM-19", "SEM-28", "S20")
def test_a_copy_that_takes_long(pair: Pair) -> None:
    """Status after five seconds, then the document; whoever asks the same meanwhile gets it too,
    though the first one has left."""
    pair.backend.serve(slowly(6, answer(RESULT)))
    with pair.connect() as first, pair.connect() as second:
        first.send(copied(pair))
        wait_until(lambda: len(pair.backend.requests) == 1, timeout=5, what="the store is asked")
        second.send(copied(pair))
        begun = time.monotonic()
        time.sleep(0.3)
        first.reset()
        response = second.read("PUT")
        assert response.status == 200 and time.monotonic() - begun > 5
        assert response.framing == "chunked"
        assert response.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n')
        assert response.body.count(b"<?xml") == 1
        assert b"<ETag>&#34;0&#34;</ETag>" in response.body or b"&quot;0&quot;" in response.body
        assert len(pair.backend.requests) == 1
        # Over: who asks again starts again.
        second.send(copied(pair))
        assert second.read("PUT").status == 200
        assert len(pair.backend.requests) == 2


@pytest.mark.rule("SEM-19", "F20")
@pytest.mark.parametrize("late", [False, True])
def test_an_error_of_a_copy(pair: Pair, late: bool) -> None:
    """Early it has its status, late it is the document of a 200."""
    pair.backend.serve(slowly(5.5 if late else 0, answer(ERROR % b"InternalError")))
    with pair.connect() as connection:
        connection.send(copied(pair))
        response = connection.read("PUT")
        assert response.status == (200 if late else 500)
        assert b"<Code>InternalError</Code>" in response.body and b"canary" not in response.body
        assert connection.request(pair.request("HEAD", "")).status == 200


@pytest.mark.rule("SEM-28")
def test_only_the_same_copy_is_joined(pair: Pair) -> None:
    pair.backend.serve(slowly(0.5, answer(RESULT)))
    with pair.connect() as one, pair.connect() as two:
        one.send(copied(pair))
        two.send(copied(pair, ("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-a", "b")))
        assert (one.read("PUT").status, two.read("PUT").status) == (200, 200)
    assert len(pair.backend.requests) == 2


@pytest.mark.rule("L7", "SEM-19")
@pytest.mark.parametrize("document", [b"", b"<html>", RESULT[:-30], b"<CopyObjectResult/>"])
def test_a_copy_without_a_result_is_none(pair: Pair, document: bytes) -> None:
    pair.backend.serve(slowly(0, answer(document)))
    with pair.connect() as connection:
        connection.send(copied(pair))
        response = connection.read("PUT")
        assert (response.status, response.code) == (502, "BadGateway")


@pytest.mark.rule("SEM-24", "S18")
@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("{bucket}/a b", "a%20b"),
        ("/{bucket}/a%2Fb%3Fc+d", "a/b%3Fc%2Bd"),
        ("{bucket}%2Fencoded", "encoded"),
        ("{bucket}/k?versionId=v%2F1", "k?versionId=v%2F1"),
    ],
)
def test_what_a_store_is_asked_to_copy(pair: Pair, source: str, sent: str) -> None:
    pair.backend.serve(slowly(0, answer(RESULT)))
    with pair.connect() as connection:
        connection.send(copied(pair, source=source.format(bucket=pair.bucket)))
        assert connection.read("PUT").status == 200
    (request,) = pair.backend.requests
    assert request.get("x-amz-copy-source") == f"/{pair.backend_bucket}/canary-prefix/{sent}"


@pytest.mark.rule("SEM-24", "L2")
@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "InvalidArgument"),
        ("/", "InvalidArgument"),
        ("//", "InvalidArgument"),
        ("{bucket}", "InvalidArgument"),
        ("{bucket}/", "InvalidArgument"),
        ("{bucket}/%ff", "InvalidArgument"),
        ("{bucket}/k?versionId=", "InvalidArgument"),
        ("{bucket}/k?versionId=1&versionId=2", "InvalidArgument"),
        ("{bucket}/k?x=1", "InvalidArgument"),
        ("{bucket}/" + "k" * 1025, "KeyTooLongError"),
        ("{bucket}/a/../b", "InvalidRequest"),
        ("arn:aws:s3:us-east-1:1:accesspoint/a/object/k", "NotImplemented"),
        ("elsewhere/k", "AccessDenied"),
    ],
)
def test_sources_that_are_refused(pair: Pair, source: str, code: str) -> None:
    field = ("x-amz-copy-source", source.format(bucket=pair.bucket))
    with pair.connect() as connection:
        response = connection.request(pair.request("PUT", "/k", field))
        assert response.code == code
    assert pair.backend.connections == []


@pytest.mark.rule("S22", "SEM-14")
@pytest.mark.parametrize(
    "field",
    [
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=7"),
        ("x-amz-website-redirect-location", "/elsewhere"),
        ("x-amz-tagging", "a=b"),
    ],
)
def test_a_copy_needs_the_rights_of_what_its_fields_do(pair: Pair, field: tuple[str, str]) -> None:
    pair.backend.serve(slowly(0, answer(RESULT)))
    source = ("x-amz-copy-source", f"/{pair.bucket}/source")
    with pair.connect() as connection:
        request = pair.request("PUT", "/k", source, field, credentials=WRITER)
        assert connection.request(request).code == "AccessDenied"
        assert pair.backend.connections == []
        assert connection.request(pair.request("PUT", "/k", source, field)).status == 200
    assert pair.backend.requests[0].get(field[0]) == field[1]


@pytest.mark.rule("F41")
def test_one_part_sent_twice_at_once(pair: Pair) -> None:
    """A client that gave up waiting sends it again: both go on, whole, each as it was sent."""
    pair.backend.serve(slowly(0, answer(INITIATED)), slowly(0.3, answer(b"", ("ETag", '"e"'))))
    with pair.connect() as one, pair.connect() as two:
        begun = one.request(pair.request("POST", "/k?uploads="))
        upload = begun.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
        path = f"/k?partNumber=1&uploadId={upload}"
        first, second = b"1" * 300_000, b"2" * 200_000
        half = bytes(pair.request("PUT", path, body=first))
        one.send(half[:-100_000])
        two.send(pair.request("PUT", path, body=second))
        assert two.read("PUT").status == 200
        one.send(half[-100_000:])
        assert one.read("PUT").status == 200
    bodies = [bytes(got.body) for got in pair.backend.requests if got.method == "PUT"]
    assert sorted(bodies) == [first, second]


@pytest.mark.rule("SEM-19", "S20")
def test_a_completion(pair: Pair) -> None:
    pair.backend.serve(slowly(0, answer(INITIATED)), slowly(0, answer(COMPLETED)))
    with pair.connect() as connection:
        begun = connection.request(pair.request("POST", "/k?uploads="))
        upload = begun.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
        path = f"/k?uploadId={upload}"
        response = connection.request(pair.request("POST", path, body=PARTS))
        assert response.status == 200 and b"canary" not in response.body
        assert f"<Bucket>{pair.bucket}</Bucket><Key>k</Key>".encode() in response.body
        for body, code in (
            (PARTS.replace(b"<ETag>", b"<Extra/><ETag>"), "MalformedXML"),
            (b"<CompleteMultipartUpload/>", "MalformedXML"),
            (b"", "MalformedXML"),
            (b"x", "MalformedXML"),
            (PARTS.replace(b">1<", b">10001<"), "InvalidArgument"),
        ):
            assert connection.request(pair.request("POST", path, body=body)).code == code
        forged = f"/other?uploadId={upload}"
        assert connection.request(pair.request("POST", forged, body=PARTS)).code == "NoSuchUpload"
        wrong = pair.request("POST", path, body=PARTS, payload="0" * 64)
        assert connection.request(wrong).code == "XAmzContentSHA256Mismatch"
        digest = ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")
        wrong = pair.request("POST", path, digest, body=PARTS, payload="UNSIGNED-PAYLOAD")
        assert connection.request(wrong).code == "BadDigest"
    _, completed = pair.backend.requests
    assert completed.target.endswith("canary-prefix/k?uploadId=canary-id")


# --- from store to store --------------------------------------------------------------------------


@pytest.fixture
def pairs(stand: Stand) -> Iterator[tuple[Pair, Pair]]:
    """Two buckets of one gateway, each with a store of its own."""
    one, two = stand.take(), stand.take()
    while one.gateway is not two.gateway:
        one, two = two, stand.take()
    yield one, two
    one.gateway.check_log()


def gives(
    body: bytes, *fields: tuple[str, str], cut: int | None = None, status: str = "200 OK"
) -> Script:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        whole = answer(body, ("ETag", '"e"'), *fields, status=status)
        if cut is None:
            connection.send(whole)
            connection.wait_end()
        else:
            connection.send(whole[: len(whole) - len(body) + cut])
            time.sleep(0.2)
            connection.reset()

    return script


class Takes:
    """Reads a body; how the connection ended if it did not come whole."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.body = b""

    def __call__(self, connection: BackendConnection) -> None:
        connection.read_head()
        try:
            self.body = connection.read_body()
        except Gone as gone:
            self.ended.append(gone.how)
            return
        connection.send(answer(b"", ("ETag", '"t"')))
        connection.wait_end()


@pytest.mark.rule("L6", "L8")
@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_bytes_pass_from_store_to_store(pairs: tuple[Pair, Pair], size: int) -> None:
    here, there = pairs
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    taking = Takes()
    here.backend.serve(gives(data, ("x-amz-meta-a", "b"), ("Content-Type", "text/x")))
    there.backend.serve(taking)
    with there.connect() as connection:
        connection.send(copied(there, source=f"{here.bucket}/source"))
        response = connection.read("PUT")
        assert response.status == 200 and b"&quot;t&quot;" in response.body
    assert taking.body == data
    (put,) = there.backend.requests
    assert (put.get("x-amz-meta-a"), put.get("content-type")) == ("b", "text/x")
    assert put.get("x-amz-copy-source") is None


@pytest.mark.rule("L6", "F01")
@pytest.mark.parametrize("cut", [0, 1, 100_000, 4_999_999])
def test_a_source_that_is_cut_short_commits_nothing(pairs: tuple[Pair, Pair], cut: int) -> None:
    here, there = pairs
    taking = Takes()
    here.backend.serve(gives(b"y" * 5_000_000, cut=cut))
    there.backend.serve(taking)
    with there.connect() as connection:
        connection.send(copied(there, source=f"{here.bucket}/source"))
        response = connection.read("PUT")
        assert response.status == 503
        assert connection.request(there.request("HEAD", "")).status == 200
    if there.backend.requests:
        wait_until(lambda: taking.ended, timeout=5, what="the target's connection ends")
        assert taking.ended == ["reset"] and not there.backend.requests[0].whole


@pytest.mark.rule("L6", "F05")
@pytest.mark.parametrize("status", ["403 Forbidden", "200 OK"])
def test_a_target_that_answers_early(pairs: tuple[Pair, Pair], status: str) -> None:
    """A refusal is told; a success before the last byte is a fault."""
    here, there = pairs

    def early(connection: BackendConnection) -> None:
        connection.read_head()
        connection.send(answer(ERROR % b"AccessDenied", status=status))
        connection.wait_end()

    here.backend.serve(gives(b"y" * 5_000_000))
    there.backend.serve(early)
    with there.connect() as connection:
        connection.send(copied(there, source=f"{here.bucket}/source"))
        response = connection.read("PUT")
        refused = status.startswith("403")
        assert (response.status, response.code) == (
            (403, "AccessDenied") if refused else (502, "BadGateway")
        )


@pytest.mark.rule("SEM-28", "L6")
def test_a_copy_goes_on_when_its_client_leaves(pairs: tuple[Pair, Pair]) -> None:
    here, there = pairs
    go = threading.Event()
    taking = Takes()

    def late(connection: BackendConnection) -> None:
        connection.read_request()
        assert go.wait(10)
        connection.send(answer(b"z" * 300_000, ("ETag", '"e"')))
        connection.wait_end()

    here.backend.serve(late)
    there.backend.serve(taking)
    connection: Connection
    with there.connect() as connection:
        connection.send(copied(there, source=f"{here.bucket}/source"))
        wait_until(lambda: here.backend.requests, timeout=5, what="the source is asked")
        connection.reset()
    go.set()
    wait_until(lambda: len(taking.body) == 300_000, timeout=5, what="the copy is made")


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    ("asked", "status", "given", "code"),
    [
        (None, "206 Partial Content", "bytes 0-9/10", "BadGateway"),
        ("bytes=0-9", "200 OK", None, "BadGateway"),
        ("bytes=0-9", "206 Partial Content", None, "InvalidRange"),
        ("bytes=0-9", "206 Partial Content", "bytes 10-19/20", "InvalidRange"),
        ("bytes=0-19", "206 Partial Content", "bytes 0-9/10", "InvalidRange"),
    ],
)
def test_a_source_that_gives_another_part(
    pairs: tuple[Pair, Pair], asked: str | None, status: str, given: str | None, code: str
) -> None:
    """Not one byte reaches the target."""
    here, there = pairs
    content_range = [("Content-Range", given)] if given else []
    here.backend.serve(gives(b"y" * 10, *content_range, status=status))
    there.backend.serve(slowly(0, answer(INITIATED)))
    source = ("x-amz-copy-source", f"/{here.bucket}/source")
    with there.connect() as connection:
        if asked is None:
            request = there.request("PUT", "/k", source)
        else:
            begun = connection.request(there.request("POST", "/k?uploads="))
            upload = begun.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
            wanted = ("x-amz-copy-source-range", asked)
            path = f"/k?partNumber=1&uploadId={upload}"
            request = there.request("PUT", path, source, wanted)
        assert connection.request(request).code == code
    assert here.backend.requests[0].get("range") == asked
    assert [got.method for got in there.backend.requests if got.method == "PUT"] == []


@pytest.mark.rule("L8")
def test_copies_that_wait_for_each_other(tmp_path: Path) -> None:
    """Each holds the only connection that the other one needs: both give up, in seconds."""
    limits, timeouts = {"backend_connections": 1}, {"connect": 1}
    with Rig(tmp_path, stock=2, limits=limits, timeouts=timeouts) as rig:
        one, two = rig.take(), rig.take()
        both = threading.Barrier(2, timeout=10)

        def source(connection: BackendConnection) -> None:
            connection.read_request()
            both.wait()
            connection.send(answer(b"z" * 3_000_000, ("ETag", '"e"')))
            connection.wait_end()

        for pair in (one, two):
            pair.backend.serve(source, ok())
        with one.connect() as first, two.connect() as second:
            first.send(copied(one, source=f"{two.bucket}/source"))
            second.send(copied(two, source=f"{one.bucket}/source"))
            statuses = {first.read("PUT").status, second.read("PUT").status}
            assert 503 in statuses and statuses <= {200, 503}
        for pair in (one, two):
            assert pair.ask("HEAD", "").status == 200


@pytest.mark.rule("SEM-24", "L2")
def test_tags_are_copied_for_who_may(pair: Pair) -> None:
    """Nobody reads or writes them by a copy who may not by themselves."""
    pair.backend.serve(slowly(0, answer(RESULT)))
    source = ("x-amz-copy-source", f"/{pair.bucket}/source")
    explicit = ("x-amz-tagging-directive", "COPY")
    with pair.connect() as connection:
        for fields in ((), (explicit,)):
            request = pair.request("PUT", "/k", source, *fields)
            assert connection.request(request).status == 200
        request = pair.request("PUT", "/k", source, credentials=WRITER)
        assert connection.request(request).status == 200
        request = pair.request("PUT", "/k", source, explicit, credentials=WRITER)
        assert connection.request(request).code == "AccessDenied"
    sent = [request.get("x-amz-tagging-directive") for request in pair.backend.requests]
    assert sent == [None, "COPY", "REPLACE"]


# --- batch deletes --------------------------------------------------------------------------------


def batch(*keys: str, quiet: bool = False) -> bytes:
    entries = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    said = "<Quiet>true</Quiet>" if quiet else ""
    return f"<Delete>{said}{entries}</Delete>".encode()


def report(body: bytes) -> Script:
    return slowly(0, answer(b"<DeleteResult>%b</DeleteResult>" % body))


@pytest.mark.rule("SEM-23")
def test_nothing_is_reported_that_the_store_did_not_report(pair: Pair) -> None:
    pair.backend.serve(
        report(
            b"<Deleted><Key>canary-prefix/a</Key><DeleteMarker>true</DeleteMarker></Deleted>"
            b"<Error><Key>canary-prefix/b</Key><Code>CanaryCode</Code></Error>"
            b"<Deleted><Key>canary-other/c</Key></Deleted><Deleted><Key>c</Key></Deleted>"
        )
    )
    with pair.connect() as connection:
        response = connection.request(pair.request("POST", "?delete=", body=batch("a", "b", "c")))
    assert response.status == 200 and b"canary" not in response.body.lower()
    assert response.body.count(b"<Deleted>") == 1
    assert b"<Key>a</Key><DeleteMarker>true</DeleteMarker>" in response.body
    assert response.body.count(b"<Code>InternalError</Code>") == 2
    (sent,) = pair.backend.requests
    assert b"<Quiet>false</Quiet>" in bytes(sent.body) and sent.get("content-md5")


@pytest.mark.rule("SEM-23", "L2")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Delete/>", "MalformedXML"),
        (b"<Delete><Object/></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key></Key></Object></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "MalformedXML"),
        (b"<Delete><Object><Key>a</Key></Object><Other/></Delete>", "MalformedXML"),
        (b"<Delete><Quiet>perhaps</Quiet><Object><Key>a</Key></Object></Delete>", "MalformedXML"),
        (b"<Other><Object><Key>a</Key></Object></Other>", "MalformedXML"),
        (batch(*map(str, range(1001))), "MalformedXML"),
        (b"", "MissingRequestBodyError"),
    ],
)
def test_batches_that_are_none(pair: Pair, body: bytes, code: str) -> None:
    with pair.connect() as connection:
        assert connection.request(pair.request("POST", "?delete=", body=body)).code == code
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-23")
def test_a_batch_is_held_to_its_digest(pair: Pair) -> None:
    with pair.connect() as connection:
        for payload, fields, code in (
            ("UNSIGNED-PAYLOAD", (), "InvalidRequest"),
            ("UNSIGNED-PAYLOAD", (("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="),), "BadDigest"),
            ("0" * 64, (), "XAmzContentSHA256Mismatch"),
        ):
            request = pair.request("POST", "?delete=", *fields, body=batch("a"), payload=payload)
            assert connection.request(request).code == code
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-23", "SEM-10")
def test_a_batch_in_pieces_after_a_continue(pair: Pair) -> None:
    pair.backend.serve(report(b"<Deleted><Key>canary-prefix/a</Key></Deleted>"))
    whole = bytes(
        pair.request("POST", "?delete=", ("Expect", "100-continue"), body=batch("a", quiet=True))
    )
    head, _, body = whole.partition(b"\r\n\r\n")
    with pair.connect() as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.read_interim().startswith(b"HTTP/1.1 100")
        connection.send_bytewise(body)
        response = connection.read("POST")
        assert response.status == 200 and b"<Deleted>" not in response.body


@pytest.mark.rule("L7")
def test_a_report_that_is_cut_short_is_none(pair: Pair) -> None:
    pair.backend.serve(slowly(0, answer(b"<DeleteResult><Deleted><Key>canary-prefix/a</Key>")))
    with pair.connect() as connection:
        try:
            response = connection.request(pair.request("POST", "?delete=", body=batch("a")))
        except Truncated:
            return
        assert (response.status, response.code) == (502, "BadGateway")
