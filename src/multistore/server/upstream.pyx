# cython: boundscheck=False, wraparound=False
"""One connection to a backend, and the response that is being read from it.

States: CONNECTING -> IDLE <-> AWAIT_HEAD -> BODY -> IDLE, and GONE from anywhere. The backend
is not trusted: bytes that nobody asked for end the connection.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from multistore.server.chunked cimport ChunkedBody
from multistore.server.stream cimport Owner, Stream
from multistore.server.timers cimport Wheel, monotonic_ms
from multistore.wire._native.cext cimport MS_MORE, MS_OK, ms_head_caps, ms_head_reason
from multistore.wire._native.head cimport ResponseHead, ms_scan, scan_response_c

import logging

from multistore.errors import bug_of

cdef enum State:
    CONNECTING
    IDLE
    AWAIT_HEAD
    BODY
    GONE

cdef enum:
    INTERIM_MAX = 5                 # 1xx heads before the real one

cdef ms_head_caps CAPS
CAPS.bytes = 65536
CAPS.fields = 200
CAPS.target = 0

cdef object log = logging.getLogger("multistore.backend")


cdef class Call:
    """Who waits for an answer on an Upstream."""

    cdef void on_connected(self, Upstream upstream) noexcept:
        pass

    cdef int on_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1:
        """A whole head came, with the first `n` bytes of its body."""
        raise NotImplementedError

    cdef int on_body(self, const char* p, Py_ssize_t n) except -1:
        raise NotImplementedError

    cdef int on_complete(self) except -1:
        """The response is whole; the call releases or discards the upstream."""
        raise NotImplementedError

    cdef void on_progress(self, int64_t n) noexcept:
        pass

    cdef void on_room(self) noexcept:
        pass

    cdef void on_failed(self, str why) noexcept:
        """No (whole) response will come: "connect", "timeout", "closed" or "malformed"."""


cdef class Home:
    """Where an Upstream belongs."""

    cdef void release(self, Upstream upstream) noexcept:
        pass

    cdef void forget(self, Upstream upstream) noexcept:
        pass


cdef class Upstream(Owner):
    """A backend connection. Serves one call after another."""

    def __cinit__(self, Home home, Wheel wheel):
        self.home = home
        self.wheel = wheel
        self.state = CONNECTING
        self.born = monotonic_ms()

    # --- calls ------------------------------------------------------------------------------

    cdef void start(self, Call call, str method) noexcept:
        """The next response belongs to `call`, which writes its request to `stream` now."""
        self.call = call
        self.method = method
        self.state = AWAIT_HEAD
        self.answered = False
        self.reusable = False
        self.interim = 0
        self.chunks = None

    cdef int relay_to(self, Stream client) except -1:
        """What is left of the body goes to `client`, below us. Only with a known length."""
        return self.stream.relay(client, self.body_left)

    cdef void discard(self) noexcept:
        """Ends the connection: whatever is under way on it never completes."""
        if self.state == GONE:
            return
        self.state = GONE
        self.call = None
        self.wheel.drop(self)
        if self.stream is not None:
            self.stream.abort()
        self.home.forget(self)

    # --- what the stream tells --------------------------------------------------------------

    cdef void on_ready(self) noexcept:
        cdef Call call = self.call
        if self.state != CONNECTING:                # given up meanwhile
            self.stream.abort()
            return
        self.state = IDLE
        if call is not None:
            call.dialling = None
            call.on_connected(self)
        else:                                       # whoever asked for it has left
            self.home.release(self)

    def dialled(self, task):
        """Done-callback of the task that connects."""
        if task.cancelled():
            self._fail("connect")
        elif task.exception() is not None:
            log.warning("%r: cannot connect: %s", self.home.origin, task.exception())
            self._fail("connect")

    cdef Py_ssize_t on_data(self, const char* p, Py_ssize_t n) except -1:
        if self.state == AWAIT_HEAD:
            self.answered = True
            return self._head(p, n)
        if self.state == BODY:
            return self._body(p, n)
        if self.state == IDLE:
            log.warning("%r sent bytes that nobody asked for", self.home.origin)
            self.discard()
        return n

    cdef Py_ssize_t _head(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t used, taken
        cdef ms_scan scan
        cdef ResponseHead head = scan_response_c(p, <size_t> n, self.method == "HEAD", &CAPS, &scan)
        if scan.verdict == MS_MORE:
            return 0
        if scan.verdict != MS_OK:
            reason = ms_head_reason(scan.fault).decode("ascii")
            log.warning("%r: malformed response head: %s", self.home.origin, reason)
            self._fail("malformed")
            return n
        used = <Py_ssize_t> scan.consumed
        if head.status < 200:
            self.interim += 1
            if head.status == 101 or self.interim > INTERIM_MAX:
                self._fail("malformed")
                return n
            return used
        self.reusable = head.keep_alive
        self.state = BODY
        if head.bodyless:
            self.body_left = 0
        elif head.chunked:
            self.body_left = -1
            self.chunks = ChunkedBody(head.raw, True)
        else:
            self.body_left = head.content_length
        if self.chunks is not None:
            self.call.on_response(head, NULL, 0)
            taken = 0
        else:
            taken = n - used if n - used < self.body_left else <Py_ssize_t> self.body_left
            self.body_left -= taken
            self.call.on_response(head, p + used, taken)
            if self.state == BODY and self.body_left == 0:
                if n - used > taken:
                    self._surplus()
                self._complete()
        return used + taken

    cdef Py_ssize_t _body(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t taken
        cdef bytes piece
        if self.chunks is None:
            taken = n if n < self.body_left else <Py_ssize_t> self.body_left
            self.body_left -= taken
            self.call.on_body(p, taken)
            if self.state == BODY and self.body_left == 0:
                if n > taken:
                    self._surplus()
                self._complete()
            return n
        try:
            pieces = self.chunks.feed(p, n)
        except Exception as error:
            log.warning("%r: malformed chunked body: %s", self.home.origin, type(error).__name__)
            self._fail("malformed")
            return n
        # One piece for all that came at once: a flood of tiny chunks costs the client's side nothing.
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if PyBytes_GET_SIZE(piece):
            self.call.on_body(PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
        if self.state == BODY and self.chunks.complete:
            self._complete()
        return n

    cdef void _surplus(self) noexcept:
        log.warning("%r sent more than its Content-Length", self.home.origin)
        self.reusable = False

    cdef int _complete(self) except -1:
        cdef Call call = self.call
        self.call = None
        self.chunks = None
        self.state = IDLE
        self.wheel.set(self, 0)
        # The call decides where the connection goes: it knows whether its request was sent whole.
        call.on_complete()
        return 0

    cdef void on_relayed(self, int64_t n, bint done) noexcept:
        self.body_left -= n
        if self.call is not None:
            self.call.on_progress(n)
        if done:
            try:
                self._complete()
            except Exception as error:
                log.error("%r: %s", self.home.origin, bug_of(error))
                self.discard()

    cdef void on_room(self) noexcept:
        if self.call is not None:
            self.call.on_room()

    cdef void on_eof(self) noexcept:
        # A backend that half-closes will not serve again, and what was under way is cut short.
        self._fail("connect" if self.state == CONNECTING else "closed")

    cdef void on_lost(self, int err) noexcept:
        self._fail("connect" if self.state == CONNECTING else "closed")
        self.stream = None

    cdef void on_deadline(self) noexcept:
        self._fail("timeout")

    cdef void _fail(self, str why) noexcept:
        cdef Call call = self.call
        if self.state == GONE:
            return
        self.discard()
        if call is not None:
            call.dialling = None
            call.on_failed(why)
