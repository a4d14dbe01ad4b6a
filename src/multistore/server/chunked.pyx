"""What the scanner leaves to httptools (D15): unusual request heads, and chunked bodies.

A fresh parser per message, behind the refusals of docs/security.md: httptools (llhttp) accepts
trailing fields without limit, chunk extensions, sizes up to 2**64, and two messages in one feed.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize

import httptools

from multistore.errors import S3Error
from multistore.wire import RequestHead

cdef enum:
    TRAILERS_MAX = 100              # fields after a body (as many as hyper takes in a head)
    # Bytes of framing (sizes, line ends, extensions) before they must be fewer than those of data.
    # Stores send chunks of hundreds of bytes; a flood of tiny ones costs an object each.
    FRAMING_MAX = 65536

# A chunk's size must stay below 16 times this.
cdef int64_t SIZE_MAX = <int64_t> 1 << 56


class _HeadSink:
    """Collects one message head from httptools' callbacks."""

    def __init__(self):
        self.target = b""
        self.fields = []
        self.complete = False

    def on_url(self, url):
        self.target += url

    def on_header(self, name, value):
        self.fields.append((name, value.strip(b" \t")))

    def on_headers_complete(self):
        self.complete = True


def read_request_head(bytes raw):
    """The head of a legal but not ordinary request, from exactly its bytes.

    Raises: S3Error BadRequest (fatal).
    """
    sink = _HeadSink()
    parser = httptools.HttpRequestParser(sink)
    try:
        parser.feed_data(raw)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise S3Error("BadRequest", "The request head is malformed.", fatal=True) from error
    version = {"1.0": 10, "1.1": 11}.get(parser.get_http_version())
    if not sink.complete or version is None:
        raise S3Error("BadRequest", "The request head is malformed.", fatal=True)
    return RequestHead(parser.get_method().decode("ascii"), sink.target, version, sink.fields)


class _BodySink:
    """Collects the body of one message from httptools' callbacks."""

    def __init__(self, body):
        self.body = body
        self.started = False
        self.trailers = 0

    def on_headers_complete(self):
        self.started = True

    def on_header(self, name, value):
        if self.started:                            # a trailer: counted, dropped (never merged into the head)
            self.trailers += 1
            if self.trailers > TRAILERS_MAX:
                raise ValueError("too many trailer fields")

    def on_body(self, data):
        (<ChunkedBody> self.body).pieces.append(data)

    def on_message_complete(self):
        (<ChunkedBody> self.body).complete = True

    def on_message_begin(self):
        if (<ChunkedBody> self.body).complete:
            raise ValueError("a second message")


cdef int value_of(char digit) noexcept:
    """-1 for what is no hexadecimal digit."""
    if c'0' <= digit <= c'9':
        return digit - c'0'
    digit |= 0x20
    return digit - c'a' + 10 if c'a' <= digit <= c'f' else -1


cdef class ChunkedBody:
    """A chunked body. `raw` is the head of a response, which the parser must see first.

    Chunk extensions of a store are read over, as RFC 9112 7.1.1 asks for; those of a client,
    `extensions` false, are refused: none has a use for them but to smuggle.
    """

    def __cinit__(self, bytes raw, bint extensions):
        self.sizes_left = not extensions
        self.size = -1
        self.pieces = []
        self.parser = httptools.HttpResponseParser(_BodySink(self))
        self.parser.feed_data(raw)

    cdef list feed(self, const char* p, Py_ssize_t n):
        """The data in these bytes; `complete` says whether the body ended with them.

        Raises: httptools.HttpParserError and whatever else says that the framing is broken.
        """
        cdef list pieces
        if self.sizes_left:
            self.check_sizes(p, n)
        self.parser.feed_data(PyBytes_FromStringAndSize(p, n))
        pieces = self.pieces
        self.pieces = []
        self.fed += n
        for piece in pieces:
            self.data += len(piece)
        if self.fed - self.data > FRAMING_MAX and self.fed > 2 * self.data:
            raise ValueError("more framing than data")
        return pieces

    cdef int check_sizes(self, const char* p, Py_ssize_t n) except -1:
        """Refuses lines of sizes that hold more than a size: httptools tells of no extension."""
        cdef Py_ssize_t at = 0
        cdef int64_t step
        cdef int digit
        while at < n and self.sizes_left:
            if self.skip > 0:
                step = min(self.skip, <int64_t> (n - at))
                self.skip -= step
                at += <Py_ssize_t> step
                continue
            digit = value_of(p[at])
            if digit >= 0 and not self.ending and self.size < SIZE_MAX:
                self.size = max(self.size, 0) * 16 + digit
            elif p[at] == c'\r' and not self.ending and self.size >= 0:
                self.ending = True
            elif p[at] == c'\n' and self.ending:
                self.sizes_left = self.size > 0
                self.skip = self.size + 2           # the data and the end of its line
                self.size = -1
                self.ending = False
            else:
                raise ValueError("the line of a chunk's size holds more than a size")
            at += 1
        return 0
