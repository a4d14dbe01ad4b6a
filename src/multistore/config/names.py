"""Names that other people have rules for: buckets, domains, addresses to listen on."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address

__all__ = ["bucket_name_fault", "domain_fault", "parse_listen"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
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
    if _is_ipv4(name):
        return "a bucket name is no IP address"
    for affix in _RESERVED_PREFIXES:
        if name.startswith(affix):
            return f"S3 reserves names that begin with {affix}"
    for affix in _RESERVED_SUFFIXES:
        if name.endswith(affix):
            return f"S3 reserves names that end in {affix}"
    return ""


def domain_fault(domain: str) -> str:
    """Why buckets cannot be host names below ``domain``, or nothing."""
    if ":" in domain or "/" in domain:
        return "a domain is a bare name: no scheme, no port (any port matches), no path"
    if domain != domain.lower():
        return "a domain is written in lower case"
    if _is_ipv4(domain):
        return "an address has no subdomains"
    if len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        return "not a host name"
    return ""


def parse_listen(text: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[IPV6]:PORT``; port 0 takes any free one.

    Raises: ValueError saying what is wrong.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError("should be HOST:PORT or [IPV6]:PORT")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("the port should be a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            if isinstance(ip_address(host), IPv4Address):
                raise ValueError
        except ValueError:
            raise ValueError("brackets hold an IPv6 address") from None
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets")
    return host, int(port)


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
