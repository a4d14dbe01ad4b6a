"""Streams: how the server speaks to sockets, whatever carries the bytes.

Contract. No callback fires inside a Stream call. Pointers handed to `on_data` die when it
returns. After `close`, `abort` or `on_lost` a stream takes writes and drops them, and calls
its owner at most once more, with `on_lost`.
"""

from libc.stdint cimport int64_t
from multistore.wire._native.cext cimport ms_span


cdef enum Room:
    ROOM = 0        # written, or about to be
    FULL = 1        # written or kept, but wait for on_room before writing more


cdef enum:
    READ_SIZE = 262144              # bytes per read; smaller ones cost uploads dearly


cdef class Owner:
    # --- the stream that this object owns
    cdef Stream stream

    # --- deadline, kept by timers.Wheel
    cdef int64_t deadline           # monotonic milliseconds, 0 for none
    cdef int64_t wheel_tick         # tick of the bucket it waits in, 0 for none
    cdef Owner wheel_next           # its neighbours in that bucket's ring
    cdef Owner wheel_previous

    # --- what a stream tells
    cdef Py_ssize_t on_data(self, const char* p, Py_ssize_t n) except -1    # bytes consumed; the rest is kept
    cdef void on_ready(self) noexcept                                       # connected, handshake done
    cdef void on_room(self) noexcept                                        # there is room again after FULL
    cdef void on_eof(self) noexcept                                         # the peer will send no more
    cdef void on_relayed(self, int64_t n, bint done) noexcept               # n more bytes passed below
    cdef void on_lost(self, int err) noexcept                               # gone; errno or 0

    # --- what the wheel tells
    cdef void on_deadline(self) noexcept


cdef class Stream:
    cdef object loop
    cdef Owner owner
    cdef readonly str peer          # the other end's address, for logs and limits

    # --- how it stands
    cdef bint eof                   # the peer has half-closed
    cdef bint full                  # bytes of ours wait to be sent
    cdef bint broken                # a send failed: nothing more goes out
    cdef bint closing               # close() was called
    cdef bint lost                  # nothing passes any more

    # --- receiving
    cdef bint paused                # by the owner
    cdef bint stopped               # reading is switched off below
    cdef bint redelivery            # the tail is about to be delivered
    cdef bint eof_told              # the owner knows of the half-close
    cdef char* tail                 # bytes that the owner did not consume
    cdef Py_ssize_t tail_len
    cdef Py_ssize_t tail_cap

    # --- relaying
    cdef Stream relay_to            # where incoming bytes go
    cdef Stream relay_from          # who waits for room here
    cdef int64_t relay_left

    # === for owners =========================================================================

    # --- sending: the bytes are borrowed, what the kernel does not take is copied
    cdef int write(self, const ms_span* v, int n) except -1
    cdef int write_bytes(self, bytes b) except -1

    # --- relaying: the next n incoming bytes go to another stream, below the owner
    cdef int relay(self, Stream to, int64_t n) except -1
    cdef int64_t stop_relay(self) noexcept                                  # bytes that were still to come

    # --- receiving: bytes that come in between are kept and delivered after resume
    cdef void pause(self) noexcept
    cdef void resume(self) noexcept
    cdef bint has_tail(self) noexcept                                       # bytes are kept for the owner

    # --- ending
    cdef void finish(self) noexcept                                         # half-close: flush, FIN, keep reading
    cdef void close(self) noexcept                                          # flush, FIN
    cdef void abort(self) noexcept                                          # reset; TLS: no close_notify

    # === for what carries the bytes =========================================================

    # --- to be overridden, with write, finish, close and abort
    cdef void read_on(self, bint on) noexcept                               # switch reading

    # --- to be called
    cdef int came(self, const char* p, Py_ssize_t n) except -1              # bytes, or the tail and bytes
    cdef void came_eof(self) noexcept
    cdef void came_room(self) noexcept
    cdef void broke(self) noexcept                                          # a send failed
    cdef void gone(self, int err) noexcept                                  # the last word

    # --- inside
    cdef int _incoming(self, const char* p, Py_ssize_t n) except -1
    cdef int _keep(self, const char* p, Py_ssize_t n) except -1
    cdef int _deliver_tail(self) except -1
    cdef void _redeliver_soon(self) noexcept
    cdef void _tell_eof(self) noexcept
    cdef void _sync_reading(self) noexcept
