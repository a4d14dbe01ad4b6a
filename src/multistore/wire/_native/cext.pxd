# Declarations of cext/*.h, grouped by header. What the functions promise is said there.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

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
        MS_C_NAME
    bint ms_all(ms_span s, unsigned int classes)
    void ms_lower_in_place(char* p, size_t n)
    bint ms_breaks_line(ms_span s)
    bint ms_is_utf8(ms_span s)

cdef extern from "ms_crc.h" nogil:
    ctypedef enum ms_crc_kind:
        MS_CRC32
        MS_CRC32C
        MS_CRC64NVME
    uint64_t ms_crc_update(ms_crc_kind kind, uint64_t crc, ms_span data)

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
        MS_HEAD_TOO_LARGE
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

cdef extern from "ms_uri.h" nogil:
    size_t ms_uri_encoded_size(ms_span s, bint slash)
    char* ms_uri_encode(ms_span s, bint slash, char* out)
    int ms_uri_decode(ms_span s, bint plus, char* out, size_t* size)
    int ms_query_split(ms_span query, ms_pair* pairs, size_t cap, size_t* count)
    void ms_query_sort(ms_pair* pairs, size_t count, bint encoded)

cdef extern from "ms_names.h" nogil:
    ctypedef struct ms_names:
        ms_span* slots
        size_t mask
        const ms_span* prefixes
        size_t n_prefixes
    size_t ms_names_slots(size_t n)
    void ms_names_build(ms_names* set, ms_span* slots, const ms_span* names, size_t n,
                        const ms_span* prefixes, size_t n_prefixes)
    bint ms_names_has(const ms_names* set, ms_span name)

cdef extern from "ms_target.h" nogil:
    ctypedef struct ms_target:
        ms_span path
        ms_span query
        ms_span bucket
        ms_span key
    bint ms_key_is_unsafe(ms_span key)
    int ms_target_split(ms_span target, bint virtual_hosted, ms_target* out)
    void ms_target_cut(ms_span target, ms_span* path, ms_span* query)

cdef extern from "ms_sha256.h" nogil:
    enum:
        MS_SHA256_SIZE
        MS_SHA256_HEX
    ctypedef struct ms_hmac:
        pass
    void ms_sha256_of(ms_span data, uint8_t* out)
    void ms_hmac_of(const ms_hmac* key, ms_span data, uint8_t* out)
    void ms_sha256_hex(const uint8_t* hash, char* out)
    void ms_wipe(void* p, size_t n)

cdef extern from "ms_sigv4.h" nogil:
    ctypedef struct ms_authorization:
        ms_span credential
        ms_span access_key_id
        ms_span scope
        ms_span date
        ms_span region
        ms_span service
        ms_span signed_headers
        ms_span signature
    ctypedef enum ms_auth_fault:
        MS_AUTH_FINE
        MS_AUTH_SIGV2
        MS_AUTH_SIGV4A
        MS_AUTH_SCHEME
        MS_AUTH_FIELDS
        MS_AUTH_TWICE
        MS_AUTH_CREDENTIAL
        MS_AUTH_SIGNATURE
        MS_AUTH_NAMES
        MS_AUTH_ORDER
        MS_AUTH_REPEATED
        MS_AUTH_ABSENT
        MS_AUTH_UNSIGNED
    int ms_authorization_parse(ms_span value, ms_authorization* out, ms_auth_fault* why,
                               ms_span* about)
    bint ms_authorization_like(ms_span value, ms_span earlier, const ms_authorization* parts,
                               ms_authorization* out)
    int ms_signed_check(const char* base, const ms_head* head, ms_span signed_headers,
                        ms_auth_fault* why, ms_span* about)
    bint ms_signed_must(ms_span name)
    bint ms_signed_has(ms_span signed_headers, ms_span name)
    void ms_sigv4_key(ms_span secret, ms_span date, ms_span region, ms_span service, ms_hmac* out)
    ctypedef struct ms_sigv4_request:
        ms_span method
        ms_span path
        const ms_pair* pairs
        size_t n_pairs
        bint encoded
        ms_span payload
        ms_span amz_date
        ms_span scope
    void ms_sigv4_of_fields(const ms_hmac* key, const ms_sigv4_request* request,
                            const ms_pair* fields, size_t n, uint8_t* out)
    void ms_fields_sort(ms_pair* fields, size_t n)
    char* ms_fields_names(const ms_pair* fields, size_t n, char* out)
    bint ms_sigv4_verify(const ms_hmac* key, ms_sigv4_request* request, ms_pair* pairs,
                         const char* base, const ms_head* head,
                         const ms_authorization* authorization)

cdef extern from "ms_chain.h" nogil:
    ctypedef struct ms_chain:
        const ms_hmac* key
        ms_span amz_date
        ms_span scope
        char[64] last
    void ms_chain_chunk(ms_chain* chain, const uint8_t* hash)
    void ms_chain_trailer(ms_chain* chain, const uint8_t* hash)

cdef extern from "ms_chunked.h" nogil:
    enum:
        MS_CHUNKED_HEAD
    ctypedef enum ms_chunked_fault:
        MS_CHUNKED_FINE
        MS_CHUNKED_FRAME
        MS_CHUNKED_LENGTH
        MS_CHUNKED_SMALL
        MS_CHUNKED_SIGNATURE
        MS_CHUNKED_TRAILER
        MS_CHUNKED_AFTER
    ctypedef struct ms_chunked:
        ms_chunked_fault fault
        uint64_t decoded
        uint64_t chunks
        uint64_t before
    ctypedef enum ms_chunked_kind:
        MS_CHUNKED_DATA
        MS_CHUNKED_FIELD
        MS_CHUNKED_END
    ctypedef struct ms_chunked_event:
        ms_chunked_kind kind
        ms_span data
        ms_span name
        ms_span value
    void ms_chunked_init(ms_chunked* c, uint64_t length, uint64_t floor, bint trailing,
                         ms_chain* chain)
    int ms_chunked_next(ms_chunked* c, ms_span* data, ms_chunked_event* out)
    int ms_chunked_fail(ms_chunked* c, ms_chunked_fault fault)
    bint ms_chunked_whole(const ms_chunked* c)
    char* ms_chunked_head(uint64_t size, const char* mac, char* out)
    uint64_t ms_chunked_size(uint64_t length, uint64_t chunk, bint is_signed, uint64_t trailers)

cdef extern from "ms_render.h" nogil:
    ctypedef struct ms_signing:
        const ms_hmac* key
        ms_span credential
        ms_span scope
        ms_span token
        ms_span payload
        ms_span amz_date
    ctypedef struct ms_outbound:
        ms_span method
        ms_span target
        ms_span host
        const ms_pair* fields
        size_t n_fields
        int64_t content_length
        const ms_signing* signing
    size_t ms_render_request_bound(const ms_outbound* request)
    char* ms_render_request(const ms_outbound* request, ms_pair* signed_fields, ms_pair* query,
                            size_t query_cap, char* out)
    size_t ms_render_response_bound(const ms_pair* fields, size_t n_fields)
    char* ms_render_response(int status, const ms_pair* fields, size_t n_fields, char* out)

cdef extern from "ms_xml.h" nogil:
    ctypedef enum ms_xml_kind:
        MS_XML_START
        MS_XML_LEAF
        MS_XML_END
    ctypedef struct ms_xml_event:
        ms_xml_kind kind
        ms_span name
        ms_span text
    ctypedef struct ms_xml:
        pass
    void ms_xml_init(ms_xml* xml, char* text, size_t text_cap, char* names, size_t names_cap,
                     size_t* starts, size_t max_depth)
    int ms_xml_next(ms_xml* xml, ms_span* data, ms_xml_event* out)
    bint ms_xml_whole(const ms_xml* xml)
    size_t ms_xml_escaped_size(ms_span s)
    char* ms_xml_escape(ms_span s, char* out)
