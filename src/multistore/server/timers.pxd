from libc.stdint cimport int64_t
from multistore.server.stream cimport Owner


cdef int64_t monotonic_ms() noexcept


cdef class Wheel:
    cdef object loop
    cdef list buckets               # heads of rings of owners
    cdef int64_t tick               # the bucket that fires next
    cdef object handle

    cdef void set(self, Owner owner, int64_t milliseconds) noexcept
    cdef void drop(self, Owner owner) noexcept
    cdef void _wait(self, Owner owner) noexcept
