# cython: cdivision=True
"""What the connections of one worker share: engine, pools, timers, limits, clock, counters."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t
from multistore.server.pool cimport Pools
from multistore.server.timers cimport Wheel

import logging
import secrets
import time
from email.utils import formatdate

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* now)
    int CLOCK_REALTIME


cdef object log = logging.getLogger("multistore.server")


cdef class Counters:
    """Access counters of one worker; plain integers, summed by whoever reads them."""

    cdef void count(self, int status) noexcept:
        self.requests += 1
        if 100 <= status < 600:
            self.by_class[status // 100] += 1

    def snapshot(self) -> dict[str, int]:
        """All counters by name."""
        found = {
            "connections": self.connections,
            "refused_connections": self.refused_connections,
            "requests": self.requests,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "backend_faults": self.backend_faults,
            "retries": self.retries,
        }
        for digit in range(1, 6):
            found[f"responses_{digit}xx"] = self.by_class[digit]
        return found


cdef class Service:
    """The state of one worker."""

    def __cinit__(self, object engine, Pools pools, Wheel wheel, object limits, object timeouts):
        self.engine = engine
        self.pools = pools
        self.wheel = wheel
        self.counters = Counters()
        self.open_clients = set()
        self.by_peer = {}
        self.head_bytes = limits.head_bytes
        self.head_fields = limits.head_fields
        self.target_bytes = limits.target_bytes
        self.discard_bytes = limits.discard_bytes
        self.requests_per_connection = limits.requests_per_connection
        self.connections_max = limits.connections
        self.connections_per_peer = limits.connections_per_peer
        self.head_ms = milliseconds(timeouts.head)
        self.keep_alive_ms = milliseconds(timeouts.keep_alive)
        self.stall_ms = milliseconds(timeouts.stall)
        self.rate_window_ms = milliseconds(timeouts.rate_window)
        self.rate_bytes = int(timeouts.rate * timeouts.rate_window)
        self.connect_ms = milliseconds(timeouts.connect)
        self.first_byte_ms = milliseconds(timeouts.first_byte)
        self.id_state = secrets.randbits(64)

    cdef double now(self) noexcept:
        """Unix time in seconds; also refreshes the two texts when a second has passed."""
        cdef timespec at
        clock_gettime(CLOCK_REALTIME, &at)
        if at.tv_sec != self.second:
            self.second = at.tv_sec
            self.date = formatdate(at.tv_sec, usegmt=True).encode("ascii")
            self.amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at.tv_sec)).encode("ascii")
        return <double> at.tv_sec + <double> at.tv_nsec * 1e-9

    cdef bytes new_id(self):
        """A request id: 16 upper-case hex digits, as S3's are (SplitMix64 over a random start)."""
        cdef char text[16]
        cdef uint64_t z
        cdef int i, digit
        self.id_state += <uint64_t> 0x9E3779B97F4A7C15
        z = self.id_state
        z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
        z = z ^ (z >> 31)
        for i in range(16):
            digit = <int> ((z >> (60 - 4 * i)) & 15)
            text[i] = <char> (digit + (48 if digit < 10 else 55))
        return PyBytes_FromStringAndSize(text, 16)

    cdef bint may_retry(self) noexcept:
        """The retry budget: a tenth of what is under way, and three at least."""
        return self.retrying < 3 or self.retrying * 10 < self.active

    cdef int refuse_connection(self, str peer) except -1:
        """Counts it; a flood of them is worth one line in a hundred."""
        if self.counters.refused_connections % 100 == 0:
            log.warning(
                "too many connections: %d in all, %d from %s; %d refused so far",
                len(self.open_clients), self.by_peer.get(peer, 0), peer, self.counters.refused_connections)
        self.counters.refused_connections += 1
        return 0

    def clients(self):
        """The open client connections."""
        return list(self.open_clients)


cdef int milliseconds(double seconds) noexcept:
    return <int> (seconds * 1000)
