# Overlay of s3.py: types only, no behaviour.
from multistore.gateway.plan cimport Answer, Forward
from multistore.gateway.request cimport GatewayRequest
from multistore.types cimport Bucket, Origin
from multistore.wire._native.target cimport Target as NativeTarget

cimport cython

cdef class _Site:
    cdef public Origin origin
    cdef public bytes host
    cdef public str region
    cdef public object signer

cdef class S3Backend:
    # configuration
    cdef Origin _endpoint
    cdef str _bucket_name
    cdef object _sealer
    cdef object _signer_for
    cdef bint _virtual_hosted
    cdef str _owner_id
    cdef str _owner_display_name
    cdef object _policy     # PayloadPolicy
    cdef bytes _path        # of the bucket
    cdef bytes _objects     # in front of every key
    cdef dict _plans
    # what is learnt
    cdef bint _region_is_learnt
    cdef public _Site site
    cpdef object plan(self, GatewayRequest request)
    cdef object _plan(self, GatewayRequest request, bint again)
    @cython.locals(bucket=Bucket, target=NativeTarget)
    cdef bytes _target(self, GatewayRequest request, bytes query)
    cdef Forward _forward(
        self, GatewayRequest request, bytes target, object keep, tuple add, _Answer answer,
        bint replayable)

cdef class _Answer(Answer):
    cdef public S3Backend backend
    cdef public GatewayRequest request
    cdef public bint again
    cdef public _Site site

cdef class _Failed:
    cdef public Py_ssize_t limit
    cdef public _Answer answer
    cdef public object failure

cdef class _Stored(_Failed):
    cdef public object stored

cdef class _IfRangeAnswer(_Answer):
    pass

cdef class _PutAnswer(_Answer):
    pass

cdef class _DeleteAnswer(_Answer):
    pass

cdef class _ListAnswer(_Answer):
    cdef public object listing
