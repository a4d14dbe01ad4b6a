from libc.stdint cimport uint32_t
from multistore.server.stream cimport Owner, Stream
from multistore.wire._native.cext cimport ms_span


cdef class Poller:
    cdef object loop
    cdef int epoll
    cdef list streams               # by descriptor
    cdef bint busy                  # in a turn with more than one socket
    cdef list unsent                # streams that hold bytes until the turn ends
    cdef list ended                 # streams whose owners do not know yet

    cdef int add(self, FdStream stream) except -1
    cdef void watch(self, FdStream stream) noexcept
    cdef void remove(self, FdStream stream) noexcept
    cdef void bury_soon(self, FdStream stream) noexcept


cdef class FdStream(Stream):
    cdef Poller poller
    cdef int fd                     # -1 once it is closed
    cdef uint32_t watched           # epoll events that are asked for
    cdef bint finishing             # half-close when all has left

    # --- what waits for the end of the turn, or was not taken by the kernel (`full`)
    cdef char* out
    cdef Py_ssize_t out_at          # first byte still to be sent
    cdef Py_ssize_t out_len
    cdef Py_ssize_t out_cap

    cdef void on_events(self, uint32_t events) noexcept
    cdef void _receive(self) noexcept
    cdef void send_held(self) noexcept
    cdef bint _push(self) noexcept
    cdef void _flush(self) noexcept
    cdef Py_ssize_t _send(self, const ms_span* v, int n, Py_ssize_t total) noexcept
    cdef int _hold(self, const ms_span* v, int n, Py_ssize_t skip) except -1
    cdef void _end(self, bint reset) noexcept
