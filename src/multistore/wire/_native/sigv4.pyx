# cython: boundscheck=False, wraparound=False
# (arrays are bounded by MAX_PAIRS, which the C library gets as a cap, and MAX_FIELDS)
"""Signature Version 4 over ``ms_sigv4``."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from multistore.wire._native.cext cimport (
    MS_AUTH_FINE, MS_AUTH_UNSIGNED, MS_OK, MS_SHA256_HEX, MS_SHA256_SIZE, ms_auth_fault,
    ms_authorization_like, ms_authorization_parse, ms_equal, ms_fields_names, ms_fields_sort, ms_hmac_of,
    ms_method_names, ms_pair, ms_query_sort, ms_query_split, ms_ref_span, ms_sha256_hex,
    ms_signed_check, ms_signed_has, ms_signed_must, ms_sigv4_key, ms_sigv4_of_fields,
    ms_sigv4_request, ms_sigv4_verify, ms_span, ms_target_cut, ms_wipe,
)
from multistore.wire._native.errors cimport raise_authorization, raise_not_signed
from multistore.wire._native.head cimport MAX_FIELDS, RequestHead
from multistore.wire._native.spans cimport not_none, span_of, to_bytes
from multistore.wire._native.target cimport MAX_PAIRS, Target
from multistore.wire._native.uri cimport percent_decode, percent_encode

cdef ms_span X_AMZ_SIGNATURE = ms_span(b"X-Amz-Signature", 15)


@cython.final
cdef class SigningKey:

    def __cinit__(self, str secret not None, str date not None, str region not None,
                  str service not None):
        cdef bytes s = secret.encode(), d = date.encode(), r = region.encode()
        cdef bytes v = service.encode()
        ms_sigv4_key(span_of(s), span_of(d), span_of(r), span_of(v), &self.key)

    def __dealloc__(self):
        ms_wipe(&self.key, sizeof(self.key))

    def sign(self, bytes data not None):
        cdef uint8_t mac[MS_SHA256_SIZE]
        ms_hmac_of(&self.key, span_of(data), mac)
        return hex_of(mac)


cdef bytes hex_of(const uint8_t* mac):
    digits = PyBytes_FromStringAndSize(NULL, MS_SHA256_HEX)
    ms_sha256_hex(mac, PyBytes_AS_STRING(digits))
    return digits


# --- What a client sent -----------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class Authorization:

    @property
    def credential(self):
        if self.whole_credential is None:
            self.whole_credential = to_bytes(self.parts.credential)
        return self.whole_credential

    @property
    def access_key_id(self):
        if self.key_id is None:
            self.key_id = to_bytes(self.parts.access_key_id).decode("ascii")
        return self.key_id

    @property
    def date(self):
        if self.day is None:
            self.day = to_bytes(self.parts.date).decode("ascii")
        return self.day

    @property
    def region(self):
        return to_bytes(self.parts.region).decode("ascii")

    @property
    def service(self):
        return to_bytes(self.parts.service).decode("ascii")

    @property
    def signed_headers(self):
        return to_bytes(self.parts.signed_headers)

    @property
    def signature(self):
        return to_bytes(self.parts.signature)


cpdef Authorization parse_authorization(bytes value, Authorization like=None):
    not_none(value)
    cdef ms_auth_fault fault = MS_AUTH_FINE
    cdef ms_span about = ms_span(NULL, 0)
    cdef Authorization authorization = Authorization.__new__(Authorization)
    authorization.value = value
    if like is not None and ms_authorization_like(
            span_of(value), span_of(like.value), &like.parts, &authorization.parts):
        # Fast path: the same client again.
        authorization.whole_credential = like.whole_credential
        authorization.key_id = like.key_id
        authorization.day = like.day
        return authorization
    if ms_authorization_parse(span_of(value), &authorization.parts, &fault, &about) != MS_OK:
        raise_authorization(fault, about)
    return authorization


cdef inline int given(object one, object other) except -1:
    """What ``not None`` says in a signature that Cython code cannot call directly."""
    if one is None or other is None:
        raise TypeError("expected an object, got None")
    return 0


cpdef object check_signed_headers(RequestHead head, Authorization authorization):
    given(head, authorization)
    cdef ms_auth_fault fault = MS_AUTH_FINE
    cdef ms_span about = ms_span(NULL, 0)
    if ms_signed_check(PyBytes_AS_STRING(head.raw), &head.head, authorization.parts.signed_headers,
                       &fault, &about) == MS_OK:
        return
    if fault == MS_AUTH_UNSIGNED:
        raise_not_signed(unsigned_names(head, authorization.parts.signed_headers))
    raise_authorization(fault, about)


cdef list unsigned_names(RequestHead head, ms_span signed_headers):
    """Names that must be signed and are not: in order, each once, ``host`` first."""
    cdef ms_span name
    cdef uint32_t i
    cdef list names = []
    if not ms_signed_has(signed_headers, ms_span(b"host", 4)):
        names.append(b"host")
    for i in range(head.head.n_fields):
        name = ms_ref_span(PyBytes_AS_STRING(head.raw), head.head.fields[i].name)
        if ms_signed_must(name) and not ms_signed_has(signed_headers, name):
            names.append(to_bytes(name))
    return list(dict.fromkeys(names))


cpdef bint verify(RequestHead head, Target target, Authorization authorization, SigningKey key,
                  bytes amz_date, bytes payload) except -1:
    given(head, authorization)
    given(target, key)
    not_none(amz_date)
    not_none(payload)
    return holds(head, target, authorization, key, amz_date, payload, False)


def verify_presigned(RequestHead head not None, Target target not None,
                     Authorization authorization not None, SigningKey key not None,
                     bytes amz_date not None, bytes payload not None=b"UNSIGNED-PAYLOAD"):
    return holds(head, target, authorization, key, amz_date, payload, True)


cdef bint holds(RequestHead head, Target target, Authorization authorization, SigningKey key,
                bytes amz_date, bytes payload, bint presigned) except -1:
    cdef ms_pair pairs[MAX_PAIRS]
    cdef ms_sigv4_request request
    request.method = ms_method_names[head.head.method]
    request.path = target.parts.path
    request.payload = span_of(payload)
    request.amz_date = span_of(amz_date)
    request.scope = authorization.parts.scope
    # parse_target has refused what does not fit.
    if ms_query_split(target.parts.query, pairs, MAX_PAIRS, &request.n_pairs) != MS_OK:
        return False
    if presigned:
        request.n_pairs = without_signature(pairs, request.n_pairs)
    return ms_sigv4_verify(&key.key, &request, pairs, PyBytes_AS_STRING(head.raw), &head.head,
                           &authorization.parts)


cdef size_t without_signature(ms_pair* pairs, size_t count) except? 0:
    """Leaves X-Amz-Signature out, however its name is spelt in escapes."""
    cdef size_t i, kept = 0
    for i in range(count):
        if ms_equal(pairs[i].name, X_AMZ_SIGNATURE):
            continue
        if percent_decode(to_bytes(pairs[i].name), True) == b"X-Amz-Signature":
            continue
        pairs[kept] = pairs[i]
        kept += 1
    return kept


# --- What we sign -----------------------------------------------------------------------------

cdef class SignedFields:
    """Header fields ready for the canonical request: names in lower case, sorted."""

    cdef list owner             # keeps the bytes alive
    cdef ms_pair fields[MAX_FIELDS]
    cdef size_t count
    cdef readonly bytes names   # joined by ";"

    def __cinit__(self, headers):
        cdef bytes name, value
        self.owner = []
        for name, value in headers:
            not_none(name)
            not_none(value)
            self.owner.append((name.lower(), value))
        if len(self.owner) > MAX_FIELDS:
            raise ValueError(f"more than {MAX_FIELDS} headers to sign")
        size = 0
        for name, value in self.owner:
            self.fields[self.count] = ms_pair(span_of(name), span_of(value))
            self.count += 1
            size += len(name) + 1
        ms_fields_sort(self.fields, self.count)
        names = PyBytes_FromStringAndSize(NULL, size)
        end = ms_fields_names(self.fields, self.count, PyBytes_AS_STRING(names))
        self.names = names[:end - PyBytes_AS_STRING(names)]

    cdef bytes signature(self, str method, bytes target, bytes payload, bytes amz_date,
                         bytes scope, SigningKey key):
        cdef ms_pair pairs[MAX_PAIRS]
        cdef uint8_t mac[MS_SHA256_SIZE]
        cdef ms_sigv4_request request
        cdef ms_span query
        cdef bytes verb = method.encode("ascii")
        request.method = span_of(verb)
        ms_target_cut(span_of(target), &request.path, &query)
        request.pairs = pairs
        if ms_query_split(query, pairs, MAX_PAIRS, &request.n_pairs) != MS_OK:
            raise ValueError(f"more than {MAX_PAIRS} query parameters to sign")
        request.encoded = False
        ms_query_sort(pairs, request.n_pairs, False)
        request.payload = span_of(payload)
        request.amz_date = span_of(amz_date)
        request.scope = span_of(scope)
        ms_sigv4_of_fields(&key.key, &request, self.fields, self.count, mac)
        return hex_of(mac)


def sign(str method not None, bytes target not None, headers, *, str access_key_id,
         str secret_access_key, str amz_date, str region, str payload, str service="s3"):
    cdef SignedFields fields = SignedFields(headers)
    date = amz_date[:8]
    scope = f"{date}/{region}/{service}/aws4_request".encode()
    signature = fields.signature(
        method, target, payload.encode(), amz_date.encode(), scope,
        SigningKey(secret_access_key, date, region, service))
    return b"AWS4-HMAC-SHA256 Credential=%b/%b, SignedHeaders=%b, Signature=%b" % (
        access_key_id.encode(), scope, fields.names, signature)


def presign(str method not None, bytes target not None, str host not None, *, str access_key_id,
            str secret_access_key, str amz_date, int expires, str region,
            str session_token=None, str service="s3", headers=()):
    cdef SignedFields fields = SignedFields([(b"host", host.encode()), *headers])
    date = amz_date[:8]
    scope = f"{date}/{region}/{service}/aws4_request".encode()
    params = [
        (b"X-Amz-Algorithm", b"AWS4-HMAC-SHA256"),
        (b"X-Amz-Credential", access_key_id.encode() + b"/" + scope),
        (b"X-Amz-Date", amz_date.encode()),
        (b"X-Amz-Expires", b"%d" % expires),
    ]
    if session_token is not None:
        params.append((b"X-Amz-Security-Token", session_token.encode()))
    params.append((b"X-Amz-SignedHeaders", fields.names))
    added = b"&".join([b"%b=%b" % (name, percent_encode(value)) for name, value in params])
    path, _, query = target.partition(b"?")
    presigned = b"%b?%b" % (path, query + b"&" + added if query else added)
    signature = fields.signature(
        method, presigned, b"UNSIGNED-PAYLOAD", amz_date.encode(), scope,
        SigningKey(secret_access_key, date, region, service))
    return presigned + b"&X-Amz-Signature=" + signature


@cython.final
cdef class Signer:

    def __cinit__(self, str access_key_id not None, str secret_access_key not None,
                  str region not None, str session_token=None, str service not None="s3"):
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.region = region
        self.service = service
        self.session_token = None if session_token is None else session_token.encode()
        self.date = b""

    cdef int prepare(self, bytes amz_date) except -1:
        cdef ms_span today = span_of(amz_date)
        if today.n > 8:
            today.n = 8
        if ms_equal(today, span_of(self.date)):  # fast path: the same day
            return 0
        date = to_bytes(today).decode("ascii")
        self.key = SigningKey(self.secret_access_key, date, self.region, self.service)
        self.credential = (
            f"{self.access_key_id}/{date}/{self.region}/{self.service}/aws4_request".encode())
        self.scope_at = <size_t>len(self.access_key_id.encode()) + 1
        self.date = to_bytes(today)
        return 0
