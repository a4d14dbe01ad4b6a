/* One table that says what each byte may be. */
#ifndef MS_CHARS_H
#define MS_CHARS_H

#include "ms_base.h"

enum {
    MS_C_UNRESERVED = 1, /* A-Z a-z 0-9 - . _ ~     RFC 3986 2.3 */
    MS_C_TOKEN = 2,      /* tchar                   RFC 9110 5.6.2 */
    MS_C_VALUE = 4,      /* HTAB SP VCHAR obs-text  RFC 9110 5.5 */
    MS_C_TARGET = 8,     /* VCHAR but #             RFC 9112 3.2, and what clients send raw */
    MS_C_DIGIT = 16,     /* 0-9 */
    MS_C_UPPER = 32,     /* A-Z */
    MS_C_SPACE = 64,     /* SP HTAB CR LF           XML 1.0 2.3 */
    MS_C_NAME = 128,     /* A-Z a-z 0-9 - . _ and non-ASCII: bytes of an XML name */
};

extern const uint8_t ms_class[256];

static inline bool ms_is(char c, unsigned classes) {
    return (ms_class[(uint8_t)c] & classes) != 0;
}

static inline char ms_lower(char c) {
    return (char)(c | (ms_class[(uint8_t)c] & MS_C_UPPER)); /* MS_C_UPPER is the case bit itself */
}

/* Value of a hex digit in either case, -1 for any other byte. */
static inline int ms_hex_value(char c) {
    if (ms_is(c, MS_C_DIGIT)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether `s` equals `lower`, a lower-case string, but for case. */
bool ms_equal_lower(ms_span s, ms_span lower);

/* Whether both are equal but for case. */
bool ms_equal_caseless(ms_span a, ms_span b);

/* Lower-cases in place. */
void ms_lower_in_place(char *p, size_t n);

/* Whether s is not empty and every byte belongs to one of the classes. */
bool ms_all(ms_span s, unsigned classes);

/* First byte that no field value can hold (control characters but HTAB, DEL), or end. */
const char *ms_find_control(const char *p, const char *end);

/* First byte that no request target can hold, or end. */
const char *ms_find_non_target(const char *p, const char *end);

/* First SP or HTAB, or end. */
const char *ms_find_blank(const char *p, const char *end);

/* First byte that no token can hold, or "_" (which field names hold only where SEM-8 lets them),
 * or end. */
const char *ms_find_name_end(const char *p, const char *end);

/* Whether s would end its line or its string early: CR, LF or NUL (DESIGN law 4). */
bool ms_breaks_line(ms_span s);

/* s without leading and trailing SP and HTAB (OWS, RFC 9110 5.6.3). */
ms_span ms_trim(ms_span s);

/* Whether s is well-formed UTF-8 (Unicode 15, table 3-7). */
bool ms_is_utf8(ms_span s);

#endif
