from libc.stdint cimport int64_t
from multistore.gateway.plan cimport Forward
from multistore.server.chunked cimport ChunkedBody
from multistore.server.stream cimport Stream
from multistore.wire._native.cext cimport ms_span
from multistore.wire._native.chunked cimport ChunkedDecoder, ChunkedEncoder

cdef enum:
    SPANS = 8                       # of one write: as many as a stream takes
    ARENA = 512                     # bytes of headers of chunks in one write


cdef ms_span head_of(Forward plan, int64_t length, bytes amz_date) except *


cdef class Upload:
    cdef Forward plan

    # --- what the client sends
    cdef int64_t left               # bytes it has still to send, -1: as long as `chunks` goes on
    cdef Py_ssize_t taken           # bytes that the last `feed` took
    cdef bint reads                 # they are read here; otherwise they pass below
    cdef ChunkedBody chunks         # of Transfer-Encoding, None without
    cdef bint surplus               # bytes stood behind the body: no request can follow
    cdef ChunkedDecoder decoder     # of aws-chunked, None without
    cdef object check               # None: nothing is promised
    cdef int64_t data_left          # bytes of data that are to come
    cdef bint whole                 # the body is here, and content
    cdef char last                  # its last byte, until then
    cdef bint holds_last

    # --- what the backend gets
    cdef Stream to                  # None before there is one
    cdef bytearray held             # data that came before that
    cdef ChunkedEncoder encoder     # None: nothing but the data
    cdef bint begun                 # some of it was sent
    cdef bint sent                  # all of it
    cdef bint full                  # the last write filled the stream

    # --- what the next write takes
    cdef ms_span[SPANS] parts
    cdef int n_parts
    cdef char[ARENA] arena
    cdef size_t arena_n
    cdef bint borrows               # a part is data that the encoder will write over
    cdef bytes end                  # what `parts` may point to

    # Before there is a connection: whether these bytes may be all of the body.
    cdef bint ends_within(self, Py_ssize_t n) noexcept
    cdef int feed(self, const char* p, Py_ssize_t n) except -1
    cdef void relayed(self, int64_t n, bint done) noexcept
    cdef int send(self, Stream to, bytes amz_date) except -1

    cdef list dechunk(self, const char* p, Py_ssize_t n)
    cdef int decode(self, const char* p, Py_ssize_t n) except -1
    cdef int take(self, ms_span data) except -1
    cdef int finish(self) except -1
    cdef int emit(self, ms_span data) except -1
    cdef int end_data(self) except -1
    cdef int append(self, ms_span part) except -1
    cdef int flush(self) except -1
