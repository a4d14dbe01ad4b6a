# Overlay of route.py: types only, no behaviour.
cimport cython


@cython.locals(key=bytes)
cpdef object check_key(object target, object bucket)

cpdef object read_target(object head, object domains)
