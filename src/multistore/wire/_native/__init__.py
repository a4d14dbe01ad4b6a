"""The native kernel: Cython over ``cext``. ``multistore.wire`` chooses it; import that instead."""

from multistore.wire._native.chunked import ChunkedDecoder, ChunkedEncoder
from multistore.wire._native.crc import Crc
from multistore.wire._native.head import (
    BAD,
    MORE,
    ORDINARY,
    OTHER,
    RequestHead,
    ResponseHead,
    scan_request,
    scan_response,
)
from multistore.wire._native.names import HeaderSet
from multistore.wire._native.render import write_request_head, write_response_head
from multistore.wire._native.sigv4 import (
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
from multistore.wire._native.target import Target, parse_target
from multistore.wire._native.uri import percent_decode, percent_encode
from multistore.wire._native.xml import END, LEAF, START, XmlReader, xml_escape

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
