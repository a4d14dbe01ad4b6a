from multistore.errors import S3Error

from multistore.wire._native.cext cimport (
    MS_AUTH_ABSENT, MS_AUTH_CREDENTIAL, MS_AUTH_FIELDS, MS_AUTH_NAMES, MS_AUTH_ORDER,
    MS_AUTH_REPEATED, MS_AUTH_SCHEME, MS_AUTH_SIGNATURE, MS_AUTH_SIGV2, MS_AUTH_SIGV4A,
    MS_AUTH_TWICE, MS_CHUNKED_AFTER, MS_CHUNKED_FINE, MS_CHUNKED_FRAME, MS_CHUNKED_LENGTH,
    MS_CHUNKED_SIGNATURE, MS_CHUNKED_SMALL, MS_CHUNKED_TRAILER, ms_auth_fault, ms_chunked,
    ms_head_fault, ms_head_reason, ms_span,
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


# S3's own texts, the first followed by what is the matter.
cdef str ENDED = "The request body terminated unexpectedly: "
cdef dict CHUNKED = {
    MS_CHUNKED_FINE: ("IncompleteBody", ENDED + "its last chunk or trailer is missing."),
    MS_CHUNKED_FRAME: ("IncompleteBody", ENDED + "it is not well-formed aws-chunked."),
    MS_CHUNKED_LENGTH: (
        "IncompleteBody", ENDED + "its chunks do not add up to x-amz-decoded-content-length.",
    ),
    MS_CHUNKED_AFTER: ("IncompleteBody", ENDED + "bytes follow its end."),
    MS_CHUNKED_SMALL: (
        "InvalidChunkSizeError",
        "Only the last chunk is allowed to have a size less than 8192 bytes",
    ),
    MS_CHUNKED_SIGNATURE: (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method.",
    ),
    MS_CHUNKED_TRAILER: (
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our"
        " published schema.",
    ),
}


cdef int raise_chunked(const ms_chunked* c) except -1:
    code, message = CHUNKED[c.fault]
    fields = ()
    if c.fault == MS_CHUNKED_SMALL:  # as S3 counts: the chunk that showed the one before too small
        fields = (("Chunk", str(c.chunks)), ("BadChunkSize", str(c.before)))
    raise S3Error(code, message, fields=fields)


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
