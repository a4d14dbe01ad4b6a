"""Percent-coding over ``ms_uri``."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stddef cimport size_t
from libc.string cimport memchr

from multistore.wire._native.cext cimport (
    MS_OK, ms_span, ms_uri_decode, ms_uri_encode, ms_uri_encoded_size,
)
from multistore.wire._native.errors cimport raise_invalid_uri
from multistore.wire._native.spans cimport not_none, span_of, to_bytes


cpdef bytes percent_encode(bytes data, bint slash=False):
    not_none(data)
    cdef ms_span s = span_of(data)
    cdef size_t size = ms_uri_encoded_size(s, slash)
    if size == s.n:  # fast path: nothing to encode
        return data
    encoded = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
    ms_uri_encode(s, slash, PyBytes_AS_STRING(encoded))
    return encoded


cpdef bytes percent_decode(bytes data, bint plus=False):
    not_none(data)
    cdef ms_span s = span_of(data)
    if memchr(s.p, c"%", s.n) is NULL and not (plus and memchr(s.p, c"+", s.n) is not NULL):
        return data  # fast path: nothing to decode
    return decode_span(s, plus)


cdef bytes decode_span(ms_span s, bint plus):
    # Decoded text is never longer: one object, cut to size when it is shorter.
    cdef size_t size = 0
    decoded = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>s.n)
    if ms_uri_decode(s, plus, PyBytes_AS_STRING(decoded), &size) != MS_OK:
        raise_invalid_uri("The URI holds a malformed percent-escape.")
    return decoded if size == s.n else to_bytes(ms_span(PyBytes_AS_STRING(decoded), size))
