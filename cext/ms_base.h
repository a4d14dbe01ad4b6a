/* Words that every file here shares: spans, results, hints.
 *
 * Conventions of the library:
 *  - input is (pointer, length) and never ends in a NUL by contract; nothing is read past it;
 *  - results are spans into the caller's memory; nothing is allocated;
 *  - every cap is an argument; state that outlives a call lives in a struct of the caller;
 *  - a function that can fail returns one of the codes below.
 */
#ifndef MS_BASE_H
#define MS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes. */
typedef struct {
    const char *p;
    size_t n;
} ms_span;

/* A name and its value: a header field, a query parameter. */
typedef struct {
    ms_span name;
    ms_span value;
} ms_pair;

enum {
    MS_OK = 0,    /* done: the output is filled */
    MS_MORE = 1,  /* so far so good, but the input ends too early */
    MS_OTHER = 2, /* legal, but not for this parser */
    MS_BAD = 3,   /* final: no continuation can make it good */
};

#define MS_LIKELY(x) __builtin_expect(!!(x), 1)
#define MS_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A span over a string literal. */
#define MS_LITERAL(s) ((ms_span){(s), sizeof(s) - 1})

static inline bool ms_equal(ms_span a, ms_span b) {
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static inline bool ms_starts_with(ms_span s, ms_span prefix) {
    return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

/* Byte order, a shorter prefix first. */
static inline int ms_compare(ms_span a, ms_span b) {
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

#endif
