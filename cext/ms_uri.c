#include "ms_uri.h"

#include <stdlib.h>

#include "ms_chars.h"

static const char upper_hex[] = "0123456789ABCDEF";

static bool kept(char c, bool slash) { return ms_is(c, MS_C_UNRESERVED) || (slash && c == '/'); }

size_t ms_uri_encoded_size(ms_span s, bool slash) {
    size_t size = s.n;
    for (size_t i = 0; i < s.n; i++) size += kept(s.p[i], slash) ? 0 : 2;
    return size;
}

char *ms_uri_encode(ms_span s, bool slash, char *out) {
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (kept(s.p[i], slash)) {
            *out++ = s.p[i];
        } else {
            *out++ = '%';
            *out++ = upper_hex[c >> 4];
            *out++ = upper_hex[c & 15];
        }
    }
    return out;
}

/* Value of the escape at s.p[i], or -1. */
static int escape(ms_span s, size_t i) {
    if (s.n - i < 3) return -1;
    int high = ms_hex_value(s.p[i + 1]), low = ms_hex_value(s.p[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

int ms_uri_decode(ms_span s, bool plus, char *out, size_t *size) {
    char *p = out;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (MS_UNLIKELY(c == '%')) {
            int value = escape(s, i);
            if (value < 0) return MS_BAD;
            c = (char)value;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        *p++ = c;
    }
    *size = (size_t)(p - out);
    return MS_OK;
}

char ms_uri_next(ms_span s, bool plus, size_t *i) {
    char c = s.p[*i];
    int value = c == '%' ? escape(s, *i) : -1;
    *i += value < 0 ? 1 : 3;
    if (value >= 0) return (char)value;
    return c == '+' && plus ? ' ' : c;
}

/* --- Query ------------------------------------------------------------------------------------*/

int ms_query_split(ms_span query, ms_pair *pairs, size_t cap, size_t *count) {
    const char *p = query.p, *end = query.p + query.n;
    size_t n = 0;
    while (p < end) {
        const char *stop = memchr(p, '&', (size_t)(end - p));
        if (stop == NULL) stop = end;
        if (stop > p) {
            if (n == cap) return MS_BAD;
            const char *equals = memchr(p, '=', (size_t)(stop - p));
            if (equals == NULL) pairs[n].value = (ms_span){stop, 0};
            else pairs[n].value = (ms_span){equals + 1, (size_t)(stop - equals - 1)};
            pairs[n].name = (ms_span){p, (size_t)((equals ? equals : stop) - p)};
            n++;
        }
        p = stop + 1;
    }
    *count = n;
    return MS_OK;
}

/* Order of the encoded forms without writing them down: every escape starts with "%", which sorts
 * below all unreserved characters, and two escapes sort as the bytes they stand for. */
static int compare_encoded(ms_span a, ms_span b) {
    size_t i = 0, j = 0;
    while (i < a.n && j < b.n) {
        char x = ms_uri_next(a, true, &i), y = ms_uri_next(b, true, &j);
        int order = (ms_is(x, MS_C_UNRESERVED) << 8 | (uint8_t)x) -
                    (ms_is(y, MS_C_UNRESERVED) << 8 | (uint8_t)y);
        if (order != 0) return order;
    }
    return (i < a.n) - (j < b.n);
}

static int by_raw(const void *a, const void *b) {
    const ms_pair *x = a, *y = b;
    int order = ms_compare(x->name, y->name);
    return order != 0 ? order : ms_compare(x->value, y->value);
}

static int by_encoded(const void *a, const void *b) {
    const ms_pair *x = a, *y = b;
    int order = compare_encoded(x->name, y->name);
    return order != 0 ? order : compare_encoded(x->value, y->value);
}

void ms_query_sort(ms_pair *pairs, size_t count, bool encoded) {
    int (*compare)(const void *, const void *) = encoded ? by_encoded : by_raw;
    if (count > 16) {
        qsort(pairs, count, sizeof *pairs, compare);
        return;
    }
    /* Few, and mostly sorted already. */
    for (size_t i = 1; i < count; i++) {
        ms_pair pair = pairs[i];
        size_t j = i;
        for (; j > 0 && compare(&pair, &pairs[j - 1]) < 0; j--) pairs[j] = pairs[j - 1];
        pairs[j] = pair;
    }
}
