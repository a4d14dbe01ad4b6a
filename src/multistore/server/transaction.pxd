from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Collect, Job, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport Client
from multistore.server.exchange cimport Exchange


cdef class Transaction(Exchange):
    cdef Collect collect            # the client's body is wanted whole
    cdef bytearray body             # as far as it has come
    cdef int64_t body_left          # bytes of it still to come
    cdef Job job                    # something goes on without a connection of ours
    cdef object running             # jobs.Running, of that job

    # A new transaction, called once.
    cdef int begin(self, Client client, GatewayRequest request, object plan) except -1

    cdef int _collect(self, Collect plan) except -1
    cdef int _collected(self) except -1
    cdef int _be_patient(self) except -1
    cdef int _finish_job(self, Respond respond) except -1
