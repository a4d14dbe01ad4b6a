"""Promises about the bytes of an upload (gateway/integrity)."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from multistore.errors import S3Error
from multistore.gateway.integrity import BodyCheck, read_promises
from multistore.wire import RequestHead

BODY = bytes(range(256)) * 9


def b64(digest: bytes) -> bytes:
    return base64.b64encode(digest)


KEPT = {
    b"content-md5": b64(hashlib.md5(BODY).digest()),
    b"x-amz-checksum-crc32": b64(zlib.crc32(BODY).to_bytes(4, "big")),
    b"x-amz-checksum-sha1": b64(hashlib.sha1(BODY).digest()),
    b"x-amz-checksum-sha256": b64(hashlib.sha256(BODY).digest()),
}


def head(*fields: tuple[bytes, bytes]) -> RequestHead:
    return RequestHead("PUT", b"/b/k", 11, ((b"host", b"h"), *fields))


def run(body: bytes, *fields: tuple[bytes, bytes]) -> None:
    promises, _ = read_promises(head(*fields))
    check = BodyCheck(tuple(promises))
    for at in range(0, len(body), 100):
        check.update(memoryview(body)[at : at + 100])
    check.finish()


@pytest.mark.rule("L6")
@pytest.mark.parametrize("name", KEPT)
def test_a_kept_promise_passes_and_a_broken_one_does_not(name: bytes) -> None:
    run(BODY, (name, KEPT[name]))
    for broken in (BODY[:-1], BODY + b"x", BODY[:-1] + b"x", b""):
        with pytest.raises(S3Error) as caught:
            run(broken, (name, KEPT[name]))
        assert caught.value.code == "BadDigest"
        assert name.decode() in caught.value.message.lower()


@pytest.mark.rule("L6")
def test_all_promises_are_held_at_once() -> None:
    md5, sha1 = (b"content-md5", b"x-amz-checksum-sha1")
    run(BODY, (md5, KEPT[md5]), (sha1, KEPT[sha1]))
    with pytest.raises(S3Error):
        run(BODY, (md5, KEPT[md5]), (sha1, b64(bytes(20))))
    with pytest.raises(S3Error):
        run(BODY, (md5, b64(bytes(16))), (sha1, KEPT[sha1]))


@pytest.mark.rule("SEM-20", "L6")
def test_only_what_was_checked_is_repeated() -> None:
    sha1 = b"x-amz-checksum-sha1"
    assert read_promises(head((sha1, KEPT[sha1])))[1] == [(sha1, KEPT[sha1])]
    for name, size in ((b"x-amz-checksum-crc32c", 4), (b"x-amz-checksum-crc64nvme", 8)):
        assert read_promises(head((name, b64(bytes(size))))) == ([], [])


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ([(b"content-md5", b"abc")], "InvalidDigest"),
        ([(b"content-md5", b64(bytes(15)))], "InvalidDigest"),
        ([(b"content-md5", b"")], "InvalidDigest"),
        ([(b"x-amz-checksum-crc32", b"<b>")], "InvalidRequest"),
        ([(b"x-amz-checksum-crc32", b64(bytes(3)))], "InvalidRequest"),
        ([(b"x-amz-checksum-crc32", b"AAAAAA=")], "InvalidRequest"),
        ([(b"x-amz-checksum-crc32", b"AAAAAA==\x20")], None),
        ([(b"x-amz-checksum-sha256", b64(bytes(20)))], "InvalidRequest"),
        ([(b"x-amz-checksum-crc32c", b64(bytes(8)))], "InvalidRequest"),
        ([(b"x-amz-checksum-foo", b64(bytes(4)))], "NotImplemented"),
        (
            [
                (b"x-amz-checksum-crc32", b64(bytes(4))),
                (b"x-amz-checksum-sha1", b64(bytes(20))),
            ],
            "InvalidRequest",
        ),
        (
            [
                (b"x-amz-checksum-crc32", b64(bytes(4))),
                (b"x-amz-checksum-crc32", b64(bytes(4))),
            ],
            "InvalidRequest",
        ),
    ],
)
def test_values_that_are_none(fields: list[tuple[bytes, bytes]], code: str | None) -> None:
    if code is None:  # blanks around a value are not part of it
        read_promises(head(*fields))
        return
    with pytest.raises(S3Error) as caught:
        read_promises(head(*fields))
    assert caught.value.code == code
