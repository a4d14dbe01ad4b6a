"""``multistore check`` and ``multistore schema``: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from multistore.cli import main

GOOD = """\
[[buckets]]
name = "data"
backend_type = "s3"
[buckets.backend_options]
bucket_name = "b"
"""


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.stdout, result.stderr


def write(folder: Path, text: str) -> str:
    file = folder / "config.toml"
    file.write_text(text, "utf-8")
    return str(file)


def test_a_good_file(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    assert run("check", file) == (0, "", f"{file}: no faults, no warnings\n")


def test_faults_end_with_2(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD + "user_agent = 'x'\ncolour = 1\n[server]\nlisten = 'a:1'\n")
    assert run("check", file) == (
        2,
        f"{file}:6: warning: buckets[0].backend_options.user_agent: has no effect here "
        "(the gateway's own is always sent)\n"
        f"{file}:7: fault: buckets[0].backend_options.colour: unknown option\n"
        f"{file}:9: fault: server.listen: should be a valid list\n",
        f"{file}: 2 faults, 1 warning\n",
    )


def test_warnings_alone_do_not(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD + "timeout = '3s'\n")
    status, out, err = run("check", file)
    assert status == 0
    assert out.startswith(f"{file}:6: warning: ")
    assert err == f"{file}: no faults, 1 warning\n"


def test_json_is_one_object_on_one_line(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace("backend_type", "backend_typ"))
    status, out, _ = run("check", "--json", file)
    assert status == 2
    assert out.count("\n") == 1
    report = json.loads(out)
    assert report["file"] == file
    assert report["ok"] is False
    assert [(f["line"], f["key"], f["severity"], f["hint"]) for f in report["findings"]] == [
        (1, "buckets[0].backend_type", "fault", ""),
        (3, "buckets[0].backend_typ", "fault", "did you mean backend_type?"),
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = str(tmp_path / "none.toml")
    status, out, _ = run("check", file)
    assert (status, out) == (2, f"{file}: fault: cannot be read: No such file or directory\n")


def test_usage() -> None:
    assert run("check")[0] == 2
    assert run("chek")[0] == 2
    status, out, _ = run("--help")
    assert status == 0
    assert {"serve", "demo", "check", "schema", "healthcheck"} <= set(out.split())


def test_schema_is_json() -> None:
    status, out, _ = run("schema")
    assert status == 0
    assert json.loads(out)["title"] == "multistore configuration"
