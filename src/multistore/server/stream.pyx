# The base classes of stream.pxd. An implementation of Stream overrides all of it; an Owner
# overrides what it can meet.


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

    cdef int write(self, const ms_span* v, int n) except -1:
        raise NotImplementedError

    cdef int write_bytes(self, bytes b) except -1:
        raise NotImplementedError

    cdef int relay(self, Stream to, int64_t n) except -1:
        raise NotImplementedError

    cdef int64_t stop_relay(self) noexcept:
        return 0

    cdef void pause(self) noexcept:
        pass

    cdef void resume(self) noexcept:
        pass

    cdef bint has_tail(self) noexcept:
        return False

    cdef void finish(self) noexcept:
        pass

    cdef void close(self) noexcept:
        pass

    cdef void abort(self) noexcept:
        pass
