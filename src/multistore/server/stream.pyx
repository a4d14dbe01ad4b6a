# cython: boundscheck=False, wraparound=False
# (no indexing of Python sequences here; C arrays are bounded by their own counts)
"""What all streams have in common: the tail that an owner left, relays, flow control.

A stream reads when its owner wants bytes, or when the target of its relay has room. Bytes that
come at another time, or that the owner did not consume, are its tail: an idle connection has
none, so it owns no buffer.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from multistore.wire._native.cext cimport ms_span

import logging

from multistore.errors import bug_of

cdef enum:
    # A tail is a partial head or a pipelined request; beyond this reading stops until it is consumed.
    TAIL_MAX = READ_SIZE

cdef object log = logging.getLogger("multistore.server")


cdef class Owner:
    """Owns one stream and hears of everything that happens to it."""

    cdef Py_ssize_t on_data(self, const char* p, Py_ssize_t n) except -1:
        raise NotImplementedError

    cdef void on_ready(self) noexcept:
        pass

    cdef void on_room(self) noexcept:
        pass

    cdef void on_eof(self) noexcept:
        pass

    cdef void on_relayed(self, int64_t n, bint done) noexcept:
        pass

    cdef void on_lost(self, int err) noexcept:
        pass

    cdef void on_deadline(self) noexcept:
        pass


cdef class Stream:
    """A two-way byte stream."""

    def __dealloc__(self):
        free(self.tail)

    # --- sending ----------------------------------------------------------------------------

    cdef int write(self, const ms_span* v, int n) except -1:
        raise NotImplementedError

    cdef int write_bytes(self, bytes b) except -1:
        cdef ms_span span
        span.p = PyBytes_AS_STRING(b)
        span.n = <size_t> PyBytes_GET_SIZE(b)
        return self.write(&span, 1)

    cdef void broke(self) noexcept:
        # The peer is gone for writing, but an answer that it sent before may still be readable
        # (a backend that refuses an upload and closes): reading finds the end by itself.
        self.broken = True
        if self.stopped or self.eof:
            self.loop.call_soon(self._lose)

    def _lose(self):
        self.abort()

    cdef void came_room(self) noexcept:
        cdef Stream source = self.relay_from
        self.full = False
        if self.lost:
            return
        if source is not None:
            self.relay_from = None
            if source.tail_len:
                source._redeliver_soon()
            source._sync_reading()
        else:
            self.owner.on_room()

    # --- relaying ---------------------------------------------------------------------------

    cdef int relay(self, Stream to, int64_t n) except -1:
        self.relay_to = to
        self.relay_left = n
        if self.tail_len:
            self._redeliver_soon()
        if to.full:
            to.relay_from = self
        self._sync_reading()
        return 0

    cdef int64_t stop_relay(self) noexcept:
        cdef int64_t left = self.relay_left
        if self.relay_to is not None:
            self.relay_to.relay_from = None
            self.relay_to = None
        self.relay_left = 0
        self._sync_reading()
        return left

    # --- receiving --------------------------------------------------------------------------

    cdef void pause(self) noexcept:
        self.paused = True
        self._sync_reading()

    cdef void resume(self) noexcept:
        if not self.paused:
            return
        self.paused = False
        if self.tail_len:
            self._redeliver_soon()
        self._sync_reading()

    cdef bint has_tail(self) noexcept:
        return self.tail_len > 0

    cdef void read_on(self, bint on) noexcept:
        pass

    cdef void _sync_reading(self) noexcept:
        """Switches reading on or off, whichever the state asks for."""
        cdef bint stop
        if self.lost or self.closing:
            return
        stop = (
            self.tail_len >= TAIL_MAX
            or (self.relay_to is None and self.paused)
            or (self.relay_to is not None and self.relay_to.relay_from is self)
        )
        if stop != self.stopped:
            self.stopped = stop
            self.read_on(not stop)

    cdef int came(self, const char* p, Py_ssize_t n) except -1:
        try:
            if self.tail_len == 0:
                self._incoming(p, n)
            else:
                # The owner wants to see what it left together with what came.
                self._keep(p, n)
                if not self.redelivery:
                    self._deliver_tail()
        except BaseException as error:
            self._owner_failed(error)
        return 0

    cdef int _deliver_tail(self) except -1:
        cdef char* p = self.tail
        cdef Py_ssize_t n = self.tail_len
        # The tail changes hands while it is delivered: what is kept again goes to a new one.
        self.tail = NULL
        self.tail_len = self.tail_cap = 0
        try:
            self._incoming(p, n)
        finally:
            free(p)
        self._sync_reading()
        return 0

    cdef void _redeliver_soon(self) noexcept:
        if not self.redelivery:
            self.redelivery = True
            self.loop.call_soon(self._redeliver)

    def _redeliver(self):
        self.redelivery = False
        if self.lost or self.tail_len == 0 or (self.paused and self.relay_to is None):
            return
        try:
            self._deliver_tail()
        except BaseException as error:
            self._owner_failed(error)
        if self.eof:
            self._tell_eof()

    cdef int _incoming(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t k
        cdef Stream to
        cdef ms_span span
        while n > 0 and not self.lost and not self.closing:
            if self.relay_to is not None:
                to = self.relay_to
                if to.relay_from is self:           # only from a tail: wait for room
                    return self._keep(p, n)
                k = n if n < self.relay_left else <Py_ssize_t> self.relay_left
                span.p = p
                span.n = <size_t> k
                if to.write(&span, 1) == FULL:
                    to.relay_from = self
                p += k
                n -= k
                self.relay_left -= k
                if self.relay_left == 0:
                    self.relay_to = None
                    to.relay_from = None
                    self.owner.on_relayed(k, True)
                else:
                    self.owner.on_relayed(k, False)
                self._sync_reading()
                continue
            if self.paused:
                return self._keep(p, n)
            k = self.owner.on_data(p, n)
            if k == 0 and self.relay_to is None:
                return self._keep(p, n)
            p += k
            n -= k
        return 0

    cdef int _keep(self, const char* p, Py_ssize_t n) except -1:
        cdef char* grown
        if self.tail_len + n > self.tail_cap:
            grown = <char*> realloc(self.tail, <size_t> (self.tail_len + n))
            if grown == NULL:
                raise MemoryError
            self.tail = grown
            self.tail_cap = self.tail_len + n
        memcpy(self.tail + self.tail_len, p, <size_t> n)
        self.tail_len += n
        self._sync_reading()
        return 0

    cdef void came_eof(self) noexcept:
        self.eof = True
        if self.broken:
            self.loop.call_soon(self._lose)
        else:
            self._tell_eof()

    cdef void _tell_eof(self) noexcept:
        """Once, and only after the bytes that came before it and wait for us to deliver them."""
        cdef bint waiting = self.paused or self.redelivery or self.relay_to is not None
        if not (self.eof_told or self.lost or self.closing or (self.tail_len > 0 and waiting)):
            self.eof_told = True
            self.owner.on_eof()

    def _owner_failed(self, error):
        log.error("%s", bug_of(error))
        self.abort()

    # --- ending -----------------------------------------------------------------------------

    cdef void finish(self) noexcept:
        pass

    cdef void close(self) noexcept:
        pass

    cdef void abort(self) noexcept:
        pass

    cdef void gone(self, int err) noexcept:
        cdef Owner owner = self.owner
        self.lost = True
        if owner is None:
            return
        self.stop_relay()
        if self.relay_from is not None:             # its owner stops the relay when it hears of this
            self.relay_from = None
        self.owner = None
        owner.on_lost(err)
