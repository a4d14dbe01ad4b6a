"""What the demo says when it is ready."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from multistore.cli.instructions import Ready
from multistore.cli.s3client import StoreAddress

READY = Ready(
    StoreAddress("http://127.0.0.1:8080", "us-east-1", "AKGATE", "gate-secret"),
    StoreAddress("http://127.0.0.1:9000", "eu-west-1", "AKSTORE", "store-secret"),
    ours=True,
)
#: Before a store of the user's.
THEIRS = replace(READY, ours=False)


def test_json_is_one_line() -> None:
    text = READY.as_json()
    assert "\n" not in text
    assert json.loads(text) == {
        "endpoint": "http://127.0.0.1:8080",
        "region": "us-east-1",
        "access_key_id": "AKGATE",
        "secret_access_key": "gate-secret",
        "buckets": ["public-data", "private-uploads"],
        "store": {
            "endpoint": "http://127.0.0.1:9000",
            "region": "eu-west-1",
            "access_key_id": "AKSTORE",
            "secret_access_key": "store-secret",
        },
    }


def test_lines_to_paste_are_whole_shell_commands() -> None:
    commands = [
        shlex.split(line, comments=True)
        for line in READY.as_text().splitlines()
        if line.startswith(("export", "curl", "aws", "python", "duckdb"))
    ]
    assert {words[0] for words in commands} == {"export", "curl", "aws", "python", "duckdb"}
    exported = dict(words[1].split("=", 1) for words in commands if words[0] == "export")
    assert exported == READY.variables() | {
        "STORE_URL": "http://127.0.0.1:9000",
        "STORE_KEY": "AKSTORE",
        "STORE_SECRET": "store-secret",
    }


@pytest.mark.rule("L10")
def test_keys_of_a_store_of_the_users_are_not_shown() -> None:
    for text in (THEIRS.as_json(), THEIRS.as_text()):
        assert "http://127.0.0.1:9000" in text
        assert "AKSTORE" not in text
        assert "store-secret" not in text
        assert "gate-secret" in text


def test_a_command_meets_nothing_that_misleads_it() -> None:
    environ = {"PATH": "/bin", "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "AWS_REGION": "x"}
    assert READY.environment(environ) == {"PATH": "/bin", **READY.variables()}
    assert READY.variables()["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:8080"


def test_addresses_do_not_show_secrets() -> None:
    assert "secret" not in repr(READY)
