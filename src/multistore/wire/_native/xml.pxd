# XML as S3 and its clients write it.

from multistore.wire._native.cext cimport ms_xml


cdef class XmlReader:
    cdef ms_xml xml
    cdef char* text             # buffers of `xml`, owned here
    cdef char* names
    cdef size_t* starts
    cdef bytes pending          # an unfinished token
    cdef bint failed


cpdef bytes xml_escape(bytes data)
