"""The composition root: what shares what, and what seals tokens."""

from __future__ import annotations

import pytest

from multistore import app
from multistore.config.model import Document
from multistore.config.registry import compile_buckets
from multistore.errors import S3Error


def document(secret: str = "firstSecret0123456789", **options: str) -> Document:
    store = {"endpoint": "http://127.0.0.1:1", "bucket_name": "b", **options}
    return Document.model_validate(
        {
            "buckets": [
                {"name": "one", "backend_type": "s3", "backend_options": store},
                {
                    "name": "two",
                    "backend_type": "s3",
                    "backend_prefix": "p/",
                    "backend_options": store,
                },
                {
                    "name": "three",
                    "backend_type": "s3",
                    "backend_options": {**store, "bucket_name": "c"},
                },
            ],
            "credentials": [{"access_key_id": "AK1", "secret_access_key": secret}],
        }
    )


@pytest.mark.parametrize(
    "options", [{}, {"access_key_id": "AKB", "secret_access_key": "storeSecret0123456789"}]
)
def test_one_backend_for_one_store_and_one_origin_for_one_place(options: dict[str, str]) -> None:
    doc = document(**options)
    backends = app._Backends(doc, app._make_sealer(doc, ""))
    one, three, two = (b.backend for b in compile_buckets(doc, backends.make).list_buckets())
    assert one is two
    assert one is not three
    # Connections are pooled by origin, which is compared by identity.
    assert len(backends._origins) == 1


def test_the_same_configuration_opens_what_another_process_sealed() -> None:
    sealed = app._make_sealer(document(), "").seal(b"token", b"one")
    assert app._make_sealer(document(), "").open(sealed, b"one") == b"token"
    for other in (
        app._make_sealer(document("otherSecret0123456789"), ""),
        app._make_sealer(document(), "a key for session tokens"),
    ):
        with pytest.raises(S3Error):
            other.open(sealed, b"one")


def test_the_session_token_key_goes_before_the_secrets() -> None:
    key = "a key for session tokens"
    sealed = app._make_sealer(document(), key).seal(b"token", b"one")
    other = app._make_sealer(document("otherSecret0123456789"), key)
    assert other.open(sealed, b"one") == b"token"
    with pytest.raises(ValueError, match="at least 16 bytes"):
        app.make_engine(document(), "short")


def test_without_any_secret_tokens_are_sealed_all_the_same() -> None:
    nothing = Document()
    sealer = app._make_sealer(nothing, "")
    assert sealer.open(sealer.seal(b"token", b""), b"") == b"token"
    with pytest.raises(S3Error):
        app._make_sealer(nothing, "").open(sealer.seal(b"token", b""), b"")
