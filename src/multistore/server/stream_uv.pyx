# cython: boundscheck=False, wraparound=False
# (no indexing of Python sequences here; C arrays are bounded by their own counts)
"""Streams over uvloop's transports, plain and TLS.

Plain sockets are written with send(2) directly while the transport holds nothing, so that a
head and a body piece leave without becoming Python objects; what the kernel does not take goes
to the transport, whose high-water mark of 0 makes it call `pause_writing` exactly when it
holds bytes and `resume_writing` when it holds none (asyncio, "Flow control callbacks").
All streams of a worker read into one buffer: bytes are consumed, relayed or copied to a
stream's own tail before the callback returns, so an idle connection owns no buffer.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset
from multistore.server.stream cimport FULL, ROOM, Owner, Stream
from multistore.wire._native.cext cimport ms_span

import logging
import socket
import struct

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void* iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
    int MSG_NOSIGNAL
    int MSG_DONTWAIT
    ssize_t send(int fd, const void* buf, size_t n, int flags)
    ssize_t sendmsg(int fd, const msghdr* message, int flags)

cdef enum:
    READ_SIZE = 262144              # bytes per read; smaller ones cost uploads dearly
    MAX_SPANS = 8
    TLS_HIGH = 131072               # plain bytes that may wait for encryption (Envoy: 32 KiB to 1 MiB)
    TLS_LOW = 32768
    # A tail is a partial head or a pipelined request; beyond this reading stops until it is consumed.
    TAIL_MAX = READ_SIZE

cdef object log = logging.getLogger("multistore.server")
cdef bytes RESET_ON_CLOSE = struct.pack("ii", 1, 0)


cdef class ReadBuffer:
    """What all streams of a process read into: a buffer object that costs nothing to ask for."""

    cdef char* start

    def __cinit__(self):
        self.start = <char*> malloc(READ_SIZE)
        if self.start == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.start)

    def __len__(self):                              # uvloop's TLS layer asks
        return READ_SIZE

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.start, READ_SIZE, 0, flags)


cdef object read_buffer = ReadBuffer()
cdef char* read_start = (<ReadBuffer> read_buffer).start


cdef class UvStream(Stream):
    """A connected (or connecting) transport. Also the asyncio protocol of that transport."""

    def __cinit__(self, Owner owner, object loop):
        self.owner = owner
        self.loop = loop
        self.fd = -1
        owner.stream = self

    def __dealloc__(self):
        free(self.tail)

    # --- sending ----------------------------------------------------------------------------

    cdef int write(self, const ms_span* v, int n) except -1:
        cdef iovec parts[MAX_SPANS]
        cdef msghdr message
        cdef Py_ssize_t total = 0, sent
        cdef int i
        if self.lost or self.closing or self.broken:
            return ROOM
        if self.fd < 0 or self.full:
            return self._queue(v, n, 0)
        if n == 1:
            return self._send(v[0].p, <Py_ssize_t> v[0].n)
        assert n <= MAX_SPANS
        for i in range(n):
            parts[i].iov_base = <void*> v[i].p
            parts[i].iov_len = v[i].n
            total += <Py_ssize_t> v[i].n
        memset(&message, 0, sizeof(message))
        message.msg_iov = parts
        message.msg_iovlen = <size_t> n
        sent = sendmsg(self.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)
        if sent == total:
            return ROOM
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self._break()
                return ROOM
            sent = 0
        return self._queue(v, n, sent)

    cdef int write_bytes(self, bytes b) except -1:
        cdef ms_span span
        span.p = PyBytes_AS_STRING(b)
        span.n = <size_t> PyBytes_GET_SIZE(b)
        return self.write(&span, 1)

    cdef int _send(self, const char* p, Py_ssize_t n) except -1:
        cdef ms_span span
        cdef Py_ssize_t sent = send(self.fd, p, <size_t> n, MSG_NOSIGNAL | MSG_DONTWAIT)
        if sent == n:
            return ROOM
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self._break()
                return ROOM
            sent = 0
        span.p = p
        span.n = <size_t> n
        return self._queue(&span, 1, sent)

    cdef int _queue(self, const ms_span* v, int n, Py_ssize_t skip) except -1:
        """Hands all but the first `skip` bytes to the transport, copied."""
        cdef Py_ssize_t total = -skip
        cdef size_t size
        cdef const char* p
        cdef char* out
        cdef int i
        cdef bytes copy
        for i in range(n):
            total += <Py_ssize_t> v[i].n
        copy = PyBytes_FromStringAndSize(NULL, total)
        out = PyBytes_AS_STRING(copy)
        for i in range(n):
            p = v[i].p
            size = v[i].n
            if <size_t> skip >= size:
                skip -= <Py_ssize_t> size
                continue
            memcpy(out, p + skip, size - <size_t> skip)
            out += size - <size_t> skip
            skip = 0
        self.transport.write(copy)
        return FULL if self.full else ROOM

    def _break(self):
        # The peer is gone for writing, but an answer that it sent before may still be readable
        # (a backend that refuses an upload and closes): reading finds the end by itself.
        self.broken = True
        if self.stopped or self.eof:
            self.loop.call_soon(self._lose)

    def _lose(self):
        if not self.lost:
            self.abort()

    # --- relaying ---------------------------------------------------------------------------

    cdef int relay(self, Stream to, int64_t n) except -1:
        self.relay_to = <UvStream> to
        self.relay_left = n
        if self.tail_len:
            self._redeliver_soon()
        if (<UvStream> to).full:
            self.relay_to.relay_from = self
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

    cdef void _sync_reading(self) noexcept:
        """Switches the transport's reading on or off, whichever the state asks for."""
        cdef bint stop
        if self.transport is None or self.lost or self.closing:
            return
        stop = (
            self.tail_len >= TAIL_MAX
            or (self.relay_to is None and self.paused)
            or (self.relay_to is not None and self.relay_to.relay_from is self)
        )
        if stop == self.stopped:
            return
        self.stopped = stop
        try:
            if stop:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()
        except Exception:  # a transport that is closing already
            log.debug("flow control on a closing transport", exc_info=True)

    cdef void _redeliver_soon(self) noexcept:
        if not self.redelivery:
            self.redelivery = True
            self.loop.call_soon(self._redeliver)

    def _redeliver(self):
        cdef char* p = self.tail
        cdef Py_ssize_t n = self.tail_len
        self.redelivery = False
        if self.lost or n == 0 or (self.paused and self.relay_to is None):
            return
        # The tail changes hands while it is delivered: what is kept again goes to a new one.
        self.tail = NULL
        self.tail_len = self.tail_cap = 0
        try:
            self._incoming(p, n)
        except BaseException:
            self._owner_failed()
        finally:
            free(p)
        self._sync_reading()
        if self.eof:
            self._tell_eof()

    cdef void _tell_eof(self) noexcept:
        """Once, and only after the bytes that came before it and wait for us to deliver them."""
        cdef bint waiting = self.paused or self.redelivery or self.relay_to is not None
        if not (self.eof_told or self.lost or (self.tail_len > 0 and waiting)):
            self.eof_told = True
            self.owner.on_eof()

    cdef int _incoming(self, const char* p, Py_ssize_t n) except -1:
        cdef Py_ssize_t k
        cdef UvStream to
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

    def _owner_failed(self):
        log.error("internal error on a connection", exc_info=True)
        self.abort()

    # --- ending -----------------------------------------------------------------------------

    cdef void finish(self) noexcept:
        if self.lost or self.closing or self.broken:
            return
        try:
            if self.transport.can_write_eof():
                self.transport.write_eof()
        except Exception:
            log.debug("half-close of a closing transport", exc_info=True)

    cdef void close(self) noexcept:
        if self.lost or self.closing:
            return
        self.closing = True
        self.stop_relay()
        if self.transport is not None:
            self.transport.close()

    cdef void abort(self) noexcept:
        if self.lost:
            return
        self.stop_relay()
        self.lost = True
        if self.transport is None:
            return
        try:
            # RFC 9112 8: what is cut short must not look complete, so a reset, never a FIN.
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
            )
        except Exception:
            log.debug("reset of a closed socket", exc_info=True)
        self.transport.abort()

    # --- asyncio.BufferedProtocol -----------------------------------------------------------

    def connection_made(self, transport):
        self.transport = transport
        address = transport.get_extra_info("peername")
        self.peer = address[0] if isinstance(address, tuple) and address else ""
        if transport.get_extra_info("sslcontext") is None:
            self.fd = transport.get_extra_info("socket").fileno()
            transport.set_write_buffer_limits(high=0)
        else:
            # All bytes go through the transport, which encrypts them a turn of the loop later.
            transport.set_write_buffer_limits(high=TLS_HIGH, low=TLS_LOW)
        if self.lost:                               # aborted while connecting
            transport.abort()
            return
        self.owner.on_ready()
        self._sync_reading()

    def get_buffer(self, sizehint):
        return read_buffer

    def buffer_updated(self, Py_ssize_t n):
        cdef char* p
        if self.lost:
            return
        try:
            if self.tail_len == 0:
                self._incoming(read_start, n)
                return
            # The owner wants to see what it left together with what came.
            self._keep(read_start, n)
            if self.redelivery:
                return
            p = self.tail
            n = self.tail_len
            self.tail = NULL
            self.tail_len = self.tail_cap = 0
            try:
                self._incoming(p, n)
            finally:
                free(p)
            self._sync_reading()
        except BaseException:
            self._owner_failed()

    def eof_received(self):
        self.eof = True
        if self.broken:
            self._lose()
        else:
            self._tell_eof()
        return True                                 # the other direction stays open

    def pause_writing(self):
        self.full = True

    def resume_writing(self):
        cdef UvStream source = self.relay_from
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

    def connection_lost(self, exc):
        cdef UvStream source = self.relay_from
        self.lost = True
        self.fd = -1
        if source is not None:
            self.relay_from = None
        self.relay_to = None
        self.owner.on_lost((exc.errno or 0) if isinstance(exc, OSError) else 0)
        self.owner = None
        self.transport = None


def accepted(Owner owner, object loop):
    """The protocol of a connection that a listener accepted for `owner`."""
    return UvStream(owner, loop)
