# Overlay of request.py: types only, no behaviour.


cdef class GatewayRequest:
    # from the runtime
    cdef public object head
    cdef public str peer
    cdef public bint secure
    cdef public str request_id
    cdef public double now  # Unix time in seconds
    # from the phases
    cdef public bytes payload
    cdef public object authorization
    cdef public object signing_key
    cdef public object target
    cdef public object operation
    cdef public object identity
    cdef public object bucket
    cdef public object source
    cdef public tuple cors
