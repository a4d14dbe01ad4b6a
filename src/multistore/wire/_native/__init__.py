"""The native kernel: Cython over ``cext/``. ``multistore.wire`` chooses it; nobody imports it else."""

from multistore.wire._native.head import (
    BAD,
    MORE,
    ORDINARY,
    OTHER,
    RequestHead,
    ResponseHead,
    scan_request,
    scan_response,
)

IMPLEMENTATION = "native"

__all__ = [
    "BAD",
    "IMPLEMENTATION",
    "MORE",
    "ORDINARY",
    "OTHER",
    "RequestHead",
    "ResponseHead",
    "scan_request",
    "scan_response",
]
