from libc.stdint cimport int64_t


cdef class ChunkedBody:
    cdef object parser
    cdef list pieces
    cdef bint complete
    cdef int64_t fed                # bytes, framing included
    cdef int64_t data               # bytes of data among them
    cdef bint sizes_left            # lines of sizes are still to be checked
    cdef bint ending                # the line's CR has been seen
    cdef int64_t size               # of the line so far, -1 without a digit
    cdef int64_t skip               # bytes up to the next line

    cdef list feed(self, const char* p, Py_ssize_t n)
    cdef int check_sizes(self, const char* p, Py_ssize_t n) except -1
