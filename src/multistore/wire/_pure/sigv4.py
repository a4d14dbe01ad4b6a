"""AWS Signature Version 4, header and query form.

Reference: "Create a signed AWS API request" in the AWS IAM User Guide; for S3's
deviations "Authenticating Requests (AWS Signature Version 4)" in the S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from multistore.errors import S3Error
from multistore.wire._pure.head import RequestHead
from multistore.wire._pure.target import Target, split_pairs
from multistore.wire._pure.uri import percent_decode, percent_encode

__all__ = [
    "Authorization",
    "Signer",
    "SigningKey",
    "check_signed_headers",
    "parse_authorization",
    "presign",
    "sign",
    "verify",
    "verify_presigned",
]

Field = tuple[bytes, bytes]

_ALGORITHM = b"AWS4-HMAC-SHA256"
_BLANK_RUN = re.compile(rb"[ \t]+")
_CREDENTIAL = re.compile(
    # ACCESS_KEY / DATE / REGION / SERVICE / aws4_request, of visible ASCII without slash
    rb"([\x21-\x2E\x30-\x7E]+)/([0-9]{8})/([\x21-\x2E\x30-\x7E]+)/([\x21-\x2E\x30-\x7E]+)/aws4_request"
)
_SIGNATURE = re.compile(rb"[0-9a-f]{64}")
#: A token of RFC 9110 5.6.2 in lower case.
_SIGNED_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
#: Fields that mean something by their one value (security model, SigV4 rule 6).
_SINGLE = (
    b"host",
    b"authorization",
    b"date",
    b"x-amz-date",
    b"x-amz-content-sha256",
    b"x-amz-security-token",
    b"content-length",
    b"x-amz-copy-source",
)


# --- keys and the three steps ---------------------------------------------------------------------


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


class SigningKey:
    """Task 3 of the guide: one HMAC after the other over the parts of the scope."""

    __slots__ = ("_key",)

    def __init__(self, secret: str, date: str, region: str, service: str) -> None:
        key = _hmac(b"AWS4" + secret.encode(), date.encode())
        key = _hmac(key, region.encode())
        key = _hmac(key, service.encode())
        self._key = _hmac(key, b"aws4_request")

    def sign(self, data: bytes) -> bytes:
        return _hmac(self._key, data).hex().encode("ascii")


def canonical_request(
    method: str,
    path: bytes,
    query: bytes,
    headers: Iterable[Field],
    signed_headers: bytes,
    payload: bytes,
) -> bytes:
    """Task 1. ``path`` and ``query`` are canonical; ``headers`` folded, in the order signed."""
    canonical_headers = b"".join(name + b":" + value + b"\n" for name, value in headers)
    return b"\n".join(
        (
            method.encode("ascii"),  # <HTTPMethod>\n
            path,  # <CanonicalURI>\n
            query,  # <CanonicalQueryString>\n
            canonical_headers,  # <CanonicalHeaders>\n
            signed_headers,  # <SignedHeaders>\n
            payload,  # <HashedPayload>
        )
    )


def string_to_sign(amz_date: bytes, scope: bytes, request: bytes) -> bytes:
    """Task 2."""
    return b"\n".join(
        (
            _ALGORITHM,
            amz_date,
            scope,
            hashlib.sha256(request).hexdigest().encode("ascii"),
        )
    )


def _fold(value: bytes) -> bytes:
    """Trimmed, runs of blanks as one: the guide's Trim() and "sequential spaces"."""
    return _BLANK_RUN.sub(b" ", value.strip(b" \t"))


def _canonical_headers(fields: Iterable[Field]) -> list[Field]:
    """Lower-case names in order, the values of one name joined by ``,`` as they stand."""
    joined: dict[bytes, bytes] = {}
    for name, value in fields:
        name, value = name.lower(), _fold(value)
        joined[name] = joined[name] + b"," + value if name in joined else value
    return sorted(joined.items())


def _join_pairs(pairs: Iterable[Field]) -> bytes:
    """Sorted by name, then by value; ``k`` as ``k=``."""
    return b"&".join(name + b"=" + value for name, value in sorted(pairs))


def _reencode(data: bytes) -> bytes:
    return percent_encode(percent_decode(data, plus=True))


# --- what the client sent -------------------------------------------------------------------------


class Authorization:
    __slots__ = (
        "access_key_id",
        "credential",
        "date",
        "region",
        "service",
        "signature",
        "signed_headers",
    )

    def __init__(self, credential: bytes, signed_headers: bytes, signature: bytes) -> None:
        parts = _CREDENTIAL.fullmatch(credential)
        if not parts:
            raise _malformed(
                "The credential must be ACCESS_KEY/YYYYMMDD/REGION/SERVICE/aws4_request."
            )
        if not _SIGNATURE.fullmatch(signature):
            raise _malformed("The signature must be 64 lower-case hexadecimal digits.")
        self.credential = credential
        self.access_key_id, self.date, self.region, self.service = (
            part.decode("ascii") for part in parts.groups()
        )
        self.signed_headers = signed_headers
        self.signature = signature

    @property
    def scope(self) -> bytes:
        return self.credential.partition(b"/")[2]


def _malformed(message: str) -> S3Error:
    return S3Error("AuthorizationHeaderMalformed", message)


def parse_authorization(value: bytes, like: Authorization | None = None) -> Authorization:
    scheme, _, rest = value.partition(b" ")
    if scheme == b"AWS":
        raise S3Error(
            "InvalidRequest",
            "Signature Version 2 is not supported. Please use Signature Version 4"
            " (AWS4-HMAC-SHA256; with boto3: Config(signature_version='s3v4')).",
        )
    if scheme == b"AWS4-ECDSA-P256-SHA256":
        raise S3Error("NotImplemented", "Signature Version 4A is not supported.")
    if scheme != _ALGORITHM:
        raise S3Error(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported."
            " Please use AWS4-HMAC-SHA256.",
        )
    fields: dict[bytes, bytes] = {}
    for element in rest.split(b","):
        name, equals, field = element.strip(b" \t").partition(b"=")
        if not equals or name not in (b"Credential", b"SignedHeaders", b"Signature"):
            raise _malformed("Expected Credential, SignedHeaders and Signature.")
        if name in fields:
            raise _malformed(f"{name.decode()} is given twice.")
        fields[name] = field
    if len(fields) != 3:
        raise _malformed("Expected Credential, SignedHeaders and Signature.")
    return Authorization(fields[b"Credential"], fields[b"SignedHeaders"], fields[b"Signature"])


def check_signed_headers(head: RequestHead, authorization: Authorization) -> None:
    names = authorization.signed_headers.split(b";")
    for name in names:
        if not _SIGNED_NAME.fullmatch(name):
            raise _malformed("SignedHeaders must be lower-case header names joined by ';'.")
    if names != sorted(set(names)):
        raise _malformed("SignedHeaders must be sorted and name each header once.")

    present = [name for name, _ in head.items()]
    for name in _SINGLE:
        if present.count(name) > 1:
            raise S3Error("InvalidRequest", f"The header {name.decode()} is given twice.")

    for name in names:
        if name not in present:
            raise S3Error(
                "SignatureDoesNotMatch",
                f"The request has no header {name.decode()}, which its signature covers.",
            )

    unsigned = dict.fromkeys(  # in order, each once
        name for name in [b"host", *present] if _must_be_signed(name) and name not in names
    )
    if unsigned:
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            fields=(("HeadersNotSigned", b", ".join(unsigned).decode("ascii")),),
        )


def _must_be_signed(name: bytes) -> bool:
    """Law 5. x-amz-content-sha256 is in the canonical request anyway."""
    return name in (b"host", b"content-md5") or (
        name.startswith(b"x-amz-") and name != b"x-amz-content-sha256"
    )


def verify(
    head: RequestHead,
    target: Target,
    authorization: Authorization,
    key: SigningKey,
    amz_date: bytes,
    payload: bytes,
) -> bool:
    return _verify(head, target, split_pairs(target.query), authorization, key, amz_date, payload)


def verify_presigned(
    head: RequestHead,
    target: Target,
    authorization: Authorization,
    key: SigningKey,
    amz_date: bytes,
    payload: bytes = b"UNSIGNED-PAYLOAD",
) -> bool:
    pairs = [
        pair
        for pair in split_pairs(target.query)
        if percent_decode(pair[0], plus=True) != b"X-Amz-Signature"
    ]
    return _verify(head, target, pairs, authorization, key, amz_date, payload)


def _verify(
    head: RequestHead,
    target: Target,
    pairs: list[Field],
    authorization: Authorization,
    key: SigningKey,
    amz_date: bytes,
    payload: bytes,
) -> bool:
    headers = [
        (name, b",".join(_fold(value) for value in head.get_all(name)))
        for name in authorization.signed_headers.split(b";")
    ]
    as_sent = (target.path, _join_pairs(pairs))
    reencoded = (
        percent_encode(percent_decode(target.path), slash=True),
        _join_pairs((_reencode(name), _reencode(value)) for name, value in pairs),
    )
    for path, query in (as_sent, reencoded):  # SEM-2: no third form
        request = canonical_request(
            head.method, path, query, headers, authorization.signed_headers, payload
        )
        text = string_to_sign(amz_date, authorization.scope, request)
        if hmac.compare_digest(key.sign(text), authorization.signature):
            return True
    return False


# --- what we sign ---------------------------------------------------------------------------------


def sign(
    method: str,
    target: bytes,
    headers: Iterable[Field],
    *,
    access_key_id: str,
    secret_access_key: str,
    amz_date: str,
    region: str,
    payload: str,
    service: str = "s3",
) -> bytes:
    path, _, query = target.partition(b"?")
    key = SigningKey(secret_access_key, amz_date[:8], region, service)
    scope = f"{amz_date[:8]}/{region}/{service}/aws4_request".encode()
    canonical = _canonical_headers(headers)
    return _authorization(
        method,
        path,
        _join_pairs(split_pairs(query)),
        canonical,
        payload.encode(),
        key,
        access_key_id.encode() + b"/" + scope,
        amz_date.encode(),
    )


def _authorization(
    method: str,
    path: bytes,
    query: bytes,
    headers: list[Field],
    payload: bytes,
    key: SigningKey,
    credential: bytes,
    amz_date: bytes,
) -> bytes:
    """Task 4: the value of ``Authorization``."""
    names = b";".join(name for name, _ in headers)
    request = canonical_request(method, path, query, headers, names, payload)
    signature = key.sign(string_to_sign(amz_date, credential.partition(b"/")[2], request))
    return b"%s Credential=%s, SignedHeaders=%s, Signature=%s" % (
        _ALGORITHM,
        credential,
        names,
        signature,
    )


def presign(
    method: str,
    target: bytes,
    host: str,
    *,
    access_key_id: str,
    secret_access_key: str,
    amz_date: str,
    expires: int,
    region: str,
    session_token: str | None = None,
    service: str = "s3",
    headers: Iterable[Field] = (),
) -> bytes:
    path, _, query = target.partition(b"?")
    key = SigningKey(secret_access_key, amz_date[:8], region, service)
    scope = f"{amz_date[:8]}/{region}/{service}/aws4_request"
    canonical = _canonical_headers([(b"host", host.encode()), *headers])
    names = b";".join(name for name, _ in canonical)
    params = [
        (b"X-Amz-Algorithm", _ALGORITHM),
        (b"X-Amz-Credential", f"{access_key_id}/{scope}".encode()),
        (b"X-Amz-Date", amz_date.encode()),
        (b"X-Amz-Expires", b"%d" % expires),
    ]
    if session_token is not None:
        params.append((b"X-Amz-Security-Token", session_token.encode()))
    params.append((b"X-Amz-SignedHeaders", names))
    added = b"&".join(name + b"=" + percent_encode(value) for name, value in params)
    query = query + b"&" + added if query else added
    request = canonical_request(
        method, path, _join_pairs(split_pairs(query)), canonical, names, b"UNSIGNED-PAYLOAD"
    )
    signature = key.sign(string_to_sign(amz_date.encode(), scope.encode(), request))
    return path + b"?" + query + b"&X-Amz-Signature=" + signature


class Signer:
    __slots__ = (
        "_access_key_id",
        "_date",
        "_key",
        "_region",
        "_secret_access_key",
        "_service",
        "session_token",
    )

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        region: str,
        session_token: str | None = None,
        service: str = "s3",
    ) -> None:
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._region = region
        self._service = service
        self._date = ""
        self._key: SigningKey | None = None
        self.session_token = session_token

    def authorization(
        self,
        method: str,
        path: bytes,
        query: bytes,
        headers: Iterable[Field],
        payload: bytes,
        amz_date: bytes,
    ) -> bytes:
        """The value of ``Authorization`` over a canonical path and query."""
        date = amz_date[:8].decode("ascii")
        if self._key is None or date != self._date:
            self._key = SigningKey(self._secret_access_key, date, self._region, self._service)
            self._date = date
        scope = f"{self._access_key_id}/{date}/{self._region}/{self._service}/aws4_request"
        return _authorization(
            method,
            path,
            query,
            _canonical_headers(headers),
            payload,
            self._key,
            scope.encode(),
            amz_date,
        )
