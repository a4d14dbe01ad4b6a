# Overlay of route.py: types only, no behaviour.
from multistore.types cimport Bucket

cimport cython


@cython.locals(key=bytes)
cpdef object check_key(object target, Bucket bucket)

cpdef object read_target(object head, object domains)
