"""Sets of header names over ``ms_names``."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from libc.stddef cimport size_t

from multistore.wire._native.cext cimport ms_names_build, ms_names_has, ms_names_slots, ms_span
from multistore.wire._native.spans cimport not_none, span_of


@cython.final
cdef class HeaderSet:

    def __cinit__(self, names, prefixes=()):
        cdef bytes name
        cdef ms_span* spans
        cdef size_t n = 0, slots
        self.names = frozenset(names)
        self.prefixes = tuple(dict.fromkeys(prefixes))
        slots = ms_names_slots(<size_t>len(self.names))
        self.memory = <ms_span*>PyMem_Calloc(slots + <size_t>len(self.prefixes), sizeof(ms_span))
        spans = <ms_span*>PyMem_Malloc((<size_t>len(self.names) + 1) * sizeof(ms_span))
        if self.memory is NULL or spans is NULL:
            PyMem_Free(spans)
            raise MemoryError
        try:
            for name in self.prefixes:
                not_none(name)
                self.memory[slots + n] = span_of(name)
                n += 1
            n = 0
            for name in self.names:
                not_none(name)
                spans[n] = span_of(name)
                n += 1
            ms_names_build(&self.set, self.memory, spans, n, self.memory + slots,
                           <size_t>len(self.prefixes))
        finally:
            PyMem_Free(spans)

    def __dealloc__(self):
        PyMem_Free(self.memory)

    def __contains__(self, bytes name not None):
        return ms_names_has(&self.set, span_of(name))

    def __or__(HeaderSet self, HeaderSet other not None):
        return HeaderSet(self.names | other.names, self.prefixes + other.prefixes)

    cdef bint has(self, ms_span name) noexcept:
        return ms_names_has(&self.set, name)
