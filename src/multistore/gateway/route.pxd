# Overlay of route.py: types only, no behaviour.
from multistore.types cimport Bucket
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.target cimport Target as NativeTarget, parse_target

cimport cython


@cython.locals(key=bytes)
cpdef object check_key(NativeTarget target, Bucket bucket)

cpdef object read_target(NativeHead head, object domains)
