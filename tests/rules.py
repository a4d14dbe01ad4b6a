"""Which tests hold which law, rule, seed defect, fault and field case.

Reads the marks ``@pytest.mark.rule("SEM-21", "S18")`` out of the sources, without importing
them. What waits in ``LATER`` may be held in part: ``@pytest.mark.rule("F23", partial=True)``.
Prints what nothing is marked with; exit status 1 when that is more than ``LATER`` allows, when
a mark names something that does not exist, or when it claims in full what waits, or in part what
does not. With names as arguments it lists their tests.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent

#: Everything that has a number, by family: the design's laws, the S3 rules, the defects of the
#: predecessor, the fault model, the field cases.
FAMILIES = {
    "laws": [f"L{n}" for n in range(1, 13)],
    "rules": [f"SEM-{n}" for n in range(1, 29)],
    "seed defects": [f"S{n}" for n in range(1, 28)],
    "faults": [f"F{n:02}" for n in range(1, 46)],
    "field cases": [f"R{n:02}" for n in range(1, 58, 2)],
}

#: What waits for a feature that is not built yet. A name leaves this table with its feature.
LATER = {
    "tokens and roles (STS)": "S4 S5 S6 S7 S8 S9 S26 S27 F24 F42 F43 R53",
    "checksums of uploads in parts before stores without trailers": "SEM-12",
    "stores whose ETags are no MD5 (Azure, GCS)": "SEM-18",
    "metering, quotas and adaptive limits": "S24 F19 F25 F26",
    "reload and several workers": "L11 F27 F28 F29 F30",
    "learning a backend's clock": "F23",
    "routes of our own": "SEM-26",
    "soak under load and scarcity": "F36 F37 F38 F39 F44 F45",
}


def _marks(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "rule"
            and ast.unparse(node.func).endswith("mark.rule")
        ):
            yield node


def _holder(tree: ast.Module, call: ast.Call) -> str:
    """Name of the test or class that carries the mark; empty for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and any(
            call in ast.walk(decorator) for decorator in node.decorator_list
        ):
            return node.name
    return ""


def _is_partial(call: ast.Call) -> bool:
    return [ast.unparse(keyword) for keyword in call.keywords] == ["partial=True"]


def collect() -> tuple[dict[str, list[str]], list[str]]:
    """Tests by rule, and faults found in the marks themselves."""
    held: dict[str, list[str]] = {name: [] for names in FAMILIES.values() for name in names}
    later = {name for names in LATER.values() for name in names.split()}
    faults = [f"LATER: no such rule: {name}" for name in later - held.keys()]
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in _marks(tree):
            where = f"{path.relative_to(TESTS)}:{call.lineno}"
            holder = _holder(tree, call)
            partial = _is_partial(call)
            if call.keywords and not partial:
                faults.append(f"{where}: only partial=True may follow the names")
            for argument in call.args:
                name = argument.value if isinstance(argument, ast.Constant) else None
                if not isinstance(name, str) or name not in held:
                    faults.append(f"{where}: no such rule: {ast.unparse(argument)}")
                elif partial and name not in later:
                    faults.append(f"{where}: held in part, but not in LATER: {name}")
                elif not partial and name in later:
                    faults.append(f"{where}: in LATER, but held in full: {name}")
                else:
                    held[name].append(f"{where} {holder}".rstrip())
    return held, faults


def main(arguments: list[str]) -> int:
    held, faults = collect()
    if arguments:
        for name in arguments:
            print(name, *held.get(name, ["no such rule"]) or ["nothing"], sep="\n  ")
        return 0
    later = {name for names in LATER.values() for name in names.split()}
    open_ = []
    for family, names in FAMILIES.items():
        marked = [name for name in names if held[name] and name not in later]
        missing = [name for name in names if not held[name] and name not in later]
        open_ += missing
        print(f"{family}: {len(marked)} of {len(names)} held by a test")
        if missing:
            print("  open:", *missing)
    for feature, text in LATER.items():
        names = [f"{name} (in part)" if held[name] else name for name in text.split()]
        print(f"later, with {feature}:", *names)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults or open_ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
