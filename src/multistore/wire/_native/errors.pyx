from multistore.errors import S3Error

from multistore.wire._native.cext cimport ms_head_fault, ms_head_reason


cdef int raise_bad_head(ms_head_fault fault) except -1:
    reason = ms_head_reason(fault).decode("ascii")
    raise S3Error("BadRequest", f"The request is malformed: {reason}.", fatal=True)
