/* AWS Signature Version 4 ("Create a signed AWS API request", AWS IAM User Guide; for S3's
 * deviations "Authenticating Requests" in the S3 API reference). */
#ifndef MS_SIGV4_H
#define MS_SIGV4_H

#include "ms_head.h"
#include "ms_sha256.h"

/* --- What a client sent -----------------------------------------------------------------------*/

typedef struct {
    ms_span credential; /* ACCESS_KEY/DATE/REGION/SERVICE/aws4_request */
    ms_span access_key_id;
    ms_span scope; /* DATE/REGION/SERVICE/aws4_request */
    ms_span date;
    ms_span region;
    ms_span service;
    ms_span signed_headers;
    ms_span signature;           /* 64 hex digits */
    uint8_t mac[MS_SHA256_SIZE]; /* the same, decoded */
} ms_authorization;

typedef enum {
    MS_AUTH_FINE,
    MS_AUTH_SIGV2,      /* scheme "AWS" */
    MS_AUTH_SIGV4A,     /* scheme "AWS4-ECDSA-P256-SHA256" */
    MS_AUTH_SCHEME,     /* another scheme */
    MS_AUTH_FIELDS,     /* not Credential, SignedHeaders and Signature */
    MS_AUTH_TWICE,      /* `about` is given twice */
    MS_AUTH_CREDENTIAL, /* not five parts of the right form */
    MS_AUTH_SIGNATURE,  /* not 64 lower-case hex digits */
    MS_AUTH_NAMES,      /* SignedHeaders: a name that is empty or not in lower case */
    MS_AUTH_ORDER,      /* SignedHeaders: not sorted, or a name repeated */
    MS_AUTH_REPEATED,   /* the field `about` occurs more than once in the head */
    MS_AUTH_ABSENT,     /* the signed name `about` does not occur in the head */
    MS_AUTH_UNSIGNED,   /* a field that must be signed is not: see ms_signed_must() */
} ms_auth_fault;

/* Value of an Authorization header. MS_BAD sets `why`, and `about` where the fault has one. */
int ms_authorization_parse(ms_span value, ms_authorization *out, ms_auth_fault *why,
                           ms_span *about);

/* The same for a value that differs from an earlier one only in a signature at its end, as those
 * of one client do for a day: the earlier one's parts are taken over. False if it differs in
 * anything else, or its signature is none: then it must be parsed. */
bool ms_authorization_like(ms_span value, ms_span earlier, const ms_authorization *parts,
                           ms_authorization *out);

/* Rules 5 and 6 of the security model over a head with lower-case names. */
int ms_signed_check(const char *base, const ms_head *head, ms_span signed_headers,
                    ms_auth_fault *why, ms_span *about);

/* Whether a field of this name must be signed: it carries meaning (law 5). */
bool ms_signed_must(ms_span name);

/* Whether `name` is in a list joined by ";". */
bool ms_signed_has(ms_span signed_headers, ms_span name);

/* --- Signatures -------------------------------------------------------------------------------*/

/* The derived key: date, region, service, "aws4_request". */
void ms_sigv4_key(ms_span secret, ms_span date, ms_span region, ms_span service, ms_hmac *out);

/* What is signed besides the headers. `pairs` are those of the query, in the order that
 * ms_query_sort() gives for `encoded`. */
typedef struct {
    ms_span method;
    ms_span path;
    const ms_pair *pairs;
    size_t n_pairs;
    bool encoded; /* path and query in their decode-encode form, else as they stand (SEM-2) */
    ms_span payload;
    ms_span amz_date;
    ms_span scope;
} ms_sigv4_request;

/* Signature over the fields of a received head that `signed_headers` names. */
void ms_sigv4_of_head(const ms_hmac *key, const ms_sigv4_request *request, const char *base,
                      const ms_head *head, ms_span signed_headers, uint8_t out[MS_SHA256_SIZE]);

/* Signature over all of `fields`, sorted by lower-case name. */
void ms_sigv4_of_fields(const ms_hmac *key, const ms_sigv4_request *request,
                        const ms_pair *fields, size_t n, uint8_t out[MS_SHA256_SIZE]);

/* Sorts fields by name; those of one name keep their order. */
void ms_fields_sort(ms_pair *fields, size_t n);

/* Names of sorted fields joined by ";", each once. Returns the end of what was written; `out` has
 * room for all names and as many separators. */
char *ms_fields_names(const ms_pair *fields, size_t n, char *out);

/* Whether `signature` holds over path and query as sent, or over their decode-encode form.
 * `request` comes with unsorted pairs; they are sorted in place. */
bool ms_sigv4_verify(const ms_hmac *key, ms_sigv4_request *request, ms_pair *pairs,
                     const char *base, const ms_head *head, const ms_authorization *authorization);

#endif
