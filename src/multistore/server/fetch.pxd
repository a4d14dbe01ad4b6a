from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Forward
from multistore.server.pool cimport Pool
from multistore.server.service cimport Service
from multistore.server.upstream cimport Call, Upstream
from multistore.wire._native.head cimport ResponseHead


cdef class Fetch(Call):
    cdef Service service
    cdef Forward plan
    cdef Pool pool
    cdef Upstream upstream
    cdef object done                # told once, when there is an answer or a fault
    cdef Py_ssize_t limit

    # --- the request
    cdef bytes body
    cdef Fetch source               # its answer is the body, instead of `body`
    cdef bint sent                  # the whole of it

    # --- the answer
    cdef readonly ResponseHead head
    cdef bytearray gathered
    cdef bint opens                 # a 200 or 206 is held after its head
    cdef bint held
    cdef Fetch target               # where its body goes
    cdef readonly str fault         # None, or why there is no answer
    cdef readonly object error      # an S3Error of ours instead
    cdef readonly bint over
    cdef readonly int64_t moved     # bytes of bodies so far

    cdef int _send(self, Upstream upstream) except -1
    cdef int _flow_to(self, Fetch target) except -1
    cdef void _tell(self) noexcept
    cdef void _fail(self, str why) noexcept
