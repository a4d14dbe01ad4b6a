"""The kernel: pure functions and small objects over bytes. Contract: ``__init__.pyi``.

The kernel is chosen here, once. ``_native`` is the only one that the server runs and the
only default; ``_pure`` takes its place where there is no compiled code (Emscripten) or
where ``MULTISTORE_PURE=1`` asks for it. A native kernel that cannot be imported is an
error, never a reason to run the other one.
"""

import os
import sys

if sys.platform == "emscripten" or os.environ.get("MULTISTORE_PURE") == "1":
    IMPLEMENTATION = "pure"
    from multistore.wire import _pure as _kernel
else:
    IMPLEMENTATION = "native"
    try:
        from multistore.wire import _native as _kernel

        _kernel.scan_request  # noqa: B018 - an empty package is not a kernel
    except (ImportError, AttributeError) as error:
        raise ImportError(
            "multistore's native kernel (multistore.wire._native) could not be imported: "
            f"{error}. Install a wheel for this platform, or build it from source "
            "(python setup.py build_ext --inplace; needs a C compiler and the OpenSSL "
            "headers). MULTISTORE_PURE=1 selects the kernel in pure Python, which is "
            "complete but much slower and not meant for servers."
        ) from error

BAD = _kernel.BAD
END = _kernel.END
LEAF = _kernel.LEAF
MORE = _kernel.MORE
ORDINARY = _kernel.ORDINARY
OTHER = _kernel.OTHER
START = _kernel.START
Authorization = _kernel.Authorization
HeaderSet = _kernel.HeaderSet
RequestHead = _kernel.RequestHead
ResponseHead = _kernel.ResponseHead
Signer = _kernel.Signer
SigningKey = _kernel.SigningKey
Target = _kernel.Target
XmlReader = _kernel.XmlReader
check_signed_headers = _kernel.check_signed_headers
parse_authorization = _kernel.parse_authorization
parse_target = _kernel.parse_target
percent_decode = _kernel.percent_decode
percent_encode = _kernel.percent_encode
presign = _kernel.presign
scan_request = _kernel.scan_request
scan_response = _kernel.scan_response
sign = _kernel.sign
verify = _kernel.verify
verify_presigned = _kernel.verify_presigned
write_request_head = _kernel.write_request_head
write_response_head = _kernel.write_response_head
xml_escape = _kernel.xml_escape

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
