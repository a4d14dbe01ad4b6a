"""Names that other people have rules for: domains, addresses to listen on."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address

__all__ = ["domain_fault", "parse_listen"]

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


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
