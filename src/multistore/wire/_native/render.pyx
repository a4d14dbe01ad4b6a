# cython: boundscheck=False, wraparound=False
# (no indexing of Python sequences here; what bounds the C arrays is said at MAX_OUT)
"""Writing heads over ``ms_render``: the last function before the wire (law 4)."""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stddef cimport size_t
from libc.stdint cimport int64_t

from multistore.wire._native.cext cimport (
    MS_C_NAME, MS_C_TARGET, MS_C_TOKEN, ms_all, ms_breaks_line, ms_equal, ms_fields_sort, ms_head,
    ms_outbound, ms_pair, ms_ref_span, ms_render_request,
    ms_render_request_bound, ms_render_response, ms_render_response_bound, ms_signing, ms_span,
)
from multistore.wire._native.errors cimport raise_internal
from multistore.wire._native.head cimport MAX_FIELDS, RequestHead, ResponseHead
from multistore.wire._native.names cimport HeaderSet
from multistore.wire._native.sigv4 cimport Signer
from multistore.wire._native.spans cimport not_none, span_of, to_bytes
from multistore.wire._native.target cimport MAX_PAIRS

cdef enum:
    # Fields of a head that leaves. No RequestHead or ResponseHead holds more than MAX_FIELDS
    # (the scans write into arrays of that size), and no more than MAX_ADDED are added to them
    # (checked in add_fields and response_head).
    MAX_OUT = MAX_FIELDS + MAX_ADDED
    # Those, and what signing adds: host, date, payload, token (ms_render.h).
    MAX_SIGNED = MAX_OUT + 4

# Fields of a client's head that speak to us, not to the backend.
cdef HeaderSet NEVER_FORWARDED = HeaderSet((
    b"host", b"content-length", b"connection", b"transfer-encoding", b"authorization", b"expect",
    b"x-amz-date", b"x-amz-content-sha256", b"x-amz-security-token",
))
# Fields of a backend's head that frame its message, not ours.
cdef HeaderSet NEVER_RELAYED = HeaderSet((
    b"content-length", b"transfer-encoding", b"connection", b"keep-alive",
))


cdef int check_line(ms_span s) except -1:
    if ms_breaks_line(s):
        raise_internal("A header would have broken its line.")
    return 0


# Where heads are written: the longest that may be scanned, and as much again of ours. Whoever
# gets a span of it uses it before the next head is written.
cdef char OUT[131072]


cdef ms_span written(const char* end) noexcept:
    cdef const char* start = &OUT[0]
    return ms_span(start, <size_t>(end - start))


cdef int check_room(size_t size) except -1:
    if size > sizeof(OUT):
        raise_internal("A head would have been too large.")
    return 0


cdef int too_many_added() except -1:
    raise_internal("Too many header fields were added.")
    return 0


cdef size_t add_fields(object fields, ms_pair* out, size_t room) except? 0:
    """Pairs that point into ``fields``, whose names are in lower case. Their number."""
    cdef size_t n = 0
    cdef bytes name, value
    for name, value in fields:
        not_none(name)
        not_none(value)
        if n == room:
            too_many_added()
        out[n] = ms_pair(span_of(name), span_of(value))
        check_line(out[n].name)
        check_line(out[n].value)
        n += 1
    return n


cdef tuple lower_names(fields):
    """The fields with their names in lower case."""
    cdef list lowered = []
    cdef bytes name
    for name, value in fields:
        not_none(name)
        lowered.append((name.lower(), value))
    return tuple(lowered)


cdef bint replaced(ms_span name, const ms_pair* added, size_t n) noexcept:
    cdef size_t i
    for i in range(n):
        if ms_equal(added[i].name, name):
            return True
    return False


cdef size_t gather(bytes raw, const ms_head* head, HeaderSet keep, HeaderSet never,
                   const ms_pair* added, size_t n_added, ms_pair* out) noexcept:
    """What ``keep`` lets through of a head (NULL: none), then what is added, which replaces by
    name: MAX_OUT pairs at most. Scanned values hold no CR, LF or NUL."""
    cdef size_t count = 0, i
    cdef ms_span s
    if head is not NULL and keep is not None:
        for i in range(head.n_fields):
            s = ms_ref_span(PyBytes_AS_STRING(raw), head.fields[i].name)
            if keep.has(s) and not never.has(s) and not replaced(s, added, n_added):
                out[count] = ms_pair(s, ms_ref_span(PyBytes_AS_STRING(raw), head.fields[i].value))
                count += 1
    for i in range(n_added):
        out[count] = added[i]
        count += 1
    return count


cdef ms_span request_head(str method, bytes target, bytes host, RequestHead head, HeaderSet keep,
                          object add, int64_t content_length, bytes payload, Signer signer,
                          bytes amz_date) except *:
    cdef ms_pair added[MAX_ADDED]
    cdef ms_pair fields[MAX_OUT]
    cdef ms_pair signed_fields[MAX_SIGNED]
    cdef ms_pair query[MAX_PAIRS]
    cdef ms_outbound request
    cdef ms_signing signing
    cdef Py_ssize_t size
    cdef size_t n_added = add_fields(add, added, MAX_ADDED)
    cdef const char* end
    if target and not ms_all(span_of(target), MS_C_TARGET | MS_C_TOKEN | MS_C_NAME):
        raise_internal("The request target would have broken its line.")
    check_line(span_of(host))
    request.method.p = PyUnicode_AsUTF8AndSize(method, &size)
    request.method.n = <size_t>size
    request.target = span_of(target)
    request.host = span_of(host)
    request.content_length = content_length
    request.n_fields = gather(
        None if head is None else head.raw, NULL if head is None else &head.head, keep,
        NEVER_FORWARDED, added, n_added, fields)
    ms_fields_sort(fields, request.n_fields)
    request.fields = fields
    request.signing = NULL
    if signer is not None:
        signer.prepare(amz_date)
        check_line(span_of(amz_date))
        check_line(span_of(payload))
        signing.key = &signer.key.key
        signing.credential = span_of(signer.credential)
        signing.scope = scope_of(signer)
        signing.token = ms_span(NULL, 0)
        if signer.session_token is not None:
            signing.token = span_of(signer.session_token)
            check_line(signing.token)
        signing.payload = span_of(payload)
        signing.amz_date = span_of(amz_date)
        request.signing = &signing
    check_room(ms_render_request_bound(&request))
    end = ms_render_request(&request, signed_fields, query, MAX_PAIRS, &OUT[0])
    if end is NULL:
        raise_internal("The request target has too many query parameters.")
    return written(end)


cdef ms_span scope_of(Signer signer) noexcept:
    """The credential after ``ACCESS_KEY/``."""
    cdef ms_span credential = span_of(signer.credential)
    cdef size_t skip = <size_t>signer.scope_at
    return ms_span(credential.p + skip, credential.n - skip)


cdef ms_span response_head(int status, ResponseHead head, HeaderSet keep, const ms_pair* added,
                           size_t n_added) except *:
    cdef ms_pair fields[MAX_OUT]
    cdef size_t count
    if n_added > MAX_ADDED:
        too_many_added()
    if status < 100 or status > 599:
        raise_internal("There is no such status.")
    count = gather(
        None if head is None else head.raw, NULL if head is None else &head.head, keep,
        NEVER_RELAYED, added, n_added, fields)
    check_room(ms_render_response_bound(fields, count))
    return written(ms_render_response(status, fields, count, &OUT[0]))


def write_request_head(str method not None, bytes target not None, bytes host not None,
                       RequestHead head, HeaderSet keep, add, int64_t content_length,
                       bytes payload not None, Signer signer, bytes amz_date not None):
    return to_bytes(request_head(method, target, host, head, keep, lower_names(add),
                                 content_length, payload, signer, amz_date))


def write_response_head(int status, ResponseHead head, HeaderSet keep, add):
    cdef ms_pair added[MAX_ADDED]
    cdef tuple fields = lower_names(add)
    return to_bytes(response_head(status, head, keep, added, add_fields(fields, added, MAX_ADDED)))
