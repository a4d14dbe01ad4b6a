"""The contract of both kernels, ``_native`` and ``_pure``.

Everything here is a pure function or a small object over bytes: no I/O, no clock,
no policy. Both kernels give the same answer to the same input, errors included;
``tests/oracle`` holds them to it. "Raises" names the code of the ``S3Error``.
"""

from collections.abc import Iterable
from typing import Final, Literal, Self, final

from multistore.wire._native.chunked import ChunkedDecoder as ChunkedDecoder
from multistore.wire._native.chunked import ChunkedEncoder as ChunkedEncoder

__all__ = [
    "BAD",
    "END",
    "IMPLEMENTATION",
    "LEAF",
    "MORE",
    "ORDINARY",
    "OTHER",
    "START",
    "Authorization",
    "ChunkedDecoder",
    "ChunkedEncoder",
    "Crc",
    "HeaderSet",
    "RequestHead",
    "ResponseHead",
    "Signer",
    "SigningKey",
    "Target",
    "XmlReader",
    "check_signed_headers",
    "parse_authorization",
    "parse_target",
    "percent_decode",
    "percent_encode",
    "presign",
    "scan_request",
    "scan_response",
    "sign",
    "verify",
    "verify_presigned",
    "write_request_head",
    "write_response_head",
    "xml_escape",
]

IMPLEMENTATION: Final[Literal["native", "pure"]]

_Headers = Iterable[tuple[bytes, bytes]]

# --- heads ----------------------------------------------------------------------------------------

ORDINARY: Final = 0  # a whole head was read
MORE: Final = 1  # the bytes so far are the start of a head
OTHER: Final = 2  # legal, but not ordinary: for httptools (chunked, HTTP/1.0, absolute-form, …)
BAD: Final = 3  # final: no parser of ours may accept these bytes

@final
class RequestHead:
    """Start line and header fields of one request, as received.

    Names are compared in lower case; values are bytes without surrounding blanks
    (RFC 9110 5.5). The object owns its bytes.
    """

    def __init__(self, method: str, target: bytes, version: int, fields: _Headers) -> None:
        """Builds a head from parsed parts, applying every check that ``scan_request`` applies
        to fields (so that heads read by httptools obey the same rules). ``version`` is 10 or 11.
        ``target`` may be absolute-form (RFC 9112 3.2.2): its authority must equal Host, and the
        property ``target`` is then the origin-form that is left.

        Raises: BadRequest (``fatal``).
        """
    @property
    def method(self) -> str: ...
    @property
    def target(self) -> bytes: ...
    @property
    def version(self) -> int: ...
    @property
    def content_length(self) -> int:
        """Value of Content-Length, -1 without one."""
    @property
    def chunked(self) -> bool:
        """Transfer-Encoding is exactly ``chunked``."""
    @property
    def keep_alive(self) -> bool:
        """False for HTTP/1.0 and for ``Connection: close``."""
    @property
    def expect_continue(self) -> bool:
        """``Expect: 100-continue`` (any case of letters) on HTTP/1.1; on HTTP/1.0 it is ignored
        (RFC 9110 10.1.1). Another expectation is BAD on both."""
    def get(self, name: bytes) -> bytes | None:
        """First value of a field by its lower-case name, or None."""
    def get_all(self, name: bytes) -> list[bytes]: ...
    def items(self) -> list[tuple[bytes, bytes]]:
        """All fields in order, names in lower case."""
    def first_outside(self, prefix: bytes, known: HeaderSet) -> bytes | None:
        """Name of the first field that begins with ``prefix`` and is not in ``known``, or None."""

@final
class ResponseHead:
    """Status line and header fields of one backend answer.

    ``content_length`` and ``chunked`` say what the fields say; an answer that has no body by its
    status or the request's method (HEAD, 1xx, 204, 304) is not framed by them (RFC 9112 6.3).
    """

    def __init__(self, status: int, version: int, fields: _Headers) -> None:
        """The checks of ``scan_response`` but those that need the request's method.

        Raises: BadGateway (``fatal``).
        """
    @property
    def status(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def content_length(self) -> int: ...
    @property
    def chunked(self) -> bool: ...
    @property
    def keep_alive(self) -> bool: ...
    def get(self, name: bytes) -> bytes | None: ...
    def get_all(self, name: bytes) -> list[bytes]: ...
    def items(self) -> list[tuple[bytes, bytes]]: ...

def scan_request(
    data: bytes, *, max_bytes: int = 32768, max_fields: int = 100, max_target: int = 8192
) -> tuple[int, RequestHead | None, int, str]:
    """Reads one request head from the start of ``data``: verdict, head, bytes consumed, reason.

    One CRLF before the request line is skipped (RFC 9112 2.2). ORDINARY: HTTP/1.1, origin-form
    target, CRLF line ends, token names without ``_`` (but for ``x-amz-meta-*``, SEM-8), no
    obs-fold, no control characters in values (obs-text is allowed), exactly one Host, at most one
    Content-Length of plain digits without leading zeros (``0`` itself is fine) below 2**63, no
    Transfer-Encoding, ``Connection`` naming only close, keep-alive, te, upgrade, http2-settings.
    OTHER: what is legal beside that: Transfer-Encoding exactly ``chunked`` without Content-Length
    (not on HTTP/1.0), HTTP/1.0, absolute-form ``http(s)://`` whose authority equals Host. All the
    other rules hold for OTHER too. MORE when the head is not whole and no limit is reached yet.
    BAD: everything else, ``reason`` saying what in a few words that are safe to show;
    a limit exceeded is BAD with the reasons "request head too large", "too many header fields",
    "request target too long". ``head`` is None unless ORDINARY. ``consumed`` counts the head, the
    skipped CRLF included, for ORDINARY and OTHER, and is 0 otherwise.

    Methods are GET, HEAD, PUT, POST, DELETE, OPTIONS; others are BAD (security model, 2e). A target
    holds bytes 0x21-0x7E without ``#``. Host is a name or address of ``A-Za-z0-9.-_~`` or a
    bracketed literal of ``0-9A-Fa-f:.``, then optionally ``:`` and 1 to 5 digits; also HTTP/1.0
    needs it. Elements of Connection are compared in any case of letters, empty ones are skipped.
    A head that is not whole may already be BAD, but only when no continuation would make it legal;
    ``max_bytes`` bytes without the end of the head are BAD. Which of several faults ``reason``
    names is the kernel's choice.
    """

def scan_response(
    data: bytes, method: str, *, max_bytes: int = 65536, max_fields: int = 200
) -> tuple[int, ResponseHead | None, int, str]:
    """Reads one response head, knowing the method of its request.

    ORDINARY: HTTP/1.1 or 1.0 with three status digits 100-599, and a body that Content-Length
    delimits or that cannot be there (HEAD, 1xx, 204, 304). ORDINARY with ``chunked`` set: the
    body is chunked (HTTP/1.1 only); its bytes go to httptools. Content-Length together with
    Transfer-Encoding, a repeated or malformed Content-Length, another transfer coding, and a
    body delimited by the end of the connection are BAD. Header names may hold ``_``. The reason
    phrase is not kept and may be missing with its blank. No CRLF is skipped before the status
    line, Connection may name anything, HTTP/1.0 never keeps the connection. ``consumed`` and
    incomplete heads as in ``scan_request``, with "response head too large".
    """

@final
class HeaderSet:
    """A compiled allow-list of header names: exact lower-case names, and prefixes."""

    def __new__(cls, names: Iterable[bytes], prefixes: Iterable[bytes] = ()) -> Self: ...
    def __contains__(self, name: bytes, /) -> bool: ...
    def __or__(self, other: HeaderSet) -> HeaderSet: ...

# --- targets and percent-coding -------------------------------------------------------------------

@final
class Target:
    """A request target as received and as S3 reads it (SEM-1)."""

    @property
    def path(self) -> bytes:
        """Raw path, before ``?``."""
    @property
    def query(self) -> bytes:
        """Raw query, after ``?``; empty without one."""
    @property
    def bucket(self) -> str:
        """Bucket name, percent-decoded; empty for ``/``."""
    @property
    def key(self) -> bytes:
        """Object key, percent-decoded once, valid UTF-8; empty for the bucket itself."""
    @property
    def unsafe_key(self) -> bool:
        """Whether the key holds an ASCII control character, or a ``.`` or ``..`` segment (D5)."""
    @property
    def params(self) -> dict[str, bytes]:
        """First value of each query parameter, decoded (``+`` is a blank); ``k`` and ``k=`` are
        both b"". Names are decoded too. Do not change it: it may be shared."""
    @property
    def repeated(self) -> tuple[str, ...]:
        """Names that occur more than once, in order of their second occurrence."""

def parse_target(target: bytes, bucket: str | None = None) -> Target:
    """Splits an origin-form target. With ``bucket`` (virtual-hosted style) the whole path after
    its first ``/`` is the key; else all leading ``/`` are skipped, and what stands before the
    next raw ``/`` is the bucket. Later ``//`` belong to the key. Empty pairs of the query are
    skipped. Raw bytes are not judged here but for ``#``: ``scan_request`` did that.

    Raises: InvalidURI (not origin-form, ``#``, malformed percent-escape, bucket, key or
    parameter that is not UTF-8), KeyTooLongError.
    """

def percent_encode(data: bytes, slash: bool = False) -> bytes:
    """AWS's UriEncode: all but ``A-Za-z0-9-._~`` as ``%XX``; ``slash`` keeps ``/``.
    Returns ``data`` itself when there is nothing to encode."""

def percent_decode(data: bytes, plus: bool = False) -> bytes:
    """Decodes ``%XX`` once; ``plus`` reads ``+`` as a blank. Raises: InvalidURI."""

# --- Signature Version 4 --------------------------------------------------------------------------

@final
class SigningKey:
    """A derived SigV4 key: HMAC ready to use, never shown again."""

    def __new__(cls, secret: str, date: str, region: str, service: str) -> Self: ...
    def sign(self, data: bytes) -> bytes:
        """HMAC-SHA256 in lower-case hex, 64 bytes."""

@final
class Authorization:
    """The fields of an ``Authorization: AWS4-HMAC-SHA256`` header, or of a presigned query."""

    @property
    def credential(self) -> bytes:
        """``ACCESS_KEY/DATE/REGION/SERVICE/aws4_request`` as sent: a cache key."""
    @property
    def access_key_id(self) -> str: ...
    @property
    def date(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def signed_headers(self) -> bytes:
        """Names joined by ``;``, as sent."""
    @property
    def signature(self) -> bytes: ...

def parse_authorization(value: bytes, like: Authorization | None = None) -> Authorization:
    """Reads the header of rule 2: algorithm, blanks, the three fields once each in any order,
    separated by commas with or without blanks around them; scope date of 8 digits, terminator
    ``aws4_request``; signature of 64 lower-case hex digits. The access key may not hold ``/``.
    The five parts of the credential are not empty and of bytes 0x21-0x7E. Schemes are compared
    exactly. ``SignedHeaders`` is judged by ``check_signed_headers``. A presigned query holds the
    same three fields under other names; joined to such a header it can be read here as well.
    ``like`` is an earlier result, whose parts a kernel may take over where ``value`` differs only
    in its signature; the answer is the same without it.

    Raises: AuthorizationHeaderMalformed; InvalidRequest for AWS (SigV2) with the text of SEM-4,
    NotImplemented for AWS4-ECDSA-P256-SHA256, InvalidRequest for any other scheme.
    """

def check_signed_headers(head: RequestHead, authorization: Authorization) -> None:
    """Rules 5 and 6: names sorted, lower-case, not empty, not repeated, all present; ``host``,
    ``content-md5`` and every ``x-amz-*`` field present are among them, ``x-amz-content-sha256``
    excepted. host, authorization, date, x-amz-date, x-amz-content-sha256, x-amz-security-token,
    content-length, x-amz-copy-source occur at most once. Checked in this order: form of the
    list, repetition, presence, fields that are not signed (named in the order of the head, joined
    by ``, ``; ``host`` first).

    Raises: AccessDenied with the field ``HeadersNotSigned``; InvalidRequest for repetition;
    SignatureDoesNotMatch for a signed name that is not there; AuthorizationHeaderMalformed.
    """

def verify(
    head: RequestHead,
    target: Target,
    authorization: Authorization,
    key: SigningKey,
    amz_date: bytes,
    payload: bytes,
) -> bool:
    """Whether the signature holds over path and query as sent, or else over their
    decode-encode form (SEM-2); compared in constant time. Repeated headers are joined by ``,``,
    runs of blanks (SP, HTAB) folded to one SP. Pairs of the query are sorted by (name, value),
    ``k`` stands for ``k=``, and in the second form ``+`` is a blank, ``%20``, as in
    ``Target.params`` (SEM-1). Raises nothing."""

def verify_presigned(
    head: RequestHead,
    target: Target,
    authorization: Authorization,
    key: SigningKey,
    amz_date: bytes,
    payload: bytes = b"UNSIGNED-PAYLOAD",
) -> bool:
    """The same for a presigned URL: ``X-Amz-Signature`` (by its decoded name, in exactly this
    case) is left out of the query."""

def sign(
    method: str,
    target: bytes,
    headers: _Headers,
    *,
    access_key_id: str,
    secret_access_key: str,
    amz_date: str,
    region: str,
    payload: str,
    service: str = "s3",
) -> bytes:
    """The value of ``Authorization`` for a request with exactly these signed headers (``host``
    among them, names in any case). The path is used as it is: S3 does not normalise. The query
    is used as ``verify`` reads it first: its pairs as they are, sorted, ``k`` as ``k=``."""

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
    headers: _Headers = (),
) -> bytes:
    """``target`` with a presigned query, signed over ``host`` and ``headers``. The parameters
    follow those of ``target`` (which holds none of them yet) in the order Algorithm, Credential,
    Date, Expires, Security-Token, SignedHeaders, Signature."""

@final
class Signer:
    """A backend credential that signs request heads; keeps the key of the current day."""

    def __new__(
        cls,
        access_key_id: str,
        secret_access_key: str,
        region: str,
        session_token: str | None = None,
        service: str = "s3",
    ) -> Self: ...

# --- checksums ------------------------------------------------------------------------------------

@final
class Crc:
    """A running CRC with the shape of ``hashlib``'s objects: ``crc32`` (zlib's), ``crc32c``
    (Castagnoli, RFC 3720 B.4) or ``crc64nvme``, as in ``x-amz-checksum-*`` (S3: "Checking object
    integrity")."""

    def __new__(cls, name: str) -> Self:
        """Raises: ValueError for another name, upper case included."""
    @property
    def name(self) -> str: ...
    @property
    def digest_size(self) -> int:
        """In bytes."""
    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def digest(self) -> bytes:
        """Of the bytes so far, most significant byte first; S3 shows it in base64."""

# --- writing heads --------------------------------------------------------------------------------

def write_request_head(
    method: str,
    target: bytes,
    host: bytes,
    head: RequestHead | None,
    keep: HeaderSet,
    add: _Headers,
    content_length: int,
    payload: bytes,
    signer: Signer | None,
    amz_date: bytes,
) -> bytes:
    """A whole HTTP/1.1 request head for a backend, signed when there is a ``signer``.

    Order: request line, Host, then the fields of ``head`` that ``keep`` allows and ``add``,
    sorted by name; ``content-length`` unless it is -1; then with a signer ``x-amz-date``,
    ``x-amz-content-sha256`` (= ``payload``), ``x-amz-security-token`` and ``authorization``.
    A name in ``add`` replaces the same name from ``head``. Without a signer no x-amz-date and no
    x-amz-content-sha256 are written. Signed (SEM-13): host, x-amz-*, content-md5, content-type,
    if-*; nothing else. ``target`` is written and signed as it is: path encoded, query canonical
    (``k=v`` pairs encoded and sorted). Host, Content-Length, Connection, Transfer-Encoding,
    Authorization, Expect, x-amz-date, x-amz-content-sha256 and x-amz-security-token of ``head``
    never pass, whatever ``keep`` says. All names are written in lower case as ``name: value``;
    fields of one name keep their order. What this function writes itself must not be in ``add``.

    Raises: InternalError when a name or value holds CR, LF or NUL, or ``target`` a blank or
    control.
    """

def write_response_head(
    status: int,
    head: ResponseHead | None,
    keep: HeaderSet | None,
    add: _Headers,
) -> bytes:
    """A whole HTTP/1.1 response head: status line, the fields of ``head`` that ``keep`` allows in
    their order (repeated ones stay repeated), then ``add``. A name in ``add`` replaces the same
    name from ``head``. Framing fields are the caller's business: Content-Length,
    Transfer-Encoding, Connection and Keep-Alive of ``head`` never pass. ``keep`` None keeps
    nothing. All names are written in lower case as ``name: value``. The reason phrase is that of
    RFC 9110 for 100, 200-206, 301-304, 307, 308, 400, 401, 403-405, 408, 409, 411-414, 416, 417,
    429 (RFC 6585) and 500-505, and empty otherwise (the blank before it stays).

    Raises: InternalError when a name or value holds CR, LF or NUL.
    """

# --- XML ------------------------------------------------------------------------------------------

START: Final = 0  # (START, name, b""): an element that holds elements
LEAF: Final = 1  # (LEAF, name, text): an element that holds only text, or nothing
END: Final = 2  # (END, name, b"")

@final
class XmlReader:
    """Pull reader for the documents S3 and its clients write: UTF-8, no DTD, no processing
    instruction but the declaration, only the five named and numeric character references.
    Comments and namespaces (prefixes, attributes) are read over; names lose their prefix.
    An empty element is a LEAF with b"". Text beside elements must be white space. Memory is
    bounded by ``max_text`` (bytes of one text) and ``max_depth``.

    CDATA is text. Names are ASCII. A tag is at most 4096 bytes long, a reference 12. Attributes
    are ``name="value"`` without ``<`` in the value and not looked at beyond that. The declaration
    says version 1.0 and, if anything, encoding UTF-8; a byte order mark before it is skipped.
    References may name any character but U+0000 and surrogates, ``&#x1;`` included, since S3
    writes it; raw control characters and ``]]>`` in text are refused. Line ends are normalised
    as XML 1.0 2.11 says (raw CR LF and CR become LF), but not those written as references."""

    def __new__(cls, *, max_text: int = 65536, max_depth: int = 16) -> Self: ...
    def feed(self, data: bytes) -> list[tuple[int, str, bytes]]:
        """Events that ``data`` completes. White space before the declaration is read over.
        Raises: MalformedXML, and again at every later call."""
    def close(self) -> None:
        """Raises: MalformedXML unless exactly one whole document was read."""

def xml_escape(data: bytes) -> bytes:
    """Text for an element: ``& < > "`` as references, CR and the control characters that
    XML 1.0 cannot hold (0x00-0x1F but TAB and LF) as ``&#xD;``-style references, as S3 does
    (SEM-21). Returns ``data`` itself when there is nothing to escape."""
