# cython: boundscheck=False, wraparound=False, cdivision=True
"""The client's side of a connection: heads in, answers out, one request at a time.

States: HEAD (idle, or reading a head) -> BUSY (an exchange has the request) -> HEAD, by way of
DISCARD when a short body was refused; LINGER after an answer whose request was not read to its
end (RFC 9112 9.6: the peer must be able to read it); SHUT.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Collect, Forward, Respond
from multistore.gateway.request cimport GatewayRequest
from multistore.server.client cimport CHUNKED, UNSAID, Client
from multistore.server.service cimport Service
from multistore.server.timers cimport monotonic_ms
from multistore.server.transaction cimport Transaction
from multistore.wire._native.cext cimport (
    MS_HEAD_TOO_LARGE, MS_MORE, MS_OK, MS_OTHER, ms_head_reason, ms_pair, ms_span,
)
from multistore.wire._native.head cimport RequestHead, ResponseHead, ms_scan, scan_request_c
from multistore.wire._native.render cimport add_fields, response_head
from multistore.wire._native.spans cimport span_of

import logging

from multistore.errors import S3Error, bug_of
from multistore.gateway import render
from multistore.server.chunked import read_request_head

cdef enum State:
    HEAD
    BUSY
    DISCARD
    LINGER
    SHUT

cdef enum:
    # Lingering close: how long the client may go on sending what nobody reads, in milliseconds.
    LINGER_IDLE = 5000
    LINGER_MAX = 30000
    FLUSH_MS = 30000                # time for the last bytes of an answer to leave

cdef enum:
    EXTRA_MAX = 64                  # fields of an answer made here
    CORS_MAX = 8                    # fields for browsers, on an answer of any kind

# What every answer carries, ready to write.
cdef ms_span CONTENT_LENGTH = ms_span(b"content-length", 14)
cdef ms_span REQUEST_ID = ms_span(b"x-amz-request-id", 16)
cdef ms_span DATE = ms_span(b"date", 4)
cdef ms_pair SERVER = ms_pair(ms_span(b"server", 6), ms_span(b"multistore", 10))
cdef ms_pair TRANSFER_CHUNKED = ms_pair(ms_span(b"transfer-encoding", 17), ms_span(b"chunked", 7))
cdef ms_pair CONNECTION_CLOSE = ms_pair(ms_span(b"connection", 10), ms_span(b"close", 5))

cdef object log = logging.getLogger("multistore.server")


cdef ms_span number(int64_t value, char* end) noexcept:
    """The digits of a number that is not negative, written backwards from `end`."""
    cdef ms_span digits
    cdef char* p = end
    while True:
        p -= 1
        p[0] = <char> (48 + value % 10)
        value //= 10
        if value == 0:
            break
    digits.p = p
    digits.n = <size_t> (end - p)
    return digits


cdef class Connection(Client):
    """One client connection."""

    def __cinit__(self, Service service, bint secure):
        self.service = service
        self.secure = secure
        self.caps.bytes = service.head_bytes
        self.caps.fields = service.head_fields
        self.caps.target = service.target_bytes

    # --- what the stream tells --------------------------------------------------------------

    cdef void on_ready(self) noexcept:
        cdef Service service = self.service
        cdef int here = service.by_peer.get(self.stream.peer, 0)
        service.counters.connections += 1
        if len(service.open_clients) >= service.connections_max or here >= service.connections_per_peer:
            service.refuse_connection(self.stream.peer)
            self.state = SHUT
            self.stream.abort()
            return
        service.by_peer[self.stream.peer] = here + 1
        service.open_clients.add(self)
        self.counted = True
        service.wheel.set(self, service.head_ms)

    cdef Py_ssize_t on_data(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t taken
        if self.state == HEAD:
            return self._head(p, n)
        if self.state == BUSY:
            if self.exchange is not None and self.exchange.wants_body():
                return self.exchange.on_client_body(p, n)
            # A body whose backend is not there yet, or the next request: it waits its turn.
            self.body_begun = True
            self.stream.pause()
            return 0
        if self.state == DISCARD:
            taken = n if n < self.discard_left else <Py_ssize_t> self.discard_left
            self.discard_left -= taken
            if self.discard_left == 0:
                self._next()
            return taken
        if self.state == LINGER:
            if monotonic_ms() >= self.linger_until:
                self._shut()
            else:
                self.service.wheel.set(self, LINGER_IDLE)
        return n

    cdef void on_relayed(self, int64_t n, bint done) noexcept:
        if self.exchange is not None:
            self.exchange.on_client_relayed(n, done)

    cdef void on_room(self) noexcept:
        if self.exchange is not None:
            self.exchange.on_client_room()
        elif self.state == HEAD:
            self.stream.resume()

    cdef void on_eof(self) noexcept:
        if self.state == BUSY:
            # A half-close after the request is legal; in the middle of a body it is the end.
            if self.exchange is not None and self.exchange.awaits_body():
                self.exchange.on_client_gone()
        elif self.state != HEAD or self.head_begun or not self.stream.has_tail():
            self._shut()

    cdef void on_lost(self, int err) noexcept:
        cdef Transaction exchange = self.exchange
        self.state = SHUT
        self.service.wheel.drop(self)
        if self.counted:
            self.counted = False
            self.service.open_clients.discard(self)
            self._uncount()
        if exchange is not None:
            exchange.on_client_gone()
        self.stream = None

    def _uncount(self):
        cdef dict by_peer = self.service.by_peer
        here = by_peer[self.stream.peer] - 1
        if here:
            by_peer[self.stream.peer] = here
        else:
            del by_peer[self.stream.peer]

    cdef void on_deadline(self) noexcept:
        if self.stream is None:
            return
        if self.exchange is not None:
            self.exchange.on_client_deadline()
        elif self.state == SHUT or self.state == DISCARD or self.stream.full:
            self.stream.abort()
        elif self.state == HEAD and self.head_begun:
            try:
                self._refuse(S3Error("RequestTimeout", "The request head did not arrive in time.", fatal=True))
            except Exception as error:
                log.error("%s", bug_of(error))
                self.stream.abort()
        else:
            self._shut()

    # --- requests ---------------------------------------------------------------------------

    cdef Py_ssize_t _head(self, const char* p, Py_ssize_t n) except -1:
        cdef ms_scan scan
        cdef RequestHead head
        cdef Py_ssize_t used
        if self.stream.full:
            # Whoever does not read answers gets no further ones made.
            self.stream.pause()
            return 0
        head = scan_request_c(p, <size_t> n, &self.caps, &scan)
        if scan.verdict == MS_OK:
            used = <Py_ssize_t> scan.consumed
        elif scan.verdict == MS_MORE:
            if not self.head_begun:
                self.head_begun = True
                self.service.wheel.set(self, self.service.head_ms)
            if self.stream.eof:
                self._shut()
            return 0
        elif scan.verdict == MS_OTHER:
            used = <Py_ssize_t> scan.consumed
            try:
                head = read_request_head(PyBytes_FromStringAndSize(p, used))
            except S3Error as error:
                self._refuse(error)
                return n
        else:
            reason = ms_head_reason(scan.fault).decode("ascii")
            if scan.fault == MS_HEAD_TOO_LARGE:
                self._refuse(S3Error("RequestHeaderSectionTooLarge", f"Refused: {reason}.", fatal=True))
            else:
                self._refuse(S3Error("BadRequest", f"Refused: {reason}.", fatal=True))
            return n
        self._serve(head, used < n)
        return used

    cdef int _serve(self, RequestHead head, bint more) except -1:
        cdef Service service = self.service
        cdef double now = service.now()
        cdef GatewayRequest request
        cdef object plan
        self.head_begun = False
        self.served += 1
        self.request_id = service.new_id()
        self.version = head.version
        self.keep_alive = head.keep_alive and self.served < service.requests_per_connection
        self.expects_continue = head.expect_continue and (head.content_length > 0 or head.chunked)
        self.body_begun = more
        # The length of a chunked body is not known; whoever sends one is never read to the end.
        self.unread = head.content_length if head.content_length > 0 else (-1 if head.chunked else 0)
        self.state = BUSY
        self.to_head = head.method == "HEAD"
        request = GatewayRequest(head, self.stream.peer, self.secure, self.request_id.decode("ascii"), now)
        plan = service.engine.decide(request)
        self.cors = request.cors
        if isinstance(plan, Respond):
            self.send(plan)
            self.done()
            return 0
        if self._drops_body(plan) and (self.unread < 0 or self.unread > service.discard_bytes):
            # RFC 9110 9.3.1: a body of a GET means nothing; this one is too long to be read over.
            self.send(render.error(
                S3Error("InvalidRequest", "This request may not have a body."), request.request_id,
                render.resource_of(head), head=self.to_head))
            self.done()
            return 0
        self.exchange = Transaction.__new__(Transaction)
        return self.exchange.begin(self, request, plan)

    cdef bint _drops_body(self, object plan) noexcept:
        if isinstance(plan, Forward):
            return (<Forward> plan).length <= 0 and (<Forward> plan).decoder is None
        return not isinstance(plan, Collect)

    cdef int _refuse(self, object error) except -1:
        """Answers a head that is not a request; the connection cannot go on after it."""
        self.service.now()
        self.request_id = self.service.new_id()
        self.keep_alive = False
        self.version = 11
        self.to_head = False
        self.cors = None
        # Whatever follows is not ours to understand: it is read so that the answer can be.
        self.unread = -1
        self.state = BUSY
        self.send(render.error(error, self.request_id.decode("ascii")))
        self.done()
        return 0

    # --- answers ----------------------------------------------------------------------------

    cdef int send(self, Respond respond) except -1:
        cdef ms_span body
        cdef bytes content = respond.body
        cdef int status = respond.status
        if respond.close:
            self.keep_alive = False
        body.p = PyBytes_AS_STRING(content)
        body.n = <size_t> PyBytes_GET_SIZE(content)
        self.service.counters.bytes_out += <int64_t> body.n
        return self.send_head(
            status, None, None, respond.fields,
            UNSAID if status == 204 or status == 304 else <int64_t> body.n,
            &body, 0 if self.to_head or body.n == 0 else 1)

    cdef int send_head(self, int status, ResponseHead head, object keep, object extra,
                       int64_t length, const ms_span* body, int n) except -1:
        cdef ms_pair fields[EXTRA_MAX + CORS_MAX + 5]
        cdef ms_span parts[2]
        cdef char digits[24]
        cdef size_t count = 0
        self._decide_close()
        if extra:
            count = add_fields(extra, fields, EXTRA_MAX)
        if self.cors is not None:
            count += add_fields(self.cors, fields + count, CORS_MAX)
        if length >= 0:
            fields[count].name = CONTENT_LENGTH
            fields[count].value = number(length, digits + sizeof(digits))
            count += 1
        elif length == CHUNKED:
            fields[count] = TRANSFER_CHUNKED
            count += 1
        fields[count].name = REQUEST_ID
        fields[count].value = span_of(self.request_id)
        fields[count + 1].name = DATE
        fields[count + 1].value = span_of(self.service.date)
        fields[count + 2] = SERVER
        count += 3
        if not self.keep_alive:
            fields[count] = CONNECTION_CLOSE
            count += 1
        self.service.counters.count(status)
        parts[0] = response_head(status, head, keep, fields, count)
        if n:
            parts[1] = body[0]
        return self.stream.write(parts, 1 + n)

    cdef void _decide_close(self) noexcept:
        """Whether the connection can go on after this answer."""
        if self.unread != 0 and (
            self.unread < 0
            or self.unread > self.service.discard_bytes
            # Whether a client that was not asked to continue sends its body is its own secret.
            or self.expects_continue
        ):
            self.keep_alive = False
        if self.service.draining:
            self.keep_alive = False

    cdef void done(self) noexcept:
        self.exchange = None
        if self.state == SHUT:
            return
        if not self.keep_alive:
            if self.unread != 0:
                self._linger()
            else:
                self._shut()
        elif self.unread > 0:
            self.state = DISCARD
            self.discard_left = self.unread
            self.service.wheel.set(self, self.service.stall_ms)
            self.stream.resume()
        else:
            self._next()

    cdef void _next(self) noexcept:
        self.state = HEAD
        if self.service.draining or (self.stream.eof and not self.stream.has_tail()):
            self._shut()
            return
        self.service.wheel.set(self, self.service.keep_alive_ms)
        if not self.stream.full:
            self.stream.resume()

    # --- the end ----------------------------------------------------------------------------

    cdef void _linger(self) noexcept:
        if self.stream.eof:
            self._shut()
            return
        self.state = LINGER
        self.linger_until = monotonic_ms() + LINGER_MAX
        self.service.wheel.set(self, LINGER_IDLE)
        self.stream.finish()
        self.stream.resume()

    cdef void _shut(self) noexcept:
        self.state = SHUT
        self.service.wheel.set(self, FLUSH_MS)
        self.stream.close()

    def drain(self):
        """The worker is stopping: a connection without a whole request ends now, a busy one after
        its answer."""
        if self.state == HEAD and (self.head_begun or not self.stream.has_tail()):
            self._shut()

    def kill(self):
        """Ends the connection whatever is under way."""
        if self.stream is not None:
            self.stream.abort()
