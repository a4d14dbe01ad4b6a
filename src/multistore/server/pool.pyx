"""Keep-alive connections to backends, one pool per origin and worker."""

from multistore.server.timers cimport Wheel, monotonic_ms
from multistore.server.upstream cimport Call, Home, Upstream

from collections import deque


cdef class Pool(Home):
    """The connections to one origin."""

    def __cinit__(self, object origin, Pools pools):
        limits = pools.limits
        timeouts = pools.timeouts
        self.origin = origin
        self.pools = pools
        self.dialer = pools.dialer
        self.wheel = pools.wheel
        self.idle = []
        self.waiting = deque()
        self.total_max = limits.backend_connections
        self.idle_max = limits.backend_idle
        self.idle_ms = int(timeouts.backend_idle * 1000)
        self.age_ms = int(timeouts.backend_age * 1000)

    cdef Upstream take(self):
        cdef Upstream upstream
        if not self.idle:
            return None
        upstream = <Upstream> self.idle.pop()
        self.wheel.set(upstream, 0)
        return upstream

    cdef void dial(self, Call call) noexcept:
        cdef Upstream upstream
        cdef bint full = self.total >= self.total_max
        if full and not self.idle:
            self.waiting.append(call)
            return
        self.total += 1
        if full:
            (<Upstream> self.idle[0]).discard()     # a used one makes room for a new one
        upstream = Upstream(self, self.wheel)
        upstream.call = call
        call.dialling = upstream
        self.dialer.dial(self.origin, upstream, upstream.dialled)

    cdef bint withdraw(self, Call call) noexcept:
        if call.dialling is not None:
            call.dialling.call = None               # the connection goes to the pool when it is there
            call.dialling = None
            return True
        self.waiting.remove(call)
        return False

    # --- Home -------------------------------------------------------------------------------

    cdef void release(self, Upstream upstream) noexcept:
        cdef Call call
        if self.waiting:
            call = <Call> self.waiting.popleft()
            call.on_connected(upstream)
        elif len(self.idle) >= self.idle_max or monotonic_ms() - upstream.born > self.age_ms:
            upstream.discard()
        else:
            self.idle.append(upstream)
            self.wheel.set(upstream, self.idle_ms)

    cdef void forget(self, Upstream upstream) noexcept:
        self.total -= 1
        try:
            self.idle.remove(upstream)
        except ValueError:
            pass                                    # it was busy
        if self.waiting:
            self.dial(<Call> self.waiting.popleft())
        elif self.total == 0:
            self.pools.drop(self)

    def close(self):
        """Ends the idle connections."""
        for upstream in list(self.idle):
            (<Upstream> upstream).discard()


cdef class Pools:
    """All pools of a worker, made on first use, gone with their last connection: origins come and
    go with the buckets of a pattern, without end."""

    def __cinit__(self, object dialer, Wheel wheel, object limits, object timeouts):
        self.dialer = dialer
        self.wheel = wheel
        self.limits = limits
        self.timeouts = timeouts
        self.by_origin = {}

    cdef Pool of(self, object origin):
        cdef object pool = self.by_origin.get(origin)
        if pool is None:
            pool = self.by_origin[origin] = Pool(origin, self)
        return <Pool> pool

    cdef void drop(self, Pool pool) noexcept:
        if self.by_origin.get(pool.origin) is pool:
            del self.by_origin[pool.origin]

    def __len__(self):
        return len(self.by_origin)

    def close(self):
        """Ends all idle connections."""
        for pool in list(self.by_origin.values()):
            pool.close()
