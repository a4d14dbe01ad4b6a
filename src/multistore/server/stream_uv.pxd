from libc.stdint cimport int64_t
from multistore.server.stream cimport Owner, Stream
from multistore.wire._native.cext cimport ms_span


cdef class UvStream(Stream):
    # --- the transport below
    cdef object loop
    cdef object transport
    cdef int fd                     # socket to send on directly; -1 under TLS
    cdef bint broken                # a direct send failed: nothing more goes out
    cdef bint closing

    # --- receiving
    cdef bint paused                # by the owner
    cdef bint stopped               # reading is switched off at the transport
    cdef bint redelivery            # the tail is about to be delivered
    cdef bint eof_told              # the owner knows that the peer has half-closed
    cdef char* tail                 # bytes that the owner did not consume
    cdef Py_ssize_t tail_len
    cdef Py_ssize_t tail_cap

    # --- relaying
    cdef UvStream relay_to          # where incoming bytes go
    cdef UvStream relay_from        # who waits for room here
    cdef int64_t relay_left

    cdef int _send(self, const char* p, Py_ssize_t n) except -1
    cdef int _queue(self, const ms_span* v, int n, Py_ssize_t skip) except -1
    cdef int _incoming(self, const char* p, Py_ssize_t n) except -1
    cdef int _keep(self, const char* p, Py_ssize_t n) except -1
    cdef void _sync_reading(self) noexcept
    cdef void _redeliver_soon(self) noexcept
    cdef void _tell_eof(self) noexcept
