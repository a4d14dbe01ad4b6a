# Overlay of operation.py: types only, no behaviour.
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.target cimport Target as NativeTarget

cdef class Operation:
    # what selects the row
    cdef readonly str level
    cdef readonly str method
    cdef readonly str subresource
    cdef readonly tuple needs
    cdef readonly bytes header
    cdef readonly frozenset params
    # what it is
    cdef readonly str name
    cdef readonly str action
    cdef readonly bint reads
    cdef readonly bint implemented
    cdef readonly Operation versioned  # None, or the twin with versionId

cpdef Operation match(NativeHead head, NativeTarget target)
cpdef tuple required_actions(object head, Operation operation)
