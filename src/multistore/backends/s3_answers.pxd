# Overlay of s3_answers.py: types only, no behaviour.
from multistore.gateway.plan cimport Answer
from multistore.gateway.request cimport GatewayRequest
from multistore.types cimport Origin

cdef class Site:
    cdef public Origin origin
    cdef public bytes host
    cdef public str region
    cdef public object signer

cdef class S3Answer(Answer):
    cdef public object backend      # S3Backend, which knows this class
    cdef public Site site
    cdef public GatewayRequest request
    cdef public bint again

cdef class Failed:
    cdef public Py_ssize_t limit
    cdef public S3Answer answer
    cdef public object failure

cdef class Stored(Failed):
    cdef public object stored

cdef class Read(Failed):
    cdef public object write

cdef class IfRangeAnswer(S3Answer):
    pass

cdef class AskedAnswer(S3Answer):
    pass

cdef class WriteAnswer(AskedAnswer):
    cdef public int status
    cdef public bint accepted

cdef class DeleteAnswer(AskedAnswer):
    pass

cdef class ListAnswer(AskedAnswer):
    cdef public object make

cdef class InitiatedAnswer(AskedAnswer):
    pass

cdef class AclAnswer(AskedAnswer):
    pass
