"""What a document is compiled into, and what is said about it."""

from __future__ import annotations

import logging

import pytest

from multistore.config.model import Document
from multistore.config.registry import compile_buckets, compile_credentials
from unit.gateway.world import CountingBackend


def document(*scopes: str) -> Document:
    options = {"endpoint": "http://127.0.0.1:1", "bucket_name": "b"}
    return Document.model_validate(
        {
            "buckets": [
                {"name": name, "backend_type": "s3", "backend_options": options}
                for name in ("team-a", "team-b", "other")
            ],
            "credentials": [
                {
                    "access_key_id": "AKONE",
                    "secret_access_key": "firstSecret0123456789",
                    "allowed_scopes": [{"bucket": name, "actions": ["read"]} for name in scopes],
                }
            ],
        }
    )


def test_globs_are_noted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "multistore"):
        compile_credentials(document("team-*", "other", "*", "x*"))
    assert [record.getMessage() for record in caplog.records] == [
        "access key AKONE: the scope on team-* is a glob, which holds for 2 of 3 buckets",
        "access key AKONE: the scope on * is a glob, which holds for 3 of 3 buckets",
        "access key AKONE: the scope on x* is a glob, which holds for 0 of 3 buckets",
    ]


def test_names_are_nothing_to_note(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "multistore"):
        held = compile_credentials(document("team-a", "other"))
    assert caplog.records == []
    credential = held.get_credential("AKONE")
    assert credential is not None
    assert [scope.bucket for scope in credential.identity.scopes] == ["team-a", "other"]


@pytest.mark.parametrize("name", ["dot_segments", "control_characters", "double_slashes"])
def test_which_keys_may_pass_is_compiled(name: str) -> None:
    text = document()
    for table, value in zip(text.buckets, (True, False), strict=False):
        setattr(table, name, value)
    buckets = compile_buckets(text, lambda options: CountingBackend())
    got = [getattr(buckets.get_bucket(bucket), name) for bucket in ("team-a", "team-b", "other")]
    assert got == [True, False, name == "double_slashes"]
