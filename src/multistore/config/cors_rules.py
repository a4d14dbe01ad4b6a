"""The ``cors`` rules of a bucket: what in them cannot work, and what the gateway reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

from multistore.config.findings import Findings, nearest
from multistore.config.model import CorsTable
from multistore.config.positions import Path
from multistore.gateway.cors import METHODS, Cors, CorsRule

__all__ = ["check_rule", "compile_rules"]

#: A serialised origin (Fetch, "Serializing an origin"): scheme, host, port if it is not the
#: scheme's own. ``*`` may stand in host or port.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[0-9a-z_.*-]+)(:([0-9]{1,5}|\*))?")
_USUAL_PORT = re.compile(r"(https://.*:443|http://.*:80)")
#: RFC 9110 5.1.
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def compile_rules(tables: Sequence[CorsTable]) -> Cors | None:
    """Raises: nothing for tables that :func:`check_rule` found right."""
    if not tables:
        return None
    return Cors(
        CorsRule(
            table.origins,
            methods=table.methods,
            headers=table.headers,
            expose=table.expose,
            max_age=table.max_age,
            credentials=table.credentials,
        )
        for table in tables
    )


def check_rule(rule: CorsTable, path: Path, findings: Findings) -> None:
    """Reports what no browser sends, and what would give away more than it says."""
    for index, origin in enumerate(rule.origins):
        here = (*path, "origins", index)
        if fault := origin_fault(origin):
            findings.fault(here, f'"{origin}": {fault}')
        elif "*" in origin and origin != "*" and "*." not in origin and ":*" not in origin:
            findings.warning(here, f'"{origin}": * also stands for other domains', "write *. there")
    if rule.credentials and any(_is_any(origin) for origin in rule.origins):
        findings.fault(
            (*path, "credentials"),
            "every page of the web could act as its reader: with credentials, origins are named",
        )
    for index, method in enumerate(rule.methods):
        if method not in METHODS:
            here = (*path, "methods", index)
            findings.fault(here, f'no method "{method}"', nearest(method.upper(), METHODS))
    for name, single in (("headers", "names have at most one *"), ("expose", "")):
        for index, field in enumerate(getattr(rule, name)):
            here = (*path, name, index)
            if not _FIELD_NAME.fullmatch(field):
                findings.fault(here, f'"{field}": not the name of a header')
            elif single and field.count("*") > 1:
                findings.fault(here, f'"{field}": {single}')
            elif name == "expose" and "*" in field and field != "*":
                findings.fault(here, f'"{field}": browsers know whole names here, or * for all')


def origin_fault(origin: str) -> str:
    """Why no origin of a browser is like this, or nothing."""
    if origin == "*":
        return ""
    if origin == "null":
        return "any page can have this origin: say * if you mean everyone"
    if origin.count("*") > 1:
        return "an origin has at most one *"
    if origin != origin.lower():
        return "browsers write origins in lower case"
    if "://" not in origin:
        return "an origin begins with its scheme, such as https://"
    if "/" in origin.partition("://")[2]:
        return "an origin ends with its host or port: no slash, no path"
    if not _ORIGIN.fullmatch(origin):
        return "not an origin"
    if _USUAL_PORT.fullmatch(origin):
        return "browsers leave out the port that is usual for the scheme"
    return ""


def _is_any(origin: str) -> bool:
    """``*``, and what comes to the same: ``https://*``."""
    return origin.partition("://")[2].partition(":")[0] == "*" or origin == "*"
