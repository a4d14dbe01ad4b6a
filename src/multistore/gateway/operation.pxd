# Overlay of operation.py: types only, no behaviour.

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

cpdef Operation match(object head, object target)
cpdef tuple required_actions(object head, Operation operation)
