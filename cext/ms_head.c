#include "ms_head.h"

#include "ms_chars.h"

const ms_span ms_method_names[MS_METHODS] = {
    {"GET", 3}, {"HEAD", 4}, {"PUT", 3}, {"POST", 4}, {"DELETE", 6}, {"OPTIONS", 7},
};

static const char *const reasons[MS_HEAD_REASONS] = {
    [MS_HEAD_FINE] = "",
    [MS_HEAD_TOO_LARGE] = "request head too large",
    [MS_HEAD_RESPONSE_TOO_LARGE] = "response head too large",
    [MS_HEAD_TOO_MANY_FIELDS] = "too many header fields",
    [MS_HEAD_TARGET_TOO_LONG] = "request target too long",
    [MS_HEAD_METHOD] = "unknown method",
    [MS_HEAD_TARGET] = "malformed request target",
    [MS_HEAD_VERSION] = "unsupported HTTP version",
    [MS_HEAD_STATUS] = "malformed status line",
    [MS_HEAD_LINE_END] = "malformed line end",
    [MS_HEAD_NAME] = "malformed header name",
    [MS_HEAD_UNDERSCORE] = "underscore in header name",
    [MS_HEAD_FOLD] = "folded header line",
    [MS_HEAD_CONTROL] = "control character in header value",
    [MS_HEAD_NO_HOST] = "missing Host",
    [MS_HEAD_HOSTS] = "repeated Host",
    [MS_HEAD_HOST] = "malformed Host",
    [MS_HEAD_OTHER_HOST] = "Host differs from the request target",
    [MS_HEAD_LENGTH] = "malformed Content-Length",
    [MS_HEAD_LENGTHS] = "repeated Content-Length",
    [MS_HEAD_CODING] = "unsupported Transfer-Encoding",
    [MS_HEAD_LENGTH_AND_CODING] = "both Content-Length and Transfer-Encoding",
    [MS_HEAD_OLD_CODING] = "Transfer-Encoding in HTTP/1.0",
    [MS_HEAD_CONNECTION] = "unsupported Connection option",
    [MS_HEAD_EXPECT] = "unsupported Expect",
    [MS_HEAD_UNBOUNDED] = "body without a length",
};

const char *ms_head_reason(ms_head_fault fault) { return reasons[fault]; }

/* --- The cursor -------------------------------------------------------------------------------*/

typedef struct {
    const char *start; /* of the head: what refs count from */
    const char *line;  /* the line that is being read */
    const char *p;     /* next byte */
    const char *end;   /* of what may be read: the input, cut at the cap */
    ms_head_fault why;
    ms_head_fault framing; /* first fault of a framing field: one for the whole head to answer */
} cursor;

static int bad(cursor *c, ms_head_fault why) {
    c->why = why;
    return MS_BAD;
}

static ms_ref ref_to(const cursor *c, ms_span s) {
    return (ms_ref){(uint32_t)(s.p - c->start), (uint32_t)s.n};
}

/* Reads CRLF and nothing else. */
static int line_end(cursor *c, ms_head_fault otherwise) {
    if (c->p == c->end) return MS_MORE;
    if (*c->p != '\r') return bad(c, *c->p == '\n' ? MS_HEAD_LINE_END : otherwise);
    if (c->end - c->p < 2) return MS_MORE;
    if (c->p[1] != '\n') return bad(c, MS_HEAD_LINE_END);
    c->p += 2;
    return MS_OK;
}

/* Reads `literal`; a proper prefix of it at the end of the input is MORE. */
static int literal(cursor *c, ms_span text, ms_head_fault otherwise) {
    size_t left = (size_t)(c->end - c->p);
    size_t n = left < text.n ? left : text.n;
    if (memcmp(c->p, text.p, n) != 0) return bad(c, otherwise);
    if (n < text.n) return MS_MORE;
    c->p += n;
    return MS_OK;
}

/* "HTTP/1.1" or "HTTP/1.0". */
static int version(cursor *c, int *out) {
    if (MS_LIKELY(c->end - c->p >= 8 && memcmp(c->p, "HTTP/1.1", 8) == 0)) {
        c->p += 8;
        *out = 11;
        return MS_OK;
    }
    int result = literal(c, MS_LITERAL("HTTP/1."), MS_HEAD_VERSION);
    if (result != MS_OK) return result;
    if (c->p == c->end) return MS_MORE;
    if (*c->p != '0' && *c->p != '1') return bad(c, MS_HEAD_VERSION);
    *out = 10 + (*c->p++ - '0');
    return MS_OK;
}

/* --- Fields -----------------------------------------------------------------------------------*/

/* What the framing fields say, gathered while they pass. */
typedef struct {
    bool request;
    ms_ref host;
    unsigned hosts;
    unsigned codings;
    bool close;
    bool expect;
} framing;

/* Content-Length: plain digits, no leading zero, below 2^63 (RFC 9110 8.6, and stricter). */
static int content_length(cursor *c, ms_span value, ms_head *out) {
    if (out->content_length >= 0) return bad(c, MS_HEAD_LENGTHS);
    if (value.n == 0 || value.n > 19 || (value.n > 1 && *value.p == '0'))
        return bad(c, MS_HEAD_LENGTH);
    uint64_t n = 0; /* 19 digits fit */
    for (size_t i = 0; i < value.n; i++) {
        if (!ms_is(value.p[i], MS_C_DIGIT)) return bad(c, MS_HEAD_LENGTH);
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (n > INT64_MAX) return bad(c, MS_HEAD_LENGTH);
    out->content_length = (int64_t)n;
    return MS_OK;
}

/* Connection = #token (RFC 9110 7.6.1). A request may not name a field here that carries meaning:
 * a proxy in front would be told to drop it (security model, hop-by-hop abuse). */
static int connection(cursor *c, ms_span value, framing *f) {
    while (value.n > 0) {
        const char *comma = memchr(value.p, ',', value.n);
        size_t n = comma != NULL ? (size_t)(comma - value.p) : value.n;
        ms_span option = ms_trim((ms_span){value.p, n});
        if (ms_equal_lower(option, MS_LITERAL("close")))
            f->close = true;
        else if (f->request && option.n > 0 && !ms_equal_lower(option, MS_LITERAL("keep-alive")) &&
                 !ms_equal_lower(option, MS_LITERAL("te")) &&
                 !ms_equal_lower(option, MS_LITERAL("upgrade")) &&
                 !ms_equal_lower(option, MS_LITERAL("http2-settings")))
            return bad(c, MS_HEAD_CONNECTION);
        n += comma != NULL;
        value.p += n;
        value.n -= n;
    }
    return MS_OK;
}

/* Host = uri-host [ ":" port ] (RFC 9110 7.2): a name or an address, without user, list, escape. */
static bool is_host(ms_span host) {
    const char *p = host.p, *end = host.p + host.n;
    if (p < end && *p == '[') {
        const char *from = ++p;
        while (p < end && (ms_hex_value(*p) >= 0 || *p == ':' || *p == '.')) p++;
        if (p == from || p == end || *p++ != ']') return false;
    } else {
        while (p < end && ms_is(*p, MS_C_UNRESERVED)) p++;
        if (p == host.p) return false;
    }
    if (p == end) return true;
    return *p == ':' && end - p <= 6 && ms_all((ms_span){p + 1, (size_t)(end - p - 1)}, MS_C_DIGIT);
}

/* Lengths of the names that note() looks for. */
#define FRAMING_LENGTHS (1u << 4 | 1u << 6 | 1u << 10 | 1u << 14 | 1u << 17)

/* Looks at the few fields that frame the message. */
static int note(cursor *c, ms_span name, ms_span value, framing *f, ms_head *out) {
    switch (name.n) {
    case 4:
        if (f->request && ms_equal_lower(name, MS_LITERAL("host"))) {
            if (++f->hosts > 1) return bad(c, MS_HEAD_HOSTS);
            if (!is_host(value)) return bad(c, MS_HEAD_HOST);
            f->host = ref_to(c, value);
        }
        return MS_OK;
    case 6:
        if (f->request && ms_equal_lower(name, MS_LITERAL("expect"))) {
            if (!ms_equal_lower(value, MS_LITERAL("100-continue"))) return bad(c, MS_HEAD_EXPECT);
            f->expect = true;
        }
        return MS_OK;
    case 10:
        return ms_equal_lower(name, MS_LITERAL("connection")) ? connection(c, value, f) : MS_OK;
    case 14:
        return ms_equal_lower(name, MS_LITERAL("content-length")) ? content_length(c, value, out)
                                                                  : MS_OK;
    case 17:
        if (ms_equal_lower(name, MS_LITERAL("transfer-encoding"))) {
            if (++f->codings > 1 || !ms_equal(value, MS_LITERAL("chunked")))
                return bad(c, MS_HEAD_CODING);
            out->chunked = true;
        }
        return MS_OK;
    default:
        return MS_OK;
    }
}

/* field-line = field-name ":" OWS field-value OWS CRLF */
static int field(cursor *c, framing *f, ms_field *to, ms_head *out) {
    ms_span name = {c->p, 0}, value;
    c->p = ms_find_name_end(c->p, c->end);
    if (MS_UNLIKELY(c->p < c->end && *c->p == '_')) {
        ms_span meta = MS_LITERAL("x-amz-meta-");
        if (f->request && ((size_t)(c->p - name.p) < meta.n ||
                           !ms_equal_lower((ms_span){name.p, meta.n}, meta)))
            return bad(c, MS_HEAD_UNDERSCORE); /* SEM-8 */
        while (c->p < c->end && *c->p == '_') c->p = ms_find_name_end(c->p + 1, c->end);
    }
    name.n = (size_t)(c->p - name.p);
    if (c->p == c->end) return MS_MORE;
    if (MS_UNLIKELY(*c->p != ':' || name.n == 0))
        return bad(c, name.n == 0 && (*c->p == ' ' || *c->p == '\t') ? MS_HEAD_FOLD : MS_HEAD_NAME);
    c->p++;
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t')) c->p++;
    value.p = c->p;
    c->p = ms_find_control(c->p, c->end);
    value.n = (size_t)(c->p - value.p);
    int result = line_end(c, MS_HEAD_CONTROL);
    if (MS_UNLIKELY(result != MS_OK)) return result;
    while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t')) value.n--;
    to->name = ref_to(c, name);
    to->value = ref_to(c, value);
    if (name.n < 18 && (FRAMING_LENGTHS >> name.n & 1) && note(c, name, value, f, out) != MS_OK &&
        c->framing == MS_HEAD_FINE)
        c->framing = c->why;
    return MS_OK;
}

/* Every field, and the empty line after them. */
static int fields_until_end(cursor *c, uint32_t cap, framing *f, ms_head *out) {
    for (;;) {
        c->line = c->p;
        if (c->p == c->end) return MS_MORE;
        if (*c->p == '\r' || *c->p == '\n') break;
        if (MS_UNLIKELY(out->n_fields == cap)) return bad(c, MS_HEAD_TOO_MANY_FIELDS);
        int result = field(c, f, &out->fields[out->n_fields], out);
        if (MS_UNLIKELY(result != MS_OK)) return result;
        out->n_fields++;
    }
    int result = line_end(c, MS_HEAD_LINE_END);
    if (result != MS_OK) return result;
    if (MS_UNLIKELY(c->framing != MS_HEAD_FINE)) return bad(c, c->framing);
    out->size = (uint32_t)(c->p - c->start);
    out->keep_alive = out->version == 11 && !f->close;
    if (out->chunked && out->content_length >= 0) return bad(c, MS_HEAD_LENGTH_AND_CODING);
    if (out->chunked && out->version == 10) return bad(c, MS_HEAD_OLD_CODING);
    return MS_OK;
}

static cursor cursor_over(ms_span in, const ms_head_caps *caps, ms_field *fields, ms_head *out) {
    size_t cap = caps->bytes < UINT32_MAX ? caps->bytes : UINT32_MAX;
    *out = (ms_head){.fields = fields, .content_length = -1};
    return (cursor){in.p, in.p, in.p, in.p + (in.n < cap ? in.n : cap), MS_HEAD_FINE,
                    MS_HEAD_FINE};
}

/* The result for the caller. A line is judged when its end has come, so that the verdict on the
 * start of a head is the same for every parser that reads whole lines. A head that does not fit
 * into the cap will never be whole. */
static int finish(cursor *c, int result, const ms_head_caps *caps, ms_head_fault too_large,
                  ms_head_fault *why) {
    if (result == MS_BAD && memchr(c->line, '\n', (size_t)(c->end - c->line)) == NULL)
        result = MS_MORE;
    if (result == MS_MORE && (size_t)(c->end - c->start) >= caps->bytes)
        result = bad(c, too_large);
    *why = result == MS_BAD ? c->why : MS_HEAD_FINE;
    return result;
}

/* --- Requests ---------------------------------------------------------------------------------*/

static int method(cursor *c, int *out) {
    size_t left = (size_t)(c->end - c->p);
    if (MS_LIKELY(left >= 4 && memcmp(c->p, "GET ", 4) == 0)) {
        c->p += 4;
        *out = MS_GET;
        return MS_OK;
    }
    for (int i = 0; i < MS_METHODS; i++) {
        ms_span name = ms_method_names[i];
        if (left > name.n) {
            if (memcmp(c->p, name.p, name.n) != 0 || c->p[name.n] != ' ') continue;
            c->p += name.n + 1;
            *out = i;
            return MS_OK;
        }
        if (memcmp(c->p, name.p, left) == 0) return MS_MORE;
    }
    return bad(c, MS_HEAD_METHOD);
}

/* "http://authority" of an absolute-form target; the span is empty for the origin-form. */
static int authority(cursor *c, ms_span *out) {
    *out = (ms_span){c->p, 0};
    if (c->p == c->end) return MS_MORE;
    if (MS_LIKELY(*c->p == '/')) return MS_OK;
    static const ms_span schemes[] = {{"http://", 7}, {"https://", 8}};
    size_t left = (size_t)(c->end - c->p);
    for (size_t i = 0; i < 2; i++) {
        size_t n = left < schemes[i].n ? left : schemes[i].n;
        if (!ms_equal_lower((ms_span){c->p, n}, (ms_span){schemes[i].p, n})) continue;
        if (n < schemes[i].n) return MS_MORE;
        const char *p = c->p + n;
        out->p = p;
        while (p < c->end && *p != '/' && *p != '?' && ms_is(*p, MS_C_TARGET)) p++;
        if (p == c->end) return MS_MORE;
        out->n = (size_t)(p - out->p);
        return out->n > 0 ? MS_OK : bad(c, MS_HEAD_TARGET);
    }
    return bad(c, MS_HEAD_TARGET);
}

/* request-line = method SP request-target SP HTTP-version CRLF */
static int request_line(cursor *c, size_t target_cap, ms_span *host, ms_head *out) {
    c->line = c->p;
    int result = method(c, &out->method);
    if (result != MS_OK) return result;
    ms_span target = {c->p, 0};
    const char *limit = (size_t)(c->end - c->p) > target_cap ? c->p + target_cap : c->end;
    result = authority(c, host);
    if (result == MS_BAD) return result;
    c->p = ms_find_non_target(c->p, limit);
    if (c->p == limit && limit < c->end && ms_is(*c->p, MS_C_TARGET))
        return bad(c, MS_HEAD_TARGET_TOO_LONG);
    if (c->p == c->end) return MS_MORE;
    target.n = (size_t)(c->p - target.p);
    if (*c->p != ' ' || target.n == 0) return bad(c, MS_HEAD_TARGET);
    if (host->n > 0) target = (ms_span){host->p + host->n, (size_t)(c->p - host->p) - host->n};
    out->target = ref_to(c, target);
    c->p++;
    result = version(c, &out->version);
    return result == MS_OK ? line_end(c, MS_HEAD_VERSION) : result;
}

/* What only a whole head can show. */
static int request_checks(cursor *c, const framing *f, ms_span authority_host, ms_head *out) {
    if (f->hosts == 0) return bad(c, MS_HEAD_NO_HOST);
    if (authority_host.n > 0) { /* absolute-form: its authority is the Host (RFC 9112 3.2.2) */
        ms_span host = ms_ref_span(c->start, f->host);
        if (!ms_equal_caseless(host, authority_host)) return bad(c, MS_HEAD_OTHER_HOST);
    }
    out->expect_continue = f->expect && out->version == 11;
    return out->chunked || out->version == 10 || authority_host.n > 0 ? MS_OTHER : MS_OK;
}

int ms_head_scan_request(ms_span in, const ms_head_caps *caps, ms_field *fields, ms_head *out,
                         ms_head_fault *why) {
    cursor c = cursor_over(in, caps, fields, out);
    framing f = {.request = true};
    ms_span host = {NULL, 0};
    int result = MS_OK;
    /* One empty line before the request line is ignored (RFC 9112 2.2). */
    if (c.p < c.end && *c.p == '\r') result = line_end(&c, MS_HEAD_LINE_END);
    if (result == MS_OK) result = request_line(&c, caps->target, &host, out);
    if (result == MS_OK) result = fields_until_end(&c, caps->fields, &f, out);
    if (result == MS_OK) result = request_checks(&c, &f, host, out);
    return finish(&c, result, caps, MS_HEAD_TOO_LARGE, why);
}

/* --- Responses --------------------------------------------------------------------------------*/

/* status-line = HTTP-version SP status-code [ SP [ reason-phrase ] ] CRLF */
static int status_line(cursor *c, ms_head *out) {
    int result = version(c, &out->version);
    if (result != MS_OK) return result;
    result = literal(c, MS_LITERAL(" "), MS_HEAD_STATUS);
    if (result != MS_OK) return result;
    for (int i = 0; i < 3; i++, c->p++) {
        if (c->p == c->end) return MS_MORE;
        if (!ms_is(*c->p, MS_C_DIGIT)) return bad(c, MS_HEAD_STATUS);
        out->status = out->status * 10 + (*c->p - '0');
        if (i == 0 && (*c->p == '0' || *c->p > '5')) return bad(c, MS_HEAD_STATUS);
    }
    if (c->p < c->end && *c->p == ' ') c->p = ms_find_control(c->p, c->end);
    return line_end(c, MS_HEAD_STATUS);
}

int ms_head_scan_response(ms_span in, bool to_head, const ms_head_caps *caps, ms_field *fields,
                          ms_head *out, ms_head_fault *why) {
    cursor c = cursor_over(in, caps, fields, out);
    framing f = {.request = false};
    int result = status_line(&c, out);
    if (result == MS_OK) result = fields_until_end(&c, caps->fields, &f, out);
    if (result == MS_OK) {
        out->bodyless =
            to_head || out->status < 200 || out->status == 204 || out->status == 304;
        if (!out->bodyless && !out->chunked && out->content_length < 0)
            result = bad(&c, MS_HEAD_UNBOUNDED);
    }
    return finish(&c, result, caps, MS_HEAD_RESPONSE_TOO_LARGE, why);
}

void ms_head_lower_names(char *base, const ms_head *head) {
    for (uint32_t i = 0; i < head->n_fields; i++)
        ms_lower_in_place(base + head->fields[i].name.at, head->fields[i].name.n);
}
