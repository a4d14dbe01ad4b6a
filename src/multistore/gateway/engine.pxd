# Overlay of engine.py: types only, no behaviour.
from multistore.gateway.authorize cimport check_access
from multistore.gateway.identity cimport Authenticator
from multistore.gateway.operation cimport Operation, match
from multistore.gateway.request cimport GatewayRequest
from multistore.gateway.route cimport check_key, read_target
from multistore.types cimport Bucket, Identity
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.target cimport Target as NativeTarget

cimport cython

cdef class Settings:
    cdef readonly tuple domains
    cdef readonly str region
    cdef readonly frozenset regions
    cdef readonly str owner_id
    cdef readonly str owner_display_name
    cdef readonly object limits
    cdef readonly object names  # ports.NameMapping, or None

cdef class Engine:
    cdef object _buckets
    cdef object _get_bucket
    cdef bytes _owner_id
    cdef long long _object_bytes
    cdef Settings _settings
    cdef tuple _domains
    cdef Authenticator _authenticator
    cpdef object decide(self, GatewayRequest request)
    cpdef object resume(self, GatewayRequest request, object collect, bytes body)

    @cython.locals(
        head=NativeHead, received=NativeTarget, target=NativeTarget, named=bint,
        operation=Operation, identity=Identity, bucket=Bucket)
    cdef object _decide(self, GatewayRequest request)
    cdef object _refusal(self, GatewayRequest request, object error)
