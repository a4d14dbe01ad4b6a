"""What is answered to a signature by an access key: the same words wherever the signature stood."""

from __future__ import annotations

from multistore.errors import S3Error

__all__ = ["unknown_key", "unknown_token", "wrong_signature"]


def unknown_key() -> S3Error:
    return S3Error(
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
    )


def wrong_signature() -> S3Error:
    return S3Error(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    )


def unknown_token() -> S3Error:
    """For a session token that does not belong to the key; a long-lived key has none."""
    return S3Error("InvalidToken", "The provided token is malformed or otherwise not valid.")
