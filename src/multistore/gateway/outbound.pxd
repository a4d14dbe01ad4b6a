# Overlay of outbound.py: types only, no behaviour.
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.names cimport HeaderSet as NativeSet

cpdef tuple read_fields(NativeHead head, bint part)
cpdef tuple upload_fields(object head, object known=*)
cpdef object check_delete(object head)
cpdef object check_list(object head)

cdef object _check_known(NativeHead head, NativeSet known)
