from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Forward, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport Client
from multistore.server.pool cimport Pool
from multistore.server.service cimport Service
from multistore.server.upload cimport Upload
from multistore.server.upstream cimport Call, Upstream
from multistore.wire._native.head cimport ResponseHead


cdef enum Phase:
    READING
    WAITING
    SENDING
    AWAITING
    ANSWERING
    OVER
    # of a Transaction
    COLLECTING
    WORKING


cdef class Exchange(Call):
    cdef Client client
    cdef Service service
    cdef GatewayRequest request
    cdef Forward plan
    cdef Pool pool
    cdef Upstream upstream
    cdef int phase

    cdef Upload upload              # the request's body, None without
    cdef bint body_taken            # by an earlier plan

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

    cdef int carry_out(self, object plan) except -1                         # any plan: Transaction knows
    cdef int forward(self, Forward plan) except -1
    cdef int start(self) except -1
    cdef bint wants_body(self) noexcept                                     # bytes are read here
    cdef bint awaits_body(self) noexcept                                    # the client has not sent all of it
    cdef int on_client_body(self, const char* p, Py_ssize_t n) except -1
    cdef void on_client_relayed(self, int64_t n, bint done) noexcept
    cdef void on_client_room(self) noexcept
    cdef void on_client_deadline(self) noexcept
    cdef void on_client_gone(self) noexcept

    cdef int _send_request(self, Upstream upstream) except -1
    cdef int _body_sent(self) except -1
    cdef int _read_first(self) except -1
    cdef int _feed(self, const char* p, Py_ssize_t n) except -1
    cdef int _relay_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1
    cdef int _emit(self, bytes out, bint last) except -1
    cdef int _translation_failed(self, object error) except -1
    cdef int _deadline(self) except -1
    cdef int _stalled(self) except -1
    cdef int _finish_answer(self) except -1
    cdef int _finish_gather(self) except -1
    cdef int _write_chunk(self, const char* p, Py_ssize_t n) except -1
    cdef int _respond(self, Respond respond) except -1
    cdef int _refuse(self, object error) except -1
    cdef Respond _error(self, object error)
    cdef void _tell_unread(self) noexcept
    cdef void _over(self) noexcept
    cdef void _give_up(self) noexcept
    cdef bint _may_retry(self, str why) noexcept
