# The CRCs of S3, as running checksums.

from libc.stdint cimport uint64_t

from multistore.wire._native.cext cimport ms_crc_kind


cdef class Crc:
    cdef readonly str name
    cdef readonly int digest_size   # bytes
    cdef ms_crc_kind kind
    cdef uint64_t value             # of the bytes so far

    cdef void update_span(self, const char* p, Py_ssize_t n) noexcept
