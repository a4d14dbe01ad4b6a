"""aws-chunked over ``ms_chunked`` and ``ms_chain``."""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from multistore.limits import CHUNK_MIN

from multistore.wire._native.cext cimport (
    MS_BAD, MS_C_TOKEN, MS_C_VALUE, MS_CHUNKED_DATA, MS_CHUNKED_END, MS_CHUNKED_TRAILER, MS_MORE,
    MS_OK, MS_SHA256_HEX, MS_SHA256_SIZE, ms_all, ms_chain_chunk, ms_chain_trailer,
    ms_chunked_fail, ms_chunked_head, ms_chunked_init, ms_chunked_next, ms_chunked_size,
    ms_chunked_whole, ms_sha256_of,
)
from multistore.wire._native.errors cimport raise_chunked, raise_internal
from multistore.wire._native.spans cimport not_none, span_of, to_bytes

# What both kernels take for a length: far beyond S3's largest object, and its frames still fit.
cdef uint64_t LENGTH_MAX = 1 << 62


cdef uint64_t length_of(object decoded_length) except? 0:
    if not 0 <= decoded_length <= LENGTH_MAX:
        raise ValueError("the decoded length is out of range")
    return decoded_length


@cython.final
cdef class Chain:

    def __cinit__(self, SigningKey key not None, bytes amz_date not None, bytes scope not None,
                  bytes seed not None):
        cdef ms_span first = span_of(seed)
        if first.n != MS_SHA256_HEX:
            raise ValueError("the seed signature has 64 hexadecimal digits")
        self.key = key
        self.amz_date = amz_date
        self.scope = scope
        self.chain.key = &key.key
        self.chain.amz_date = span_of(amz_date)
        self.chain.scope = span_of(scope)
        memcpy(self.chain.last, first.p, first.n)


# --- Reading ----------------------------------------------------------------------------------

@cython.final
cdef class ChunkedDecoder:

    def __cinit__(self, decoded_length, trailers=None, *, SigningKey key=None,
                  bytes amz_date=b"", bytes scope=b"", bytes seed=b"", uint64_t min_chunk=CHUNK_MIN):
        cdef bytes name
        self.declared = frozenset(trailers or ())
        for name in self.declared:
            not_none(name)
        self.trailers = {}
        if key is not None:
            self.chain = Chain(key, amz_date, scope, seed)
        ms_chunked_init(&self.state, length_of(decoded_length), min_chunk, trailers is not None,
                        NULL if self.chain is None else &self.chain.chain)

    @property
    def decoded(self):
        return self.state.decoded

    @property
    def finished(self):
        return ms_chunked_whole(&self.state)

    cdef int take(self, ms_span* data, ms_span* out) except -1:
        cdef ms_chunked_event event
        cdef int result = ms_chunked_next(&self.state, data, &event)
        while result == MS_OK:
            if event.kind == MS_CHUNKED_DATA:
                out[0] = event.data
                return MS_OK
            self.note(&event)
            result = ms_chunked_next(&self.state, data, &event)
        if result == MS_BAD:
            raise_chunked(&self.state)
        return MS_MORE

    cdef int note(self, ms_chunked_event* event) except -1:
        """What stands behind the data: exactly the trailers that were declared, each once."""
        if event.kind == MS_CHUNKED_END:
            good = len(self.trailers) == len(self.declared)
        else:
            name = to_bytes(event.name)
            good = name in self.declared and name not in self.trailers
            if good:
                self.trailers[name] = to_bytes(event.value)
        if not good:
            ms_chunked_fail(&self.state, MS_CHUNKED_TRAILER)
            raise_chunked(&self.state)
        return 0

    def feed(self, bytes data not None):
        cdef ms_span rest = span_of(data)
        cdef const char* base = rest.p
        cdef ms_span out
        cdef list spans = []
        view = memoryview(data)
        while self.take(&rest, &out) == MS_OK:
            spans.append(view[out.p - base:out.p - base + <Py_ssize_t>out.n])
        return spans

    cpdef close(self):
        if not ms_chunked_whole(&self.state):
            raise_chunked(&self.state)


# --- Writing ----------------------------------------------------------------------------------

@cython.final
cdef class ChunkedEncoder:

    def __cinit__(self, decoded_length, trailers=None, *, size_t chunk_size=65536,
                  SigningKey key=None, bytes amz_date=b"", bytes scope=b"", bytes seed=b""):
        cdef bytes name
        cdef size_t value_size, section = 0
        self.left = length_of(decoded_length)
        if not CHUNK_MIN <= chunk_size <= 1 << 30:
            raise ValueError(f"a chunk has {CHUNK_MIN} bytes to 1 GiB")
        self.chunk_size = chunk_size
        if trailers is not None:
            fields = []
            for name, value_size in trailers:
                not_none(name)
                if not ms_all(span_of(name), MS_C_TOKEN):
                    raise_internal("A trailer's name is no token.")
                fields.append((name.lower(), value_size))
                section += <size_t>len(name) + 1 + value_size + 2
            self.trailers = tuple(fields)
        if key is not None:
            self.chain = Chain(key, amz_date, scope, seed)
            self.held = <char*>PyMem_Malloc(min(chunk_size, self.left))
            if self.held is NULL:
                raise MemoryError
            if trailers is not None:
                section += <size_t>len(b"x-amz-trailer-signature:") + MS_SHA256_HEX + 2
        self.content_length = <int64_t>ms_chunked_size(
            self.left, chunk_size, key is not None, section)

    def __dealloc__(self):
        PyMem_Free(self.held)

    cdef int take(self, ms_span* data, ms_span* out) except -1:
        cdef size_t n
        if data.n == 0:
            return 0
        if data.n > self.left:
            raise_internal("More data than the body was to have.")
        if self.chain is None:
            if self.rest == 0:  # a header goes before its data, however little has come
                self.rest = min(self.chunk_size, self.left)
                out[0] = self.write_head(self.rest, ms_span(NULL, 0))
                n = 1
            else:
                n = 0
            out[n] = ms_span(data.p, min(data.n, self.rest))
            self.rest -= out[n].n
            self.left -= out[n].n
            data.p += out[n].n
            data.n -= out[n].n
            return <int>n + 1

        cdef size_t size = <size_t>min(self.chunk_size, self.left + self.held_n)
        if self.held_n == 0 and data.n >= size:  # fast path: the whole chunk is here
            out[1] = ms_span(data.p, size)
            n = size
        else:
            n = min(data.n, size - self.held_n)
            memcpy(self.held + self.held_n, data.p, n)
            self.held_n += n
            out[1] = ms_span(self.held, self.held_n)
        self.left -= n
        data.p += n
        data.n -= n
        if out[1].n < size:
            return 0
        self.held_n = 0
        out[0] = self.write_head(size, out[1])
        return 2

    cdef ms_span write_head(self, size_t size, ms_span body) noexcept:
        """The header of a chunk into ``head``, behind the CRLF of the chunk before."""
        cdef uint8_t hashed[MS_SHA256_SIZE]
        cdef const char* mac = NULL
        cdef char* start = &self.head[0]
        cdef char* end = start
        if self.begun:
            end[0] = b"\r"
            end[1] = b"\n"
            end += 2
        self.begun = True
        if self.chain is not None:
            ms_sha256_of(body, hashed)
            ms_chain_chunk(&self.chain.chain, hashed)
            mac = self.chain.chain.last
        end = ms_chunked_head(size, mac, end)
        return ms_span(start, <size_t>(end - start))

    def feed(self, bytes data not None):
        cdef ms_span rest = span_of(data)
        cdef const char* base = rest.p
        cdef ms_span[2] out
        cdef int i, n
        cdef list pieces = []
        view = memoryview(data)
        while rest.n > 0:
            n = self.take(&rest, out)
            for i in range(n):
                if base <= out[i].p < rest.p:
                    pieces.append(view[out[i].p - base:out[i].p - base + <Py_ssize_t>out[i].n])
                else:
                    pieces.append(to_bytes(out[i]))
        return pieces

    cpdef bytes finish(self, values=()):
        cdef uint8_t hashed[MS_SHA256_SIZE]
        cdef bytes name, value, text
        if self.left > 0 or self.held_n > 0:
            raise_internal("Less data than the body was to have.")
        if self.ended:
            raise_internal("The body has ended already.")
        given = tuple(values)
        if len(given) != len(self.trailers or ()):
            raise_internal("Other trailers than the body was to have.")
        fields = []
        for (name, size), value in zip(self.trailers or (), given):
            not_none(value)
            if len(value) != size or not ms_all(span_of(value), MS_C_VALUE):
                raise_internal("A trailer's value is not as it was announced.")
            fields.append((name, value))
        self.ended = True
        end = [to_bytes(self.write_head(0, ms_span(NULL, 0)))]
        end.extend([b"%b:%b\r\n" % field for field in fields])
        if self.chain is not None and self.trailers is not None:
            text = b"".join([b"%b:%b\n" % field for field in fields])
            ms_sha256_of(span_of(text), hashed)
            ms_chain_trailer(&self.chain.chain, hashed)
            signature = self.chain.chain.last[:MS_SHA256_HEX]
            end.append(b"x-amz-trailer-signature:%b\r\n" % signature)
        end.append(b"\r\n")
        return b"".join(end)
