# Signature Version 4: what a client sent, keys, and the credential of a backend.

from multistore.wire._native.cext cimport ms_authorization, ms_hmac, ms_span
from multistore.wire._native.head cimport RequestHead
from multistore.wire._native.target cimport Target


cdef class SigningKey:
    cdef ms_hmac key            # wiped when the object dies


cdef class Authorization:
    cdef bytes value            # as sent; spans point into it
    cdef ms_authorization parts
    # Made when asked for, and taken over by the next one that is alike
    cdef bytes whole_credential
    cdef str key_id
    cdef str day


cdef class Signer:
    # Owner of the credential; nothing here is visible from Python
    cdef str access_key_id
    cdef str secret_access_key
    cdef str region
    cdef str service
    cdef bytes session_token    # None without one
    # The key of the current day
    cdef bytes date             # YYYYMMDD
    cdef bytes credential       # ACCESS_KEY/DATE/REGION/SERVICE/aws4_request
    cdef size_t scope_at        # where DATE stands in `credential`
    cdef SigningKey key

    # Makes `key` and `credential` fit the day of `amz_date`.
    cdef int prepare(self, bytes amz_date) except -1


# For the overlays of the gateway; the contract is that of the kernel.
cpdef Authorization parse_authorization(bytes value, Authorization like=*)
cpdef object check_signed_headers(RequestHead head, Authorization authorization)
cpdef bint verify(RequestHead head, Target target, Authorization authorization, SigningKey key,
                  bytes amz_date, bytes payload) except -1
