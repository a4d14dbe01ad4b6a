"""Certificates that live as long as a test."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme

__all__ = ["Authority"]


class Authority:
    """A private certificate authority with its files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str) -> tuple[Path, Path]:
        """Files of a certificate chain and its key, for host names or addresses."""
        certificate = self._ca.issue_cert(*names)
        chain = self._folder / f"{names[0]}.pem"
        key = self._folder / f"{names[0]}.key"
        for number, part in enumerate(certificate.cert_chain_pems):
            part.write_to_path(str(chain), append=number > 0)
        certificate.private_key_pem.write_to_path(str(key))
        return chain, key

    def server_context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        until = None
        if expired:
            until = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names, not_after=until).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context
