# cython: boundscheck=False, wraparound=False
# (the only array is bounded by the count that ms_query_split returns)
"""Request targets over ``ms_target`` and ``ms_uri``."""

cimport cython
from libc.stddef cimport size_t

from multistore.limits import KEY_MAX

from multistore.wire._native.cext cimport (
    MS_OK, ms_is_utf8, ms_key_is_unsafe, ms_pair, ms_query_split, ms_span, ms_target_split,
)
from multistore.wire._native.errors cimport raise_invalid_uri, raise_key_too_long
from multistore.wire._native.spans cimport not_none, span_of, to_bytes
from multistore.wire._native.uri cimport decode_span

cdef Py_ssize_t LONGEST_KEY = KEY_MAX
cdef dict NO_PARAMS = {}


@cython.final
@cython.freelist(64)
cdef class Target:

    @property
    def path(self):
        return to_bytes(self.parts.path)

    @property
    def query(self):
        return to_bytes(self.parts.query)


cdef str text(ms_span encoded, bint plus, str what):
    return text_of(decode_span(encoded, plus), what)


cdef str text_of(bytes data, str what):
    if not ms_is_utf8(span_of(data)):
        raise_invalid_uri(f"The {what} is not valid UTF-8.")
    return data.decode("utf-8")


cdef int read_params(Target target) except -1:
    cdef ms_pair pairs[MAX_PAIRS]
    cdef size_t count = 0, i
    if ms_query_split(target.parts.query, pairs, MAX_PAIRS, &count) != MS_OK:
        raise_invalid_uri("The query holds too many parameters.")
    cdef dict params = {}
    cdef list repeated = []
    for i in range(count):
        name = text(pairs[i].name, True, "name of a query parameter")
        value = decode_span(pairs[i].value, True)
        if not ms_is_utf8(span_of(value)):
            raise_invalid_uri("The value of a query parameter is not valid UTF-8.")
        if name not in params:
            params[name] = value
        elif name not in repeated:
            repeated.append(name)
    target.params = params
    target.repeated = tuple(repeated)
    return 0


cpdef Target parse_target(bytes target, str bucket=None):
    not_none(target)
    cdef Target parsed = Target.__new__(Target)
    parsed.raw = target
    if ms_target_split(span_of(target), bucket is not None, &parsed.parts) != MS_OK:
        if not target.startswith(b"/"):
            raise_invalid_uri("The request target does not start with a slash.")
        raise_invalid_uri("The request target holds a fragment.")

    parsed.bucket = text(parsed.parts.bucket, False, "bucket name") if bucket is None else bucket
    parsed.key = decode_span(parsed.parts.key, False)
    if not ms_is_utf8(span_of(parsed.key)):
        raise_invalid_uri("The object key is not valid UTF-8.")
    if len(parsed.key) > LONGEST_KEY:
        raise_key_too_long()
    parsed.unsafe_key = ms_key_is_unsafe(span_of(parsed.key))

    if parsed.parts.query.n == 0:  # fast path: most requests for objects
        parsed.params = NO_PARAMS
        parsed.repeated = ()
    else:
        read_params(parsed)
    return parsed
