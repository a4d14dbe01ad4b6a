"""Reading and escaping XML over ``ms_xml``."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stddef cimport size_t

from multistore.wire._native.cext cimport (
    MS_BAD, MS_OK, MS_XML_END, MS_XML_LEAF, MS_XML_START, ms_span, ms_xml_escape,
    ms_xml_escaped_size, ms_xml_event, ms_xml_init, ms_xml_next, ms_xml_whole,
)
from multistore.wire._native.errors cimport raise_malformed_xml
from multistore.wire._native.spans cimport not_none, span_of, to_bytes

START = MS_XML_START
LEAF = MS_XML_LEAF
END = MS_XML_END

# Bytes for the name of one open element, on average; S3's longest is "AbortIncompleteMultipart…".
cdef enum:
    NAME_BYTES = 256


@cython.final
cdef class XmlReader:

    def __cinit__(self, *, size_t max_text=65536, size_t max_depth=16):
        self.text = <char*>PyMem_Malloc(max_text)
        self.names = <char*>PyMem_Malloc(max_depth * NAME_BYTES)
        self.starts = <size_t*>PyMem_Malloc(max_depth * sizeof(size_t))
        if self.text is NULL or self.names is NULL or self.starts is NULL:
            raise MemoryError
        ms_xml_init(&self.xml, self.text, max_text, self.names, max_depth * NAME_BYTES,
                    self.starts, max_depth)
        self.pending = b""

    def __dealloc__(self):
        PyMem_Free(self.text)
        PyMem_Free(self.names)
        PyMem_Free(self.starts)

    def feed(self, bytes data not None):
        cdef list events = []
        cdef ms_xml_event event
        cdef ms_span rest
        cdef int result = MS_BAD
        if not self.failed:
            if self.pending:
                data = self.pending + data
            rest = span_of(data)
            result = ms_xml_next(&self.xml, &rest, &event)
            while result == MS_OK:
                name = event.name.p[:event.name.n].decode("ascii")
                if event.kind == MS_XML_LEAF:
                    events.append((LEAF, name, to_bytes(event.text)))
                elif event.kind == MS_XML_START:
                    events.append((START, name, b""))
                else:
                    events.append((END, name, b""))
                result = ms_xml_next(&self.xml, &rest, &event)
            self.pending = to_bytes(rest)
        if result == MS_BAD:
            self.failed = True
            raise_malformed_xml()
        return events

    def close(self):
        if self.failed or self.pending or not ms_xml_whole(&self.xml):
            self.failed = True
            raise_malformed_xml()


cpdef bytes xml_escape(bytes data):
    not_none(data)
    cdef ms_span s = span_of(data)
    cdef size_t size = ms_xml_escaped_size(s)
    if size == s.n:  # fast path: nothing to escape
        return data
    escaped = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
    ms_xml_escape(s, PyBytes_AS_STRING(escaped))
    return escaped
