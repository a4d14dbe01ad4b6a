from multistore.errors import S3Error

from multistore.wire._native.cext cimport (
    MS_AUTH_ABSENT, MS_AUTH_CREDENTIAL, MS_AUTH_FIELDS, MS_AUTH_NAMES, MS_AUTH_ORDER,
    MS_AUTH_REPEATED, MS_AUTH_SCHEME, MS_AUTH_SIGNATURE, MS_AUTH_SIGV2, MS_AUTH_SIGV4A,
    MS_AUTH_TWICE, ms_auth_fault, ms_head_fault, ms_head_reason, ms_span,
)


cdef int raise_bad_request(ms_head_fault fault) except -1:
    reason = ms_head_reason(fault).decode("ascii")
    raise S3Error("BadRequest", f"Malformed request: {reason}.", fatal=True)


cdef int raise_bad_response(ms_head_fault fault) except -1:
    reason = ms_head_reason(fault).decode("ascii")
    raise S3Error("BadGateway", f"Malformed response: {reason}.", fatal=True)


cdef dict AUTHORIZATION = {
    MS_AUTH_SIGV2: (
        "InvalidRequest",
        "Signature Version 2 is not supported. Please use Signature Version 4"
        " (AWS4-HMAC-SHA256; with boto3: Config(signature_version='s3v4')).",
    ),
    MS_AUTH_SIGV4A: ("NotImplemented", "Signature Version 4A is not supported."),
    MS_AUTH_SCHEME: (
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported."
        " Please use AWS4-HMAC-SHA256.",
    ),
    MS_AUTH_FIELDS: (
        "AuthorizationHeaderMalformed", "Expected Credential, SignedHeaders and Signature.",
    ),
    MS_AUTH_TWICE: ("AuthorizationHeaderMalformed", "{about} is given twice."),
    MS_AUTH_CREDENTIAL: (
        "AuthorizationHeaderMalformed",
        "The credential must be ACCESS_KEY/YYYYMMDD/REGION/SERVICE/aws4_request.",
    ),
    MS_AUTH_SIGNATURE: (
        "AuthorizationHeaderMalformed",
        "The signature must be 64 lower-case hexadecimal digits.",
    ),
    MS_AUTH_NAMES: (
        "AuthorizationHeaderMalformed",
        "SignedHeaders must be lower-case header names joined by ';'.",
    ),
    MS_AUTH_ORDER: (
        "AuthorizationHeaderMalformed",
        "SignedHeaders must be sorted and name each header once.",
    ),
    MS_AUTH_REPEATED: ("InvalidRequest", "The header {about} is given twice."),
    MS_AUTH_ABSENT: (
        "SignatureDoesNotMatch",
        "The request has no header {about}, which its signature covers.",
    ),
}


cdef int raise_authorization(ms_auth_fault fault, ms_span about) except -1:
    code, message = AUTHORIZATION[fault]
    raise S3Error(code, message.format(about=about.p[:about.n].decode("ascii")))


cdef int raise_not_signed(list names) except -1:
    raise S3Error(
        "AccessDenied",
        "There were headers present in the request which were not signed",
        fields=(("HeadersNotSigned", b", ".join(names).decode("ascii")),),
    )


cdef int raise_invalid_uri(str message) except -1:
    raise S3Error("InvalidURI", message)


cdef int raise_key_too_long() except -1:
    raise S3Error("KeyTooLongError", "Your key is too long.")


cdef int raise_malformed_xml() except -1:
    raise S3Error(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published"
        " schema.",
    )


cdef int raise_internal(str message) except -1:
    raise S3Error("InternalError", message)
