"""Values from the environment and from files, wherever a secret may be given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multistore.config.loader import Loaded, read_secret

TEXT = """\
[[buckets]]
name = "${env:NAME}"
backend_type = "s3"
anonymous_access = "${env:PUBLIC}"
[buckets.backend_options]
endpoint = "https://${env:HOST}:${env:PORT}/"
bucket_name = "b"
access_key_id = "AKBACKEND"
secret_access_key = "${env:STORE_SECRET}"
[[credentials]]
access_key_id = "AK1"
secret_access_key = "${env:SECRET}"
allowed_scopes = [{ bucket = "data", actions = ["read"] }]
"""
ENVIRON = {
    "NAME": "data",
    "PUBLIC": "true",
    "HOST": "store.test",
    "PORT": "8443",
    "STORE_SECRET": "storeSecret0123456789",
    "SECRET": "clientSecret0123456789",
}


def said(loaded: Loaded) -> list[str]:
    return [f"{f.line} {f.key}: {f.message}" for f in loaded.findings]


def test_variables_stand_anywhere_in_a_value(load_text: Any) -> None:
    document = load_text(TEXT, environ=ENVIRON).require()
    bucket = document.buckets[0]
    assert (bucket.name, bucket.anonymous_access) == ("data", True)
    assert bucket.backend_options["endpoint"] == "https://store.test:8443/"
    assert document.credentials[0].secret_access_key.get_secret_value() == ENVIRON["SECRET"]


def test_a_variable_may_name_a_file(load_text: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("fileSecret0123456789\n", "utf-8")
    environ = {k: v for k, v in ENVIRON.items() if k != "SECRET"}
    environ["SECRET_FILE"] = str(tmp_path / "secret")
    document = load_text(TEXT, environ=environ).require()
    assert document.credentials[0].secret_access_key.get_secret_value() == "fileSecret0123456789"


def test_missing_variables_are_faults_of_their_line(load_text: Any) -> None:
    environ = {"NAMES": "data", **{k: v for k, v in ENVIRON.items() if k not in ("NAME", "HOST")}}
    loaded = load_text(TEXT.replace("${env:PORT}", "${env:a-b}"), environ=environ)
    assert said(loaded)[0] == "2 buckets[0].name: the environment variable NAME is not set"
    assert loaded.findings[0].hint == "did you mean NAMES?"
    assert (
        "6 buckets[0].backend_options.endpoint: the environment variable HOST is not set"
        in said(loaded)
    )
    assert (
        "6 buckets[0].backend_options.endpoint: ${env:a-b} does not name an environment variable"
        in said(loaded)
    )


def test_a_variable_is_not_read_twice(load_text: Any) -> None:
    environ = {**ENVIRON, "SECRET": "${env:STORE_SECRET}#"}
    document = load_text(TEXT, environ=environ).require()
    assert document.credentials[0].secret_access_key.get_secret_value() == environ["SECRET"]


FILES = TEXT.replace(
    'secret_access_key = "${env:STORE_SECRET}"', 'SPELLING_file = "secrets/store"'
).replace('secret_access_key = "${env:SECRET}"', 'secret_access_key_file = "secrets/client"')


@pytest.mark.parametrize("name", ["secret_access_key", "aws_secret_access_key"])
def test_secrets_from_files_beside_the_configuration(
    load_text: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/store").write_text("storeSecret0123456789\r\n", "utf-8")
    (tmp_path / "secrets/client").write_text("clientSecret0123456789", "utf-8")
    loaded = load_text(FILES.replace("SPELLING", name), environ=ENVIRON)
    document = loaded.require()
    assert loaded.findings == ()
    assert document.buckets[0].backend_options[name] == "storeSecret0123456789"
    assert document.credentials[0].secret_access_key.get_secret_value() == "clientSecret0123456789"


def test_secret_files_that_cannot_be_used(load_text: Any, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/client").write_text("\n", "utf-8")
    (tmp_path / "latin").write_bytes(b"\xe9\n")
    text = FILES.replace("SPELLING_file", "secret_access_key_file") + (
        '[[credentials]]\naccess_key_id = "AK2"\nsecret_access_key = "goodSecret0123456789"\n'
        'secret_access_key_file = "x"\nallowed_scopes = [{ bucket = "data", actions = ["*"] }]\n'
        '[[credentials]]\naccess_key_id = "AK3"\nsecret_access_key_file = "latin"\n'
        'allowed_scopes = [{ bucket = "data", actions = ["*"] }]\n'
    )
    folder = tmp_path
    assert said(load_text(text, environ=ENVIRON)) == [
        "8 buckets[0].backend_options.access_key_id: given without secret_access_key",
        "9 buckets[0].backend_options.secret_access_key_file: "
        f"{folder / 'secrets/store'} cannot be read: No such file or directory",
        f"12 credentials[0].secret_access_key_file: {folder / 'secrets/client'} is empty",
        "17 credentials[1].secret_access_key_file: given together with secret_access_key",
        f"21 credentials[2].secret_access_key_file: {folder / 'latin'} is not UTF-8",
    ]


def test_a_secret_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "s"
    for text, secret in (("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a")):
        file.write_bytes(text.encode())
        assert read_secret(file) == secret
