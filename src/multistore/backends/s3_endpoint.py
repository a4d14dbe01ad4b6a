"""Where an S3 bucket is asked: endpoints of AWS and others, path style and virtual-hosted style."""

from __future__ import annotations

import ipaddress
import re

from multistore.types import Origin

__all__ = ["host_field", "in_region", "is_aws", "of_bucket"]

#: S3 at AWS ("Amazon S3 endpoints and quotas", AWS General Reference). ``bucket``: the name of one
#: in front; ``variant``: FIPS, accelerate, dualstack; ``region``: none for the global endpoint.
#: Other names below the domain (EC2 hosts, API Gateway, S3 websites) are not S3's API.
_AWS = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]*\.)?"
    r"s3(?P<variant>(?:-fips|-accelerate)?(?:\.dualstack)?)"
    r"(?:[.-](?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}))?"
    r"\.(?P<domain>amazonaws\.com(?:\.cn)?)"
)


def is_aws(host: str) -> bool:
    return _AWS.fullmatch(host) is not None


def in_region(endpoint: Origin, region: str) -> Origin | None:
    """AWS's endpoint for ``region``, in place of another one. None where ``endpoint`` is not AWS's,
    or names a bucket or a variant: that is what the operator chose."""
    match = _AWS.fullmatch(endpoint.host)
    if match is None or match["bucket"] or match["variant"]:
        return None
    return _at(endpoint, f"s3.{region}.{match['domain']}")


def of_bucket(endpoint: Origin, bucket_name: str) -> Origin:
    """The bucket's own subdomain. Raises: ValueError for an endpoint that is an address."""
    try:
        ipaddress.ip_address(endpoint.host)
    except ValueError:
        return _at(endpoint, f"{bucket_name}.{endpoint.host}")
    raise ValueError(f"a bucket cannot be a subdomain of the address {endpoint.host}")


def _at(origin: Origin, host: str) -> Origin:
    return Origin(host, origin.port, tls=origin.tls, verify=origin.verify, ca_file=origin.ca_file)


def host_field(origin: Origin) -> bytes:
    """What Host says there: the port only where it is not the usual one (RFC 9110 7.2)."""
    name = f"[{origin.host}]" if ":" in origin.host else origin.host
    usual = origin.port == (443 if origin.tls else 80)
    return (name if usual else f"{name}:{origin.port}").encode()
