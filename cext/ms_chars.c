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

void ms_lower_in_place(char *p, size_t n) {
    for (size_t i = 0; i < n; i++) p[i] = ms_lower(p[i]);
}

bool ms_all(ms_span s, unsigned classes) {
    for (size_t i = 0; i < s.n; i++)
        if (!ms_is(s.p[i], classes)) return false;
    return s.n > 0;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

const char *ms_find_control(const char *p, const char *end) {
    /* Fast path: eight bytes at once. The sign bit of each byte is set where it is below 0x20
     * or equals 0x7f; a borrow can only spoil bytes after the first hit. */
    while (end - p >= 8) {
        uint64_t w, del;
        memcpy(&w, p, 8);
        del = w ^ EACH(0x7f);
        uint64_t hit = (((w - EACH(0x20)) & ~w) | ((del - EACH(0x01)) & ~del)) & EACH(0x80);
        /* w ^ 0x7f has the sign bit of w, so obs-text (>= 0x80) never counts. */
        if (hit == 0) {
            p += 8;
            continue;
        }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        p += __builtin_ctzll(hit) >> 3;
#endif
        break;
    }
    while (p < end && ms_is(*p, MS_C_VALUE)) p++;
    return p;
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
