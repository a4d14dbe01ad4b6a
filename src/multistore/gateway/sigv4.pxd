# Overlay of sigv4.py: types only, no behaviour.
from multistore.wire._native.head cimport RequestHead as NativeHead

cimport cython

cdef class DateReader:
    cdef object _amz_date  # bytes, None before the first
    cdef str _day  # YYYYMMDD of _amz_date
    cdef double _timestamp  # Unix time of _amz_date in seconds
    cpdef double read(self, bytes amz_date, object authorization, str fault) except? -1

cdef class CachedKey:
    cdef readonly object key
    cdef readonly str secret

cdef class KeyCache:
    cdef dict _recent
    cdef dict _older
    cdef Py_ssize_t _size  # entries of one generation
    @cython.locals(entry=CachedKey)
    cpdef object get(self, bytes scope, str secret)
    cpdef object put(self, bytes scope, str secret, object key)
    cdef object _keep(self, bytes scope, CachedKey entry)

cpdef object check_skew(bytes amz_date, double signed_at, double now, double skew)
cpdef bytes read_payload(NativeHead head)
