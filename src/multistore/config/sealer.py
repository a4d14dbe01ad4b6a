"""Sealing of continuation tokens and upload ids: AES-256-SIV (RFC 5297) under keys derived from
configuration.

A sealed token is ``base64url(version ‖ key id ‖ synthetic IV ‖ ciphertext)`` without padding:

* the version byte lets the format change (S26);
* the key id, eight bytes derived from the secret, finds the key among several, so that a
  secret can be replaced while listings run (F28);
* the context (what it is, bucket, prefix or key) is associated data: a token opens only where it
  was made.

Every process with the same secrets derives the same keys, so any worker opens what another sealed.
Nothing is random: one token in one context has one sealed form, so that an upload keeps its id
however often it is listed. SIV is made for that; without a nonce there is none to repeat.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from multistore.errors import S3Error

__all__ = ["TokenSealer"]

_VERSION = b"\x01"
_ID_LENGTH = 8
_HEADER_LENGTH = len(_VERSION) + _ID_LENGTH
_IV_LENGTH = 16


def _derive(secret: bytes, purpose: bytes, length: int) -> bytes:
    """HKDF (RFC 5869) with the purpose as ``info``: key and key id tell nothing of each other."""
    return HKDF(SHA256(), length, salt=b"multistore", info=purpose).derive(secret)


class TokenSealer:
    """Implements ``gateway.ports.TokenSealer``.

    ``secret`` seals; it and the ``previous`` secrets open. A secret is at least 16 bytes from
    configuration, of any form: the keys are derived from it.

    Raises: ValueError for a secret that is too short.
    """

    def __init__(self, secret: bytes, *previous: bytes) -> None:
        self._ring: dict[bytes, AESSIV] = {}
        for value in (secret, *previous):
            if len(value) < 16:
                raise ValueError("the secret that seals tokens must have at least 16 bytes")
            key_id = _derive(value, b"continuation-token id", _ID_LENGTH)
            self._ring[key_id] = AESSIV(_derive(value, b"continuation-token key", 64))
        self._header = _VERSION + next(iter(self._ring))
        self._sealing = next(iter(self._ring.values()))

    @classmethod
    def from_secrets(cls, secrets: Iterable[str]) -> TokenSealer:
        """A sealer for a configuration that names no secret for this purpose: it takes all the
        secrets there are, in an order of its own, so that equal configurations agree.

        Raises: ValueError when they are less than 16 bytes together.
        """
        parts = sorted(value.encode() for value in secrets)
        # Lengths in front: ("ab", "c") and ("a", "bc") are different configurations.
        if sum(map(len, parts)) < 16:
            raise ValueError("the configuration holds no secret to seal tokens with")
        return cls(b"".join(len(part).to_bytes(4, "big") + part for part in parts))

    def __repr__(self) -> str:
        return "TokenSealer(***)"

    def seal(self, token: bytes, context: bytes) -> bytes:
        """Returns URL-safe ASCII that shows nothing of ``token`` but its length, and whether it
        is the same one."""
        return _encode(self._header + self._sealing.encrypt(token, [self._header, context]))

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises: S3Error InvalidArgument for anything not sealed here for this context."""
        try:
            raw = base64.urlsafe_b64decode(sealed + b"=" * (-len(sealed) % 4))
        except binascii.Error:
            raise _refused() from None
        # The decoder skips what is not in its alphabet: a token has one spelling only.
        if _encode(raw) != sealed:
            raise _refused()
        if len(raw) < _HEADER_LENGTH + _IV_LENGTH or not raw.startswith(_VERSION):
            raise _refused()
        header = raw[:_HEADER_LENGTH]
        key = self._ring.get(header[len(_VERSION) :])
        if key is None:
            raise _refused()
        try:
            return key.decrypt(raw[_HEADER_LENGTH:], [header, context])
        except InvalidTag:
            raise _refused() from None


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _refused() -> S3Error:
    return S3Error("InvalidArgument", "The continuation token provided is incorrect")
