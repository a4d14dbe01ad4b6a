from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Respond
from multistore.server.service cimport Service
from multistore.server.stream cimport Owner
from multistore.wire._native.cext cimport ms_span
from multistore.wire._native.head cimport ResponseHead


cdef enum Length:
    UNSAID = -1                     # no Content-Length: nothing follows, or the end says it
    CHUNKED = -2


cdef class Client(Owner):
    """The client's side of an exchange, as the exchange sees it."""

    cdef Service service
    cdef bint keep_alive            # another request may follow on this connection
    cdef int64_t unread             # bytes of the request's body still to come; -1: who knows how many
    cdef int version                # 10 or 11
    cdef bint expects_continue      # waits for 100 before it sends its body
    cdef bint body_begun            # body bytes have come already
    cdef bytes request_id

    # --- asking
    cdef int ask_to_continue(self) except -1                                # for its body, which is wanted now

    # --- answering
    cdef int send(self, Respond respond) except -1                          # a whole answer made here
    cdef int send_head(self, int status, ResponseHead head, object keep, object extra,
                       int64_t length, const ms_span* body, int n) except -1
    cdef void done(self) noexcept                                           # the exchange is over
