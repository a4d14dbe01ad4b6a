# cython: boundscheck=False, wraparound=False
"""The body of one request on its way from the client to the backend.

Transfer-Encoding and aws-chunked come off, whoever was promised something about the data sees it,
and our own framing goes on. The last byte, or what ends our framing, is held until everything
holds: until then the backend cannot take the body for whole (law 6). A body about which nothing is
promised passes below, by `Stream.relay`, and is only counted here.
"""

cimport cython
from cpython.buffer cimport PyBUF_READ
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t
from libc.string cimport memcpy
from multistore.gateway.plan cimport Forward, Framing
from multistore.server.chunked cimport ChunkedBody
from multistore.server.stream cimport FULL, Stream
from multistore.wire._native.cext cimport MS_OK, MS_SHA256_HEX, ms_span
from multistore.wire._native.chunked cimport ChunkedEncoder
from multistore.wire._native.head cimport RequestHead
from multistore.wire._native.render cimport request_head
from multistore.wire._native.sigv4 cimport Signer

from multistore.errors import S3Error

# The coding is the same in both directions (RFC 9112 7.1).
cdef bytes CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

# Stands where the signature of the head will, which is made after the length is known.
cdef bytes NO_SEED = b"0" * MS_SHA256_HEX


cdef object incomplete():
    return S3Error(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


cdef ms_span head_of(Forward plan, int64_t length, bytes amz_date) except *:
    """The head for an attempt at `plan`, whose body will have `length` bytes as sent. Raises: S3Error."""
    return request_head(
        plan.method, plan.target, plan.host, plan.head, plan.keep, plan.add,
        length, plan.payload, plan.signer, amz_date,
    )


@cython.final
@cython.freelist(64)
cdef class Upload:
    """Carries out the request side of one Forward plan that has a body."""

    def __cinit__(self, Forward plan, RequestHead head):
        self.plan = plan
        self.decoder = plan.decoder
        self.check = plan.check
        self.data_left = plan.length
        self.left = head.content_length
        if head.chunked:
            self.left = -1
            self.chunks = ChunkedBody(CHUNKED_HEAD, False)
        self.reads = (
            head.chunked or self.decoder is not None or self.check is not None
            or plan.framing is not None
        )

    # --- from the client --------------------------------------------------------------------

    cdef bint ends_within(self, Py_ssize_t n) noexcept:
        return self.left < 0 or self.left <= n

    cdef int feed(self, const char* p, Py_ssize_t n) except -1:
        """Takes bytes of the body and sends on what may go: without a connection it is held.

        `taken` says how many were of this body, also when it raises.

        Raises: S3Error for a body that is not what was promised.
        """
        cdef bytes piece
        cdef list pieces = None                     # alive until they are written
        if self.chunks is None:
            self.taken = n if n < self.left else <Py_ssize_t> self.left
            self.left -= self.taken
            self.decode(p, self.taken)
        else:
            self.taken = n
            pieces = self.dechunk(p, n)
            for piece in pieces:
                self.decode(PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
        if self.left == 0:
            self.finish()
        self.flush()
        return 0

    cdef list dechunk(self, const char* p, Py_ssize_t n):
        """Takes Transfer-Encoding off. Raises: BadRequest (fatal)."""
        cdef list pieces
        try:
            pieces = self.chunks.feed(p, n)
        except Exception as error:
            if not self.chunks.complete:
                raise S3Error("BadRequest", "The chunks of the body are malformed.", fatal=True) from error
            # What follows the body was no chunk: a request that nobody reads any more.
            pieces = self.chunks.pieces
            self.surplus = True
        if self.chunks.complete:
            self.left = 0
        return pieces

    cdef void relayed(self, int64_t n, bint done) noexcept:
        """`n` bytes passed below; with `done` they were the last ones."""
        self.left -= n
        self.begun = True
        self.sent = done

    cdef int decode(self, const char* p, Py_ssize_t n) except -1:
        cdef ms_span rest = ms_span(p, <size_t> n)
        cdef ms_span data
        if self.decoder is None:
            return self.take(rest)
        while self.decoder.take(&rest, &data) == MS_OK:
            self.take(data)
        return 0

    cdef int take(self, ms_span data) except -1:
        """Data of the object. Its last byte stays here, unless our framing ends the body later."""
        if data.n == 0:
            return 0
        if <int64_t> data.n > self.data_left:
            raise incomplete()
        if self.check is not None:
            self.check.update(PyMemoryView_FromMemory(<char*> data.p, <Py_ssize_t> data.n, PyBUF_READ))
        self.data_left -= <int64_t> data.n
        if self.data_left == 0:
            data.n -= 1
            self.last = data.p[data.n]
            self.holds_last = True
        return self.emit(data)

    cdef int finish(self) except -1:
        """The client's last byte has come. Everything is held to what was promised, then the body
        may end. What was promised behind the body is told with the answer (SEM-20)."""
        if self.decoder is not None:
            self.decoder.close()
        elif self.data_left > 0:
            raise incomplete()
        if self.check is not None:
            if self.decoder is not None:
                self.check.read_trailer(self.decoder.trailers)
            self.check.finish()
        if self.decoder is not None and self.decoder.trailers:
            self.plan.answer.extra += tuple(self.decoder.trailers.items())
        self.whole = True
        return self.end_data()

    # --- to the backend ---------------------------------------------------------------------

    cdef int send(self, Stream to, bytes amz_date) except -1:
        """The head, and all that came before there was a connection, in one write.

        Raises: S3Error for a head that cannot be written.
        """
        cdef Forward plan = self.plan
        cdef Framing framing = plan.framing
        cdef Signer signer = plan.signer
        cdef int64_t length = plan.length
        cdef ms_span head
        self.encoder = None
        if framing is not None:
            if framing.signed:
                signer.prepare(amz_date)
                self.encoder = ChunkedEncoder(
                    length, framing.trailers, key=signer.key, amz_date=amz_date,
                    scope=signer.credential[<Py_ssize_t> signer.scope_at:], seed=NO_SEED)
            else:
                self.encoder = ChunkedEncoder(length, framing.trailers)
            length = self.encoder.content_length
        head = head_of(plan, length, amz_date)
        if framing is not None and framing.signed:
            # The head ends with its signature and an empty line; the chunks are signed on from it.
            memcpy(self.encoder.chain.chain.last, head.p + head.n - 4 - MS_SHA256_HEX, MS_SHA256_HEX)
        self.to = to
        self.append(head)
        if self.held is not None:
            self.emit(ms_span(PyByteArray_AS_STRING(self.held), <size_t> PyByteArray_GET_SIZE(self.held)))
        if self.whole:
            self.end_data()
        self.flush()
        return 0

    cdef int emit(self, ms_span data) except -1:
        """Data that may leave."""
        cdef ms_span out[2]
        cdef int n
        if self.to is None:
            if self.held is None:
                self.held = bytearray()
            self.held += PyBytes_FromStringAndSize(data.p, <Py_ssize_t> data.n)
            return 0
        self.begun |= data.n > 0
        if self.encoder is None:
            return self.append(data)
        while True:
            if self.borrows:
                self.flush()
            n = self.encoder.take(&data, out)
            if n == 0:
                return 0
            if n == 2:                              # with its header, which the next one replaces
                if self.n_parts + n > SPANS or self.arena_n + out[0].n > ARENA:
                    self.flush()
                memcpy(self.arena + self.arena_n, out[0].p, out[0].n)
                out[0].p = self.arena + self.arena_n
                self.arena_n += out[0].n
                self.append(out[0])
                self.borrows = out[1].p == self.encoder.held
            self.append(out[n - 1])

    cdef int end_data(self) except -1:
        """The last byte, and what ends our framing."""
        cdef Framing framing = self.plan.framing
        if self.to is None:
            return 0
        if self.holds_last:
            self.emit(ms_span(&self.last, 1))
        if self.encoder is not None:
            self.end = self.encoder.finish(
                [self.decoder.trailers[name] for name, _ in framing.trailers or ()])
            self.append(ms_span(PyBytes_AS_STRING(self.end), <size_t> PyBytes_GET_SIZE(self.end)))
        self.begun = self.sent = True
        return 0

    cdef int append(self, ms_span part) except -1:
        if part.n == 0:
            return 0
        if self.n_parts == SPANS:
            self.flush()
        self.parts[self.n_parts] = part
        self.n_parts += 1
        return 0

    cdef int flush(self) except -1:
        cdef int n = self.n_parts
        self.n_parts = 0
        self.arena_n = 0
        self.borrows = False
        if n > 0 and self.to is not None:
            self.full = self.to.write(self.parts, n) == FULL
        return 0
