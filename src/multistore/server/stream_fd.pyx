# cython: boundscheck=False, wraparound=False
# (the list of streams is indexed by descriptors that Poller.add has made room for)
"""Streams over plain sockets in an epoll set of our own.

The event loop watches the set as one descriptor, so a turn of the loop serves all sockets that
are ready without a Python call for each of them: four system calls a proxied request, and none
to change what is watched as long as both sides keep up (epoll(7), level-triggered).

What a busy turn writes in small pieces leaves at its end: a peer that sleeps is woken once for
all that we have for it, not once for each, and to wake it is a quarter of what a send costs.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset
from multistore.server.stream cimport FULL, READ_SIZE, ROOM, Owner, Stream
from multistore.wire._native.cext cimport ms_span

import errno as errors
import logging
import socket

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void* iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
    struct linger:
        int l_onoff
        int l_linger
    int MSG_NOSIGNAL, MSG_DONTWAIT, SHUT_WR, SOL_SOCKET, SO_LINGER
    ssize_t recv(int fd, void* buf, size_t n, int flags)
    ssize_t send(int fd, const void* buf, size_t n, int flags)
    ssize_t sendmsg(int fd, const msghdr* message, int flags)
    int shutdown(int fd, int how)
    int setsockopt(int fd, int level, int name, const void* value, unsigned int size)

cdef extern from "<unistd.h>" nogil:
    int close_fd "close" (int fd)

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int most, int timeout)

cdef enum:
    EVENTS = 128                    # that one turn takes up
    READS = 4                       # of one socket in one turn, so that the others have theirs
    ACCEPTS = 64                    # connections in one turn
    MAX_SPANS = 8                   # of one write
    SPARES = 64                     # buffers that are kept for the next bytes that must wait
    JOIN = 8192                     # bytes up to which a copy costs less than sendmsg(2) over send(2)

#: Seconds without accepting when descriptors have run out (security model, F33).
cdef double PAUSE = 0.1

cdef object log = logging.getLogger("multistore.server")
# All streams of a process read into one buffer: bytes are consumed, relayed or copied to a
# stream's own tail before anything else is read.
cdef char* read_buffer = <char*> malloc(READ_SIZE)
# Buffers of JOIN bytes: most of what waits fits, and waits for less than a turn.
cdef char* spares[SPARES]
cdef int n_spares = 0


cdef char* new_buffer() noexcept:
    global n_spares
    if n_spares == 0:
        return <char*> malloc(JOIN)
    n_spares -= 1
    return spares[n_spares]


cdef void free_buffer(char* buffer, Py_ssize_t cap) noexcept:
    global n_spares
    if cap == JOIN and n_spares < SPARES:
        spares[n_spares] = buffer
        n_spares += 1
    else:
        free(buffer)


cdef class Poller:
    """The plain sockets of one worker."""

    def __cinit__(self, object loop):
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            raise OSError(errno, "epoll_create1")
        self.loop = loop
        self.streams = []
        self.unsent = []
        self.ended = []
        loop.add_reader(self.epoll, self._turn)

    def close(self):
        """Watches nothing any more."""
        if self.epoll >= 0:
            self.loop.remove_reader(self.epoll)
            close_fd(self.epoll)
            self.epoll = -1

    cdef int add(self, FdStream stream) except -1:
        cdef epoll_event event
        while len(self.streams) <= stream.fd:
            self.streams.append(None)
        event.events = stream.watched = EPOLLIN
        event.data.fd = stream.fd
        if epoll_ctl(self.epoll, EPOLL_CTL_ADD, stream.fd, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        self.streams[stream.fd] = stream
        return 0

    cdef void watch(self, FdStream stream) noexcept:
        """Asks for the events that the stream's state wants."""
        cdef epoll_event event
        event.events = 0
        if not (stream.stopped or stream.eof or stream.closing):
            event.events |= EPOLLIN
        if stream.full:
            event.events |= EPOLLOUT
        if event.events != stream.watched:
            stream.watched = event.events
            event.data.fd = stream.fd
            epoll_ctl(self.epoll, EPOLL_CTL_MOD, stream.fd, &event)

    cdef void remove(self, FdStream stream) noexcept:
        cdef epoll_event event
        epoll_ctl(self.epoll, EPOLL_CTL_DEL, stream.fd, &event)
        self.streams[stream.fd] = None

    cdef void bury_soon(self, FdStream stream) noexcept:
        """Tells the owner of an ended stream, but not now."""
        if not self.ended:
            self.loop.call_soon(self._bury)
        self.ended.append(stream)

    def _bury(self):
        cdef FdStream stream
        ended = self.ended
        self.ended = []
        for stream in ended:
            stream.gone(0)

    def settle(self):
        """Hears what has happened so far."""
        self._turn()
        self._bury()

    def _turn(self):
        cdef epoll_event events[EVENTS]
        cdef FdStream stream
        cdef int i, n
        n = epoll_wait(self.epoll, events, EVENTS, 0)
        self.busy = n > 1
        for i in range(n):
            # A stream that an earlier event of this turn has closed is no longer in the list.
            stream = <FdStream> self.streams[events[i].data.fd]
            if stream is not None:
                stream.on_events(events[i].events)
        self.busy = False
        for stream in self.unsent:
            stream.send_held()
        self.unsent.clear()


cdef class FdStream(Stream):
    """A connected socket."""

    def __cinit__(self, Owner owner, Poller poller, int fd, str peer):
        self.loop = poller.loop
        self.poller = poller
        self.owner = owner
        self.peer = peer
        self.fd = fd
        owner.stream = self

    def __dealloc__(self):
        free_buffer(self.out, self.out_cap)

    # --- sending ----------------------------------------------------------------------------

    cdef int write(self, const ms_span* v, int n) except -1:
        cdef Py_ssize_t total = 0, sent = 0
        cdef int i
        if self.lost or self.closing or self.broken:
            return ROOM
        for i in range(n):
            total += <Py_ssize_t> v[i].n
        if not self.full and self.poller.busy and self.out_len + total <= JOIN:
            if self.out_len == 0:
                self.poller.unsent.append(self)
            self._hold(v, n, 0)
            return ROOM
        self.send_held()
        if self.broken:
            return ROOM
        if not self.full:
            sent = self._send(v, n, total)
            if sent == total:
                return ROOM
            if sent < 0:
                if errno != EAGAIN and errno != EINTR:
                    self.broke()
                    return ROOM
                sent = 0
        self._hold(v, n, sent)
        self.full = True
        self.poller.watch(self)
        return FULL

    cdef void send_held(self) noexcept:
        """Offers the kernel what waited for the end of the turn."""
        if self.out_len and not self.full and not self.lost and not self._push():
            self.full = True
            self.poller.watch(self)

    cdef Py_ssize_t _send(self, const ms_span* v, int n, Py_ssize_t total) noexcept:
        cdef char joined[JOIN]
        cdef iovec parts[MAX_SPANS]
        cdef msghdr message
        cdef char* end = joined
        cdef int i
        if n == 1:
            return send(self.fd, v[0].p, v[0].n, MSG_NOSIGNAL | MSG_DONTWAIT)
        if total <= JOIN:
            for i in range(n):
                memcpy(end, v[i].p, v[i].n)
                end += v[i].n
            return send(self.fd, joined, <size_t> total, MSG_NOSIGNAL | MSG_DONTWAIT)
        for i in range(n):
            parts[i].iov_base = <void*> v[i].p
            parts[i].iov_len = v[i].n
        memset(&message, 0, sizeof(message))
        message.msg_iov = parts
        message.msg_iovlen = <size_t> n
        return sendmsg(self.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)

    cdef int _hold(self, const ms_span* v, int n, Py_ssize_t skip) except -1:
        """Keeps the bytes of `v` after the first `skip`."""
        cdef char* grown
        cdef Py_ssize_t total = self.out_len - skip, size
        cdef int i
        for i in range(n):
            total += <Py_ssize_t> v[i].n
        if total > self.out_cap:
            size = total if total > JOIN else JOIN
            grown = new_buffer() if self.out_cap == 0 and size == JOIN else <char*> realloc(
                self.out, <size_t> size)
            if grown == NULL:
                raise MemoryError
            self.out = grown
            self.out_cap = size
        for i in range(n):
            size = <Py_ssize_t> v[i].n
            if skip < size:
                memcpy(self.out + self.out_len, v[i].p + skip, <size_t> (size - skip))
                self.out_len += size - skip
                skip = 0
            else:
                skip -= size
        return 0

    cdef bint _push(self) noexcept:
        """Sends what is held. True when nothing of it is left, also because nobody reads it."""
        cdef Py_ssize_t left = self.out_len - self.out_at
        cdef Py_ssize_t sent = send(
            self.fd, self.out + self.out_at, <size_t> left, MSG_NOSIGNAL | MSG_DONTWAIT)
        cdef bint lost = sent < 0 and errno != EAGAIN and errno != EINTR
        if sent < left and not lost:
            self.out_at += sent if sent > 0 else 0
            return False
        free_buffer(self.out, self.out_cap)
        self.out = NULL
        self.out_at = self.out_len = self.out_cap = 0
        self.full = False
        if lost:
            self.broke()
        return True

    cdef void _flush(self) noexcept:
        if not self._push():
            return
        if self.closing:
            self._end(False)
            return
        self.poller.watch(self)
        if self.broken:
            return
        if self.finishing:
            shutdown(self.fd, SHUT_WR)
        self.came_room()

    # --- receiving --------------------------------------------------------------------------

    cdef void read_on(self, bint on) noexcept:
        if self.fd >= 0:
            self.poller.watch(self)

    cdef void on_events(self, uint32_t events) noexcept:
        if events & EPOLLOUT:
            self._flush()
        if self.fd < 0 or not events & (EPOLLIN | EPOLLHUP | EPOLLERR):
            return
        if self.watched & EPOLLIN:
            self._receive()
        elif events & (EPOLLHUP | EPOLLERR):
            # Reported whether asked for or not: nothing passes any more, in either direction.
            self._end(False)

    cdef void _receive(self) noexcept:
        cdef Py_ssize_t n
        cdef int _
        for _ in range(READS):
            n = recv(self.fd, read_buffer, READ_SIZE, MSG_DONTWAIT)
            if n > 0:
                self.came(read_buffer, n)
                # A short read has emptied the socket; level-triggered, the rest is told again.
                if n < READ_SIZE or self.fd < 0 or not self.watched & EPOLLIN:
                    return
            elif n == 0:
                self.eof = True
                self.poller.watch(self)
                self.came_eof()
                return
            else:
                if errno != EAGAIN and errno != EINTR:
                    self._end(False)
                return

    # --- ending -----------------------------------------------------------------------------

    cdef void finish(self) noexcept:
        if self.lost or self.closing or self.broken:
            return
        self.finishing = True
        self.send_held()
        if not self.full:
            shutdown(self.fd, SHUT_WR)

    cdef void close(self) noexcept:
        if self.lost or self.closing:
            return
        self.stop_relay()
        self.send_held()
        self.closing = True
        if self.full:
            self.poller.watch(self)
        else:
            self._end(False)

    cdef void abort(self) noexcept:
        # RFC 9112 8: what is cut short must not look complete, so a reset, never a FIN.
        self._end(True)

    cdef void _end(self, bint reset) noexcept:
        """Closes the socket; the owner hears of it a little later."""
        cdef linger at_once
        if self.lost:
            return
        self.stop_relay()
        self.lost = True
        self.poller.remove(self)
        if reset:
            at_once.l_onoff = 1
            at_once.l_linger = 0
            setsockopt(self.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once))
        close_fd(self.fd)
        self.fd = -1
        self.poller.bury_soon(self)


def open_stream(Owner owner, Poller poller, sock):
    """Makes a connected socket the stream of `owner`; the socket object gives up its descriptor.

    Raises: OSError when it cannot be watched; the socket is then closed.
    """
    cdef FdStream stream
    peer = sock.getpeername()
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = FdStream(owner, poller, sock.fileno(), peer[0] if isinstance(peer, tuple) else "")
    poller.add(stream)
    sock.detach()
    owner.on_ready()


class Listener:
    """Accepts connections on a socket; `make()` is asked for the owner of each."""

    def __init__(self, Poller poller, sock, make):
        self._poller = poller
        self._sock = sock
        self._make = make
        self._loop = poller.loop
        self._waiting = None
        self._loop.add_reader(sock.fileno(), self._accept)

    def close(self):
        """Accepts no more; established connections stay."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    def _accept(self):
        for _ in range(ACCEPTS):
            # Whoever has left makes room before somebody else is refused for want of it.
            self._poller.settle()
            try:
                sock, _address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errors.EMFILE, errors.ENFILE, errors.ENOBUFS, errors.ENOMEM):
                    # The connection stays in the queue: to look again at once would spin.
                    log.error("cannot accept connections: %s", error.strerror)
                    self._loop.remove_reader(self._sock.fileno())
                    self._waiting = self._loop.call_later(PAUSE, self._again)
                    return
                continue                            # ECONNABORTED: the peer gave up (accept(2))
            try:
                open_stream(self._make(), self._poller, sock)
            except OSError as error:                # gone again already
                log.debug("lost a new connection: %s", error.strerror)
                sock.close()

    def _again(self):
        self._waiting = None
        self._loop.add_reader(self._sock.fileno(), self._accept)
