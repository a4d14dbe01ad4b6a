from multistore.server.stream cimport Stream


cdef class UvStream(Stream):
    cdef object transport
