# Writing heads, for callers in Cython: without a Python object for the head.
#
# The span that comes back is overwritten by the next head. Names of added fields are in lower
# case; pairs that a caller makes itself hold no CR, LF or NUL. Raises as the functions of the
# contract do.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t

from multistore.wire._native.cext cimport ms_pair, ms_span
from multistore.wire._native.head cimport RequestHead, ResponseHead
from multistore.wire._native.names cimport HeaderSet
from multistore.wire._native.sigv4 cimport Signer

# Fields added to a head. Those of an answer made here and of a request to a store are some forty.
cdef enum:
    MAX_ADDED = 256

# Checks (name, value) pairs of Python and points into them.
cdef size_t add_fields(object fields, ms_pair* out, size_t room) except? 0

cdef ms_span request_head(
    str method, bytes target, bytes host, RequestHead head, HeaderSet keep, object add,
    int64_t content_length, bytes payload, Signer signer, bytes amz_date) except *

cdef ms_span response_head(
    int status, ResponseHead head, HeaderSet keep, const ms_pair* added, size_t n_added) except *
