"""Where a configuration and a secret are looked for."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from multistore.cli.options import find_config, secret_from_environment


def test_a_named_file_is_not_searched_for() -> None:
    assert find_config(Path("none.toml"), {}) == Path("none.toml")


def test_the_first_that_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    with pytest.raises(click.UsageError, match="multistore demo"):
        find_config(None, environ)
    for place in (
        tmp_path / "xdg/multistore/config.toml",
        Path("config.toml"),
        Path("multistore.toml"),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        assert find_config(None, environ) == place


def test_home_stands_in_for_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / ".config/multistore/config.toml"
    place.parent.mkdir(parents=True)
    place.touch()
    assert find_config(None, {"HOME": str(tmp_path)}) == place


@pytest.mark.parametrize(
    ("environ", "secret"),
    [
        ({}, ""),
        ({"KEY": "a"}, "a"),
        ({"KEY": "a", "MULTISTORE_KEY": "b"}, "b"),
        ({"KEY_FILE": "one"}, "1"),
        ({"KEY": "", "KEY_FILE": "one"}, "1"),
        ({"KEY": "a", "MULTISTORE_KEY_FILE": "one"}, "1"),
    ],
)
def test_secrets_by_both_names_and_from_files(
    environ: dict[str, str], secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one").write_text("1\n", "utf-8")
    assert secret_from_environment("KEY", environ) == secret


def test_a_secret_file_that_is_not_there() -> None:
    with pytest.raises(click.UsageError, match=r"MULTISTORE_KEY_FILE cannot be read"):
        secret_from_environment("KEY", {"MULTISTORE_KEY_FILE": "/none"})
