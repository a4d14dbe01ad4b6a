# Overlay of authorize.py: types only, no behaviour.
from multistore.gateway.operation cimport Operation, required_actions

cpdef bint covers(bytes prefix, bytes key) except -1
cpdef bint allowed(object identity, str action, object bucket, bytes key) except -1
cpdef bint may_use(object identity, object bucket) except -1
cpdef object list_prefixes(object identity, object bucket, bytes prefix)
cpdef object check_access(
    object identity, Operation operation, object head, object target, object bucket)

cdef tuple _grants(object identity, object bucket)
cdef bint _permits(tuple scopes, str action, bytes key) except -1
