# From the C library's results to the exception that the gateway knows: written once, here.
# Every function raises, always.

from multistore.wire._native.cext cimport (
    ms_auth_fault, ms_chunked, ms_head_fault, ms_span,
)

# A head that no parser of ours may accept; the byte stream is no longer trusted.
cdef int raise_bad_request(ms_head_fault fault) except -1
cdef int raise_bad_response(ms_head_fault fault) except -1

# `about` names the header or field that MS_AUTH_TWICE, _REPEATED and _ABSENT speak of.
cdef int raise_authorization(ms_auth_fault fault, ms_span about) except -1
# `names`: those that must be signed and are not.
cdef int raise_not_signed(list names) except -1

# For the fault that `c` has, or for a body that ended while it has none.
cdef int raise_chunked(const ms_chunked* c) except -1

cdef int raise_invalid_uri(str message) except -1
cdef int raise_key_too_long() except -1
cdef int raise_malformed_xml() except -1
cdef int raise_internal(str message) except -1
