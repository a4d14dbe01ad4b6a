"""From a request head to bucket and key: the target, virtual hosting, and which keys may pass.

The target is parsed exactly once (law 1); everything after this module reads the result.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.wire import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multistore.types import Bucket
    from multistore.wire import RequestHead, Target

__all__ = ["check_key", "normalise_domains", "normalise_host", "read_target", "virtual_bucket"]

_DOT_SEGMENT = re.compile(rb"(?:^|/)\.\.?(?:/|$)")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def normalise_host(host: str) -> str:
    """A Host value or configured domain as compared: lower case, without port and without the
    dot that ends an absolute domain name. The brackets of an IPv6 literal stay (RFC 3986
    3.2.2), so that the colons inside are no port."""
    name, colon, port = host.rpartition(":")
    if colon and not port.endswith("]") and (not port or port.isdigit()):
        host = name
    return host.lower().removesuffix(".")


def normalise_domains(domains: Iterable[str]) -> tuple[str, ...]:
    """Configured domains, longest first: with ``example.com`` and ``s3.example.com`` the host
    ``b.s3.example.com`` names the bucket ``b``."""
    names = {normalise_host(domain) for domain in domains} - {""}
    return tuple(sorted(names, key=len, reverse=True))


def virtual_bucket(host: bytes | None, domains: Sequence[str]) -> str | None:
    """The bucket that a Host names, or None for path style: a Host that is a configured
    domain, or matches none (SEM-2). ``domains`` as from :func:`normalise_domains`."""
    if not domains or host is None:
        return None
    name = normalise_host(host.decode("latin-1"))
    if name in domains:
        return None
    for domain in domains:
        if name.endswith(domain):
            end = len(name) - len(domain) - 1
            if end > 0 and name[end] == ".":
                return name[:end]
    return None


def read_target(head: RequestHead, domains: Sequence[str]) -> Target:
    """The target of a request. Raises: InvalidURI, KeyTooLongError."""
    if not domains:
        return parse_target(head.target)
    return parse_target(head.target, virtual_bucket(head.get(b"host"), domains))


def check_key(key: bytes, unsafe: bool, bucket: Bucket) -> None:
    """Refuses keys that a backend or another reader could take for a different one (D5): a
    ``.`` or ``..`` segment, however it was encoded, and ASCII control characters, unless
    ``bucket`` opted in; an empty segment (behind a prefix a ``/`` at the start is one), if it
    opted out. ``key`` is not empty; ``unsafe`` is what its target says of it, or True.

    Raises: InvalidRequest.
    """
    if not bucket.double_slashes and (key.startswith(b"/") or b"//" in key):
        raise S3Error(
            "InvalidRequest",
            "The object key begins with '/' or has '//' in it, which this bucket does not allow.",
        )
    if not unsafe:
        return
    if not bucket.dot_segments and _DOT_SEGMENT.search(key):
        raise S3Error("InvalidRequest", "The object key has a '.' or '..' segment.")
    if not bucket.control_characters and _CONTROL.search(key):
        raise S3Error("InvalidRequest", "The object key has a control character.")
