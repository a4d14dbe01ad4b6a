"""The S3 errors for what goes wrong between the two sockets of an exchange.

What a client is told; the operator's log line says which backend it was.
"""

from __future__ import annotations

from multistore.errors import S3Error

__all__ = ["backend_fault", "internal_error", "upload_stalled"]

_FAULTS = {
    "connect": (
        "ServiceUnavailable",
        "The storage backend cannot be reached. Please try again.",
    ),
    "exhausted": ("SlowDown", "The storage backend is busy. Please reduce your request rate."),
    "timeout": ("GatewayTimeout", "The storage backend did not answer in time."),
    "closed": ("SlowDown", "The storage backend closed the connection. Please try again."),
    "malformed": ("BadGateway", "The storage backend sent an answer that cannot be used."),
    "early": ("BadGateway", "The storage backend answered before it had the whole request."),
}


def backend_fault(why: str) -> S3Error:
    """``why``: connect, exhausted, timeout, closed, malformed or early."""
    return S3Error(*_FAULTS[why])


def internal_error() -> S3Error:
    """A bug of ours, which is in the log."""
    return S3Error("InternalError", "We encountered an internal error. Please try again.")


def upload_stalled() -> S3Error:
    """A client that does not send the body it announced."""
    return S3Error(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the "
        "timeout period. Idle connections will be closed.",
    )
