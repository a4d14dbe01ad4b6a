# cython: boundscheck=False, wraparound=False
# (no indexing of Python sequences here; the C arrays are bounded by n_fields)
"""Heads of requests and responses over the strict scanner of ``ms_head``."""

from sys import intern

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memcpy

from multistore.wire._native.cext cimport (
    MS_BAD, MS_C_TARGET, MS_C_TOKEN, MS_C_VALUE, MS_MORE, MS_OK, MS_OTHER, ms_all, ms_field, ms_head,
    ms_head_caps, ms_head_fault, ms_head_find, ms_head_lower_names, ms_head_reason,
    ms_head_scan_request, ms_head_scan_response, ms_ref, ms_ref_span, ms_span, ms_method_names,
    MS_METHODS, MS_HEAD_CONTROL, MS_HEAD_FINE, MS_HEAD_METHOD, MS_HEAD_NAME, MS_HEAD_STATUS,
    MS_HEAD_TARGET, MS_HEAD_TOO_MANY_FIELDS, MS_HEAD_VERSION,
)
from multistore.wire._native.errors cimport raise_bad_request, raise_bad_response
from multistore.wire._native.names cimport HeaderSet
from multistore.wire._native.spans cimport not_none, span_of, to_bytes

ORDINARY = MS_OK
MORE = MS_MORE
OTHER = MS_OTHER
BAD = MS_BAD

cdef tuple METHODS = tuple([
    intern(ms_method_names[i].p[:ms_method_names[i].n].decode("ascii")) for i in range(MS_METHODS)
])


# --- What both heads share --------------------------------------------------------------------

cdef inline bytes ref_to_bytes(bytes raw, ms_ref ref):
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(raw) + ref.at, ref.n)


cdef inline ms_head_caps room_for(const ms_head_caps* caps) noexcept:
    """The caps, but never more fields than there is room for, whatever a caller asks."""
    return ms_head_caps(caps.bytes, caps.target, min(caps.fields, <uint32_t>MAX_FIELDS))


cdef bytes copy_head(const char* p, const ms_head* scanned, ms_head* out):
    """Copies bytes and fields of a scanned head; `out.fields` is to be freed by its owner."""
    cdef size_t size = scanned.n_fields * sizeof(ms_field)
    assert scanned.n_fields <= MAX_FIELDS  # render.pyx counts on it
    raw = PyBytes_FromStringAndSize(p, scanned.size)
    ms_head_lower_names(PyBytes_AS_STRING(raw), scanned)
    out[0] = scanned[0]
    out.fields = <ms_field*>PyMem_Malloc(size)
    if out.fields is NULL:
        raise MemoryError
    memcpy(out.fields, scanned.fields, size)
    return raw


cdef bytes first_value(bytes raw, const ms_head* head, bytes name):
    cdef uint32_t i = ms_head_find(PyBytes_AS_STRING(raw), head, span_of(name), 0)
    return None if i == head.n_fields else ref_to_bytes(raw, head.fields[i].value)


cdef list all_values(bytes raw, const ms_head* head, bytes name):
    cdef list values = []
    cdef uint32_t i = ms_head_find(PyBytes_AS_STRING(raw), head, span_of(name), 0)
    while i < head.n_fields:
        values.append(ref_to_bytes(raw, head.fields[i].value))
        i = ms_head_find(PyBytes_AS_STRING(raw), head, span_of(name), i + 1)
    return values


cdef list all_items(bytes raw, const ms_head* head):
    return [
        (ref_to_bytes(raw, head.fields[i].name), ref_to_bytes(raw, head.fields[i].value))
        for i in range(head.n_fields)
    ]


cdef bytes render_parts(bytes start_line, fields, ms_head_fault* fault):
    """A head in its canonical spelling, so that parts meet the scanner's checks and no others.
    What could end a name or a line early is a fault here: the scanner would see two fields."""
    cdef list lines = [start_line]
    cdef bytes name, value
    fault[0] = MS_HEAD_FINE
    for name, value in fields:
        not_none(name)
        not_none(value)
        if not ms_all(span_of(name), MS_C_TOKEN):
            fault[0] = MS_HEAD_NAME
        elif value and not ms_all(span_of(value), MS_C_VALUE):
            fault[0] = MS_HEAD_CONTROL
        lines.append(b"%b: %b" % (name, value))
    if len(lines) - 1 > MAX_FIELDS:
        fault[0] = MS_HEAD_TOO_MANY_FIELDS
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


# --- Requests ---------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class RequestHead:

    def __dealloc__(self):
        PyMem_Free(self.head.fields)

    def __init__(self, str method not None, bytes target not None, int version, fields):
        if method not in METHODS:
            raise_bad_request(MS_HEAD_METHOD)
        if version != 10 and version != 11:
            raise_bad_request(MS_HEAD_VERSION)
        if not ms_all(span_of(target), MS_C_TARGET):
            raise_bad_request(MS_HEAD_TARGET)
        fields = tuple(fields)
        origin = self.adopt_parts(method, target, version, fields)
        if not target.startswith(b"/"):
            # absolute-form: once its authority has passed as the Host, it is an origin-form
            # whose path may be left out (RFC 9112 3.2.1).
            self.adopt_parts(
                method, origin if origin.startswith(b"/") else b"/" + origin, version, fields)

    cdef bytes adopt_parts(self, str method, bytes target, int version, tuple fields):
        """Returns the target without scheme and authority."""
        cdef ms_field scratch[MAX_FIELDS]
        cdef ms_head scanned
        cdef ms_head_fault fault
        cdef ms_head_caps caps = ms_head_caps(<size_t>-1, <size_t>-1, MAX_FIELDS)
        start_line = b"%b %b HTTP/1.%d" % (method.encode("ascii"), target, version - 10)
        canonical = render_parts(start_line, fields, &fault)
        if fault != MS_HEAD_FINE:
            raise_bad_request(fault)
        verdict = ms_head_scan_request(span_of(canonical), &caps, scratch, &scanned, &fault)
        if verdict != MS_OK and verdict != MS_OTHER:
            raise_bad_request(fault)
        self.adopt(PyBytes_AS_STRING(canonical), &scanned)
        return ref_to_bytes(canonical, scanned.target)

    cdef int adopt(self, const char* p, const ms_head* scanned) except -1:
        """Takes a copy of a scanned head. Called once in an object's life, or again by a
        repeated __init__."""
        PyMem_Free(self.head.fields)
        self.head.fields = NULL
        self.raw = copy_head(p, scanned, &self.head)
        self.method = <str>METHODS[scanned.method]
        self.version = scanned.version
        self.content_length = scanned.content_length
        self.chunked = scanned.chunked
        self.keep_alive = scanned.keep_alive
        self.expect_continue = scanned.expect_continue
        return 0

    @property
    def target(self):
        return ref_to_bytes(self.raw, self.head.target)

    cpdef object get(self, bytes name):
        not_none(name)
        return first_value(self.raw, &self.head, name)

    def get_all(self, bytes name not None):
        return all_values(self.raw, &self.head, name)

    def items(self):
        return all_items(self.raw, &self.head)

    cpdef object first_outside(self, bytes prefix, HeaderSet known):
        cdef size_t n = <size_t>PyBytes_GET_SIZE(prefix)
        cdef ms_span name
        cdef uint32_t i
        not_none(prefix)
        if known is None:
            raise TypeError("expected a HeaderSet, got None")
        for i in range(self.head.n_fields):
            name = ms_ref_span(PyBytes_AS_STRING(self.raw), self.head.fields[i].name)
            if name.n >= n and memcmp(name.p, PyBytes_AS_STRING(prefix), n) == 0 \
                    and not known.has(name):
                return to_bytes(name)
        return None

    def __repr__(self):
        # Neither the query (it may be presigned) nor any field.
        return f"<RequestHead {self.method} {self.target.partition(b'?')[0]!r}>"


cdef RequestHead scan_request_c(
        const char* p, size_t n, const ms_head_caps* caps, ms_scan* out):
    cdef ms_field scratch[MAX_FIELDS]
    cdef ms_head scanned
    cdef ms_head_caps within = room_for(caps)
    cdef RequestHead head
    out.consumed = 0
    out.verdict = ms_head_scan_request(ms_span(p, n), &within, scratch, &scanned, &out.fault)
    if out.verdict == MS_OTHER:
        out.consumed = scanned.size
    if out.verdict != MS_OK:
        return None
    head = RequestHead.__new__(RequestHead)
    head.adopt(p, &scanned)
    out.consumed = scanned.size
    return head


def scan_request(bytes data not None, *, size_t max_bytes=32768, uint32_t max_fields=100,
                 size_t max_target=8192):
    cdef ms_head_caps caps = ms_head_caps(max_bytes, max_target, max_fields)
    cdef ms_scan scan
    head = scan_request_c(PyBytes_AS_STRING(data), <size_t>PyBytes_GET_SIZE(data), &caps, &scan)
    return scan.verdict, head, scan.consumed, ms_head_reason(scan.fault).decode("ascii")


# --- Responses --------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class ResponseHead:

    def __dealloc__(self):
        PyMem_Free(self.head.fields)

    def __init__(self, int status, int version, fields):
        cdef ms_field scratch[MAX_FIELDS]
        cdef ms_head scanned
        cdef ms_head_fault fault
        cdef ms_head_caps caps = ms_head_caps(<size_t>-1, 0, MAX_FIELDS)
        if status < 100 or status > 599 or (version != 10 and version != 11):
            raise_bad_response(MS_HEAD_STATUS)
        start_line = b"HTTP/1.%d %d " % (version - 10, status)
        canonical = render_parts(start_line, fields, &fault)
        if fault != MS_HEAD_FINE:
            raise_bad_response(fault)
        # The method of the request is not known here, so a missing length is no fault.
        if ms_head_scan_response(
                span_of(canonical), True, &caps, scratch, &scanned, &fault) != MS_OK:
            raise_bad_response(fault)
        scanned.bodyless = status < 200 or status == 204 or status == 304
        self.adopt(PyBytes_AS_STRING(canonical), &scanned)

    cdef int adopt(self, const char* p, const ms_head* scanned) except -1:
        PyMem_Free(self.head.fields)
        self.head.fields = NULL
        self.raw = copy_head(p, scanned, &self.head)
        self.status = scanned.status
        self.version = scanned.version
        self.content_length = scanned.content_length
        self.chunked = scanned.chunked
        self.keep_alive = scanned.keep_alive
        self.bodyless = scanned.bodyless
        return 0

    def get(self, bytes name not None):
        return first_value(self.raw, &self.head, name)

    def get_all(self, bytes name not None):
        return all_values(self.raw, &self.head, name)

    def items(self):
        return all_items(self.raw, &self.head)

    def __repr__(self):
        return f"<ResponseHead {self.status}>"


cdef ResponseHead scan_response_c(
        const char* p, size_t n, bint to_head, const ms_head_caps* caps, ms_scan* out):
    cdef ms_field scratch[MAX_FIELDS]
    cdef ms_head scanned
    cdef ms_head_caps within = room_for(caps)
    cdef ResponseHead head
    out.consumed = 0
    out.verdict = ms_head_scan_response(
        ms_span(p, n), to_head, &within, scratch, &scanned, &out.fault)
    if out.verdict != MS_OK:
        return None
    head = ResponseHead.__new__(ResponseHead)
    head.adopt(p, &scanned)
    out.consumed = scanned.size
    return head


def scan_response(bytes data not None, str method not None, *, size_t max_bytes=65536,
                  uint32_t max_fields=200):
    cdef ms_head_caps caps = ms_head_caps(max_bytes, 0, max_fields)
    cdef ms_scan scan
    head = scan_response_c(PyBytes_AS_STRING(data), <size_t>PyBytes_GET_SIZE(data),
                           method == "HEAD", &caps, &scan)
    return scan.verdict, head, scan.consumed, ms_head_reason(scan.fault).decode("ascii")
