"""The readable kernel: the contract of ``wire/__init__.pyi`` in the standard library alone.

It is the oracle that the native kernel is tested against, and the kernel of runtimes
without compiled code. Read it beside the specifications: RFC 9110 and 9112 for heads,
"Create a signed AWS API request" for SigV4, XML 1.0 for documents.
"""

from multistore.wire._pure.chunked import ChunkedDecoder, ChunkedEncoder
from multistore.wire._pure.crc import Crc
from multistore.wire._pure.head import (
    BAD,
    MORE,
    ORDINARY,
    OTHER,
    HeaderSet,
    RequestHead,
    ResponseHead,
    scan_request,
    scan_response,
)
from multistore.wire._pure.render import write_request_head, write_response_head
from multistore.wire._pure.sigv4 import (
    Authorization,
    Signer,
    SigningKey,
    check_signed_headers,
    parse_authorization,
    presign,
    sign,
    verify,
    verify_presigned,
)
from multistore.wire._pure.target import Target, parse_target
from multistore.wire._pure.uri import percent_decode, percent_encode
from multistore.wire._pure.xml import END, LEAF, START, XmlReader, xml_escape

__all__ = [
    "BAD",
    "END",
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
