"""Keys are bytes: stored, read and listed exactly as they were written (D5)."""

from __future__ import annotations

from typing import Any

import pytest

from support.clients import Endpoint
from support.raw import Connection
from support.sigv4 import Request

KEYS = [
    "plain/file.bin",
    "by_country/country_iso=ETH/ETH.pmtiles",
    "spaces in/every segment.txt",
    " leading and trailing ",
    "specials !('):@+,;$&.bin",
    "plus+and%2Bescaped",
    "percent 100%.txt",
    "literal-%3D-triplet.txt",
    "literal %20 and %2F",
    "literal %252F",
    "tilde~hash#pipe|.bin",
    "question?mark=1&amp;",
    "brackets[1]{2}.bin",
    "quotes'and\"double`",
    "angle<brackets>&ampersand;",
    "report*.pdf",
    "caret^and=equals",
    "caf\u00e9 composed",
    "cafe\u0301 decomposed",
    "\u65e5\u672c\u8a9e/\u30d5\u30a1\u30a4\u30eb.txt",
    "\U0001f30d/\U0001f468\u200d\U0001f469\u200d\U0001f467.txt",
    "right\u200fto\u202eleft",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u00df\u1e9e\u0130\u0131",
    "zero\u200bwidth",
    "nbsp\u00a0here",
    "\ufffd replacement",
    "\ue000 private",
    "dots...in.the..middle",
    "a/b/c/d/e/f/g/h/i/j",
    "UPPER/lower",
    "x" * 200 + "/" + "y" * 200,
]


@pytest.mark.rule("SEM-1", "SEM-2", "R43")
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_what_was_written(s3: Any, place: Any, key: str) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + key}
    body = key.encode()
    s3.put_object(**where, Body=body)
    assert s3.head_object(**where)["ContentLength"] == len(body)
    assert s3.get_object(**where)["Body"].read() == body
    for call in (s3.list_objects_v2, s3.list_objects):
        (entry,) = call(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
        assert entry["Key"] == where["Key"]
    listed = s3.list_objects_v2(Bucket=place.bucket, Prefix=where["Key"])
    assert [entry["Key"] for entry in listed["Contents"]] == [where["Key"]]
    s3.delete_object(**where)
    assert s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["KeyCount"] == 0


@pytest.mark.rule("R45")
def test_composed_and_decomposed_are_two_keys(s3: Any, place: Any) -> None:
    names = [place.prefix + "caf\u00e9", place.prefix + "cafe\u0301"]
    s3.put_object(Bucket=place.bucket, Key=names[0], Body=b"composed")
    listed = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
    assert [entry["Key"] for entry in listed] == names[:1]
    s3.put_object(Bucket=place.bucket, Key=names[1], Body=b"decomposed")
    for name, body in zip(names, (b"composed", b"decomposed"), strict=True):
        assert s3.get_object(Bucket=place.bucket, Key=name)["Body"].read() == body


@pytest.mark.rule("R21", "SEM-21")
def test_listed_keys_can_be_read(s3: Any, endpoint: Endpoint, place: Any) -> None:
    names = sorted(
        (
            place.prefix + name
            for name in (
                *("a+b", "a b", "a%b", "a%2Fb", "a%20b", "a=b", "a'b", 'a"b', "a&b", "a<b>"),
                *(
                    "a~b",
                    "a*b",
                    "a(b)",
                    "a!b",
                    "a;b",
                    "a,b",
                    "a#b",
                    "a?b",
                    "2026-01-01T00:00+00:00",
                ),
                *("\u00e9", "\u65e5"),
            )
        ),
        key=str.encode,
    )
    for name in names:
        s3.put_object(Bucket=place.bucket, Key=name, Body=name.encode())
    # boto3 asks for encoding-type=url by itself; a raw request does without.
    decoded = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
    assert [entry["Key"] for entry in decoded] == names
    prefix = place.prefix.replace("/", "%2F")
    request = Request(
        "GET",
        f"/{place.bucket}?list-type=2&prefix={prefix}",
        endpoint.authority,
        credentials=endpoint.credentials,
    )
    from xml.etree import ElementTree

    with Connection(endpoint.port) as connection:
        root = ElementTree.fromstring(connection.request(request).body)
    namespace = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    assert [element.text for element in root.iter(f"{namespace}Key")] == names
    assert root.find(f"{namespace}EncodingType") is None
    for name in names:
        assert s3.get_object(Bucket=place.bucket, Key=name)["Body"].read() == name.encode()


def test_a_key_of_1024_bytes(s3: Any, place: Any) -> None:
    # Segments of at most 255 bytes, which is all that this store can hold. The limit is the
    # store's own for the whole key, its prefix there included.
    room = 1024 if place.bucket == "private-uploads" else 1024 - len("canary-tenants/team-a/")
    left = room - len(place.prefix)
    key = place.prefix + ("k" * 199 + "/") * (left // 200) + "k" * (left % 200)
    assert len(key) == room
    s3.put_object(Bucket=place.bucket, Key=key, Body=b"long")
    assert s3.get_object(Bucket=place.bucket, Key=key)["Body"].read() == b"long"


def test_folder_markers_are_objects(s3: Any, place: Any) -> None:
    marker = place.prefix + "folder/"
    s3.put_object(Bucket=place.bucket, Key=marker, Body=b"")
    s3.put_object(Bucket=place.bucket, Key=marker + "inside", Body=b"x")
    assert s3.head_object(Bucket=place.bucket, Key=marker)["ContentLength"] == 0
    listed = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
    assert [entry["Key"] for entry in listed] == [marker, marker + "inside"]
    listed = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix, Delimiter="/")
    assert [entry["Prefix"] for entry in listed["CommonPrefixes"]] == [marker]
