/* Strict scanner of HTTP/1.1 heads (RFC 9112), requests and responses.
 *
 * Stateless: each call starts at the first byte of a head and answers MS_OK (an ordinary head,
 * `out` filled), MS_MORE, MS_OTHER (legal, filled, but a matter for another parser: chunked
 * requests, HTTP/1.0, absolute-form) or MS_BAD. BAD is said as soon as a whole line rules
 * a good head out; whatever follows cannot change it.
 */
#ifndef MS_HEAD_H
#define MS_HEAD_H

#include "ms_base.h"

/* Bytes of a head: an offset from its first byte, so that a copy of the head has the same refs. */
typedef struct {
    uint32_t at;
    uint32_t n;
} ms_ref;

typedef struct {
    ms_ref name; /* as received; ms_head_lower_names() lower-cases a copy */
    ms_ref value; /* without surrounding blanks */
} ms_field;

/* The methods that S3 knows. Others are BAD: what we cannot authorise we do not read. */
enum { MS_GET, MS_HEAD, MS_PUT, MS_POST, MS_DELETE, MS_OPTIONS, MS_METHODS };

extern const ms_span ms_method_names[MS_METHODS];

typedef struct {
    ms_field *fields; /* the caller's array */
    uint32_t n_fields;
    uint32_t size;   /* bytes of the head, its final empty line and a skipped CRLF included */
    ms_ref target;   /* requests; of an absolute-form, what follows the authority */
    int method;      /* requests: MS_GET ... */
    int status;      /* responses: 100 ... 599 */
    int version;     /* 10 or 11 */
    int64_t content_length; /* -1 without the field */
    bool chunked;    /* Transfer-Encoding is exactly chunked */
    bool keep_alive; /* HTTP/1.1 and no Connection: close */
    bool expect_continue;   /* requests on HTTP/1.1 */
    bool bodyless;   /* responses: there is no body whatever the fields say (RFC 9112 6.3) */
} ms_head;

/* Why a head is BAD. ms_head_reason() has the words. */
typedef enum {
    MS_HEAD_FINE,
    MS_HEAD_TOO_LARGE,
    MS_HEAD_RESPONSE_TOO_LARGE,
    MS_HEAD_TOO_MANY_FIELDS,
    MS_HEAD_TARGET_TOO_LONG,
    MS_HEAD_METHOD,
    MS_HEAD_TARGET,
    MS_HEAD_VERSION,
    MS_HEAD_STATUS,
    MS_HEAD_LINE_END,
    MS_HEAD_NAME,
    MS_HEAD_UNDERSCORE,
    MS_HEAD_FOLD,
    MS_HEAD_CONTROL,
    MS_HEAD_NO_HOST,
    MS_HEAD_HOSTS,
    MS_HEAD_HOST,
    MS_HEAD_OTHER_HOST,
    MS_HEAD_LENGTH,
    MS_HEAD_LENGTHS,
    MS_HEAD_CODING,
    MS_HEAD_LENGTH_AND_CODING,
    MS_HEAD_OLD_CODING,
    MS_HEAD_CONNECTION,
    MS_HEAD_EXPECT,
    MS_HEAD_UNBOUNDED,
    MS_HEAD_REASONS
} ms_head_fault;

/* A few words, safe to show. */
const char *ms_head_reason(ms_head_fault fault);

typedef struct {
    size_t bytes;    /* of the whole head */
    size_t target;   /* of the request target */
    uint32_t fields; /* also the capacity of the caller's array */
} ms_head_caps;

int ms_head_scan_request(ms_span in, const ms_head_caps *caps, ms_field *fields, ms_head *out,
                         ms_head_fault *why);

/* `to_head`: the request was a HEAD. */
int ms_head_scan_response(ms_span in, bool to_head, const ms_head_caps *caps, ms_field *fields,
                          ms_head *out, ms_head_fault *why);

/* Lower-cases the field names in `base`, a copy of the head. */
void ms_head_lower_names(char *base, const ms_head *head);

static inline ms_span ms_ref_span(const char *base, ms_ref ref) {
    return (ms_span){base + ref.at, ref.n};
}

/* Index of the first field after `from` - 1 with this lower-case name, or n_fields. The names of
 * the head must be lower-case. */
static inline uint32_t ms_head_find(const char *base, const ms_head *head, ms_span name,
                                    uint32_t from) {
    uint32_t i = from;
    for (; i < head->n_fields; i++) {
        ms_ref ref = head->fields[i].name;
        if (ref.n == name.n && memcmp(base + ref.at, name.p, name.n) == 0) break;
    }
    return i;
}

#endif
