# Declarations of cext/*.h, grouped by header. What the functions promise is said there.

from libc.stdint cimport int64_t, uint32_t

cdef extern from "ms_base.h" nogil:
    ctypedef struct ms_span:
        const char* p
        size_t n
    ctypedef struct ms_pair:
        ms_span name
        ms_span value
    enum:
        MS_OK
        MS_MORE
        MS_OTHER
        MS_BAD
    bint ms_equal(ms_span a, ms_span b)

cdef extern from "ms_chars.h" nogil:
    enum:
        MS_C_TOKEN
        MS_C_VALUE
        MS_C_TARGET
    bint ms_all(ms_span s, unsigned int classes)
    void ms_lower_in_place(char* p, size_t n)

cdef extern from "ms_head.h" nogil:
    ctypedef struct ms_ref:
        uint32_t at
        uint32_t n
    ctypedef struct ms_field:
        ms_ref name
        ms_ref value
    enum:
        MS_GET
        MS_HEAD
        MS_PUT
        MS_POST
        MS_DELETE
        MS_OPTIONS
        MS_METHODS
    const ms_span* ms_method_names
    ctypedef struct ms_head:
        ms_field* fields
        uint32_t n_fields
        uint32_t size
        ms_ref target
        int method
        int status
        int version
        int64_t content_length
        bint chunked
        bint keep_alive
        bint expect_continue
        bint bodyless
    ctypedef enum ms_head_fault:
        MS_HEAD_FINE
        MS_HEAD_TOO_MANY_FIELDS
        MS_HEAD_METHOD
        MS_HEAD_TARGET
        MS_HEAD_VERSION
        MS_HEAD_STATUS
        MS_HEAD_NAME
        MS_HEAD_CONTROL
    const char* ms_head_reason(ms_head_fault fault)
    ctypedef struct ms_head_caps:
        size_t bytes
        size_t target
        uint32_t fields
    int ms_head_scan_request(ms_span data, const ms_head_caps* caps, ms_field* fields,
                             ms_head* out, ms_head_fault* why)
    int ms_head_scan_response(ms_span data, bint to_head, const ms_head_caps* caps,
                              ms_field* fields, ms_head* out, ms_head_fault* why)
    void ms_head_lower_names(char* base, const ms_head* head)
    ms_span ms_ref_span(const char* base, ms_ref ref)
    uint32_t ms_head_find(const char* base, const ms_head* head, ms_span name, uint32_t start)
