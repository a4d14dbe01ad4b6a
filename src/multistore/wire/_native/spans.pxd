# Between Python's bytes and the C library's spans. A span lives as long as its bytes object.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from multistore.wire._native.cext cimport ms_span


# `data` must not be None: where the signature cannot say so, not_none() is asked first.
cdef inline ms_span span_of(bytes data) noexcept:
    return ms_span(PyBytes_AS_STRING(data), <size_t>PyBytes_GET_SIZE(data))


cdef inline int not_none(bytes data) except -1:
    if data is None:
        raise TypeError("expected bytes, got None")
    return 0


cdef inline bytes to_bytes(ms_span s):
    return PyBytes_FromStringAndSize(s.p, <Py_ssize_t>s.n)
