# Overlay of identity.py: types only, no behaviour.
from multistore.gateway.request cimport GatewayRequest
from multistore.types cimport Credential

cimport cython

cdef class CachedKey:
    cdef readonly object key
    cdef readonly str secret

cdef class KeyCache:
    cdef dict _recent
    cdef dict _older
    cdef Py_ssize_t _size  # entries of one generation
    cpdef object get(self, bytes scope, str secret)
    cpdef object put(self, bytes scope, str secret, object key)
    cdef object _keep(self, bytes scope, CachedKey entry)

cdef class Authenticator:
    # configuration
    cdef object _credentials
    cdef str _region
    cdef frozenset _regions
    # state that all requests share
    cdef public KeyCache _keys
    cdef object _amz_date  # bytes, None before the first
    cdef str _day  # YYYYMMDD of _amz_date
    cdef double _timestamp  # Unix time of _amz_date in seconds
    @cython.locals(credential=Credential)
    cpdef object authenticate(self, GatewayRequest request, object target)
    cdef object _check_time(self, bytes amz_date, object authorization, double now)
    cdef object _derive(self, object authorization, str secret)
