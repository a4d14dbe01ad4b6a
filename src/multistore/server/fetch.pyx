# cython: boundscheck=False, wraparound=False
"""One backend call of a job: a request with a body of ours, or with the body of another answer.

The cold relative of `exchange`: no client is bound to it, it is never tried again, and what it
comes to is told to Python.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Forward
from multistore.server.service cimport Service
from multistore.server.upstream cimport Call, Upstream
from multistore.wire._native.cext cimport ms_span
from multistore.wire._native.head cimport ResponseHead
from multistore.wire._native.render cimport request_head

import logging

from multistore.errors import S3Error, bug_of

cdef object log = logging.getLogger("multistore.backend")


cdef class Fetch(Call):
    """A request that is under way, and its answer."""

    def __cinit__(self, Service service, Forward plan, bytes body, Py_ssize_t limit, object done,
                  *, bint opens=False, Fetch source=None):
        self.service = service
        self.plan = plan
        self.body = body
        self.limit = limit
        self.done = done
        self.opens = opens
        self.source = source
        self.gathered = bytearray()

    def start(self):
        """Sends it. Only what may be repeated takes a connection that has served before: the
        other end may have closed it already."""
        cdef Upstream upstream = None
        self.service.now()                          # the time that is signed
        self.pool = self.service.pools.of(self.plan.origin)
        if self.plan.replayable:
            upstream = self.pool.take()
        if upstream is None:
            self.pool.dial(self)
        else:
            self._send(upstream)

    def cancel(self, str why):
        """Ends it: whoever waits for the answer gets the fault."""
        if self.over and not self.held:
            return
        if self.upstream is None and not self.over:
            self.pool.withdraw(self)
        self._fail(why)

    @property
    def connected(self):
        """Whether it has, or had, a connection."""
        return self.upstream is not None or self.head is not None

    @property
    def answer(self):
        """The answer's body as far as it was read."""
        return bytes(self.gathered)

    # --- the request ------------------------------------------------------------------------

    cdef void on_connected(self, Upstream upstream) noexcept:
        try:
            self._send(upstream)
        except S3Error as error:                    # a head that cannot be written
            self.error = error
            self._fail("malformed")
        except Exception as error:
            log.error("%s", bug_of(error))
            self._fail("closed")

    cdef int _send(self, Upstream upstream) except -1:
        cdef Forward plan = self.plan
        cdef ms_span parts[2]
        cdef int n = 1
        self.upstream = upstream
        if self.source is not None and self.source.fault is not None:
            self._fail(self.source.fault)
            return 0
        upstream.start(self, plan.method)
        parts[0] = request_head(
            plan.method, plan.target, plan.host, plan.head, plan.keep, plan.add,
            plan.length, plan.payload, plan.signer, self.service.amz_date)
        if self.source is not None:
            # The first bytes came with the head of the answer.
            parts[1].p = PyByteArray_AS_STRING(self.source.gathered)
            parts[1].n = <size_t> PyByteArray_GET_SIZE(self.source.gathered)
        else:
            parts[1].p = PyBytes_AS_STRING(self.body)
            parts[1].n = <size_t> PyBytes_GET_SIZE(self.body)
        if parts[1].n:
            n = 2
        upstream.stream.write(parts, n)
        if self.source is None:
            self.sent = True
        else:
            self.source._flow_to(self)
        return 0

    cdef int _flow_to(self, Fetch target) except -1:
        """The held answer goes on, into the connection of `target`."""
        self.target = target
        self.held = False
        self.gathered.clear()
        if self.upstream is None:                   # it was whole already
            target.sent = True
            return 0
        self.upstream.relay_to(target.upstream.stream)
        self.upstream.stream.resume()
        return 0

    # --- the answer -------------------------------------------------------------------------

    cdef int on_response(self, ResponseHead head, const char* p, Py_ssize_t n) except -1:
        self.head = head
        if not self.sent and head.status < 300:
            self._fail("early")
            return 0
        self.held = self.opens and (head.status == 200 or head.status == 206) and self.upstream.body_left >= 0
        if n:
            self.on_body(p, n)
        if self.held:
            if self.upstream.body_left:
                self.upstream.stream.pause()
            self._tell()
        return 0

    cdef int on_body(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t space = self.limit - PyByteArray_GET_SIZE(self.gathered)
        self.moved += n
        if self.held or n <= space:
            self.gathered += PyBytes_FromStringAndSize(p, n)
            return 0
        self.gathered += PyBytes_FromStringAndSize(p, space)
        self.upstream.discard()                     # a document without end: what we have must do
        self.upstream = None
        self._tell()
        return 0

    cdef void on_progress(self, int64_t n) noexcept:
        self.moved += n

    cdef int on_complete(self) except -1:
        cdef Upstream upstream = self.upstream
        self.upstream = None
        if upstream.reusable and self.sent:
            self.pool.release(upstream)
        else:
            upstream.discard()
        if self.target is not None:
            self.target.sent = True
        elif not self.held:
            self._tell()
        return 0

    # --- the end ----------------------------------------------------------------------------

    cdef void on_failed(self, str why) noexcept:
        self._fail(why)

    cdef void _fail(self, str why) noexcept:
        cdef Upstream upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.discard()
        if self.target is not None and not self.target.sent:
            self.target._fail(why)                  # which has seen less than its length
        self.fault = why
        self._tell()

    cdef void _tell(self) noexcept:
        cdef Fetch source = self.source
        if self.over:
            return
        self.over = True
        if source is not None and not self.sent:
            # Answered before it had the whole: the rest has no taker.
            source.target = None
            if source.upstream is not None:
                source.upstream.discard()
                source.upstream = None
        try:
            self.done()
        except Exception as error:
            log.error("%s", bug_of(error))
