# Overlay of outbound.py: types only, no behaviour.

cpdef tuple read_fields(object head, bint part)
cpdef tuple upload_fields(object head)
cpdef object check_delete(object head)
cpdef object check_list(object head)

cdef object _check_known(object head, object known)
