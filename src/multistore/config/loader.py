"""From a file to a model: text, values, ``${env:NAME}``, ``*_file``, types.

Nothing here stops at the first fault. What is wrong is noted with its line and taken
out, and the rest is validated again, so that every fault of a file shows at once.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from multistore.config import option_names
from multistore.config.checks import check
from multistore.config.findings import ConfigError, Finding, Findings, nearest
from multistore.config.model import Document, Table
from multistore.config.positions import Path, json_positions, toml_positions

__all__ = ["Loaded", "load", "read_secret"]

#: Tables that the seed does not have: an unknown key in them is always fatal (D12).
NEW_TABLES = frozenset({"cors", "server", "limits", "timeouts", "path_mapping"})

_ENV = re.compile(r"\$\{env:([^}]*)\}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file says, and everything that is wrong with it."""

    document: Document
    findings: tuple[Finding, ...]

    def require(self) -> Document:
        """The document, if it can be served. Raises: ConfigError."""
        if any(finding.fatal for finding in self.findings):
            raise ConfigError(self.findings)
        return self.document


def load(
    path: FilePath,
    *,
    overrides: Mapping[str, tuple[str, Any]] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """Reads, validates and checks a configuration file; JSON if its name ends in ``.json``.

    ``overrides`` replaces keys of [server]: name to (where it came from, value), such as
    ``{"listen": ("--listen", ["[::1]:8080"])}``.
    """
    findings = Findings(str(path))
    data = _read(path, findings)
    if data is None:
        return Loaded(Document(), findings.sorted())
    data = _interpolate(data, (), findings, environ)
    _wrap_single_rules(data, findings)
    _read_secret_files(data, path.parent, findings)
    _resolve_files(data, path.parent)
    for name, (source, value) in (overrides or {}).items():
        if isinstance(server := data.setdefault("server", {}), dict):
            server[name] = value
            findings.elsewhere["server", name] = source
    document = _validate(data, findings)
    check(document, findings)
    return Loaded(document, findings.sorted())


def read_secret(path: FilePath) -> str:
    """A secret as container platforms and people write it: one line, its end not part of it.

    Raises: OSError, UnicodeDecodeError.
    """
    return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")


def _read(path: FilePath, findings: Findings) -> dict[str, Any] | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        findings.at_line(0, f"cannot be read: {error.strerror}")
        return None
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        findings.at_line(raw.count(b"\n", 0, error.start) + 1, "not UTF-8")
        return None
    try:
        if path.suffix == ".json":
            data = orjson.loads(text)
            lines, repeated = json_positions(text)
        else:
            data = tomllib.loads(text)
            lines, repeated = toml_positions(text)
    except orjson.JSONDecodeError as error:
        findings.at_line(error.lineno, f"not JSON: {error.msg}")
        return None
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        findings.at_line(line, f"not TOML: {_TOML_PLACE.sub('', str(error))}")
        return None
    if not isinstance(data, dict):
        findings.at_line(1, "should be an object")
        return None
    findings.lines.update(lines)
    for key in repeated:
        findings.fault(key, "given twice; only the last one counts", fatal=False)
    return data


def _interpolate(value: Any, path: Path, findings: Findings, environ: Mapping[str, str]) -> Any:
    """``${env:NAME}`` anywhere in a string value; ``NAME_FILE`` names a file that holds it."""
    if isinstance(value, dict):
        return {k: _interpolate(v, (*path, k), findings, environ) for k, v in value.items()}
    if isinstance(value, list):
        return [_interpolate(v, (*path, i), findings, environ) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if not _ENV_NAME.fullmatch(name):
            findings.fault(path, f"{found[0]} does not name an environment variable")
        elif name in environ:
            return environ[name]
        elif file := environ.get(f"{name}_FILE"):
            return _read_or_report(FilePath(file), path, findings)
        else:
            findings.fault(
                path,
                f"the environment variable {name} is not set",
                nearest(name, environ) if not findings.reported(path) else "",
            )
        return ""

    return _ENV.sub(replace, value)


def _wrap_single_rules(data: dict[str, Any], findings: Findings) -> None:
    """``cors = {…}`` means ``cors = [{…}]``; its keys stay where they stand in the file."""
    rows = data.get("buckets")
    for index, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict) and isinstance(row.get("cors"), dict):
            row["cors"] = [row["cors"]]
            here: Path = ("buckets", index, "cors")
            for path, line in list(findings.lines.items()):
                if path[:3] == here and len(path) > 3:
                    findings.lines[(*here, 0, *path[3:])] = line


def _read_secret_files(data: dict[str, Any], folder: FilePath, findings: Findings) -> None:
    """``secret_access_key_file = "name"`` gives ``secret_access_key``, likewise every secret."""
    for table, names in (
        ("credentials", frozenset({"secret_access_key"})),
        ("buckets", option_names.SECRETS),
    ):
        rows = data.get(table)
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            path: Path = (table, index)
            if table == "buckets":
                row = row.get("backend_options") if isinstance(row, dict) else None
                path = (*path, "backend_options")
            if isinstance(row, dict):
                _read_row(row, path, names, folder, findings)


def _resolve_files(data: dict[str, Any], folder: FilePath) -> None:
    """Files that the configuration names are relative to it, not to where we were started."""
    rows = data.get("buckets")
    options = (
        [r.get("backend_options") for r in rows if isinstance(r, dict)]
        if (isinstance(rows, list))
        else []
    )
    for table in (data.get("server"), *options):
        if isinstance(table, dict):
            for name in ("tls_cert", "tls_key", "ca_file", "aws_ca_file"):
                if isinstance(file := table.get(name), str):
                    table[name] = str(folder / file)


def _read_row(
    row: dict[str, Any], path: Path, names: frozenset[str], folder: FilePath, findings: Findings
) -> None:
    for name in sorted(names):
        file_key = f"{name}_file"
        file = row.get(file_key)
        if not isinstance(file, str):
            continue
        here = (*path, file_key)
        if name in row:
            findings.fault(here, f"given together with {name}")
            continue
        row[name] = _read_or_report(folder / file, here, findings)
        findings.lines[(*path, name)] = findings.lines.get(here, 0)
        if path[-1] == "backend_options":
            del row[file_key]


def _read_or_report(file: FilePath, path: Path, findings: Findings) -> str:
    try:
        secret = read_secret(file)
    except OSError as error:
        findings.fault(path, f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        findings.fault(path, f"{file} is not UTF-8")
    else:
        if secret:
            return secret
        findings.fault(path, f"{file} is empty")
    return ""


def _validate(data: dict[str, Any], findings: Findings) -> Document:
    """Each round reports what pydantic refuses and takes it out; what is left has defaults."""
    while True:
        try:
            document = Document.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                _report(detail, data, findings)
        else:
            _report_missing(document, (), findings)
            return document


def _report(detail: ErrorDetails, data: dict[str, Any], findings: Findings) -> None:
    path = detail["loc"]
    kind = detail["type"]
    if not findings.reported(path):
        if kind == "extra_forbidden":
            known = _model_at(path[:-1]).model_fields
            fatal = not NEW_TABLES.isdisjoint(path[:-1])
            findings.fault(path, "unknown key", nearest(str(path[-1]), known), fatal=fatal)
        else:
            findings.fault(path, _message(detail))
    _take_out(data, path, is_table=kind == "model_type")


def _take_out(data: dict[str, Any], path: Path, *, is_table: bool) -> None:
    """A wrong value leaves its table. In a list it would move the others: there a table makes
    room for an empty one, and any other value takes the whole list along."""
    holders: list[Any] = [data]
    try:
        for part in path:
            holders.append(holders[-1][part])
    except LookupError:
        return  # went with what held it
    for holder, part in zip(reversed(holders[:-1]), reversed(path), strict=True):
        if isinstance(holder, dict):
            del holder[part]
            return
        if is_table:
            holder[part] = {}
            return


def _model_at(path: Path) -> type[Table]:
    """The model of the table at ``path``."""
    model: type[Table] = Document
    for part in path:
        if isinstance(part, str):
            annotation: Any = model.model_fields[part].annotation
            model = getattr(annotation, "__args__", (annotation,))[0]
    return model


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] in ("bool_type", "bool_parsing"):
        return "should be true or false"
    if detail["type"] in ("model_type", "dict_type"):
        return "should be a table"
    if detail["type"] in ("too_short", "string_too_short"):
        return "should not be empty"
    text = detail["msg"].removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _report_missing(table: Table, path: Path, findings: Findings) -> None:
    for name in table.required:
        here = (*path, name)
        if name not in table.model_fields_set and not findings.reported(here):
            findings.fault(here, "missing")
    for name in type(table).model_fields:
        value = getattr(table, name)
        for index, row in enumerate(value if isinstance(value, list) else ()):
            if isinstance(row, Table):
                _report_missing(row, (*path, name, index), findings)
