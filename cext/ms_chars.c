#include "ms_chars.h"

/* Bits as in ms_chars.h; sixteen bytes a line, the first one in the comment.
 * tests/test_chars.c draws the table again from the specifications and compares. */
const uint8_t ms_class[256] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x44, 0x40, 0x00, 0x00, 0x40, 0x00, 0x00, /* 00 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 10 */
    0x44, 0x0e, 0x0c, 0x06, 0x0e, 0x0e, 0x0e, 0x0e, 0x0c, 0x0c, 0x0e, 0x0e, 0x0c, 0x8f, 0x8f, 0x0c, /* 20 */
    0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, 0x0c, /* 30 */
    0x0c, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, /* 40 */
    0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0xaf, 0x0c, 0x0c, 0x0c, 0x0e, 0x8f, /* 50 */
    0x0e, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, /* 60 */
    0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x0c, 0x0e, 0x0c, 0x0f, 0x00, /* 70 */
    [128 ... 255] = MS_C_VALUE | MS_C_NAME,
};

bool ms_equal_lower(ms_span s, ms_span lower) {
    if (s.n != lower.n) return false;
    for (size_t i = 0; i < s.n; i++)
        if (ms_lower(s.p[i]) != lower.p[i]) return false;
    return true;
}

bool ms_equal_caseless(ms_span a, ms_span b) {
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (ms_lower(a.p[i]) != ms_lower(b.p[i])) return false;
    return true;
}

/* Eight ASCII letters at once: the sign bit of `upper` marks A-Z, two places above the case bit. */
static void lower_eight(char *p) {
    uint64_t w, each = UINT64_C(0x0101010101010101);
    memcpy(&w, p, 8);
    uint64_t low = w & each * 0x7f; /* so that no addition carries into the next byte */
    uint64_t upper = (low + each * (0x80 - 'A')) & ~(low + each * (0x7f - 'Z')) & ~w & each * 0x80;
    w |= upper >> 2;
    memcpy(p, &w, 8);
}

void ms_lower_in_place(char *p, size_t n) {
    if (n < 8) {
        for (size_t i = 0; i < n; i++) p[i] = ms_lower(p[i]);
        return;
    }
    for (size_t i = 0; i + 8 < n; i += 8) lower_eight(p + i);
    lower_eight(p + n - 8); /* may overlap what is lower-case already */
}

bool ms_all(ms_span s, unsigned classes) {
    for (size_t i = 0; i < s.n; i++)
        if (!ms_is(s.p[i], classes)) return false;
    return s.n > 0;
}

/* --- Finding the first byte that does not belong ----------------------------------------------
 * Fast path: sixteen bytes at once with SSE2, which every x86-64 has; hit() answers one bit a
 * byte. The table decides about what the vector stopped at, about the last bytes of the input
 * (nothing is read past `end`), and about everything on other machines. */

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i each(int byte) { return _mm_set1_epi8((char)byte); }

/* Unsigned comparisons, which SSE2 has only as minimum and maximum. */
static inline __m128i at_most(__m128i x, int byte) {
    return _mm_cmpeq_epi8(_mm_min_epu8(x, each(byte)), x);
}

static inline __m128i at_least(__m128i x, int byte) {
    return _mm_cmpeq_epi8(_mm_max_epu8(x, each(byte)), x);
}

static inline __m128i is_control(__m128i x) {
    return _mm_or_si128(at_most(x, 0x1f), _mm_cmpeq_epi8(x, each(0x7f)));
}

static inline __m128i is_not_target(__m128i x) {
    return _mm_or_si128(_mm_or_si128(at_most(x, 0x20), at_least(x, 0x7f)),
                        _mm_cmpeq_epi8(x, each('#')));
}

static inline __m128i is_blank(__m128i x) {
    return _mm_or_si128(_mm_cmpeq_epi8(x, each(' ')), _mm_cmpeq_epi8(x, each('\t')));
}

/* Neither letter, digit nor "-": the few other token characters take the table's way. */
static inline __m128i is_not_plain(__m128i x) {
    __m128i letter = at_most(_mm_sub_epi8(_mm_or_si128(x, each(0x20)), each('a')), 25);
    __m128i digit = at_most(_mm_sub_epi8(x, each('0')), 9);
    __m128i plain = _mm_or_si128(_mm_or_si128(letter, digit), _mm_cmpeq_epi8(x, each('-')));
    return _mm_cmpeq_epi8(plain, _mm_setzero_si128());
}

/* The last sixteen overlap what has passed already. */
#define SKIP_FAST(p, end, hit)                                                                    \
    for (ptrdiff_t left = (end) - (p), step; left >= 16; (p) += step, left -= step) {             \
        int bits = _mm_movemask_epi8(hit(_mm_loadu_si128((const __m128i *)(const void *)(p))));   \
        if (bits != 0) {                                                                          \
            (p) += __builtin_ctz((unsigned)bits);                                                 \
            break;                                                                                \
        }                                                                                         \
        step = left >= 32 || left == 16 ? 16 : left - 16;                                         \
    }
#else
#define SKIP_FAST(p, end, hit)
#endif

const char *ms_find_control(const char *p, const char *end) {
    for (;;) {
        SKIP_FAST(p, end, is_control)
        while (p < end && ms_is(*p, MS_C_VALUE) && *p != '\t') p++;
        if (MS_LIKELY(p == end || *p != '\t')) return p;
        p++;
    }
}

const char *ms_find_non_target(const char *p, const char *end) {
    SKIP_FAST(p, end, is_not_target)
    while (p < end && ms_is(*p, MS_C_TARGET)) p++;
    return p;
}

const char *ms_find_blank(const char *p, const char *end) {
    SKIP_FAST(p, end, is_blank)
    while (p < end && *p != ' ' && *p != '\t') p++;
    return p;
}

const char *ms_find_name_end(const char *p, const char *end) {
    SKIP_FAST(p, end, is_not_plain)
    while (p < end && ms_is(*p, MS_C_TOKEN) && *p != '_') p++;
    return p;
}

bool ms_breaks_line(ms_span s) {
    const char *p = s.p, *end = s.p + s.n;
    while ((p = ms_find_control(p, end)) < end) {
        if (*p == '\r' || *p == '\n' || *p == '\0') return true;
        p++;
    }
    return false;
}

ms_span ms_trim(ms_span s) {
    while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) s.p++, s.n--;
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

bool ms_is_utf8(ms_span s) {
    const uint8_t *p = (const uint8_t *)s.p, *end = p + s.n;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        /* Length and the bounds of the second byte: no overlong forms, surrogates, > U+10FFFF. */
        uint8_t lead = *p, low = 0x80, high = 0xbf;
        ptrdiff_t more;
        if (lead >= 0xc2 && lead <= 0xdf) more = 1;
        else if (lead >= 0xe0 && lead <= 0xef) {
            more = 2;
            if (lead == 0xe0) low = 0xa0;
            if (lead == 0xed) high = 0x9f;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            more = 3;
            if (lead == 0xf0) low = 0x90;
            if (lead == 0xf4) high = 0x8f;
        } else return false;
        if (end - p <= more || p[1] < low || p[1] > high) return false;
        for (ptrdiff_t i = 2; i <= more; i++)
            if ((p[i] & 0xc0) != 0x80) return false;
        p += more + 1;
    }
    return true;
}
