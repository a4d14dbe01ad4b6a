"""One coarse timer wheel per worker.

Setting or clearing a deadline writes an integer: a connection stays in the bucket where it
waits, and only when that bucket fires is it seen whether the deadline was moved. So a request
makes no timer object (loop.call_later and cancel cost 1.8 µs).
"""

from libc.stdint cimport int64_t
from multistore.server.stream cimport Owner

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* now)
    int CLOCK_MONOTONIC_COARSE

cdef enum:
    TICK = 100                      # milliseconds: how late a deadline may be
    BUCKETS = 1024


cdef int64_t monotonic_ms() noexcept:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
    return <int64_t> now.tv_sec * 1000 + now.tv_nsec // 1000000


cdef class Wheel:
    """Deadlines of all connections of a worker."""

    def __cinit__(self, object loop):
        self.loop = loop
        self.buckets = [ring() for _ in range(BUCKETS)]
        self.tick = monotonic_ms() // TICK
        self.handle = loop.call_later(TICK / 1000, self._turn)

    def stop(self):
        """Lets no deadline fire any more."""
        self.handle.cancel()

    cdef void set(self, Owner owner, int64_t milliseconds) noexcept:
        """Calls `owner.on_deadline` after so many milliseconds; 0 clears the deadline."""
        if milliseconds == 0:
            owner.deadline = 0
            return
        owner.deadline = monotonic_ms() + milliseconds
        self._wait(owner)

    cdef void drop(self, Owner owner) noexcept:
        """Forgets an owner whose stream is gone."""
        owner.deadline = 0
        if owner.wheel_tick == 0:
            return
        owner.wheel_previous.wheel_next = owner.wheel_next
        owner.wheel_next.wheel_previous = owner.wheel_previous
        owner.wheel_previous = owner.wheel_next = None
        owner.wheel_tick = 0

    cdef void _wait(self, Owner owner) noexcept:
        cdef int64_t tick = owner.deadline // TICK + 1
        cdef int64_t deadline = owner.deadline
        cdef Owner head
        if tick <= self.tick:
            tick = self.tick + 1
        elif tick >= self.tick + BUCKETS:
            tick = self.tick + BUCKETS - 1
        # A bucket that fires earlier will look at the deadline again; a later one is useless.
        if owner.wheel_tick != 0:
            if owner.wheel_tick <= tick:
                return
            self.drop(owner)
            owner.deadline = deadline
        head = <Owner> self.buckets[tick % BUCKETS]
        owner.wheel_tick = tick
        owner.wheel_next = head
        owner.wheel_previous = head.wheel_previous
        head.wheel_previous.wheel_next = owner
        head.wheel_previous = owner

    def _turn(self):
        cdef int64_t now = monotonic_ms()
        cdef int64_t until = now // TICK
        cdef int64_t deadline
        cdef Owner owner, head
        self.handle = self.loop.call_later(TICK / 1000, self._turn)
        while self.tick < until:
            self.tick += 1
            head = <Owner> self.buckets[self.tick % BUCKETS]
            while head.wheel_next is not head:
                owner = head.wheel_next
                deadline = owner.deadline
                self.drop(owner)
                if deadline == 0:
                    continue
                if deadline <= now:
                    owner.on_deadline()
                else:
                    owner.deadline = deadline
                    self._wait(owner)


cdef Owner ring():
    """The head of an empty ring of owners."""
    cdef Owner head = Owner()
    head.wheel_next = head.wheel_previous = head
    return head
