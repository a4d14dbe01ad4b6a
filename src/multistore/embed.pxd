# The part of `multistore.embed` that Cython code can cimport: the native kernel's objects, with
# typed attributes. The C headers of `cext/` must be on the include path of the embedder's build.
#
#     from multistore.embed cimport Crc, RequestHead, Target, parse_target

from multistore.wire._native.chunked cimport ChunkedDecoder, ChunkedEncoder
from multistore.wire._native.crc cimport Crc
from multistore.wire._native.head cimport RequestHead
from multistore.wire._native.sigv4 cimport Authorization, SigningKey
from multistore.wire._native.target cimport Target, parse_target
from multistore.wire._native.uri cimport percent_decode, percent_encode
