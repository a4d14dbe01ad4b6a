# Overlay of s3.py: types only, no behaviour.
from multistore.backends.s3_answers cimport S3Answer, Site
from multistore.gateway.operation cimport Operation
from multistore.gateway.outbound cimport read_fields
from multistore.gateway.plan cimport Forward
from multistore.gateway.request cimport GatewayRequest
from multistore.types cimport Bucket, Origin
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.target cimport Target as NativeTarget
from multistore.wire._native.uri cimport percent_encode

cimport cython

cdef class S3Backend:
    # configuration
    cdef Origin _endpoint
    cdef str _bucket_name
    cdef object _sealer
    cdef object _signer_for
    cdef bint _virtual_hosted
    cdef public tuple owner
    cdef str _gateway_region
    cdef public bytes store_id
    cdef object _policy     # PayloadPolicy
    cdef bytes _path        # of the bucket
    cdef bytes _objects     # in front of every key
    cdef dict _plans
    # what is learnt
    cdef bint _region_is_learnt
    cdef public Site site
    cpdef object plan(self, GatewayRequest request)
    @cython.locals(operation=Operation)
    cdef object _plan(self, GatewayRequest request, bint again)
    @cython.locals(target=NativeTarget, answer=S3Answer)
    cpdef object _read(self, GatewayRequest request, bint again, bint whole=*)
    @cython.locals(bucket=Bucket, target=NativeTarget)
    cpdef bytes object_target(self, GatewayRequest request, bytes query)
    cpdef bytes bucket_target(self, bytes query)
    @cython.locals(head=NativeHead, site=Site)
    cdef Forward _forward(
        self, GatewayRequest request, bytes target, object keep, tuple add, S3Answer answer,
        bint replayable)
