# A request target as received and as S3 reads it (SEM-1).

from multistore.wire._native.cext cimport ms_span, ms_target

# Parameters of one query. S3 and its clients know some fifty names; presigned URLs have a dozen.
cdef enum:
    MAX_PAIRS = 1024


cdef class Target:
    # As received
    cdef bytes raw              # the whole target; spans point into it
    cdef ms_target parts
    # As S3 reads it
    cdef readonly str bucket
    cdef readonly bytes key
    cdef readonly bint unsafe_key
    cdef readonly dict params   # shared when empty: read only
    cdef readonly tuple repeated


cpdef Target parse_target(bytes target, str bucket=*)
