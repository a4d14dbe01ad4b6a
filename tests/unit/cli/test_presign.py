"""``multistore presign``: what it prints is what the verifier takes."""

from __future__ import annotations

import json
import time
from calendar import timegm
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from multistore.cli import main
from multistore.embed import RequestHead, Verified, Verifier, parse_request_target

KEYS = {"AWS_ACCESS_KEY_ID": "AKEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
ENDPOINT = "https://gateway.test"
#: What the surroundings of a test run may set.
UNSET = dict.fromkeys(
    [
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AWS_SESSION_TOKEN",
    ],
    "",
)


def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["presign", *arguments], env={**UNSET, **KEYS, **(env or {})})


def presigned(*arguments: str, env: dict[str, str] | None = None) -> str:
    result = invoke(*arguments, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout.removesuffix("\n")


def verify(url: str, method: str = "GET", secret: str = "secret") -> Verified | None:
    """As the server does whose URL it is."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}".encode()
    head = RequestHead(method, target, 11, [(b"Host", parts.netloc.encode())])
    verifier = Verifier(lambda key, token: secret if key == "AKEXAMPLE" else None)
    return verifier.verify(head, parse_request_target(target), time.time())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/key", "https://gateway.test/bucket/key"),
        ("s3://bucket/a b/\u00fc+%41.txt", "https://gateway.test/bucket/a%20b/%C3%BC%2B%2541.txt"),
        ("s3://bucket/a//b/", "https://gateway.test/bucket/a//b/"),
        ("s3://bucket/a?b#c", "https://gateway.test/bucket/a%3Fb%23c"),
        ("s3://bucket", "https://gateway.test/bucket"),
        ("s3://bucket/", "https://gateway.test/bucket"),
    ],
)
def test_objects(url: str, expected: str) -> None:
    made = presigned(url, "--endpoint", ENDPOINT)
    assert made.partition("?")[0] == expected
    signed = verify(made)
    assert signed is not None
    assert (signed.region, signed.presigned) == ("us-east-1", True)
    assert abs(signed.expires_at - time.time() - 3600) < 30


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_methods(method: str) -> None:
    made = presigned("s3://b/k", "--endpoint", ENDPOINT, "--method", method)
    assert verify(made, method) is not None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1), ("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("7d", 604_800)],
)
def test_lifetimes(text: str, seconds: int) -> None:
    made = presigned("s3://b/k", "--endpoint", ENDPOINT, "--expires", text)
    assert f"X-Amz-Expires={seconds}&" in made


@pytest.mark.parametrize(
    "text", ["0", "-1", "", "8d", "604801", "1w", "1.5h", "h", "\u0663", "1_0"]
)
def test_lifetimes_that_are_none(text: str) -> None:
    result = invoke("s3://b/k", "--endpoint", ENDPOINT, "--expires", text)
    assert result.exit_code == 2
    assert "from 1s to 7d" in result.stderr


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://gateway.test:8080", "http://gateway.test:8080/b/k"),
        ("http://gateway.test:80/", "http://gateway.test/b/k"),
        ("https://Gateway.TEST:443", "https://gateway.test/b/k"),
        ("http://gateway.test:443", "http://gateway.test:443/b/k"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/b/k"),
        ("http://[::1]:9000", "http://[::1]:9000/b/k"),
    ],
)
def test_endpoints(endpoint: str, expected: str) -> None:
    """Host is signed as clients send it."""
    made = presigned("s3://b/k", "--endpoint", endpoint)
    assert made.partition("?")[0] == expected
    assert verify(made) is not None


@pytest.mark.parametrize(
    "endpoint",
    [
        *("gateway.test", "ftp://gateway.test", "http://", "http://h:x", "http://h:70000"),
        *("http://h/p", "http://u:p@h", "http://h?q", "http://h#f", "http://[::1"),
    ],
)
def test_endpoints_that_are_none(endpoint: str) -> None:
    result = invoke("s3://b/k", "--endpoint", endpoint)
    assert result.exit_code == 2
    assert "http[s]://HOST[:PORT]" in result.stderr


def test_the_bucket_in_the_host() -> None:
    made = presigned("s3://team/a b", "--endpoint", "http://s3.gw.test:8080", "--virtual-hosted")
    assert made.startswith("http://team.s3.gw.test:8080/a%20b?")
    assert verify(made) is not None
    whole = presigned("s3://team", "--endpoint", ENDPOINT, "--virtual-hosted")
    assert whole.startswith("https://team.gateway.test/?X-Amz-Algorithm")
    for bucket, endpoint in [("team", "http://127.0.0.1"), ("te am", ENDPOINT)]:
        result = invoke(f"s3://{bucket}/k", "--endpoint", endpoint, "--virtual-hosted")
        assert result.exit_code == 2
        assert "no host name" in result.stderr


def test_overrides() -> None:
    made = presigned(
        *("s3://b/k", "--endpoint", ENDPOINT, "--response-content-type", "text/html; charset=x"),
        *("--response-content-disposition", 'attachment; filename="\u00fc.txt"'),
    )
    assert "&response-content-type=text%2Fhtml%3B%20charset%3Dx&" in made
    assert "?response-content-disposition=attachment%3B%20filename%3D%22%C3%BC.txt%22&" in made
    assert verify(made) is not None


def test_surroundings() -> None:
    env = {
        "AWS_ENDPOINT_URL": "http://second.test",
        "AWS_ENDPOINT_URL_S3": "http://first.test",
        "AWS_DEFAULT_REGION": "eu-2",
        "AWS_REGION": "eu-1",
    }
    made = presigned("s3://b/k", env=env)
    assert made.startswith("http://first.test/b/k?")
    signed = verify(made)
    assert signed is not None and signed.region == "eu-1"
    assert presigned("s3://b/k", env={**env, "AWS_ENDPOINT_URL_S3": ""}).startswith(
        "http://second.test/b/k?"
    )
    ours = {**env, "MULTISTORE_ENDPOINT": "http://ours.test", "MULTISTORE_EXPIRES": "5m"}
    made = presigned("s3://b/k", env=ours)
    assert made.startswith("http://ours.test/b/k?") and "X-Amz-Expires=300&" in made
    made = presigned("s3://b/k", "--endpoint", ENDPOINT, "--region", "garage", env=ours)
    assert made.startswith("https://gateway.test/") and "%2Fgarage%2Fs3%2F" in made


@pytest.mark.rule("SEM-3")
def test_a_session_token_is_in_the_query() -> None:
    made = presigned("s3://b/k", "--endpoint", ENDPOINT, env={"AWS_SESSION_TOKEN": "to/ken"})
    assert "&X-Amz-Security-Token=to%2Fken&" in made


def test_json() -> None:
    line = presigned("s3://b/k", "--endpoint", ENDPOINT, "--method", "PUT", "--json")
    report = json.loads(line)
    signed = verify(report.pop("url"), "PUT")
    assert signed is not None
    expires_at = timegm(time.strptime(report.pop("expires_at"), "%Y-%m-%dT%H:%M:%SZ"))
    assert expires_at == signed.expires_at
    assert report == {"method": "PUT"}
    assert "\n" not in line


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("bucket/key", "should be s3://BUCKET/KEY"),
        ("s3:///key", "should be s3://BUCKET/KEY"),
        ("https://bucket/key", "should be s3://BUCKET/KEY"),
        ("s3://b/" + "k" * 1025, "at most 1024 bytes"),
        ("s3://b/a/../c", "which clients resolve"),
        ("s3://b/.", "which clients resolve"),
        ("s3://b/\udcff", "should be UTF-8"),
    ],
)
def test_objects_that_are_none(url: str, said: str) -> None:
    result = invoke(url, "--endpoint", ENDPOINT)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_what_is_missing_is_named() -> None:
    result = invoke("s3://b/k")
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr
    result = invoke("s3://b/k", "--endpoint", ENDPOINT, env={"AWS_SECRET_ACCESS_KEY": ""})
    assert result.exit_code == 2
    assert "AWS_SECRET_ACCESS_KEY" in result.stderr
