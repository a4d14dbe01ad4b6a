# Overlay of plan.py: types only, no behaviour.

cdef class Respond:
    cdef public int status
    cdef public tuple fields
    cdef public bytes body
    cdef public bint close

cdef class Answer:
    cdef public object keep
    cdef public tuple extra
    cdef public bint relay

cdef class Collect:
    cdef public object check
    cdef public object finish

cdef class Job:
    cdef public object run
    cdef public bytes key
    cdef public bint patient
cdef class Framing:
    cdef public tuple trailers      # (name, bytes of its value), or None
    cdef public bint signed

cdef class Forward:
    cdef public object origin
    cdef public str method
    cdef public bytes target
    cdef public bytes host
    cdef public object head
    cdef public object keep
    cdef public tuple add
    cdef public long long length    # bytes as stored, -1 for no body
    cdef public bytes payload
    cdef public object signer
    cdef public Answer answer
    cdef public bytes body          # None for the client's own
    cdef public object check
    cdef public object decoder
    cdef public Framing framing
    cdef public bint replayable
