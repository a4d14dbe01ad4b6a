"""The in-memory store's check of SigV4 headers, with hashlib alone.

Source: "Authenticating Requests: Using the Authorization Header", Amazon S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from support.memory_model import Recorded, Refusal

__all__ = ["check_signature"]


def check_signature(request: Recorded, credentials: Mapping[str, str], asked_region: str) -> None:
    """Raises: Refusal, with the code that S3 has for what is wrong."""
    header = request.get("authorization")
    if header is None:
        raise Refusal(403, "AccessDenied")
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
        r"SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})",
        header.decode(),
    )
    if match is None:
        raise Refusal(400, "AuthorizationHeaderMalformed")
    access_key_id, day, region, names, signature = match.groups()
    if access_key_id not in credentials:
        raise Refusal(403, "InvalidAccessKeyId", ("AWSAccessKeyId", access_key_id))
    if region != asked_region:
        raise Refusal(400, "AuthorizationHeaderMalformed", ("Region", asked_region))
    signed = names.split(";")
    missing = {n for n in request.names() if n.startswith("x-amz-") or n == "host"}
    if not missing <= set(signed):
        raise Refusal(403, "AccessDenied", ("HeadersNotSigned", str(missing - set(signed))))
    query = "&".join(sorted(request.target.partition("?")[2].split("&")))
    lines = [request.method, request.path, query]
    for name in signed:
        values = [b" ".join(value.split()) for key, value in request.fields if key == name]
        lines.append(f"{name}:" + b",".join(values).decode("latin-1"))
    payload = (request.get("x-amz-content-sha256") or b"").decode()
    canonical = "\n".join([*lines, "", names, payload]).encode("latin-1")
    date = (request.get("x-amz-date") or b"").decode()
    digest = hashlib.sha256(canonical).hexdigest()
    scope = f"{day}/{region}/s3/aws4_request"
    key = b"AWS4" + credentials[access_key_id].encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}"
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not date.startswith(day) or expected != signature:
        raise Refusal(403, "SignatureDoesNotMatch", ("StringToSign", text))
