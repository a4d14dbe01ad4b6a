"""The client's side of an exchange, as the exchange sees it."""

from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Respond
from multistore.server.stream cimport Owner
from multistore.wire._native.cext cimport ms_span
from multistore.wire._native.head cimport ResponseHead

cdef bytes CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


cdef class Client(Owner):
    """The client's side of an exchange; `protocol.Connection` is the one there is."""

    cdef int send(self, Respond respond) except -1:
        raise NotImplementedError

    cdef int send_head(self, int status, ResponseHead head, object keep, object extra,
                       int64_t length, const ms_span* body, int n) except -1:
        """Writes a head and the first `n` (0 or 1) pieces of its body. `extra` are pairs of name
        and value that replace those of `head`; `length` is of the body, or a Length."""
        raise NotImplementedError

    cdef int ask_to_continue(self) except -1:
        """Its body is wanted now."""
        if self.expects_continue:
            self.expects_continue = False
            # RFC 9110 10.1.1: no 100 once body bytes have come.
            if not self.body_begun:
                self.stream.write_bytes(CONTINUE)
        return 0

    cdef void done(self) noexcept:
        pass
