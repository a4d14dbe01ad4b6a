"""Names of buckets: which S3 allows, and which a pattern stands for (D17)."""

from __future__ import annotations

import re

__all__ = ["bucket_name_fault", "literal_ends", "may_share_names"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: As S3 says it: formatted like one, whatever the numbers.
_ADDRESS = re.compile(r"\d+(?:\.\d+){3}", re.ASCII)
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_name_fault(name: str) -> str:
    """Why S3 forbids ``name`` for a bucket, or nothing.

    Source: "General purpose bucket naming rules" in the Amazon S3 user guide.
    """
    if not 3 <= len(name) <= 63:
        return "a bucket name has 3 to 63 characters"
    if not _BUCKET.fullmatch(name):
        return (
            "a bucket name holds lower-case letters, digits, - and . and "
            "begins and ends with a letter or digit"
        )
    if ".." in name or ".-" in name or "-." in name:
        return "a bucket name has no empty part, and none that begins or ends with -"
    if _ADDRESS.fullmatch(name):
        return "a bucket name is no IP address"
    for affix in _RESERVED_PREFIXES:
        if name.startswith(affix):
            return f"S3 reserves names that begin with {affix}"
    for affix in _RESERVED_SUFFIXES:
        if name.endswith(affix):
            return f"S3 reserves names that end in {affix}"
    return ""


def literal_ends(pattern: str) -> tuple[str, str]:
    """What stands before the first ``*`` of a glob and after its last; without one, the whole
    name twice."""
    return pattern.partition("*")[0], pattern.rpartition("*")[2]


def may_share_names(one: str, other: str) -> bool:
    """Whether two names or globs can stand for the same name. Sometimes says so of two that
    cannot; never the other way round."""
    (start, end), (other_start, other_end) = literal_ends(one), literal_ends(other)
    return (start.startswith(other_start) or other_start.startswith(start)) and (
        end.endswith(other_end) or other_end.endswith(end)
    )
