# Overlay of authorize.py: types only, no behaviour.
from multistore.gateway.operation cimport Operation, required_actions
from multistore.types cimport Bucket, Identity, Scope as ScopeRow
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.target cimport Target as NativeTarget

cimport cython

cpdef bint covers(bytes prefix, bytes key) except -1
cpdef bint allowed(Identity identity, str action, Bucket bucket, bytes key) except -1
cpdef bint may_use(Identity identity, Bucket bucket) except -1
cpdef object list_prefixes(Identity identity, Bucket bucket, bytes prefix, str action=*)
cpdef object check_access(
    Identity identity, Operation operation, NativeHead head, NativeTarget target, Bucket bucket)

cdef tuple _grants(Identity identity, Bucket bucket)
@cython.locals(scope=ScopeRow)
cdef bint _permits(tuple scopes, str action, bytes key) except -1
