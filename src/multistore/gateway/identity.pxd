# Overlay of identity.py: types only, no behaviour.
from multistore.gateway.request cimport GatewayRequest
from multistore.gateway.sigv4 cimport DateReader, KeyCache, check_skew, read_payload
from multistore.types cimport Credential
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.sigv4 cimport (
    Authorization as NativeAuthorization, check_signed_headers, parse_authorization, verify)
from multistore.wire._native.target cimport Target as NativeTarget

cimport cython

cdef class Authenticator:
    # configuration
    cdef object _get_credential
    cdef str _region
    cdef frozenset _regions
    cdef object _urls  # presigned.UrlAuthenticator
    # state that all requests share
    cdef public KeyCache _keys
    cdef DateReader _dates
    cdef NativeAuthorization _last   # None before the first
    @cython.locals(
        authorization=NativeAuthorization, credential=Credential, head=NativeHead, signed_at=double)
    cpdef object authenticate(self, GatewayRequest request, NativeTarget target)
    cdef object _derive(self, NativeAuthorization authorization, str secret)
