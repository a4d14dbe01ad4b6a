# From the C library's results to the exception that the gateway knows: written once, here.

from multistore.wire._native.cext cimport ms_head_fault

# A head that no parser of ours may accept: 400, and the byte stream is no longer trusted.
cdef int raise_bad_head(ms_head_fault fault) except -1
