"""The composition root: configuration in, a gateway that can run out. Imports everything,
is imported by the command line only."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from multistore.backends.s3 import S3Backend
from multistore.backends.s3_store import S3Store
from multistore.config.backend_options import S3Options
from multistore.config.model import Document
from multistore.config.names import parse_listen
from multistore.config.registry import compile_buckets, compile_credentials, read_path_mapping
from multistore.config.sealer import TokenSealer
from multistore.gateway.engine import Engine, Settings
from multistore.limits import Limits, Timeouts
from multistore.types import Origin
from multistore.wire import Signer

if TYPE_CHECKING:
    from multistore.server.worker import Server

__all__ = ["make_engine", "make_server"]


def make_engine(document: Document, session_token_key: str = "") -> Engine:
    """The decisions, compiled from a document that passed ``Loaded.require``.

    ``session_token_key`` seals continuation tokens; without it the document's own secrets
    do, so that every process with the same configuration opens what another sealed (D9).

    Raises: ValueError for a key that is too short.
    """
    backends = _Backends(document, _make_sealer(document, session_token_key))
    server = document.server
    names = read_path_mapping(document)
    settings = Settings(
        domains=tuple(server.domains),
        region=server.region,
        regions=frozenset(server.regions),
        owner_id=document.owner_id,
        owner_display_name=document.owner_display_name,
        limits=Limits(**document.limits.model_dump()),
        names=names,
    )
    buckets = compile_buckets(document, backends.make, backends.make_store, names)
    return Engine(buckets, compile_credentials(document), settings)


def make_server(document: Document, session_token_key: str = "") -> Server:
    """The gateway with its listeners; ``run`` opens them. Raises: ValueError."""
    # Only who serves pays for the event loop.
    from multistore.server.worker import Server, ServerSettings

    server = document.server
    settings = ServerSettings(
        listen=tuple(map(parse_listen, server.listen)),
        tls_cert=server.tls_cert,
        tls_key=server.tls_key,
        limits=Limits(**document.limits.model_dump()),
        timeouts=Timeouts(**document.timeouts.model_dump()),
    )
    return Server(make_engine(document, session_token_key), settings)


def _make_sealer(document: Document, session_token_key: str) -> TokenSealer:
    if session_token_key:
        return TokenSealer(session_token_key.encode())
    known = [c.secret_access_key.get_secret_value() for c in document.credentials]
    try:
        return TokenSealer.from_secrets(known)
    except ValueError:
        # Nothing in this configuration is secret (public buckets only): tokens live as long as
        # the process does.
        return TokenSealer(secrets.token_bytes(32))


class _Backends:
    """Makes backends. Those at one place share its origin, and with it the connections."""

    def __init__(self, document: Document, sealer: TokenSealer) -> None:
        self._document = document
        self._sealer = sealer
        self._origins: dict[tuple[str, int, bool, bool, str | None], Origin] = {}

    def make(self, options: S3Options) -> S3Backend:
        """The backend for one bucket."""
        return S3Backend(self._origin(options), options.bucket_name, **self._settings(options))

    def make_store(self, options: S3Options) -> S3Store:
        """All buckets of a store."""
        server = self._document.server
        return S3Store(
            self._origin(options),
            our_region=server.region,
            regions=frozenset(server.regions),
            **self._settings(options),
        )

    def _origin(self, options: S3Options) -> Origin:
        place = (options.host, options.port, options.tls, options.verify_tls, options.ca_file)
        if place not in self._origins:
            self._origins[place] = Origin(
                options.host,
                options.port,
                tls=options.tls,
                verify=options.verify_tls,
                ca_file=options.ca_file,
            )
        return self._origins[place]

    def _settings(self, options: S3Options) -> dict[str, Any]:
        def signer_for(region: str) -> Signer:
            return Signer(
                options.access_key_id,
                options.secret_access_key,
                region,
                options.token or None,
            )

        return {
            "sealer": self._sealer,
            "region": options.region,
            "signer": None if options.anonymous else signer_for(options.region),
            "signer_for": None if options.anonymous else signer_for,
            "virtual_hosted": options.virtual_hosted,
            "verifies_payload": options.verifies_payload,
            "payload": options.payload,
            "base_path": options.base_path,
            "owner_id": self._document.owner_id,
            "owner_display_name": self._document.owner_display_name,
            "gateway_region": self._document.server.region,
            "store_id": _store_id(options),
        }


def _store_id(options: S3Options) -> bytes:
    """The same for buckets that one credential sees at one endpoint. A digest: it tells nothing of
    the secret."""
    place = (options.host, options.port, options.tls, options.base_path, options.region)
    credential = (options.access_key_id, options.secret_access_key, options.token)
    return hashlib.sha256(repr((place, credential)).encode()).digest()
