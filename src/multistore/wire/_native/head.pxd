# Heads of requests and responses: each owns one copy of its bytes and knows where the fields are.
#
# For the server, without a Python object but the head itself:
#
#     cdef ms_scan scan
#     head = scan_request_c(p, n, &caps, &scan)        # RequestHead, or None
#     scan.verdict     MS_OK (head is not None), MS_MORE, MS_OTHER, MS_BAD
#     scan.consumed    bytes of the head for MS_OK and MS_OTHER, else 0
#     scan.fault       for MS_BAD: ms_head_reason(scan.fault) are the words
#
# Every C-level function here raises only MemoryError.

from libc.stdint cimport int64_t

from multistore.wire._native.cext cimport ms_head, ms_head_caps, ms_head_fault
from multistore.wire._native.names cimport HeaderSet

ctypedef struct ms_scan:
    int verdict
    size_t consumed
    ms_head_fault fault

# Largest number of fields of any head, so that scanning needs no memory but the stack's. Ten
# times what is allowed by default.
cdef enum:
    MAX_FIELDS = 1024


cdef class RequestHead:
    # Bytes
    cdef bytes raw          # the head, names in lower case; spans are offsets into it
    cdef ms_head head       # its fields array is owned by this object
    # Facts
    cdef readonly str method
    cdef readonly int version               # 10, 11
    cdef readonly int64_t content_length    # bytes, -1 without the field
    cdef readonly bint chunked
    cdef readonly bint keep_alive
    cdef readonly bint expect_continue
    # Fields, also for the overlays of the gateway
    cpdef object get(self, bytes name)
    cpdef object first_outside(self, bytes prefix, HeaderSet known)
    # Making: a copy of what was scanned
    cdef int adopt(self, const char* p, const ms_head* scanned) except -1
    cdef bytes adopt_parts(self, str method, bytes target, int version, tuple fields)


cdef class ResponseHead:
    cdef bytes raw
    cdef ms_head head
    cdef readonly int status                # 100 to 599
    cdef readonly int version
    cdef readonly int64_t content_length
    cdef readonly bint chunked
    cdef readonly bint keep_alive
    cdef bint bodyless      # no body follows, whatever the fields say (HEAD, 1xx, 204, 304)
    cdef int adopt(self, const char* p, const ms_head* scanned) except -1


cdef RequestHead scan_request_c(
    const char* p, size_t n, const ms_head_caps* caps, ms_scan* out)

# `to_head`: the request was a HEAD. The cap on the target is not used.
cdef ResponseHead scan_response_c(
    const char* p, size_t n, bint to_head, const ms_head_caps* caps, ms_scan* out)
