"""CRCs over ``ms_crc``."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_AS_STRING
from libc.stddef cimport size_t

from multistore.wire._native.cext cimport (
    MS_CRC32, MS_CRC32C, MS_CRC64NVME, ms_crc_update, ms_span,
)


@cython.final
cdef class Crc:

    def __cinit__(self, str name not None):
        if name == "crc32":
            self.kind, self.digest_size = MS_CRC32, 4
        elif name == "crc32c":
            self.kind, self.digest_size = MS_CRC32C, 4
        elif name == "crc64nvme":
            self.kind, self.digest_size = MS_CRC64NVME, 8
        else:
            raise ValueError(f"no CRC of S3: {name}")
        self.name = name

    def update(self, data, /):
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        self.update_span(<const char*>view.buf, view.len)
        PyBuffer_Release(&view)

    def digest(self):
        cdef int i
        digest = PyBytes_FromStringAndSize(NULL, self.digest_size)
        for i in range(self.digest_size):
            PyBytes_AS_STRING(digest)[i] = <char>(self.value >> (8 * (self.digest_size - 1 - i)))
        return digest

    cdef void update_span(self, const char* p, Py_ssize_t n) noexcept:
        self.value = ms_crc_update(self.kind, self.value, ms_span(p, <size_t>n))
