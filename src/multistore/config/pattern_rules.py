"""What an entry must be whose name is a pattern, and what no other entry may be."""

from __future__ import annotations

import re

from multistore.config.findings import Findings
from multistore.config.model import BucketTable
from multistore.config.patterns import NAME, is_pattern
from multistore.config.positions import Path
from multistore.gateway.bucket_names import bucket_name_fault

__all__ = ["check_pattern", "check_template"]

_LITERAL = re.compile(r"[a-z0-9.-]*")


def check_pattern(bucket: BucketTable, path: Path, findings: Findings) -> None:
    name = bucket.name
    if name.count("*") > 1:
        findings.fault((*path, "name"), f'"{name}": a pattern has one *')
    elif not _LITERAL.fullmatch(name.replace("*", "")) or len(name) > 63:
        findings.fault((*path, "name"), f'"{name}": no bucket name can fit this pattern')
    if bucket.backend_prefix:
        findings.fault(
            (*path, "backend_prefix"), "a pattern stands for whole buckets: it takes no prefix"
        )
    if bucket.created is not None:
        findings.warning((*path, "created"), "has no effect here", "the store says when")


def check_template(name: str, bucket_name: str, options: Path, findings: Findings) -> None:
    """``bucket_name`` is the store's name for the bucket ``name``, or its template."""
    here = next(
        (path for option in _SPELLINGS if (path := (*options, option)) in findings.lines), options
    )
    if is_pattern(name):
        if bucket_name.count(NAME) != 1:
            findings.fault(here, f"of a pattern holds {NAME} once, for the client's bucket name")
        elif fault := bucket_name_fault(bucket_name.replace(NAME, "name")):
            findings.fault(here, f'"{bucket_name}": {fault}')
    elif "{" in bucket_name:
        findings.fault(here, f'"{bucket_name}": only a pattern, such as name = "*", takes {NAME}')


_SPELLINGS = ("bucket_name", "bucket", "aws_bucket_name", "aws_bucket")
