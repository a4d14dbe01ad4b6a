/* Writes heads: the last function before the wire, for requests to backends and for responses.
 * Values must have passed ms_breaks_line(), or come from a scanned head. */
#ifndef MS_RENDER_H
#define MS_RENDER_H

#include "ms_sigv4.h"

/* A credential at work. `token.p` is NULL without a session token. */
typedef struct {
    const ms_hmac *key;
    ms_span credential; /* ACCESS_KEY/DATE/REGION/SERVICE/aws4_request */
    ms_span scope;      /* the same after the access key */
    ms_span token;
    ms_span payload;
    ms_span amz_date;
} ms_signing;

typedef struct {
    ms_span method;
    ms_span target;
    ms_span host;
    const ms_pair *fields; /* sorted by name */
    size_t n_fields;
    int64_t content_length; /* -1: no such field */
    const ms_signing *signing; /* NULL: not signed */
} ms_outbound;

/* Whether the name is signed on its way out (SEM-13). */
bool ms_render_signs(ms_span name);

/* Upper bound of the size of the head. */
size_t ms_render_request_bound(const ms_outbound *request);

/* Writes it. `signed_fields` is scratch for n_fields + 4 pairs, `query` for the pairs of the
 * target's query. Returns the end; NULL if the query has more than `query_cap` pairs. */
char *ms_render_request(const ms_outbound *request, ms_pair *signed_fields, ms_pair *query,
                        size_t query_cap, char *out);

size_t ms_render_response_bound(const ms_pair *fields, size_t n_fields);

/* Status line with the reason of RFC 9110 15, the fields in their order. Returns the end. */
char *ms_render_response(int status, const ms_pair *fields, size_t n_fields, char *out);

#endif
