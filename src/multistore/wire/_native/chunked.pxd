# aws-chunked in both directions. Spans come out; no data is copied but that of an outgoing chunk
# that is signed and came in pieces.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t

from multistore.wire._native.cext cimport MS_CHUNKED_HEAD, ms_chain, ms_chunked, ms_chunked_event, ms_span
from multistore.wire._native.sigv4 cimport SigningKey


cdef class Chain:
    """The key and the texts that an ms_chain borrows."""

    cdef ms_chain chain
    cdef SigningKey key
    cdef bytes amz_date
    cdef bytes scope


cdef class ChunkedDecoder:
    cdef ms_chunked state
    cdef Chain chain            # None: the chunks are not signed
    cdef frozenset declared     # names of the trailers that must come
    cdef readonly dict trailers

    # MS_OK: *out is decoded data inside *data, and *data is what follows. MS_MORE: all was read.
    cdef int take(self, ms_span* data, ms_span* out) except -1
    cdef int note(self, ms_chunked_event* event) except -1
    cpdef close(self)


cdef class ChunkedEncoder:
    cdef Chain chain            # None: the chunks are not signed
    cdef tuple trailers         # (name, bytes of its value); None: no such section
    cdef readonly int64_t content_length
    cdef size_t chunk_size
    cdef uint64_t left          # bytes of data that are to come
    cdef size_t rest            # and in the chunk that was begun
    cdef bint begun             # a chunk was written: a CRLF goes before the next header
    cdef bint ended             # the last one, too
    cdef char[2 + MS_CHUNKED_HEAD] head
    cdef char* held             # data of a chunk to be signed, gathered
    cdef size_t held_n

    # One step: `out` has room for two spans. Those it fills, as many as it returns, are to be
    # written in this order before the next step; they point into *data and into this object.
    # *data is what follows; 0: all of it was taken.
    cdef int take(self, ms_span* data, ms_span* out) except -1
    cdef ms_span write_head(self, size_t size, ms_span body) noexcept
    cpdef bytes finish(self, values=*)
