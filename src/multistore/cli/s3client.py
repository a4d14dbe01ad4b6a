"""The few S3 requests that the command line makes itself, with our own signer."""

from __future__ import annotations

import hashlib
import http.client
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from multistore import wire

__all__ = ["S3Client", "StoreAddress"]

_TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """An S3 store and the credential to use it with. ``url`` has no trailing slash."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"StoreAddress({self.url!r}, {self.access_key_id!r}, ***)"


class S3Client:
    """One signed request at a time, path style, bodies whole in memory."""

    def __init__(self, store: StoreAddress) -> None:
        self.store = store
        url = urlsplit(store.url)
        self._host = url.netloc
        self._base = url.path
        self._tls = url.scheme == "https"

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = ""
    ) -> tuple[int, bytes]:
        """Status and body. ``path`` is ``/bucket`` or ``/bucket/key``. Raises: OSError."""
        target = self._base.encode() + wire.percent_encode(path.encode(), True)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        payload = hashlib.sha256(body).hexdigest()
        headers = {"host": self._host, "x-amz-content-sha256": payload, "x-amz-date": moment}
        if self.store.session_token:
            headers["x-amz-security-token"] = self.store.session_token
        if content_type:
            headers["content-type"] = content_type
        authorization = wire.sign(
            method,
            target,
            [(name.encode(), value.encode()) for name, value in headers.items()],
            access_key_id=self.store.access_key_id,
            secret_access_key=self.store.secret_access_key,
            amz_date=moment,
            region=self.store.region,
            payload=payload,
        )
        headers["authorization"] = authorization.decode()
        connect = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = connect(self._host, timeout=_TIMEOUT)
        try:
            connection.request(method, target.decode(), body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"not an HTTP answer: {error!r}") from error
        finally:
            connection.close()
