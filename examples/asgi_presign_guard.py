"""An ASGI application that lets only S3-signed requests through.

Put it before any ASGI application that serves files. Clients use what they have: boto3, aws-cli,
curl, or a presigned URL in a browser. Nothing is read from the body before the signature held.

    from examples.asgi_presign_guard import PresignGuard
    app = PresignGuard(files, {"AKEXAMPLE": "secret"})

The wrapped application finds ``scope["s3"]``: bucket, key, operation, and who signed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from multistore.embed import (
    RequestHead,
    S3Error,
    Target,
    Verifier,
    match,
    parse_request_target,
)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class PresignGuard:
    def __init__(
        self,
        app: App,
        secrets: Mapping[str, str],
        *,
        domains: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self.domains = domains
        self.clock = clock
        # These keys are long-lived: one that comes with a session token is not ours.
        self.verifier = Verifier(lambda key, token: None if token else secrets.get(key))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            head, target = self.read(scope)
            operation = match(head, target)
            signed = self.verifier.verify(head, target, self.clock())
            if signed is None:
                raise S3Error("AccessDenied", "Access Denied")
        except S3Error as error:
            await refuse(error, send, body=scope["method"] != "HEAD")
            return
        scope["s3"] = {
            "bucket": target.bucket,
            "key": target.key,
            "operation": operation.name,
            "access_key_id": signed.access_key_id,
            "payload": signed.payload,  # SHA-256 that a body must have, or UNSIGNED-PAYLOAD
        }
        await self.app(scope, receive, send)

    def read(self, scope: Scope) -> tuple[RequestHead, Target]:
        """The signature covers the target as it was sent: ``raw_path``, never ``path``."""
        raw = scope["raw_path"].partition(b"?")[0]
        if scope["query_string"]:
            raw += b"?" + scope["query_string"]
        # Servers that speak HTTP/2 to the client hand over its requests in HTTP/1.1's terms.
        version = 10 if scope["http_version"] == "1.0" else 11
        head = RequestHead(scope["method"], raw, version, scope["headers"])
        return head, parse_request_target(head.target, head.get(b"host"), self.domains)


async def refuse(error: S3Error, send: Send, *, body: bool) -> None:
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    ).encode()
    headers = [
        (b"content-type", b"application/xml"),
        (b"content-length", str(len(document)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": document if body else b""})
