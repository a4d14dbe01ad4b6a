from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Forward, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport Client
from multistore.server.pool cimport Pool
from multistore.server.service cimport Service
from multistore.server.upstream cimport Call, Upstream
from multistore.wire._native.head cimport ResponseHead


cdef bytes CONTINUE                 # the interim answer (RFC 9110 15.2.1)


cdef class Exchange(Call):
    cdef Client client
    cdef Service service
    cdef GatewayRequest request
    cdef Forward plan
    cdef Pool pool
    cdef Upstream upstream
    cdef int phase

    # --- request body
    cdef int64_t body_left          # bytes still to come from the client
    cdef bint takes_body            # the first plan sends it on
    cdef bint body_begun            # some of it went to the backend
    cdef object check               # BodyCheck that the body passes through here

    # --- response
    cdef int mode
    cdef bint answered              # the client has part of a response
    cdef object translate
    cdef object gather
    cdef bytearray gathered
    cdef bint retried

    # --- progress
    cdef int64_t moved              # body bytes since the last look
    cdef int64_t idle_ms            # how long nothing moved

    cdef int start(self) except -1
    cdef bint wants_body(self) noexcept
    cdef int on_client_body(self, const char* p, Py_ssize_t n) except -1
    cdef void on_client_relayed(self, int64_t n, bint done) noexcept
    cdef void on_client_room(self) noexcept
    cdef void on_client_deadline(self) noexcept
    cdef void on_client_gone(self) noexcept

    cdef int _restart(self, Forward plan) except -1
    cdef int _send_request(self, Upstream upstream) except -1
    cdef int _body_sent(self) except -1
    cdef int _relay_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1
    cdef int _emit(self, bytes out, bint last) except -1
    cdef int _translation_failed(self, object error) except -1
    cdef int _deadline(self) except -1
    cdef int _stalled(self) except -1
    cdef int _finish_gather(self) except -1
    cdef int _write_chunk(self, const char* p, Py_ssize_t n) except -1
    cdef int _respond(self, Respond respond) except -1
    cdef int _refuse(self, object error) except -1
    cdef void _tell_unread(self) noexcept
    cdef void _over(self) noexcept
    cdef void _give_up(self) noexcept
    cdef bint _may_retry(self, str why) noexcept
