"""Streams over uvloop's TLS transports. Plain sockets are faster without a transport: stream_fd."""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from multistore.server.stream cimport FULL, READ_SIZE, ROOM, Owner, Stream
from multistore.wire._native.cext cimport ms_span

import logging
import socket
import struct

cdef enum:
    HIGH = 131072                   # plain bytes that may wait for encryption (Envoy: 32 KiB to 1 MiB)
    LOW = 32768

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

    def __len__(self):                              # uvloop asks
        return READ_SIZE

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.start, READ_SIZE, 0, flags)


cdef ReadBuffer read_buffer = None                  # made for the first stream


cdef class UvStream(Stream):
    """A transport with TLS, and the asyncio.BufferedProtocol of that transport."""

    def __cinit__(self, Owner owner, object loop):
        global read_buffer
        if read_buffer is None:
            read_buffer = ReadBuffer()
        self.loop = loop
        self.owner = owner
        owner.stream = self

    cdef int write(self, const ms_span* v, int n) except -1:
        cdef Py_ssize_t total = 0
        cdef char* out
        cdef bytes joined
        cdef int i
        if self.lost or self.closing:
            return ROOM
        for i in range(n):
            total += <Py_ssize_t> v[i].n
        joined = PyBytes_FromStringAndSize(NULL, total)
        out = PyBytes_AS_STRING(joined)
        for i in range(n):
            memcpy(out, v[i].p, v[i].n)
            out += v[i].n
        self.transport.write(joined)
        return FULL if self.full else ROOM

    cdef void read_on(self, bint on) noexcept:
        if self.transport is None:
            return
        try:
            if on:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()
        except Exception:                           # a transport that is closing already
            log.debug("flow control on a closing transport", exc_info=True)

    cdef void finish(self) noexcept:
        pass                                        # TLS has no half-close that peers would understand

    cdef void close(self) noexcept:
        if self.lost or self.closing:
            return
        self.stop_relay()
        self.closing = True
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
        # Bytes are encrypted a turn of the loop after they were written.
        transport.set_write_buffer_limits(high=HIGH, low=LOW)
        address = transport.get_extra_info("peername")
        self.peer = address[0] if isinstance(address, tuple) and address else ""
        if self.lost:                               # aborted while connecting
            transport.abort()
            return
        self.owner.on_ready()

    def get_buffer(self, sizehint):
        return read_buffer

    def buffer_updated(self, Py_ssize_t n):
        if not self.lost:
            self.came(read_buffer.start, n)

    def eof_received(self):
        self.came_eof()
        return False                                # the transport closes, as TLS wants

    def pause_writing(self):
        self.full = True

    def resume_writing(self):
        self.came_room()

    def connection_lost(self, exc):
        self.transport = None
        self.gone((exc.errno or 0) if isinstance(exc, OSError) else 0)
