# cython: language_level=3
"""Which tenant a request belongs to, decided in C-typed code on the kernel's own objects.

Build it as ``setup.py`` beside it does: the C headers of multistore (``cext/``) must be on the
include path.
"""

from multistore.embed cimport RequestHead, Target, parse_target, percent_encode


cpdef tuple tenant_of(RequestHead head):
    """Tenant (the first part of the bucket's name), canonical path, and bytes to be received."""
    cdef Target target = parse_target(head.target)
    cdef str tenant = target.bucket.partition("-")[0]
    cdef bytes path = percent_encode(target.key, True)
    return tenant, path, max(head.content_length, 0)
