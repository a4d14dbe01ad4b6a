"""Where in a configuration file a key stands: key paths to line numbers.

``tomllib`` and ``orjson`` read the values; neither says where it found them. The
scanner here walks a text that one of them has *already accepted*, so it needs no
error handling of its own and reads no value, only where it begins.

A path is what pydantic calls a location: ``("buckets", 0, "backend_options", "region")``.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left

__all__ = ["Path", "json_positions", "toml_positions"]

Path = tuple[str | int, ...]

_BASIC = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERAL = re.compile(r"'[^']*'")
_MULTI_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL)
_MULTI_LITERAL = re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}\n#]+")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def toml_positions(text: str) -> tuple[dict[Path, int], list[Path]]:
    """Lines (from 1) of every table, key and array element of a valid TOML document, and the
    paths given twice (always none: TOML forbids it)."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines, scanner.repeated


def json_positions(text: str) -> tuple[dict[Path, int], list[Path]]:
    """The same for a valid JSON document, where a key may be given twice and the last one wins."""
    scanner = _Scanner(text)
    scanner.value(())
    return scanner.lines, scanner.repeated


class _Scanner:
    """One pass over the text. TOML's inline values and JSON differ only in ``=`` and ``:``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.repeated: list[Path] = []
        self._breaks = [m.start() for m in re.finditer("\n", text)]
        self._arrays: dict[Path, int] = {}  # arrays of tables: path to number of tables so far

    def document(self) -> None:
        table: Path = ()
        self._skip()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def value(self, path: Path) -> None:
        self._skip()
        match self.text[self.at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._string()
            case _:
                self._take(_BARE_VALUE)

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while not self._closed("]"):
            self._mark((*path, index))
            self.value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, end: str) -> bool:
        self._skip()
        if self.text[self.at] == ",":
            self.at += 1
            self._skip()
        if self.text[self.at] == end:
            self.at += 1
            return True
        return False

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table
        for key in self._dotted_key():
            if path != table:
                self.lines.setdefault(path, self._line(start))
            path = (*path, key)
        if path in self.lines:
            self.repeated.append(path)
        self.lines[path] = self._line(start)
        self._skip()
        self.at += 1  # "=" or ":"
        self.value(path)

    def _header(self) -> Path:
        start = self.at
        array = self.text.startswith("[[", start)
        self.at += 2 if array else 1
        self._skip()
        keys = self._dotted_key()
        self._skip()
        self.at += 2 if array else 1
        path: Path = ()
        for key in keys[:-1]:
            path = self._inside((*path, key))
            self.lines.setdefault(path, self._line(start))
        path = (*path, keys[-1])
        if array:
            self.lines.setdefault(path, self._line(start))
            self._arrays[path] = self._arrays.get(path, 0) + 1
        path = self._inside(path)
        self.lines[path] = self._line(start)
        return path

    def _inside(self, path: Path) -> Path:
        """A name that is an array of tables means its newest table."""
        count = self._arrays.get(path)
        return path if count is None else (*path, count - 1)

    def _dotted_key(self) -> list[str]:
        keys = []
        while True:
            keys.append(self._key())
            self._skip()
            if self.text[self.at] != ".":
                return keys
            self.at += 1
            self._skip()

    def _key(self) -> str:
        match self.text[self.at]:
            case '"':
                raw = self._take(_BASIC)
                try:
                    return str(json.loads(raw))
                except ValueError:  # an escape that only TOML knows
                    return next(iter(tomllib.loads(f"{raw} = 0")))
            case "'":
                return self._take(_LITERAL)[1:-1]
            case _:
                return self._take(_BARE_KEY)

    def _string(self) -> None:
        if self.text.startswith('"""', self.at):
            self._take(_MULTI_BASIC)
        elif self.text.startswith("'''", self.at):
            self._take(_MULTI_LITERAL)
        elif self.text[self.at] == '"':
            self._take(_BASIC)
        else:
            self._take(_LITERAL)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        assert found is not None, "the text was accepted by its parser"
        self.at = found.end()
        return found.group()

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def _mark(self, path: Path) -> None:
        self._skip()
        self.lines[path] = self._line(self.at)

    def _line(self, at: int) -> int:
        return bisect_left(self._breaks, at) + 1
