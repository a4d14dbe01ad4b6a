# Overlay of route.py: types only, no behaviour.
from multistore.types cimport Bucket
from multistore.wire._native.head cimport RequestHead as NativeHead
from multistore.wire._native.target cimport Target as NativeTarget, parse_target


cpdef object check_key(bytes key, bint unsafe, Bucket bucket)

cpdef object read_target(NativeHead head, object domains)
