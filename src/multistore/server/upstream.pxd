from libc.stdint cimport int64_t
from multistore.server.chunked cimport ChunkedBody
from multistore.server.stream cimport Owner, Stream
from multistore.server.timers cimport Wheel
from multistore.wire._native.head cimport ResponseHead


cdef class Call:
    """Who waits for an answer on an Upstream: one attempt of an exchange."""

    cdef Upstream dialling          # the connection that is being made for this call

    cdef void on_connected(self, Upstream upstream) noexcept                # dialled for this call
    cdef int on_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1
    cdef int on_body(self, const char* p, Py_ssize_t n) except -1
    cdef int on_complete(self) except -1
    cdef void on_progress(self, int64_t n) noexcept                         # relayed bytes of the body
    cdef void on_room(self) noexcept
    cdef void on_failed(self, str why) noexcept


cdef class Home:
    """Where an Upstream belongs."""

    cdef object origin

    cdef void release(self, Upstream upstream) noexcept                     # it is free
    cdef void forget(self, Upstream upstream) noexcept


cdef class Upstream(Owner):
    cdef Home home
    cdef Call call                  # None while idle
    cdef Wheel wheel
    cdef int state
    cdef bint answered              # bytes of a response have come
    cdef bint reusable              # after this response the connection may serve again
    cdef int interim                # 1xx heads of this response
    cdef int64_t body_left          # bytes of a response body that are still to come
    cdef ChunkedBody chunks
    cdef str method
    cdef readonly int64_t born      # monotonic milliseconds

    cdef void start(self, Call call, str method) noexcept
    cdef int relay_to(self, Stream client) except -1
    cdef void discard(self) noexcept
    cdef Py_ssize_t _head(self, const char* p, Py_ssize_t n) except -1
    cdef Py_ssize_t _body(self, const char* p, Py_ssize_t n) except -1
    cdef void _surplus(self) noexcept
    cdef int _complete(self) except -1
    cdef void _fail(self, str why) noexcept
