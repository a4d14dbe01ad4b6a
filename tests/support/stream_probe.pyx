# language_level=3
"""An Owner that tells Python what its stream tells it, and lets Python use the stream."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from multistore.server.stream cimport FULL, Owner
from multistore.server.timers cimport Wheel
from multistore.wire._native.cext cimport ms_span


cdef class Probe(Owner):
    """`events` collects (name, value) pairs; `consume(data)` says how many bytes it takes."""

    cdef public list events
    cdef public object consume
    cdef public bint inside         # a Stream call is under way: no callback may come

    def __init__(self):
        self.events = []
        self.consume = len

    def _note(self, name, value=None):
        assert not self.inside, f"{name} fired inside a Stream call"
        self.events.append((name, value))

    cdef Py_ssize_t on_data(self, const char* p, Py_ssize_t n) except -1:
        data = PyBytes_FromStringAndSize(p, n)
        taken = self.consume(data)
        self._note("data", data[:taken])
        return taken

    cdef void on_ready(self) noexcept:
        self._note("ready")

    cdef void on_room(self) noexcept:
        self._note("room")

    cdef void on_eof(self) noexcept:
        self._note("eof")

    cdef void on_relayed(self, int64_t n, bint done) noexcept:
        self._note("relayed", (n, done))

    cdef void on_lost(self, int err) noexcept:
        self._note("lost", err)

    cdef void on_deadline(self) noexcept:
        self._note("deadline")

    # --- the stream, from Python ------------------------------------------------------------

    def write(self, *pieces):
        cdef ms_span spans[8]
        cdef int i
        for i, piece in enumerate(pieces):
            spans[i].p = PyBytes_AS_STRING(piece)
            spans[i].n = <size_t> len(piece)
        self.inside = True
        full = self.stream.write(spans, len(pieces)) == FULL
        self.inside = False
        return full

    def relay(self, Probe to, n):
        self.inside = to.inside = True
        self.stream.relay(to.stream, n)
        self.inside = to.inside = False

    def stop_relay(self):
        self.inside = True
        left = self.stream.stop_relay()
        self.inside = False
        return left

    def pause(self):
        self.inside = True
        self.stream.pause()
        self.inside = False

    def resume(self):
        self.inside = True
        self.stream.resume()
        self.inside = False

    def finish(self):
        self.inside = True
        self.stream.finish()
        self.inside = False

    def close(self):
        self.inside = True
        self.stream.close()
        self.inside = False

    def abort(self):
        self.inside = True
        self.stream.abort()
        self.inside = False

    def received(self):
        """All bytes that were consumed so far."""
        return b"".join(value for name, value in self.events if name == "data")

    def names(self):
        return [name for name, _ in self.events]


def set_deadline(Wheel wheel, Probe probe, int64_t milliseconds):
    wheel.set(probe, milliseconds)


def drop_deadline(Wheel wheel, Probe probe):
    wheel.drop(probe)
