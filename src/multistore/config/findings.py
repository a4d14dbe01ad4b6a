"""What is wrong with a configuration, where, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from multistore.config.positions import Path

__all__ = ["ConfigError", "Finding", "Findings", "nearest"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a configuration.

    A ``fault`` is wrong, a ``warning`` may be meant. ``fatal`` faults keep ``serve``
    from starting; the others are what the seed let pass in its own tables (D12):
    ``serve`` logs them, ``check`` fails. ``line`` counts from 1, 0 where there is none.
    """

    file: str
    line: int
    key: str
    message: str
    severity: Literal["fault", "warning"]
    fatal: bool
    hint: str = ""

    def __str__(self) -> str:
        return self._line(f"{self.severity}: ")

    @property
    def record(self) -> str:
        """The same for a log, whose lines have a level of their own."""
        return self._line("" if self.severity == "warning" else f"{self.severity}: ")

    def _line(self, severity: str) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.key}: {self.message}" if self.key else self.message
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {severity}{what}{hint}"

    def as_dict(self) -> dict[str, str | int | bool]:
        return {name: getattr(self, name) for name in self.__slots__}


class ConfigError(Exception):
    """A configuration that cannot be served. ``findings`` holds every one, not only the fatal."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(f) for f in findings if f.fatal))
        self.findings = findings


class Findings:
    """Collects findings about one file and knows where its keys stand."""

    def __init__(self, file: str, lines: Mapping[Path, int] | None = None) -> None:
        self.file = file
        self.lines: dict[Path, int] = dict(lines or {})
        #: Keys that did not come from the file, and where they came from instead.
        self.elsewhere: dict[Path, str] = {}
        self.items: list[Finding] = []
        self._reported: set[Path] = set()

    def fault(self, path: Path, message: str, hint: str = "", *, fatal: bool = True) -> None:
        self._add(path, message, hint, "fault", fatal)

    def warning(self, path: Path, message: str, hint: str = "") -> None:
        self._add(path, message, hint, "warning", False)

    def at_line(self, line: int, message: str) -> None:
        """A fault of the file as a whole, such as a syntax error."""
        self.items.append(Finding(self.file, line, "", message, "fault", True))

    def reported(self, path: Path) -> bool:
        """Whether a fault was already found at ``path`` or at something that holds it."""
        return any(path[:n] in self._reported for n in range(1, len(path) + 1))

    def sorted(self) -> tuple[Finding, ...]:
        return tuple(sorted(self.items, key=lambda f: (f.file != self.file, f.line)))

    def _add(
        self,
        path: Path,
        message: str,
        hint: str,
        severity: Literal["fault", "warning"],
        fatal: bool,
    ) -> None:
        if severity == "fault":
            self._reported.add(path)
        file, line = self._place(path)
        self.items.append(Finding(file, line, dotted(path), message, severity, fatal, hint))

    def _place(self, path: Path) -> tuple[str, int]:
        for length in range(len(path), 0, -1):
            if source := self.elsewhere.get(path[:length]):
                return source, 0
            if line := self.lines.get(path[:length]):
                return self.file, line
        return self.file, 0


def dotted(path: Path) -> str:
    """``buckets[0].backend_options.region``"""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint with the nearest right name, or nothing when none is near."""
    close = get_close_matches(name, sorted(set(names)), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""
