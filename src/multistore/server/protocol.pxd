from libc.stdint cimport int64_t
from multistore.server.client cimport Client
from multistore.server.service cimport Service
from multistore.server.transaction cimport Transaction
from multistore.wire._native.cext cimport ms_head_caps
from multistore.wire._native.head cimport RequestHead, ResponseHead


cdef class Connection(Client):
    cdef Transaction exchange
    cdef int state
    cdef bint secure
    cdef bint head_begun            # part of a head has come
    cdef bint counted               # among the peer's connections
    cdef int served                 # requests answered
    cdef int64_t discard_left       # bytes that are read and thrown away
    cdef int64_t linger_until       # monotonic milliseconds
    cdef bint to_head               # the request is a HEAD: no body in the answer
    cdef tuple cors                 # fields of the answer for browsers, or None
    cdef ms_head_caps caps

    cdef Py_ssize_t _head(self, const char* p, Py_ssize_t n) except -1
    cdef int _serve(self, RequestHead head, bint more) except -1
    cdef bint _drops_body(self, object plan) noexcept
    cdef int _refuse(self, object error) except -1
    cdef void _decide_close(self) noexcept
    cdef void _next(self) noexcept
    cdef void _linger(self) noexcept
    cdef void _shut(self) noexcept
