# Percent-coding (AWS's UriEncode).

from multistore.wire._native.cext cimport ms_span

cpdef bytes percent_encode(bytes data, bint slash=*)
cpdef bytes percent_decode(bytes data, bint plus=*)

# Decodes a span of a target.
cdef bytes decode_span(ms_span s, bint plus)
