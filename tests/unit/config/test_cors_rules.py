"""The key ``cors`` of a bucket: every fault in it with its line, and what the gateway then does."""

from __future__ import annotations

from typing import Any

import pytest

from multistore.config.model import json_schema
from multistore.config.registry import compile_buckets
from multistore.gateway.cors import VARY
from unit.config.test_check import BUCKET, OPTIONS, said
from unit.gateway.world import CountingBackend, head_of

APP = "https://app.example"

#: What stands after ``cors =``, and what is said about it.
CASES: dict[str, list[str]] = {
    f'{{ origins = ["{APP}", "https://*.example.org"] }}': [],
    '{ origins = ["http://localhost:*", "http://[::1]:8080"] }': [],
    '{ origins = ["*"], methods = ["GET", "HEAD", "PUT", "POST", "DELETE"], headers = ["x-amz-*"],'
    ' expose = ["x-amz-meta-a", "*"], max_age = 0 }': [],
    "{}": ["4! buckets[0].cors[0].origins: missing"],
    "[]": [],
    "[{}]": ["4! buckets[0].cors[0].origins: missing"],
    "3": ["4! buckets[0].cors: should be a valid list"],
    "{ origins = [] }": ["4! buckets[0].cors[0].origins: should not be empty"],
    f'{{ origins = ["{APP}"], orgins = 1 }}': [
        "4! buckets[0].cors[0].orgins: unknown key (did you mean origins?)"
    ],
    '{ origins = ["app.example"] }': [
        '4! buckets[0].cors[0].origins[0]: "app.example": an origin begins with its scheme, such '
        "as https://"
    ],
    '{ origins = ["https://app.example/"] }': [
        '4! buckets[0].cors[0].origins[0]: "https://app.example/": an origin ends with its host or '
        "port: no slash, no path"
    ],
    '{ origins = ["https://App.example"] }': [
        '4! buckets[0].cors[0].origins[0]: "https://App.example": browsers write origins in lower '
        "case"
    ],
    '{ origins = ["https://*.*.example"] }': [
        '4! buckets[0].cors[0].origins[0]: "https://*.*.example": an origin has at most one *'
    ],
    '{ origins = ["https://app.example:443"] }': [
        '4! buckets[0].cors[0].origins[0]: "https://app.example:443": browsers leave out the port '
        "that is usual for the scheme"
    ],
    '{ origins = ["https://a b"] }': [
        '4! buckets[0].cors[0].origins[0]: "https://a b": not an origin'
    ],
    '{ origins = ["null"] }': [
        '4! buckets[0].cors[0].origins[0]: "null": any page can have this origin: say * if you mean'
        " everyone"
    ],
    '{ origins = ["https://*example.org"] }': [
        '4? buckets[0].cors[0].origins[0]: "https://*example.org": * also stands for other domains '
        "(write *. there)"
    ],
    f'{{ origins = ["{APP}"], methods = ["get", "PATCH"] }}': [
        '4! buckets[0].cors[0].methods[0]: no method "get" (did you mean GET?)',
        '4! buckets[0].cors[0].methods[1]: no method "PATCH"',
    ],
    f'{{ origins = ["{APP}"], methods = [] }}': [
        "4! buckets[0].cors[0].methods: should not be empty"
    ],
    f'{{ origins = ["{APP}"], headers = ["x-*-*", "a:b", "x-\\r\\nset-cookie"] }}': [
        '4! buckets[0].cors[0].headers[0]: "x-*-*": names have at most one *',
        '4! buckets[0].cors[0].headers[1]: "a:b": not the name of a header',
        '4! buckets[0].cors[0].headers[2]: "x-\r\nset-cookie": not the name of a header',
    ],
    f'{{ origins = ["{APP}"], expose = ["x-amz-meta-*", "a\\r\\nb", "a, b"] }}': [
        '4! buckets[0].cors[0].expose[0]: "x-amz-meta-*": browsers know whole names here, or * for '
        "all",
        '4! buckets[0].cors[0].expose[1]: "a\r\nb": not the name of a header',
        '4! buckets[0].cors[0].expose[2]: "a, b": not the name of a header',
    ],
    f'{{ origins = ["{APP}"], max_age = -1 }}': [
        "4! buckets[0].cors[0].max_age: should be greater than or equal to 0"
    ],
    f'{{ origins = ["{APP}"], max_age = 86401 }}': [
        "4! buckets[0].cors[0].max_age: should be less than or equal to 86400"
    ],
    f'{{ origins = ["{APP}", "*"], credentials = true }}': [
        "4! buckets[0].cors[0].credentials: every page of the web could act as its reader: with "
        "credentials, origins are named"
    ],
    '{ origins = ["https://*"], credentials = true }': [
        '4? buckets[0].cors[0].origins[0]: "https://*": * also stands for other domains (write *. '
        "there)",
        "4! buckets[0].cors[0].credentials: every page of the web could act as its reader: with "
        "credentials, origins are named",
    ],
    f'{{ origins = ["{APP}"], credentials = true }}': [],
}


@pytest.mark.parametrize("text", CASES)
def test_findings(load_text: Any, text: str) -> None:
    loaded = load_text(f"{BUCKET}cors = {text}\n{OPTIONS}")
    assert sorted(said(loaded.findings)) == sorted(CASES[text])


def test_a_rule_may_have_a_table_of_its_own(load_text: Any) -> None:
    one = BUCKET + OPTIONS + "[buckets.cors]\norigins = ['x']\nmax_age = -1\n"
    several = BUCKET + OPTIONS + "[[buckets.cors]]\norigins = ['*']\n[[buckets.cors]]\nmax_age=-1\n"
    assert [(f.line, f.key) for f in load_text(one).findings] == [
        (7, "buckets[0].cors[0].origins[0]"),
        (8, "buckets[0].cors[0].max_age"),
    ]
    assert [(f.line, f.key) for f in load_text(several).findings] == [
        (8, "buckets[0].cors[1].origins"),
        (9, "buckets[0].cors[1].max_age"),
    ]


def test_rules_are_compiled_as_given(load_text: Any) -> None:
    text = f"""{BUCKET}cors = [
  {{ origins = ["{APP}"], methods = ["PUT"], headers = ["range"], expose = ["x-amz-meta-a"],
     max_age = 5, credentials = true }},
  {{ origins = ["*"] }},
]
{OPTIONS}"""
    document = load_text(text.replace("],\n     max_age", "], max_age")).require()
    bucket = compile_buckets(document, lambda _: CountingBackend()).get_bucket("data")
    assert bucket is not None and bucket.cors is not None
    first, second = bucket.cors.rules
    allowed = first.preflight(APP.encode(), "PUT", [b"range"])
    assert allowed is not None
    assert dict(allowed)[b"access-control-max-age"] == b"5"
    assert dict(allowed)[b"access-control-allow-credentials"] == b"true"
    assert first.preflight(APP.encode(), "PUT", [b"x-amz-date"]) is None
    assert first.preflight(APP.encode(), "GET", []) is None
    put = bucket.cors.fields(head_of("PUT", "/data/k", ("origin", APP)))
    assert dict(put)[b"access-control-expose-headers"].endswith(b", x-amz-meta-a")
    anyone = second.preflight(b"null", "HEAD", [b"authorization"])
    assert anyone is not None
    assert dict(anyone)[b"access-control-allow-origin"] == b"*"
    assert bucket.cors.fields(head_of("DELETE", "/data/k", ("origin", APP))) == VARY


def test_a_bucket_has_no_rules_by_default(load_text: Any) -> None:
    document = load_text(BUCKET + OPTIONS).require()
    bucket = compile_buckets(document, lambda _: CountingBackend()).get_bucket("data")
    assert bucket is not None and bucket.cors is None


def test_editors_are_told_both_forms() -> None:
    entry = json_schema()["$defs"]["BucketTable"]["properties"]["cors"]
    rule = {"$ref": "#/$defs/CorsTable"}
    assert entry["anyOf"] == [rule, {"type": "array", "items": rule}]
