#include "ms_render.h"

#include "ms_target.h"
#include "ms_uri.h"

static char *put(char *out, ms_span s) {
    memcpy(out, s.p, s.n);
    return out + s.n;
}

#define PUT(out, text) put((out), MS_LITERAL(text))

static char *put_field(char *out, ms_span name, ms_span value) {
    out = put(out, name);
    *out++ = ':';
    *out++ = ' ';
    out = put(out, value);
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

/* Digits of a number that is not negative. */
static char *put_number(char *out, int64_t number) {
    char digits[20];
    size_t n = sizeof digits;
    do digits[--n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return put(out, (ms_span){digits + n, sizeof digits - n});
}

static size_t bound_of(const ms_pair *fields, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++) size += fields[i].name.n + fields[i].value.n + 4;
    return size;
}

/* --- Requests ---------------------------------------------------------------------------------*/

static const ms_span signature_header = {"authorization: AWS4-HMAC-SHA256 Credential=", 43};

bool ms_render_signs(ms_span name) {
    return ms_starts_with(name, MS_LITERAL("x-amz-")) || ms_starts_with(name, MS_LITERAL("if-")) ||
           ms_equal(name, MS_LITERAL("host")) || ms_equal(name, MS_LITERAL("content-md5")) ||
           ms_equal(name, MS_LITERAL("content-type"));
}

size_t ms_render_request_bound(const ms_outbound *request) {
    /* 256: what is not counted below, the fixed texts and a number of 19 digits. */
    size_t size = 256 + request->method.n + request->target.n + request->host.n +
                  bound_of(request->fields, request->n_fields);
    if (request->signing != NULL) {
        const ms_signing *s = request->signing;
        size += 256 + s->amz_date.n + s->payload.n + s->token.n + s->credential.n;
        for (size_t i = 0; i < request->n_fields; i++) size += request->fields[i].name.n + 1;
    }
    return size;
}

/* The fields that sign themselves, after the others. */
static char *sign(const ms_outbound *request, ms_pair *signed_fields, ms_pair *query,
                  size_t query_cap, char *out) {
    const ms_signing *signing = request->signing;
    ms_pair date = {MS_LITERAL("x-amz-date"), signing->amz_date};
    ms_pair payload = {MS_LITERAL("x-amz-content-sha256"), signing->payload};
    ms_pair token = {MS_LITERAL("x-amz-security-token"), signing->token};
    out = put_field(out, date.name, date.value);
    out = put_field(out, payload.name, payload.value);
    if (token.value.p != NULL) out = put_field(out, token.name, token.value);

    size_t n = 0;
    signed_fields[n++] = (ms_pair){MS_LITERAL("host"), request->host};
    for (size_t i = 0; i < request->n_fields; i++)
        if (ms_render_signs(request->fields[i].name)) signed_fields[n++] = request->fields[i];
    signed_fields[n++] = payload;
    signed_fields[n++] = date;
    if (token.value.p != NULL) signed_fields[n++] = token;
    ms_fields_sort(signed_fields, n);

    ms_sigv4_request what = {.method = request->method,
                             .pairs = query,
                             .payload = signing->payload,
                             .amz_date = signing->amz_date,
                             .scope = signing->scope};
    ms_span raw_query;
    ms_target_cut(request->target, &what.path, &raw_query);
    if (ms_query_split(raw_query, query, query_cap, &what.n_pairs) != MS_OK) return NULL;
    ms_query_sort(query, what.n_pairs, false);
    uint8_t mac[MS_SHA256_SIZE];
    ms_sigv4_of_fields(signing->key, &what, signed_fields, n, mac);

    out = put(out, signature_header);
    out = put(out, signing->credential);
    out = PUT(out, ", SignedHeaders=");
    out = ms_fields_names(signed_fields, n, out);
    out = PUT(out, ", Signature=");
    ms_sha256_hex(mac, out);
    return PUT(out + MS_SHA256_HEX, "\r\n");
}

char *ms_render_request(const ms_outbound *request, ms_pair *signed_fields, ms_pair *query,
                        size_t query_cap, char *out) {
    out = put(out, request->method);
    *out++ = ' ';
    out = put(out, request->target);
    out = PUT(out, " HTTP/1.1\r\n");
    out = put_field(out, MS_LITERAL("host"), request->host);
    for (size_t i = 0; i < request->n_fields; i++)
        out = put_field(out, request->fields[i].name, request->fields[i].value);
    if (request->content_length >= 0) {
        out = PUT(out, "content-length: ");
        out = put_number(out, request->content_length);
        out = PUT(out, "\r\n");
    }
    if (request->signing != NULL) out = sign(request, signed_fields, query, query_cap, out);
    return out != NULL ? PUT(out, "\r\n") : NULL;
}

/* --- Responses --------------------------------------------------------------------------------*/

/* RFC 9110 15; 429: RFC 6585 4. */
static const char *const reasons[600] = {
    [100] = "Continue",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [429] = "Too Many Requests",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
};

size_t ms_render_response_bound(const ms_pair *fields, size_t n_fields) {
    return 64 + bound_of(fields, n_fields); /* the longest reason has 29 bytes */
}

char *ms_render_response(int status, const ms_pair *fields, size_t n_fields, char *out) {
    out = PUT(out, "HTTP/1.1 ");
    out = put_number(out, status);
    *out++ = ' ';
    if (status >= 100 && status < 600 && reasons[status] != NULL)
        out = put(out, (ms_span){reasons[status], strlen(reasons[status])});
    out = PUT(out, "\r\n");
    for (size_t i = 0; i < n_fields; i++) out = put_field(out, fields[i].name, fields[i].value);
    return PUT(out, "\r\n");
}
