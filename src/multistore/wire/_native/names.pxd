# A compiled allow-list of header names.

from multistore.wire._native.cext cimport ms_names, ms_span


cdef class HeaderSet:
    cdef ms_names set           # arrays owned by this object, bytes by the tuples below
    cdef frozenset names
    cdef tuple prefixes
    cdef ms_span* memory        # slots, then prefixes

    cdef bint has(self, ms_span name) noexcept
