from libc.stdint cimport int64_t


cdef class ChunkedBody:
    cdef object parser
    cdef list pieces
    cdef bint complete
    cdef int64_t fed                # bytes, framing included
    cdef int64_t data               # bytes of data among them

    cdef list feed(self, const char* p, Py_ssize_t n)
