cdef class ChunkedBody:
    cdef object parser
    cdef list pieces
    cdef bint complete

    cdef list feed(self, const char* p, Py_ssize_t n)
