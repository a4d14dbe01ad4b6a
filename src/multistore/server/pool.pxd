from multistore.server.timers cimport Wheel
from multistore.server.upstream cimport Call, Home, Upstream


cdef class Pool(Home):
    cdef Pools pools
    cdef object dialer
    cdef Wheel wheel
    cdef list idle                  # the one used last is taken first
    cdef object waiting             # calls that found the pool exhausted, oldest first
    cdef readonly int total         # connections: busy, idle, connecting
    cdef int total_max
    cdef int idle_max
    cdef int idle_ms
    cdef int age_ms

    # --- for calls
    cdef Upstream take(self)                        # an idle connection, or None
    cdef void dial(self, Call call) noexcept        # a new connection: call.on_connected later
    cdef bint withdraw(self, Call call) noexcept    # the call no longer waits; False: for a free place


cdef class Pools:
    cdef object dialer
    cdef object limits
    cdef object timeouts
    cdef Wheel wheel
    cdef dict by_origin

    cdef Pool of(self, object origin)
    cdef void drop(self, Pool pool) noexcept        # its last connection has ended
