/* The class table, drawn again from the specifications, and the vector paths against it. */
#include "check.h"
#include "ms_chars.h"

static bool in(const char *set, int c) { return c != 0 && strchr(set, c) != NULL; }

static void test_table(void) {
    for (int c = 0; c < 256; c++) {
        bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z';
        bool alnum = digit || upper || (c >= 'a' && c <= 'z');
        unsigned want = 0;
        if (alnum || in("-._~", c)) want |= MS_C_UNRESERVED;
        if (alnum || in("!#$%&'*+-.^_`|~", c)) want |= MS_C_TOKEN;
        if (c == '\t' || (c >= 0x20 && c != 0x7f)) want |= MS_C_VALUE;
        if (c > 0x20 && c < 0x7f && c != '#') want |= MS_C_TARGET;
        if (digit) want |= MS_C_DIGIT;
        if (upper) want |= MS_C_UPPER;
        if (in(" \t\r\n", c)) want |= MS_C_SPACE;
        if (alnum || in("-._", c) || c >= 0x80) want |= MS_C_NAME;
        CHECK(ms_class[c] == want);
        CHECK(ms_lower((char)c) == (char)(upper ? c + 32 : c));
    }
}

/* Each byte value at each place of runs of up to 40 bytes. */
static void test_finders(void) {
    char run[40];
    for (size_t n = 1; n <= sizeof run; n++)
        for (size_t at = 0; at < n; at++)
            for (int c = 0; c < 256; c++) {
                memset(run, 'a', n);
                run[at] = (char)c;
                ms_span s = guarded((ms_span){run, n});
                const char *end = s.p + n, *hit = s.p + at;
                CHECK(ms_find_control(s.p, end) == (ms_is((char)c, MS_C_VALUE) ? end : hit));
                CHECK(ms_find_non_target(s.p, end) == (ms_is((char)c, MS_C_TARGET) ? end : hit));
                CHECK(ms_find_blank(s.p, end) == (c == ' ' || c == '\t' ? hit : end));
                bool name = ms_is((char)c, MS_C_TOKEN) && c != '_';
                CHECK(ms_find_name_end(s.p, end) == (name ? end : hit));
                CHECK(ms_breaks_line(s) == (c == '\r' || c == '\n' || c == 0));

                char lower[40];
                memcpy(lower, run, n);
                ms_lower_in_place(lower, n);
                for (size_t i = 0; i < n; i++) CHECK(lower[i] == ms_lower(run[i]));
            }
}

static void test_utf8(void) {
    static const char *const good[] = {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                       "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xff",
                                      "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xe2\x82", "a\xc3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(ms_is_utf8(guarded(text_span(good[i]))));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!ms_is_utf8(guarded(text_span(bad[i]))));
}

static void test_trim(void) {
    CHECK_SPAN(ms_trim(MS_LITERAL(" \t a b\t ")), "a b");
    CHECK_SPAN(ms_trim(MS_LITERAL(" \t ")), "");
}

int main(void) {
    test_table();
    test_finders();
    test_utf8();
    test_trim();
    return passed(__FILE__);
}
